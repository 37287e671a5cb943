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
		out = append(out, Part{flows, tuples, sum.Live})
	}
	return out
}

// attempt says that a flow is nobody's conversation: an opening without an answer. A
// scan is thousands of them, and has rules of its own.
func attempt(f *sensor.FlowDelta) bool {
	return f.Transport == "tcp" && !f.Established && f.Protocol == ""
}

// learner is one part at work.
type learner struct {
	s        *Service
	tx       *store.Tx
	d        sensor.Delivery
	places   map[End]Place
	states   map[int64]func(int64) string // by hour
	phases   map[phaseKey]phase
	zone     *time.Location
	known    map[string]bool // addresses in the site's baseline
	talks    map[talkAt]*talk
	fns      map[fnAt]*function
	count    map[talkAt]int // functions of a talk
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

// Learn takes one part of a summary in the caller's transaction.
func (s *Service) Learn(ctx context.Context, tx *store.Tx, d sensor.Delivery, p Part) error {
	l := &learner{
		s: s, tx: tx, d: d, states: map[int64]func(int64) string{}, talks: map[talkAt]*talk{}, fns: map[fnAt]*function{}, count: map[talkAt]int{},
		dirty: map[talkAt]bool{}, changed: map[fnAt]bool{}, listened: map[int64]listenedRow{},
	}
	if err := l.prepare(ctx, p); err != nil {
		return err
	}
	for i := range p.flows {
		f := &p.flows[i]
		if err := l.take(ctx, f, p.tuples[keyOf(f)], p.live); err != nil {
			return err
		}
	}
	return l.flush(ctx)
}

func keyOf(f *sensor.FlowDelta) sensor.FlowKey {
	return sensor.FlowKey{Realm: f.Realm, Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol}
}

// prepare reads what the part's conversations need, each kind once.
func (l *learner) prepare(ctx context.Context, p Part) (err error) {
	seen := map[End]bool{}
	var ends []End
	var hashes []int64
	var addresses []string
	for i := range p.flows {
		f := &p.flows[i]
		realm := l.d.Realm(f.Realm)
		a, b := text(f.Client), text(f.Server)
		hashes = append(hashes, talkHash(realm, a, b, f.Transport, f.Port, f.Protocol))
		for _, e := range []End{{realm, a}, {realm, b}} {
			if !seen[e] {
				seen[e] = true
				ends = append(ends, e)
				addresses = append(addresses, e.Address)
			}
		}
	}
	if l.places, err = l.s.cfg.Plant.Places(ctx, l.tx, l.d.SiteNo, ends); err != nil {
		return err
	}
	if l.phases, err = phasesOf(ctx, l.tx, l.d.SiteNo); err != nil {
		return err
	}
	if l.zone, err = clockOf(ctx, l.tx, l.d.SiteNo); err != nil {
		return err
	}
	slices.Sort(hashes)
	hashes = slices.Compact(hashes)
	for part := range slices.Chunk(hashes, 400) {
		rows, err := store.All[talk](ctx, l.tx, "SELECT "+talkColumns+" FROM baseline_talk t WHERE t.site_no = ? AND t.state IN (?) AND t.talk IN (?)", l.d.SiteNo, States(), part)
		if err != nil {
			return err
		}
		for i := range rows {
			l.talks[talkAt{rows[i].State, rows[i].Talk}] = &rows[i]
		}
		fns, err := store.All[function](ctx, l.tx, "SELECT "+functionColumns+" FROM baseline_function f WHERE f.site_no = ? AND f.state IN (?) AND f.talk IN (?)", l.d.SiteNo, States(), part)
		if err != nil {
			return err
		}
		for i := range fns {
			at := talkAt{fns[i].State, fns[i].Talk}
			l.fns[fnAt{at, fns[i].Fn}] = &fns[i]
			l.count[at]++
		}
	}
	return l.knowing(ctx, addresses)
}

// knowing notes which addresses the site's baseline already holds, where a zone protects.
func (l *learner) knowing(ctx context.Context, addresses []string) error {
	if !slices.ContainsFunc(mapValues(l.phases), func(p phase) bool { return p.Phase != Learning }) {
		return nil
	}
	l.known = map[string]bool{}
	for part := range slices.Chunk(addresses, 400) {
		rows, err := store.All[string](ctx, l.tx, "SELECT DISTINCT address FROM baseline_address WHERE site_no = ? AND address IN (?)", l.d.SiteNo, part)
		if err != nil {
			return err
		}
		for _, a := range rows {
			l.known[a] = true
		}
	}
	return nil
}

func mapValues[K comparable, V any](m map[K]V) (out []V) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// stateAt gives the plant's state, read once an hour of packet time.
func (l *learner) stateAt(ctx context.Context, at time.Time) (func(int64) string, error) {
	hour := at.Unix() / 3600
	if f, ok := l.states[hour]; ok {
		return f, nil
	}
	f, err := l.s.cfg.Plant.State(ctx, l.tx, l.d.SiteNo, at)
	l.states[hour] = f
	return f, err
}

// take judges one conversation.
func (l *learner) take(ctx context.Context, f *sensor.FlowDelta, tuples []*sensor.TupleDelta, live bool) error {
	realm, client, server := l.d.Realm(f.Realm), text(f.Client), text(f.Server)
	from, to := l.places[End{realm, client}], l.places[End{realm, server}]
	zone := to.ZoneNo
	if zone <= 0 {
		zone = max(from.ZoneNo, 0)
	}
	at := time.Unix(0, f.Last).In(l.zone)
	states, err := l.stateAt(ctx, at)
	if err != nil {
		return err
	}
	state := states(zone)
	key := talkAt{state, talkHash(realm, client, server, f.Transport, f.Port, f.Protocol)}
	ph := phaseIn(l.phases, zone, state, l.s.now())
	if x := l.listened[zone]; live && micros(f.Last) > x.Last {
		l.listened[zone] = listenedRow{l.d.SiteNo, zone, state, micros(f.Last), micros(f.Last)}
	}
	t, fresh := l.talks[key], false
	if t == nil {
		if attempt(f) {
			return nil
		}
		fresh = true
		t = &talk{
			SiteNo: l.d.SiteNo, State: state, Talk: key.talk, RealmNo: realm, Transport: f.Transport, Port: int64(f.Port), Protocol: f.Protocol, Verdict: Learned,
			First: micros(f.First), Last: micros(f.Last), Source: l.d.Source, Packet: int64(f.FirstRef.Number), Client: client, Server: server,
		}
		if ph != Learning {
			t.Verdict = Fresh
		}
		l.talks[key] = t
	}
	if t.place(client, server, zone, from, to, tuples) || fresh {
		t.Pattern = t.patternOf()
		l.dirty[key] = true
	}
	h := &heard{flow: f, at: at, phase: ph, live: live, from: l.d.Source}
	device := ""
	if fresh && ph == Protecting {
		device = l.stranger(client, server)
	}
	found, changed := judge(t, h, fresh, device)
	for _, tuple := range tuples {
		more, moved := l.function(t, key, tuple, h)
		found, changed = append(found, more...), changed || moved
	}
	if changed {
		l.dirty[key] = true
	}
	l.tell(t, h, found)
	return nil
}

// stranger is the end that the site's baseline never held.
func (l *learner) stranger(client, server string) string {
	for _, a := range []string{client, server} {
		if !l.known[a] {
			l.known[a] = true
			return a
		}
	}
	return ""
}

// place keeps what is known of the ends; it says whether the group changed by it.
func (t *talk) place(client, server string, zone int64, from, to Place, tuples []*sensor.TupleDelta) bool {
	classes := t.Classes
	for _, x := range tuples {
		classes |= int64(ot.ParseClass(x.Class))
	}
	was := *t
	t.Client, t.Server, t.ZoneNo, t.Classes = client, server, zone, classes
	t.ClientZone, t.ServerZone, t.ClientRole, t.ServerRole = from.ZoneNo, to.ZoneNo, from.Role, to.Role
	return was != *t
}

func (l *learner) function(t *talk, at talkAt, d *sensor.TupleDelta, h *heard) ([]news, bool) {
	key := fnAt{at, fnHash(d)}
	f, fresh := l.fns[key], false
	if f == nil && l.count[at] >= maxFunctions {
		short := *d
		short.Text, short.Area, short.Unit, short.Name = "…", 0, 0, ""
		d = &short
		key.fn = fnHash(d)
		f = l.fns[key]
	}
	if f == nil {
		fresh = true
		f = &function{
			SiteNo: t.SiteNo, State: t.State, Talk: t.Talk, Fn: key.fn, Protocol: d.Protocol, Kind: d.Kind, Code: int64(d.Code), Text: d.Text, Class: d.Class, Unit: int64(d.Unit),
			Space: int64(d.Space), Area: int64(d.Area), Name: d.Name, Verdict: Learned, First: micros(d.First), Last: micros(d.Last),
		}
		if h.phase != Learning {
			f.Verdict = Fresh
		}
		l.fns[key] = f
		l.count[at]++
	}
	found, changed := judgeFunction(t, f, d, h, fresh)
	if len(found) > 0 {
		t.Told = store.At(h.at)
	}
	if changed {
		l.changed[key] = true
	}
	return found, len(found) > 0
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
		t := l.talks[k]
		talks = append(talks, *t)
		for _, a := range []string{t.Client, t.Server} {
			if r := (addressRow{t.SiteNo, a}); !at[r] {
				at[r] = true
				addresses = append(addresses, r)
			}
		}
	}
	var fns []function
	for k := range l.changed {
		fns = append(fns, *l.fns[k])
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
