// Package ssdp reads the discovery of UPnP devices: HTTP heads in datagrams,
// by which cameras, routers and panels tell what they run.
package ssdp

import (
	"bytes"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/http"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	method ot.Kind = iota // by name
	status
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "ssdp", Kinds: []string{"method", "status"}}},
		Transport: dissect.UDP,
		UDP:       []uint16{1900},
		MaxPDU:    9000,
		MaxState:  8,
	}
}

// Probe wants one of the three first lines of SSDP.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 16 || b[0] != 'M' && b[0] != 'N' && b[0] != 'H' {
		return dissect.No
	}
	for _, first := range [...]string{"M-SEARCH * HTTP/1.", "NOTIFY * HTTP/1.", "HTTP/1.1 200 "} {
		if len(b) >= len(first) && string(b[:len(first)]) == first {
			return dissect.Yes
		}
	}
	return dissect.No
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{}

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (*flow) Decode(_ ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	h, ok := http.ReadHead(b)
	if !ok {
		return dissect.Alien
	}
	m := out.Begin()
	if h.Status != 0 {
		m.Kind, m.Code, m.Dir = status, h.Status, ot.Response
	} else {
		m.Kind, m.Text = method, h.Method
		if m.Dir = ot.Request; bytes.Equal(h.Method, []byte("NOTIFY")) {
			m.Dir = ot.DirNone
		}
	}
	out.End()
	out.Fact("http.server", h.Server)
	out.Fact("http.user_agent", h.Agent)
	return dissect.OK
}

func (*flow) Reset() {}
