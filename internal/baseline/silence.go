package baseline

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

const (
	// A conversation is steady when it was heard in nearly every hour of at least a day.
	steadyShare = 0.9
	steadyLeast = 24
	// Nothing for this long, while its zone is listened to, is silence.
	silentAfter = 30 * time.Minute
	// and who was taken away long ago is silent no more.
	silentAtMost = 7 * 24 * time.Hour
)

// Sweep does what time does: steady conversations that nobody hears any more are
// raised, and what people left to expire expires. For a job.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.now()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		for _, q := range []string{
			"UPDATE baseline_function SET verdict = 'expired' WHERE verdict IN ('learned', 'approved', 'new') AND EXISTS (SELECT 1 FROM baseline_talk t WHERE t.site_no = baseline_function.site_no AND t.state = baseline_function.state AND t.talk = baseline_function.talk AND t.verdict IN ('learned', 'approved', 'new') AND t.until_at <= ?)",
			"UPDATE baseline_talk SET verdict = 'expired', until_at = NULL WHERE verdict IN ('learned', 'approved', 'new') AND until_at <= ?",
		} {
			if _, err := tx.Exec(ctx, q, store.At(now)); err != nil {
				return err
			}
		}
		return s.silences(ctx, tx, now)
	})
}

// silences looks at zones that protect. A conversation is silent by what its source
// told later, in packet time: a sensor that is down makes nobody silent.
func (s *Service) silences(ctx context.Context, tx *store.Tx, now time.Time) error {
	rows, err := store.All[talk](ctx, tx, "SELECT "+talkColumns+` FROM baseline_talk t
 JOIN baseline_phase p ON p.site_no = t.site_no AND p.zone_no = t.zone_no AND p.state = t.state AND (p.phase = 'protecting' OR p.phase = 'commissioning' AND p.until_at <= ?)
 JOIN baseline_listened h ON h.site_no = t.site_no AND h.zone_no = t.zone_no
 WHERE t.verdict IN ('learned', 'approved') AND t.silent_at IS NULL AND t.heard >= ? AND t.heard >= ? * ((t.last_at - t.first_at) / 3600000000 + 1)
 AND h.state = t.state AND h.since_at <= t.last_at AND h.last_at - t.last_at > ? AND h.last_at - t.last_at < ? ORDER BY t.site_no, t.state, t.talk LIMIT 1000`,
		store.At(now), steadyLeast, steadyShare, silentAfter.Microseconds(), silentAtMost.Microseconds())
	if err != nil || len(rows) == 0 {
		return err
	}
	var logs []logRow
	var hits []rule.Hit
	for i := range rows {
		t := &rows[i]
		t.Silent = store.Micros(t.Last)
		logs = append(logs, logRow{ID: store.NewID(), SiteNo: t.SiteNo, ZoneNo: t.ZoneNo, State: t.State, Talk: t.Talk, At: store.At(now), What: "silence"})
		hits = append(hits, rule.Hit{
			Rule: RuleSilence, SiteNo: t.SiteNo, ZoneNo: t.ZoneNo, RealmNo: t.RealmNo, Client: endOf(t.Client), Server: endOf(t.Server), Transport: t.Transport, Port: uint16(t.Port), Protocol: t.Protocol,
			First: t.Last * 1000, Last: t.Last * 1000, Count: 1, Live: true, Facts: []rule.Say{{Name: "last", Value: t.Silent.UTC().Format(time.RFC3339)}},
		})
	}
	if err := store.Upsert(ctx, tx, "baseline_talk", rows, talkKey(), []string{"silent_at"}); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "baseline_log", logs, nil, nil); err != nil {
		return err
	}
	if s.cfg.Raiser == nil {
		return nil
	}
	return s.cfg.Raiser.Raise(ctx, tx, hits...)
}
