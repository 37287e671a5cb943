// Package ldap reads LDAP (RFC 4511): who signs in how, what is searched and
// changed, and what a domain controller says of itself. Passwords and names
// of people are never reported.
//
//	SEQUENCE { message id, operation [APPLICATION n] … }
//	bind: version, name, [0] password or [3] { mechanism, credentials }
//	result: ENUMERATED code, name, text
package ldap

import (
	"bytes"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/ber"
	"github.com/skanse/skanse/internal/dissect/smb/ntlmssp"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	operation ot.Kind = iota // the application number
	result
	mechanism // of a sign-in, by name
)

const (
	bindRequest      = 0
	bindResponse     = 1
	searchEntry      = 4
	searchDone       = 5
	extended         = 23
	extendedResponse = 24
	intermediate     = 25
	success          = 0
	saslContinues    = 14
	maxMessage       = 60 << 10
	opaqueRead       = 16 << 10
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "ldap", Kinds: []string{"operation", "result", "mechanism"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{389, 3268},
		UDP:       []uint16{389},
		MaxPDU:    maxMessage,
		MaxState:  192,
	}
}

// Probe wants a message with a sensible id and a known operation that fits it.
// SNMP begins in the same way, but goes on with its version and a text.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) > 0 && b[0] != 0x30 {
		return dissect.No
	}
	n, at := size(b, 1)
	switch {
	case n == 0 && at == 0:
		return dissect.More
	case n < 5 || n > maxMessage:
		return dissect.No
	case len(b) < at+2:
		return dissect.More
	case b[at] != 2 || b[at+1] == 0 || b[at+1] > 4:
		return dissect.No
	}
	at += 2 + int(b[at+1])
	if len(b) <= at {
		return dissect.More
	}
	if !known(b[at]) {
		return dissect.No
	}
	inner, from := size(b, at+1)
	switch {
	case inner == 0 && from == 0:
		return dissect.More
	case from+inner > headOf(b)+n:
		return dissect.No
	}
	return dissect.Yes
}

func headOf(b []byte) int {
	_, at := size(b, 1)
	return at
}

// size reads a length of at most 4 octets at b[i:] and returns where its content begins; 0, 0 where more is needed.
func size(b []byte, i int) (n, at int) {
	if len(b) <= i {
		return 0, 0
	}
	if b[i] < 0x80 {
		return int(b[i]), i + 1
	}
	width := int(b[i] & 0x7f)
	if width == 0 || width > 4 {
		return maxMessage + 1, i + 1
	}
	if len(b) < i+1+width {
		return 0, 0
	}
	for _, c := range b[i+1 : i+1+width] {
		n = n<<8 | int(c)
	}
	return n, i + 1 + width
}

// known says whether a tag is one of LDAP's operations: constructed, but for
// unbind, delete and abandon.
func known(tag byte) bool {
	switch tag {
	case 0x42, 0x4a, 0x50:
		return true
	}
	n := tag & 0x1f
	return tag&0xe0 == 0x60 && (n <= 15 || n == 19 || n >= extended && n <= intermediate) && n != 2 && n != 10
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	opaque   bool // TLS, or sealed by the sign-in
	starting bool // TLS was asked for
	told     bool // the password in clear
	ntlm     ntlmssp.Reader
	text     [24]byte
}

func (f *flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) {
	if f.opaque {
		return 0, min(len(b), opaqueRead)
	}
	if b[0] != 0x30 {
		if i := bytes.IndexByte(b, 0x30); i > 0 {
			return i, 0
		}
		return len(b), 0
	}
	n, at := size(b, 1)
	switch {
	case n == 0 && at == 0:
		return 0, 0
	case n < 5 || n > maxMessage:
		return 1, 0
	}
	return 0, at + n
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if f.opaque {
		return dissect.OK
	}
	if len(b) < 7 {
		return dissect.Short
	}
	message, _, ok := ber.Want(b, 0x30)
	if !ok {
		return dissect.Alien
	}
	_, rest, ok := ber.Want(message, 0x02)
	if !ok {
		return dissect.Alien
	}
	tag, body, _, ok := ber.Next(rest)
	if !ok || tag > 0xff || !known(byte(tag)) {
		return dissect.Alien
	}
	out.Secret() // names, attributes and sign-ins
	number := tag & 0x1f
	m := out.Begin()
	m.Kind, m.Code, m.Dir = operation, number, dir
	switch number {
	case bindRequest:
		m.Dir = ot.Request
		f.bind(m, body, out)
		return dissect.OK
	case searchEntry:
		m.Dir = ot.Response
		out.End()
		entry(body, out)
		return dissect.OK
	case extended:
		f.starting = bytes.Contains(body, []byte("1.3.6.1.4.1.1466.20037"))
	case bindResponse, searchDone, 7, 9, 11, 13, 15, extendedResponse:
		m.Dir = ot.Response
		f.answer(m, number, body, out)
		return dissect.OK
	}
	out.End()
	return dissect.OK
}

func (f *flow) bind(m *ot.Message, b []byte, out *dissect.Sink) {
	_, rest, _ := ber.Want(b, 0x02)
	_, rest, _ = ber.Want(rest, 0x04)
	tag, credentials, _, _ := ber.Next(rest)
	switch {
	case tag == 0x80 && len(credentials) > 0:
		m.Flags |= ot.ClearText
		out.Also(mechanism, 0, append(f.text[:0], "simple"...))
		out.End()
		if !f.told {
			f.told = true
			out.FactOf(out.Dst, "credential.cleartext", append(f.text[:0], "ldap simple"...))
		}
		return
	case tag == 0xa3:
		name, _, _ := ber.Want(credentials, 0x04)
		if len(name) > 0 && len(name) <= 20 {
			out.Also(mechanism, 0, name)
		}
	case tag == 0x80:
		out.Also(mechanism, 0, append(f.text[:0], "anonymous"...))
	}
	out.End()
	f.ntlm.Facts(credentials, out)
}

func (f *flow) answer(m *ot.Message, number uint32, b []byte, out *dissect.Sink) {
	code, _, ok := ber.Want(b, 0x0a)
	status := ber.Uint(code)
	if ok {
		out.Also(result, status, nil)
		if m.Status = status; status != success && status != saslContinues {
			m.Flags |= ot.Refused
		}
	}
	out.End()
	switch {
	case number == bindResponse:
		f.ntlm.Facts(b, out)
	case number == extendedResponse && f.starting:
		f.opaque = status == success
		f.starting = false
	}
}

// entry looks for what the root of a directory says of its server.
//
//	name, SEQUENCE OF SEQUENCE { attribute, SET OF value }
func entry(b []byte, out *dissect.Sink) {
	_, rest, _ := ber.Want(b, 0x04)
	list, _, ok := ber.Want(rest, 0x30)
	for ok && len(list) > 0 {
		var one []byte
		if one, list, ok = ber.Want(list, 0x30); !ok {
			return
		}
		name, values, _ := ber.Want(one, 0x04)
		set, _, _ := ber.Want(values, 0x31)
		value, _, _ := ber.Want(set, 0x04)
		switch {
		case bytes.EqualFold(name, []byte("dnsHostName")):
			out.Fact("ldap.server_name", value)
		case bytes.EqualFold(name, []byte("defaultNamingContext")):
			out.Fact("ldap.domain", value)
		}
	}
}

func (f *flow) Reset() { f.opaque, f.starting, f.told = false, false, false }
