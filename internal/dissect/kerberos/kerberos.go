// Package kerberos reads Kerberos 5 (RFC 4120): who signs in against which
// domain, and what the domain's controllers refuse. Names of people are passed over.
//
//	over TCP: length 4 | then [APPLICATION n] SEQUENCE { [n] fields }
//	request: [1] version [2] type [3] pre-authentication [4] body { [1] client [2] realm [3] service [9] addresses }
//	answer: [0] version [1] type [3] realm … | error: [6] code [9] realm
package kerberos

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ber"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	message ot.Kind = iota // the application number
	fault
)

const (
	asRequest, asAnswer   = 10, 11
	tgsRequest, tgsAnswer = 12, 13
	apRequest, apAnswer   = 14, 15
	failure               = 30
	netbios               = 20 // kind of address
	maxMessage            = 60 << 10
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "kerberos", Kinds: []string{"message", "error"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{88},
		UDP:       []uint16{88},
		MaxPDU:    maxMessage,
		MaxState:  8,
	}
}

// Probe wants an application's tag with the sequence and version 5 in it. Over TCP a length stands before it.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) == 0 {
		return dissect.More
	}
	if b[0] == 0 {
		if len(b) < 4 {
			return dissect.More
		}
		if n := binary.BigEndian.Uint32(b); n < 20 || n > maxMessage {
			return dissect.No
		}
		b = b[4:]
		if len(b) == 0 {
			return dissect.More
		}
	}
	if !known(b[0]) {
		return dissect.No
	}
	i := headSize(b)
	switch {
	case i < 0:
		return dissect.No
	case len(b) < i+1:
		return dissect.More
	case b[i] != 0x30:
		return dissect.No
	}
	j := headSize(b[i:])
	if j < 0 {
		return dissect.No
	}
	// [0] or [1], 3 bytes, INTEGER 5
	if b = b[min(len(b), i+j):]; len(b) >= 5 {
		if (b[0] == 0xa0 || b[0] == 0xa1) && bytes.Equal(b[1:5], []byte{3, 2, 1, 5}) {
			return dissect.Yes
		}
		return dissect.No
	}
	return dissect.More
}

func known(tag byte) bool {
	n := tag & 0x1f
	return tag&0xe0 == 0x60 && (n >= asRequest && n <= apAnswer || n == failure)
}

// headSize is how many bytes tag and length take; it points behind b where they are not all there.
func headSize(b []byte) int {
	switch {
	case len(b) < 2:
		return len(b)
	case b[1] < 0x80:
		return 2
	case b[1] > 0x83 || b[1] == 0x80:
		return -1
	}
	return min(len(b), 2+int(b[1]&0x7f))
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ stream bool }

func (f *flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) {
	f.stream = true
	if len(b) < 5 {
		return 0, 0
	}
	size := binary.BigEndian.Uint32(b)
	if size < 20 || size > maxMessage || !known(b[4]) {
		return 1, 0
	}
	return 0, 4 + int(size)
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if f.stream {
		if len(b) < 4 {
			return dissect.Short
		}
		b = b[4:]
	}
	if len(b) < 2 {
		return dissect.Short
	}
	if !known(b[0]) {
		return dissect.Alien
	}
	number := uint32(b[0] & 0x1f)
	m := out.Begin()
	m.Kind, m.Code, m.Dir = message, number, dir
	switch number {
	case asRequest, tgsRequest, apRequest:
		m.Dir = ot.Request
	default:
		m.Dir = ot.Response
	}
	out.Secret() // tickets can be cracked at leisure
	_, inner, _, ok := ber.Next(b)
	body, _, ok2 := ber.Want(inner, 0x30)
	if !ok || !ok2 {
		out.End()
		return dissect.Short
	}
	if number == failure {
		if code, ok := integer(body, 0xa6); ok {
			m.Status = code
			m.Flags |= ot.Refused
			out.Also(fault, code, nil)
		}
	}
	out.End()
	switch number {
	case asRequest:
		request, _ := ber.Find(body, 0xa4)
		request, _, _ = ber.Want(request, 0x30)
		out.FactOf(out.Dst, "kerberos.realm", text(request, 0xa2))
		computer(request, out)
	case asAnswer, tgsAnswer:
		out.Fact("kerberos.realm", text(body, 0xa3))
	case failure:
		out.Fact("kerberos.realm", text(body, 0xa9))
	}
	return dissect.OK
}

// computer finds the NetBIOS name that Windows sends along as an address.
//
//	[9] SEQUENCE OF SEQUENCE { [0] kind, [1] address }
func computer(request []byte, out *dissect.Sink) {
	list, ok := ber.Find(request, 0xa9)
	if !ok {
		return
	}
	list, _, ok = ber.Want(list, 0x30)
	for ok && len(list) > 0 {
		var one []byte
		if one, list, ok = ber.Want(list, 0x30); !ok {
			return
		}
		if kind, _ := integer(one, 0xa0); kind == netbios {
			value, _ := ber.Find(one, 0xa1)
			name, _, _ := ber.Want(value, 0x04)
			out.Fact("kerberos.hostname", bytes.TrimRight(name, " \x00"))
		}
	}
}

func integer(b []byte, tag uint32) (uint32, bool) {
	value, ok := ber.Find(b, tag)
	if !ok {
		return 0, false
	}
	number, _, ok := ber.Want(value, 0x02)
	return ber.Uint(number), ok
}

// text returns a GeneralString.
func text(b []byte, tag uint32) []byte {
	value, _ := ber.Find(b, tag)
	s, _, ok := ber.Want(value, 0x1b)
	if !ok {
		return nil
	}
	return s
}

func (f *flow) Reset() { f.stream = false }
