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
	// Nothing for this long, while its zone is listened to, is silence: and for so many
	// times the longest that it was ever quiet.
	silentAfter = 30 * time.Minute
	gapTimes    = 3
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
	var rows []unheard
	heard := map[siteEnd]int64{}
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		if rows, err = silent(ctx, r, now); err != nil || len(rows) == 0 {
			return err
		}
		heard, err = lastHeard(ctx, r, rows)
		return err
	}); err != nil || len(rows) == 0 {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error { return s.silence(ctx, tx, now, rows, heard) })
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

// stillSilent is how often an alert hears that it is silent still.
const stillSilent = 50 * time.Minute

// silent reads steady conversations of zones that protect which are heard no more. A
// conversation is silent by what its source told later, in packet time: a sensor that is
// down makes nobody silent.
func silent(ctx context.Context, r store.Reader, now time.Time) ([]unheard, error) {
	return store.All[unheard](ctx, r, "SELECT "+talkColumns+`, h.last_at AS zone_at FROM baseline_talk t
 JOIN baseline_phase p ON p.site_no = t.site_no AND p.zone_no = t.zone_no AND p.state = t.state AND (p.phase = 'protecting' OR p.phase = 'commissioning' AND p.until_at <= ?)
 JOIN baseline_listened h ON h.site_no = t.site_no AND h.zone_no = t.zone_no
 WHERE t.verdict IN ('learned', 'approved') AND t.heard >= ? AND t.heard >= ? * ((t.last_at - t.first_at) / 3600000000 + 1) AND (t.silent_at IS NULL OR t.told_at IS NULL OR t.told_at <= ?)
 AND h.state = t.state AND h.since_at <= t.last_at AND h.last_at - t.last_at > ? AND h.last_at - t.last_at > ? * t.gap AND h.last_at - t.last_at < ? ORDER BY t.site_no, t.state, t.talk LIMIT 1000`,
		store.At(now), steadyLeast, steadyShare, store.At(now.Add(-stillSilent)), silentAfter.Microseconds(), gapTimes, silentAtMost.Microseconds())
}

// unheard is a silent conversation, and until when its zone was heard.
type unheard struct {
	talk
	Zone int64 `db:"zone_at"`
}

type siteEnd struct {
	siteNo int64
	End
}

func (t *talk) ends() [2]siteEnd {
	return [2]siteEnd{{t.SiteNo, End{t.RealmNo, t.Client}}, {t.SiteNo, End{t.RealmNo, t.Server}}}
}

// lastHeard reads when the ends of silent conversations were last heard in any other.
func lastHeard(ctx context.Context, r store.Reader, rows []unheard) (map[siteEnd]int64, error) {
	type row struct {
		RealmNo int64  `db:"realm_no"`
		Address string `db:"address"`
		Last    int64  `db:"last_at"`
	}
	sites := map[int64][]string{}
	for i := range rows {
		sites[rows[i].SiteNo] = append(sites[rows[i].SiteNo], rows[i].Client, rows[i].Server)
	}
	out := map[siteEnd]int64{}
	for no, addresses := range sites {
		slices.Sort(addresses)
		for part := range slices.Chunk(slices.Compact(addresses), 400) {
			for _, side := range []string{"client", "server"} {
				found, err := store.All[row](ctx, r, "SELECT t.realm_no, t."+side+" AS address, MAX(t.last_at) AS last_at FROM baseline_talk t WHERE t.site_no = ? AND t."+side+" IN (?) GROUP BY t.realm_no, t."+side, no, part)
				if err != nil {
					return nil, err
				}
				for _, x := range found {
					e := siteEnd{no, End{x.RealmNo, x.Address}}
					out[e] = max(out[e], x.Last)
				}
			}
		}
	}
	return out, nil
}

// quiet is what fell silent: a device, or two that do not talk any more.
type quiet struct {
	of, with siteEnd // with: the other one, where both are heard elsewhere
	first    *talk
	talks    int
}

// whoFell says which devices are behind silent conversations: the end that is heard
// nowhere else, both where that is true of both and neither has another silent one.
func whoFell(rows []unheard, heard map[siteEnd]int64) []quiet {
	mute := func(e siteEnd, t *unheard) bool {
		return t.Zone-heard[e] > max(silentAfter.Microseconds(), gapTimes*t.Gap)
	}
	n := map[siteEnd]int{}
	for i := range rows {
		for _, e := range rows[i].ends() {
			if mute(e, &rows[i]) {
				n[e]++
			}
		}
	}
	at := map[[2]siteEnd]int{}
	var out []quiet
	for i := range rows {
		t := &rows[i]
		ends := t.ends()
		client, server := mute(ends[0], t), mute(ends[1], t)
		k := [2]siteEnd{ends[1]}
		switch {
		case client && server && n[ends[0]] > n[ends[1]], client && !server:
			k[0] = ends[0]
		case !client && !server:
			k = ends
		}
		if j, ok := at[k]; ok {
			out[j].talks++
			continue
		}
		at[k] = len(out)
		out = append(out, quiet{of: k[0], with: k[1], first: &t.talk, talks: 1})
	}
	return out
}

// manySilent devices of one zone at once are one thing: a line was switched off, or a switch failed.
const manySilent = 3

// silence notes and raises what fell silent. What somebody decided or heard since the
// look is left for the next one.
func (s *Service) silence(ctx context.Context, tx *store.Tx, now time.Time, found []unheard, heard map[siteEnd]int64) error {
	var rows []unheard
	for i := range found {
		t, err := store.One[talk](ctx, tx, "SELECT "+talkColumns+" FROM baseline_talk t WHERE t.site_no = ? AND t.state = ? AND t.talk = ?", found[i].SiteNo, found[i].State, found[i].Talk)
		if err != nil && ot.CodeOf(err) != ot.NotFound {
			return err
		}
		if err == nil && t.Verdict == found[i].Verdict && t.Last == found[i].Last {
			rows = append(rows, unheard{t, found[i].Zone})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	var logs []logRow
	sites := map[int64]bool{}
	for i := range rows {
		t := &rows[i]
		if t.Silent.IsZero() {
			logs = append(logs, logRow{ID: store.NewID(), SiteNo: t.SiteNo, ZoneNo: t.ZoneNo, State: t.State, Talk: t.Talk, At: store.At(now), What: "silence"})
		}
		t.Silent, t.Told = store.Micros(t.Last), store.At(now)
		sites[t.SiteNo] = true
	}
	for no := range sites {
		if _, err := changed(ctx, tx, no); err != nil {
			return err
		}
	}
	talks := make([]talk, len(rows))
	for i := range rows {
		talks[i] = rows[i].talk
	}
	if err := store.Upsert(ctx, tx, "baseline_talk", talks, talkKey(), []string{"silent_at", "told_at"}); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "baseline_log", logs, nil, nil); err != nil {
		return err
	}
	if s.cfg.Raiser == nil {
		return nil
	}
	return s.cfg.Raiser.Raise(ctx, tx, silenceHits(whoFell(rows, heard), now)...)
}

// silenceHits makes the hits of what fell silent, by zone where it is many.
func silenceHits(fell []quiet, now time.Time) (hits []rule.Hit) {
	type place struct{ siteNo, zoneNo int64 }
	devices := map[place]int{}
	for _, q := range fell {
		if q.with == (siteEnd{}) {
			devices[place{q.of.siteNo, q.first.ZoneNo}]++
		}
	}
	told := map[place]bool{}
	for _, q := range fell {
		t, at := q.first, place{q.of.siteNo, q.first.ZoneNo}
		h := rule.Hit{
			Rule: RuleSilence, SiteNo: t.SiteNo, ZoneNo: t.ZoneNo, RealmNo: t.RealmNo, Client: endOf(q.of.Address), First: t.Last * 1000, Last: now.UnixNano(), Count: uint64(q.talks), Live: true,
			Group: []string{q.of.Address}, Facts: []rule.Say{{Name: "last", Value: store.Micros(t.Last).UTC().Format(time.RFC3339)}},
		}
		switch {
		case devices[at] >= manySilent:
			if told[at] {
				continue
			}
			told[at] = true
			h.Rule, h.Group, h.Client = RuleZoneSilence, []string{number(at.zoneNo), t.State}, rule.End{}
			h.Facts = append(h.Facts, rule.Say{Name: "n_silent", Value: number(int64(devices[at]))})
		case q.with != (siteEnd{}):
			h.Server, h.Transport, h.Port, h.Protocol = endOf(q.with.Address), t.Transport, uint16(t.Port), t.Protocol
			h.Group = []string{q.of.Address, q.with.Address, t.Protocol}
		}
		hits = append(hits, h)
	}
	return hits
}
