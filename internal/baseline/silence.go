package baseline

import (
	"context"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
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
	if err := s.expire(ctx, now); err != nil {
		return err
	}
	// Looked for in a reading of its own: a look at a million rows must not hold the one writer.
	var rows []talk
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		rows, err = silent(ctx, r, now, ot.SQL{Text: "t.silent_at IS NULL"})
		return err
	}); err != nil {
		return err
	}
	for part := range slices.Chunk(rows, partFlows) {
		if err := s.db.Update(ctx, func(tx *store.Tx) error { return s.silence(ctx, tx, now, part) }); err != nil {
			return err
		}
	}
	return nil
}

// expire ends what had a time.
func (s *Service) expire(ctx context.Context, now time.Time) error {
	const due = "t.until_at IS NOT NULL AND t.until_at <= ? AND t.verdict IN ('learned', 'approved', 'new')"
	type key struct {
		SiteNo int64  `db:"site_no"`
		State  string `db:"state"`
		Talk   int64  `db:"talk"`
	}
	for {
		var rows []key
		if err := s.db.View(ctx, func(r store.Reader) (err error) {
			rows, err = store.All[key](ctx, r, "SELECT t.site_no, t.state, t.talk FROM baseline_talk t WHERE "+due+" ORDER BY t.site_no, t.state, t.talk LIMIT ?", store.At(now), partFlows)
			return err
		}); err != nil || len(rows) == 0 {
			return err
		}
		if err := s.db.Update(ctx, func(tx *store.Tx) error {
			sites := map[int64]bool{}
			for _, k := range rows {
				n, err := tx.Exec(ctx, "UPDATE baseline_talk SET verdict = 'expired', until_at = NULL WHERE site_no = ? AND state = ? AND talk = ? AND until_at <= ? AND verdict IN ('learned', 'approved', 'new')",
					k.SiteNo, k.State, k.Talk, store.At(now))
				if err != nil {
					return err
				}
				if n == 0 {
					continue // somebody decided meanwhile
				}
				sites[k.SiteNo] = true
				if _, err := tx.Exec(ctx, "UPDATE baseline_function SET verdict = 'expired' WHERE site_no = ? AND state = ? AND talk = ? AND verdict IN ('learned', 'approved', 'new')", k.SiteNo, k.State, k.Talk); err != nil {
					return err
				}
			}
			for no := range sites {
				if _, err := changed(ctx, tx, no); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

// silent reads steady conversations of zones that protect which are heard no more. A
// conversation is silent by what its source told later, in packet time: a sensor that is
// down makes nobody silent.
func silent(ctx context.Context, r store.Reader, now time.Time, which ot.SQL) ([]talk, error) {
	return store.All[talk](ctx, r, "SELECT "+talkColumns+` FROM baseline_talk t
 JOIN baseline_phase p ON p.site_no = t.site_no AND p.zone_no = t.zone_no AND p.state = t.state AND (p.phase = 'protecting' OR p.phase = 'commissioning' AND p.until_at <= ?)
 JOIN baseline_listened h ON h.site_no = t.site_no AND h.zone_no = t.zone_no
 WHERE t.verdict IN ('learned', 'approved') AND ? AND t.heard >= ? AND t.heard >= ? * ((t.last_at - t.first_at) / 3600000000 + 1)
 AND h.state = t.state AND h.since_at <= t.last_at AND h.last_at - t.last_at > ? AND h.last_at - t.last_at < ? ORDER BY t.site_no, t.state, t.talk LIMIT 1000`,
		store.At(now), which, steadyLeast, steadyShare, silentAfter.Microseconds(), silentAtMost.Microseconds())
}

// silence notes and raises those of a site that are silent still.
func (s *Service) silence(ctx context.Context, tx *store.Tx, now time.Time, found []talk) error {
	bySite := map[int64][]int64{}
	for i := range found {
		bySite[found[i].SiteNo] = append(bySite[found[i].SiteNo], found[i].Talk)
	}
	var rows []talk
	for no, hashes := range bySite {
		more, err := silent(ctx, tx, now, ot.SQL{Text: "t.silent_at IS NULL AND t.site_no = ? AND t.talk IN (?) AND t.state IN (?)", Args: []any{no, hashes, States()}})
		if err != nil {
			return err
		}
		rows = append(rows, more...)
		if _, err := changed(ctx, tx, no); err != nil {
			return err
		}
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
