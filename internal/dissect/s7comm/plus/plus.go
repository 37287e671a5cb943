// Package plus dissects S7comm-plus, by which TIA Portal, WinCC and panels
// speak with S7-1200 and S7-1500 controllers: sessions, functions, what is
// read, written, started, stopped and downloaded, and what controllers and
// clients say of themselves. Package s7comm hands it what stands behind TPKT
// and COTP. It is not for what TLS protects (TIA Portal 17 and newer), which
// is only recognised.
//
// Siemens never published S7comm-plus; the layout is what public research
// agrees on (references in catalog/protocols/s7comm-plus.yaml). Big endian:
//
//	0   1  0x72
//	1   1  version: 1 session, 2, 3 with a digest, 0xFE keep alive
//	2   2  length of the data
//	4   …  data; with version 3 first the digest: its length 0x20, 32 bytes
//	…   4  0x72, version, 0, 0: only behind the last fragment of a message
//
// Data of a request and its answer:
//
//	0   1  0x31 request, 0x32 and 0x02 answer, 0x33 notification
//	1   2  reserved     3 2 function     5 2 reserved     7 2 sequence
//	9   4  session      only in requests
//	13  1  transport flags, then what the function asks for
package plus

import (
	"bytes"
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Naming is the protocol with its kinds, for the Spec of package s7comm.
func Naming() dissect.Naming {
	return dissect.Naming{Name: "s7comm-plus", Kinds: []string{"function", "opcode", "object", "operating-state", "tls"}}
}

// The kinds of codes, in the order of Naming.
const (
	kindFunction ot.Kind = iota
	kindOpcode           // notifications, keep alives
	kindObject           // class of an object that is made
	kindState            // what a controller is asked to do: 1 stop, 3 run …
	kindTLS              // records that TLS protects
)

// ID is the first byte of every message.
const ID = 0x72

const (
	header       = 4
	trailer      = 4
	digest       = 33
	keepAlive    = 0xfe
	opRequest    = 0x31
	opResponse   = 0x32
	opResponse2  = 0x02
	opNotify     = 0x33
	requestHead  = 14
	responseHead = 10
)

// Known says whether a message can start with these two bytes.
func Known(b []byte) bool {
	return len(b) >= 2 && b[0] == ID && (b[1] >= 1 && b[1] <= 3 || b[1] == keepAlive)
}

// State is what a conversation must remember. As is the i-th of its dissector's protocols.
type State struct {
	As     int
	parts  [3]part // by direction
	asked  [8]asking
	next   uint8
	secure bool // TLS has begun
	text   [96]byte
}

// asking is what a request was found to do, for its answer.
type asking struct {
	sequence uint16
	class    ot.Class
}

// part is a message of which fragments are still missing.
type part struct {
	open  bool
	block bool // of a block: its bytes are handed on
}

// Reset empties the state.
func (s *State) Reset() { *s = State{As: s.As} }

// Secure says whether TLS has begun, from where on nothing can be read.
func (s *State) Secure() bool { return s.secure }

// TLS takes a payload that TLS protects: it is reported where a record begins.
func (s *State) TLS(dir ot.Dir, b []byte, out *dissect.Sink) bool {
	begins := len(b) >= 5 && b[0] >= 0x14 && b[0] <= 0x17 && b[1] == 3 && b[2] <= 4
	if !begins {
		return s.secure
	}
	if !s.secure {
		s.secure = true
		out.Fact("s7comm-plus.protection", append(s.text[:0], "TLS"...))
	}
	m := out.BeginAs(s.As)
	m.Kind, m.Code, m.Dir = kindTLS, uint32(b[0]), dir
	out.End()
	return true
}

// Decode reports one message, or the first fragment of one.
func (s *State) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < header {
		return dissect.Short
	}
	if !Known(b) {
		return dissect.Alien
	}
	version, n := b[1], int(binary.BigEndian.Uint16(b[2:]))
	if version == keepAlive {
		m := out.BeginAs(s.As)
		m.Kind, m.Code, m.Dir = kindOpcode, keepAlive, dir
		out.End()
		return dissect.OK
	}
	data, fault := b[header:], dissect.OK
	last := true
	if n <= len(data) {
		last = len(data) >= n+trailer && data[n] == ID
		data = data[:n]
	} else {
		fault = dissect.Short
	}
	if version == 3 && len(data) >= digest && data[0] == digest-1 {
		data = data[digest:]
	}
	p := &s.parts[dir%3]
	if p.open {
		p.open = !last
		if p.block {
			s.piece(dissect.Piece{At: dissect.Behind, Data: data, End: last}, out)
		}
		return fault
	}
	p.open, p.block = !last, false
	return max(fault, s.message(dir, data, p, out))
}

// message reports what begins with an opcode.
func (s *State) message(dir ot.Dir, d []byte, p *part, out *dissect.Sink) dissect.Fault {
	if len(d) == 0 {
		return dissect.Short
	}
	m := out.BeginAs(s.As)
	switch d[0] {
	case opNotify: // subscription (4) …
		m.Kind, m.Code, m.Dir = kindOpcode, opNotify, ot.Response
		out.End()
		return dissect.OK
	case opRequest:
		if len(d) < requestHead {
			return dissect.Short
		}
		if dir == ot.Response {
			out.Client(ot.Response)
		}
		m.Kind, m.Code, m.Dir = kindFunction, uint32(binary.BigEndian.Uint16(d[3:])), ot.Request
		fault := s.request(m, d[9:13], d[requestHead:], p, out)
		s.asked[s.next%uint8(len(s.asked))] = asking{binary.BigEndian.Uint16(d[7:]), m.Class}
		s.next++
		return fault
	case opResponse, opResponse2:
		if len(d) < responseHead {
			return dissect.Short
		}
		m.Kind, m.Code, m.Dir = kindFunction, uint32(binary.BigEndian.Uint16(d[3:])), ot.Response
		sequence := binary.BigEndian.Uint16(d[7:])
		for i := range s.asked {
			if a := &s.asked[i]; a.class != 0 && a.sequence == sequence {
				m.Class, a.class = a.class, 0
			}
		}
		return s.response(m, d[responseHead:], p, out)
	}
	if dir == ot.DirNone || out.Mid {
		return dissect.OK // the middle of a message whose beginning nobody saw
	}
	return dissect.BadValue
}

// piece hands on a part of a block. What stands behind the object is the
// message's own and differs each time.
func (s *State) piece(p dissect.Piece, out *dissect.Sink) {
	if p.End {
		if at := bytes.LastIndex(p.Data, []byte(qualifier)); at >= 0 {
			p.Data = p.Data[:at]
		}
		if at := bytes.LastIndexByte(p.Data, endObject); at >= 0 && len(p.Data)-at < 24 {
			p.Data = p.Data[:at+1]
		}
	}
	out.Piece(p)
}
