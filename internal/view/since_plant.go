package view

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// NewDevice is one that was not there before.
type NewDevice struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Vendor  string     `json:"vendor"`
	SiteID  string     `json:"site_id"`
	Site    string     `json:"site"`
	Zone    string     `json:"zone"`
	FirstAt store.Time `json:"first_at" doc:"First packet"`
	State   string     `json:"state" enum:"new,accepted,rejected,retired"`
}

// devices are those heard for the first time, undecided ones first.
func (l *look) devices(ctx context.Context) (Part[NewDevice], error) {
	type row struct {
		ID      string               `db:"asset_id"`
		SiteNo  int64                `db:"site_no"`
		Name    string               `db:"name"`
		Vendor  string               `db:"vendor"`
		Model   string               `db:"model"`
		IPs     store.JSON[[]string] `db:"ips"`
		MACs    store.JSON[[]string] `db:"macs"`
		Zone    string               `db:"zone"`
		FirstAt int64                `db:"first_at"`
		State   string               `db:"state"`
	}
	rows, err := store.All[row](ctx, l.r, `SELECT a.asset_id, a.site_no, a.name, a.vendor, a.model, a.ips, a.macs, COALESCE(z.name, '') AS zone, a.first_at, a.state
 FROM asset_asset a LEFT JOIN org_zone z ON z.zone_no = a.zone_no WHERE a.managed AND a.seen AND a.first_at >= ? AND a.first_at < ? AND ?
 ORDER BY CASE WHEN a.state = 'new' THEN 0 ELSE 1 END, a.first_at DESC, a.asset_id LIMIT 2000`, l.from, l.to, l.in("a.site_no", "a.zone_no"))
	out := make([]NewDevice, 0, len(rows))
	for _, a := range rows {
		name := a.Name
		for _, list := range [][]string{{a.Model}, a.IPs.V, a.MACs.V, {a.ID}} {
			if name == "" && len(list) > 0 {
				name = list[0]
			}
		}
		out = append(out, NewDevice{a.ID, name, a.Vendor, l.names[a.SiteNo].ID, l.names[a.SiteNo].Name, a.Zone, store.Micros(a.FirstAt), a.State})
	}
	return part(out), err
}

// NewConnection is traffic between two zones that did not speak so before.
type NewConnection struct {
	SiteID       string     `json:"site_id"`
	Site         string     `json:"site"`
	FromZone     string     `json:"from_zone"`
	FromZoneID   string     `json:"from_zone_id"`
	ToZone       string     `json:"to_zone"`
	ToZoneID     string     `json:"to_zone_id"`
	Protocol     string     `json:"protocol"`
	Count        int64      `json:"count" doc:"Conversations"`
	FirstAt      store.Time `json:"first_at"`
	Conversation string     `json:"conversation" doc:"Id of the first"`
}

// connections are pairs of zones with a protocol that they never spoke before.
func (l *look) connections(ctx context.Context) (Part[NewConnection], error) {
	type row struct {
		SiteNo     int64  `db:"site_no"`
		From       string `db:"from_zone"`
		FromID     string `db:"from_zone_id"`
		To         string `db:"to_zone"`
		ToID       string `db:"to_zone_id"`
		FromOut    bool   `db:"client_internet"`
		ToOut      bool   `db:"server_internet"`
		Protocol   string `db:"protocol"`
		N          int64  `db:"n"`
		FirstAt    int64  `db:"first_at"`
		FirstConvo int64  `db:"conv_no"`
	}
	name := func(c string) string {
		return "CASE WHEN " + c + ".protocol <> '' THEN " + c + ".protocol WHEN " + c + ".guess <> '' THEN " + c + ".guess ELSE " + c + ".transport END"
	}
	rows, err := store.All[row](ctx, l.r, `SELECT c.site_no, COALESCE(MAX(cz.name), '') AS from_zone, COALESCE(MAX(cz.zone_id), '') AS from_zone_id, COALESCE(MAX(sz.name), '') AS to_zone, COALESCE(MAX(sz.zone_id), '') AS to_zone_id,
 c.client_internet, c.server_internet, `+name("c")+` AS protocol, COUNT(*) AS n, MIN(c.first_at) AS first_at, MIN(c.conv_no) AS conv_no
FROM network_conversation c LEFT JOIN org_zone cz ON cz.zone_no = c.client_zone_no LEFT JOIN org_zone sz ON sz.zone_no = c.server_zone_no
WHERE c.first_at >= ? AND c.first_at < ? AND c.established AND c.transport <> 'ether' AND (c.client_zone_no <> c.server_zone_no OR c.client_internet <> c.server_internet)
 AND (? OR ?)
 AND NOT EXISTS (SELECT 1 FROM network_conversation o WHERE o.site_no = c.site_no AND o.client_zone_no = c.client_zone_no AND o.server_zone_no = c.server_zone_no
  AND o.client_internet = c.client_internet AND o.server_internet = c.server_internet AND `+name("o")+` = `+name("c")+` AND o.first_at < ?)
GROUP BY c.site_no, c.client_zone_no, c.server_zone_no, c.client_internet, c.server_internet, `+name("c")+` ORDER BY first_at DESC, 1, conv_no LIMIT 500`,
		l.from, l.to, l.in("c.site_no", "c.client_zone_no"), l.in("c.site_no", "c.server_zone_no"), l.from)
	out := make([]NewConnection, 0, len(rows))
	for _, c := range rows {
		n := NewConnection{
			SiteID: l.names[c.SiteNo].ID, Site: l.names[c.SiteNo].Name, FromZone: c.From, FromZoneID: c.FromID, ToZone: c.To, ToZoneID: c.ToID,
			Protocol: c.Protocol, Count: c.N, FirstAt: store.Micros(c.FirstAt), Conversation: convID(c.SiteNo, c.FirstConvo),
		}
		if c.FromOut {
			n.FromZone, n.FromZoneID = "Internet", "internet"
		}
		if c.ToOut {
			n.ToZone, n.ToZoneID = "Internet", "internet"
		}
		out = append(out, n)
	}
	return part(out), err
}

// Outage is a time in which a sensor was not heard.
type Outage struct {
	Source  string     `json:"source"`
	Name    string     `json:"name"`
	SiteID  string     `json:"site_id"`
	Site    string     `json:"site"`
	FromAt  store.Time `json:"from_at"`
	ToAt    store.Time `json:"to_at" nullable:"true" doc:"Null: it is silent still"`
	Seconds int64      `json:"seconds"`
}

// halfHeard: an hour of which less was listened to counts as silent, so that a restart is no outage.
const halfHeard = 1800

// silentAfter is the time after which a live sensor counts as silent.
const silentAfter = 15 * time.Minute

// outages finds the hours in which a live sensor listened to less than half of the time.
func (l *look) outages(ctx context.Context) (Part[Outage], error) {
	type source struct {
		ID         string `db:"source_id"`
		SiteNo     int64  `db:"site_no"`
		Name       string `db:"name"`
		FirstAt    int64  `db:"first_at"`
		ReceivedAt int64  `db:"received_at"`
	}
	sources, err := store.All[source](ctx, l.r, "SELECT source_id, site_no, name, first_at, received_at FROM network_source WHERE live AND received_at >= ? AND ? ORDER BY source_id", store.At(l.from.AddDate(0, -1, 0)), l.in("site_no", ""))
	if err != nil {
		return Part[Outage]{}, err
	}
	var out []Outage
	for _, s := range sources {
		type hour struct {
			Hour    int64 `db:"hour"`
			Seconds int64 `db:"seconds"`
		}
		first, last := max(l.from.UnixMicro(), s.FirstAt)/3_600_000_000+1, l.to.UnixMicro()/3_600_000_000 // whole hours only
		rows, err := store.All[hour](ctx, l.r, "SELECT hour, MAX(seconds) AS seconds FROM network_listen WHERE site_no = ? AND source_id = ? AND hour >= ? AND hour < ? GROUP BY hour ORDER BY hour", s.SiteNo, s.ID, first, last)
		if err != nil {
			return Part[Outage]{}, err
		}
		heard := make(map[int64]bool, len(rows))
		for _, h := range rows {
			heard[h.Hour] = h.Seconds >= halfHeard
		}
		silent := l.now.Sub(store.Micros(s.ReceivedAt).Time) > silentAfter && l.to.Sub(l.now) >= 0
		for _, g := range silentHours(first, last, heard) {
			o := Outage{Source: s.ID, Name: s.Name, SiteID: l.names[s.SiteNo].ID, Site: l.names[s.SiteNo].Name, FromAt: store.Micros(g[0] * 3_600_000_000), ToAt: store.Micros(g[1] * 3_600_000_000)}
			o.Seconds = int64(o.ToAt.Sub(o.FromAt.Time).Seconds())
			if silent && g[1] == last {
				o.ToAt = store.Time{}
				o.Seconds = int64(l.now.Sub(o.FromAt.Time).Seconds())
				silent = false
			}
			out = append(out, o)
		}
		if silent { // for less than an hour
			at := store.Micros(s.ReceivedAt)
			out = append(out, Outage{s.ID, s.Name, l.names[s.SiteNo].ID, l.names[s.SiteNo].Name, at, store.Time{}, int64(l.now.Sub(at.Time).Seconds())})
		}
	}
	return part(out), nil
}

// silentHours are the stretches of [first, last) that were not heard.
func silentHours(first, last int64, heard map[int64]bool) (out [][2]int64) {
	begin := int64(-1)
	for h := first; h < last; h++ {
		switch {
		case !heard[h] && begin < 0:
			begin = h
		case heard[h] && begin >= 0:
			out = append(out, [2]int64{begin, h})
			begin = -1
		}
	}
	if begin >= 0 {
		out = append(out, [2]int64{begin, last})
	}
	return out
}

// WireChange is a change of a controller or device that was seen on the wire.
type WireChange struct {
	ID           string     `json:"id" doc:"Of its first event: number of the site and of the event"`
	SiteID       string     `json:"site_id"`
	Site         string     `json:"site"`
	At           store.Time `json:"at"`
	Class        string     `json:"class" enum:"program_download,firmware,control,configure"`
	Protocol     string     `json:"protocol"`
	What         string     `json:"what" doc:"Block, file or function that the protocol names"`
	Count        int64      `json:"count" doc:"Messages"`
	Client       Endpoint   `json:"client"`
	Server       Endpoint   `json:"server"`
	Conversation string     `json:"conversation"`
	Matched      bool       `json:"matched" doc:"A change record covers it, or somebody explained it"`
	RecordID     string     `json:"record_id"`
	RecordRef    string     `json:"record_ref"`
	Who          string     `json:"who" doc:"Who did it, as explained"`
	Why          string     `json:"why"`
}

type changeRow struct {
	convRow
	Class   string `db:"class"`
	EventNo int64  `db:"event_no"`
	N       int64  `db:"n"`
	At      int64  `db:"at"`
	Name    string `db:"name"`
	Text    string `db:"text"`
	Object  string `db:"object"`
	Left    int64  `db:"unexplained"`
	Who     string `db:"who"`
	Why     string `db:"why"`
	Record  string `db:"record_id"`
}

// changes are the messages that change what a device does, one line a conversation and class:
// a download is dozens of messages. What nobody has explained stands first. only narrows the conversations c.
func (l *look) changes(ctx context.Context, only ot.SQL) (Part[WireChange], error) {
	rows, err := store.All[changeRow](ctx, l.r, `SELECT `+talkColumns+`, g.class, g.event_no, g.n, g.at, g.name, g.text, g.object, g.unexplained,
 COALESCE(x.who, '') AS who, COALESCE(x.why, '') AS why, COALESCE(x.record_id, '') AS record_id `+talkFrom+`
JOIN (SELECT e.site_no, e.conv_no, e.class, MIN(e.event_no) AS event_no, COUNT(*) AS n, MIN(e.at) AS at, MAX(e.name) AS name, MAX(e.text) AS text, MAX(e.object) AS object,
  CAST(SUM(CASE WHEN k.event_no IS NULL THEN 1 ELSE 0 END) AS BIGINT) AS unexplained, MAX(k.explanation_id) AS explanation_id
 FROM network_event e LEFT JOIN comply_explained_event k ON k.site_no = e.site_no AND k.event_no = e.event_no
 WHERE e.at >= ? AND e.at < ? AND e.class IN ('program_download', 'firmware', 'control', 'configure') AND e.dir <> 'response' AND NOT e.refused GROUP BY e.site_no, e.conv_no, e.class) g
 ON g.site_no = c.site_no AND g.conv_no = c.conv_no
LEFT JOIN comply_explanation x ON x.explanation_id = g.explanation_id
WHERE (? OR ?) AND ? ORDER BY CASE WHEN g.unexplained > 0 THEN 0 ELSE 1 END, g.at DESC, c.site_no, g.event_no LIMIT 500`,
		l.from, l.to, l.in("c.site_no", "c.client_zone_no"), l.in("c.site_no", "c.server_zone_no"), only)
	if err != nil {
		return Part[WireChange]{}, err
	}
	convs := make([]convRow, 0, len(rows))
	for i := range rows {
		convs = append(convs, rows[i].convRow)
	}
	who, err := loadOwners(ctx, l.r, convs, time.Time{})
	if err != nil {
		return Part[WireChange]{}, err
	}
	out := make([]WireChange, 0, len(rows))
	for i := range rows {
		x := &rows[i]
		talk := x.talk(who)
		c := WireChange{
			ID: convID(x.SiteNo, x.EventNo), SiteID: x.SiteID, Site: l.names[x.SiteNo].Name, At: store.Micros(x.At), Class: x.Class, Protocol: talk.Protocol, Count: x.N,
			Client: talk.Client, Server: talk.Server, Conversation: talk.ID, Matched: x.Left == 0, RecordID: x.Record, Who: x.Who, Why: x.Why,
		}
		for _, s := range []string{x.Name, x.Object, x.Text} {
			if c.What == "" {
				c.What = s
			}
		}
		if err := l.match(ctx, x.SiteNo, &c); err != nil {
			return Part[WireChange]{}, err
		}
		out = append(out, c)
	}
	unmatchedFirst(out)
	return part(out), nil
}

// match finds the change record of a change: the one that explains it, one that links its event or
// conversation, or one that was planned for this device and time.
func (l *look) match(ctx context.Context, siteNo int64, c *WireChange) error {
	type found struct {
		ID  string `db:"record_id"`
		Ref string `db:"ref"`
	}
	rows, err := store.All[found](ctx, l.r, `SELECT r.record_id, r.ref FROM record_record r WHERE r.record_id = ?
 OR EXISTS (SELECT 1 FROM record_link k WHERE k.from_id = r.record_id AND (k.to_kind = 'event' AND k.to_id = ? OR k.to_kind = 'conversation' AND k.to_id = ? AND r.type = 'change'))
 OR r.type = 'change' AND r.state IN ('approved', 'scheduled', 'done', 'verified') AND r.valid_from <= ? AND r.valid_until >= ? AND CAST(? AS TEXT) <> ''
  AND (r.asset_id = ? OR EXISTS (SELECT 1 FROM record_link k WHERE k.from_id = r.record_id AND k.rel = 'on' AND k.to_kind = 'asset' AND k.to_id = ?))
 OR r.record_id IN (SELECT w.record_id FROM comply_window w WHERE w.site_no = ? AND w.from_at <= ? AND w.to_at >= ? AND (w.zone_no = 0 OR w.zone_no = (SELECT a.zone_no FROM asset_asset a WHERE a.asset_id = ?)))
 ORDER BY CASE WHEN r.record_id = ? THEN 0 ELSE 1 END, r.record_id LIMIT 1`,
		c.RecordID, c.ID, c.Conversation, store.At(c.At.Add(comply.MatchSlack)), store.At(c.At.Add(-comply.MatchSlack)), c.Server.AssetID, c.Server.AssetID, c.Server.AssetID,
		siteNo, store.At(c.At.Add(comply.MatchSlack)), store.At(c.At.Add(-comply.MatchSlack)), c.Server.AssetID, c.RecordID)
	if err != nil {
		return fmt.Errorf("look for the change record: %w", err)
	}
	if len(rows) > 0 {
		c.Matched, c.RecordID, c.RecordRef = true, rows[0].ID, rows[0].Ref
	}
	return nil
}

func unmatchedFirst(list []WireChange) {
	at := 0
	for i := range list {
		if !list[i].Matched {
			x := list[i]
			copy(list[at+1:i+1], list[at:i])
			list[at] = x
			at++
		}
	}
}
