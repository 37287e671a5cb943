// Package stp reads the Spanning Tree Protocol (IEEE 802.1D and 802.1Q): which
// switches there are, which of them is the root, and when the tree changes.
//
//	0 protocol 2 (0) | 2 version: 0 STP, 2 rapid, 3 multiple | 3 type: 0 configuration, 2 rapid, 0x80 change
//	4 flags | 5 root: priority 2, MAC 6 | 13 cost 4 | 17 bridge: priority 2, MAC 6 | 25 port 2 | 27 age 2 …
package stp

import (
	"bytes"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	message ot.Kind = iota // type of the unit
	event                  // 1: a change of the tree is told
)

const (
	config, rapid, change = 0, 2, 0x80
	whole                 = 35
	changing              = 1 // flag
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives: as 802.2 frames, and Cisco's per VLAN behind SNAP.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "stp", Kinds: []string{"message", "event"}}},
		Transport: dissect.Ether,
		LLC:       []uint8{0x42},
		SNAP:      []uint64{0x00000c<<16 | 0x010b},
		MaxPDU:    1500,
		MaxState:  32,
	}
}

// Probe wants the protocol, a version and a type that belong together.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 4 || b[0]|b[1] != 0 {
		return dissect.No
	}
	switch {
	case b[3] == change && b[2] == 0:
	case len(b) < whole, b[3] == config && b[2] != 0, b[3] == rapid && b[2] < 2, b[2] > 4, b[3] != config && b[3] != rapid:
		return dissect.No
	}
	return dissect.Yes
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [32]byte }

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 4 {
		return dissect.Short
	}
	if (Protocol{}).Probe(dir, b) != dissect.Yes {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Code, m.Space = message, uint32(b[3]), uint16(b[2])
	if b[3] == change || b[4]&changing != 0 {
		m.Class = ot.Alarm
		out.Also(event, 1, nil)
	}
	out.End()
	if b[3] == change {
		return dissect.OK
	}
	root, bridge := b[5:13], b[17:25]
	out.Fact("stp.version", append(f.text[:0], versionName(b[2])...))
	out.Fact("stp.bridge", f.id(bridge))
	if bytes.Equal(root, bridge) {
		out.Fact("stp.role", append(f.text[:0], "root"...))
	} else {
		out.Fact("stp.root", f.id(root))
	}
	return dissect.OK
}

func versionName(v byte) string {
	switch v {
	case 0:
		return "STP"
	case 2:
		return "RSTP"
	}
	return "MSTP"
}

// id writes priority and MAC: "32768 00:80:63:01:02:03". The low twelve bits of
// the priority are a VLAN or an instance.
func (f *flow) id(b []byte) []byte {
	const digits = "0123456789abcdef"
	t := strconv.AppendUint(f.text[:0], uint64(b[0]&0xf0)<<8, 10)
	for i, c := range b[2:8] {
		sep := byte(':')
		if i == 0 {
			sep = ' '
		}
		t = append(t, sep, digits[c>>4], digits[c&15])
	}
	return t
}

func (*flow) Reset() {}
