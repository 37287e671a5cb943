package mqtt

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// cursor reads MQTT's data types; once it ran out of bytes it reads zeros.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b) {
		c.bad = true
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) u8() byte {
	if v := c.take(1); v != nil {
		return v[0]
	}
	return 0
}

func (c *cursor) u16() uint16 {
	if v := c.take(2); v != nil {
		return binary.BigEndian.Uint16(v)
	}
	return 0
}

func (c *cursor) text() []byte { return c.take(int(c.u16())) }

func (c *cursor) length() int {
	n := 0
	for i := range 4 {
		x := c.u8()
		n |= int(x&0x7f) << (7 * i)
		if x&0x80 == 0 {
			return n
		}
	}
	c.bad = true
	return 0
}

// properties is what is asked of those of version 5 (clause 2.2.2.2).
type properties struct {
	client []byte // id that the broker gave
	alias  uint16
	auth   bool // sign-in by a method of its own
}

func (c *cursor) properties() (p properties) {
	q := cursor{b: c.take(c.length())}
	for len(q.b) > 0 && !q.bad && !c.bad {
		switch id := q.u8(); id {
		case 0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a:
			q.u8()
		case 0x13, 0x21, 0x22:
			q.u16()
		case 0x23:
			p.alias = q.u16()
		case 0x02, 0x11, 0x18, 0x27:
			q.take(4)
		case 0x0b:
			q.length()
		case 0x12:
			p.client = q.text()
		case 0x03, 0x08, 0x09, 0x1a, 0x1c, 0x1f:
			q.text()
		case 0x15, 0x16:
			q.text()
			p.auth = true
		case 0x26:
			q.text()
			q.text()
		default:
			q.bad = true
		}
	}
	return p
}

// Decode takes one packet, or the beginning of a long one.
func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if left := &f.left[dir%3]; *left > 0 {
		*left = max(0, *left-len(b))
		out.Secret()
		return dissect.OK
	}
	if len(b) < 2 {
		return dissect.Short
	}
	n, at := remaining(b)
	if n < 0 || !plausible(b[0], n, at == 0) {
		return dissect.Alien
	}
	if at == 0 {
		return dissect.Short
	}
	c := cursor{b: b[at:min(len(b), at+n)]}
	cut := at+n > len(b)
	if cut && len(b) == maxPDU {
		f.left[dir%3] = at + n - len(b)
	}
	kind := b[0] >> 4
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindMessage, uint32(kind), dir
	switch kind {
	case connect:
		f.connect(m, dir, &c, out)
	case connack:
		f.connack(m, dir, &c, out)
	case publish:
		return f.publish(m, dir, b[0], c, cut && f.left[dir%3] == 0, out)
	case subscribe, unsubscribe:
		f.tell(dir, out)
		f.topics(m, kind == subscribe, &c)
	case suback:
		f.granted(m, &c)
	case puback, pubrec, pubrel, pubcomp:
		c.u16()
		f.reason(m, &c)
	case disconnect:
		f.reason(m, &c)
	case auth:
		out.Secret()
	}
	out.End()
	if c.bad {
		return dissect.Short
	}
	return dissect.OK
}

// connect: protocol's name | level 1 | flags 1 | keep alive 2 | [properties] | client id |
// [will's properties, topic, payload] | [user] | [password]
func (f *flow) connect(m *ot.Message, dir ot.Dir, c *cursor, out *dissect.Sink) {
	m.Dir = ot.Request
	f.tell(dir, out)
	c.text()
	f.version = c.u8() & 0x7f // the top bit marks a bridge
	flags := c.u8()
	c.u16()
	var p properties
	if f.version >= 5 {
		p = c.properties()
	}
	id := c.text()
	if flags&4 != 0 {
		if f.version >= 5 {
			c.properties()
		}
		m.Name = c.text() // where the client's last will goes
		c.text()
	}
	if flags&0xc0 != 0 || p.auth {
		out.Secret()
	}
	if flags&0x80 != 0 {
		c.text()
	}
	if c.bad {
		return
	}
	out.Fact("mqtt.client_id", id)
	switch f.version {
	case 3:
		out.Fact("mqtt.version", append(f.text[:0], "3.1"...))
	case 4:
		out.Fact("mqtt.version", append(f.text[:0], "3.1.1"...))
	case 5:
		out.Fact("mqtt.version", append(f.text[:0], "5"...))
	}
	switch {
	case flags&0x40 != 0:
		if password := c.text(); len(password) > 0 {
			m.Flags |= ot.ClearText
			out.FactOf(out.Dst, "credential.cleartext", append(f.text[:0], "mqtt password"...))
		}
	case flags&0x80 == 0 && !p.auth:
		out.FactOf(out.Dst, "mqtt.sign_in", append(f.text[:0], "without a name"...))
	}
}

// connack: flags 1 | code 1 | [properties]
func (f *flow) connack(m *ot.Message, dir ot.Dir, c *cursor, out *dissect.Sink) {
	m.Dir = ot.Response
	f.tell(dir.Reverse(), out)
	c.u8()
	f.refused(m, c.u8())
	if len(c.b) > 0 {
		p := c.properties()
		if !c.bad {
			out.FactOf(out.Dst, "mqtt.client_id", p.client)
		}
		if p.auth {
			out.Secret()
		}
	}
}

// refused marks a code of failure: any but 0 in answers to a sign-in of version 3, 0x80 and above in version 5.
func (f *flow) refused(m *ot.Message, code byte) {
	m.Status = uint32(code)
	if code >= 0x80 || code != 0 && m.Code == connack {
		m.Flags |= ot.Refused
	}
}

// reason reads the code that version 5 may add.
func (f *flow) reason(m *ot.Message, c *cursor) {
	if len(c.b) > 0 {
		f.refused(m, c.u8())
	}
	c.b = nil
}

// topics: packet id 2 | [properties] | [ topic, options 1 ]. Mid-stream the
// version is not known: a first topic of length 0 cannot be, properties can.
func (f *flow) topics(m *ot.Message, options bool, c *cursor) {
	m.Dir = ot.Request
	c.u16()
	if f.version >= 5 || f.version == 0 && len(c.b) > 2 && c.b[0] == 0 && c.b[1] == 0 {
		c.properties()
	}
	for len(c.b) > 0 && !c.bad {
		t := c.text()
		if options {
			c.u8()
		}
		if m.N == 0 && !c.bad {
			m.Name = t
		}
		m.N++
	}
}

// granted: packet id 2 | [properties] | codes; the last one refused speaks for all.
func (f *flow) granted(m *ot.Message, c *cursor) {
	m.Dir = ot.Response
	c.u16()
	if f.version >= 5 {
		c.properties()
	}
	for _, code := range c.b {
		if code >= 0x80 {
			f.refused(m, code)
		}
	}
	m.N = uint32(len(c.b))
}

// alias is a topic that version 5 replaces by a number.
type alias struct {
	id    uint16
	topic [96]byte
	n     uint8
}

const maxAlias = 32

// resolve returns the topic behind a number, or keeps it.
func (f *flow) resolve(dir ot.Dir, id uint16, t []byte) []byte {
	list := &f.alias[dir%3]
	at := -1
	for i := range *list {
		if (*list)[i].id == id {
			at = i
		}
	}
	if len(t) == 0 {
		if at < 0 {
			return nil
		}
		a := &(*list)[at]
		return append(f.name[:0], a.topic[:a.n]...)
	}
	if at < 0 {
		if len(*list) == maxAlias {
			return t
		}
		*list = append(*list, alias{id: id})
		at = len(*list) - 1
	}
	a := &(*list)[at]
	if len(t) > len(a.topic) {
		a.n = 0
		return t
	}
	a.n = uint8(copy(a.topic[:], t))
	return t
}

// publish: topic | [packet id 2] | [properties] | payload
func (f *flow) publish(m *ot.Message, dir ot.Dir, first byte, c cursor, cut bool, out *dissect.Sink) dissect.Fault {
	t := c.text()
	if first&6 != 0 {
		c.u16()
	}
	if f.version >= 5 {
		if p := c.properties(); p.alias != 0 {
			t = f.resolve(dir, p.alias, t)
		}
	}
	m.Name = t
	m.N = uint32(len(c.b))
	if first&1 != 0 {
		m.Space = 1 // retained
	}
	group, kind, edge, device, ok := split(t)
	if !ok || c.bad {
		out.Secret() // a payload of which nobody knows what it holds
		out.End()
		if c.bad || cut {
			return dissect.Short
		}
		return dissect.OK
	}
	m.Flags |= ot.Inner
	out.End()
	fault := f.sparkplug(dir, group, kind, edge, device, c.b, out)
	if cut {
		return dissect.Short
	}
	return fault
}
