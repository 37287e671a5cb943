// Package rdp recognises the Remote Desktop Protocol (MS-RDPBCGR) by its
// connection request and reads what a client says before encryption. S7comm
// and MMS stand on the same TPKT and X.224 layers: what the request carries
// after its fixed part tells them apart.
//
//	TPKT: 3, 0, length 2 | X.224: length 1, code 1, dst-ref 2, src-ref 2, class 1
//	then "Cookie: mstshash=name\r\n" and a negotiation: type 1, flags 1, length 2 (8), protocols 4
package rdp

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	pdu      ot.Kind = iota // X.224 code: 0xe0 request, 0xd0 confirm
	security                // selected: 0 RDP's own, 1 TLS, 2 and 8 with network sign-in
)

const (
	request  = 0xe0
	confirm  = 0xd0
	dataUnit = 0xf0
	fixed    = 11 // TPKT and X.224 of a request
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "rdp", Kinds: []string{"pdu", "security"}}},
		Transport: dissect.TCP,
		TCP:       []uint16{3389},
		MaxPDU:    64 << 10,
		MaxState:  96,
	}
}

// Probe wants the request or its answer.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) > 0 && b[0] != 3 || len(b) > 1 && b[1] != 0 || len(b) > 2 && b[2] > 1 {
		return dissect.No
	}
	if len(b) < 6 {
		return dissect.More
	}
	size, li := int(binary.BigEndian.Uint16(b[2:])), int(b[4])
	switch code := b[5]; {
	case size < fixed:
		return dissect.No
	case code == dataUnit:
		return probeData(b, li)
	case code != request && code != confirm || size != 5+li:
		return dissect.No
	case size == fixed:
		if len(b) < fixed {
			return dissect.More
		}
		if code == request && b[6]|b[7]|b[8]|b[9]|b[10] == 0 { // ISO transport always names its selectors
			return dissect.Yes
		}
		return dissect.No
	case len(b) < fixed+4:
		if len(b) > fixed && b[fixed] >= 0xc0 {
			return dissect.No // an ISO transport parameter
		}
		return dissect.More
	}
	return variable(b[fixed:], b[5] == request)
}

func variable(b []byte, asked bool) dissect.Verdict {
	negotiation := b[1] < 0x20 && b[2] == 8 && b[3] == 0
	switch {
	case asked && (string(b[:4]) == "Cook" || negotiation && b[0] == 1):
		return dissect.Yes
	case !asked && negotiation && (b[0] == 2 || b[0] == 3):
		return dissect.Yes
	}
	return dissect.No
}

// probeData knows a session mid-stream by its MCS header: send data request or
// indication, initiator, channel 1003 (the desktop's own), priority.
func probeData(b []byte, li int) dissect.Verdict {
	if li != 2 {
		return dissect.No
	}
	if len(b) < 13 {
		if len(b) > 7 && b[7] != 0x64 && b[7] != 0x68 && b[7] != 0x7f {
			return dissect.No
		}
		return dissect.More
	}
	if (b[7] == 0x64 || b[7] == 0x68) && b[10] == 3 && b[11] == 0xeb && b[12]&0xf0 == 0x70 {
		return dissect.Yes
	}
	return dissect.No
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	opaque bool // TLS from here
	name   [32]byte
}

const opaqueRead = 32 << 10

func (f *flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	if f.opaque {
		return 0, min(len(b), opaqueRead)
	}
	if len(b) < 4 {
		return 0, 0
	}
	if b[0] == 3 && b[1] == 0 {
		if n = int(binary.BigEndian.Uint16(b[2:])); n >= 7 {
			return 0, n
		}
		return 1, 0
	}
	if !synced || b[0]&3 != 0 {
		if i := bytes.Index(b[1:], []byte{3, 0}); i >= 0 {
			return i + 1, 0
		}
		return len(b) - 1, 0
	}
	// Fast path: header 1, length 1 or, with the top bit set, 2
	if n = int(b[1]); n&0x80 != 0 {
		n = n&0x7f<<8 | int(b[2])
	}
	if n < 3 {
		return 1, 0
	}
	return 0, n
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if f.opaque {
		return dissect.OK
	}
	if len(b) < 6 {
		return dissect.Short
	}
	if b[0] != 3 {
		return dissect.OK // fast path: screen and keys
	}
	switch b[5] {
	case request:
		return f.request(b, out)
	case confirm:
		return f.confirm(b, out)
	case dataUnit:
		if len(b) > 8 && b[7] == 0x7f && b[8] == 0x65 {
			f.connect(dir, b[9:], out)
		}
		return dissect.OK
	}
	return dissect.Alien
}

func (f *flow) request(b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < fixed {
		return dissect.Short
	}
	out.Client(ot.Request)
	m := out.Begin()
	m.Kind, m.Code, m.Dir = pdu, request, ot.Request
	out.End()
	if line, _, ok := bytes.Cut(b[fixed:], []byte("\r\n")); ok && bytes.HasPrefix(line, []byte("Cookie: mstshash=")) {
		out.Fact("rdp.cookie", line)
	}
	return dissect.OK
}

func (f *flow) confirm(b []byte, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Kind, m.Code, m.Dir = pdu, confirm, ot.Response
	selected := uint32(0)
	if len(b) >= fixed+8 {
		if selected = binary.LittleEndian.Uint32(b[fixed+4:]); b[fixed] == 3 { // a refusal's reason
			m.Flags, m.Status = m.Flags|ot.Refused, selected
			out.End()
			return dissect.OK
		}
	}
	out.Also(security, selected, nil)
	out.End()
	switch {
	case selected == 0:
		out.Fact("rdp.security", append(f.name[:0], "rdp"...))
	case selected == 1:
		out.Fact("rdp.security", append(f.name[:0], "tls"...))
	default:
		out.Fact("rdp.security", append(f.name[:0], "credssp"...))
	}
	f.opaque = selected != 0
	return dissect.OK
}

// connect reads the client's core data out of MCS Connect-Initial: after the
// conference key "Duca" a length, then blocks: type 2, length 2, in little endian.
//
//	block 0xc001: version 4, width 2, height 2, depth 2, SAS 2, keyboard 4, build 4, name 32 (UTF-16)
func (f *flow) connect(dir ot.Dir, b []byte, out *dissect.Sink) {
	m := out.Begin()
	m.Kind, m.Code, m.Dir = pdu, dataUnit, dir
	m.Class = ot.Login
	out.End()
	i := bytes.Index(b, []byte("Duca"))
	if i < 0 || len(b) < i+8 {
		return
	}
	if b = b[i+5:]; b[0] != 1 { // a PER length of one or two bytes stands before the first block
		b = b[1:]
	}
	if len(b) < 60 || b[0] != 1 || b[1] != 0xc0 {
		return
	}
	out.Fact("rdp.client_build", strconv.AppendUint(f.name[:0], uint64(binary.LittleEndian.Uint32(b[20:])), 10))
	name := f.name[:0]
	for at := 24; at+1 < 56 && (b[at] != 0 || b[at+1] != 0); at += 2 {
		if b[at+1] != 0 { // beyond Latin-1: the name stays as far as it was read
			break
		}
		name = append(name, b[at])
	}
	out.Fact("rdp.client_name", name)
}

func (f *flow) Reset() { f.opaque = false }
