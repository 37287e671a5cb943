// Package fox reads Niagara Fox, the protocol between Tridium stations and
// their workbench: before any sign-in both tell their versions, names,
// operating systems and licences.
//
//	"fox " kind " " number " " answer " " channel " " command "\n{\n" { key "=" type ":" value "\n" } "};;\n"
package fox

import (
	"bytes"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	command ot.Kind = iota // by channel and name: "fox hello"
	channel                // everything that is not told by name
)

const (
	maxMessage = 32 << 10
	longest    = 48 // of a channel and command that is reported
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "fox", Kinds: []string{"command", "channel"}}},
		Transport: dissect.TCP,
		TCP:       []uint16{1911, 3011},
		MaxPDU:    maxMessage,
		MaxState:  8,
	}
}

// Probe wants the first word, a kind of one letter and a number.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	const want = "fox "
	n := min(len(b), len(want))
	if string(b[:n]) != want[:n] {
		return dissect.No
	}
	if len(b) < 7 {
		return dissect.More
	}
	if b[4] < 'a' || b[4] > 'z' || b[5] != ' ' || b[6] < '0' || b[6] > '9' {
		return dissect.No
	}
	return dissect.Yes
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{}

func (*flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	if !synced && !bytes.HasPrefix(b, []byte("fox ")) {
		if i := bytes.Index(b, []byte("\nfox ")); i >= 0 {
			return i + 1, 0
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 && i < len(b)-1 {
			return i, 0
		}
		return max(len(b)-4, 0), 0
	}
	if i := bytes.Index(b, []byte("};;\n")); i >= 0 {
		return 0, i + 4
	}
	if len(b) >= maxMessage {
		return len(b) - 4, 0
	}
	return 0, 0
}

func (*flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	if !ok {
		return dissect.Short
	}
	if (Protocol{}).Probe(dir, line) != dissect.Yes {
		return dissect.Alien
	}
	for range 4 { // "fox", kind, number, answer
		if _, line, ok = bytes.Cut(line, []byte(" ")); !ok {
			return dissect.BadValue
		}
	}
	m := out.Begin()
	m.Kind, m.Text, m.Dir = command, line, dir
	if len(line) > longest || !plain(line) {
		m.Kind, m.Text = channel, nil
	}
	hello := string(line) == "fox hello"
	switch {
	case string(line) == "fox rejected", string(line) == "fox authFailed":
		m.Flags |= ot.Refused
	case !hello:
		out.Secret() // sign-ins and values
	}
	out.End()
	if hello {
		facts(rest, out)
	}
	return dissect.OK
}

func plain(b []byte) bool {
	for _, c := range b {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return len(b) > 0
}

func facts(b []byte, out *dissect.Sink) {
	for len(b) > 0 {
		var line []byte
		line, b, _ = bytes.Cut(b, []byte("\n"))
		key, value, ok := bytes.Cut(line, []byte("="))
		if !ok || len(value) < 3 || value[1] != ':' {
			continue
		}
		if attr := attribute(key); attr != "" {
			out.Fact(attr, value[2:])
		}
	}
}

func attribute(key []byte) ot.Attr {
	switch string(key) {
	case "fox.version":
		return "fox.version"
	case "hostName":
		return "fox.host_name"
	case "app.name":
		return "fox.application"
	case "app.version":
		return "fox.application_version"
	case "os.name":
		return "fox.os"
	case "os.version":
		return "fox.os_version"
	case "station.name":
		return "fox.station"
	case "hostId":
		return "fox.host_id"
	case "brandId":
		return "fox.brand"
	case "vm.version":
		return "fox.java_version"
	}
	return ""
}

func (*flow) Reset() {}
