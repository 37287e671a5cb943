// Package modbus dissects Modbus/TCP (and the same frames over UDP): functions,
// exceptions, the addressed elements and what devices say of themselves
// (function 43/14 and 17). It is not for Modbus RTU or ASCII tunnelled in TCP.
//
// MBAP header, "MODBUS Messaging on TCP/IP Implementation Guide V1.0b", 3.1.3:
//
//	0  2  transaction id      the server returns it
//	2  2  protocol id         0
//	4  2  length              of what follows: unit id and PDU
//	6  1  unit id             a device behind a gateway; 0 or 255: the server itself
//	7  1  function code       with 0x80 added: an exception, its code follows
//	8  …  data                "MODBUS Application Protocol Specification V1.1b3", 6
package modbus

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindFunction ot.Kind = iota
	kindException
	kindDiagnostic // sub-function of function 8
	kindMEI        // transport of function 43: 13 CANopen, 14 device identification
	kindUMAS       // function inside function 90
)

// The tables that Message.Space names.
const (
	SpaceCoil            = 1
	SpaceDiscreteInput   = 2
	SpaceInputRegister   = 3
	SpaceHoldingRegister = 4
	SpaceFile            = 5
	SpaceFIFO            = 6
)

// Function codes, clause 6.
const (
	readCoils              = 1
	readDiscreteInputs     = 2
	readHoldingRegisters   = 3
	readInputRegisters     = 4
	writeSingleCoil        = 5
	writeSingleRegister    = 6
	diagnostics            = 8
	writeMultipleCoils     = 15
	writeMultipleRegisters = 16
	reportServerID         = 17
	readFileRecord         = 20
	writeFileRecord        = 21
	maskWriteRegister      = 22
	readWriteRegisters     = 23
	readFIFOQueue          = 24
	encapsulated           = 43
	umas                   = 90 // Schneider Electric's own programming protocol

	exceptionBit = 0x80
)

const (
	header  = 7
	maxADU  = 260        // 3.1.3: 253 bytes of PDU, one unit id, six of header
	maxUMAS = 1100       // Unity controllers negotiate longer frames than the standard
	noState = 4096 + 192 // the lazily made names of units, and the requests that wait
	minBody = 2          // unit id and function code
	restart = 1          // diagnostics: restart communications option
	listen  = 4          // diagnostics: force listen only mode
	coilOn  = 0xff00     // the only values of function 5
	mei14   = 14         // read device identification
)

// Protocol is the Modbus dissector.
type Protocol struct{}

// Spec names Modbus and its usual port.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "modbus", Kinds: []string{"function", "exception", "diagnostic", "mei", "umas"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{502},
		UDP:       []uint16{502},
		MaxPDU:    maxUMAS,
		MaxState:  noState,
	}
}

// Probe wants a whole header whose length fits its function.
func (Protocol) Probe(dir ot.Dir, b []byte) dissect.Verdict {
	if len(b) >= 3 && b[2] != 0 || len(b) >= 4 && b[3] != 0 || len(b) >= 5 && int(b[4]) > maxUMAS>>8 {
		return dissect.No
	}
	if len(b) < header+1 {
		return dissect.More
	}
	n := 6 + int(binary.BigEndian.Uint16(b[4:]))
	if !plausible(b) || n == header+1 && !bare(b[7]) {
		return dissect.No
	}
	if len(b) < n {
		return dissect.More
	}
	// What stands behind must look like another header, as far as it is there.
	next := b[n:]
	if len(next) > 2 && next[2] != 0 || len(next) > 3 && next[3] != 0 || len(next) > header && !plausible(next) {
		return dissect.No
	}
	return dissect.Yes
}

// bare says whether a function comes without data. HART-IP, whose sequence
// number stands where Modbus has its length, would pass without this.
func bare(fc byte) bool {
	switch fc {
	case 7, 11, 12, reportServerID: // exception status, event counter, event log
		return true
	}
	return false
}

// Open makes a flow.
func (Protocol) Open() dissect.Flow { return &flow{} }

// plausible says whether a header with its function code can start here. b holds at least header+1 bytes.
func plausible(b []byte) bool {
	if b[2] != 0 || b[3] != 0 {
		return false
	}
	n, fc := int(binary.BigEndian.Uint16(b[4:])), b[7]
	if n < minBody || n > maxADU-6 && (fc != umas || n > maxUMAS-6) {
		return false
	}
	switch fc {
	case 0, exceptionBit:
		return false
	case readCoils, readDiscreteInputs, readHoldingRegisters, readInputRegisters:
		return n == 6 || n >= 4 && (len(b) < header+2 || n == 3+int(b[8]))
	case writeSingleCoil, writeSingleRegister:
		return n == 6
	case writeMultipleCoils, writeMultipleRegisters:
		return n == 6 || n >= 8
	case maskWriteRegister:
		return n == 8
	}
	if fc&exceptionBit != 0 { // some servers add a byte
		return n == 3 || n == 4
	}
	return true
}

// flow holds next to no state: everything a message says stands in its own
// PDU, but for UMAS and the address of what is read. The names of units are kept so that a fact costs no memory twice.
type flow struct {
	turned bool // the sides are the other way round than the engine thinks
	asked  pending
	reads  reads
	units  *[256]string
	block  uint16   // of a program, the last that came
	text   [16]byte // scratch: a version
}

// Reset keeps the names of units: they are the same in every conversation.
func (f *flow) Reset() { f.turned, f.asked, f.reads, f.block = false, pending{}, reads{}, 0 }

// Frame cuts at the header's length; out of step it looks for the next plausible
// header. Where a header should stand and none does, all in hand is dropped: the
// bytes are the end of nobody knows what, and what looks like a header in
// there would be a message that nobody sent.
func (f *flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	if len(b) < 6 {
		return 0, 0
	}
	if synced {
		if n := int(binary.BigEndian.Uint16(b[4:])); b[2] == 0 && b[3] == 0 && n >= minBody && n <= maxUMAS-6 {
			return 0, 6 + n
		}
		return len(b), 0
	}
	for ; len(b)-skip > header; skip++ {
		if plausible(b[skip:]) {
			return skip, 6 + int(binary.BigEndian.Uint16(b[skip+4:]))
		}
	}
	return skip, 0
}

// Decode reports one ADU.
func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < header+1 {
		return dissect.Short
	}
	if b[2] != 0 || b[3] != 0 {
		return dissect.Alien
	}
	if n := 6 + int(binary.BigEndian.Uint16(b[4:])); n < header+1 {
		return dissect.BadValue
	} else if n < len(b) {
		b = b[:n]
	}
	fc, data := b[7], b[8:]
	if answers(fc, data) {
		if turned := dir == ot.Request; turned != f.turned {
			f.turned = turned
			if turned {
				out.Client(ot.Response) // whoever sends the other side's PDUs asks
			}
		}
	}
	if f.turned {
		dir = dir.Reverse()
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir, m.Unit = kindFunction, uint32(fc&^exceptionBit), dir, uint32(b[6])
	fault := dissect.OK
	switch {
	case fc&exceptionBit != 0:
		m.Flags |= ot.Refused
		if len(data) < 1 {
			fault = dissect.Short
			break
		}
		m.Status = uint32(data[0])
		out.Also(kindException, m.Status, nil)
	case fc == umas:
		fault = f.umas(m, binary.BigEndian.Uint16(b), data, out)
	case dir == ot.Response:
		if fault = response(m, fc, data, out); fault == dissect.OK && fc <= readInputRegisters {
			f.reads.answer(m, binary.BigEndian.Uint16(b), fc, data)
		}
	default:
		if fault = request(m, fc, data, out); fault == dissect.OK && fc <= readInputRegisters {
			f.reads.ask(m, binary.BigEndian.Uint16(b), fc)
		}
	}
	first, n, held := m.First, m.N, m.Flags&(ot.HasValue|ot.Refused) == ot.HasValue
	out.End()
	if fault == dissect.OK && held && n > 1 && out.Follows() {
		elementsOf(fc, dir, first, n, data, out)
	}
	if fault == dissect.OK && dir == ot.Response {
		f.facts(fc, data, b, out)
	}
	return fault
}

// answers says whether a PDU can only be a response, whatever side the engine
// guessed: an exception, or a read whose length is that of values.
func answers(fc byte, data []byte) bool {
	if fc&exceptionBit != 0 {
		return true
	}
	return fc >= readCoils && fc <= readInputRegisters && len(data) > 0 && len(data) != 4 && len(data) == 1+int(data[0])
}
