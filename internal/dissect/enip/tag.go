package enip

import (
	"encoding/binary"
	"math"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// tag fills m from a service on a Logix tag.
func (f *flow) tag(m *ot.Message, service byte, t *target, d []byte) {
	m.Area, m.Name, m.First, m.N = classSymbol, t.symbol, t.member, 1
	if t.more != nil && len(t.symbol)+1+len(t.more) <= len(f.text) {
		m.Name = append(append(append(f.text[:0], t.symbol...), '.'), t.more...)
	}
	switch service {
	case readTag, readTagFragment: // number of elements
		if len(d) >= 2 {
			m.N = uint32(binary.LittleEndian.Uint16(d))
		}
	case writeTag: // type, number, values
		if len(d) < 5 {
			return
		}
		m.N = uint32(binary.LittleEndian.Uint16(d[2:]))
		number(m, binary.LittleEndian.Uint16(d), d[4:])
	case writeTagFragment: // type, number, offset (4), values
		if len(d) < 8 {
			return
		}
		m.N = uint32(binary.LittleEndian.Uint16(d[2:]))
	}
}

// number reads the first value of an elementary type, appendix C-6.1.
func number(m *ot.Message, kind uint16, d []byte) {
	switch {
	case kind == 0xc1 || kind == 0xc6:
		m.Value = float64(d[0])
	case kind == 0xc2:
		m.Value = float64(int8(d[0]))
	case kind == 0xc3 && len(d) >= 2:
		m.Value = float64(int16(binary.LittleEndian.Uint16(d)))
	case kind == 0xc7 && len(d) >= 2:
		m.Value = float64(binary.LittleEndian.Uint16(d))
	case kind == 0xc4 && len(d) >= 4:
		m.Value = float64(int32(binary.LittleEndian.Uint32(d)))
	case kind == 0xc8 && len(d) >= 4:
		m.Value = float64(binary.LittleEndian.Uint32(d))
	case kind == 0xca && len(d) >= 4:
		x := float64(math.Float32frombits(binary.LittleEndian.Uint32(d)))
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return
		}
		m.Value = x
	default:
		return
	}
	m.Flags |= ot.HasValue
}

// pccc reads a PLC-5 or SLC command: requester's id with its length first, command, status,
// transaction (2), and for some commands a function.
func pccc(m *ot.Message, d []byte, out *dissect.Sink) {
	if len(d) == 0 || int(d[0]) == 0 || len(d) < int(d[0])+4 {
		return
	}
	d = d[d[0]:]
	code := uint32(d[0]&0x4f) << 8
	if len(d) > 4 {
		switch d[0] & 0x0f {
		case 0x06, 0x07, 0x0f:
			code |= uint32(d[4])
		}
	}
	m.Kind, m.Code = kindPCCC, code
}
