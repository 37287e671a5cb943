package snmp

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ber"
)

// Formats of an engine id behind the maker's number (RFC 3411, SnmpEngineID).
const (
	engineMAC  = 3
	engineText = 4
)

// engine reports an agent's engine id, and what stands in it: the maker's
// enterprise number, a hardware address, a name.
func (f *flow) engine(id []byte, out *dissect.Sink) {
	out.Fact("snmp.engine_id", hexadecimal(f.text[:0], id))
	if len(id) < 5 {
		return
	}
	first := binary.BigEndian.Uint32(id)
	out.Fact("snmp.vendor", vendors.Name(first&^(1<<31)))
	if first>>31 == 0 { // the older form says nothing more that can be relied on
		return
	}
	switch rest := id[5:]; id[4] {
	case engineMAC:
		if len(rest) == 6 {
			mac := f.text[:0]
			for i := range rest {
				if i > 0 {
					mac = append(mac, ':')
				}
				mac = hexadecimal(mac, rest[i:i+1])
			}
			out.Fact("snmp.engine_mac", mac)
		}
	case engineText:
		out.Fact("snmp.engine_name", rest)
	}
}

// securityLevel reads the flags in a version 3 header: id, size, flags, model (RFC 3412 section 6).
func securityLevel(b []byte) (level uint8, ok bool) {
	for range 2 {
		if _, _, b, ok = ber.Next(b); !ok {
			return 0, false
		}
	}
	tag, flags, _, ok := ber.Next(b)
	if !ok || tag != tagOctets || len(flags) != 1 {
		return 0, false
	}
	return flags[0] & 3, true
}

// level says once a conversation how messages to and from an agent are protected.
func (f *flow) level(level uint8, out *dissect.Sink) {
	if f.levels>>level&1 == 1 {
		return
	}
	f.levels |= 1 << level
	agent := out.Dst
	if out.SrcPort < out.DstPort {
		agent = out.Src
	}
	out.FactOf(agent, "snmp.security_level", append(f.text[:0], [...]string{"neither authenticated nor encrypted", "authenticated, not encrypted", "encrypted", "authenticated and encrypted"}[level]...))
}
