// Package vnc recognises the Remote Framebuffer protocol (RFC 6143) and reads
// which sign-in was chosen. The screen itself is not looked at.
//
//	both sides: "RFB 003.008\n" | server: count 1, security types (3.3: type 4) | client: chosen type 1
package vnc

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	version  ot.Kind = iota // 3003, 3007, 3008 …
	security                // the type in use: 1 none, 2 VNC password …
)

const (
	greeting   = 12
	none       = 1
	opaqueRead = 32 << 10
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "vnc", Kinds: []string{"version", "security"}}},
		Transport: dissect.TCP,
		TCP:       []uint16{5900, 5901, 5902, 5800},
		MaxPDU:    opaqueRead,
		MaxState:  32,
	}
}

// Probe wants the greeting.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	for i := range min(len(b), greeting) {
		if w := "RFB 000.000\n"[i]; w == '0' && (b[i] < '0' || b[i] > '9') || w != '0' && b[i] != w {
			return dissect.No
		}
	}
	if len(b) < greeting {
		return dissect.More
	}
	return dissect.Yes
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type stage uint8

const (
	hello stage = iota
	choice
	opaque
)

type flow struct {
	side   [3]stage
	agreed uint32 // the client's version, which is the lower one; 0 until it spoke
	text   [8]byte
}

func (f *flow) Frame(dir ot.Dir, b []byte, synced bool) (skip, n int) {
	if !synced && !(f.side[dir] == hello && bytes.HasPrefix(b, []byte("RFB "))) {
		f.side[dir] = opaque
	}
	switch f.side[dir] {
	case hello:
		return 0, greeting
	case choice:
		if dir == ot.Request {
			return 0, 1
		}
		switch {
		case f.agreed == 0: // the types follow the client's version, and it was not seen
			f.side[dir] = opaque
		case f.agreed < 3007:
			return 0, 4
		case len(b) == 0:
			return 0, 0
		default:
			return 0, 1 + int(b[0])
		}
	}
	return 0, min(len(b), opaqueRead)
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	switch f.side[dir] {
	case hello:
		return f.hello(dir, b, out)
	case choice:
		f.side[dir] = opaque
		if dir == ot.Request {
			if f.agreed >= 3007 && len(b) > 0 {
				f.chosen(uint32(b[0]), out.Dst, out)
			}
			return dissect.OK
		}
		if f.agreed < 3007 { // the server decides alone
			if len(b) < 4 {
				return dissect.Short
			}
			f.chosen(binary.BigEndian.Uint32(b), out.Src, out)
		}
	}
	return dissect.OK
}

func (f *flow) hello(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < greeting {
		return dissect.Short
	}
	if (Protocol{}).Probe(dir, b) != dissect.Yes {
		f.side[dir] = opaque
		return dissect.Alien
	}
	f.side[dir] = choice
	number := uint32(b[6]-'0')*1000 + decimal(b[8:11])
	if dir != ot.Response {
		f.agreed = number
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = version, number, dir
	out.End()
	if dir == ot.Response {
		out.Fact("vnc.server_version", b[4:11])
	}
	return dissect.OK
}

func decimal(b []byte) (n uint32) {
	for _, c := range b {
		n = n*10 + uint32(c-'0')
	}
	return n
}

// chosen reports the sign-in of a session.
func (f *flow) chosen(kind uint32, server ot.Host, out *dissect.Sink) {
	m := out.Begin()
	m.Kind, m.Code, m.Class = security, kind, ot.Login
	if m.Dir = ot.Request; f.agreed < 3007 {
		m.Dir = ot.Response
	}
	out.End()
	if kind == none {
		out.FactOf(server, "credential.cleartext", append(f.text[:0], "vnc none"...))
	}
}

func (f *flow) Reset() { *f = flow{} }
