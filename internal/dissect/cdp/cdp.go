// Package cdp reads the Cisco Discovery Protocol, carried in 802.2 SNAP frames
// (OUI 00000c, protocol 2000): a switch's or phone's name, platform, software.
//
//	version 1 | time to live 1 | checksum 2 | TLV: type 2, length 2 (with these four), value
package cdp

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const version ot.Kind = 0

// Protocol is the dissector.
type Protocol struct{}

func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "cdp", Kinds: []string{"version"}}},
		Transport: dissect.Ether,
		SNAP:      []uint64{0x00000c<<16 | 0x2000},
		MaxPDU:    9000,
		MaxState:  64,
	}
}

func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 8 || b[0] != 1 && b[0] != 2 {
		return dissect.No
	}
	if n := binary.BigEndian.Uint16(b[6:]); b[4] != 0 || n < 4 || int(n) > len(b)-4 {
		return dissect.No
	}
	return dissect.Yes
}

func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [48]byte }

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 8 {
		return dissect.Short
	}
	if b[0] != 1 && b[0] != 2 {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Code = version, uint32(b[0])
	out.End()
	for b = b[4:]; len(b) >= 4; {
		kind, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if n < 4 {
			return dissect.BadValue
		}
		if n > len(b) {
			return dissect.Short
		}
		f.field(kind, b[4:n], out)
		b = b[n:]
	}
	return dissect.OK
}

func (f *flow) field(kind uint16, value []byte, out *dissect.Sink) {
	switch kind {
	case 0x0001:
		out.Fact("cdp.device_id", value)
	case 0x0002:
		f.addresses("cdp.address", value, out)
	case 0x0003:
		out.Fact("cdp.port", value)
	case 0x0004:
		if len(value) >= 4 {
			out.Fact("cdp.capabilities", f.capabilities(binary.BigEndian.Uint32(value)))
		}
	case 0x0005:
		out.Fact("cdp.software", bytes.TrimSpace(value))
	case 0x0006:
		out.Fact("cdp.platform", value)
	case 0x0009:
		out.Fact("cdp.vtp_domain", value)
	case 0x000a:
		if len(value) >= 2 {
			out.Fact("cdp.native_vlan", strconv.AppendUint(f.text[:0], uint64(binary.BigEndian.Uint16(value)), 10))
		}
	case 0x0016:
		f.addresses("cdp.mgmt_ip", value, out)
	}
}

// addresses: count 4 | each: protocol type 1, its length 1, protocol, address length 2, address.
func (f *flow) addresses(attr ot.Attr, b []byte, out *dissect.Sink) {
	if len(b) < 4 {
		return
	}
	count := binary.BigEndian.Uint32(b)
	for b = b[4:]; count > 0 && len(b) >= 2; count-- {
		head := 2 + int(b[1])
		if len(b) < head+2 {
			return
		}
		size := int(binary.BigEndian.Uint16(b[head:]))
		if b = b[head+2:]; size > len(b) {
			return
		}
		if ip, ok := netip.AddrFromSlice(b[:size]); ok {
			out.Fact(attr, ip.AppendTo(f.text[:0]))
		}
		b = b[size:]
	}
}

var capabilityNames = [...]string{"router", "bridge", "source-bridge", "switch", "host", "igmp", "repeater", "phone", "remote"}

func (f *flow) capabilities(set uint32) []byte {
	text := f.text[:0]
	for i, name := range capabilityNames {
		if set>>i&1 == 0 || len(text)+1+len(name) > len(f.text) {
			continue
		}
		if len(text) > 0 {
			text = append(text, ' ')
		}
		text = append(text, name...)
	}
	return text
}

func (f *flow) Reset() {}
