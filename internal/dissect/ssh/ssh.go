// Package ssh recognises SSH (RFC 4253) by its banner and counts the messages
// up to the start of encryption. What follows is nobody's to read.
//
//	SSH-2.0-software comments CR LF | packets: length 4, padding length 1, payload, padding
package ssh

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	version ot.Kind = iota // of the banner: 105, 199, 200
	message                // number of a message before encryption
)

const (
	maxBanner  = 255
	maxPacket  = 35000
	newKeys    = 21
	maxLines   = 16 // a server may send other lines before its banner
	opaqueRead = 16 << 10
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "ssh", Kinds: []string{"version", "message"}}},
		Transport: dissect.TCP,
		TCP:       []uint16{22},
		MaxPDU:    36000,
		MaxState:  32,
	}
}

// Probe wants the banner, or mid-stream a message of the exchange of keys.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if exchanging(b) {
		return dissect.Yes
	}
	const want = "SSH-"
	n := min(len(b), len(want))
	if string(b[:n]) != want[:n] {
		return dissect.No
	}
	if len(b) < 6 {
		return dissect.More
	}
	if b[4] != '1' && b[4] != '2' || b[5] != '.' {
		return dissect.No
	}
	return dissect.Yes
}

// exchanging says whether b is one whole packet of the exchange of keys (RFC 4253 6, message numbers of RFC 4250 4.1.2):
// still in clear, so that its length, its padding to eight bytes and its number agree.
func exchanging(b []byte) bool {
	if len(b) < 16 || len(b)%8 != 0 || b[0] != 0 || b[1] != 0 {
		return false
	}
	size, padding := int(binary.BigEndian.Uint32(b)), int(b[4])
	if size+4 != len(b) || padding < 4 || padding >= size {
		return false
	}
	switch {
	case b[5] == newKeys:
		return padding == size-2
	case b[5] == 20: // what each side can do
		return size > 200
	}
	return b[5] >= 30 && b[5] <= 34
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type stage uint8

const (
	banner stage = iota
	exchange
	opaque
)

type flow struct {
	side  [3]stage // by direction
	lines uint8
	old   bool // one side speaks version 1 only
}

func (f *flow) Frame(dir ot.Dir, b []byte, synced bool) (skip, n int) {
	if !synced && !(f.side[dir] == banner && bytes.HasPrefix(b, []byte("SSH-"))) {
		if f.side[dir] = opaque; exchanging(b) {
			f.side[dir] = exchange
		}
	}
	switch f.side[dir] {
	case banner:
		if i := bytes.IndexByte(b[:min(len(b), maxBanner)], '\n'); i >= 0 {
			return 0, i + 1
		}
		if len(b) >= maxBanner {
			f.side[dir] = opaque
			return 0, len(b)
		}
		return 0, 0
	case exchange:
		if len(b) < 6 {
			return 0, 0
		}
		size, padding := binary.BigEndian.Uint32(b), uint32(b[4])
		if size < 5 || size > maxPacket || padding < 4 || padding >= size {
			f.side[dir] = opaque
			return 0, min(len(b), opaqueRead)
		}
		return 0, 4 + int(size)
	}
	return 0, min(len(b), opaqueRead)
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	switch f.side[dir] {
	case banner:
		return f.banner(dir, b, out)
	case exchange:
		if len(b) < 6 {
			return dissect.Short
		}
		m := out.Begin()
		m.Kind, m.Code, m.Dir = message, uint32(b[5]), dir
		if b[5] == newKeys {
			f.side[dir] = opaque
			if dir == ot.Request {
				m.Class = ot.Login // what the client sends next is its sign-in
			}
		}
		out.End()
	}
	return dissect.OK
}

func (f *flow) banner(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	line := bytes.TrimRight(b, "\r\n")
	if !bytes.HasPrefix(line, []byte("SSH-")) {
		if f.lines++; f.lines > maxLines {
			f.side[dir] = opaque
			return dissect.Alien
		}
		return dissect.OK
	}
	if len(line) < 8 || line[5] != '.' || line[4] < '1' || line[4] > '2' {
		f.side[dir] = opaque
		return dissect.BadValue
	}
	number, software, ok := bytes.Cut(line[4:], []byte("-"))
	if !ok {
		f.side[dir] = opaque
		return dissect.BadValue
	}
	code := uint32(number[0] - '0')
	for _, c := range number[2:] {
		if c < '0' || c > '9' || code > 1000 {
			f.side[dir] = opaque
			return dissect.BadValue
		}
		code = code*10 + uint32(c-'0')
	}
	if len(number) == 3 { // "2.0" and "1.5" on the scale of "1.99"
		code = code/10*100 + code%10
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = version, code, dir
	out.End()
	out.Fact("ssh.banner", line)
	out.Fact("ssh.version", number)
	out.Fact("ssh.software", software)
	if code < 199 { // version 1 packs its packets in another way
		f.old = true
	}
	for i := range f.side {
		if f.side[i] == exchange && f.old {
			f.side[i] = opaque
		}
	}
	if f.side[dir] = exchange; f.old {
		f.side[dir] = opaque
	}
	return dissect.OK
}

func (f *flow) Reset() { *f = flow{} }
