package sensor

import (
	"fmt"

	"github.com/skanse/skanse/internal/ot"
)

// convKey names a conversation: what a flow is without its client's port.
type convKey struct { // without padding: hashed and compared in one piece
	a, b  addr
	realm uint16
	port  uint16
	named int16 // protocol's number, -1: not recognised
	kind  uint8
	proto uint8
}

// conv is a conversation in the making of one summary.
type conv struct {
	key            convKey
	ends           [2]ot.Host // a, b
	client         uint8
	by             clientBy
	vlan           uint16
	first, last    int64
	sessions       uint64
	spoke          [2]bool
	acked          [2]bool
	packets, bytes [2]uint64
	malformed      uint64
	lost           uint64
	again, resets  uint64
	firstRef       ref
	proof          []byte
	proved         uint8
	print          *fingerprint
	tuples         tuples
	lane           *lane // whose texts, values and paces the tuples name by number
}

// evict folds a flow that has to make room.
func (l *lane) evict(fl *flow) {
	l.hit("flows")
	l.retire(fl)
}

// retire ends a flow: what it counted goes into its conversation, what it holds back to the pools.
func (l *lane) retire(fl *flow) {
	l.finish(fl)
	l.endTransfers(fl, false)
	l.fold(fl, true)
	l.unbind(fl)
	for _, s := range fl.stream {
		if s != nil {
			l.drop(s)
			*s = stream{late: s.late}
		}
	}
	fl.tuples.reset(&l.counters)
}

// finish decodes what still waits for bytes that will not come.
func (l *lane) finish(fl *flow) {
	if a, b := fl.stream[0], fl.stream[1]; (a == nil || len(a.late) == 0) && (b == nil || len(b.late) == 0) {
		return
	}
	defer func() {
		if r := recover(); r != nil {
			l.panicked(r)
			l.atFrame()
		}
	}()
	cur := l.cur
	l.cur = fl
	for side, s := range fl.stream {
		if s != nil && len(s.late) > 0 {
			l.release(fl, uint8(side), s, true)
		}
	}
	l.cur = cur
}

// fold moves what a flow counted into its conversation. The flow goes on
// from zero, or is over and leaves its counters behind.
func (l *lane) fold(fl *flow, over bool) {
	if fl.packets[0]+fl.packets[1] == 0 {
		for t := range fl.tuples.all(&l.counters) {
			t.values, t.pace = 0, 0 // their room is another's next time
		}
		fl.open, fl.openPace = 0, 0
		return
	}
	l.health.Malformed += fl.malformed
	l.health.Lost += fl.lost
	l.health.Unknown += fl.unknown
	l.health.OTBytes += fl.known
	c := l.conv(fl)
	if c != nil {
		l.foldCounts(c, fl)
		if c.tuples.n == 0 && over {
			c.tuples, fl.tuples = fl.tuples, tuples{}
		}
		for t := range fl.tuples.all(&l.counters) {
			c.foldTuple(l, t)
		}
	}
	if fl.ident != nil {
		fl.ident.conv, fl.ident = c, nil
	}
	for t := range fl.tuples.all(&l.counters) {
		t.count, t.refused, t.lo, t.hi, t.last, t.values, t.pace = 0, 0, 0, 0, 0, 0, 0
		if l.brief { // the events that counted repeats are gone
			t.hits, t.alert, t.silent = 0, 0, 0
		}
	}
	fl.packets, fl.bytes = [2]uint64{}, [2]uint64{}
	fl.session, fl.malformed, fl.lost, fl.unknown, fl.known, fl.again, fl.resets = 0, 0, 0, 0, 0, 0, 0
	fl.open, fl.openPace = 0, 0 // an answer across two intervals is not timed
}

// conv finds or makes the conversation of a flow, nil beyond the budget.
func (l *lane) conv(fl *flow) *conv {
	server := 1 - fl.client
	port := fl.key.ap
	if server == 1 {
		port = fl.key.bp
	}
	k := convKey{a: fl.key.a, b: fl.key.b, realm: fl.key.realm, kind: fl.key.kind, proto: fl.key.proto, port: port, named: -1}
	if fl.named != nil {
		k.named = int16(fl.as)
	}
	if c := l.convs[k]; c != nil {
		return c
	}
	c := &conv{
		key: k, ends: [2]ot.Host{l.end(fl, 0), l.end(fl, 1)}, client: fl.client, by: fl.by, vlan: fl.vlan,
		first: fl.first, last: fl.last, firstRef: fl.firstRef, proof: append([]byte(nil), fl.proof...), proved: fl.proved, lane: l,
	}
	room := l.budget.Flows
	if fl.named == nil && fl.lone() {
		room -= room / 4 // kept for conversations in which somebody answers
	}
	if len(l.convs) < room {
		l.convs[k] = c
		return c
	}
	l.hit("conversations")
	if fl.ident == nil {
		return nil
	}
	l.orphans = append(l.orphans, c) // its events must lead somewhere; their number is bounded
	return c
}

func (l *lane) foldCounts(c *conv, fl *flow) {
	if fl.firstRef.number < c.firstRef.number {
		c.firstRef, c.first = fl.firstRef, fl.first
		c.proof, c.proved = append(c.proof[:0], fl.proof...), fl.proved
	}
	if fl.by > c.by {
		c.client, c.by = fl.client, fl.by
	}
	if p := fl.print; p != nil && fl.named == nil {
		if c.print == nil {
			c.print = &fingerprint{}
		}
		c.print.join(p)
	}
	c.first, c.last = min(c.first, fl.first), max(c.last, fl.last)
	c.sessions += fl.session
	c.malformed += fl.malformed
	c.lost += fl.lost
	c.again += fl.again
	c.resets += fl.resets
	for side := range 2 {
		c.packets[side] += fl.packets[side]
		c.bytes[side] += fl.bytes[side]
		c.spoke[side] = c.spoke[side] || fl.spoke[side]
		c.acked[side] = c.acked[side] || fl.acked[side]
		if c.ends[side].MAC.Group() || c.packets[side] == 0 {
			c.ends[side].MAC = fl.mac[side]
		}
	}
}

func (c *conv) foldTuple(l *lane, t *tuple) {
	if t.count == 0 {
		return
	}
	o := c.tuples.find(&l.counters, &t.key, t.hash)
	if o == nil {
		if c.tuples.n >= 3*l.budget.Tuples {
			k := tupleKey{protocol: t.key.protocol, kind: t.key.kind, dir: t.key.dir, class: t.key.class, also: t.key.also, other: true, text: otherText}
			h := k.hash()
			if o = c.tuples.find(&l.counters, &k, h); o == nil && c.tuples.n < 4*l.budget.Tuples {
				o = c.tuples.add(&l.counters, &k, h)
				o.ref = t.ref
			}
			l.hit("tuples")
			if o == nil {
				return
			}
		} else {
			o = c.tuples.add(&l.counters, &t.key, t.hash)
			o.ref = t.ref
		}
	}
	o.count += t.count
	o.refused += t.refused
	o.last = max(o.last, t.last)
	if t.ref.number < o.ref.number {
		o.ref = t.ref
	}
	if t.hi > 0 {
		o.touch(t.lo, t.hi-t.lo)
	}
	if !o.key.other {
		l.values.move(&o.values, t.values)
		l.paces.join(&o.pace, t.pace)
	}
}

// transport is what FlowDelta calls it.
func (k *convKey) transport() string {
	switch {
	case k.kind != carriesIP:
		return "ether"
	case k.proto == ipTCP:
		return "tcp"
	case k.proto == ipUDP:
		return "udp"
	case k.proto == ipICMP, k.proto == ipICMP6:
		return "icmp"
	}
	return fmt.Sprintf("ip-%d", k.proto)
}

// share is a lane's part of a budget, with the defaults filled in. Hosts and
// events get more than their part, because they do not spread evenly; the
// whole is bounded again when the lanes are merged.
func (b Budget) share() Budget {
	b = b.filled()
	return Budget{
		Flows: max(b.Flows/lanes, 16), Hosts: max(b.Hosts/(lanes/2), 16), Facts: max(b.Facts/lanes, 16),
		Buffer: max(b.Buffer/lanes, 256<<10), Events: max(b.Events/(lanes/2), 64), Tuples: b.Tuples, Program: max(b.Program/lanes, 4<<10),
	}
}

func (b Budget) filled() Budget {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&b.Flows, 65536)
	def(&b.Hosts, 65536)
	def(&b.Facts, 65536)
	def(&b.Buffer, 32<<20)
	def(&b.Events, 20000)
	def(&b.Program, 32<<20)
	def(&b.Tuples, 256)
	return b
}
