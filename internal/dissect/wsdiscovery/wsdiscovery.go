// Package wsdiscovery reads WS-Discovery (OASIS, 1.1): SOAP in datagrams, by
// which cameras (ONVIF), printers and Windows say what they are.
//
//	Envelope { Header { Action …/discovery/Hello|Bye|Probe|ProbeMatches|Resolve|ResolveMatches }
//	           Body { … Types, Scopes onvif://www.onvif.org/name/… hardware/… , XAddrs } }
package wsdiscovery

import (
	"bytes"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const action ot.Kind = 0 // by name

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "ws-discovery", Kinds: []string{"action"}}},
		Transport: dissect.UDP,
		UDP:       []uint16{3702},
		MaxPDU:    64 << 10,
		MaxState:  8,
	}
}

// Probe wants XML with an action of discovery in it.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 40 || b[0] != '<' {
		return dissect.No
	}
	if actionOf(b) == nil {
		return dissect.No
	}
	return dissect.Yes
}

// actionOf returns the last part of the action's URI: "Probe".
func actionOf(b []byte) []byte {
	b = b[:min(len(b), 4096)]
	for {
		i := bytes.Index(b, []byte("/discovery/"))
		if i < 0 {
			return nil
		}
		b = b[i+len("/discovery/"):]
		n := 0
		for n < len(b) && (b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z') {
			n++
		}
		if n >= 3 && n <= 20 && n < len(b) && b[n] == '<' {
			return b[:n]
		}
	}
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{}

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (*flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 3 {
		return dissect.Short
	}
	name := actionOf(b)
	if b[0] != '<' || name == nil {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Text, m.Dir = action, name, dir
	switch string(name) {
	case "Probe", "Resolve":
		m.Dir = ot.Request
	case "ProbeMatches", "ResolveMatches":
		m.Dir = ot.Response
	case "Hello", "Bye":
		m.Dir = ot.DirNone
	}
	out.End()
	if m.Dir == ot.Request || string(name) == "Bye" {
		return dissect.OK
	}
	out.Fact("wsd.types", content(b, "Types>"))
	scopes := content(b, "Scopes>")
	out.Fact("wsd.name", scope(scopes, "/name/"))
	out.Fact("wsd.hardware", scope(scopes, "/hardware/"))
	out.Fact("wsd.location", scope(scopes, "/location/"))
	out.Fact("wsd.address", content(b, "XAddrs>"))
	return dissect.OK
}

// content returns the text of the first element whose name ends so.
func content(b []byte, end string) []byte {
	i := bytes.Index(b, []byte(end))
	if i < 0 {
		return nil
	}
	b = b[i+len(end):]
	if i = bytes.IndexByte(b, '<'); i < 0 {
		return nil
	}
	return bytes.TrimSpace(b[:i])
}

// scope returns what stands behind mark in one of the scopes.
func scope(b []byte, mark string) []byte {
	i := bytes.Index(b, []byte(mark))
	if i < 0 {
		return nil
	}
	b = b[i+len(mark):]
	if i = bytes.IndexAny(b, " \r\n\t"); i >= 0 {
		b = b[:i]
	}
	return b
}

func (*flow) Reset() {}
