package enip

import (
	"encoding/binary"
	"math"
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
	r.class, r.instance, r.attr = t.class, t.instance, t.attr
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
		opening(r, b[0], data)
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

// describe fills m from one request without envelopes.
func (f *flow) describe(m *ot.Message, service byte, t *target, data []byte, out *dissect.Sink) {
	m.Kind, m.Code = kindService, uint32(service)
	m.Area, m.First = t.class, t.instance
	if t.symbol != nil {
		f.tag(m, service, t, data)
		return
	}
	specific(m, service, t.class, t.hasClass, out)
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

// tag fills m from a service on a Logix tag.
func (f *flow) tag(m *ot.Message, service byte, t *target, d []byte) {
	m.Name, m.First, m.N = t.symbol, t.member, 1
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

// opening remembers what a Forward Open leads to: priority, time-out, connection ids (4, 4), connection serial (2),
// vendor (2), originator serial (4), multiplier, reserved (3), O→T interval (4), parameters (2, large: 4),
// T→O interval (4), parameters (2 or 4), transport, size of the path in words, path.
func opening(r *request, service byte, d []byte) {
	size := 2
	if service == largeForwardOpen {
		size = 4
	}
	at := 22 + 4 + size + 4 + size
	if len(d) < at+2 {
		return
	}
	r.io = d[at]&0x0f <= 1 // class 0 and 1 are implicit
	if n := 2 * int(d[at+1]); len(d) >= at+2+n {
		r.via = makeWay(route(d[at+2 : at+2+n]))
	}
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
		fault = answers(m, data, out)
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

// answers reports the responses in a Multiple Service Packet: the gravest is the message.
func answers(m *ot.Message, d []byte, out *dissect.Sink) dissect.Fault {
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

// expect announces the I/O that both sides will send.
func expect(out *dissect.Sink) {
	for _, ip := range [...]netip.Addr{out.Src.IP, out.Dst.IP} {
		if ip.IsValid() {
			out.Expect(ot.Endpoint{IP: ip, Port: ioPort}, true)
		}
	}
}
