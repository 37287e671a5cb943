package enip

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// several reports a Multiple Service Packet: number (2), offsets (2 each, from
// the number on), messages. The gravest of them is the message, the others and
// the envelope are further codes.
func (f *flow) several(m *ot.Message, r *request, d []byte, out *dissect.Sink) dissect.Fault {
	if len(d) < 2 {
		return dissect.Short
	}
	n := int(binary.LittleEndian.Uint16(d))
	if n == 0 || len(d) < 2+2*n {
		return dissect.Short
	}
	worst, most := -1, -1
	fault := dissect.OK
	for i := range n {
		b := nested(d, i)
		if len(b) < 2 {
			fault = dissect.Short
			continue
		}
		if g := gravity(b[0]); g > most {
			worst, most = i, g
		}
		if path, _, ok := split(b); ok && i < 32 {
			var t target
			if t.parse(path) && t.class == classIdentity && t.instance == 1 {
				r.identity |= 1 << i
			}
		}
	}
	if worst >= 0 {
		b := nested(d, worst)
		if path, data, ok := split(b); ok {
			var t target
			t.parse(path)
			f.describe(m, b[0], &t, data, out)
			r.about(&t)
			r.inner, r.worst = b[0], int16(worst)
		} else {
			m.Code = uint32(b[0])
		}
		out.Also(kindService, multipleService, nil)
	}
	for i := range n {
		if b := nested(d, i); i != worst && len(b) >= 2 {
			out.Also(kindService, uint32(b[0]&^responseBit), nil)
		}
	}
	return fault
}

// nested returns the i-th message of a Multiple Service Packet; nil when its offset is wrong.
func nested(d []byte, i int) []byte {
	from := int(binary.LittleEndian.Uint16(d[2+2*i:]))
	if from > len(d) || from < 2 {
		return nil
	}
	b := d[from:]
	if 4+2*i+2 <= len(d) && i+1 < int(binary.LittleEndian.Uint16(d)) {
		if to := int(binary.LittleEndian.Uint16(d[4+2*i:])); to >= from && to <= len(d) {
			b = d[from:to]
		}
	}
	return b
}

// gravity orders services by what they can change.
func gravity(service byte) int {
	switch service &^ responseBit {
	case reset, start, stop:
		return 4
	case create, deleteInstance:
		return 3
	case setAttributesAll, setAttributeList, setAttributeSingle, applyAttributes, writeTag, modifyTag, writeTagFragment:
		return 2
	case getAttributesAll, getAttributeList, getAttributeSingle, readTag, readTagFragment:
		return 0
	}
	return 1
}

// answers reports the responses in a Multiple Service Packet: the gravest is the message.
func answers(m *ot.Message, r *request, d []byte, out *dissect.Sink) dissect.Fault {
	if len(d) < 2 {
		return dissect.OK // refused as a whole
	}
	n := int(binary.LittleEndian.Uint16(d))
	if n == 0 || len(d) < 2+2*n {
		return dissect.Short
	}
	worst, most := -1, -1
	fault := dissect.OK
	for i := range n {
		b := nested(d, i)
		if len(b) < 4 {
			fault = dissect.Short
			continue
		}
		g := gravity(b[0])
		if b[2] != 0 && b[2] != partial { // a refusal is worth more than what was refused
			g += 8
		}
		if g > most {
			worst, most = i, g
		}
	}
	if worst < 0 {
		return fault
	}
	b := nested(d, worst)
	m.Code = uint32(b[0] &^ responseBit)
	if b[2] != 0 {
		m.Status = uint32(b[2])
		if b[2] != partial {
			m.Flags |= ot.Refused
		}
	}
	if service := b[0] &^ responseBit; r != nil && r.service == multipleService && int(r.worst) == worst && r.inner == service {
		m.Area, m.First = r.class, r.instance
		specific(m, service, r.class, r.class != 0, out)
	}
	out.Also(kindService, multipleService, nil)
	for i := range n {
		b := nested(d, i)
		if len(b) < 4 {
			continue
		}
		if i != worst {
			out.Also(kindService, uint32(b[0]&^responseBit), nil)
		}
		if b[2] != 0 {
			out.Also(kindStatus, uint32(b[2]), nil)
		}
	}
	return fault
}
