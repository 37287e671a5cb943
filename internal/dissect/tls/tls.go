// Package tls reads TLS (RFC 8446) up to the start of encryption: which name a
// client asks for, which version and certificate they use, which service that
// betrays, and the client's fingerprints. Nothing is decrypted.
//
//	record: type 1 | version 2 | length 2 | fragment
//	handshake: type 1 | length 3 | body
package tls

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/recognised"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	handshake ot.Kind = iota
	record
)

// The record and handshake types that are read.
const (
	changeCipher      = 20
	alert             = 21
	handshakes        = 22
	application       = 23
	clientHello       = 1
	serverHello       = 2
	serverCertificate = 11
	maxRecord         = 5 + 16384 + 2048
	longEnough        = 1024
)

// Protocol is the dissector.
type Protocol struct{ Names *recognised.List }

// Spec says where it lives.
func (p Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: append([]dissect.Naming{{Name: "tls", Kinds: []string{"handshake", "record"}}}, p.Names.Services()...),
		Transport: dissect.TCP,
		TCP:       []uint16{443, 8443, 636, 990, 993, 995, 8883, 4840},
		MaxPDU:    maxRecord,
		MaxState:  176,

		Alternatives: true,
	}
}

// Probe wants a hello, or mid-stream two records of application data in a row, or one that is longer than what is shown.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) == 0 {
		return dissect.More
	}
	if b[0] < alert || b[0] > application || len(b) > 1 && b[1] != 3 || len(b) > 2 && b[2] > 4 {
		return dissect.No
	}
	if len(b) < 5 {
		return dissect.More
	}
	size := int(binary.BigEndian.Uint16(b[3:]))
	if b[0] == alert && size == 2 && (len(b) < 6 || b[5] == 1 || b[5] == 2) {
		return dissect.More // a refused hello; too little to claim a flow
	}
	if b[0] == alert || size < 4 || size > maxRecord-5 {
		return dissect.No
	}
	if b[0] == handshakes {
		switch {
		case len(b) < 9:
			return dissect.More
		case b[5] != clientHello && b[5] != serverHello || b[6] != 0:
			return dissect.No
		case len(b) >= 11 && b[9] != 3:
			return dissect.No
		}
		return dissect.Yes
	}
	switch rest := len(b) - 5 - size; {
	case rest == 0:
		return dissect.Yes
	case rest < 0 && len(b) >= longEnough && b[2] == 3: // what follows comes too late for a probe: 26 bits must do
		return dissect.Yes
	case rest < 5:
		return dissect.More
	}
	next := b[5+size:]
	if next[0] >= changeCipher && next[0] <= application && next[1] == 3 && next[2] <= 4 {
		return dissect.Yes
	}
	return dissect.No
}

// Open makes a conversation's state.
func (p Protocol) Open() dissect.Flow { return &flow{names: p.Names} }

type flow struct {
	names     *recognised.List
	encrypted [3]bool
	tool      bool // a service was reported
	text      [128]byte
}

func (*flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	if len(b) < 5 {
		return 0, 0
	}
	if n = recordSize(b); n > 0 {
		return 0, n
	}
	for at := 1; at+5 <= len(b); at++ {
		if recordSize(b[at:]) > 0 {
			return at, 0
		}
	}
	return len(b) - 4, 0
}

func recordSize(b []byte) int {
	if b[0] < changeCipher || b[0] > 24 || b[1] != 3 || b[2] > 4 {
		return 0
	}
	n := int(binary.BigEndian.Uint16(b[3:]))
	if n == 0 || n > maxRecord-5 {
		return 0
	}
	return 5 + n
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 6 {
		return dissect.Short
	}
	if b[1] != 3 {
		return dissect.Alien
	}
	if b[0] != handshakes || f.encrypted[dir] {
		m := out.Begin()
		m.Kind, m.Code, m.Dir = record, uint32(b[0]), dir
		out.End()
		if b[0] == changeCipher {
			f.encrypted[dir] = true
		}
		return dissect.OK
	}
	return f.handshakes(dir, b[5:], out)
}

// handshakes reads the messages of one record. A message that goes on in the
// next record is read as far as it goes; its continuation looks encrypted.
func (f *flow) handshakes(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	for len(b) >= 4 {
		kind, size := b[0], int(b[1])<<16|int(b[2])<<8|int(b[3])
		if kind > 24 {
			f.encrypted[dir] = true
			return dissect.OK
		}
		body := b[4:min(len(b), 4+size)]
		m := out.Begin()
		m.Kind, m.Code, m.Dir = handshake, uint32(kind), dir
		switch kind {
		case clientHello:
			m.Dir = ot.Request
			f.client(m, body, len(body) == size, out)
		case serverHello:
			m.Dir = ot.Response
			out.End()
			f.server(body, out)
		case serverCertificate:
			out.End()
			f.certificate(body, out)
		default:
			out.End()
		}
		if 4+size > len(b) {
			return dissect.OK
		}
		b = b[4+size:]
	}
	return dissect.OK
}

func (f *flow) Reset() { *f = flow{names: f.names} }
