// Package melsec reads what Mitsubishi controllers speak: SLMP, which is the
// MC protocol's frames 3E and 4E in binary, and MELSOFT, by which GX Works
// connects. MELSOFT is not published; its outer frame and the commands that it
// shares with SLMP were read from public captures.
//
//	SLMP: 50 00 request, d0 00 answer (54 00, d4 00 with a serial number 2 and 0 2) | network 1 | station 1 | module 2 | multidrop 1
//	      length 2, little endian | timer 2 or end code 2 | request: command 2, sub-command 2
//	MELSOFT: 57 request, d7 answer | 19: length 2, little endian | 23: offset of the command from here | command 2, big endian
//	      5a request, da answer: 3: what is asked
package melsec

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	command ot.Kind = iota // of both protocols; SLMP's numbers
	end                    // SLMP's end code; MELSOFT's search
)

const (
	slmp, melsoft = 0, 1 // index of the protocol

	melsoftHead  = 21
	readType     = 0x0101
	readModel    = 0x0121
	batchRead    = 0x0401
	batchWrite   = 0x1401
	maxFrame     = 16 << 10
	typeNameSize = 16
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives. SLMP's ports are free; these are the usual ones.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{
			{Name: "slmp", Kinds: []string{"command", "end-code"}},
			{Name: "melsoft", Kinds: []string{"command", "search"}},
		},
		Transport:    dissect.TCP | dissect.UDP,
		TCP:          []uint16{5000, 5001, 5002, 5006, 5007, 5010, 5562},
		UDP:          []uint16{5000, 5002, 5006, 5560, 61450, 61451},
		MaxPDU:       maxFrame,
		MaxState:     32,
		Alternatives: true,
	}
}

// Probe wants a frame of one of the two with its length.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) == 0 {
		return dissect.More
	}
	switch b[0] {
	case 0x50, 0x54, 0xd0, 0xd4:
		return probeSLMP(b)
	case 0x57, 0xd7:
		if len(b) > 3 && b[2]|b[3] != 0 {
			return dissect.No
		}
		if len(b) < melsoftHead+4 {
			return dissect.More
		}
		if n := size(b); n < melsoftHead+4 || b[5] != 0x11 || b[6] != 0x11 {
			return dissect.No
		}
		return dissect.Yes
	case 0x5a, 0xda:
		if len(b) > 2 && b[1]|b[2] != 0 || len(b) > 64 {
			return dissect.No
		}
		if len(b) < 4 {
			return dissect.More
		}
		return dissect.Yes
	}
	return dissect.No
}

func probeSLMP(b []byte) dissect.Verdict {
	if len(b) > 1 && b[1] != 0 {
		return dissect.No
	}
	at := headSize(b)
	if at == 6 && len(b) > 5 && b[4]|b[5] != 0 {
		return dissect.No
	}
	if len(b) < at+9 {
		return dissect.More
	}
	n := size(b)
	switch {
	case n < at+9 || b[at+4] != 0 && b[at+4] > 0x1f, b[at+3] > 3:
		return dissect.No
	case b[0]&0x80 == 0 && n < at+11:
		return dissect.No
	case len(b) > n && b[n] != b[0] && b[n] != b[0]^0x80:
		return dissect.No
	case len(b) < at+13 && b[0]&0x80 == 0:
		return dissect.More
	case b[0]&0x80 == 0 && !known(binary.LittleEndian.Uint16(b[at+9:])):
		return dissect.No
	case b[0]&0x80 != 0 && b[at+2] == 0 && b[at+3] == 0:
		return dissect.No // the module that answers is not module 0
	}
	return dissect.Yes
}

// known says whether a command's number is of one of SLMP's groups.
func known(c uint16) bool {
	switch c >> 8 {
	case 0x01, 0x04, 0x06, 0x08, 0x0e, 0x10, 0x14, 0x16, 0x18, 0x19, 0x20, 0x21, 0x30, 0x31:
		return true
	}
	return false
}

// headSize is where the route begins.
func headSize(b []byte) int {
	if b[0]&0x7f == 0x54 {
		return 6
	}
	return 2
}

// size is the whole frame's length.
func size(b []byte) int {
	if b[0]&0x7f == 0x57 {
		return melsoftHead + int(binary.LittleEndian.Uint16(b[19:]))
	}
	at := headSize(b)
	return at + 7 + int(binary.LittleEndian.Uint16(b[at+5:]))
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ asked uint16 } // the last SLMP command; 0: none waits

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) {
	switch b[0] {
	case 0x50, 0x54, 0xd0, 0xd4:
		if len(b) < headSize(b)+7 {
			return 0, 0
		}
	case 0x57, 0xd7:
		if len(b) < melsoftHead {
			return 0, 0
		}
	case 0x5a, 0xda:
		if len(b) < 4 {
			return 0, 0
		}
		return 0, len(b) // it says no length; over TCP it comes alone
	default:
		if i := bytes.IndexAny(b, "PTW"); i > 0 {
			return i, 0
		}
		return len(b), 0
	}
	if n = size(b); n > maxFrame {
		return 1, 0
	}
	return 0, n
}

func (f *flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 4 {
		return dissect.Short
	}
	dir := ot.Request
	if b[0]&0x80 != 0 {
		dir = ot.Response
	}
	switch b[0] {
	case 0x50, 0x54, 0xd0, 0xd4:
		return f.slmp(dir, b, out)
	case 0x57, 0xd7:
		return f.melsoft(dir, b, out)
	case 0x5a, 0xda:
		m := out.BeginAs(melsoft)
		m.Kind, m.Code, m.Dir = end, uint32(b[3]), dir
		out.End()
		return dissect.OK
	}
	return dissect.Alien
}

func (f *flow) slmp(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	at := headSize(b)
	if len(b) < at+9 {
		return dissect.Short
	}
	if b[1] != 0 || size(b) < at+9 {
		return dissect.Alien
	}
	m := out.BeginAs(slmp)
	m.Kind, m.Dir, m.Unit = command, dir, uint32(b[at])<<8|uint32(b[at+1])
	if dir == ot.Request {
		if len(b) < at+13 {
			return dissect.Short
		}
		code := binary.LittleEndian.Uint16(b[at+9:])
		m.Code, f.asked = uint32(code), code
		if (code == batchRead || code == batchWrite) && len(b) >= at+19 {
			// first device 3, device's kind 1, count 2
			m.First = uint32(b[at+13]) | uint32(b[at+14])<<8 | uint32(b[at+15])<<16
			m.Space, m.N = uint16(b[at+16]), uint32(binary.LittleEndian.Uint16(b[at+17:]))
		}
		out.End()
		return dissect.OK
	}
	code := binary.LittleEndian.Uint16(b[at+7:])
	m.Code, m.Status = uint32(f.asked), uint32(code)
	if f.asked == 0 {
		m.Kind, m.Code = end, uint32(code)
	}
	if code != 0 {
		m.Flags |= ot.Refused
	}
	out.End()
	if f.asked == readType && code == 0 && len(b) >= at+9+typeNameSize {
		out.Fact("melsec.model", bytes.TrimRight(b[at+9:at+9+typeNameSize], " \x00"))
	}
	f.asked = 0
	return dissect.OK
}

func (f *flow) melsoft(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < melsoftHead+4 {
		return dissect.Short
	}
	at := 23 + int(b[23])
	if b[2]|b[3] != 0 || b[23] == 0 || len(b) < at+2 {
		return dissect.Alien
	}
	code := binary.BigEndian.Uint16(b[at:])
	m := out.BeginAs(melsoft)
	m.Kind, m.Code, m.Dir = command, uint32(code), dir
	out.Secret() // programs and their passwords travel in commands that nobody has published
	out.End()
	// The answer: command 2, number 4, name 16
	if code == readModel && dir == ot.Response && len(b) >= at+6+typeNameSize {
		out.Fact("melsec.model", bytes.TrimRight(b[at+6:at+6+typeNameSize], " \x00"))
	}
	return dissect.OK
}

func (f *flow) Reset() { f.asked = 0 }
