package view

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/conduit"
	"github.com/skanse/skanse/internal/store"
)

// Crossings gives what was observed between the zones of a site, for package conduit.
// Groups (multicast and broadcast) stand in no zone and cross none.
func Crossings(ctx context.Context, r store.Reader, siteNo int64, since time.Time) ([]conduit.Crossing, error) {
	type row struct {
		From      int64  `db:"from_zone"`
		To        int64  `db:"to_zone"`
		Transport string `db:"transport"`
		Port      int64  `db:"port"`
		Protocol  string `db:"protocol"`
		Classes   int64  `db:"classes"`
		N         int64  `db:"n"`
		Clients   int64  `db:"clients"`
		Servers   int64  `db:"servers"`
		First     int64  `db:"first_at"`
		Last      int64  `db:"last_at"`
		Live      int64  `db:"live_n"`
	}
	// Classes are put together here: no engine shares a word for OR over rows.
	rows, err := store.All[row](ctx, r, `SELECT from_zone, to_zone, transport, port, protocol, classes, COUNT(*) AS n, COUNT(DISTINCT client) AS clients, COUNT(DISTINCT server) AS servers,
 MIN(first_at) AS first_at, MAX(last_at) AS last_at, SUM(CASE WHEN live THEN 1 ELSE 0 END) AS live_n
FROM (SELECT CASE WHEN c.client_internet THEN -1 ELSE c.client_zone_no END AS from_zone, CASE WHEN c.server_internet THEN -1 ELSE c.server_zone_no END AS to_zone,
  c.transport, c.port, c.protocol, c.classes, CASE WHEN c.client_ip <> '' THEN c.client_ip ELSE c.client_mac END AS client, CASE WHEN c.server_ip <> '' THEN c.server_ip ELSE c.server_mac END AS server,
  c.first_at, c.last_at, c.live
  FROM network_conversation c WHERE c.site_no = ? AND c.last_at >= ? AND ?) x
WHERE from_zone <> to_zone GROUP BY from_zone, to_zone, transport, port, protocol, classes ORDER BY from_zone, to_zone, transport, port, protocol, classes`,
		siteNo, store.At(since), conduit.Crosses("c"))
	if err != nil {
		return nil, err
	}
	var out []conduit.Crossing
	for _, x := range rows {
		c := conduit.Crossing{
			FromZone: x.From, ToZone: x.To, Transport: x.Transport, Port: x.Port, Protocol: x.Protocol, Classes: x.Classes, Conversations: x.N, Clients: x.Clients, Servers: x.Servers,
			First: x.First, Last: x.Last, Live: x.Live > 0,
		}
		if n := len(out); n > 0 {
			o := &out[n-1]
			if o.FromZone == c.FromZone && o.ToZone == c.ToZone && o.Transport == c.Transport && o.Port == c.Port && o.Protocol == c.Protocol {
				o.Classes |= c.Classes
				o.Conversations += c.Conversations
				o.Clients, o.Servers = o.Clients+c.Clients, o.Servers+c.Servers
				o.First, o.Last, o.Live = min(o.First, c.First), max(o.Last, c.Last), o.Live || c.Live
				continue
			}
		}
		out = append(out, c)
	}
	return out, nil
}
