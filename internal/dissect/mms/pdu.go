package mms

import (
	"encoding/binary"
	"math"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ber"
	"github.com/skanse/skanse/internal/ot"
)

// MMS PDUs, by their context tag (ISO 9506-2 clause 7).
const (
	confirmedRequest  = 0
	confirmedResponse = 1
	confirmedError    = 2
	unconfirmed       = 3
	rejected          = 4
	cancelRequest     = 5
	cancelResponse    = 6
	cancelError       = 7
	initiateRequest   = 8
	initiateResponse  = 9
	initiateError     = 10
	concludeRequest   = 11
	concludeResponse  = 12
	concludeError     = 13
)

// pdu reports one MMS PDU.
func (f *flow) pdu(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	tag, body, _, ok := ber.Next(b)
	if !ok {
		if len(b) > 0 && b[0]&0xc0 != 0x80 {
			return dissect.BadValue
		}
		return dissect.Short
	}
	number := ber.Number(tag)
	if tag&0xc0 != 0x80 || tag > 0xff || number > concludeError {
		return dissect.BadValue
	}
	switch number {
	case confirmedRequest:
		return f.request(dir, body, out)
	case confirmedResponse:
		return f.response(dir, body, out)
	case unconfirmed:
		return f.unasked(body, out)
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindPDU, number, ot.Response
	switch number {
	case initiateRequest:
		f.tell(dir, out)
		m.Dir = ot.Request
	case cancelRequest, concludeRequest:
		m.Dir = ot.Request
	case confirmedError:
		f.refused(m, dir, body, out)
	case rejected, cancelError, initiateError, concludeError:
		m.Flags |= ot.Refused
	}
	out.End()
	return dissect.OK
}

// refused: 0x80 invoke id | 0x81 modifier | 0xa2 { 0xa0 { [class] code } }; the
// service that was refused is known if its request was heard.
func (f *flow) refused(m *ot.Message, dir ot.Dir, body []byte, out *dissect.Sink) {
	m.Flags |= ot.Refused
	id, _ := ber.Find(body, 0x80)
	if what, ok := ber.Find(body, 0xa2); ok {
		if class, ok := ber.Find(what, 0xa0); ok {
			if tag, code, _, ok := ber.Next(class); ok {
				m.Status = ber.Number(tag)<<8 | ber.Uint(code)&0xff
			}
		}
	}
	if q := f.answered(dir, ber.Uint(id)); q != nil {
		m.Area = uint32(q.service)
	}
}

// tell says once who the client is.
func (f *flow) tell(dir ot.Dir, out *dissect.Sink) {
	if !f.client && dir != ot.DirNone {
		f.client = true
		out.Client(dir)
	}
}

// ask keeps a request until it is answered.
func (f *flow) ask(dir ot.Dir, id uint32, service, detail uint8) {
	f.asked[f.next] = question{id: id, dir: dir.Reverse(), service: service, detail: detail}
	f.next = (f.next + 1) % uint8(len(f.asked))
}

// answered finds the request that a PDU answers.
func (f *flow) answered(dir ot.Dir, id uint32) *question {
	for i := range f.asked {
		if q := &f.asked[i]; q.id == id && q.dir == dir && q.service != 0xff && (dir != ot.DirNone) {
			return q
		}
	}
	return nil
}

// objectName reads a name: 0x80 of the whole device, 0xa1 { 0x1a domain, 0x1a item }, 0x82 of the association.
// It is written as domain/item.
func (f *flow) objectName(b []byte) []byte {
	tag, value, _, ok := ber.Next(b)
	if !ok {
		return nil
	}
	switch tag {
	case 0x80, 0x82:
		return append(f.name[:0], value[:min(len(value), 128)]...)
	case 0xa1:
		domain, rest, ok := ber.Want(value, 0x1a)
		if !ok {
			return nil
		}
		item, _, _ := ber.Want(rest, 0x1a)
		n := append(f.name[:0], domain[:min(len(domain), 128)]...)
		return append(append(n, '/'), item[:min(len(item), 128)]...)
	}
	return nil
}

// value reads the first number in an MMS Data: 0x83 boolean, 0x85 integer, 0x86 unsigned, 0x87 float, 0xa2 structure.
func value(b []byte) (v float64, ok bool) {
	for range 3 {
		tag, value, _, good := ber.Next(b)
		if !good {
			return 0, false
		}
		switch tag {
		case 0xa1, 0xa2:
			b = value
			continue
		case 0x83:
			if len(value) == 1 && value[0] != 0 {
				return 1, true
			}
			return 0, len(value) == 1
		case 0x85:
			n, good := ber.Int(value)
			return float64(n), good
		case 0x86:
			return float64(ber.Uint(value)), len(value) > 0
		case 0x87:
			switch {
			case len(value) == 5 && value[0] == 8:
				return float64(math.Float32frombits(binary.BigEndian.Uint32(value[1:]))), true
			case len(value) == 9 && value[0] == 11:
				return math.Float64frombits(binary.BigEndian.Uint64(value[1:])), true
			}
		}
		return 0, false
	}
	return 0, false
}
