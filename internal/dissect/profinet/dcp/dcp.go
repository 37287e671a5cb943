// Package dcp dissects what PROFINET sends in Ethernet frames of its own: the
// discovery and configuration protocol (DCP) by which stations are found, named
// and addressed, alarms, and the cyclic data, which is counted and not read: only
// the configuration of the two sides says what its bytes mean. It is not for the
// context manager, which sets the relations up over UDP (package cm).
//
// Frames of EtherType 0x8892, IEC 61158-6-10, 4.1; everything is big endian:
//
//	0   2  FrameID               0xFEFC hello, 0xFEFD get and set, 0xFEFE identify, 0xFEFF its answer;
//	                             0xFC01, 0xFE01 alarms; 0x0100 … 0xFBFF cyclic data; the rest: time
//	DCP, 4.3.1:
//	2   1  ServiceID             3 get, 4 set, 5 identify, 6 hello
//	3   1  ServiceType           0 request, 1 success, 5 not supported
//	4   4  Xid
//	8   2  ResponseDelay         only asked in identify
//	10  2  length of the blocks
//	12  …  blocks: option, suboption, length (2), value, padded to an even length. Answers and
//	       hello have two bytes of BlockInfo before the value, set has two of BlockQualifier,
//	       get has nothing but option and suboption.
//	Alarm, 4.7: destination (2), source (2), PDU type, flags, numbers (2, 2), length (2), block
package dcp

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The protocols of Spec and their kinds, in order.
const (
	protoDCP = 0
	protoRT  = 1

	kindService ot.Kind = 0 // of profinet-dcp
	kindOption  ot.Kind = 1 // option × 256 + suboption

	kindFrame ot.Kind = 0 // of profinet-rt
	kindAlarm ot.Kind = 1 // type of an alarm
)

// Kinds of frames, our own numbers: the FrameID is the message's unit.
const (
	frameCyclic   = 1
	frameTime     = 2 // PTCP
	frameAlarm    = 3 // acknowledgements and errors of alarms
	frameReserved = 4
)

// FrameIDs.
const (
	idHello    = 0xfefc
	idGetSet   = 0xfefd
	idIdentify = 0xfefe
	idAnswer   = 0xfeff
	idAlarmHi  = 0xfc01
	idAlarmLo  = 0xfe01
)

// Services and their types.
const (
	svcGet      = 3
	svcSet      = 4
	svcIdentify = 5
	svcHello    = 6

	typeRequest     = 0
	typeUnsupported = 5
)

const header = 12

// Protocol is the dissector of PROFINET's own frames.
type Protocol struct{}

// Spec names DCP and the real-time frames beside it.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{
			{Name: "profinet-dcp", Kinds: []string{"service", "option"}},
			{Name: "profinet-rt", Kinds: []string{"frame", "alarm"}},
		},
		Transport: dissect.Ether,
		Ether:     []uint16{0x8892},
		MaxPDU:    1600,
		MaxState:  64,
		HintOnly:  true,
	}
}

// Probe takes every frame: the EtherType is exact.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 2 {
		return dissect.No
	}
	return dissect.Yes
}

// Open makes a flow.
func (Protocol) Open() dissect.Flow { return &flow{} }

// flow holds nothing but scratch: every frame says all of itself.
type flow struct{ text [24]byte }

func (f *flow) Reset() {}

// Frame is never called: frames come whole.
func (f *flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

// Decode reports one frame.
func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 2 {
		return dissect.Short
	}
	id := binary.BigEndian.Uint16(b)
	switch {
	case id >= idHello:
		if id > idAnswer {
			return frame(frameTime, id, out)
		}
		return f.dcp(b, out)
	case id == idAlarmHi || id == idAlarmLo:
		return alarm(id, b[2:], out)
	case id >= 0x0100 && id < 0xfc00:
		return frame(frameCyclic, id, out)
	case id < 0x0100 && id >= 0x0020:
		return frame(frameTime, id, out)
	}
	return frame(frameReserved, id, out)
}

func frame(code uint32, id uint16, out *dissect.Sink) dissect.Fault {
	m := out.BeginAs(protoRT)
	m.Kind, m.Code, m.Unit = kindFrame, code, uint32(id)
	out.End()
	return dissect.OK
}

// alarm reports an alarm by its type, the rest of the traffic about alarms as such.
// The block: type (2), length (2), version (2), alarm type (2), API (4), slot (2), subslot (2) …
func alarm(id uint16, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 12 {
		return dissect.Short
	}
	const dataPDU, notification = 1, 2
	if b[4]&15 != dataPDU || binary.BigEndian.Uint16(b[10:]) == 0 {
		return frame(frameAlarm, id, out)
	}
	v := b[12:]
	if len(v) < 16 {
		return dissect.Short
	}
	if t := binary.BigEndian.Uint16(v); t == 0 || t > notification {
		return frame(frameAlarm, id, out)
	}
	m := out.BeginAs(protoRT)
	m.Kind, m.Code, m.Unit = kindAlarm, uint32(binary.BigEndian.Uint16(v[6:])), uint32(id)
	m.Area = uint32(binary.BigEndian.Uint16(v[12:]))<<16 | uint32(binary.BigEndian.Uint16(v[14:])) // slot, subslot
	out.Also(kindFrame, frameAlarm, nil)
	out.End()
	return dissect.OK
}

// dcp reports a DCP frame with its options.
func (f *flow) dcp(b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < header {
		return dissect.Short
	}
	service, kind := b[2], b[3]
	m := out.BeginAs(protoDCP)
	m.Kind, m.Code, m.Dir = kindService, uint32(service), ot.Response
	if kind == typeRequest {
		m.Dir = ot.Request
	}
	if kind&typeUnsupported == typeUnsupported {
		m.Flags |= ot.Refused
		m.Status = uint32(kind)
	}
	blocks, fault := b[header:], dissect.OK
	if n := int(binary.BigEndian.Uint16(b[10:])); n <= len(blocks) {
		blocks = blocks[:n]
	} else {
		fault = dissect.Short
	}
	if service == svcGet && m.Dir == ot.Request {
		for ; len(blocks) >= 2; blocks = blocks[2:] {
			out.Also(kindOption, uint32(binary.BigEndian.Uint16(blocks)), nil)
		}
		out.End()
		return fault
	}
	info := 2 // bytes before the value
	if service == svcIdentify && m.Dir == ot.Request {
		info = 0
	}
	own := m.Dir == ot.Response && service != svcSet || service == svcHello // the sender speaks of itself
	f.describe(m, blocks, info, out)
	out.End()
	if own {
		f.tell(blocks, out)
	}
	return fault
}

// describe reads what the message is about: what is set, who is looked for, what was refused.
func (f *flow) describe(m *ot.Message, blocks []byte, info int, out *dissect.Sink) {
	for {
		option, value, rest, ok := block(blocks)
		if !ok {
			return
		}
		blocks = rest
		out.Also(kindOption, uint32(option), nil)
		if option == optControlResponse && len(value) >= 3 && value[2] != 0 {
			m.Status, m.Flags = uint32(value[2]), m.Flags|ot.Refused
		}
		if m.Dir != ot.Request || len(value) < info {
			continue
		}
		switch value = value[info:]; option {
		case optName, optAlias:
			m.Name = value
		case optIP, optFullIP:
			if len(value) >= 4 {
				m.Name = appendIP(f.text[:0], value)
			}
		case optSignal:
			m.Class = ot.Diagnose // a lamp blinks
		case optFactoryReset, optReset:
			m.Class = ot.Control
		}
	}
}
