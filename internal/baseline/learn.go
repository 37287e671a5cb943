package baseline

import (
	"context"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

const (
	partFlows = 400 // conversations one transaction takes
	// maxFunctions of one conversation: beyond them names and areas are not told apart,
	// because a client that asks for ever new names is one thing and not thousands.
	maxFunctions = 256
)

// Part is what one transaction takes of a summary.
type Part struct {
	flows  []sensor.FlowDelta
	tuples map[sensor.FlowKey][]*sensor.TupleDelta
	live   bool
	from   int64 // what the summary covers, ns
}

// Parts cuts a summary, so that the one writer is never held long. Taking a part again
// changes nothing: a baseline is a set.
func Parts(sum *sensor.Summary) []Part {
	tuples := map[sensor.FlowKey][]*sensor.TupleDelta{}
	for i := range sum.Tuples {
		t := &sum.Tuples[i]
		if t.Dir == ot.Response.String() || t.Also {
			continue
		}
		tuples[t.Flow] = append(tuples[t.Flow], t)
	}
	var out []Part
	for flows := range slices.Chunk(sum.Flows, partFlows) {
		out = append(out, Part{flows, tuples, sum.Live, sum.From})
	}
	return out
}

// attempt says that a flow is nobody's conversation: an opening without an answer. A
// scan is thousands of them, and has rules of its own.
func attempt(f *sensor.FlowDelta) bool {
	return f.Transport == "tcp" && !f.Established && f.Protocol == ""
}

// resolution says that a flow asks for hardware addresses. It is no conversation, but who
// does it is there.
func resolution(f *sensor.FlowDelta) bool { return f.Protocol == "arp" }

// learner is one part at work.
type learner struct {
	s        *Service
	tx       *store.Tx
	d        sensor.Delivery
	places   map[End]Place
	states   map[int64]func(int64) string // by hour
	phases   map[phaseKey]phase
	zone     *time.Location
	known    map[string]bool // addresses that the site's baseline has; nil: it has not been asked
	met      []string        // addresses that it now has, beside those of conversations
	memory   *remembered
	entries  map[talkAt]*entry
	dirty    map[talkAt]bool
	changed  map[fnAt]bool
	listened map[int64]listenedRow // by zone
	logs     []logRow
	hits     []rule.Hit
}

type talkAt struct {
	state string
	talk  int64
}

type fnAt struct {
	talkAt
	fn int64
}

// spoken is one conversation of a part, with where it belongs.
type spoken struct {
	flow           *sensor.FlowDelta
	realm          int64
	client, server string
	from, to       Place
	zone           int64
	at             time.Time // of its newest packet, on the site's clock
	key            talkAt
}

// Learn takes one part of a summary in the caller's transaction.
func (s *Service) Learn(ctx context.Context, tx *store.Tx, d sensor.Delivery, p Part) (err error) {
	l := &learner{
		s: s, tx: tx, d: d, states: map[int64]func(int64) string{}, entries: map[talkAt]*entry{}, dirty: map[talkAt]bool{}, changed: map[fnAt]bool{},
		listened: map[int64]listenedRow{}, memory: s.memory.of(d.SiteNo),
	}
	l.memory.mu.Lock()
	defer func() {
		if err != nil {
			l.memory.young = nil // half of it may have happened
		}
		l.memory.mu.Unlock()
	}()
	all, err := l.prepare(ctx, p)
	if err != nil {
		return err
	}
	for i := range all {
		if !resolution(all[i].flow) {
			l.take(&all[i], &p)
		}
	}
	for i := range all { // afterwards, so that a new device is told of by its IP address where it has one
		if resolution(all[i].flow) {
			l.meet(&all[i], p.live)
		}
	}
	return l.flush(ctx)
}

func keyOf(f *sensor.FlowDelta) sensor.FlowKey {
	return sensor.FlowKey{Realm: f.Realm, Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol}
}

func mapValues[K comparable, V any](m map[K]V) (out []V) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// take judges one conversation.
func (l *learner) take(x *spoken, p *Part) {
	f, key, live := x.flow, x.key, p.live
	tuples := p.tuples[keyOf(f)]
	ph := phaseIn(l.phases, x.zone, key.state, l.s.now())
	l.listen(x, live)
	e, fresh := l.entries[key], false
	if e == nil {
		if attempt(f) {
			return
		}
		fresh = true
		e = &entry{fns: map[int64]*function{}, talk: talk{
			SiteNo: l.d.SiteNo, State: key.state, Talk: key.talk, RealmNo: x.realm, Transport: f.Transport, Port: int64(f.Port), Protocol: f.Protocol, Verdict: Learned,
			First: micros(f.First), Last: micros(f.Last), Source: l.d.Source, Packet: int64(f.FirstRef.Number), Client: x.client, Server: x.server,
		}}
		if ph != Learning {
			e.talk.Verdict = Fresh
		}
		l.entries[key] = e
		l.memory.put(key, e)
	}
	t := &e.talk
	if t.place(x, tuples) || fresh {
		t.Pattern = t.patternOf()
		l.dirty[key] = true
	}
	h := &heard{flow: f, at: x.at, since: sinceOf(f, p.from), phase: ph, fresh: fresh, live: live, from: l.d.Source}
	device := ""
	if fresh && ph == Protecting {
		device = l.stranger(x)
	}
	found, changed := judge(t, h, fresh, device)
	for _, tuple := range tuples {
		more, moved := l.function(e, key, tuple, h)
		found, changed = append(found, more...), changed || moved
	}
	if changed {
		l.dirty[key] = true
	}
	l.tell(t, h, found)
}

// sinceOf says from when a conversation may have been heard that a summary tells of. Most
// summaries cover seconds; of a long one it counts as heard in all its hours.
func sinceOf(f *sensor.FlowDelta, from int64) time.Time {
	return time.Unix(0, max(f.First, from, f.Last-int64(2*24*time.Hour)))
}

// listen notes that a zone is heard.
func (l *learner) listen(x *spoken, live bool) {
	if at := micros(x.flow.Last); live && at > l.listened[x.zone].Last {
		l.listened[x.zone] = listenedRow{l.d.SiteNo, x.zone, x.key.state, at, at}
	}
}

// meet notes who asks for hardware addresses: a device that has said nothing else yet is there.
func (l *learner) meet(x *spoken, live bool) {
	l.listen(x, live)
	if l.memory.met[x.client] {
		return
	}
	l.memory.meet(x.client)
	l.met = append(l.met, x.client)
	ph := phaseIn(l.phases, x.zone, x.key.state, l.s.now())
	if l.known == nil || l.known[x.client] || ph != Protecting {
		return
	}
	l.known[x.client] = true
	t := &talk{SiteNo: l.d.SiteNo, State: x.key.state, Talk: x.key.talk, ZoneNo: x.zone, RealmNo: x.realm, Client: x.client, Transport: x.flow.Transport, Protocol: x.flow.Protocol}
	l.tell(t, &heard{flow: x.flow, at: x.at, phase: ph, live: live, from: l.d.Source}, []news{{rule: RuleDevice, what: "new-device", now: x.client}})
}

// stranger is the end that the site's baseline never held. Whoever is outside is none:
// who went there is what matters.
func (l *learner) stranger(x *spoken) string {
	for _, e := range []struct {
		address string
		place   Place
	}{{x.client, x.from}, {x.server, x.to}} {
		if e.place.ZoneNo != Internet && e.place.Role != "group" && !l.known[e.address] {
			l.known[e.address] = true
			return e.address
		}
	}
	return ""
}

// place keeps what is known of the ends; it says whether the group changed by it.
func (t *talk) place(x *spoken, tuples []*sensor.TupleDelta) bool {
	classes := t.Classes
	for _, d := range tuples {
		classes |= int64(ot.ParseClass(d.Class))
	}
	was := *t
	t.Client, t.Server, t.ZoneNo, t.Classes = x.client, x.server, x.zone, classes
	t.ClientZone, t.ServerZone, t.ClientRole, t.ServerRole = x.from.ZoneNo, x.to.ZoneNo, x.from.Role, x.to.Role
	return was != *t
}

func (l *learner) function(e *entry, at talkAt, d *sensor.TupleDelta, h *heard) ([]news, bool) {
	t, fn := &e.talk, fnHash(d)
	f, fresh := e.fns[fn], false
	if f == nil && len(e.fns) >= maxFunctions {
		short := *d
		short.Text, short.Area, short.Unit, short.Name = "…", 0, 0, ""
		d = &short
		fn = fnHash(d)
		f = e.fns[fn]
	}
	if f == nil {
		fresh = true
		f = &function{
			SiteNo: t.SiteNo, State: t.State, Talk: t.Talk, Fn: fn, Protocol: d.Protocol, Kind: d.Kind, Code: int64(d.Code), Text: d.Text, Class: d.Class, Unit: int64(d.Unit),
			Space: int64(d.Space), Area: int64(d.Area), Name: d.Name, Verdict: Learned, First: micros(d.First), Last: micros(d.Last),
		}
		if h.phase != Learning {
			f.Verdict = Fresh
		}
		e.fns[fn] = f
		l.memory.grown(1)
	}
	found, changed := judgeFunction(t, f, d, h, fresh)
	told := slices.ContainsFunc(found, func(n news) bool { return n.rule != "" })
	if told {
		t.Told = store.At(h.at)
	}
	if changed {
		l.changed[fnAt{at, fn}] = true
	}
	return found, told
}

// tell notes what departs, and raises it.
func (l *learner) tell(t *talk, h *heard, found []news) {
	for _, n := range found {
		row := logRow{ID: store.NewID(), SiteNo: t.SiteNo, ZoneNo: t.ZoneNo, State: t.State, Talk: t.Talk, At: store.At(h.at), What: n.what, Was: n.was, Now: n.now}
		if n.fn != nil {
			row.Fn = n.fn.Fn
		}
		l.logs = append(l.logs, row)
		if n.rule != "" {
			l.hits = append(l.hits, hitOf(t, h, n))
		}
	}
}

// flush writes what changed.
func (l *learner) flush(ctx context.Context) error {
	var talks []talk
	var addresses []addressRow
	at := map[addressRow]bool{}
	for k := range l.dirty {
		t := &l.entries[k].talk
		talks = append(talks, *t)
		for _, a := range []string{t.Client, t.Server} {
			if r := (addressRow{t.SiteNo, a}); !at[r] {
				at[r] = true
				addresses = append(addresses, r)
			}
		}
	}
	for _, a := range l.met {
		if r := (addressRow{l.d.SiteNo, a}); !at[r] {
			at[r] = true
			addresses = append(addresses, r)
		}
	}
	var fns []function
	for k := range l.changed {
		fns = append(fns, *l.entries[k.talkAt].fns[k.fn])
	}
	slices.SortFunc(talks, func(a, b talk) int { return int(a.Talk>>32) - int(b.Talk>>32) })
	if err := store.Upsert(ctx, l.tx, "baseline_talk", talks, talkKey(), talkSet()); err != nil {
		return err
	}
	if err := store.Upsert(ctx, l.tx, "baseline_address", addresses, []string{"site_no", "address"}, nil); err != nil {
		return err
	}
	if err := store.Upsert(ctx, l.tx, "baseline_function", fns, functionKey(), functionSet()); err != nil {
		return err
	}
	if err := store.Upsert(ctx, l.tx, "baseline_listened", mapValues(l.listened), []string{"site_no", "zone_no"}, []string{
		"since_at = CASE WHEN baseline_listened.state = excluded.state THEN baseline_listened.since_at ELSE excluded.since_at END", "state",
		"last_at = CASE WHEN baseline_listened.last_at > excluded.last_at THEN baseline_listened.last_at ELSE excluded.last_at END",
	}); err != nil {
		return err
	}
	if err := store.Upsert(ctx, l.tx, "baseline_log", l.logs, nil, nil); err != nil {
		return err
	}
	if len(talks)+len(fns)+len(l.met) > 0 {
		stamp, err := changed(ctx, l.tx, l.d.SiteNo)
		if err != nil {
			return err
		}
		l.memory.stamp = stamp
	}
	if l.s.cfg.Raiser == nil || len(l.hits) == 0 {
		return nil
	}
	return l.s.cfg.Raiser.Raise(ctx, l.tx, l.hits...)
}

type addressRow struct {
	SiteNo  int64  `db:"site_no"`
	Address string `db:"address"`
}

// listenedRow is baseline_listened.
type listenedRow struct {
	SiteNo int64  `db:"site_no"`
	ZoneNo int64  `db:"zone_no"`
	State  string `db:"state"`
	Since  int64  `db:"since_at"`
	Last   int64  `db:"last_at"`
}

type logRow struct {
	ID     string     `db:"log_id"`
	SiteNo int64      `db:"site_no"`
	ZoneNo int64      `db:"zone_no"`
	State  string     `db:"state"`
	Talk   int64      `db:"talk"`
	Fn     int64      `db:"fn"`
	At     store.Time `db:"at"`
	What   string     `db:"what"`
	Was    string     `db:"was"`
	Now    string     `db:"now"`
	By     string     `db:"by_name"`
}
