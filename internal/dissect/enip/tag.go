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

// number gives m the first value of an elementary type.
func number(m *ot.Message, kind uint16, d []byte) {
	if v, ok := elementary(kind, d); ok {
		m.Value = v
		m.Flags |= ot.HasValue
	}
}

// widthOf is how many bytes an elementary type takes, appendix C-6.1; 0: not one that is read.
func widthOf(kind uint16) int {
	switch kind {
	case 0xc1, 0xc2, 0xc6:
		return 1
	case 0xc3, 0xc7, 0xd2:
		return 2
	case 0xc4, 0xc8, 0xca, 0xd3:
		return 4
	case 0xc5, 0xc9, 0xcb:
		return 8
	}
	return 0
}

// elementary reads a value: BOOL, integers, REAL and LREAL, and strings of bits.
func elementary(kind uint16, d []byte) (v float64, ok bool) {
	if n := widthOf(kind); n == 0 || len(d) < n {
		return 0, false
	}
	switch kind {
	case 0xc1: // true is whatever is not 0: programs write 1 or 0xff
		v = float64(min(d[0], 1))
	case 0xc6:
		v = float64(d[0])
	case 0xc2:
		v = float64(int8(d[0]))
	case 0xc3:
		v = float64(int16(binary.LittleEndian.Uint16(d)))
	case 0xc7, 0xd2:
		v = float64(binary.LittleEndian.Uint16(d))
	case 0xc4:
		v = float64(int32(binary.LittleEndian.Uint32(d)))
	case 0xc8, 0xd3:
		v = float64(binary.LittleEndian.Uint32(d))
	case 0xc5:
		v = float64(int64(binary.LittleEndian.Uint64(d)))
	case 0xc9:
		v = float64(binary.LittleEndian.Uint64(d))
	case 0xca:
		v = float64(math.Float32frombits(binary.LittleEndian.Uint32(d)))
	case 0xcb:
		v = math.Float64frombits(binary.LittleEndian.Uint64(d))
	}
	return v, !math.IsNaN(v) && !math.IsInf(v, 0)
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
