package plus

import (
	"bytes"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
)

const maxAttributes = 64 // of an object; more are not looked at

// next takes an attribute's number; what is no attribute ends the object as far as it matters here.
func (c *cursor) next() (id uint32, ok bool) {
	if c.bad || len(c.b) == 0 || c.b[0] != attribute {
		return 0, false
	}
	c.byte()
	id = c.vlq()
	return id, !c.bad
}

// firstName is the object's name, which comes first.
func firstName(c cursor) []byte {
	id, ok := c.next()
	if !ok || id != attrName {
		return nil
	}
	_, text, _ := c.value(0)
	return text
}

// client reads what opens a session says of itself: its network card and name, its product.
func (s *State) client(c cursor, out *dissect.Sink) {
	for range maxAttributes {
		id, ok := c.next()
		if !ok {
			return
		}
		_, text, _ := c.value(0)
		if c.bad || len(text) == 0 {
			continue
		}
		switch id {
		case attrInterface:
			out.Fact("s7comm-plus.client_interface", text)
		case attrClient:
			out.Fact("s7comm-plus.client", text)
		case attrProduct:
			out.Fact("s7comm-plus.client_product", text)
		}
	}
}

// server reads the controller's side of a session: the version holds order code and firmware.
func (s *State) server(c cursor, out *dissect.Sink) {
	for range maxAttributes {
		id, ok := c.next()
		if !ok {
			return
		}
		if id != attrVersion {
			c.value(0)
			continue
		}
		if c.byte() != 0 || c.byte() != typeStruct {
			return
		}
		c.uint32()
		for element := c.vlq(); element != 0 && !c.bad; element = c.vlq() {
			_, text, _ := c.value(1)
			if element == attrMLFB {
				s.mlfb(text, out)
			}
		}
		return
	}
}

// mlfb reads "1;6ES7 511-1AK00-0AB0 ;V1.0".
func (s *State) mlfb(text []byte, out *dissect.Sink) {
	_, rest, ok := bytes.Cut(text, []byte{';'})
	if !ok {
		return
	}
	order, version, _ := bytes.Cut(rest, []byte{';'})
	out.Fact("s7comm-plus.order_code", bytes.TrimSpace(order))
	out.Fact("s7comm-plus.firmware", bytes.TrimSpace(version))
}

// streamed reads an answer of one value: the module's name plate comes as an
// identification record of PROFINET, block 0x0020: type (2), length (2), version (2), vendor (2), order code
// (20), serial number (16), hardware (2), V and three numbers.
func (s *State) streamed(c cursor, out *dissect.Sink) {
	const plate, siemens = 50, 0x2a
	c.byte()
	kind, b, _ := c.value(0)
	if c.bad || kind != typeBlob || len(b) < plate || b[0] != 0 || b[1] != 0x20 || b[7] != siemens {
		return
	}
	out.Fact("s7comm-plus.order_code", bytes.TrimSpace(b[8:28]))
	out.Fact("s7comm-plus.serial", bytes.TrimSpace(b[28:44]))
	if b[46] == 'V' {
		to := append(s.text[:0], 'V')
		for i, n := range b[47:50] {
			if i > 0 {
				to = append(to, '.')
			}
			to = strconv.AppendUint(to, uint64(n), 10)
		}
		out.Fact("s7comm-plus.firmware", to)
	}
}
