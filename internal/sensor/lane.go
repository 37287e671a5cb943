package sensor

import (
	"log/slog"
	"runtime/debug"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
)

// lanes is how many parts the engine's state is cut into, by unordered host
// pair. It is fixed, so that budgets, evictions and results are the same
// whether one goroutine serves all lanes or several share them.
const lanes = 8

// lane is one part: everything known about the host pairs that fall into it.
// One goroutine uses it at a time.
type lane struct {
	hints    *hints
	rules    *rule.Set
	realm    func(string, uint16) string
	log      *slog.Logger
	budget   Budget // this lane's share
	brief    bool
	flows    *flowTable
	convs    map[convKey]*conv
	orphans  []*conv // beyond the budget, kept because an event needs them
	hosts    map[hostKey]*host
	overflow host // counts for hosts beyond the budget
	facts    facts
	events   events
	parts    fragments
	expected map[expectation]uint8
	states   [][]dissect.Flow // idle, by entry
	pool     pool
	texts    texts
	counters tupleSlab
	values   values
	paces    paces
	sink     *dissect.Sink
	realms   realms

	frame     *frame // of the goroutine that serves the lane
	cur       *flow  // whose bytes are being decoded
	side      uint8  // who sent them
	quoting   bool   // they stand in an ICMP error: counted as refused, not told again
	now       ref
	assembled []byte // a datagram put together, to be given back
	hand      evidence
	hits      []uint16
	pdu       int    // bytes of the PDU in hand
	latest    *tuple // of the last message; nil: it is not counted
	follow    *Followed
	keep      keeping
	retagged  uint64 // frames of another VLAN than their flow
	copies    *copies
	moving    transfers
	contents  bool              // finished programs keep their bytes for the summary
	projects  func(string) bool // which files are kept
	passing   Passing           // what is done with the others

	health Health
}

func newLane(cfg *Config, h *hints, seed uint64, hashed factSeed) *lane {
	b := cfg.Budget.share()
	l := &lane{
		hints: h, rules: cfg.Rules, realm: cfg.Realm, log: cfg.Log, budget: b, brief: cfg.Brief, follow: cfg.Follow,
		flows:    newFlowTable(b.Flows, seed),
		convs:    map[convKey]*conv{},
		hosts:    map[hostKey]*host{},
		facts:    facts{seed: hashed, known: map[uint64]struct{}{}},
		events:   events{seen: map[uint64]struct{}{}},
		parts:    fragments{},
		expected: map[expectation]uint8{},
		states:   make([][]dissect.Flow, len(h.set.Entries)),
		texts:    newTexts(),
		health:   Health{BudgetHit: map[string]uint64{}},
	}
	l.sink = dissect.NewSink(l)
	l.keep.to = cfg.Keep
	l.contents, l.projects = !cfg.Brief || cfg.Contents, cfg.Projects
	if cfg.Passing != nil {
		l.passing = cfg.Passing()
	}
	if cfg.Once {
		l.copies = &copies{}
	}
	return l
}

// hit counts that a budget made the lane drop something.
func (l *lane) hit(budget string) { l.health.BudgetHit[budget]++ }

// laneOf says which lane a decoded frame belongs to.
func laneOf(f *frame) int {
	if f.carries == carriesIP {
		return int(pairHash(f.src, f.dst) >> 61)
	}
	return int(pairHash(macAddr(f.srcMAC), macAddr(f.dstMAC)) >> 61)
}

func macAddr(m ot.MAC) addr {
	return addr{0, uint64(m[0])<<40 | uint64(m[1])<<32 | uint64(m[2])<<24 | uint64(m[3])<<16 | uint64(m[4])<<8 | uint64(m[5])}
}

// packet takes the frame in l.frame. A panic of a dissector is recovered here,
// once a packet: the flow is set aside and everything else goes on.
func (l *lane) packet(iface string) {
	defer func() {
		if r := recover(); r != nil {
			l.panicked(r)
		}
		l.settle()
	}()
	if l.assembled != nil {
		l.pool.give(l.assembled)
		l.assembled = nil
	}
	f := l.frame
	l.cur = nil
	f.head = headOf(f)
	l.keep.vouched = false
	l.atFrame()
	realm := l.realms.number(l.realm, iface, f.vlan)
	if l.copies != nil && l.copies.again(f) {
		l.copied(f, realm)
		return
	}
	if f.carries != carriesIP {
		l.other(f, realm)
		return
	}
	if f.fragment {
		if !l.parts.whole(l, f) {
			l.stray(f, realm)
			return
		}
		l.atFrame()
	}
	l.ip(f, realm)
}

func (l *lane) panicked(r any) {
	fl := l.cur
	l.quoting = false
	l.health.Quarantined++
	if fl == nil {
		return
	}
	if l.log != nil {
		name := ""
		if fl.entry != nil {
			name = fl.entry.Spec.Protocols[0].Name
		}
		l.log.Error("a dissector failed; its flow is set aside", "protocol", name, "packet", l.frame.number, "panic", r, "stack", string(debug.Stack()))
	}
	fl.quarantined = true
	l.unbind(fl)
	for _, s := range fl.stream {
		if s != nil {
			l.drop(s)
		}
	}
}

// stray counts a fragment that is not (yet) a whole datagram.
func (l *lane) stray(f *frame, realm uint16) {
	h := l.host(hostKey{realm, f.srcMAC, f.src}, f)
	h.count(f)
}

// ip takes an IP packet.
func (l *lane) ip(f *frame, realm uint16) {
	k := flowKey{realm: realm, kind: carriesIP, proto: f.proto}
	var side uint8
	if f.src.less(f.dst) || f.src == f.dst && f.sport <= f.dport {
		k.a, k.b, k.ap, k.bp = f.src, f.dst, f.sport, f.dport
	} else {
		k.a, k.b, k.ap, k.bp, side = f.dst, f.src, f.dport, f.sport, 1
	}
	fl := l.flows.find(&k)
	if fl == nil {
		fl = l.open(&k, side, f)
	}
	l.count(fl, side, f)
	switch f.proto {
	case ipTCP:
		l.tcp(fl, side, f)
	case ipUDP:
		if f.missing == 0 {
			l.datagram(fl, side, f.payload)
		} else {
			fl.unknown += uint64(len(f.payload))
		}
		fl.spoke[side] = true
	case ipICMP:
		fl.spoke[side] = true
		l.quoted(fl, f)
	case ipICMP6:
		fl.spoke[side] = true
		l.neighbour(f)
		l.quoted(fl, f)
	default:
		fl.spoke[side] = true
		l.ethernet(fl, side, f)
	}
}

// other takes a frame without IP.
func (l *lane) other(f *frame, realm uint16) {
	k := flowKey{realm: realm, kind: f.carries, ap: f.etype, bp: f.etype}
	if f.carries == carriesSNAP {
		k.ap, k.bp = uint16(f.snap), uint16(f.snap>>16)
	}
	a, b := macAddr(f.srcMAC), macAddr(f.dstMAC)
	var side uint8
	if a.less(b) {
		k.a, k.b = a, b
	} else {
		k.a, k.b, side = b, a, 1
	}
	fl := l.flows.find(&k)
	if fl == nil {
		fl = l.open(&k, side, f)
	}
	l.count(fl, side, f)
	fl.spoke[side] = true
	l.ethernet(fl, side, f)
}

// open starts a flow.
func (l *lane) open(k *flowKey, side uint8, f *frame) *flow {
	l.flows.sweep(f.at, l.retire)
	fl := l.flows.add(k, l.evict)
	fl.session = 1
	fl.first, fl.last, fl.firstRef, fl.vlan = f.at, f.at, f.ref(), f.vlan
	if l.brief {
		fl.proved = proofPayload
	} else {
		fl.proof = append(fl.proof, f.raw[:min(f.head, ot.MaxProof)]...)
	}
	fl.mac[side], fl.mac[1-side] = f.srcMAC, f.dstMAC
	if k.kind != carriesIP {
		fl.client, fl.by = side, byGuess
		return fl
	}
	switch {
	case f.proto == ipTCP && f.flags&tcpOpening == tcpSYN:
		fl.client, fl.by = side, bySYN
	case f.proto == ipTCP && f.flags&tcpOpening == tcpSYN|tcpACK:
		fl.client, fl.by = 1-side, bySYN
	case f.proto == ipTCP || f.proto == ipUDP:
		fl.midstream = f.proto == ipTCP
		server, by := l.hints.server(k, side)
		fl.client, fl.by = 1-server, by
	default:
		fl.client, fl.by = side, byGuess
	}
	l.expect(fl)
	return fl
}

// count adds a packet to its flow and its sender.
func (l *lane) count(fl *flow, side uint8, f *frame) {
	l.cur = fl
	fl.used = true
	fl.packets[side] += 1 + uint64(f.parts)
	fl.bytes[side] += uint64(f.wire + f.partBytes)
	fl.last = max(fl.last, f.at)
	if fl.proved == proofNone && len(f.payload) > 0 {
		fl.proved = proofHeaders
		fl.proof = append(fl.proof[:0], f.raw[:min(f.head, ot.MaxProof)]...)
	}
	if f.vlan != fl.vlan {
		l.retagged++
	}
	h := fl.host[side]
	if h == nil || h.gone || h.key.mac != f.srcMAC && (h != &l.overflow || fl.mac[side] != f.srcMAC) {
		fl.mac[side] = f.srcMAC
		h = l.host(hostKey{fl.key.realm, f.srcMAC, f.src}, f)
		fl.host[side] = h
	}
	h.count(f)
}

// tcp takes a segment: connection state, then its bytes.
func (l *lane) tcp(fl *flow, side uint8, f *frame) {
	if f.flags&tcpRST != 0 {
		fl.resets++
		l.close(fl)
		return
	}
	fl.spoke[side] = true
	if f.flags&tcpACK != 0 {
		fl.acked[side] = true
	}
	if f.flags&tcpOpening == tcpSYN {
		s := fl.stream[side]
		if again := s != nil && s.begun && s.next != f.seq+1; again || fl.closed {
			l.reopen(fl, side)
		} else if fl.by < bySYN {
			fl.client, fl.by = side, bySYN
		}
	}
	l.segment(fl, side, f)
	if f.flags&tcpFIN != 0 {
		if fl.fin |= 1 << side; fl.fin == 3 {
			l.close(fl)
		}
	}
}

// reopen starts a new connection between the same ports.
func (l *lane) reopen(fl *flow, side uint8) {
	l.close(fl)
	for _, s := range fl.stream {
		if s != nil {
			*s = stream{late: s.late}
		}
	}
	fl.closed, fl.midstream, fl.fin = false, false, 0
	fl.session++
	fl.client, fl.by = side, bySYN
	fl.tries, fl.turns, fl.refused = [2]uint32{}, 0, entrySet{}
}

// close ends a connection; the flow stays in the table for stragglers.
func (l *lane) close(fl *flow) {
	for side, s := range fl.stream {
		if s == nil {
			continue
		}
		if len(s.late) > 0 {
			l.release(fl, uint8(side), s, true)
		}
		l.drop(s)
		s.skip, s.synced = 0, false
	}
	l.endTransfers(fl, fl.fin != 0)
	l.unbind(fl)
	fl.closed = true
}
