// Package cm dissects the context manager of PROFINET IO: how a controller
// connects to a device, which modules it expects there, what it writes and
// reads, when both say that they are ready, and what a device tells of its
// identity on the way. It is not for the frames that PROFINET sends without IP
// (package dcp), nor for other users of DCE/RPC.
//
// DCE/RPC over UDP, connectionless, C706 clause 12.5.1; the numbers follow drep:
//
//	0   1  version           4
//	1   1  type              0 request, 2 response, 3 fault, 6 reject; the others only pace the call
//	2   1  flags             0x02 last fragment, 0x04 fragment
//	3   1  flags
//	4   3  drep              0x10: little endian
//	7   1  serial, high
//	8   16 object            PROFINET: dea00000-6c97-11d1-8271, instance, device id, vendor id
//	24  16 interface         dea00001 device, dea00002 controller, dea00003 supervisor, dea00004 parameter server
//	40  16 activity
//	56  4  server boot       60 4 interface version   64 4 sequence
//	68  2  operation         70 2 interface hint      72 2 activity hint
//	74  2  length of body    76 2 fragment            78 1 authentication  79 1 serial, low
//
// Body, IEC 61158-6-10, 5.2: most or status (4), length (4), three more of NDR's array (12), then
// blocks, big endian: type (2), length of the rest (2), version (1, 1), content.
package cm

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindOperation ot.Kind = iota
	kindControl           // control command, by its lowest bit
	kindRecord            // index of a record that is read or written
	kindRelation          // type of an IO communication relation
	kindLookup            // operation of the endpoint mapper
)

// Types of PDUs.
const (
	ptypeRequest  = 0
	ptypeResponse = 2
	ptypeFault    = 3
	ptypeReject   = 6
	ptypeLast     = 10
)

const (
	header      = 80
	arrayHeader = 20
	maxWhole    = 32 << 10 // of a call cut into fragments
	flagLast    = 0x02
	flagPart    = 0x04
)

// The interfaces as they stand on the wire, without the four bytes that differ or change with the byte order.
const (
	tailProfinet = "\x82\x71\x00\xa0\x24\x42\xdf\x7d"
	tailMapper   = "\x91\xa4\x08\x00\x2b\x14\xa0\xfa"
)

// Protocol is the PROFINET context manager's dissector.
type Protocol struct{}

// Spec names PROFINET IO and its usual port.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "profinet-io", Kinds: []string{"operation", "control", "record", "relation", "lookup"}}},
		Transport: dissect.UDP,
		UDP:       []uint16{34964},
		MaxPDU:    2048,
		MaxState:  2*maxWhole + maxModules*64 + 256,
	}
}

// Probe wants a header with one of PROFINET's interfaces, or the endpoint mapper's.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < header || b[0] != 4 || b[1] > ptypeLast || b[4]&0xef != 0 || b[5] != 0 {
		return dissect.No
	}
	if profinet(b) || mapper(b) {
		return dissect.Yes
	}
	return dissect.No
}

// profinet says whether the interface is dea0000x-6c97-11d1-8271-00a02442df7d.
func profinet(b []byte) bool {
	order := order(b)
	first := order.Uint32(b[24:])
	return first >= 0xdea00001 && first <= 0xdea00004 && order.Uint16(b[28:]) == 0x6c97 && order.Uint16(b[30:]) == 0x11d1 &&
		string(b[32:40]) == tailProfinet
}

// mapper says whether the interface is e1af8308-5d1f-11c9-91a4-08002b14a0fa, of which only
// PROFINET still asks without a connection.
func mapper(b []byte) bool {
	order := order(b)
	return order.Uint32(b[24:]) == 0xe1af8308 && order.Uint16(b[28:]) == 0x5d1f && order.Uint16(b[30:]) == 0x11c9 &&
		string(b[32:40]) == tailMapper
}

type byteOrder interface {
	Uint16(b []byte) uint16
	Uint32(b []byte) uint32
}

func order(b []byte) byteOrder {
	if b[4]&0xf0 == 0x10 {
		return binary.LittleEndian
	}
	return binary.BigEndian
}

// Open makes a flow.
func (Protocol) Open() dissect.Flow { return &flow{} }

// flow holds the calls that come in fragments, and names of modules so that a fact costs no memory twice.
type flow struct {
	part    [2]call // requests, everything else
	modules modules
	text    [80]byte // scratch
}

// call is one of which fragments are still missing.
type call struct {
	activity [16]byte
	sequence uint32
	next     uint16 // fragment
	buf      []byte
}

// Reset keeps the names of modules: they are the same in every conversation.
func (f *flow) Reset() {
	for i := range f.part {
		f.part[i].buf, f.part[i].next = f.part[i].buf[:0], 0
	}
}

// Frame is never called: datagrams come whole.
func (f *flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

// Decode reports the call that a datagram completes, if it does.
func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < header {
		return dissect.Short
	}
	if b[0] != 4 || b[1] > ptypeLast {
		return dissect.Alien
	}
	isMapper := mapper(b)
	if !isMapper && !profinet(b) {
		return dissect.Alien
	}
	kind := b[1]
	if kind != ptypeRequest && kind != ptypeResponse && kind != ptypeFault && kind != ptypeReject {
		return dissect.OK // pings, acknowledgements and the like
	}
	order := order(b)
	body := b[header:]
	fault := dissect.OK
	if n := int(order.Uint16(b[74:])); n <= len(body) {
		body = body[:n]
	} else {
		fault = dissect.Short
	}
	if b[2]&flagPart != 0 {
		whole, done := f.join(b, body, order)
		if !done {
			return fault
		}
		body = whole
	}
	if isMapper {
		return max(fault, f.lookup(b, body, order, out))
	}
	return max(fault, f.call(b, body, order, out))
}

// join puts fragments of a call together, as long as they come in order.
func (f *flow) join(b, body []byte, order byteOrder) (whole []byte, done bool) {
	c := &f.part[min(b[1], 1)]
	sequence, number := order.Uint32(b[64:]), order.Uint16(b[76:])
	if number == 0 {
		c.sequence, c.next, c.buf = sequence, 0, c.buf[:0]
		copy(c.activity[:], b[40:56])
	}
	if number != c.next || sequence != c.sequence || !bytes.Equal(c.activity[:], b[40:56]) || len(c.buf)+len(body) > maxWhole {
		return nil, false // a repeated fragment, or one of a call whose beginning is lost
	}
	c.next++
	c.buf = append(c.buf, body...)
	if b[2]&flagLast == 0 {
		return nil, false
	}
	c.next = 1 << 15 // a repeated last fragment is no second call
	return c.buf, true
}

// call reports an operation with the blocks in it.
func (f *flow) call(b, body []byte, order byteOrder, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindOperation, uint32(order.Uint16(b[68:])), ot.Request
	if b[1] != ptypeRequest {
		m.Dir = ot.Response
		if len(body) >= 4 {
			m.Status = order.Uint32(body)
		}
		if b[1] != ptypeResponse || m.Status != 0 {
			m.Flags |= ot.Refused
		}
	}
	if b[1] == ptypeFault || b[1] == ptypeReject {
		out.End()
		return dissect.OK
	}
	blocks, fault := []byte(nil), dissect.OK
	switch {
	case len(body) < arrayHeader:
		fault = dissect.Short
	default:
		blocks = body[arrayHeader:]
		if n := int(order.Uint32(body[4:])); n >= 0 && n <= len(blocks) {
			blocks = blocks[:n]
		} else {
			fault = dissect.Short
		}
	}
	f.describe(m, blocks, out)
	out.End()
	f.identify(b, m.Dir, order, out)
	f.tell(m.Dir, blocks, out)
	return fault
}

// identify reads the object of a request: whom it is for, by the numbers that PROFIBUS & PROFINET
// International and the maker gave to the device.
func (f *flow) identify(b []byte, dir ot.Dir, order byteOrder, out *dissect.Sink) {
	if dir != ot.Request || order.Uint32(b[8:]) != 0xdea00000 || order.Uint32(b[24:]) != 0xdea00001 {
		return
	}
	out.FactOf(out.Dst, "pn_io.device_id", hex(f.text[:0], b[20:22]))
	out.FactOf(out.Dst, "pn_io.vendor_id", hex(f.text[:0], b[22:24]))
}
