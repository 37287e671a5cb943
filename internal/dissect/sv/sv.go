// Package sv dissects Sampled Values, the stream of currents and voltages that
// merging units send to protection relays several thousand times a second (IEC
// 61850-9-2 and IEC 61869-9), and its routable form over UDP (IEC 61850-90-5).
// It stays at the level of streams: who sends which, in what configuration, in
// step with which clock, and whether samples are missing. Samples are not read.
//
//	Ethernet type 0x88ba        0  2  APPID
//	                            2  2  length with this header
//	                            4  2  reserved 1; bit 15: simulated
//	                            6  2  reserved 2
//	                            8  …  savPdu, BER:
//	  0x60 { 0x80 number of ASDUs, 0xa2 { 0x30 { 0x80 id, 0x81 data set, 0x82 sample count 2,
//	         0x83 configuration revision 4, 0x84 time 8, 0x85 synchronised 1, 0x86 rate 2, 0x87 samples } … } }
//	UDP port 102: package routable, with session 0xa2 and payload 0x82
package sv

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
	kindStream ot.Kind = iota // id of the stream
	kindEvent                 // what breaks its even flow
)

// Events.
const (
	samplesLost = 1 + iota
	clockChange // synchronised otherwise than before
	simulated
	revisionChange
)

const (
	header     = 8
	maxStreams = 8 // of one merging unit to one group address
	maxASDU    = 32
	session    = 0xa2 // of the routable form
	payload    = 0x82
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "sv", Kinds: []string{"stream", "event"}}},
		Transport: dissect.Ether | dissect.UDP,
		Ether:     []uint16{0x88ba},
		UDP:       []uint16{102},
		MaxPDU:    64 << 10,
		MaxState:  maxStreams*32 + 128,
	}
}

// Probe wants the session header of a datagram; on Ethernet the type has said it.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) > 30 && b[0] == 1 && b[1] == 0x40 && b[2] == 0xa2 && b[4] == 0x80 && int(b[3]) == int(b[5])+2 {
		return dissect.Yes
	}
	if len(b) > header+2 && b[header] == 0x60 && int(binary.BigEndian.Uint16(b[2:])) <= len(b) && binary.BigEndian.Uint16(b[2:]) > header && b[6]|b[7] == 0 {
		return dissect.Yes
	}
	return dissect.No
}

// Open makes a sender's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	streams [maxStreams]stream
	n       int
	text    [16]byte
}

// stream is what a stream's last sample said.
type stream struct {
	key, revision uint32
	count         uint16
	clock         byte
}

func (f *flow) Reset() { f.n = 0 }

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

// asdu is one sample of all channels, as far as it is read.
type asdu struct {
	id, set        []byte
	count          uint16
	revision, rate uint32
	clock          byte
}

// pdu reports the first ASDU as the message and the others as further codes.
func (f *flow) pdu(appid uint16, marked bool, b []byte, out *dissect.Sink) dissect.Fault {
	body, _, ok := ber.Want(b, 0x60)
	if !ok {
		return dissect.BadValue
	}
	list, ok := ber.Find(body, 0xa2)
	if !ok {
		return dissect.BadValue
	}
	m := out.Begin()
	m.Kind, m.Unit = kindStream, uint32(appid)
	for i := range maxASDU {
		if len(list) == 0 {
			break
		}
		one, rest, ok := ber.Want(list, 0x30)
		if !ok {
			return f.end(i, out, dissect.BadValue)
		}
		list = rest
		a, ok := read(one)
		if !ok {
			return f.end(i, out, dissect.BadValue)
		}
		events, fresh := f.follow(&a)
		if marked {
			events |= 1 << simulated
		}
		if i == 0 {
			m.Text, m.Name, m.Area, m.N = a.id, a.set, a.revision, 1
			if events>>revisionChange&1 == 1 {
				m.Class = ot.Configure
			}
		} else {
			m.N++
			out.Also(kindStream, 0, a.id)
		}
		for code := uint32(samplesLost); events>>code != 0; code++ {
			if events>>code&1 == 1 {
				out.Also(kindEvent, code, nil)
			}
		}
		if fresh || events&(1<<clockChange|1<<revisionChange) != 0 {
			f.facts(appid, &a, out)
		}
	}
	return f.end(int(m.N), out, dissect.OK)
}

func (f *flow) end(n int, out *dissect.Sink, fault dissect.Fault) dissect.Fault {
	if n > 0 {
		out.End()
	}
	return fault
}

func read(b []byte) (a asdu, ok bool) {
	for len(b) > 0 {
		tag, value, rest, ok := ber.Next(b)
		if !ok {
			return a, false
		}
		switch tag {
		case 0x80:
			a.id = value
		case 0x81:
			a.set = value
		case 0x82:
			if len(value) == 2 {
				a.count = binary.BigEndian.Uint16(value)
			}
		case 0x83:
			a.revision = ber.Uint(value)
		case 0x85:
			if len(value) == 1 {
				a.clock = value[0]
			}
		case 0x86:
			a.rate = ber.Uint(value)
		case 0x87:
			b = nil // the samples; what follows them nobody asks for
			continue
		}
		b = rest
	}
	return a, len(a.id) > 0 && len(a.id) <= 129
}

// follow compares a sample with the one before it of the same stream.
func (f *flow) follow(a *asdu) (events uint32, fresh bool) {
	key := uint32(2166136261)
	for _, x := range a.id {
		key = (key ^ uint32(x)) * 16777619
	}
	for i := range f.n {
		s := &f.streams[i]
		if s.key != key {
			continue
		}
		if a.count != s.count+1 && a.count != 0 && a.count != s.count { // it begins again each second
			events |= 1 << samplesLost
		}
		if a.clock != s.clock {
			events |= 1 << clockChange
		}
		if a.revision != s.revision {
			events |= 1 << revisionChange
		}
		s.count, s.clock, s.revision = a.count, a.clock, a.revision
		return events, false
	}
	if f.n < maxStreams {
		f.streams[f.n] = stream{key, a.revision, a.count, a.clock}
		f.n++
	}
	return 0, true
}

func (f *flow) facts(appid uint16, a *asdu, out *dissect.Sink) {
	const digits = "0123456789abcdef"
	out.Fact("sv.svid", a.id)
	out.Fact("sv.datset", a.set)
	out.Fact("sv.conf_rev", strconv.AppendUint(f.text[:0], uint64(a.revision), 10))
	if appid != 0 {
		out.Fact("sv.appid", append(f.text[:0], '0', 'x', digits[appid>>12], digits[appid>>8&15], digits[appid>>4&15], digits[appid&15]))
	}
	if a.rate > 0 {
		out.Fact("sv.rate", strconv.AppendUint(f.text[:0], uint64(a.rate), 10))
	}
	switch a.clock {
	case 0:
		out.Fact("sv.clock", append(f.text[:0], "none"...))
	case 1:
		out.Fact("sv.clock", append(f.text[:0], "local"...))
	default: // 2, or the identity of a PTP grandmaster's area
		out.Fact("sv.clock", append(f.text[:0], "global"...))
	}
}
