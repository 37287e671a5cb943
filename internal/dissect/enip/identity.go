package enip

import (
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// about returns the host that an answer describes: the sender, or the module that the request was routed to.
func (f *flow) about(r *request, out *dissect.Sink) ot.Host {
	host := out.Src
	host.Module = f.module(r.via)
	return host
}

// facts reads an answer of the Identity object, CIP Volume 1, 5-2.2.
func (f *flow) facts(service uint8, attr uint32, d []byte, about ot.Host, out *dissect.Sink) {
	switch service {
	case getAttributesAll:
		for a := uint32(1); a <= 7; a++ {
			n := f.fact(a, d, about, out)
			if n == 0 {
				return
			}
			d = d[n:]
		}
	case getAttributeSingle:
		f.fact(attr, d, about, out)
	case getAttributeList: // number, then attribute (2), status (2), value
		if len(d) < 2 {
			return
		}
		n := binary.LittleEndian.Uint16(d)
		d = d[2:]
		for ; n > 0 && len(d) >= 4; n-- {
			a, status := binary.LittleEndian.Uint16(d), binary.LittleEndian.Uint16(d[2:])
			d = d[4:]
			if status != 0 {
				continue
			}
			size := f.fact(uint32(a), d, about, out)
			if size == 0 {
				return
			}
			d = d[size:]
		}
	}
}

// nestedFacts reads the answers of the Identity object in a Multiple Service Packet.
func (f *flow) nestedFacts(r *request, d []byte, out *dissect.Sink) {
	if len(d) < 2 {
		return
	}
	n := int(binary.LittleEndian.Uint16(d))
	if len(d) < 2+2*n {
		return
	}
	for i := range min(n, 32) {
		if r.identity>>i&1 == 0 {
			continue
		}
		if b := nested(d, i); len(b) >= 4 && b[2] == 0 && b[0]&^responseBit != getAttributeSingle && len(b) >= 4+2*int(b[3]) {
			f.facts(b[0]&^responseBit, 0, b[4+2*int(b[3]):], f.about(r, out), out)
		}
	}
}

// fact reports one attribute of the Identity object and returns its size, 0 when it cannot be told.
func (f *flow) fact(attr uint32, d []byte, about ot.Host, out *dissect.Sink) int {
	switch attr {
	case 1, 2, 3:
		if len(d) < 2 {
			return 0
		}
		name := [...]ot.Attr{1: "cip.vendor_id", 2: "cip.device_type", 3: "cip.product_code"}[attr]
		out.FactOf(about, name, f.decimal(uint32(binary.LittleEndian.Uint16(d))))
		return 2
	case 4:
		if len(d) < 2 {
			return 0
		}
		out.FactOf(about, "cip.major_rev", f.decimal(uint32(d[0])))
		out.FactOf(about, "cip.minor_rev", f.decimal(uint32(d[1])))
		out.FactOf(about, "cip.revision", f.revision(d))
		return 2
	case 5: // status
		if len(d) < 2 {
			return 0
		}
		return 2
	case 6:
		if len(d) < 4 {
			return 0
		}
		out.FactOf(about, "cip.serial", f.serial(d))
		return 4
	case 7:
		if len(d) < 1 || len(d) < 1+int(d[0]) {
			return 0
		}
		out.FactOf(about, "cip.product_name", d[1:1+int(d[0])])
		return 1 + int(d[0])
	}
	return 0
}

// listed reads the answers to ListIdentity: number of items, then for each 0x0C, length, and
// encapsulation version (2), socket address (16), vendor (2), device type (2), product code (2),
// revision (1, 1), status (2), serial (4), name with its length first, state.
func (f *flow) listed(b []byte, out *dissect.Sink) {
	n := int(binary.LittleEndian.Uint16(b))
	b = b[2:]
	for i := 0; i < n && i < maxItems && len(b) >= 4; i++ {
		kind, size := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		b = b[4:]
		d := b[:min(size, len(b))]
		b = b[len(d):]
		if kind != itemIdentity || len(d) < 33 {
			continue
		}
		out.Fact("enip.vendor_id", f.decimal(uint32(binary.LittleEndian.Uint16(d[18:]))))
		out.Fact("enip.device_type", f.decimal(uint32(binary.LittleEndian.Uint16(d[20:]))))
		out.Fact("enip.product_code", f.decimal(uint32(binary.LittleEndian.Uint16(d[22:]))))
		out.Fact("enip.revision", f.revision(d[24:]))
		out.Fact("enip.serial", f.serial(d[28:]))
		if len(d) >= 33+int(d[32]) {
			out.Fact("enip.product_name", d[33:33+int(d[32])])
		}
	}
}

func (f *flow) decimal(n uint32) []byte { return strconv.AppendUint(f.text[:0], uint64(n), 10) }

// revision writes major and minor as makers print them: 20.11. The major's
// highest bit is reserved.
func (f *flow) revision(d []byte) []byte {
	b := strconv.AppendUint(f.text[:0], uint64(d[0]&0x7f), 10)
	return strconv.AppendUint(append(b, '.'), uint64(d[1]), 10)
}

// serial writes a serial number as tools show it: 0x00524d8e.
func (f *flow) serial(d []byte) []byte {
	const digits = "0123456789abcdef"
	b := append(f.text[:0], '0', 'x')
	for i := 3; i >= 0; i-- {
		b = append(b, digits[d[i]>>4], digits[d[i]&15])
	}
	return b
}
