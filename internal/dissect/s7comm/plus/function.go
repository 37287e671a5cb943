package plus

import (
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Functions.
const (
	fnExplore      = 0x04bb
	fnCreate       = 0x04ca
	fnDelete       = 0x04d4
	fnSet          = 0x04f2
	fnGet          = 0x04fc
	fnSetMany      = 0x0542
	fnGetMany      = 0x054c
	fnInvoke       = 0x056b
	fnSetStreamed  = 0x057c
	fnGetStreamed  = 0x0586
	fnGetAddresses = 0x0590
)

// Objects and attributes, as engineering tools number them.
const (
	ridExecUnit   = 52 // the CPU's operating state
	ridSessions   = 285
	classSession  = 287
	classSubs     = 1001 // a subscription
	attrName      = 233
	attrInterface = 289
	attrClient    = 296
	attrProduct   = 297
	attrVersion   = 306 // of the session, a structure
	attrMLFB      = 319 // in it: "1;6ES7 511-1AK00-0AB0;V1.0"
	attrCredit    = 1053
	attrKey       = 1830
	attrAnswer    = 1842
	attrStateReq  = 2167
)

// request reads what a request asks for.
func (s *State) request(m *ot.Message, session, d []byte, p *part, out *dissect.Sink) dissect.Fault {
	c := cursor{b: d}
	switch m.Code {
	case fnCreate: // where (4), value, four bytes, sometimes a number; object
		return s.create(m, &c, p, out)
	case fnDelete, fnExplore, fnInvoke, fnGetStreamed, fnSetStreamed, fnGet, fnGetAddresses:
		m.Area = c.uint32()
		if m.Code == fnDelete && program(m.Area) {
			m.Class = ot.ProgramDownload
		}
		if program(m.Area) {
			m.Name = s.block(m.Area, nil)
		}
	case fnSet: // object (4), number, attribute, value
		m.Area = c.uint32()
		m.N = c.vlq()
		m.First = c.vlq()
		_, _, v := c.value(0)
		switch {
		case m.Area == ridExecUnit && m.First == attrStateReq && !c.bad:
			out.Also(kindFunction, m.Code, nil)
			m.Kind, m.Code, m.Class = kindState, uint32(v), ot.Control
		case m.First == attrCredit:
			m.Class = ot.Read // how much more a subscription may send
		}
	case fnSetMany:
		s.setMany(m, binary.BigEndian.Uint32(session), &c)
	case fnGetMany: // link (4), number of items, of fields; checksum, area …
		if c.uint32() == 0 {
			m.N = c.vlq()
			c.vlq()
			c.vlq()
			m.Area = c.vlq()
		}
	}
	fault := dissect.OK
	if c.bad {
		fault = dissect.Short
	}
	out.End()
	return fault
}

// setMany reads a write of several: object (4), number of values, of fields; attributes of the
// object, or where it is 0 a checksum and an area for each.
func (s *State) setMany(m *ot.Message, session uint32, c *cursor) {
	m.Area = c.uint32()
	m.N = c.vlq()
	c.vlq()
	if m.Area == 0 {
		c.vlq()
		m.Area = c.vlq()
		return
	}
	m.First = c.vlq()
	if m.Area == session && (m.First == attrVersion || m.First == attrKey || m.First == attrAnswer) {
		m.Class = ot.Login
	}
}

// create reads a request to make an object: a session, a subscription, a block.
func (s *State) create(m *ot.Message, c *cursor, p *part, out *dissect.Sink) dissect.Fault {
	c.uint32()
	c.value(0)
	c.uint32()
	if !c.bad && len(c.b) > 0 && c.b[0] != startObject {
		c.vlq()
	}
	whole := c.b
	rid, class, ok := c.object()
	if !ok {
		out.End()
		return dissect.Short
	}
	m.Area, m.N = rid, 1
	out.Also(kindObject, class, nil)
	name := firstName(*c)
	switch {
	case class == classSession:
		m.Class = ot.Login
	case class == classSubs:
		m.Class = ot.Read
	case program(rid):
		m.Class = ot.ProgramDownload
		m.Name = s.block(rid, name)
	default:
		m.Name = name
	}
	isBlock := block(rid)
	out.End()
	if isBlock {
		s.piece(dissect.Piece{Name: s.block(rid, name), Data: whole, End: !p.open}, out)
		p.block = p.open
	}
	if class == classSession {
		s.client(*c, out)
	}
	return dissect.OK
}

// response reads an answer: its return value, then what the function gives.
func (s *State) response(m *ot.Message, d []byte, p *part, out *dissect.Sink) dissect.Fault {
	c := cursor{b: d}
	result := int16(c.vlq64()) // the low half is the error, negative where it is one
	if result < 0 {
		m.Status, m.Flags = uint32(uint16(result)), m.Flags|ot.Refused
	}
	fn, refused := m.Code, result < 0
	switch fn {
	case fnCreate:
		m.N = uint32(c.byte())
		for n := m.N; n > 0 && !c.bad; n-- {
			c.vlq()
		}
	case fnExplore:
		c.uint32()
		if !c.bad && len(c.b) > 0 && c.b[0] != startObject {
			c.vlq()
		}
	}
	if fn == fnExplore && !refused && !c.bad {
		whole, peek := c.b, c
		if rid, _, ok := peek.object(); ok && block(rid) {
			name := s.block(rid, firstName(peek))
			m.Area, m.Name, m.Class = rid, name, ot.ProgramUpload
			out.End()
			s.piece(dissect.Piece{Name: name, Up: true, Data: whole, End: !p.open}, out)
			p.block = p.open
			return dissect.OK
		}
	}
	out.End()
	if refused || c.bad {
		return dissect.OK
	}
	switch fn {
	case fnCreate:
		if _, _, ok := c.object(); ok {
			s.server(c, out)
		}
	case fnGetStreamed:
		s.streamed(c, out)
	}
	return dissect.OK
}

// program says whether an object belongs to the program: blocks, types, the release that holds them.
func program(rid uint32) bool { return rid>>24 == 0x8a || rid>>24 == 0x89 || rid>>24 == 0x92 }

// block says whether an object is one of the program's blocks or types.
func block(rid uint32) bool { return rid>>24 == 0x8a }

// block names a block as engineers do: its kind is the upper half of its number.
func (s *State) block(rid uint32, name []byte) []byte {
	to := s.text[:0]
	switch rid >> 16 {
	case 0x8a0e:
		to = append(to, "DB "...)
	case 0x8a12:
		to = append(to, "FB "...)
	case 0x8a13:
		to = append(to, "FC "...)
	case 0x8a32:
		to = append(to, "OB "...)
	default:
		to = strconv.AppendUint(append(to, "object "...), uint64(rid>>16), 16)
		to = append(to, ' ')
	}
	to = strconv.AppendUint(to, uint64(rid&0xffff), 10)
	if len(name) > 0 {
		to = append(append(to, ' '), name[:min(len(name), 64)]...)
	}
	return to
}
