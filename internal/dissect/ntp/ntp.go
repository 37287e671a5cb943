// Package ntp recognises the Network Time Protocol (RFC 5905): who asks whom
// for the time.
//
//	leap 2 bits, version 3, mode 3 | stratum 1 | poll 1 | precision 1 | … 48 bytes
package ntp

import (
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const mode ot.Kind = 0

const (
	size   = 48
	client = 3
	server = 4
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives; the header alone is too weak away from its port.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "ntp", Kinds: []string{"mode"}}},
		Transport: dissect.UDP,
		UDP:       []uint16{123},
		MaxPDU:    1500,
		MaxState:  8,
		HintOnly:  true,
	}
}

// Probe wants a version and a mode; control messages (6, 7) are shorter.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 8 {
		return dissect.No
	}
	version, m := b[0]>>3&7, b[0]&7
	switch {
	case version < 1 || version > 4 || m == 0:
		return dissect.No
	case m < 6 && (len(b) < size || b[1] > 16):
		return dissect.No
	}
	return dissect.Yes
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [4]byte }

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 8 {
		return dissect.Short
	}
	if (Protocol{}).Probe(dir, b) != dissect.Yes {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Code = mode, uint32(b[0]&7)
	switch b[0] & 7 {
	case client:
		m.Dir = ot.Request
	case server:
		m.Dir = ot.Response
	}
	out.End()
	if b[0]&7 == server && b[1] > 0 && b[1] < 16 {
		out.Fact("ntp.stratum", strconv.AppendUint(f.text[:0], uint64(b[1]), 10))
	}
	return dissect.OK
}

func (*flow) Reset() {}
