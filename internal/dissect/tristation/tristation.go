// Package tristation reads TriStation, the engineering protocol of Triconex
// safety controllers, as far as published analyses of the TRITON attack
// describe it. Whoever speaks it can change what keeps people safe.
//
//	0 kind 2, little endian | 2 length 2 | data | check 2
//	kind 5, a command: 4 direction | 5 channel | 6 function | 7 counter | 8 zero 2 | 10 sum 2 | 12 length 2 | data
package tristation

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	message ot.Kind = iota
	function
)

const (
	execute     = 5
	lastKind    = 11
	head        = 14
	firstAnswer = 100
	firstError  = 200
	rejected    = 100
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives; only the port makes so little TriStation.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "tristation", Kinds: []string{"message", "function"}}},
		Transport: dissect.UDP,
		UDP:       []uint16{1502},
		MaxPDU:    1500,
		MaxState:  8,
		HintOnly:  true,
	}
}

// Probe wants a known kind and, of a command, the length that is there.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 4 || b[0] == 0 || b[0] > lastKind || b[1] != 0 {
		return dissect.No
	}
	n := int(binary.LittleEndian.Uint16(b[2:]))
	if n > len(b) || b[0] != execute && len(b) > 64 || b[0] == execute && (len(b) < head+2 || n+6 != len(b)) {
		return dissect.No
	}
	return dissect.Yes
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{}

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (*flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 4 {
		return dissect.Short
	}
	if (Protocol{}).Probe(dir, b) != dissect.Yes {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = message, uint32(b[0]), dir
	if b[0] == execute {
		m.Kind, m.Code = function, uint32(b[6])
		if m.Dir = ot.Request; b[6] >= firstAnswer {
			m.Dir = ot.Response
		}
		if b[6] == rejected || b[6] >= firstError {
			m.Flags |= ot.Refused
			m.Status = m.Code
		}
		out.Secret() // programs and values
	}
	out.End()
	return dissect.OK
}

func (*flow) Reset() {}
