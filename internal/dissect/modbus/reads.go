package modbus

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/ot"
)

// reads are the newest requests for values that wait for their answers: a response
// says what it holds, but not where. Few clients have more than these on the way.
type reads struct {
	recs [8]asking
	next uint8
}

// asking is one of them; n is 0 where there is none.
type asking struct {
	tid, first, n uint16
	unit, fc      byte
}

// ask notes a request whose address and quantity were read into m.
func (r *reads) ask(m *ot.Message, tid uint16, fc byte) {
	r.recs[r.next%uint8(len(r.recs))] = asking{tid, uint16(m.First), uint16(m.N), byte(m.Unit), fc}
	r.next++
}

// answer says where the values of a response stand, and the first of them. The newest
// request counts, since numbers come again; one whose quantity does not fit is another.
func (r *reads) answer(m *ot.Message, tid uint16, fc byte, d []byte) {
	for i := 1; i <= len(r.recs); i++ {
		a := &r.recs[(int(r.next)+2*len(r.recs)-i)%len(r.recs)]
		if a.n == 0 || a.tid != tid || a.fc != fc || a.unit != byte(m.Unit) {
			continue
		}
		size := 2 * int(a.n)
		if fc == readCoils || fc == readDiscreteInputs {
			size = (int(a.n) + 7) / 8
		}
		if int(d[0]) == size && len(d) > size {
			m.First, m.N = uint32(a.first), uint32(a.n)
			m.Flags |= ot.HasValue
			if size == 2*int(a.n) && fc >= readHoldingRegisters {
				m.Value = float64(binary.BigEndian.Uint16(d[1:]))
			} else {
				m.Value = float64(d[1] & 1)
			}
		}
		*a = asking{}
		return
	}
}
