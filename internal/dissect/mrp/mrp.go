// Package mrp reads the Media Redundancy Protocol (IEC 62439-2), the ring of
// PROFINET switches: who manages it, and when it opens.
//
//	version 2 (1) | records: type 1, length 1 | 1 common: sequence 2, domain 16 | 2 test: priority 2, MAC 6, port role 2, ring state 2, …
//	3 topology change: priority 2, MAC 6, interval 2 | 4 link down, 5 link up: MAC 6, port role 2, interval 2, blocked 2 | 0 end
package mrp

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	message ot.Kind = iota // type of the first record
	state                  // of the ring: 0 open, 1 closed
)

const (
	common, test   = 1, 2
	topologyChange = 3
	linkUp         = 5
	option         = 0x7f
	open           = 0
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "mrp", Kinds: []string{"message", "state"}}},
		Transport: dissect.Ether,
		Ether:     []uint16{0x88e3},
		MaxPDU:    1500,
		MaxState:  48,
	}
}

// Probe wants version 1 and a record that fits.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 6 || b[0] != 0 || b[1] != 1 {
		return dissect.No
	}
	if k := b[2]; k != common && (k < test || k > 0x0b) && k != option || 4+int(b[3]) > len(b) {
		return dissect.No
	}
	return dissect.Yes
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [32]byte }

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 6 {
		return dissect.Short
	}
	if (Protocol{}).Probe(dir, b) != dissect.Yes {
		return dissect.Alien
	}
	kind, body := b[2], b[4:4+int(b[3])]
	m := out.Begin()
	m.Kind, m.Code = message, uint32(kind)
	if kind == test && len(body) >= 12 {
		ring := int(binary.BigEndian.Uint16(body[10:]))
		out.Also(state, uint32(ring), nil)
		if ring == open {
			m.Class = ot.Alarm
		}
	}
	out.End()
	switch kind {
	case test:
		out.Fact("mrp.role", append(f.text[:0], "manager"...))
		if len(body) >= 2 {
			out.Fact("mrp.priority", strconv.AppendUint(f.text[:0], uint64(binary.BigEndian.Uint16(body)), 10))
		}
	case topologyChange + 1, linkUp:
		out.Fact("mrp.role", append(f.text[:0], "client"...))
	}
	for rest := b[4+len(body):]; len(rest) >= 2 && rest[0] != 0; {
		n := int(rest[1])
		if 2+n > len(rest) {
			return dissect.OK
		}
		if rest[0] == common && n >= 18 {
			out.Fact("mrp.domain", hex.AppendEncode(f.text[:0], rest[4:20]))
		}
		rest = rest[2+n:]
	}
	return dissect.OK
}

func (*flow) Reset() {}
