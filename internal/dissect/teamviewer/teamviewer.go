// Package teamviewer recognises TeamViewer's own protocol by the mark 17 24
// that its packets begin with. The protocol is not published; the mark is the
// one that open traffic classifiers use. Sessions inside TLS are told by
// package tls.
//
//	TCP: 17 24 | command 1 | 0 | length 2 …    UDP: 11 bytes, then 17 24
package teamviewer

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const session ot.Kind = 0

const opaqueRead = 32 << 10

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives; two bytes claim nothing away from its port.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "teamviewer", Kinds: []string{"session"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{5938},
		UDP:       []uint16{5938},
		MaxPDU:    opaqueRead,
		MaxState:  32,
		HintOnly:  true,
	}
}

// Probe wants the mark.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	switch {
	case len(b) == 0, len(b) == 1 && b[0] == 0x17:
		return dissect.More
	case len(b) > 1 && binary.BigEndian.Uint16(b) == 0x1724:
		return dissect.Yes
	case len(b) > 13 && b[0] == 0 && binary.BigEndian.Uint16(b[11:]) == 0x1724:
		return dissect.Yes
	}
	return dissect.No
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	told bool
	text [16]byte
}

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, min(len(b), opaqueRead) }

func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if f.told {
		return dissect.OK
	}
	f.told = true
	m := out.Begin()
	m.Kind, m.Code, m.Class = session, 1, ot.Login
	out.End()
	out.Fact("remote.tool", append(f.text[:0], "TeamViewer"...))
	return dissect.OK
}

func (f *flow) Reset() { f.told = false }
