package enip

import (
	"encoding/binary"
	"net/netip"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// CIP messages, CIP Volume 1, 2-4. A request:
//
//	0  1  service
//	1  1  size of the path in words
//	2  …  path (see target), then data
//
// A response:
//
//	0  1  service with 0x80 added
//	1  1  reserved
//	2  1  general status, appendix B
//	3  1  size of the additional status in words
//	4  …  additional status, then data

const (
	responseBit = 0x80
	partial     = 6 // general status: all is well, there is more
)

// Services, appendix A-3, and those of objects in here.
const (
	getAttributesAll   = 0x01
	setAttributesAll   = 0x02
	getAttributeList   = 0x03
	setAttributeList   = 0x04
	reset              = 0x05
	start              = 0x06
	stop               = 0x07
	create             = 0x08
	deleteInstance     = 0x09
	multipleService    = 0x0a
	applyAttributes    = 0x0d
	getAttributeSingle = 0x0e
	setAttributeSingle = 0x10
	firstSpecific      = 0x4b // from here on the object's class gives the meaning
	executePCCC        = 0x4b // of the PCCC object
	readTag            = 0x4c // of Logix tags
	writeTag           = 0x4d
	modifyTag          = 0x4e
	readTagFragment    = 0x52
	writeTagFragment   = 0x53
	unconnectedSend    = 0x52 // of the Connection Manager
	forwardOpen        = 0x54
	largeForwardOpen   = 0x5b
)

// Object classes.
const (
	classIdentity   = 0x01
	classAssembly   = 0x04
	classConnection = 0x06 // Connection Manager
	firstVendor     = 0x64
	classPCCC       = 0x67
	classSymbol     = 0x6b // Logix tags, also when they are addressed by name
)

// message reports the CIP message of a packet.
func (f *flow) message(dir ot.Dir, p packet, out *dissect.Sink) dissect.Fault {
	if dir == ot.Response {
		return f.answer(p, out)
	}
	r := f.ask(p.key)
	if p.connected {
		r.via = f.through(p.conn)
	}
	m := out.BeginAs(protoCIP)
	m.Dir = ot.Request
	fault := f.request(m, r, p.message, out)
	m.Unit = r.via.slot()
	out.End()
	if out.Follows() {
		f.follow(p, out)
	}
	return fault
}

// split cuts a request into its path and its data.
func split(b []byte) (path, data []byte, ok bool) {
	if len(b) < 2 || len(b) < 2+2*int(b[1]) {
		return nil, nil, false
	}
	n := 2 + 2*int(b[1])
	return b[2:n], b[n:], true
}

// request fills m from a request and the envelopes around it.
func (f *flow) request(m *ot.Message, r *request, b []byte, out *dissect.Sink) dissect.Fault {
	m.Kind, m.Code = kindService, uint32(b[0])
	r.service = b[0]
	path, data, ok := split(b)
	if !ok {
		return dissect.Short
	}
	var t target
	fault := dissect.OK
	if !t.parse(path) {
		fault = dissect.BadValue
	}
	r.about(&t)
	switch {
	case b[0] == unconnectedSend && t.class == classConnection && t.hasClass:
		// priority, time-out, size (2), message, pad to a word, size of the route in words, 0, route
		if len(data) < 4 {
			return dissect.Short
		}
		n := int(binary.LittleEndian.Uint16(data[2:]))
		if n == 0 || len(data) < 4+n {
			return dissect.Short
		}
		inner, rest := data[4:4+n], data[4+n+min(n&1, len(data)-4-n):]
		if len(rest) >= 2 && len(rest) >= 2+2*int(rest[0]) {
			r.via = makeWay(route(rest[2 : 2+2*int(rest[0])]))
		}
		if inner[0] == unconnectedSend && nestedSend(inner) {
			return dissect.TooDeep
		}
		fault = max(fault, f.request(m, r, inner, out))
		out.Also(kindService, unconnectedSend, nil)
		return fault
	case b[0] == multipleService:
		return max(fault, f.several(m, r, data, out))
	}
	f.describe(m, b[0], &t, data, out)
	if (b[0] == forwardOpen || b[0] == largeForwardOpen) && t.class == classConnection {
		if opening(r, b[0], data) {
			f.mark(m, safetyConnection, out)
		}
	}
	return fault
}

// nestedSend says whether an embedded message is an Unconnected Send again,
// which no router accepts and which could go on for ever.
func nestedSend(b []byte) bool {
	path, _, ok := split(b)
	var t target
	return ok && t.parse(path) && t.hasClass && t.class == classConnection
}

// describe fills m from one request without envelopes.
func (f *flow) describe(m *ot.Message, service byte, t *target, data []byte, out *dissect.Sink) {
	m.Kind, m.Code = kindService, uint32(service)
	m.Area, m.First = t.class, t.instance
	if t.symbol != nil {
		f.tag(m, service, t, data)
		specific(m, service, classSymbol, true, out)
		return
	}
	specific(m, service, t.class, t.hasClass, out)
	if t.hasClass && (t.class == classSupervisor || t.class == classValidator) {
		f.mark(m, t.class, out)
	}
	switch {
	case service == executePCCC && t.class == classPCCC && t.hasClass:
		pccc(m, data, out)
	case t.class == classAssembly && (service == setAttributeSingle || service == setAttributeList):
		m.Class = ot.Write // outputs, not settings
	}
}

// specific gives a service its object's meaning where it has one.
func specific(m *ot.Message, service byte, class uint32, known bool, out *dissect.Sink) {
	if !known || class > 0xffff {
		return
	}
	if service >= firstSpecific || (service == create || service == deleteInstance) && class >= firstVendor {
		m.Kind, m.Code = kindObjectService, class<<8|uint32(service)
		out.Also(kindService, uint32(service), nil)
	}
}

// opening remembers what a Forward Open leads to: priority, time-out, connection ids (4, 4), connection serial (2),
// vendor (2), originator serial (4), multiplier, reserved (3), O→T interval (4), parameters (2, large: 4),
// T→O interval (4), parameters (2 or 4), transport, size of the path in words, path. It says whether that is for safety.
func opening(r *request, service byte, d []byte) (safe bool) {
	size := 2
	if service == largeForwardOpen {
		size = 4
	}
	at := 22 + 4 + size + 4 + size
	if len(d) < at+2 {
		return false
	}
	r.io = d[at]&0x0f <= 1 // class 0 and 1 are implicit
	if n := 2 * int(d[at+1]); len(d) >= at+2+n {
		r.via = makeWay(route(d[at+2 : at+2+n]))
		return safetyPath(d[at+2 : at+2+n])
	}
	return false
}

// answer reports a response.
func (f *flow) answer(p packet, out *dissect.Sink) dissect.Fault {
	b := p.message
	m := out.BeginAs(protoCIP)
	m.Kind, m.Dir, m.Code = kindService, ot.Response, uint32(b[0]&^responseBit)
	if len(b) < 4 {
		out.End()
		return dissect.Short
	}
	service, status := b[0]&^responseBit, b[2]
	r := f.asking(p.key)
	if r != nil {
		r.used = false
		m.Unit = r.via.slot()
	}
	data := b[min(4+2*int(b[3]), len(b)):]
	if m.Status = uint32(status); status != 0 {
		if status != partial {
			m.Flags |= ot.Refused
		}
		out.Also(kindStatus, uint32(status), nil)
	}
	fault := dissect.OK
	if service == multipleService {
		fault = answers(m, r, data, out)
	} else if r != nil && r.service == service {
		m.Area, m.First = r.class, r.instance
		specific(m, service, r.class, r.class != 0, out)
		switch {
		case service == executePCCC && r.class == classPCCC:
			pccc(m, data, out)
		case r.class == classAssembly && (service == setAttributeSingle || service == setAttributeList):
			m.Class = ot.Write
		}
	} else if r != nil && service == unconnectedSend && status != 0 { // a router on the way refused
		specific(m, service, classConnection, true, out)
	}
	out.End()
	if out.Follows() {
		f.tell(p, out)
	}
	if r == nil || status != 0 && status != partial && service != multipleService {
		return fault
	}
	switch {
	case service == multipleService && r.identity != 0:
		f.nestedFacts(r, data, out)
	case r.class == classIdentity && r.instance == 1 && r.service == service:
		f.facts(service, r.attr, data, f.about(r, out), out)
	case (service == forwardOpen || service == largeForwardOpen) && len(data) >= 8:
		f.open(binary.LittleEndian.Uint32(data), r.via)
		if r.io {
			expect(out)
		}
	}
	return fault
}

// expect announces the I/O that both sides will send.
func expect(out *dissect.Sink) {
	for _, ip := range [...]netip.Addr{out.Src.IP, out.Dst.IP} {
		if ip.IsValid() {
			out.Expect(ot.Endpoint{IP: ip, Port: ioPort}, true)
		}
	}
}
