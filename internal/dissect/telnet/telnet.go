// Package telnet reads Telnet (RFC 854) as far as it matters: that it is
// spoken at all, and that somebody signed in with a password which everybody
// on the wire could read. It never reports what was typed.
//
//	IAC 255 | command 240…255 | option 1 for WILL, WONT, DO, DONT; SB … IAC SE
package telnet

import (
	"bytes"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	command ot.Kind = iota
	option          // negotiated by the command
	signIn          // 1 user name, 2 password
)

const (
	iac, will, dont = 255, 251, 254
	sb, se          = 250, 240
	userName        = 1
	password        = 2
	maxText         = 4096
	session         = 24 // bytes of text
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives. Text without negotiation could be anything, so only the port makes it Telnet.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "telnet", Kinds: []string{"command", "option", "sign-in"}}},
		Transport: dissect.TCP,
		TCP:       []uint16{23, 2323},
		MaxPDU:    maxText,
		MaxState:  64,
		HintOnly:  true,
	}
}

// Probe takes a negotiation for Telnet, or a prompt for a name or password; mid-stream, text on its port.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	for i, c := range b {
		switch {
		case c == iac && i+2 < len(b):
			if b[i+1] >= will && b[i+1] <= dont && b[i+2] < 50 {
				return dissect.Yes
			}
			if b[i+1] < se {
				return dissect.No
			}
		case c == iac:
			return dissect.More
		case c >= 0x80 || c < 0x20 && c != 0 && c != '\r' && c != '\n' && c != '\t' && c != 7 && c != 8 && c != 27:
			return dissect.No
		}
	}
	if p := prompt(b); p != 0 || len(b) >= session {
		return dissect.Yes
	}
	return dissect.More
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	tail  [24]byte // the last text of the server, for a prompt that came in pieces
	size  uint8
	text  [16]byte
	asked uint8 // what the server's last prompt asked for
}

// Frame cuts at commands and line ends; text without either is given as it comes.
func (f *flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	if b[0] == iac {
		return 0, commandSize(b)
	}
	b = b[:min(len(b), maxText)]
	if i := bytes.IndexByte(b, iac); i >= 0 {
		b = b[:i]
	}
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[:i+1]
	}
	return 0, len(b)
}

func commandSize(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case b[1] >= will && b[1] <= dont:
		return 3
	case b[1] != sb:
		return 2
	}
	for i := 2; i+1 < len(b) && i < maxText; i++ {
		if b[i] == iac {
			if b[i+1] == se {
				return i + 2
			}
			i++ // a doubled 255 is data
		}
	}
	if len(b) >= maxText {
		return maxText
	}
	return 0
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) == 0 {
		return dissect.Short
	}
	if b[0] == iac {
		if len(b) < 2 {
			return dissect.Short
		}
		if b[1] == iac { // a doubled 255 is data
			return dissect.OK
		}
		if b[1] < se {
			return dissect.Alien
		}
		m := out.Begin()
		m.Kind, m.Code, m.Dir = command, uint32(b[1]), dir
		if b[1] == sb { // the environment that it sends may hold a name or more
			out.Secret()
		}
		if b[1] >= sb && len(b) > 2 {
			out.Also(option, uint32(b[2]), nil)
		}
		out.End()
		return dissect.OK
	}
	if dir == ot.Response {
		f.listen(b)
		return dissect.OK
	}
	if f.asked != 0 {
		f.answer(dir, out)
	}
	return dissect.OK
}

// listen looks for a prompt at the end of what the server says.
func (f *flow) listen(b []byte) {
	if len(b) > len(f.tail) {
		b = b[len(b)-len(f.tail):]
	}
	keep := min(int(f.size), len(f.tail)-len(b))
	copy(f.tail[:], f.tail[int(f.size)-keep:f.size])
	f.size = uint8(keep + copy(f.tail[keep:], b))
	if p := prompt(f.tail[:f.size]); p != 0 {
		f.asked = p
	}
}

// answer reports that the prompt was answered; the answer itself is not looked at.
func (f *flow) answer(dir ot.Dir, out *dissect.Sink) {
	m := out.Begin()
	m.Kind, m.Code, m.Dir = signIn, uint32(f.asked), dir
	m.Flags |= ot.ClearText
	m.Class = ot.Login
	if f.asked == password {
		out.FactOf(out.Dst, "credential.cleartext", append(f.text[:0], "telnet password"...))
	}
	out.End()
	f.asked, f.size = 0, 0
}

// prompt says what a text asks for at its end: "login: ", "Username:", "Password: " in any case.
func prompt(b []byte) uint8 {
	b = bytes.TrimRight(b, " ")
	b, ok := bytes.CutSuffix(b, []byte(":"))
	switch {
	case !ok:
		return 0
	case endsFold(b, "login"), endsFold(b, "username"), endsFold(b, "user name"), endsFold(b, "user"):
		return userName
	case endsFold(b, "password"), endsFold(b, "passwd"), endsFold(b, "passcode"):
		return password
	}
	return 0
}

func endsFold(b []byte, word string) bool {
	if len(b) < len(word) {
		return false
	}
	b = b[len(b)-len(word):]
	for i := range len(word) {
		if b[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

func (f *flow) Reset() { f.size, f.asked = 0, 0 }
