package detect

import (
	"context"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/detect/sigma"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// Past tells again what was heard at a site, as a sensor would, in the order of time, in
// the caller's transaction: fn may read too.
type Past interface {
	Again(ctx context.Context, r store.Reader, siteNo int64, since time.Time, what Heard, fn func(realmNo int64, sum *sensor.Summary) error) (cut bool, err error)
}

// Heard is what of the past is wanted.
type Heard struct{ Messages, Tuples, Conversations, Facts bool }

// The ways in which a rule was judged.
const (
	fromEvents = "events" // message by message, with their times
	fromCounts = "counts" // on what is kept as a sum: once for each two hosts
	fromAlerts = "alerts" // on the alerts that it raised: it cannot be played again
	fromLines  = "lines"  // line by line, on what is kept of logs
	fromNone   = "none"   // not at all
)

// Would is what a rule, or a setting of one, would have found.
type Would struct {
	Since  store.Time   `json:"since"`
	Days   int          `json:"days"`
	Basis  string       `json:"basis" enum:"events,counts,alerts,lines,none" doc:"On what it was judged: events one by one, sums of conversations, log lines one by one, the alerts that there were, or not at all"`
	Notes  []string     `json:"notes" nullable:"false" enum:"flags,common,windows,inventory,cut,facts" doc:"What the answer leaves out"`
	Alerts int64        `json:"alerts" doc:"That would have been raised, or raised again"`
	Hits   int64        `json:"hits"`
	Quiet  int64        `json:"quiet" doc:"Hits that planned work, an exception or the setting would have kept quiet"`
	Sites  []WouldSite  `json:"sites" nullable:"false"`
	First  []WouldAlert `json:"examples" nullable:"false" doc:"The first few"`
}

// WouldSite is the share of a site.
type WouldSite struct {
	SiteID string `json:"site_id"`
	Site   string `json:"site"`
	Alerts int64  `json:"alerts"`
	Hits   int64  `json:"hits"`
}

// WouldAlert is one of them.
type WouldAlert struct {
	Site     string     `json:"site"`
	At       store.Time `json:"at"`
	Severity string     `json:"severity"`
	Client   string     `json:"client"`
	Server   string     `json:"server"`
	Facts    []rule.Say `json:"facts" nullable:"false"`
}

// Bounds of an answer.
const (
	maxExamples = 8
	maxFound    = 20_000 // alerts that are told apart, a rule
)

// basis says how a rule can be played over what is kept, and what that leaves out.
func basis(r *rule.Ready) (how string, notes []string) {
	for _, f := range slices.Concat(r.Mask.Flags, r.Mask.Without) {
		if f != "refused" {
			notes = append(notes, "flags") // they are not kept with a message
			break
		}
	}
	switch of := r.Over(); {
	case r.On == rule.State:
		return fromAlerts, nil
	case r.On == rule.Window && of != rule.Message:
		return fromAlerts, []string{"windows"} // sums have no times
	case of == rule.Message:
		if common(r.Mask.Classes) {
			notes = append(notes, "common")
		}
		return fromEvents, append(notes, "inventory")
	case of == rule.Fact:
		return fromEvents, append(notes, "facts", "inventory")
	default:
		return fromCounts, append(notes, "inventory")
	}
}

// common says whether a mask lets messages through that are timed and not kept one by one.
func common(classes []string) bool {
	for _, c := range classes {
		if ot.ParseClass(c)&ot.Rare == 0 {
			return true
		}
	}
	return len(classes) == 0
}

// trial is a setting that somebody thinks of.
type trial struct{ setting *settingRow }

// replay plays rules over what the sites in scope heard; those in onLines over the log lines that they keep.
func (s *Service) replay(ctx context.Context, r store.Reader, scope Scope, set *rule.Set, onLines []sigma.Rule, try *trial) (map[string]*Would, error) {
	type site struct {
		No   int64  `db:"site_no"`
		ID   string `db:"site_id"`
		Name string `db:"name"`
	}
	since := s.now().Add(-noise)
	out := map[string]*Would{}
	var want Heard
	all := set.All()
	played := ofSet(onLines, set)
	for i := range all {
		how, notes := basis(&all[i])
		if s.lines != nil && slices.ContainsFunc(played, func(x *sigma.Rule) bool { return x.ID == all[i].ID }) {
			how, notes = fromLines, nil
		}
		out[all[i].ID] = &Would{Since: store.At(since), Days: int(noise / (24 * time.Hour)), Basis: how, Notes: append([]string{}, notes...), Sites: []WouldSite{}, First: []WouldAlert{}}
		if how != fromEvents && how != fromCounts {
			continue
		}
		switch all[i].Over() {
		case rule.Message:
			want.Messages = true
		case rule.Tuple:
			want.Tuples = true
		case rule.Conversation:
			want.Conversations = true
		case rule.Fact:
			want.Facts = true
		}
	}
	if len(all) == 0 {
		return out, nil
	}
	sites, err := store.All[site](ctx, r, "SELECT o.site_no, o.site_id, o.name FROM org_site o WHERE ? ORDER BY o.name, o.site_id", scope.Where("o.site_no", ""))
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(maxReading)
	for _, at := range sites {
		if try != nil && try.setting != nil && try.setting.SiteNo != at.No {
			continue
		}
		p := &replaying{
			s: s, r: r, set: set, siteNo: at.No, since: since, until: until, out: out, site: at.Name,
			known: map[string]string{}, last: map[string]int64{}, sums: map[string]*WouldSite{}, recent: map[string][]timed{}, who: map[Host]Party{},
		}
		if p.except, err = p.exceptions(ctx); err != nil {
			return nil, err
		}
		if try != nil {
			p.setting = try.setting
		}
		if err := p.play(ctx, want); err != nil {
			return nil, err
		}
		if err := p.playLines(ctx, played); err != nil {
			return nil, err
		}
		if err := p.recall(ctx); err != nil {
			return nil, err
		}
		for id, sum := range p.sums {
			sum.SiteID, sum.Site = at.ID, at.Name
			out[id].Sites = append(out[id].Sites, *sum)
		}
	}
	for _, w := range out {
		slices.SortStableFunc(w.First, func(a, b WouldAlert) int { return a.At.Compare(b.At.Time) })
		w.First = w.First[:min(len(w.First), maxExamples)]
	}
	return out, nil
}

// replaying is one site of a replay.
type replaying struct {
	s       *Service
	r       store.Reader
	set     *rule.Set
	siteNo  int64
	site    string
	since   time.Time
	until   time.Time // log lines are read so long
	setting *settingRow
	except  []exceptionRow
	out     map[string]*Would

	known  map[string]string
	last   map[string]int64 // by rule and group: when its alert was met last
	sums   map[string]*WouldSite
	recent map[string][]timed // of a setting's threshold: hits of the last day
	who    map[Host]Party
}

type timed struct{ at, n int64 }

func (p *replaying) exceptions(ctx context.Context) ([]exceptionRow, error) {
	if !p.s.cfg.Exceptions {
		return nil, nil
	}
	return exceptionsOf(ctx, p.r, p.siteNo, store.At(p.s.now()))
}

// play judges what was heard anew, with a judge of its own.
func (p *replaying) play(ctx context.Context, want Heard) error {
	if p.s.cfg.Past == nil || want == (Heard{}) {
		return nil
	}
	judge := NewJudge(p.set, p.s.cfg.Names)
	var planned []Window
	var err error
	if p.s.cfg.Plant != nil {
		if planned, err = p.s.cfg.Plant.Planned(ctx, p.r, p.siteNo, p.since.Add(-slack), p.s.now()); err != nil {
			return err
		}
	}
	seq := uint64(0)
	cut, err := p.s.cfg.Past.Again(ctx, p.r, p.siteNo, p.since, want, func(realmNo int64, sum *sensor.Summary) error {
		seq++
		sum.Sensor, sum.Epoch, sum.Seq = "replay", "", seq
		masks := &Look{j: judge}
		for i := range sum.Events { // what the sensor's masks would have said
			e := &sum.Events[i]
			e.Rules = nil
			if m, ok := masks.spoken(e); ok {
				for _, n := range p.set.Hit(&m, nil) {
					e.Rules = append(e.Rules, p.set.Rule(n).ID)
				}
			}
		}
		look := judge.Begin(Seen{sensor.Delivery{SiteNo: p.siteNo, RealmNo: realmNo, Source: "replay"}, sum})
		if look.Empty() {
			return nil
		}
		if err := p.know(ctx, look.Hosts()); err != nil {
			return err
		}
		hits, err := look.End(Around{Who: p.who, Planned: planned, Known: p.known})
		if err != nil {
			p.s.cfg.Log.Warn("a condition of a rule that was tried failed", "error", err)
		}
		for name, v := range look.Learnt() {
			p.known[name] = v
		}
		for i := range hits {
			p.add(&hits[i])
		}
		return nil
	})
	if cut {
		for _, w := range p.out {
			if w.Basis != fromAlerts && w.Basis != fromLines && !slices.Contains(w.Notes, "cut") {
				w.Notes = append(w.Notes, "cut")
			}
		}
	}
	return err
}

// know asks whose hosts these are, each once.
func (p *replaying) know(ctx context.Context, hosts []Host) error {
	if p.s.cfg.Plant == nil {
		return nil
	}
	var ask []Host
	for _, h := range hosts {
		if _, ok := p.who[h]; !ok {
			ask = append(ask, h)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	got, err := p.s.cfg.Plant.Who(ctx, p.r, p.siteNo, ask)
	for _, h := range ask {
		p.who[h] = got[h]
	}
	return err
}

// add counts a hit as Raise would.
func (p *replaying) add(h *rule.Hit) {
	of, w := p.set.Lookup(h.Rule), p.out[h.Rule]
	if h.Last < p.since.UnixNano() {
		return // older: only what is known since then counts
	}
	n := int64(max(h.Count, 1))
	sum := p.sums[h.Rule]
	if sum == nil {
		sum = &WouldSite{}
		p.sums[h.Rule] = sum
	}
	w.Hits += n
	sum.Hits += n
	if p.silent(h, n) {
		w.Quiet += n
		return
	}
	key, at := KeyOf(of, h), max(h.First, p.since.UnixNano())
	wait := quiet
	if of.Returns > 0 {
		wait = time.Duration(of.Returns)
	}
	if last, open := p.last[key]; !open || at-last > int64(wait) {
		if !open && len(p.last) >= maxFound {
			return
		}
		w.Alerts++
		sum.Alerts++
		p.show(w, of, h, at)
	}
	p.last[key] = max(p.last[key], h.Last)
}

// show keeps one of the first few as an example.
func (p *replaying) show(w *Would, of *rule.Rule, h *rule.Hit, at int64) {
	if len(w.First) >= maxExamples*4 { // the earliest are not the first to be found: kinds are played one after the other
		return
	}
	severity := of.Severity
	if h.Severity != "" {
		severity = h.Severity
	}
	a := WouldAlert{Site: p.site, At: store.Micros(at / 1000), Severity: string(severity), Client: h.Client.Name(), Server: h.Server.Name(), Facts: []rule.Say{}}
	for _, f := range h.Facts[:min(len(h.Facts), 4)] {
		a.Facts = append(a.Facts, rule.Say{Name: f.Name, Value: ot.Printable(f.Value)})
	}
	w.First = append(w.First, a)
}

// silent says whether planned work, an exception or the setting keeps a hit quiet.
func (p *replaying) silent(h *rule.Hit, n int64) bool {
	if h.Severity == rule.Silent {
		return true
	}
	if x := p.setting; x != nil {
		if x.apply(h); h.Severity == rule.Silent {
			return true
		}
		if x.Threshold > 1 {
			day := slices.DeleteFunc(p.recent[h.Rule], func(c timed) bool { return c.at < h.Last-int64(24*time.Hour) })
			p.recent[h.Rule] = append(day, timed{h.Last, n})
			total := int64(0)
			for _, c := range p.recent[h.Rule] {
				total += c.n
			}
			if total < x.Threshold {
				return true
			}
		}
	}
	for _, e := range p.except {
		if e.Rule != h.Rule || e.ZoneNo != 0 && e.ZoneNo != h.ZoneNo || e.Item != "" && e.Item != h.Client.Name() && e.Item != h.Server.Name() {
			continue
		}
		if e.AssetID == "" || p.who[hostAt(h.RealmNo, h.Client.IP, h.Client.MAC)].Asset == e.AssetID || p.who[hostAt(h.RealmNo, h.Server.IP, h.Server.MAC)].Asset == e.AssetID {
			return true
		}
	}
	return false
}

// recall judges by the alerts that there were what cannot be played again.
func (p *replaying) recall(ctx context.Context) error {
	var ids []string
	for id, w := range p.out {
		if w.Basis == fromAlerts {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := store.All[alertRow](ctx, p.r, "SELECT "+alertColumns+" FROM detect_alert WHERE site_no = ? AND rule IN (?) AND last_at >= ? ORDER BY last_at LIMIT 5000", p.siteNo, ids, p.since.UnixMicro())
	if err != nil {
		return err
	}
	for i := range rows {
		a := &rows[i]
		p.add(&rule.Hit{
			Rule: a.Rule, SiteNo: a.SiteNo, RealmNo: a.RealmNo, ZoneNo: a.ZoneNo, Client: rule.End{MAC: a.ClientMAC, IP: a.ClientIP}, Server: rule.End{MAC: a.ServerMAC, IP: a.ServerIP},
			Group: []string{a.ID}, First: a.FirstAt * 1000, Last: a.LastAt * 1000, Count: uint64(max(a.Count, 1)), Facts: a.Facts.V,
		})
	}
	return nil
}

// Try says what a setting of a rule would have let through at a site in the last 30 days.
func (s *Service) Try(ctx context.Context, scope Scope, siteID, ruleID string, in Setting) (out Would, err error) {
	of := s.Rules().Lookup(ruleID)
	if of == nil {
		return out, ot.Errorf(ot.NotFound, "there is no such rule")
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		row, err := s.settingOf(ctx, r, scope, Person{}, siteID, ruleID, in)
		if err != nil {
			return err
		}
		set, err := rule.Compile([]rule.Rule{*of}, s.cfg.Catalogue, s.cfg.Catalogue.Len())
		if err != nil {
			return err
		}
		var onLines []sigma.Rule
		if running := s.logRules.Load(); running != nil {
			onLines = *running
		}
		would, err := s.replay(ctx, r, scope, set, onLines, &trial{&row})
		if err != nil {
			return err
		}
		out = *would[ruleID]
		return nil
	})
	return out, err
}
