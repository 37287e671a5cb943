package comply

import (
	"context"
	"math"
	"time"

	"github.com/skanse/skanse/internal/store"
	"golang.org/x/sync/errgroup"
)

type heardRow struct {
	SiteNo  int64   `db:"site_no"`
	ZoneNo  int64   `db:"zone_no"`
	Hours   int64   `db:"hours"`
	Seconds int64   `db:"seconds"`
	Share   float64 `db:"share"`
	Percent int64   `db:"percent"`
}

type uptimeRow struct {
	SourceID string  `db:"source_id"`
	SiteNo   int64   `db:"site_no"`
	Hours    int64   `db:"hours"`
	Share    float64 `db:"share"`
	Percent  int64   `db:"percent"`
}

// refreshHeard adds up listening once, so that the checks of a run need not: with a
// hundred sites there are 400,000 zone-hours in a month. A light one counts the last day
// only, and all windows when an hour has gone by.
func (s *Service) refreshHeard(ctx context.Context, now time.Time, light bool) error {
	hour := now.Unix() / 3600
	if now.Sub(s.heardAt) >= time.Hour || now.Before(s.heardAt) {
		light = false
	}
	var rows []heardRow
	var uptime []uptimeRow
	// The two sums read the same large table and need nothing of each other: side by side.
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return s.db.View(gctx, func(r store.Reader) (err error) {
			if light {
				rows, err = heardToday(gctx, r, hour, now)
			} else {
				rows, err = heard(gctx, r, hour, now)
			}
			return err
		})
	})
	if !light {
		g.Go(func() error {
			return s.db.View(gctx, func(r store.Reader) (err error) {
				uptime, err = uptimes(gctx, r, hour, now)
				return err
			})
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		if light {
			return store.Upsert(ctx, tx, "comply_heard", rows, []string{"hours", "site_no", "zone_no"}, []string{"seconds", "share", "percent"})
		}
		if _, err := tx.Exec(ctx, "DELETE FROM comply_heard"); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "comply_heard", rows, nil, nil); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM comply_uptime"); err != nil {
			return err
		}
		return store.Upsert(ctx, tx, "comply_uptime", uptime, nil, nil)
	})
	if err == nil && !light {
		s.heardAt = now
	}
	return err
}

// heardToday reads a day of each zone by the table's key.
func heardToday(ctx context.Context, r store.Reader, hour int64, now time.Time) ([]heardRow, error) {
	type sum struct {
		SiteNo  int64 `db:"site_no"`
		ZoneNo  int64 `db:"zone_no"`
		Seconds int64 `db:"seconds"`
	}
	all, err := store.All[sum](ctx, r, `SELECT site_no, zone_no, CAST(SUM(s) AS BIGINT) AS seconds FROM (
  SELECT z.site_no, z.zone_no, l.hour, MAX(l.seconds) AS s FROM org_zone z
  JOIN network_listen l ON l.site_no = z.site_no AND l.zone_no = z.zone_no AND l.hour > ? AND l.hour <= ? GROUP BY z.site_no, z.zone_no, l.hour) t
GROUP BY site_no, zone_no`, hour-heardWindows[0], hour)
	if err != nil {
		return nil, err
	}
	var out []heardRow
	for _, x := range all {
		out = append(out, heardIn(x.SiteNo, x.ZoneNo, heardWindows[0], x.Seconds, hour, now))
	}
	return out, nil
}

// heardIn is the share of the hours due; the present hour is not over.
func heardIn(siteNo, zoneNo, hours, seconds, hour int64, now time.Time) heardRow {
	due := (hours-1)*3600 + now.Unix() - hour*3600
	share := math.Min(float64(seconds)/float64(due), 1)
	return heardRow{siteNo, zoneNo, hours, seconds, share, int64(math.Floor(share*100 + 1e-6))}
}

func heard(ctx context.Context, r store.Reader, hour int64, now time.Time) ([]heardRow, error) {
	type sums struct {
		SiteNo int64 `db:"site_no"`
		ZoneNo int64 `db:"zone_no"`
		A      int64 `db:"a"`
		B      int64 `db:"b"`
		C      int64 `db:"c"`
	}
	// Two sensors that hear one zone do not make two hours of one.
	w := heardWindows
	all, err := store.All[sums](ctx, r, `SELECT site_no, zone_no,
  CAST(SUM(CASE WHEN hour > ? THEN s ELSE 0 END) AS BIGINT) AS a, CAST(SUM(CASE WHEN hour > ? THEN s ELSE 0 END) AS BIGINT) AS b, CAST(SUM(s) AS BIGINT) AS c
FROM (SELECT site_no, zone_no, hour, MAX(seconds) AS s FROM network_listen WHERE hour > ? AND hour <= ? AND zone_no <> 0 GROUP BY site_no, zone_no, hour) t
GROUP BY site_no, zone_no`, hour-w[0], hour-w[1], hour-w[2], hour)
	if err != nil {
		return nil, err
	}
	var out []heardRow
	for _, x := range all {
		for i, seconds := range [...]int64{x.A, x.B, x.C} {
			out = append(out, heardIn(x.SiteNo, x.ZoneNo, w[i], seconds, hour, now))
		}
	}
	return out, nil
}

// uptimes: of the hours since a sensor was first heard, at most 30 days, the share it listened.
func uptimes(ctx context.Context, r store.Reader, hour int64, now time.Time) ([]uptimeRow, error) {
	type sum struct {
		SourceID string     `db:"source_id"`
		SiteNo   int64      `db:"site_no"`
		FirstAt  store.Time `db:"first_at"`
		Seconds  int64      `db:"seconds"`
	}
	month := heardWindows[len(heardWindows)-1]
	all, err := store.All[sum](ctx, r, `SELECT s.source_id, s.site_no, s.first_at, CAST(SUM(t.s) AS BIGINT) AS seconds
FROM network_source s JOIN (SELECT source_id, hour, MAX(seconds) AS s FROM network_listen WHERE hour > ? AND hour <= ? GROUP BY source_id, hour) t ON t.source_id = s.source_id
WHERE s.live GROUP BY s.source_id, s.site_no, s.first_at`, hour-month, hour)
	if err != nil {
		return nil, err
	}
	var out []uptimeRow
	for _, x := range all {
		due := now.Sub(x.FirstAt.Time)
		if most := time.Duration(month) * time.Hour; due > most {
			due = most
		}
		if due < time.Hour {
			continue
		}
		share := math.Min(float64(x.Seconds)/due.Seconds(), 1)
		out = append(out, uptimeRow{x.SourceID, x.SiteNo, int64(due.Hours()), share, int64(math.Floor(share*100 + 1e-6))})
	}
	return out, nil
}
