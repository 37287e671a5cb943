// Package tunnel names the conversations that carry other conversations: GRE with ERSPAN
// (a switch's mirror sent to elsewhere), VXLAN, and PPPoE's discovery. It reads the tunnel's own header
// only; the packet inside is the engine's, which takes it as if it had come alone.
package tunnel

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// plain is a flow without state, whose PDUs are datagrams.
type plain struct {
	decode func(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault
}

func (plain) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (p plain) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	return p.decode(dir, b, out)
}

func (plain) Reset() {}

// GRE reads the header of RFC 2784 and 2890, and ERSPAN's behind it.
//
//	0 2  0x8000 checksum, 0x2000 key, 0x1000 sequence number; version in the lowest 3 bits
//	2 2  EtherType of what follows
//	4    checksum and reserved 4, key 4, sequence number 4, each where its bit is set
//
//	ERSPAN II:  version 4 bits (1), VLAN 12, class 3, encapsulation 2, cut 1, session 10, reserved 12, index 20
//	ERSPAN III: version 4 bits (2), VLAN 12, class 3, bad 2, cut 1, session 10, time 32, group 16, …
type GRE struct{}

// The kinds of codes.
const (
	greProtocol ot.Kind = iota // EtherType of what it carries
	greVersion
)

const (
	erspanSession = ot.Kind(0)
	etherERSPAN   = 0x88be
	etherERSPAN3  = 0x22eb
)

// Spec says where it lives.
func (GRE) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "gre", Kinds: []string{"protocol", "version"}}, {Name: "erspan", Kinds: []string{"session"}}},
		Transport: dissect.IP, IP: []uint8{47}, MaxPDU: 64 << 10, MaxState: 8, HintOnly: true,
	}
}

// Probe trusts the IP protocol.
func (GRE) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) >= 4 {
		return dissect.Yes
	}
	return dissect.No
}

// Open makes a conversation's state.
func (GRE) Open() dissect.Flow { return plain{gre} }

func gre(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 4 {
		return dissect.Short
	}
	carried, head := binary.BigEndian.Uint16(b[2:]), 4
	for _, bit := range [...]byte{0x80, 0x20, 0x10} {
		if b[0]&bit != 0 {
			head += 4
		}
	}
	m := out.Begin()
	if v := b[1] & 7; v != 0 {
		m.Kind, m.Code = greVersion, uint32(v)
		out.End()
		return dissect.OK
	}
	mirror := carried == etherERSPAN && b[0]&0x10 != 0 || carried == etherERSPAN3
	m.Kind, m.Code = greProtocol, uint32(carried)
	if mirror {
		m.Flags |= ot.Inner
	}
	out.End()
	if !mirror {
		return dissect.OK
	}
	if len(b) < head+8 {
		return dissect.Short
	}
	if v := b[head] >> 4; v != 1 && v != 2 {
		return dissect.BadValue
	}
	m = out.BeginAs(1)
	m.Kind, m.Code = erspanSession, uint32(binary.BigEndian.Uint16(b[head+2:])&0x3ff)
	out.End()
	return dissect.OK
}

// VXLAN reads the header of RFC 7348: flags 0x08 and zeros (4), network id 3, zero 1.
type VXLAN struct{}

// Spec says where it lives.
func (VXLAN) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "vxlan", Kinds: []string{"network"}}},
		Transport: dissect.UDP, UDP: []uint16{4789, 8472}, MaxPDU: 64 << 10, MaxState: 8, HintOnly: true,
	}
}

// Probe knows the header's zeros.
func (VXLAN) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) >= 8 && b[0] == 8 && b[1]|b[2]|b[3]|b[7] == 0 {
		return dissect.Yes
	}
	return dissect.No
}

// Open makes a conversation's state.
func (VXLAN) Open() dissect.Flow { return plain{vxlan} }

func vxlan(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 8 {
		return dissect.Short
	}
	if b[0] != 8 || b[1]|b[2]|b[3]|b[7] != 0 {
		return dissect.Alien
	}
	m := out.Begin()
	m.Code = uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6])
	out.End()
	return dissect.OK
}

// PPPoE reads discovery, RFC 2516: version and type 0x11, code 1, session 2, length 2. (Sessions are the engine's.)
type PPPoE struct{}

// Spec says where it lives.
func (PPPoE) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "pppoe", Kinds: []string{"code", "ppp"}}},
		Transport: dissect.Ether, Ether: []uint16{0x8863, 0x8864}, MaxPDU: 1500, MaxState: 8,
	}
}

const (
	pppoeCode ot.Kind = iota
	pppoePPP          // PPP protocol of a session's frame that is not IP
)

// Probe knows version and type.
func (PPPoE) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) >= 6 && b[0] == 0x11 {
		return dissect.Yes
	}
	return dissect.No
}

// Open makes a conversation's state.
func (PPPoE) Open() dissect.Flow { return plain{pppoe} }

func pppoe(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 6 {
		return dissect.Short
	}
	if b[0] != 0x11 {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Code = pppoeCode, uint32(b[1])
	if b[1] == 0 {
		if len(b) < 8 {
			return dissect.Short
		}
		m.Kind, m.Code = pppoePPP, uint32(binary.BigEndian.Uint16(b[6:]))
		if m.Code == 0xc023 {
			m.Flags |= ot.ClearText // PAP
		}
	}
	out.End()
	return dissect.OK
}
