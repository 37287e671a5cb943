package sensor

import (
	"hash/maphash"
	"slices"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// AttrARP is the fact by which the ARP dissector pairs a MAC with an IP address.
const AttrARP ot.Attr = "arp.ip"

// Message counts a message and keeps it whole where it is rare, hits a rule or
// is the first of its kind. It is the hot path: nothing here allocates once
// the flow's counters exist.
func (l *lane) Message(m *ot.Message) {
	fl := l.cur
	k := tupleKey{
		code: m.Code, unit: m.Unit, area: m.Area, protocol: m.Protocol, class: m.Class,
		space: m.Space, kind: m.Kind, dir: m.Dir,
	}
	t, isNew := l.tuple(fl, &k, m.Text)
	l.latest = t
	if l.quoting {
		m.Flags |= ot.Refused
	}
	if isNew && fl.entry != nil && fl.entry.Spec.Alternatives && m.Protocol != fl.entry.First {
		fl.as = m.Protocol
	}
	if t != nil {
		if t.count == 0 && isNew {
			t.ref = l.now
		}
		t.count++
		t.last = max(t.last, m.At)
		if m.Flags&ot.Refused != 0 {
			t.refused++
		}
		t.touch(m.First, m.N)
		if m.Flags&(ot.HasValue|ot.Refused) == ot.HasValue {
			l.value(t, m)
		}
		if !l.brief && m.Dir != ot.DirNone && m.Flags&ot.Inner == 0 && !l.quoting && m.Class&ot.Cyclic == 0 {
			l.timed(fl, t, m.Dir == ot.Request, m.At)
		}
	}
	if l.quoting {
		return
	}
	// What a rule can ask of a message is its tuple and its flags.
	l.hits = l.hits[:0]
	flags := m.Flags & asked
	switch {
	case t == nil:
		l.hits = l.rules.Hit(m, l.hits)
	case t.silent == flags|silentSet:
	case t.silent == flags|silentSet|loudSet: // reported once, or there was no room
		if t.alert > 0 {
			l.events.kept[rankAlert][t.alert-1].repeats++
		}
		return
	default:
		l.hits = l.rules.Hit(m, l.hits)
		if t.key.other {
			break
		}
		t.silent = flags | silentSet
		if len(l.hits) > 0 {
			if t.silent = 0; l.brief {
				t.silent = flags | silentSet | loudSet
			}
		}
	}
	rare := m.Class&ot.Rare != 0 && m.Flags&ot.Inner == 0
	if len(l.hits) == 0 && (l.brief || !rare && !isNew) {
		return
	}
	l.event(fl, t, m, rare, isNew)
}

// Code counts a further code of a message.
func (l *lane) Code(m *ot.Message, kind ot.Kind, code uint32, text []byte) {
	k := tupleKey{code: code, protocol: m.Protocol, kind: kind, dir: m.Dir, also: true}
	t, isNew := l.tuple(l.cur, &k, text)
	if t == nil {
		return
	}
	if isNew {
		t.ref = l.now
	}
	t.count++
	t.last = max(t.last, m.At)
}

// Client takes the protocol's word for who is the client.
func (l *lane) Client(dir ot.Dir) {
	fl := l.cur
	if l.quoting || fl.by >= bySYN || dir == ot.DirNone {
		return
	}
	if dir == ot.Response {
		fl.client = 1 - fl.client
	}
	fl.by = byProtocol
}

// expectation is an endpoint that a dissector announced.
type expectation struct {
	ip   addr
	port uint16
	udp  bool
}

const maxExpected = 4096

// Expect binds the next flow to peer to the dissector that owns p.
func (l *lane) Expect(peer ot.Endpoint, udp bool, p ot.Protocol) {
	n := slices.IndexFunc(l.hints.set.Entries, func(e *dissect.Entry) bool {
		return p >= e.First && int(p-e.First) < len(e.Spec.Protocols)
	})
	if n < 0 || peer.Port == 0 || l.quoting {
		return
	}
	at := expectation{addrOf(peer.IP), peer.Port, udp}
	if _, have := l.expected[at]; !have && len(l.expected) >= maxExpected {
		l.hit("expected flows")
		clear(l.expected)
	}
	l.expected[at] = uint8(n)
}

// expect binds a new flow that was announced.
func (l *lane) expect(fl *flow) {
	if len(l.expected) == 0 {
		return
	}
	udp := fl.key.proto == ipUDP
	n, ok := l.expected[expectation{fl.key.a, fl.key.ap, udp}]
	if !ok {
		n, ok = l.expected[expectation{fl.key.b, fl.key.bp, udp}]
	}
	if ok {
		l.bind(fl, n)
	}
}

// facts holds what was said, each value once.
type facts struct {
	seed  factSeed
	known map[uint64]struct{}
	fresh [][]fact // of this interval, in parts that never move
}

const factsOfPart = 64

// add keeps one.
func (f *facts) add(x fact) {
	if n := len(f.fresh); n == 0 || len(f.fresh[n-1]) == factsOfPart {
		f.fresh = append(f.fresh, make([]fact, 0, factsOfPart))
	}
	part := &f.fresh[len(f.fresh)-1]
	*part = append(*part, x)
}

// newest is the one that was kept as the last but i.
func (f *facts) newest(i int) *fact {
	last := len(f.fresh) - 1
	if i < len(f.fresh[last]) {
		return &f.fresh[last][len(f.fresh[last])-1-i]
	}
	i -= len(f.fresh[last])
	return &f.fresh[last-1-i/factsOfPart][factsOfPart-1-i%factsOfPart]
}

// factSeed is the same in all lanes of a run, so that their facts can be told apart when merged.
type factSeed = maphash.Seed

type fact struct {
	hash     uint64
	about    ot.Host
	by       ot.Host
	attr     ot.Attr
	value    string
	protocol string
	ref      ref
	proof    []byte
}

// Fact keeps what a device says of itself, or a peer of it: once a value.
func (l *lane) Fact(about ot.Host, attr ot.Attr, value []byte) {
	if l.quoting {
		return
	}
	if about.Realm == "" {
		about.Realm = l.sink.Src.Realm
	}
	if attr == AttrARP {
		l.told(about.MAC, addrOf(about.IP), l.cur.key.realm, l.frame)
	}
	h := l.facts.hash(&about, attr, value)
	if _, have := l.facts.known[h]; have {
		return
	}
	if len(l.facts.known) >= l.budget.Facts {
		l.hit("facts")
		return
	}
	l.facts.known[h] = struct{}{}
	protocol := ""
	if e := l.cur.entry; e != nil {
		protocol = e.Spec.Protocols[0].Name
	}
	l.facts.add(fact{
		hash: h, about: about, by: l.sink.Src, attr: attr, value: string(value),
		protocol: protocol, ref: l.now,
	})
	l.hand.facts++
	l.hand.some = true
}

// hash tells facts apart. Of a fact that is repeated with every packet it is all the cost,
// so it joins hashes instead of writing one after the other into one.
func (f *facts) hash(about *ot.Host, attr ot.Attr, value []byte) uint64 {
	h := macAddr(about.MAC).lo * mix1
	if about.IP.IsValid() {
		ip := addrOf(about.IP)
		h = (h ^ h>>31 ^ ip.lo) * mix2
		h = (h ^ h>>29 ^ ip.hi ^ 1) * mix1
	}
	if about.Realm != "" || about.Module != "" {
		h = (h ^ h>>30 ^ maphash.String(f.seed, about.Realm)) * mix2
		h = (h ^ h>>31 ^ maphash.String(f.seed, about.Module)) * mix1
	}
	h = (h ^ h>>29 ^ maphash.String(f.seed, string(attr))) * mix2
	h = (h ^ h>>32 ^ maphash.Bytes(f.seed, value)) * mix1
	return h ^ h>>29
}
