package modbus

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Function 90 carries UMAS, by which Unity Pro and Control Expert program
// Modicon controllers. Schneider Electric never published it; the layout is
// what public research agrees on. Data of a request:
//
//	0  1  session (reservation) key, 0 without one
//	1  1  UMAS function
//
// and of a response 0xFE or 0xFD (refused) in the place of the function, so
// that the function follows from the request alone.

const (
	umasReadID   = 0x02
	umasAccepted = 0xfe
	umasRefused  = 0xfd
)

// pending is the request that a UMAS response belongs to.
type pending struct {
	tid      uint16
	function byte
	asked    bool
}

// umas reports the UMAS function as what happened, with function 90 beside it.
func (f *flow) umas(m *ot.Message, tid uint16, d []byte, out *dissect.Sink) dissect.Fault {
	if len(d) < 2 {
		return dissect.Short
	}
	if m.Dir != ot.Response {
		f.asked = pending{tid, d[1], true}
		return unity(m, d[1], out)
	}
	if d[1] == umasRefused {
		m.Flags |= ot.Refused
		if len(d) >= 3 {
			m.Status = uint32(d[2])
		}
	}
	if !f.asked.asked || f.asked.tid != tid || d[1] != umasAccepted && d[1] != umasRefused {
		return dissect.OK
	}
	return unity(m, f.asked.function, out)
}

func unity(m *ot.Message, function byte, out *dissect.Sink) dissect.Fault {
	m.Kind, m.Code = kindUMAS, uint32(function)
	out.Also(kindFunction, umas, nil)
	return dissect.OK
}

// umasFacts reads the answer to "read id": at 10 the firmware, minor before
// major in packed decimal, at 23 the module's name with its length first.
func (f *flow) umasFacts(tid uint16, d []byte, about ot.Host, out *dissect.Sink) {
	if !f.asked.asked || f.asked.function != umasReadID || f.asked.tid != tid || len(d) < 25 || d[1] != umasAccepted {
		return
	}
	if n := int(d[23]); n > 0 && len(d) >= 24+n && readable(d[24:24+n]) {
		out.FactOf(about, "umas.module", d[24:24+n])
	}
	if version := binary.LittleEndian.Uint16(d[10:]); version != 0 {
		out.FactOf(about, "umas.firmware", packed(f.text[:0], version))
	}
}

// packed writes 0x0270 as V2.70.
func packed(to []byte, v uint16) []byte {
	const digits = "0123456789ABCDEF"
	to = append(to, 'V')
	if v >= 0x1000 {
		to = append(to, digits[v>>12])
	}
	return append(to, digits[v>>8&15], '.', digits[v>>4&15], digits[v&15])
}
