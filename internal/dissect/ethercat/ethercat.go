// Package ethercat dissects EtherCAT: the datagrams of a frame with their
// commands and working counters, changes of state, mailboxes (CoE, FoE, EoE
// and others) and what stations say of their identity. Cyclic data is counted,
// not read: only the master's configuration says what it means. It is not for
// the process data's own contents, nor for EtherCAT Automation Protocol.
//
// Frames of EtherType 0x88A4 or UDP port 34980, ETG.1000.4, 5.3; little endian:
//
//	0   2  length (11 bits), reserved (1), type (4): 1 datagrams, 4 network variables, 5 mailbox
//	datagram:
//	0   1  command      1 1 index
//	2   2  ADP          station, or position; with a logical command the address' low half
//	4   2  ADO          register; with a logical command the high half
//	6   2  length (11 bits), reserved (3), 0x4000 circulating, 0x8000 more datagrams follow
//	8   2  event request
//	10  …  data
//	…   2  working counter: 0 on the way out, counted up by each station that took part
//
// A frame comes back to its master with the second bit of its source address
// set, as the first station's hardware marks it.
package ethercat

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindCommand ot.Kind = iota
	kindState           // state that a station is asked to take
	kindMailbox         // protocol of a mailbox
	kindSDO             // CoE: command of a service data object
	kindFoE             // operation of a file's transfer
	kindFrame           // types of frames that hold no datagrams
)

// Commands, ETG.1000.4, table 12.
const (
	cmdFPRD = 4
	cmdFPWR = 5
	cmdLRD  = 10
	cmdLRW  = 12
	cmdLast = 14
)

const (
	frameHeader = 2
	header      = 10
	counter     = 2
	maxPDU      = 1600
	lengthMask  = 0x7ff
	more        = 0x8000
	maxInFrame  = 128
	returned    = 2 // bit of the source's first byte
	mailboxFrom = 0x1000
)

// Protocol is the EtherCAT dissector.
type Protocol struct{}

// Spec names EtherCAT and its EtherType.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "ethercat", Kinds: []string{"command", "state", "mailbox", "sdo", "foe", "frame"}}},
		Transport: dissect.Ether | dissect.UDP,
		Ether:     []uint16{0x88a4},
		UDP:       []uint16{34980},
		MaxPDU:    maxPDU,
		MaxState:  8192,
		HintOnly:  true,
	}
}

// Probe wants a frame header with a known type and, in it, a datagram with a known command.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < frameHeader || b[1]&0x08 != 0 {
		return dissect.No
	}
	switch b[1] >> 4 {
	case 4, 5:
		return dissect.Yes
	case 1:
		if n := int(binary.LittleEndian.Uint16(b) & lengthMask); n >= header+counter && len(b) >= frameHeader+header && b[frameHeader] <= cmdLast {
			return dissect.Yes
		}
	}
	return dissect.No
}

// Open makes a flow.
func (Protocol) Open() dissect.Flow { return &flow{} }

// flow holds what transfers of files and reads of a station's memory need, and names of stations so
// that a fact costs no memory twice.
type flow struct {
	stations stations
	files    [4]file
	memory   [16]memory
	next     uint8
	text     [64]byte // scratch
}

// Reset keeps the names of stations: they are the same in every conversation.
func (f *flow) Reset() { f.files, f.memory, f.next = [4]file{}, [16]memory{}, 0 }

// Frame is never called: frames come whole.
func (f *flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

// datagram is one command in a frame.
type datagram struct {
	command  byte
	adp, ado uint16
	data     []byte
	counter  uint16
}

// cut takes the next datagram.
func cut(b []byte) (d datagram, rest []byte, last, ok bool) {
	if len(b) < header+counter {
		return d, nil, true, false
	}
	size := binary.LittleEndian.Uint16(b[6:])
	n := int(size & lengthMask)
	if n > len(b)-header-counter {
		return d, nil, true, false
	}
	d = datagram{b[0], binary.LittleEndian.Uint16(b[2:]), binary.LittleEndian.Uint16(b[4:]), b[header : header+n], binary.LittleEndian.Uint16(b[header+n:])}
	return d, b[header+n+counter:], size&more == 0, true
}

// Decode reports a frame by its weightiest datagram, the others beside it, and what mailboxes hold.
func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < frameHeader {
		return dissect.Short
	}
	if t := b[1] >> 4; t != 1 {
		if t == 0 {
			return dissect.Alien
		}
		m := out.Begin()
		m.Kind, m.Code = kindFrame, uint32(t)
		out.End()
		return dissect.OK
	}
	n, fault := int(binary.LittleEndian.Uint16(b)&lengthMask), dissect.OK
	b = b[frameHeader:]
	if n <= len(b) {
		b = b[:n]
	} else {
		fault = dissect.Short
	}
	if len(b) > 0 && b[0] > cmdLast {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Dir = kindCommand, ot.Request
	if out.Src.MAC[0]&returned != 0 {
		m.Dir = ot.Response
	}
	best, weight, mail := datagram{}, 0, false
	seen := 0
	for rest := b; seen < maxInFrame; seen++ {
		d, next, last, ok := cut(rest)
		if !ok {
			fault = dissect.Short
			break
		}
		if seen > 0 && weigh(&d) <= weight {
			out.Also(kindCommand, uint32(d.command), nil)
		} else {
			if seen > 0 {
				out.Also(kindCommand, uint32(best.command), nil)
			}
			best, weight = d, weigh(&d)
		}
		mail = mail || d.interesting()
		if rest = next; last {
			seen++
			break
		}
	}
	if seen == 0 {
		return dissect.Short
	}
	describe(m, &best, out)
	dir := m.Dir
	out.End()
	if mail {
		f.mailboxes(b, dir, out)
	}
	return fault
}

// interesting says whether a datagram can hold a mailbox or a part of a station's memory.
func (d *datagram) interesting() bool {
	return (d.command == cmdFPRD || d.command == cmdFPWR) && (d.ado >= mailboxFrom && len(d.data) >= 8 || d.ado >= regMemory && d.ado <= regMemoryData)
}
