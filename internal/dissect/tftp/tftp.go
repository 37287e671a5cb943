// Package tftp reads TFTP (RFC 1350, 2347), by which controllers, switches
// and drives load firmware and configurations without a sign-in. The request
// goes to port 69; the file moves between two other ports.
//
//	opcode 2: 1 read, 2 write: file name 0, mode 0, options | 3 data: block 2, bytes | 4 acknowledgement: block 2
//	5 error: code 2, text 0 | 6 options accepted
package tftp

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	operation ot.Kind = iota
	fault
)

const (
	read, write    = 1, 2
	data           = 3
	failure        = 5
	options        = 6
	longestName    = 255
	longestMessage = 65464 + 4 // RFC 2348's largest block
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "tftp", Kinds: []string{"operation", "error"}}},
		Transport: dissect.UDP,
		UDP:       []uint16{69},
		MaxPDU:    longestMessage,
		MaxState:  8,
	}
}

// Probe wants a request; what follows it is announced by it.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 4 || b[0] != 0 || b[1] == 0 || b[1] > options {
		return dissect.No
	}
	if b[1] > write {
		return dissect.More
	}
	if _, ok := request(b[2:]); ok {
		return dissect.Yes
	}
	return dissect.No
}

// request returns the file's name of a request with a known mode.
func request(b []byte) (name []byte, ok bool) {
	name, rest, ok := bytes.Cut(b, []byte{0})
	if !ok || len(name) == 0 || len(name) > longestName {
		return nil, false
	}
	for _, c := range name {
		if c < 0x20 || c == 0x7f {
			return nil, false
		}
	}
	mode, _, ok := bytes.Cut(rest, []byte{0})
	if !ok {
		return nil, false
	}
	return name, bytes.EqualFold(mode, []byte("octet")) || bytes.EqualFold(mode, []byte("netascii")) || bytes.EqualFold(mode, []byte("mail"))
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{}

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (*flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 4 {
		return dissect.Short
	}
	code := binary.BigEndian.Uint16(b)
	if code == 0 || code > options {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = operation, uint32(code), dir
	switch code {
	case read, write:
		name, ok := request(b[2:])
		if !ok {
			return dissect.BadValue
		}
		m.Dir, m.Name = ot.Request, name
		out.Client(dir)
		out.End()
		out.Expect(ot.Endpoint{IP: out.Src.IP, Port: out.SrcPort}, true)
		return dissect.OK
	case data:
		m.First = uint32(binary.BigEndian.Uint16(b[2:]))
		out.Secret() // a file's content
	case failure:
		m.Status = uint32(binary.BigEndian.Uint16(b[2:]))
		m.Flags |= ot.Refused
		out.Also(fault, m.Status, nil)
	}
	out.End()
	return dissect.OK
}

func (*flow) Reset() {}
