// Package lldp reads the Link Layer Discovery Protocol (IEEE 802.1AB): what
// switches, PLCs and PROFINET devices say of themselves on every link.
//
//	TLV: type 7 bits | length 9 bits | value
//	     1 chassis id, 2 port id, 3 time to live (these three first, in this order),
//	     4 port description, 5 system name, 6 system description, 7 capabilities,
//	     8 management address, 127 organisation's own, 0 end
package lldp

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	frame        ot.Kind = iota // 1 announcement, 2 shutdown (time to live 0)
	organisation                // OUI of an organisation's own TLV
)

const (
	announcement = 1
	shutdown     = 2
)

// Protocol is the dissector.
type Protocol struct{}

func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "lldp", Kinds: []string{"frame", "organisation"}}},
		Transport: dissect.Ether,
		Ether:     []uint16{0x88cc},
		MaxPDU:    9000,
		MaxState:  640,
	}
}

// Probe wants the mandatory beginning: a chassis id, then a port id.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 8 || b[0] != 1<<1 || b[1] < 2 {
		return dissect.No
	}
	if next := 2 + int(b[1]); next+2 > len(b) || b[next] != 2<<1 {
		return dissect.No
	}
	return dissect.Yes
}

func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [2 * 256]byte } // hexadecimal form of the longest chassis id

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Kind, m.Code = frame, announcement
	reported := false
	for at := 0; at < 3 || len(b) > 0; at++ {
		if len(b) < 2 {
			return ended(out, reported, dissect.Short)
		}
		head := binary.BigEndian.Uint16(b)
		kind, size := head>>9, int(head&0x1ff)
		if b = b[2:]; size > len(b) {
			return ended(out, reported, dissect.Short)
		}
		value := b[:size]
		b = b[size:]
		if at < 3 && int(kind) != at+1 {
			return dissect.Alien
		}
		switch {
		case kind == 0:
			return ended(out, reported, dissect.OK)
		case kind == 3:
			if size < 2 {
				return dissect.BadValue
			}
			if value[0]|value[1] == 0 {
				m.Code = shutdown
			}
		case kind == 127 && size >= 4:
			f.organisation(value, out)
		case size > 0:
			f.own(kind, value, out)
		}
		if at == 2 {
			out.End()
			reported = true
		}
	}
	return dissect.OK
}

func ended(out *dissect.Sink, reported bool, fault dissect.Fault) dissect.Fault {
	if !reported && fault == dissect.OK {
		out.End()
	}
	return fault
}

// own reads the standard's own TLVs.
func (f *flow) own(kind uint16, value []byte, out *dissect.Sink) {
	switch kind {
	case 1:
		f.chassis(value, out)
	case 2:
		f.port(value, out)
	case 4:
		out.Fact("lldp.port_desc", value)
	case 5:
		out.Fact("lldp.system_name", value)
	case 6:
		out.Fact("lldp.system_desc", value)
		f.siemens(value, out)
	case 7:
		if len(value) >= 4 {
			out.Fact("lldp.capabilities", f.capabilities(binary.BigEndian.Uint16(value[2:])))
		}
	case 8:
		f.management(value, out)
	}
}

// Subtypes of a chassis id and a port id that are not plain text.
const (
	chassisMAC     = 4
	chassisAddress = 5
	portMAC        = 3
	portAddress    = 4
)

func (f *flow) chassis(value []byte, out *dissect.Sink) {
	subtype, id := value[0], value[1:]
	switch {
	case subtype == chassisMAC && len(id) == 6:
		out.Fact("lldp.chassis_mac", f.mac(id))
	case subtype == chassisAddress && len(id) > 1:
		if text := f.address(id[0], id[1:]); text != nil {
			out.Fact("lldp.chassis_ip", text)
		}
	case len(id) > 0 && len(id) <= 255:
		// The standard calls it octets, so the whole truth is hexadecimal; a PROFINET
		// device puts its name of station there.
		out.Fact("lldp.chassis_id", hex.AppendEncode(f.text[:0], id))
		if printable(id) {
			out.Fact("lldp.chassis_name", id)
		}
	}
}

func (f *flow) port(value []byte, out *dissect.Sink) {
	subtype, id := value[0], value[1:]
	switch {
	case subtype == portMAC && len(id) == 6:
		out.Fact("lldp.port_mac", f.mac(id))
	case subtype == portAddress && len(id) > 1:
		if text := f.address(id[0], id[1:]); text != nil {
			out.Fact("lldp.port_ip", text)
		}
	case printable(id):
		out.Fact("lldp.port_id", id)
	case len(id) <= 255:
		out.Fact("lldp.port_id", hex.AppendEncode(f.text[:0], id))
	}
}

// management: length of address and its family 1 | family 1 | address | interface …
func (f *flow) management(value []byte, out *dissect.Sink) {
	size := int(value[0])
	if size < 2 || size >= len(value) {
		return
	}
	family, address := value[1], value[2:1+size]
	if family == 6 && len(address) == 6 {
		out.Fact("lldp.mgmt_mac", f.mac(address))
		return
	}
	if text := f.address(family, address); text != nil {
		out.Fact("lldp.mgmt_ip", text)
	}
}

// address writes an address of an IANA address family, nil if it is none of IP's.
func (f *flow) address(family byte, b []byte) []byte {
	if ip, ok := netip.AddrFromSlice(b); ok && (family == 1 && len(b) == 4 || family == 2 && len(b) == 16) {
		return ip.AppendTo(f.text[:0])
	}
	return nil
}

func (f *flow) mac(b []byte) []byte {
	text := f.text[:0]
	for i, x := range b {
		if i > 0 {
			text = append(text, ':')
		}
		text = hex.AppendEncode(text, []byte{x})
	}
	return text
}

var capabilityNames = [...]string{"other", "repeater", "bridge", "wlan", "router", "telephone", "docsis", "station"}

func (f *flow) capabilities(enabled uint16) []byte {
	text := f.text[:0]
	for i, name := range capabilityNames {
		if enabled>>i&1 == 0 {
			continue
		}
		if len(text) > 0 {
			text = append(text, ' ')
		}
		text = append(text, name...)
	}
	return text
}

func printable(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c == 0x7f {
			return false
		}
	}
	return len(b) > 0
}

func (f *flow) Reset() {}
