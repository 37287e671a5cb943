package view

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// As of an earlier moment a conversation is what was seen of it by then: its last
// packet is no later, and its volume is the sum of its hourly rollups up to there.

// heardBy limits conversations to those begun by then.
func heardBy(at time.Time) ot.SQL {
	if at.IsZero() {
		return ot.SQL{Text: "(1 = 1)"}
	}
	return ot.SQL{Text: "c.first_at <= ?", Args: []any{at.UnixMicro()}}
}

// lastBy is the time of the last packet, no later than then: what lists are ordered by.
func lastBy(at time.Time) ot.SQL {
	if at.IsZero() {
		return ot.SQL{Text: "c.last_at"}
	}
	return ot.SQL{Text: "(CASE WHEN c.last_at > CAST(? AS BIGINT) THEN CAST(? AS BIGINT) ELSE c.last_at END)", Args: []any{at.UnixMicro(), at.UnixMicro()}}
}

// boundAt limits bindings b to those that held then.
func boundAt(at time.Time) ot.SQL {
	if at.IsZero() {
		return ot.SQL{Text: "b.to_at IS NULL"}
	}
	return ot.SQL{Text: "b.from_at <= ? AND (b.to_at IS NULL OR b.to_at > ?)", Args: []any{at.UnixMicro(), at.UnixMicro()}}
}

// volume and rollups are what a sum over conversations c adds up: "packets" or "bytes".
func volume(of string, at time.Time) ot.SQL {
	if at.IsZero() {
		return ot.SQL{Text: "c.client_" + of + " + c.server_" + of}
	}
	return ot.SQL{Text: "COALESCE(u." + of + ", 0)"}
}

func rollups(siteNo int64, at time.Time) ot.SQL {
	if at.IsZero() {
		return ot.SQL{}
	}
	return ot.SQL{
		Text: "LEFT JOIN (SELECT conv_no, SUM(packets) AS packets, SUM(bytes) AS bytes FROM network_rollup WHERE site_no = ? AND hour <= ? GROUP BY conv_no) u ON u.conv_no = c.conv_no",
		Args: []any{siteNo, hourOf(at)},
	}
}

func hourOf(at time.Time) int64 { return at.Unix() / 3600 }

// rewind sets volumes and last packets of conversations back to then.
func rewind(ctx context.Context, r store.Reader, rows []convRow, at time.Time) error {
	if at.IsZero() {
		return nil
	}
	type sum struct {
		SiteNo  int64 `db:"site_no"`
		ConvNo  int64 `db:"conv_no"`
		Packets int64 `db:"packets"`
		Bytes   int64 `db:"bytes"`
	}
	bySite := map[int64][]int64{}
	for i := range rows {
		bySite[rows[i].SiteNo] = append(bySite[rows[i].SiteNo], rows[i].ConvNo)
	}
	sums := map[[2]int64]sum{}
	for site, nos := range bySite {
		found, err := store.All[sum](ctx, r, `SELECT site_no, conv_no, CAST(SUM(packets) AS BIGINT) AS packets, CAST(SUM(bytes) AS BIGINT) AS bytes
			FROM network_rollup WHERE site_no = ? AND conv_no IN (?) AND hour <= ? GROUP BY site_no, conv_no`, site, nos, hourOf(at))
		if err != nil {
			return err
		}
		for _, x := range found {
			sums[[2]int64{x.SiteNo, x.ConvNo}] = x
		}
	}
	for i := range rows {
		c := &rows[i]
		if moment := at.UnixMicro(); c.LastAt > moment {
			x := sums[[2]int64{c.SiteNo, c.ConvNo}]
			c.LastAt, c.Packets, c.Bytes = moment, x.Packets, x.Bytes
		}
	}
	return nil
}
