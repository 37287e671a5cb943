package sensor

import (
	"net/netip"

	"github.com/skanse/skanse/internal/ot"
)

// Keeper keeps packets for a while: package ring's. The engine tells it of each
// packet once it is decoded. What holds a sign-in is never given to it, and of a
// recognised conversation only that comes out again for which a dissector vouched:
// the rule of proofs, for the same reason. All calls come from the goroutine that
// reads the source, but State.
type Keeper interface {
	// Policy is a number that changes when Whole answers otherwise.
	Policy() uint32
	// Whole says whether the payload between two hosts is kept, of that protocol
	// ("": not recognised). It is asked once a flow and policy.
	Whole(a, b netip.Addr, protocol string) bool
	// Keep takes a packet, with the bytes before its payload; its data is only lent.
	Keep(p *Packet, head int, how KeptHow)
	// Vouch says that the payload of a packet which was kept as KeptPending may come out.
	Vouch(number uint64)
	// State is how full it is; any goroutine may ask.
	State() *RingState
}

// KeptHow says why a packet's payload is there or not.
type KeptHow uint8

// The ways to keep a packet.
const (
	KeptWhole    KeptHow = iota
	KeptPending          // a dissector has not vouched for all of it, and may never do
	KeptHeaders          // not one of the plant's own ranges or protocols: of the payload only the first bytes
	KeptBare             // the same, and nobody vouched for its payload: nothing of it
	KeptSecret           // holds a sign-in
	KeptUnparsed         // not decoded: a part of a datagram, a malformed frame
)

// RingState is how full a ring is, and what it costs.
type RingState struct {
	Disk     bool   `json:"disk"`
	Size     int64  `json:"size"`             // bytes it may take
	Used     int64  `json:"used"`             // bytes that it holds
	Packets  uint64 `json:"packets"`          // in it
	Oldest   int64  `json:"oldest,omitempty"` // packet time, ns
	Newest   int64  `json:"newest,omitempty"`
	PerDay   int64  `json:"per_day,omitempty"`  // bytes written to disk a day, at this rate
	Unstored uint64 `json:"unstored,omitempty"` // packets that the disk was too slow for
	Problem  string `json:"problem,omitempty"`  // why nothing is stored
}

// keeping is a lane's part in it.
type keeping struct {
	to      Keeper
	secret  bool // the packet in hand held a secret
	spare   []part
	vouched bool // for all payload of the frame in hand
	doubt   bool // since it was last cleared, something was not vouched for
}

// part is a packet whose bytes wait for the rest of a PDU.
type part struct {
	number uint64
	size   int  // of these bytes
	clean  bool // all of its payload before them was vouched for
}

// part is the packet in hand, of which the last n bytes wait.
func (l *lane) part(n int) part {
	return part{l.now.number, n, !l.hand.broken && l.hand.sound+n == l.hand.size}
}

// cutParts cuts bytes that waited. When a dissector vouched for all that were
// cut, the packets that brought them may come out of the ring.
func (l *lane) cutParts(fl *flow, side uint8, s *stream, b []byte) {
	parts := s.parts
	s.parts, l.keep.spare = l.keep.spare[:0], nil
	l.keep.doubt = false
	l.cut(fl, side, s, b)
	cut := len(b) - len(s.buf) // the rest waits on
	s.parts = s.parts[:0]
	for _, p := range parts {
		p.clean = p.clean && !l.keep.doubt
		switch {
		case p.size > cut: // some of it waits on
			p.size -= cut
			cut = 0
			s.parts = append(s.parts, p)
		case p.clean && p.number != l.now.number:
			l.keep.to.Vouch(p.number)
			fallthrough
		default:
			cut -= p.size
		}
	}
	l.keep.spare = parts[:0]
}

// judge notes, before other bytes are taken in hand, whether all of these were vouched for.
func (l *lane) judge() {
	h := &l.hand
	if l.keep.to == nil || h.broken || h.sound != h.size || h.size == 0 {
		return
	}
	if l.now.number == l.frame.number {
		l.keep.vouched = true
	} else {
		l.keep.to.Vouch(l.now.number)
	}
}

// store gives the packet that was just decoded to the Keeper. lead bytes stand before what this lane
// saw of it: the tunnel's.
func (l *lane) store(p *Packet, lead int) {
	l.judge()
	secret := l.keep.secret
	l.keep.secret = false
	fl, f := l.cur, l.frame
	head := lead + f.head
	if f.head == 0 {
		head = min(len(p.Data), unparsedHead)
	}
	how := KeptUnparsed
	if fl != nil && !f.fragment && l.assembled == nil {
		how = l.how(fl, secret, l.keep.vouched || len(f.payload) == 0)
	}
	l.keep.to.Keep(p, head, how)
}

func (l *lane) how(fl *flow, secret, vouched bool) KeptHow {
	if policy := l.keep.to.Policy(); fl.policy != policy || fl.askedAs != fl.named {
		fl.policy, fl.askedAs = policy, fl.named
		name, a, b := "", netip.Addr{}, netip.Addr{}
		if fl.named != nil {
			name = l.hints.set.Name(fl.as)
		}
		if fl.key.kind == carriesIP {
			a, b = fl.key.a.ip(), fl.key.b.ip()
		}
		fl.whole = l.keep.to.Whole(a, b, name)
	}
	known := vouched || fl.entry == nil && l.stranger(fl)
	switch {
	case secret || fl.quarantined:
		return KeptSecret
	case known && fl.whole:
		return KeptWhole
	case known:
		return KeptHeaders
	case fl.whole:
		return KeptPending
	}
	return KeptBare
}

// stranger says whether a conversation is one that no dissector will recognise:
// not by its ports, which could mean a known protocol that nobody could read, and
// not by its bytes. What a plant's unknown devices say to each other is kept.
func (l *lane) stranger(fl *flow) bool {
	if fl.secretive {
		return false
	}
	if fl.key.kind != carriesIP || fl.key.proto != ipTCP && fl.key.proto != ipUDP {
		return true
	}
	ports := l.hints.ports(fl.key.proto)
	return fl.tries[0]+fl.tries[1] > maxTries && len(ports[fl.key.ap]) == 0 && len(ports[fl.key.bp]) == 0
}

// HeadOf is how many bytes of a frame come before its payload; of one that cannot be taken apart a few.
func HeadOf(p *Packet) int {
	var f frame
	if f.decode(p) == good {
		if n := headOf(&f); n > 0 {
			return n
		}
	}
	return min(len(p.Data), unparsedHead)
}

// Ends is who a frame is between.
type Ends struct {
	SrcMAC, DstMAC   ot.MAC
	Src, Dst         netip.Addr // invalid: no IP
	SrcPort, DstPort uint16
	Transport        string // as FlowDelta has it
	VLAN             uint16
}

// EndsOf reads the headers of a frame; false when it cannot be taken apart.
func EndsOf(p *Packet) (e Ends, ok bool) {
	var f frame
	switch f.decode(p) {
	case good:
	case unneeded: // a header that was not kept whole still has addresses
	default:
		return e, false
	}
	e = Ends{SrcMAC: f.srcMAC, DstMAC: f.dstMAC, SrcPort: f.sport, DstPort: f.dport, VLAN: f.vlan}
	if f.carries == carriesIP {
		e.Src, e.Dst = f.src.ip(), f.dst.ip()
	}
	k := convKey{kind: f.carries, proto: f.proto}
	e.Transport = k.transport()
	return e, true
}
