package performance

import (
	"context"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// The rules of what departs from its week, as catalog/detections/performance.yaml has them.
const (
	RuleAnswer     = "perf.answer"
	RuleJitter     = "perf.jitter"
	RuleCycle      = "perf.cycle"
	RuleExceptions = "perf.exceptions"
	RuleAgain      = "perf.retransmissions"
	RuleResets     = "perf.resets"
	RuleBroadcast  = "perf.broadcast"
	RuleSaturation = "perf.saturation"
	RuleClock      = "perf.clock"
)

// Raiser turns hits into alerts in the caller's transaction.
type Raiser interface {
	Raise(ctx context.Context, tx *store.Tx, hits ...rule.Hit) error
}

// Tell says who turns what departs into alerts. It is called before anything runs.
func (s *Service) Tell(r Raiser) { s.raiser = r }

// What counts as departing. Each asks for a factor and for an absolute step: what doubles from 2 ms to 4 disturbs nobody.
const (
	leastSamples  = 20
	leastHours    = 24 // of the week, with figures: else there is no baseline
	slowFactor    = 2
	slowStep      = 20_000 // µs
	jitterFactor  = 3
	jitterStep    = 10_000
	cycleDrift    = 0.5
	refusedShare  = 0.05
	refusedFactor = 3
	againShare    = 0.02
	againFactor   = 3
	manyResets    = 20
	resetFactor   = 5
	manyToAll     = 0.3
	toAllFactor   = 2
	peakFactor    = 3
	peakStep      = 1_250_000 // bytes a second: 10 Mbit/s
	clockOff      = 5_000_000 // µs
)

// finding is something that departs in the last full hour.
type finding struct {
	rule  string
	key   key    // of the device; the function where it is one's
	wire  string // source, of what a wire does
	now   string
	usual string
}

func (s sums) jitter() float64 {
	if s.n == 0 {
		return 0
	}
	mean := float64(s.sum) / float64(s.n)
	return math.Sqrt(max(s.sq/float64(s.n)-mean*mean, 0))
}

func msText(us float64) string { return strconv.FormatFloat(us/1000, 'f', 1, 64) + " ms" }
func percentText(x float64) string {
	return strconv.FormatFloat(100*x, 'f', 1, 64) + " %"
}

// week is what an hour is compared with.
type week struct {
	hour, days       gathered // answer and cycle of either
	hours            map[int64]bool
	hourRef, weekRef int64 // refused
	hourAll, weekAll int64
}

// functionsOff compares the functions of devices in an hour with the week before it.
func functionsOff(rows []functionRow, hour int64) (out []finding) {
	all := map[key]*week{}
	var order []key
	for _, x := range rows {
		k := key{x.RealmNo, x.Server, x.Protocol, x.Name}
		w := all[k]
		if w == nil {
			w = &week{hours: map[int64]bool{}}
			all[k] = w
			order = append(order, k)
		}
		g := &w.days
		if x.Hour == hour {
			g = &w.hour
			w.hourAll, w.hourRef = w.hourAll+x.Messages, w.hourRef+x.Refused
		} else {
			w.hours[x.Hour] = true
			w.weekAll, w.weekRef = w.weekAll+x.Messages, w.weekRef+x.Refused
		}
		g.answer.add(x.ToldN, x.ToldSum, x.ToldSq, x.ToldMost)
		g.cycle.add(x.AskedN, x.AskedSum, x.AskedSq, x.AskedMost)
	}
	for _, k := range order {
		w := all[k]
		if len(w.hours) < leastHours {
			continue
		}
		if a, u := w.hour.answer, w.days.answer; a.n >= leastSamples && u.n >= leastSamples {
			mean, usual := 1000*a.mean(), 1000*u.mean()
			if mean > slowFactor*usual && mean > usual+slowStep {
				out = append(out, finding{rule: RuleAnswer, key: k, now: msText(mean), usual: msText(usual)})
			} else if j, was := a.jitter(), u.jitter(); j > jitterFactor*was && j > was+jitterStep {
				out = append(out, finding{rule: RuleJitter, key: k, now: msText(j), usual: msText(was)})
			}
		}
		if a, u := w.hour.cycle, w.days.cycle; a.n >= leastSamples && u.n >= leastSamples && math.Abs(a.mean()/u.mean()-1) > cycleDrift {
			out = append(out, finding{rule: RuleCycle, key: k, now: msText(1000 * a.mean()), usual: msText(1000 * u.mean())})
		}
		if w.hourRef >= leastSamples && w.weekAll > 0 {
			share, was := float64(w.hourRef)/float64(max(w.hourAll, 1)), float64(w.weekRef)/float64(w.weekAll)
			if share > refusedShare && share > refusedFactor*was {
				out = append(out, finding{rule: RuleExceptions, key: k, now: percentText(share), usual: percentText(was)})
			}
		}
	}
	return out
}

// devicesOff compares repeats and resets of devices.
func devicesOff(rows []deviceRow, hour int64) (out []finding) {
	type pair struct {
		hour, week deviceRow
		hours      int64
	}
	all := map[key]*pair{}
	var order []key
	for _, x := range rows {
		k := key{RealmNo: x.RealmNo, Server: x.Server}
		p := all[k]
		if p == nil {
			p = &pair{}
			all[k] = p
			order = append(order, k)
		}
		if x.Hour == hour {
			p.hour = x
			continue
		}
		p.hours++
		p.week.Packets, p.week.Again, p.week.Resets = p.week.Packets+x.Packets, p.week.Again+x.Again, p.week.Resets+x.Resets
	}
	for _, k := range order {
		p := all[k]
		if p.hours < leastHours || p.hour.Packets == 0 || p.week.Packets == 0 {
			continue
		}
		share, was := float64(p.hour.Again)/float64(p.hour.Packets), float64(p.week.Again)/float64(p.week.Packets)
		if p.hour.Again >= leastSamples && share > againShare && share > againFactor*was {
			out = append(out, finding{rule: RuleAgain, key: k, now: percentText(share), usual: percentText(was)})
		}
		if usual := float64(p.week.Resets) / float64(p.hours); p.hour.Resets >= manyResets && float64(p.hour.Resets) > resetFactor*usual {
			out = append(out, finding{rule: RuleResets, key: k, now: strconv.FormatInt(p.hour.Resets, 10), usual: strconv.FormatFloat(usual, 'f', 1, 64)})
		}
	}
	return out
}

// wiresOff compares what sensors hear: broadcasts, the busiest interval, and how far a sensor's clock is off.
func wiresOff(rows []wireRow, hour int64) (out []finding) {
	type pair struct {
		hour, week wireRow
		hours      int64
	}
	all := map[string]*pair{}
	var order []string
	for _, x := range rows {
		p := all[x.Source]
		if p == nil {
			p = &pair{}
			all[x.Source] = p
			order = append(order, x.Source)
		}
		if x.Hour == hour {
			p.hour = x
			continue
		}
		p.hours++
		p.week.Packets, p.week.Everybody, p.week.Peak = p.week.Packets+x.Packets, p.week.Everybody+x.Everybody, max(p.week.Peak, x.Peak)
	}
	for _, source := range order {
		p := all[source]
		if p.hour.Packets == 0 {
			continue
		}
		if math.Abs(float64(p.hour.Skew)) > clockOff {
			out = append(out, finding{rule: RuleClock, wire: source, now: strconv.FormatFloat(float64(p.hour.Skew)/1e6, 'f', 1, 64) + " s"})
		}
		if p.hours < leastHours || p.week.Packets == 0 {
			continue
		}
		share, was := float64(p.hour.Everybody)/float64(p.hour.Packets), float64(p.week.Everybody)/float64(p.week.Packets)
		if share > manyToAll && share > toAllFactor*was {
			out = append(out, finding{rule: RuleBroadcast, wire: source, now: percentText(share), usual: percentText(was)})
		}
		if p.hour.Peak > peakFactor*p.week.Peak && p.hour.Peak > p.week.Peak+peakStep {
			out = append(out, finding{rule: RuleSaturation, wire: source, now: mbitText(p.hour.Peak), usual: mbitText(p.week.Peak)})
		}
	}
	return out
}

func mbitText(bytes int64) string {
	return strconv.FormatFloat(float64(bytes)*8/1e6, 'f', 1, 64) + " Mbit/s"
}

// Watch compares the last full hour of each site with the week before it, once, and raises what departs. For a job.
func (s *Service) Watch(ctx context.Context) error { return s.WatchAt(ctx, s.clock().Add(-time.Hour)) }

// WatchAt does so for the hour of a time.
func (s *Service) WatchAt(ctx context.Context, at time.Time) error {
	hour := hourOf(at.UnixNano())
	var sites []int64
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		sites, err = store.All[int64](ctx, r, "SELECT w.site_no FROM performance_wire w WHERE w.hour = ? AND NOT EXISTS (SELECT 1 FROM performance_watched d WHERE d.site_no = w.site_no AND d.hour >= ?) GROUP BY w.site_no ORDER BY w.site_no", hour, hour)
		return err
	})
	if err != nil {
		return err
	}
	for _, no := range sites {
		if err := s.watch(ctx, no, hour); err != nil {
			return err
		}
	}
	return nil
}

// watchedRow is performance_watched.
type watchedRow struct {
	SiteNo int64 `db:"site_no"`
	Hour   int64 `db:"hour"`
}

func (s *Service) watch(ctx context.Context, siteNo, hour int64) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		since := hour - weekHours
		functions, err := store.All[functionRow](ctx, tx, "SELECT site_no, hour, realm_no, server, protocol, name, messages, refused, asked_n, asked_sum, asked_sq, asked_most, told_n, told_sum, told_sq, told_most FROM performance_function WHERE site_no = ? AND hour >= ? AND hour <= ? ORDER BY server, protocol, name, hour", siteNo, since, hour)
		if err != nil {
			return err
		}
		devices, err := store.All[deviceRow](ctx, tx, "SELECT site_no, hour, realm_no, server, packets, again, resets, lost FROM performance_device WHERE site_no = ? AND hour >= ? AND hour <= ? ORDER BY server, hour", siteNo, since, hour)
		if err != nil {
			return err
		}
		wires, err := store.All[wireRow](ctx, tx, "SELECT site_no, hour, source_id, packets, bytes, everybody, peak, skew FROM performance_wire WHERE site_no = ? AND hour >= ? AND hour <= ? ORDER BY source_id, hour", siteNo, since, hour)
		if err != nil {
			return err
		}
		found := slices.Concat(functionsOff(functions, hour), devicesOff(devices, hour), wiresOff(wires, hour))
		hits := make([]rule.Hit, 0, len(found))
		at := time.Unix(hour*3600, 0).UnixNano()
		for _, f := range found {
			hits = append(hits, f.hit(siteNo, at))
		}
		if s.raiser != nil && len(hits) > 0 {
			if err := s.raiser.Raise(ctx, tx, hits...); err != nil {
				return err
			}
		}
		return store.Upsert(ctx, tx, "performance_watched", []watchedRow{{siteNo, hour}}, []string{"site_no"}, []string{"hour"})
	})
}

// hit is a finding as an alert: of a device, or of a wire, where nobody did anything.
func (f *finding) hit(siteNo, at int64) rule.Hit {
	h := rule.Hit{
		Rule: f.rule, SiteNo: siteNo, RealmNo: f.key.RealmNo, Protocol: f.key.Protocol, First: at, Last: at + int64(time.Hour) - 1, Count: 1, Live: true,
		Group: []string{f.key.Server, f.key.Protocol, f.key.Name, f.wire}, Facts: []rule.Say{{Name: "now", Value: f.now}},
	}
	if f.key.Server != "" {
		h.Client = endOf(f.key.Server)
		h.Cause = "performance:" + strconv.FormatInt(f.key.RealmNo, 10) + ":" + f.key.Server // one device, one cause
	} else {
		h.Cause = "performance:" + f.wire
		h.Facts = append(h.Facts, rule.Say{Name: "source", Value: f.wire})
	}
	if f.usual != "" {
		h.Facts = append(h.Facts, rule.Say{Name: "usual", Value: f.usual})
	}
	if f.key.Name != "" {
		h.Facts = append(h.Facts, rule.Say{Name: "function", Value: f.key.Name})
	}
	return h
}

func endOf(address string) rule.End {
	if _, err := netip.ParseAddr(address); err == nil {
		return rule.End{IP: address}
	}
	return rule.End{MAC: address}
}
