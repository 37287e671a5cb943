// Package hartip dissects HART-IP (FieldComm Group TS20085), by which asset
// management talks to instruments and to the gateways in front of them: the
// sessions, the HART commands that are passed through to field devices, and
// what those say of themselves. Serial HART is not on this wire.
//
//	header          0  1  version 1 or 2
//	                1  1  0 request, 1 response, 2 published, 15 refused
//	                2  1  0 open, 1 close, 2 keep alive, 3 HART PDU, 4 direct PDU, 5 audit log
//	                3  1  status
//	                4  2  sequence number
//	                6  2  length with this header
//	HART PDU        8  1  delimiter: bits 0-2 the kind of frame, 5-6 bytes of expansion, 7 a long address
//	                9  …  address 1 or 5, expansion, command 1, length 1,
//	                   …  in answers response code 1 and device status 1, data, check sum 1
package hartip

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindMessage  ot.Kind = iota // message id
	kindCommand                 // HART command of one byte
	kindExtended                // HART command of two bytes, inside command 31 or a direct PDU
)

const (
	header  = 8
	maxSize = 8192

	request   = 0
	response  = 1
	published = 2
	refused   = 15

	sessionOpen = 0
	hartPDU     = 3
	directPDU   = 4
	lastID      = 5
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "hart-ip", Kinds: []string{"message", "command", "extended-command"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{5094},
		UDP:       []uint16{5094, 20004},
		MaxPDU:    maxSize,
		MaxState:  maxModules*64 + 256,
	}
}

// Probe wants a header whose length fits its message.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	for i, most := range [...]byte{2, refused, lastID} {
		if i < len(b) && (b[i] > most || i == 0 && b[0] == 0) {
			return dissect.No
		}
	}
	if len(b) < header {
		return dissect.More
	}
	n := size(b)
	if n == 0 || n < len(b) && size(b[n:]) == 0 && len(b) >= n+header {
		return dissect.No
	}
	if b[2] == hartPDU && len(b) > header && !delimiter(b[header]) {
		return dissect.No
	}
	return dissect.Yes
}

// delimiter says whether a byte begins a HART PDU: burst 1, from a master 2, from a device 6.
func delimiter(b byte) bool { return b&0x18 == 0 && (b&7 == 1 || b&7 == 2 || b&7 == 6) }

// size returns the length of the message whose header begins b, 0 if there is none.
func size(b []byte) int {
	if len(b) < header || b[0] < 1 || b[0] > 2 || b[1] > published && b[1] != refused || b[2] > lastID {
		return 0
	}
	n := int(binary.BigEndian.Uint16(b[6:]))
	switch {
	case n < header || n > maxSize,
		b[2] == sessionOpen && b[1] <= response && b[3] == 0 && n != header+5,
		(b[2] == 1 || b[2] == 2) && n != header,
		b[2] == hartPDU && b[1] != refused && n < header+5:
		return 0
	}
	return n
}

// Open makes a session's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	client  bool
	self    uint64 // unique id of the device at the address itself, 0: unknown
	modules []module
	text    [64]byte
}

func (f *flow) Reset() {
	f.client, f.self = false, 0
	clear(f.modules)
	f.modules = f.modules[:0]
}

// Frame cuts at the header's length. Out of step, messages that fill a segment
// are believed, and else the first that carries commands.
func (f *flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	synced = synced || fills(b)
	for ; len(b)-skip >= header; skip++ {
		if n := size(b[skip:]); n > 0 && (synced || b[skip+2] >= hartPDU) {
			return skip, n
		}
	}
	return skip, 0
}

func fills(b []byte) bool {
	for len(b) > 0 {
		n := size(b)
		if n == 0 || n > len(b) {
			return false
		}
		b = b[n:]
	}
	return true
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < header {
		return dissect.Short
	}
	n := size(b)
	if n == 0 {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindMessage, uint32(b[2]), ot.Request
	if b[1] != request {
		m.Dir = ot.Response
	}
	if !f.client && dir != ot.DirNone && b[1] != refused {
		f.client = true
		if m.Dir == ot.Request {
			out.Client(dir)
		} else {
			out.Client(dir.Reverse())
		}
	}
	m.Status = uint32(b[3])
	if b[1] == refused || b[3] != 0 && b[1] == response && b[3] != 8 { // 8: the time asked for was set to another
		m.Flags |= ot.Refused
	}
	fault := dissect.OK
	if n > len(b) {
		fault = dissect.Short
	}
	body := b[header:min(n, len(b))]
	carries := (b[2] == hartPDU || b[2] == directPDU) && b[1] != refused && len(body) > 0
	if carries {
		m.Flags |= ot.Inner
	}
	out.End()
	switch {
	case !carries:
		return fault
	case b[2] == hartPDU:
		return max(fault, f.pdu(body, out))
	}
	return max(fault, f.direct(b[1], body, out))
}

// pdu reports the command in a HART PDU.
func (f *flow) pdu(b []byte, out *dissect.Sink) dissect.Fault {
	if !delimiter(b[0]) {
		return dissect.BadValue
	}
	from, long, expansion := b[0]&7, b[0]&0x80 != 0, int(b[0]>>5&3)
	at := 2
	if long {
		at = 6
	}
	if len(b) < at+expansion+2 {
		return dissect.Short
	}
	d := device{poll: b[1] & 0x3f}
	if long {
		d.id = uint64(b[1]&0x3f)<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
	}
	at += expansion
	command, n := b[at], int(b[at+1])
	data := b[at+2:]
	fault := dissect.OK
	if n > len(data) {
		fault = dissect.Short
	}
	data = data[:min(n, len(data))]
	m := out.Begin()
	m.Kind, m.Code, m.Unit, m.Dir = kindCommand, uint32(command), uint32(d.poll), ot.Request
	if long {
		m.Unit = uint32(d.id & 0xffffff)
	}
	if from != 2 {
		m.Dir = ot.Response
		if len(data) >= 2 {
			f.status(m, data[0])
			data = data[2:]
		}
		if from == 1 {
			m.Class = ot.Cyclic
		}
	}
	if command == 31 && len(data) >= 2 {
		m.Flags |= ot.Inner
		code := binary.BigEndian.Uint16(data)
		extended := *m
		out.End()
		m = out.Begin()
		m.Kind, m.Code, m.Unit, m.Dir, m.Status = kindExtended, uint32(code), extended.Unit, extended.Dir, extended.Status
		m.Flags |= extended.Flags &^ ot.Inner
		data = data[2:]
	}
	if m.Dir == ot.Response && m.Flags&ot.Refused == 0 && fault == dissect.OK {
		f.identify(uint16(m.Code), &d, data, out)
	}
	out.End()
	return fault
}

// status reads a response code: communication errors have bit 7 set, warnings
// and "come again later" are no refusals (TS20307).
func (f *flow) status(m *ot.Message, code byte) {
	m.Status = uint32(code)
	switch {
	case code == 0, code == 8, code >= 24 && code <= 27, code == 30, code == 31, code == 33, code == 34, code >= 96 && code < 128:
	default:
		m.Flags |= ot.Refused
	}
}

// direct reports the commands of a direct PDU: device status 2 | [ command 2, length 1, response code in answers, data ]
func (f *flow) direct(kind byte, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 2 {
		return dissect.Short
	}
	b = b[2:]
	for range 256 {
		if len(b) == 0 {
			return dissect.OK
		}
		if len(b) < 3 || int(b[2]) > len(b)-3 {
			return dissect.Short
		}
		code, data := binary.BigEndian.Uint16(b), b[3:3+int(b[2])]
		b = b[3+int(b[2]):]
		m := out.Begin()
		m.Kind, m.Code, m.Dir = kindExtended, uint32(code), ot.Request
		if code < 256 {
			m.Kind = kindCommand
		}
		if kind != request {
			m.Dir = ot.Response
			if kind == published {
				m.Class = ot.Cyclic
			}
			if len(data) > 0 {
				f.status(m, data[0])
				if m.Flags&ot.Refused == 0 {
					f.identify(code, &device{}, data[1:], out)
				}
			}
		}
		out.End()
	}
	return dissect.TooDeep
}
