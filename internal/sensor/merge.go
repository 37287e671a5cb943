package sensor

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/skanse/skanse/internal/ot"
)

// merger puts what the lanes found into one summary, in packet order, so that
// the number of goroutines never shows.
type merger struct {
	cfg    *Config
	hints  *hints
	budget Budget
	seq    uint64
	told   map[uint64]struct{} // facts of earlier summaries
	kept   map[string]struct{} // contents of programs in earlier summaries, by hash
	proved proofs
	sorted []*tuple // room

	tcp, oneSided uint64 // conversations of the summary in hand
}

func (m *merger) summary(ls []*lane, last bool) *Summary {
	m.seq++
	s := &Summary{Sensor: m.cfg.Sensor, Epoch: m.cfg.Epoch, Seq: m.seq, Live: m.cfg.Live}
	s.Health.BudgetHit = map[string]uint64{}
	s.Health.RuleSet = m.cfg.Rules.Version()
	for _, l := range ls {
		l.flows.all(func(fl *flow) { l.fold(fl, last) })
		if last { // the summary needs the room
			l.flows, l.states, l.pool = newFlowTable(1, 0), nil, pool{}
			l.cur, l.latest = nil, nil // one flow leads to all others
		}
	}
	m.proved.begin(ls, last && m.seq == 1)
	m.conversations(s, ls)
	m.hosts(s, ls)
	m.facts(s, ls)
	m.events(s, ls)
	m.programs(s, ls)
	for _, l := range ls {
		m.health(&s.Health, &l.health)
		l.clear()
	}
	if len(m.told) >= m.budget.Facts {
		clear(m.told)
	}
	if len(s.Health.BudgetHit) == 0 {
		s.Health.BudgetHit = nil
	}
	return s
}

// clear makes a lane ready for the next interval.
func (l *lane) clear() {
	l.evictHosts()
	for _, h := range l.hosts {
		h.packets, h.bytes, h.ttlMin, h.ttlMax = 0, 0, 0, 0
	}
	l.overflow = host{}
	// A sensor that listens for months would be deaf to what is new once these
	// are full. Told twice is harmless, as facts are known by their content.
	if len(l.facts.known) >= l.budget.Facts {
		clear(l.facts.known)
	}
	if len(l.events.seen) >= l.seenLimit() {
		clear(l.events.seen)
	}
	clear(l.convs)
	l.values.reset()
	l.paces.reset()
	l.moving.clear()
	l.orphans = nil
	l.facts.fresh = nil
	l.events.kept = [3][]event{}
	l.restRuns()
	l.health = Health{BudgetHit: map[string]uint64{}}
}

func (m *merger) ref(r ref) ot.PacketRef {
	return ot.PacketRef{Source: m.cfg.Sensor, Number: r.number, Seen: r.at, Offset: r.offset}
}

func (m *merger) protocol(n int16) string {
	if n < 0 {
		return ""
	}
	return m.hints.set.Name(ot.Protocol(n))
}

func (m *merger) key(c *conv) FlowKey {
	return FlowKey{
		Realm: c.ends[0].Realm, Client: c.ends[c.client], Server: c.ends[1-c.client],
		Transport: c.key.transport(), Port: c.key.port, Protocol: m.protocol(c.key.named),
	}
}

func (m *merger) conversations(s *Summary, ls []*lane) {
	var all []*conv
	for _, l := range ls {
		for _, c := range l.convs {
			all = append(all, c)
		}
		all = append(all, l.orphans...)
	}
	slices.SortFunc(all, func(x, y *conv) int {
		return cmp.Or(cmp.Compare(x.firstRef.number, y.firstRef.number),
			cmp.Compare(x.key.port, y.key.port), cmp.Compare(x.key.named, y.key.named))
	})
	var tcp, oneSided, tuples int
	for _, c := range all {
		tuples += c.tuples.n
	}
	s.Flows, s.Tuples = make([]FlowDelta, 0, len(all)), make([]TupleDelta, 0, tuples)
	for _, c := range all {
		k := m.key(c)
		d := FlowDelta{
			Realm: k.Realm, VLAN: c.vlan, Client: k.Client, Server: k.Server, ClientBy: c.by.word(),
			Transport: k.Transport, Port: k.Port, Protocol: k.Protocol,
			First: c.first, Last: c.last, Sessions: c.sessions, Established: c.spoke[0] && c.spoke[1],
			ClientPackets: c.packets[c.client], ClientBytes: c.bytes[c.client],
			ServerPackets: c.packets[1-c.client], ServerBytes: c.bytes[1-c.client],
			Malformed: c.malformed, Lost: c.lost, Again: c.again, Resets: c.resets, FirstRef: m.ref(c.firstRef), Proof: m.proved.once(c),
		}
		if d.Protocol == "" {
			d.Guess = m.hints.guess(c.key.proto, c.key.port)
			d.Print = c.print.tell(c.client)
		}
		if c.key.kind == carriesIP && c.key.proto == ipTCP && (c.acked[0] || c.acked[1]) { // an unanswered opening is no fault of the mirror
			tcp++
			if c.packets[0] == 0 || c.packets[1] == 0 {
				oneSided++
			}
		}
		s.Flows = append(s.Flows, d)
		m.tuples(s, c, k)
	}
	m.tcp, m.oneSided = uint64(tcp), uint64(oneSided)
	if tcp > 0 {
		s.Health.OneSided = float64(oneSided) / float64(tcp)
	}
}

func (m *merger) tuples(s *Summary, c *conv, k FlowKey) {
	l := c.lane
	recs := m.sorted[:0]
	for t := range c.tuples.all(&l.counters) {
		recs = append(recs, t)
	}
	m.sorted = recs
	slices.SortStableFunc(recs, func(x, y *tuple) int {
		a, b := &x.key, &y.key
		return cmp.Or(cmp.Compare(x.ref.number, y.ref.number), cmp.Compare(a.protocol, b.protocol),
			cmp.Compare(a.kind, b.kind), cmp.Compare(a.dir, b.dir), cmp.Compare(a.code, b.code), cmp.Compare(a.text, b.text),
			cmp.Compare(a.unit, b.unit), cmp.Compare(a.space, b.space), cmp.Compare(a.area, b.area), cmp.Compare(a.class, b.class))
	})
	for _, t := range recs {
		name := l.texts.all[t.key.text]
		var text []byte
		if name != "" {
			text = []byte(name)
		}
		class := t.key.class
		if t.key.also {
			class = m.hints.set.Class(t.key.protocol, t.key.kind, t.key.code, text)
		}
		d := TupleDelta{
			Flow: k, Protocol: m.hints.set.Name(t.key.protocol), Kind: m.hints.set.KindName(t.key.protocol, t.key.kind),
			Dir: t.key.dir.String(), Code: t.key.code, Text: ot.Printable(name),
			Name:  m.hints.set.CodeName(t.key.protocol, t.key.kind, t.key.code, text),
			Class: class.String(), Also: t.key.also, Unit: t.key.unit, Space: t.key.space, Area: t.key.area,
			Refused: t.refused, Count: t.count, First: t.ref.at, Last: t.last, FirstRef: m.ref(t.ref),
		}
		if t.hi > 0 {
			d.FirstItem, d.LastItem = t.lo, t.hi-1
		}
		d.Values = l.values.told(t.values, &l.texts)
		d.Pace = l.paces.told(t.pace)
		s.Tuples = append(s.Tuples, d)
	}
	c.tuples.reset(&l.counters)
}

func (m *merger) hosts(s *Summary, ls []*lane) {
	n := 0
	for _, l := range ls {
		n += len(l.hosts)
	}
	type pairing struct {
		ip    addr
		mac   ot.MAC
		realm uint16 // among names: text would be hashed for every host
	}
	at, names := make(map[pairing]int, n), []string{""}
	s.Hosts = make([]HostDelta, 0, n)
	for _, l := range ls {
		for _, h := range l.hosts {
			if h.packets == 0 && (!h.arp || h.arpTold) {
				continue
			}
			h.arpTold = h.arp
			realm := l.realms.name(h.key.realm)
			number := slices.Index(names, realm)
			if number < 0 {
				number = len(names)
				names = append(names, realm)
			}
			k := pairing{h.key.ip, h.key.mac, uint16(number)}
			i, have := at[k]
			if !have {
				i = len(s.Hosts)
				at[k] = i
				who := ot.Host{Realm: realm, MAC: k.mac, IP: k.ip.ip()}
				s.Hosts = append(s.Hosts, HostDelta{Host: who, VLAN: h.vlan, First: h.first, Last: h.last, FirstPacket: h.firstPacket})
			}
			d := &s.Hosts[i]
			if h.firstPacket < d.FirstPacket {
				d.FirstPacket, d.VLAN = h.firstPacket, h.vlan
			}
			d.First, d.Last = min(d.First, h.first), max(d.Last, h.last)
			d.Packets += h.packets
			d.Bytes += h.bytes
			d.ARP = d.ARP || h.arp
			if h.ttlMin != 0 && (d.TTLMin == 0 || h.ttlMin < d.TTLMin) {
				d.TTLMin = h.ttlMin
			}
			d.TTLMax = max(d.TTLMax, h.ttlMax)
		}
	}
	slices.SortFunc(s.Hosts, func(x, y HostDelta) int {
		return cmp.Or(cmp.Compare(x.FirstPacket, y.FirstPacket), bytes.Compare(x.MAC[:], y.MAC[:]), x.IP.Compare(y.IP), cmp.Compare(x.Realm, y.Realm))
	})
	if n := len(s.Hosts) - m.budget.Hosts; n > 0 {
		s.Health.BudgetHit["hosts"] += uint64(n)
		s.Hosts = slices.Clip(s.Hosts[:m.budget.Hosts])
	}
}

func (m *merger) facts(s *Summary, ls []*lane) {
	var all []*fact
	for _, l := range ls {
		all = slices.Grow(all, len(l.facts.fresh)*factsOfPart)
		for _, part := range l.facts.fresh {
			for i := range part {
				all = append(all, &part[i])
			}
		}
	}
	slices.SortStableFunc(all, func(x, y *fact) int { return cmp.Compare(x.ref.number, y.ref.number) })
	s.Facts = make([]Fact, 0, len(all))
	for _, f := range all {
		if _, have := m.told[f.hash]; have {
			continue
		}
		if len(m.told) >= m.budget.Facts {
			s.Health.BudgetHit["facts"]++
			continue
		}
		m.told[f.hash] = struct{}{}
		out := Fact{
			About: f.about, Attr: f.attr, Value: ot.Printable(f.value), Protocol: f.protocol,
			By: f.by, Ref: m.ref(f.ref), Proof: f.proof,
		}
		if out.Value != f.value {
			out.Raw = []byte(f.value)
		}
		s.Facts = append(s.Facts, out)
	}
}

func (m *merger) events(s *Summary, ls []*lane) {
	var all []*event
	for rank := range ls[0].events.kept {
		var of []*event
		for _, l := range ls {
			for i := range l.events.kept[rank] {
				of = append(of, &l.events.kept[rank][i])
			}
		}
		slices.SortStableFunc(of, func(x, y *event) int { return cmp.Compare(x.ref.number, y.ref.number) })
		if n := len(of) - m.budget.Events; n > 0 {
			name := "events"
			if rank == rankNew {
				name = "first messages"
			}
			s.Health.BudgetHit[name] += uint64(n)
			of = of[:m.budget.Events]
		}
		all = append(all, of...)
	}
	slices.SortStableFunc(all, func(x, y *event) int {
		return cmp.Or(cmp.Compare(x.ref.number, y.ref.number), cmp.Compare(x.order, y.order))
	})
	for _, e := range all {
		if e.ident.conv == nil {
			continue
		}
		var text []byte
		if e.text != "" {
			text = []byte(e.text)
		}
		out := Event{
			Flow: m.key(e.ident.conv), Ref: m.ref(e.ref), Protocol: m.hints.set.Name(e.protocol),
			Kind: m.hints.set.KindName(e.protocol, e.kind), Dir: e.dir.String(), Code: e.code, Text: ot.Printable(e.text),
			Name:  m.hints.set.CodeName(e.protocol, e.kind, e.code, text),
			Class: e.class.String(), Refused: e.refused, Status: e.status, Unit: e.unit,
			Object: ot.Printable(e.object), Proof: e.proof, Repeats: e.repeats, Until: e.until, Bytes: e.bytes, Began: e.began,
		}
		for _, n := range e.rules {
			out.Rules = append(out.Rules, m.cfg.Rules.Rule(n).ID)
		}
		s.Events = append(s.Events, out)
	}
}

func (m *merger) health(sum, h *Health) {
	sum.Malformed += h.Malformed
	sum.Lost += h.Lost
	sum.Quarantined += h.Quarantined
	sum.Repeated += h.Repeated
	sum.Copies += h.Copies
	sum.Pieces += h.Pieces
	sum.Unknown += h.Unknown
	sum.OTBytes += h.OTBytes
	for k, n := range h.BudgetHit {
		sum.BudgetHit[k] += n
	}
}
