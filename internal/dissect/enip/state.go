package enip

import (
	"bytes"
	"strconv"
)

// flow is one conversation: requests that wait for their answers, and the
// modules that its connections lead to.
type flow struct {
	asked [16]request // a ring
	next  uint8
	conns [8]conn // a ring
	last  uint8
	names [8]named // modules by route, a ring
	name  uint8
	wants [16]asking // followed tags that were asked for, a ring; see follow.go
	want  uint8
	text  [64]byte // scratch: a joined tag name, a number as text
}

// request is what an answer must know of its question.
type request struct {
	key      uint64
	class    uint32
	instance uint32
	attr     uint32
	identity uint32 // bit i: the i-th nested request asks the Identity object
	service  uint8
	inner    uint8 // of a Multiple Service Packet: the gravest service, whose class this is,
	worst    int16 // and its place
	io       bool  // a Forward Open of an I/O connection
	used     bool
	via      way
}

// way is the route to a module, as on the wire; empty for the device itself.
type way struct {
	n     uint8
	bytes [15]byte
}

// conn is an open connection and where it ends.
type conn struct {
	id  uint32
	via way
}

type named struct {
	via  way
	name string
}

// Reset keeps the names of modules: they follow from the route alone.
func (f *flow) Reset() {
	f.asked, f.next = [16]request{}, 0
	f.conns, f.last = [8]conn{}, 0
	f.wants, f.want = [16]asking{}, 0
}

func makeWay(route []byte) (w way) {
	if len(route) > 0 && len(route) <= len(w.bytes) {
		w.n = uint8(copy(w.bytes[:], route))
	}
	return w
}

// ask remembers a request and lends its slot.
func (f *flow) ask(key uint64) *request {
	r := &f.asked[f.next%16]
	f.next++
	*r = request{key: key, used: true}
	return r
}

// asking finds the newest request with that key.
func (f *flow) asking(key uint64) *request {
	for i := uint8(1); i <= 16; i++ {
		if r := &f.asked[(f.next-i)%16]; r.used && r.key == key {
			return r
		}
	}
	return nil
}

// about notes what a request addresses.
func (r *request) about(t *target) {
	r.class, r.instance, r.attr = t.class, t.instance, t.attr
	if t.symbol != nil {
		r.class, r.instance = classSymbol, 0
	}
}

func (f *flow) open(id uint32, via way) {
	if via.n == 0 {
		return
	}
	f.conns[f.last%8] = conn{id, via}
	f.last++
}

// through returns the way of a connection.
func (f *flow) through(id uint32) way {
	for i := uint8(1); i <= 8; i++ {
		if c := &f.conns[(f.last-i)%8]; c.via.n > 0 && c.id == id {
			return c.via
		}
	}
	return way{}
}

// module names where a way leads: "slot 3", or "slot 2, 10.0.0.7, slot 0" over several hops.
func (f *flow) module(via way) string {
	if via.n == 0 {
		return ""
	}
	for i := range f.names {
		if f.names[i].via == via {
			return f.names[i].name
		}
	}
	var b bytes.Buffer
	for p := via.bytes[:via.n]; len(p) >= 2; {
		h, rest, ok := hop(p)
		if !ok {
			break
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		switch {
		case len(h.address) > 1: // an address as text
			b.Write(bytes.TrimRight(h.address, "\x00"))
		case h.port == 1: // the backplane
			b.WriteString("slot " + strconv.Itoa(int(h.address[0])))
		case len(h.address) == 1:
			b.WriteString("port " + strconv.Itoa(int(h.port)) + " node " + strconv.Itoa(int(h.address[0])))
		}
		p = rest
	}
	n := &f.names[f.name%8]
	f.name++
	n.via, n.name = via, b.String()
	return n.name
}

// slot returns the last hop's address on a backplane, as Message.Unit.
func (w way) slot() uint32 {
	unit := uint32(0)
	for p := w.bytes[:w.n]; len(p) >= 2; {
		h, rest, ok := hop(p)
		if !ok {
			break
		}
		if len(h.address) == 1 {
			unit = uint32(h.address[0])
		}
		p = rest
	}
	return unit
}
