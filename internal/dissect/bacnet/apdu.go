package bacnet

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// APDU types and flags, clause 20.1.
const (
	pduConfirmed   = 0
	pduUnconfirmed = 1
	pduSimpleAck   = 2
	pduComplexAck  = 3
	pduSegmentAck  = 4
	pduError       = 5
	pduReject      = 6
	pduAbort       = 7

	segmented   = 0x08
	moreFollows = 0x04
)

func (c *context) apdu(b []byte) dissect.Fault {
	kind, flags := b[0]>>4, b[0]
	switch kind {
	case pduConfirmed:
		return c.confirmed(flags, b)
	case pduUnconfirmed:
		if len(b) < 2 {
			return dissect.Short
		}
		return c.unconfirmed(b[1], b[2:])
	case pduSimpleAck:
		if len(b) < 3 {
			return dissect.Short
		}
		m := c.begin(kindConfirmed, b[2], ot.Response)
		m.Unit = uint32(c.net)
		c.out.End()
		return dissect.OK
	case pduComplexAck:
		return c.complexAck(flags, b)
	case pduError:
		if len(b) < 3 {
			return dissect.Short
		}
		return c.failed(b[2], b[3:])
	case pduSegmentAck, pduReject, pduAbort:
		if len(b) < 3 {
			return dissect.Short
		}
		m := c.begin(kindPDU, kind, ot.Response)
		if kind != pduSegmentAck {
			m.Flags |= ot.Refused
			m.Status = uint32(b[2])
		}
		if kind == pduAbort && flags&1 == 0 { // not from the server
			m.Dir = ot.Request
		}
		c.out.End()
		return dissect.OK
	}
	return dissect.BadValue
}

func (c *context) begin(kind ot.Kind, code byte, dir ot.Dir) *ot.Message {
	m := c.out.Begin()
	m.Kind, m.Code, m.Dir, m.Unit = kind, uint32(code), dir, uint32(c.net)
	return m
}

// confirmed reports a confirmed request:
//
//	type and flags | sizes | invoke id | [sequence, window] | service | parameters
func (c *context) confirmed(flags byte, b []byte) dissect.Fault {
	at := 3
	if flags&segmented != 0 {
		at = 5
	}
	if len(b) < at+1 {
		return dissect.Short
	}
	service, body := b[at], b[at+1:]
	if !c.flow.told && c.dir != ot.DirNone && !c.forwarded {
		c.flow.told = true
		c.out.Client(c.dir)
	}
	m := c.begin(kindConfirmed, service, ot.Request)
	if flags&segmented == 0 || b[3] == 0 { // the parameters begin here
		c.parameters(m, service, body)
	}
	if m.Flags&ot.ClearText != 0 {
		c.out.FactOf(c.about, "credential.cleartext", append(c.flow.text[:0], "bacnet password"...))
	}
	if service == confirmedPrivate {
		c.dialect(m.Area)
	}
	c.out.End()
	return dissect.OK
}

// failed reports an error PDU: the service that failed, with class and code of the error.
func (c *context) failed(service byte, b []byte) dissect.Fault {
	m := c.begin(kindConfirmed, service, ot.Response)
	m.Flags |= ot.Refused
	t, rest, ok := next(b)
	if ok && t.opening { // some services wrap the error
		t, rest, ok = next(rest)
	}
	if ok && !t.context && t.number == appEnumerated {
		class := unsigned(t.value)
		if t, _, ok = next(rest); ok && !t.context && t.number == appEnumerated {
			code := unsigned(t.value)
			m.Status = class<<16 | code&0xffff
			c.out.Also(kindError, code, nil)
		}
	}
	c.out.End()
	return dissect.OK
}
