// Package goose dissects GOOSE, the messages by which protection relays tell
// each other of a change within milliseconds (IEC 61850-8-1 annex A), and its
// routable form over UDP (IEC 61850-90-5): which control block sends which data
// set, its state and sequence numbers, simulation and configuration revision,
// and what is wrong with the order of them. Values are not looked into.
//
//	Ethernet type 0x88b8        0  2  APPID
//	                            2  2  length with this header
//	                            4  2  reserved 1; bit 15: simulated
//	                            6  2  reserved 2
//	                            8  …  goosePdu, BER:
//	  0x61 { 0x80 control block, 0x81 time allowed to live, 0x82 data set, 0x83 id, 0x84 time,
//	         0x85 state number, 0x86 sequence number, 0x87 simulation, 0x88 configuration revision,
//	         0x89 needs commissioning, 0x8a number of entries, 0xab data }
//	UDP port 102: package routable, with session 0xa1 and payload 0x81
package goose

import (
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ber"
	"github.com/skanse/skanse/internal/dissect/routable"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindBlock ot.Kind = iota // name of the control block
	kindEvent                // what is not the quiet repetition of a state
)

// Events.
const (
	stateChange = 1 + iota // the state number rose: something in the data set changed
	stateBack              // it fell: the sender restarted, or there are two
	sequenceBack
	framesLost
	simulated
	commissioning
	revisionChange
)

const (
	header    = 8
	maxBlocks = 48   // of one sender to one group address; those beyond are not followed
	session   = 0xa1 // of the routable form
	payload   = 0x81
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "goose", Kinds: []string{"control-block", "event"}}},
		Transport: dissect.Ether | dissect.UDP,
		Ether:     []uint16{0x88b8},
		UDP:       []uint16{102},
		MaxPDU:    64 << 10,
		MaxState:  maxBlocks*32 + 512,
	}
}

// Probe wants the session header of a datagram; on Ethernet the type has said it.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) > 30 && b[0] == 1 && b[1] == 0x40 && b[2] == 0xa1 && b[4] == 0x80 && int(b[3]) == int(b[5])+2 {
		return dissect.Yes
	}
	if len(b) > header+2 && b[header] == 0x61 && int(binary.BigEndian.Uint16(b[2:])) <= len(b) && binary.BigEndian.Uint16(b[2:]) > header && b[6]|b[7] == 0 {
		return dissect.Yes
	}
	return dissect.No
}

// Open makes a sender's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	blocks [maxBlocks]block
	n      int
	last   int // the block heard last; most senders take turns
	text   [ot.MaxFact]byte
}

// block is what a control block said last.
type block struct {
	key                       uint32 // checksum of its name
	state, sequence, revision uint32
}

func (f *flow) Reset() { f.n, f.last = 0, 0 }

// Frame is not called: frames and datagrams only.
func (f *flow) Frame(ot.Dir, []byte, bool) (skip, n int) { return 0, 0 }

func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < header {
		return dissect.Short
	}
	if routable.Is(b, session) {
		return f.routed(b, out)
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < header || n > len(b) { // shorter frames are padded
		n = len(b)
	}
	return f.pdu(binary.BigEndian.Uint16(b), b[4]&0x80 != 0, b[header:n], out)
}

func (f *flow) routed(b []byte, out *dissect.Sink) dissect.Fault {
	for p, fault := range routable.PDUs(b) {
		if fault == dissect.OK && p.Type == payload {
			fault = f.pdu(p.AppID, p.Simulated, p.Body, out)
		}
		if fault != dissect.OK {
			return fault
		}
	}
	return dissect.OK
}

// fields are what a goosePdu says.
type fields struct {
	ref, set, id                       []byte
	state, sequence, revision, entries uint32
	simulated, commissioning           bool
}

func (f *flow) pdu(appid uint16, marked bool, b []byte, out *dissect.Sink) dissect.Fault {
	tag, body, _, ok := ber.Next(b)
	if len(b) > 0 && b[0] != 0x61 {
		return dissect.BadValue
	}
	fault := dissect.OK
	if !ok || tag != 0x61 { // cut off: what stands there still counts
		if fault, body = dissect.Short, b[min(len(b), 2):]; len(b) > 1 && b[1] > 0x80 {
			body = b[min(len(b), 2+int(b[1]&0x7f)):]
		}
	}
	var p fields
	for len(body) > 0 {
		tag, value, rest, ok := ber.Next(body)
		if !ok {
			fault = dissect.Short
			break
		}
		body = rest
		switch tag {
		case 0x80:
			p.ref = value
		case 0x82:
			p.set = value
		case 0x83:
			p.id = value
		case 0x85:
			p.state = ber.Uint(value)
		case 0x86:
			p.sequence = ber.Uint(value)
		case 0x87:
			p.simulated = len(value) == 1 && value[0] != 0
		case 0x88:
			p.revision = ber.Uint(value)
		case 0x89:
			p.commissioning = len(value) == 1 && value[0] != 0
		case 0x8a:
			p.entries = ber.Uint(value)
		}
	}
	if len(p.ref) == 0 || len(p.ref) > 129 {
		return max(fault, dissect.BadValue)
	}
	p.simulated = p.simulated || marked
	m := out.Begin()
	m.Kind, m.Text, m.Unit, m.Area, m.N, m.Name = kindBlock, p.ref, uint32(appid), p.revision, p.entries, p.set
	if fault != dissect.OK { // what is missing must not look like a change
		out.End()
		if f.block(sum(p.ref)) == nil {
			f.facts(appid, &p, false, out)
		}
		return fault
	}
	events, fresh := f.follow(&p)
	switch {
	case events>>revisionChange&1 == 1:
		m.Class = ot.Configure
	case events&(1<<stateChange|1<<stateBack) != 0:
		m.Class = ot.Alarm
	}
	for code := uint32(stateChange); events>>code != 0; code++ {
		if events>>code&1 == 1 {
			out.Also(kindEvent, code, nil)
		}
	}
	out.End()
	if fresh || events>>revisionChange&1 == 1 {
		f.facts(appid, &p, true, out)
	}
	return dissect.OK
}

// follow compares a PDU with the one before it of the same control block:
// bits by event, and whether it is the first.
func (f *flow) follow(p *fields) (events uint32, fresh bool) {
	if p.simulated {
		events |= 1 << simulated
	}
	if p.commissioning {
		events |= 1 << commissioning
	}
	key := sum(p.ref)
	b := f.block(key)
	if b == nil {
		if f.n == maxBlocks {
			return events, true
		}
		f.blocks[f.n] = block{key, p.state, p.sequence, p.revision}
		f.n++
		return events, true
	}
	switch {
	case p.state > b.state:
		events |= 1 << stateChange
	case p.state < b.state:
		events |= 1 << stateBack
	case p.sequence < b.sequence && p.sequence > 1: // it counts up to 2³²-1 and begins again
		events |= 1 << sequenceBack
	case p.sequence > b.sequence+1 && b.sequence != 1<<32-1:
		events |= 1 << framesLost
	}
	if p.revision != b.revision {
		events |= 1 << revisionChange
	}
	b.state, b.sequence, b.revision = p.state, p.sequence, p.revision
	return events, false
}

// sum is FNV-1a.
func sum(name []byte) uint32 {
	key := uint32(2166136261)
	for _, x := range name {
		key = (key ^ uint32(x)) * 16777619
	}
	return key
}

func (f *flow) block(key uint32) *block {
	for i := range f.n {
		at := f.last + i
		if at >= f.n {
			at -= f.n
		}
		if f.blocks[at].key == key {
			f.last = at
			return &f.blocks[at]
		}
	}
	return nil
}

// facts says what a control block is, when it is heard first.
func (f *flow) facts(appid uint16, p *fields, whole bool, out *dissect.Sink) {
	const digits = "0123456789abcdef"
	out.Fact("goose.gocbref", p.ref)
	out.Fact("goose.datset", p.set)
	out.Fact("goose.goid", p.id)
	if appid != 0 {
		out.Fact("goose.appid", append(f.text[:0], '0', 'x', digits[appid>>12], digits[appid>>8&15], digits[appid>>4&15], digits[appid&15]))
	}
	if whole {
		t := append(append(f.text[:0], p.ref...), " revision "...)
		out.Fact("goose.conf_rev", strconv.AppendUint(t, uint64(p.revision), 10))
	}
}
