package baseline

import (
	"context"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// prepare reads what the part's conversations need and memory does not have, each kind once.
func (l *learner) prepare(ctx context.Context, p Part) ([]spoken, error) {
	all := make([]spoken, len(p.flows))
	seen := map[End]bool{}
	var ends []End
	for i := range p.flows {
		f := &p.flows[i]
		x := &all[i]
		*x = spoken{flow: f, realm: l.d.Realm(f.Realm), client: text(f.Client), server: text(f.Server)}
		for _, e := range []End{{x.realm, x.client}, {x.realm, x.server}} {
			if !seen[e] {
				seen[e] = true
				ends = append(ends, e)
			}
		}
	}
	var err error
	if l.places, err = l.s.cfg.Plant.Places(ctx, l.tx, l.d.SiteNo, ends); err != nil {
		return nil, err
	}
	if l.phases, err = phasesOf(ctx, l.tx, l.d.SiteNo); err != nil {
		return nil, err
	}
	if l.zone, err = clockOf(ctx, l.tx, l.d.SiteNo); err != nil {
		return nil, err
	}
	stamp, err := stampOf(ctx, l.tx, l.d.SiteNo)
	if err != nil {
		return nil, err
	}
	l.memory.under(stamp)
	for i := range all {
		if err := l.locate(ctx, &all[i]); err != nil {
			return nil, err
		}
	}
	if err := l.load(ctx, all); err != nil {
		return nil, err
	}
	return all, l.knowing(ctx, all)
}

// locate says whose baseline a conversation belongs to.
func (l *learner) locate(ctx context.Context, x *spoken) error {
	x.from, x.to = l.places[End{x.realm, x.client}], l.places[End{x.realm, x.server}]
	x.zone = x.to.ZoneNo
	if x.zone <= 0 {
		x.zone = max(x.from.ZoneNo, 0)
	}
	x.at = time.Unix(0, x.flow.Last).In(l.zone)
	states, err := l.stateAt(ctx, x.at)
	if err != nil {
		return err
	}
	x.key = talkAt{states(x.zone), talkHash(x.realm, x.client, x.server, x.flow.Transport, x.flow.Port, x.flow.Protocol)}
	return nil
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

// load finds the rows of conversations, in memory or in the database.
func (l *learner) load(ctx context.Context, all []spoken) error {
	missing := map[string][]int64{}
	for i := range all {
		key := all[i].key
		if resolution(all[i].flow) {
			continue
		}
		if e := l.memory.get(key); e != nil {
			l.entries[key] = e
		} else {
			missing[key.state] = append(missing[key.state], key.talk)
		}
	}
	for state, hashes := range missing {
		slices.Sort(hashes)
		for part := range slices.Chunk(slices.Compact(hashes), partFlows) {
			if err := l.read(ctx, state, part); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *learner) read(ctx context.Context, state string, hashes []int64) error {
	rows, err := store.All[talk](ctx, l.tx, "SELECT "+talkColumns+" FROM baseline_talk t WHERE t.site_no = ? AND t.state = ? AND t.talk IN (?)", l.d.SiteNo, state, hashes)
	if err != nil || len(rows) == 0 {
		return err
	}
	fns, err := store.All[function](ctx, l.tx, "SELECT "+functionColumns+" FROM baseline_function f WHERE f.site_no = ? AND f.state = ? AND f.talk IN (?)", l.d.SiteNo, state, hashes)
	if err != nil {
		return err
	}
	for i := range rows {
		l.entries[talkAt{state, rows[i].Talk}] = &entry{talk: rows[i], fns: map[int64]*function{}}
	}
	for i := range fns {
		if e := l.entries[talkAt{state, fns[i].Talk}]; e != nil {
			e.fns[fns[i].Fn] = &fns[i]
		}
	}
	for i := range rows {
		key := talkAt{state, rows[i].Talk}
		l.memory.put(key, l.entries[key])
	}
	return nil
}

// knowing notes which ends of conversations that are not in the baseline stand in others
// of the site's, where a zone protects.
func (l *learner) knowing(ctx context.Context, all []spoken) error {
	if !slices.ContainsFunc(mapValues(l.phases), func(p phase) bool { return p.Phase != Learning }) {
		return nil
	}
	l.known = map[string]bool{}
	var ends []End
	for i := range all {
		switch x := &all[i]; {
		case resolution(x.flow):
			if !l.memory.met[x.client] {
				ends = append(ends, End{x.realm, x.client})
			}
		case l.entries[x.key] == nil:
			ends = append(ends, End{x.realm, x.client}, End{x.realm, x.server})
		}
	}
	if err := l.recognise(ctx, ends); err != nil {
		return err
	}
	ends = slices.DeleteFunc(ends, func(e End) bool { return l.known[e.Address] })
	if len(ends) == 0 {
		return nil
	}
	// A known device may have a new address.
	also, err := l.s.cfg.Plant.Aliases(ctx, l.tx, l.d.SiteNo, ends)
	if err != nil {
		return err
	}
	var others []End
	for e, list := range also {
		for _, a := range list {
			others = append(others, End{e.RealmNo, a})
		}
	}
	if err := l.recognise(ctx, others); err != nil {
		return err
	}
	for e, list := range also {
		if slices.ContainsFunc(list, func(a string) bool { return l.known[a] }) {
			l.known[e.Address] = true
		}
	}
	return nil
}

// recognise notes which addresses the site's baseline has.
func (l *learner) recognise(ctx context.Context, ends []End) error {
	var addresses []string
	for _, e := range ends {
		addresses = append(addresses, e.Address)
	}
	slices.Sort(addresses)
	for part := range slices.Chunk(slices.Compact(addresses), 400) {
		rows, err := store.All[string](ctx, l.tx, "SELECT address FROM baseline_address WHERE site_no = ? AND address IN (?)", l.d.SiteNo, part)
		if err != nil {
			return err
		}
		for _, a := range rows {
			l.known[a] = true
		}
	}
	return nil
}
