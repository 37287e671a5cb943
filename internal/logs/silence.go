package logs

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// Watch finds sources that were not heard for longer than expected: an alert once each time,
// and a question that stays until they are heard again. For a job.
func (s *Service) Watch(ctx context.Context) error {
	type row struct {
		sourceRow
		Site     string     `db:"site"`
		ZoneNo   int64      `db:"zone_no"`
		LastAt   store.Time `db:"last_at"`
		SilentAt store.Time `db:"silent_at"`
	}
	now := s.now()
	var told []string
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		told = told[:0]
		rows, err := store.All[row](ctx, tx, "SELECT "+sourceColumns+`, o.name AS site, COALESCE((SELECT a.zone_no FROM asset_asset a WHERE a.asset_id = s.asset_id), 0) AS zone_no, h.last_at, h.silent_at
FROM logs_source s JOIN org_site o ON o.site_no = s.site_no LEFT JOIN logs_heard h ON h.source_id = s.source_id
WHERE s.removed_at IS NULL AND COALESCE(h.last_at, s.created_at) < CAST(? AS BIGINT) - s.interval_s * 1000000 ORDER BY s.source_id`, now.UnixMicro())
		if err != nil {
			return err
		}
		items := make([]inbox.Item, 0, len(rows))
		var hits []rule.Hit
		for _, x := range rows {
			last, never := x.LastAt, x.LastAt.IsZero()
			detail := fmt.Sprintf("Last line %s UTC. ", last.UTC().Format("2006-01-02 15:04"))
			if never {
				last, detail = x.CreatedAt, "It was never heard. "
			}
			every := time.Duration(x.Interval) * time.Second
			items = append(items, inbox.Item{
				Key: "log.silent:" + x.ID, Kind: "log-silent", SiteNo: x.SiteNo, ZoneNo: x.ZoneNo, Role: auth.SiteOTLead, Severity: inbox.Today, Action: inbox.ActionLook,
				Title: "The log source " + x.Name + " at " + x.Site + " is silent", Detail: detail + "What it does meanwhile is written down nowhere. Look whether it runs, and whether it still sends its lines here.",
				Ref: ot.Ref{Kind: "log-source", ID: x.ID}, Due: last.Add(every + 24*time.Hour),
			})
			if !x.SilentAt.IsZero() {
				continue
			}
			told = append(told, x.ID)
			if err := store.Upsert(ctx, tx, "logs_heard", []heardRow{{SourceID: x.ID, SiteNo: x.SiteNo, SilentAt: store.At(now)}}, []string{"source_id"}, []string{"silent_at"}); err != nil {
				return err
			}
			// The alert says where it is, not who did it: nothing was seen.
			end := rule.End{IP: x.Address}
			hits = append(hits, rule.Hit{
				Rule: RuleSilent, SiteNo: x.SiteNo, ZoneNo: x.ZoneNo, RealmNo: x.RealmNo, Client: end, Group: []string{x.ID}, Cause: RuleSilent + ":" + x.ID, Protocol: "syslog",
				First: last.UnixNano(), Last: last.UnixNano(), Count: 1, Live: true,
				Facts: []rule.Say{{Name: "source", Value: x.Name}, {Name: "last", Value: last.UTC().Format(time.RFC3339)}, {Name: "expected", Value: spanOf(every)}},
			})
		}
		if s.cfg.Raiser != nil && len(hits) > 0 {
			if err := s.cfg.Raiser.Raise(ctx, tx, hits...); err != nil {
				return err
			}
		}
		return inbox.Keep(ctx, tx, now, "log.silent:", "heard again, or no longer expected", items)
	})
	if err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range told {
		if st := s.streams[id]; st != nil {
			st.mu.Lock()
			if st.heard.LastAt.Before(now) {
				st.heard.SilentAt = store.At(now)
			}
			st.mu.Unlock()
		}
	}
	return nil
}

// spanOf says a time in the largest unit that it is whole in.
func spanOf(d time.Duration) string {
	switch {
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d d", d/(24*time.Hour))
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d min", d/time.Minute)
}
