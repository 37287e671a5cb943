// Package netbios reads the NetBIOS name service (RFC 1002 4.2), by which
// Windows hosts of the plant tell their name and workgroup. Its datagram and
// session services carry SMB and belong to package smb.
//
//	0 id 2 | 2 flags 2 | 4 questions 2 | 6 answers 2 | 8 authority 2 | 10 additional 2
//	question: name, type 2, class 2 | record: name or pointer, type 2, class 2, TTL 4, length 2, data
package netbios

import (
	"encoding/binary"
	"net/netip"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	operation ot.Kind = iota // 0 query, 5 registration, 6 release, 7 wait, 8 refresh
	record                   // type of what is asked: 0x20 name, 0x21 status
)

const (
	header       = 12
	registration = 5
	refresh      = 8
	typeName     = 0x20
	typeStatus   = 0x21
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "netbios", Kinds: []string{"operation", "record"}}},
		Transport: dissect.UDP,
		UDP:       []uint16{137},
		MaxPDU:    1500,
		MaxState:  64,
	}
}

// Probe wants a header and an encoded name, 32 letters from A to P.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < header+encodedSize || b[header] != 32 || b[4] != 0 || b[6] != 0 {
		return dissect.No
	}
	for _, c := range b[header+1 : header+33] {
		if c < 'A' || c > 'P' {
			return dissect.No
		}
	}
	return dissect.Yes
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	name [16]byte
	told bool
}

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < header+encodedSize {
		return dissect.Short
	}
	flags := binary.BigEndian.Uint16(b[2:])
	name, suffix, size, ok := DecodeName(b[header:], f.name[:0])
	if !ok {
		return dissect.Alien
	}
	at := header + size
	if at+4 > len(b) {
		return dissect.Short
	}
	op, response := flags>>11&15, flags>>15 == 1
	m := out.Begin()
	m.Kind, m.Code, m.Dir, m.Name = operation, uint32(op), ot.Request, name
	if response {
		m.Dir, m.Status = ot.Response, uint32(flags&15)
		if m.Status != 0 {
			m.Flags |= ot.Refused
		}
	} else if !f.told {
		out.Client(dir)
		f.told = true
	}
	kind := binary.BigEndian.Uint16(b[at:])
	out.Also(record, uint32(kind), nil)
	out.End()

	switch {
	case !response && (op == registration || op == refresh):
		// The record that is registered repeats the name as a pointer: 2 | type 2 | class 2 | TTL 4 | length 2
		if at += 4; at+18 <= len(b) && b[at] >= 0xc0 {
			f.owns(name, suffix, b[at+12:at+18], out)
		}
	case response && kind == typeName && m.Status == 0 && at+16 <= len(b):
		f.owns(name, suffix, b[at+10:at+16], out)
	case response && kind == typeStatus && at+11 <= len(b):
		return f.status(b[at+10:], out)
	}
	return dissect.OK
}

// owns reports a name whose owner's address, after two bytes of flags, is the sender's.
func (f *flow) owns(name []byte, suffix byte, b []byte, out *dissect.Sink) {
	if netip.AddrFrom4([4]byte(b[2:6])) == out.Src.IP {
		f.fact(name, suffix, b[0]>>7 == 1, out)
	}
}

func (*flow) fact(name []byte, suffix byte, group bool, out *dissect.Sink) {
	switch {
	case !plain(name):
	case group && suffix == Workstation:
		out.Fact("netbios.workgroup", name)
	case !group && (suffix == Workstation || suffix == FileServer):
		out.Fact("netbios.name", name)
	}
}

// status: count 1 | each: name 15, suffix 1, flags 2 | MAC of the adapter 6 …
func (f *flow) status(b []byte, out *dissect.Sink) dissect.Fault {
	count := int(b[0])
	if b = b[1:]; len(b) < count*18 {
		return dissect.Short
	}
	for range count {
		f.fact(trimName(b[:15]), b[15], b[16]>>7 == 1, out)
		b = b[18:]
	}
	return dissect.OK
}

func (f *flow) Reset() { f.told = false }
