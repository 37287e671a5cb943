package sensor

import (
	"math/bits"
	"net/netip"
	"slices"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// hints says whom to ask first, by what the dissectors say of themselves. It
// is immutable and shared by all lanes.
type hints struct {
	set      *dissect.Set
	tcp, udp map[uint16][]uint8 // entries by port
	ether    map[uint16][]uint8
	llc      map[uint16][]uint8
	snap     map[uint64][]uint8
	ip       map[uint8][]uint8 // by IP protocol
	allTCP   []uint8           // in the order of the list, without those that need their port
	allUDP   []uint8
}

// maxEntries is how many dissectors a number of one byte tells apart; the set is checked when it is made.
const maxEntries = dissect.MaxEntries

// entrySet is a set of dissectors, by number.
type entrySet [maxEntries / 64]uint64

func (s *entrySet) has(n uint8) bool { return s[n>>6]>>(n&63)&1 == 1 }

func (s *entrySet) add(n uint8) { s[n>>6] |= 1 << (n & 63) }

// transportOf says what a flow goes over.
func transportOf(k *flowKey) dissect.Transport {
	switch {
	case k.kind != carriesIP:
		return dissect.Ether
	case k.proto == ipTCP:
		return dissect.TCP
	}
	return dissect.UDP
}

func newHints(set *dissect.Set) *hints {
	h := &hints{
		set: set, tcp: map[uint16][]uint8{}, udp: map[uint16][]uint8{},
		ether: map[uint16][]uint8{}, llc: map[uint16][]uint8{}, snap: map[uint64][]uint8{}, ip: map[uint8][]uint8{},
	}
	for n, e := range set.Entries {
		i, s := uint8(n), &e.Spec
		if s.Transport&dissect.TCP != 0 {
			for _, p := range s.TCP {
				h.tcp[p] = append(h.tcp[p], i)
			}
			if !s.HintOnly {
				h.allTCP = append(h.allTCP, i)
			}
		}
		if s.Transport&dissect.UDP != 0 {
			for _, p := range s.UDP {
				h.udp[p] = append(h.udp[p], i)
			}
			if !s.HintOnly {
				h.allUDP = append(h.allUDP, i)
			}
		}
		if s.Transport&dissect.IP != 0 {
			for _, p := range s.IP {
				h.ip[p] = append(h.ip[p], i)
			}
		}
		if s.Transport&dissect.Ether != 0 {
			for _, p := range s.Ether {
				h.ether[p] = append(h.ether[p], i)
			}
			for _, p := range s.LLC {
				h.llc[uint16(p)] = append(h.llc[uint16(p)], i)
			}
			for _, p := range s.SNAP {
				h.snap[p] = append(h.snap[p], i)
			}
		}
	}
	return h
}

// ports returns the hints of a transport.
func (h *hints) ports(proto uint8) map[uint16][]uint8 {
	if proto == ipTCP {
		return h.tcp
	}
	return h.udp
}

// guess names the protocol that usually has the port, where content did not tell.
func (h *hints) guess(proto uint8, port uint16) string {
	if proto != ipTCP && proto != ipUDP {
		return ""
	}
	t := dissect.UDP
	if proto == ipTCP {
		t = dissect.TCP
	}
	for _, n := range h.ports(proto)[port] {
		e := h.set.Entries[n]
		if e.Ported == nil {
			return h.set.Name(e.First)
		}
		if i, ok := e.Ported.Usual(t, port); ok {
			return h.set.Name(e.First + ot.Protocol(i))
		}
	}
	return ""
}

// server says which side of a flow looks like the server: 0 or 1, and why.
func (h *hints) server(k *flowKey, sender uint8) (uint8, clientBy) {
	ports := h.ports(k.proto)
	knownA, knownB := len(ports[k.ap]) > 0, len(ports[k.bp]) > 0
	if knownA == knownB && !knownA {
		knownA, knownB = k.ap < 1024, k.bp < 1024
	}
	switch {
	case k.ap == k.bp:
		return 1 - sender, byGuess
	case knownA != knownB:
		if knownA {
			return 0, byPort
		}
		return 1, byPort
	case k.ap < k.bp:
		if knownA {
			return 0, byPort
		}
		return 0, byGuess
	case knownA:
		return 1, byPort
	}
	return 1, byGuess
}

const (
	maxTries  = 8  // probes of one side in a row; later ones come at doubling distance
	maxTurns  = 24 // and where the other side had the word before: a message begins there
	hintTries = 3  // probes for which a hinted dissector may ask for more before others get their turn
)

// mayTry counts a flow's attempts and says whether to make this one. Each side has its own: in the middle of a session one
// may be sending megabytes that begin nowhere, while the other's next request says who they are.
func (fl *flow) mayTry(side uint8) bool {
	turn := fl.spokeLast != side
	fl.spokeLast = side
	fl.tries[side]++
	n := fl.tries[side]
	if n <= maxTries || bits.OnesCount32(n) == 1 {
		return true
	}
	if turn && fl.turns < maxTurns {
		fl.turns++
		return true
	}
	return false
}

// asks shows b to one entry.
func (l *lane) asks(fl *flow, n uint8, dir ot.Dir, b []byte) dissect.Verdict {
	e := l.hints.set.Entries[n]
	if e.Ported != nil {
		return e.Ported.ProbePort(transportOf(&fl.key), dir, b, fl.key.ap, fl.key.bp)
	}
	return e.Protocol.Probe(dir, b)
}

// probe asks who speaks on the flow. It returns the entry's number.
func (l *lane) probe(fl *flow, dir ot.Dir, b []byte, hinted map[uint16][]uint8, all []uint8) (uint8, dissect.Verdict) {
	verdict := dissect.No
	ask := func(n uint8) bool {
		if fl.refused.has(n) {
			return false
		}
		switch l.asks(fl, n, dir, b) {
		case dissect.Yes:
			return true
		case dissect.More:
			verdict = dissect.More
		}
		return false
	}
	server, other := fl.key.ap, fl.key.bp
	if fl.client == 0 {
		server, other = other, server
	}
	first, second := hinted[server], hinted[other]
	for _, n := range first {
		if ask(n) {
			return n, dissect.Yes
		}
	}
	if server != other {
		for _, n := range second {
			if ask(n) {
				return n, dissect.Yes
			}
		}
	}
	if verdict == dissect.More && fl.tries[0]+fl.tries[1] <= hintTries {
		return 0, verdict
	}
	for _, n := range all {
		if !slices.Contains(first, n) && !slices.Contains(second, n) && ask(n) {
			return n, dissect.Yes
		}
	}
	return 0, verdict
}

// probeSides asks with the direction as guessed and, where it is only a guess, the other way round.
func (l *lane) probeSides(fl *flow, side uint8, b []byte, hinted map[uint16][]uint8, all []uint8) (uint8, dissect.Verdict) {
	n, v := l.probe(fl, fl.dir(side), b, hinted, all)
	if v != dissect.No || fl.by > byGuess {
		return n, v
	}
	n, v = l.probe(fl, fl.dir(side).Reverse(), b, hinted, all)
	if v == dissect.Yes {
		fl.client = 1 - fl.client
	}
	return n, v
}

// bind gives the flow to a dissector.
func (l *lane) bind(fl *flow, n uint8) {
	fl.entry, fl.number = l.hints.set.Entries[n], n
	fl.named, fl.as = fl.entry, fl.entry.First
	if free := l.states[n]; len(free) > 0 {
		fl.state, l.states[n] = free[len(free)-1], free[:len(free)-1]
	} else {
		fl.state = fl.entry.Protocol.Open()
	}
	if p := fl.entry.Ported; p != nil {
		p.Bound(fl.state, transportOf(&fl.key), fl.key.ap, fl.key.bp)
	}
}

// unbind takes the flow from its dissector.
func (l *lane) unbind(fl *flow) {
	if fl.state != nil && !fl.quarantined {
		fl.state.Reset()
		if free := l.states[fl.number]; len(free) < pooledStates {
			l.states[fl.number] = append(free, fl.state)
		}
	}
	fl.entry, fl.state, fl.alien = nil, nil, 0
}

const pooledStates = 256

// letGo ends a binding that turned out wrong.
func (l *lane) letGo(fl *flow) {
	fl.refused.add(fl.number)
	fl.distrust()
	l.unbind(fl)
	fl.named, fl.tries, fl.turns = nil, [2]uint32{}, 0
	for _, s := range fl.stream {
		if s != nil {
			l.empty(s)
			s.synced, s.skip = false, 0
		}
	}
}

// bindStream looks for who speaks on a TCP flow; true once it is bound and data is still to be decoded.
func (l *lane) bindStream(fl *flow, side uint8, s *stream, data []byte) bool {
	if fl.quarantined || !fl.mayTry(side) {
		l.unrecognised(fl, side, data)
		l.pass(fl, s, len(data))
		return false
	}
	b := data
	if len(s.buf) > 0 {
		if !l.append(fl, s, data) {
			return false
		}
		b = s.buf
	}
	n, v := l.probeSides(fl, side, b, l.hints.tcp, l.hints.allTCP)
	if v == dissect.No && len(s.buf) > 0 && !s.synced {
		// Mid-stream, what was kept may have been a keep-alive's byte or the end of a PDU.
		fl.unknown += uint64(len(s.buf) - len(data))
		l.empty(s)
		b = data
		n, v = l.probeSides(fl, side, b, l.hints.tcp, l.hints.allTCP)
	}
	switch {
	case v == dissect.Yes:
		l.bind(fl, n)
		if o := fl.stream[1-side]; o != nil && len(o.buf) > 0 { // it spoke first
			now, hand := l.now, l.hand
			l.at(o.asked, o.buf, 0, len(o.buf))
			l.whole(fl, 1-side, o)
			l.at(now, hand.raw, hand.head, hand.size)
			l.hand.broken = hand.broken
		}
		if fl.entry == nil {
			return false
		}
		if len(s.buf) > 0 {
			l.whole(fl, side, s)
			return false
		}
		return true
	case v == dissect.More && len(b) < probeBytes:
		if len(s.buf) == 0 {
			s.asked = l.now
			l.append(fl, s, data)
		}
	default:
		l.unrecognised(fl, side, data)
		l.pass(fl, s, len(data))
	}
	return false
}

// pass drops bytes that nobody wants.
func (l *lane) pass(fl *flow, s *stream, n int) {
	fl.unknown += uint64(len(s.buf) + n)
	l.empty(s)
	s.synced = false
}

// datagram decodes a UDP payload.
func (l *lane) datagram(fl *flow, side uint8, b []byte) {
	if len(b) == 0 || fl.quarantined {
		return
	}
	if fl.entry == nil && !l.known(fl, side, b) {
		fl.unknown += uint64(len(b))
		l.unrecognised(fl, side, b)
		return
	}
	fl.known += uint64(len(b))
	l.decode(fl, side, b, len(l.frame.inner))
}

// known says whether somebody decodes a UDP flow, and looks for one by a payload of it.
func (l *lane) known(fl *flow, side uint8, b []byte) bool {
	if fl.entry != nil {
		return true
	}
	if len(b) == 0 || !fl.mayTry(side) {
		return false
	}
	n, v := l.probeSides(fl, side, b, l.hints.udp, l.hints.allUDP)
	if v == dissect.Yes {
		l.bind(fl, n)
	}
	return v == dissect.Yes
}

// ethernet decodes the payload of a frame without ports: by EtherType, LLC, SNAP or IP protocol.
func (l *lane) ethernet(fl *flow, side uint8, f *frame) {
	if fl.quarantined {
		return
	}
	if fl.entry == nil {
		var asked []uint8
		switch f.carries {
		case carriesEther:
			asked = l.hints.ether[f.etype]
		case carriesLLC:
			asked = l.hints.llc[f.etype]
		case carriesSNAP:
			asked = l.hints.snap[f.snap]
		case carriesIP:
			asked = l.hints.ip[f.proto]
		}
		for _, n := range asked {
			if !fl.refused.has(n) && (len(asked) == 1 || l.asks(fl, n, fl.dir(side), f.payload) == dissect.Yes) {
				l.bind(fl, n)
				break
			}
		}
		if fl.entry == nil {
			fl.unknown += uint64(len(f.payload))
			l.unrecognised(fl, side, f.payload)
			return
		}
	}
	fl.known += uint64(len(f.payload))
	l.decode(fl, side, f.payload, len(f.inner))
}

const maxAlien = 3

// end names one side of a flow, as far as addresses go.
func (l *lane) end(fl *flow, side uint8) (h ot.Host) {
	l.endInto(&h, fl, side)
	return h
}

// endInto is end for the hot path: it writes in place, and strings only where they change.
func (l *lane) endInto(h *ot.Host, fl *flow, side uint8) {
	h.MAC = fl.mac[side]
	a := &fl.key.a
	if side == 1 {
		a = &fl.key.b
	}
	switch {
	case fl.key.kind != carriesIP:
		h.IP = netip.Addr{}
	case a.is4():
		h.IP = netip.AddrFrom4([4]byte{byte(a.lo >> 24), byte(a.lo >> 16), byte(a.lo >> 8), byte(a.lo)})
	default:
		h.IP = a.ip()
	}
	if h.Realm != "" || fl.key.realm != 0 {
		h.Realm = l.realms.name(fl.key.realm)
	}
	if h.Module != "" {
		h.Module = ""
	}
}

// point tells the sink who sends what follows.
func (l *lane) point(fl *flow, side uint8) {
	s := l.sink
	s.Mid = fl.midstream
	l.endInto(&s.Src, fl, side)
	l.endInto(&s.Dst, fl, 1-side)
	s.SrcPort, s.DstPort = fl.key.ap, fl.key.bp
	if side == 1 {
		s.SrcPort, s.DstPort = fl.key.bp, fl.key.ap
	}
	s.Run(fl.entry)
	l.side = side
}

// decode hands one PDU to the flow's dissector and says whether it was whole
// and sound. rest bytes of what is in hand come behind it.
func (l *lane) decode(fl *flow, side uint8, pdu []byte, rest int) bool {
	s := l.sink
	l.point(fl, side)
	l.pdu = len(pdu)
	fault := fl.state.Decode(fl.dir(side), pdu, s)
	provable := fault == dissect.OK && s.Provable()
	l.hand.prove(provable, rest)
	l.keep.doubt = l.keep.doubt || !provable
	if s.Hidden() {
		fl.secretive, l.keep.secret = true, true
	}
	switch fault {
	case dissect.OK:
		fl.alien = 0
		return true
	case dissect.Alien:
		if fl.alien++; fl.alien >= maxAlien {
			l.letGo(fl)
			return false
		}
	}
	fl.malformed++
	return false
}
