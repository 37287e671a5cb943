// Package ftp reads the control connection of FTP (RFC 959, 2428, 4217):
// which files move, and whether a password crosses the wire in clear. Names
// and passwords of people are never reported.
//
//	command: verb, space, argument CR LF | reply: three digits, space or '-', text CR LF
package ftp

import (
	"bytes"
	"net/netip"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	command ot.Kind = iota // a verb, by name
	reply                  // three digits
	data                   // 1: a data connection was opened
)

const maxLine = 4096

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "ftp", Kinds: []string{"command", "reply", "data"}}},
		Transport: dissect.TCP,
		TCP:       []uint16{21, 2121},
		MaxPDU:    maxLine,
		MaxState:  128,
	}
}

// Probe looks for what only FTP says. "220 " greets in SMTP too and "USER " in
// POP3, so those alone ask for more.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 4 {
		for _, c := range b {
			if c < '0' || c > 'z' {
				return dissect.No
			}
		}
		return dissect.More
	}
	if isReply(b) {
		return probeReplies(b)
	}
	return probeCommands(b)
}

func probeReplies(b []byte) dissect.Verdict {
	if string(b[:3]) != "220" && string(b[:3]) != "120" {
		if len(b) > maxLine/4 {
			return dissect.No
		}
		return dissect.More // mid-stream, a reply alone could be any protocol's: the next command tells
	}
	for first := true; len(b) > 0; first = false {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		switch {
		case first && containsFold(line, "ftp"):
			return dissect.Yes
		case first && (containsFold(line, "smtp") || containsFold(line, "mail")):
			return dissect.No
		case !whole && len(line) < 4:
			return dissect.More
		case isReply(line) && string(line[:3]) == "331":
			return dissect.Yes
		case isReply(line) && string(line[:3]) == "250":
			return dissect.No
		}
		b = rest
	}
	return dissect.More
}

func probeCommands(b []byte) dissect.Verdict {
	for len(b) > 0 {
		line, rest, whole := bytes.Cut(b, []byte("\n"))
		verb := verbOf(line)
		if verb == nil || verb.name == "" || !whole && len(line) > 64 {
			if !whole && len(line) < 5 {
				return dissect.More
			}
			return dissect.No
		}
		if verb.own && (whole || len(line) > len(verb.name)) || verb.name == "RETR" && whole && named(line[4:]) {
			return dissect.Yes
		}
		b = rest
	}
	return dissect.More
}

// named says whether what is retrieved has a name: POP3 has its messages numbered.
func named(argument []byte) bool {
	return bytes.ContainsFunc(argument, func(r rune) bool { return r >= 'A' && r <= 'z' })
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type stage uint8

const (
	unknown stage = iota
	control
	transfer // a data connection that was not reported yet
	opaque   // its rest, or TLS after AUTH
)

type flow struct {
	stage     stage
	tls       bool // AUTH was asked for
	anonymous bool
	file      bool        // a data connection: its bytes are one file
	data      ot.Endpoint // of the data connection that comes next
	text      [16]byte
}

func (f *flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	if f.stage == unknown {
		switch {
		case len(b) < 4:
			return 0, 0
		case isReply(b) || verbOf(b) != nil:
			f.stage = control
		case synced:
			f.stage = transfer
		}
	}
	if f.stage >= transfer {
		return 0, min(len(b), maxLine)
	}
	if i := bytes.IndexByte(b[:min(len(b), maxLine)], '\n'); i >= 0 {
		return 0, i + 1
	}
	if len(b) >= maxLine { // a line that long is an attack or not a line
		return len(b), 0
	}
	return 0, 0
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	switch f.stage {
	case transfer:
		out.Secret() // a file's content
		m := out.Begin()
		m.Kind, m.Code = data, 1
		out.End()
		f.stage, f.file = opaque, true
		out.Piece(dissect.Piece{At: dissect.Behind, Data: b})
		return dissect.OK
	case opaque:
		if f.file {
			out.Secret()
			out.Piece(dissect.Piece{At: dissect.Behind, Data: b})
		}
		return dissect.OK
	}
	line := bytes.TrimRight(b, "\r\n")
	if isReply(line) {
		return f.reply(line, out)
	}
	if v := verbOf(line); v != nil {
		return f.command(dir, v, line, out)
	}
	if len(line) == 0 || line[0] == ' ' || dir == ot.Response { // further lines of a long reply
		return dissect.OK
	}
	return dissect.Alien
}

func (f *flow) command(dir ot.Dir, v *verb, line []byte, out *dissect.Sink) dissect.Fault {
	argument := bytes.TrimLeft(line[len(v.name):], " ")
	m := out.Begin()
	m.Kind, m.Text, m.Dir = command, v.text, dir
	switch v.kind {
	case user:
		if f.anonymous = equalFold(argument, "anonymous") || equalFold(argument, "ftp"); f.anonymous {
			out.Secret() // whatever is joined to it
			out.FactOf(out.Dst, "ftp.anonymous", append(f.text[:0], "asked for"...))
		} else {
			m.Flags |= ot.ClearText // the password may stand in the same segment
		}
	case pass:
		out.Secret()
		if f.anonymous {
			m.Class = ot.Other // an address by courtesy, not a password
			break
		}
		m.Flags |= ot.ClearText
		out.FactOf(out.Dst, "credential.cleartext", append(f.text[:0], "ftp password"...))
	case site: // its own commands change passwords, too
		out.Secret()
	case auth:
		f.tls = true
	case path:
		m.Name = argument
		f.moves(v, argument, out)
	case port:
		if to, ok := activePort(argument); ok {
			f.data = to
			out.Expect(to, false)
		}
	}
	out.End()
	return dissect.OK
}

func (f *flow) reply(line []byte, out *dissect.Sink) dissect.Fault {
	code := uint32(line[0]-'0')*100 + uint32(line[1]-'0')*10 + uint32(line[2]-'0')
	if code < 100 || code > 659 {
		return dissect.BadValue
	}
	if line[3] == '-' { // the last line of a long reply repeats the code
		return dissect.OK
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = reply, code, ot.Response
	if code >= 400 && code < 600 {
		m.Flags |= ot.Refused
	}
	out.End()
	text := line[4:]
	switch code {
	case 230, 331, 332, 530: // they name the person
		out.Secret()
	case 220:
		out.Fact("ftp.banner", text)
	case 215:
		out.Fact("ftp.system", text)
	case 227:
		if to, ok := passive(text); ok {
			f.data = to
			out.Expect(to, false)
		}
	case 229:
		if n, ok := extendedPassive(text); ok {
			f.data = ot.Endpoint{IP: out.Src.IP, Port: n}
			out.Expect(f.data, false)
		}
	case 234:
		if f.tls {
			f.stage = opaque
		}
	}
	return dissect.OK
}

// moves tells the file that the next data connection brings.
func (f *flow) moves(v *verb, name []byte, out *dissect.Sink) {
	if f.data.Port == 0 || len(name) == 0 {
		return
	}
	switch v.name {
	case "RETR", "STOR", "STOU":
		out.Carries(f.data, false, dissect.Piece{Kind: dissect.File, Name: name, Up: v.name == "RETR"})
		f.data = ot.Endpoint{}
	}
}

func (f *flow) Reset() { *f = flow{} }

// passive reads "Entering Passive Mode (h1,h2,h3,h4,p1,p2)".
func passive(text []byte) (ot.Endpoint, bool) {
	i := bytes.IndexAny(text, "0123456789")
	if i < 0 {
		return ot.Endpoint{}, false
	}
	return activePort(text[i:])
}

// activePort reads the six numbers of PORT.
func activePort(b []byte) (ot.Endpoint, bool) {
	var v [6]byte
	for i := range v {
		n, rest, ok := number(b)
		if !ok || n > 255 || i < 5 && (len(rest) == 0 || rest[0] != ',') {
			return ot.Endpoint{}, false
		}
		if v[i] = byte(n); i < 5 {
			b = rest[1:]
		}
	}
	e := ot.Endpoint{IP: netip.AddrFrom4([4]byte(v[:4])), Port: uint16(v[4])<<8 | uint16(v[5])}
	return e, e.Port != 0
}

// extendedPassive reads "Entering Extended Passive Mode (|||port|)".
func extendedPassive(text []byte) (uint16, bool) {
	i := bytes.IndexByte(text, '(')
	if i < 0 || len(text) < i+6 {
		return 0, false
	}
	n, _, ok := number(text[i+4:])
	return uint16(n), ok && n > 0 && n <= 65535
}

func number(b []byte) (n int, rest []byte, ok bool) {
	i := 0
	for ; i < len(b) && i < 6 && b[i] >= '0' && b[i] <= '9'; i++ {
		n = n*10 + int(b[i]-'0')
	}
	return n, b[i:], i > 0
}
