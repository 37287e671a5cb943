// Package ptp reads the Precision Time Protocol (IEEE 1588-2008 and -2019,
// clause 13): which clocks there are, which of them leads, and who changes them.
//
//	0 kind 4 bits below transport 4 | 1 version | 2 length 2 | 4 domain | 6 flags 2 | 8 correction 8
//	20 clock identity 8, port 2 | 30 sequence 2 | 32 control | 33 interval
//	announce: 44 UTC offset 2 | 47 priority | 48 class, accuracy, variance 2 | 52 priority | 53 grandmaster 8 | 61 steps 2 | 63 source
//	management: 34 target 10 | 46 action
package ptp

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	message ot.Kind = iota
	action          // of a management message
)

const (
	head       = 34
	announce   = 0xb
	management = 0xd
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "ptp", Kinds: []string{"message", "action"}}},
		Transport: dissect.UDP | dissect.Ether,
		UDP:       []uint16{319, 320},
		Ether:     []uint16{0x88f7},
		MaxPDU:    1500,
		MaxState:  24,
		HintOnly:  true,
	}
}

// Probe wants a known kind, version 2 and the length that is there; Ethernet pads short frames.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < head || b[1]&0x0f != 2 || !known(b[0]&0x0f) {
		return dissect.No
	}
	if n := int(binary.BigEndian.Uint16(b[2:])); n < head || n > len(b) || n+64 < len(b) {
		return dissect.No
	}
	return dissect.Yes
}

func known(kind byte) bool { return kind <= 3 || kind >= 8 && kind <= management }

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [16]byte }

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < head {
		return dissect.Short
	}
	if (Protocol{}).Probe(dir, b) != dissect.Yes {
		return dissect.Alien
	}
	kind := b[0] & 0x0f
	m := out.Begin()
	m.Kind, m.Code, m.Unit = message, uint32(kind), uint32(b[4])
	if kind == management && len(b) >= 48 {
		m.Kind, m.Code = action, uint32(b[46]&0x0f)
	}
	out.End()
	if kind != announce || len(b) < 64 {
		return dissect.OK
	}
	out.Fact("ptp.clock", hex.AppendEncode(f.text[:0], b[20:28]))
	out.Fact("ptp.grandmaster", hex.AppendEncode(f.text[:0], b[53:61]))
	out.Fact("ptp.class", strconv.AppendUint(f.text[:0], uint64(b[48]), 10))
	out.Fact("ptp.domain", strconv.AppendUint(f.text[:0], uint64(b[4]), 10))
	return dissect.OK
}

func (*flow) Reset() {}
