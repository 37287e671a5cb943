package dcp

import (
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
)

// Options with their suboptions, IEC 61158-6-10, 4.3.1.4.
const (
	optIP              = 0x0102
	optFullIP          = 0x0103
	optVendorValue     = 0x0201
	optName            = 0x0202
	optDeviceID        = 0x0203
	optRole            = 0x0204
	optAlias           = 0x0206
	optInstance        = 0x0207
	optOEM             = 0x0208
	optSignal          = 0x0503
	optControlResponse = 0x0504
	optFactoryReset    = 0x0505
	optReset           = 0x0506
)

// block takes the next block: option and suboption, length, value, padding.
func block(b []byte) (option uint16, value, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n > len(b)-4 {
		return 0, nil, nil, false
	}
	return binary.BigEndian.Uint16(b), b[4 : 4+n], b[min(len(b), 4+n+n&1):], true
}

// tell reads what a station says of itself; every value begins with two bytes of BlockInfo.
func (f *flow) tell(blocks []byte, out *dissect.Sink) {
	for {
		option, v, rest, ok := block(blocks)
		if !ok {
			return
		}
		blocks = rest
		if len(v) <= 2 {
			continue
		}
		v = v[2:]
		switch option {
		case optVendorValue:
			out.Fact("pn_dcp.device_vendor_value", trim(v))
		case optName:
			out.Fact("pn_dcp.name_of_station", trim(v))
		case optAlias:
			out.Fact("pn_dcp.alias", trim(v))
		case optDeviceID:
			if len(v) >= 4 {
				out.Fact("pn_dcp.vendor_id", hex(f.text[:0], v[:2]))
				out.Fact("pn_dcp.device_id", hex(f.text[:0], v[2:4]))
			}
		case optOEM:
			if len(v) >= 4 {
				out.Fact("pn_dcp.oem_vendor_id", hex(f.text[:0], v[:2]))
				out.Fact("pn_dcp.oem_device_id", hex(f.text[:0], v[2:4]))
			}
		case optRole:
			out.Fact("pn_dcp.device_role", hex(f.text[:0], v[:1]))
		case optInstance:
			if len(v) >= 2 {
				out.Fact("pn_dcp.instance", hex(f.text[:0], v[:2]))
			}
		case optIP, optFullIP:
			if len(v) >= 12 && (v[0]|v[1]|v[2]|v[3]) != 0 {
				out.Fact("pn_dcp.ip", appendIP(f.text[:0], v))
				out.Fact("pn_dcp.netmask", appendIP(f.text[:0], v[4:]))
				out.Fact("pn_dcp.gateway", appendIP(f.text[:0], v[8:]))
			}
		}
	}
}

func appendIP(to, v []byte) []byte {
	for i, c := range v[:4] {
		if i > 0 {
			to = append(to, '.')
		}
		to = strconv.AppendUint(to, uint64(c), 10)
	}
	return to
}

// hex writes a number as the tools of the field do: 0x002a.
func hex(to, v []byte) []byte {
	const digits = "0123456789abcdef"
	to = append(to, '0', 'x')
	for _, c := range v {
		to = append(to, digits[c>>4], digits[c&15])
	}
	return to
}

// trim cuts padding behind a text.
func trim(v []byte) []byte {
	for len(v) > 0 && (v[len(v)-1] == 0 || v[len(v)-1] == ' ') {
		v = v[:len(v)-1]
	}
	return v
}
