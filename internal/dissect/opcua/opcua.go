// Package opcua dissects OPC UA over its binary TCP transport (OPC 10000-6,
// clauses 5 and 7): connection set-up, secure channels and their certificates,
// chunks put together, and every service by the number of its encoding, with
// the nodes that are read, written or called and what servers and clients say
// of themselves. What is encrypted is counted as such. It is not for OPC UA
// PubSub, which is another protocol.
//
//	message header     0  3  HEL, ACK, ERR, RHE, OPN, MSG, CLO
//	                   3  1  F final, C more chunks follow, A aborted
//	                   4  4  length with this header, little-endian like everything
//	OPN, MSG, CLO      8  4  secure channel id
//	  OPN             12  …  policy URI, sender's certificate, receiver's thumbprint (strings)
//	  MSG, CLO        12  4  token id
//	  all              …  8  sequence number, request id
//	                      …  node id of the service's encoding, its header, its fields
package opcua

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindService   ot.Kind = iota // number of the binary encoding's node id
	kindTransport                // message types without a readable service
	kindToken                    // UserTokenType of who signs in
)

const (
	header     = 8
	maxChunk   = 64 << 10
	maxMessage = 64 << 10 // of a message cut into chunks, so much is kept; the beginning tells all
	maxSize    = 16 << 20 // a message header that says more is none
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives: 4840 is registered, the others are usual for servers of this kind.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "opcua", Kinds: []string{"service", "transport", "user-token"}}},
		Transport: dissect.TCP,
		TCP:       []uint16{4840, 4841, 4842, 48010, 48020, 48030, 49320, 62541},
		MaxPDU:    maxChunk,
		MaxState:  2*maxMessage + 4096,
	}
}

// Probe wants a message header, whose seven types are three letters.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) >= header {
		if size(b) > 0 {
			return dissect.Yes
		}
		return dissect.No
	}
	for _, t := range [...]string{"HEL", "ACK", "ERR", "RHE", "OPN", "MSG", "CLO"} {
		if n := min(len(b), 3); string(b[:n]) == t[:n] && (len(b) < 4 || b[3] == 'F' || b[3] == 'C' || b[3] == 'A') {
			return dissect.More
		}
	}
	return dissect.No
}

// size returns the length of the message whose header begins b, 0 if there is none.
func size(b []byte) int {
	n := binary.LittleEndian.Uint32(b[4:])
	if n > maxSize {
		return 0
	}
	switch string(b[:3]) {
	case "HEL":
		if b[3] != 'F' || n < 32 || n > 8192 {
			return 0
		}
	case "ACK":
		if b[3] != 'F' || n != 28 {
			return 0
		}
	case "ERR", "RHE":
		if b[3] != 'F' || n < 16 || n > 16384 {
			return 0
		}
	case "OPN":
		if b[3] != 'F' && b[3] != 'C' || n < 32 {
			return 0
		}
	case "MSG", "CLO":
		if b[3] != 'F' && b[3] != 'C' && b[3] != 'A' || n < 24 {
			return 0
		}
	default:
		return 0
	}
	return int(n)
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	part    [3]partial // by ot.Dir
	left    [3]int     // bytes of a chunk beyond maxChunk
	secured bool       // the channel has a policy other than None
	modeIs  byte       // what was told of the channel: 0 nothing, 1 signed, 2 encrypted
	client  bool       // who it is was told
	reads   [4]pending // reads of nodes that identify a server
	nextRd  uint8
	certs   [8]uint32 // checksums of certificates that were read already
	nextC   uint8
	name    [256]byte
	text    [ot.MaxFact]byte
}

// partial is a message of which chunks are missing.
type partial struct {
	buf  []byte
	id   uint32 // request
	open bool
	cut  bool // longer than what is kept
}

func (f *flow) Reset() {
	for i := range f.part {
		f.part[i] = partial{buf: f.part[i].buf[:0]}
	}
	f.left, f.secured, f.modeIs, f.client = [3]int{}, false, 0, false
	f.reads, f.nextRd, f.certs, f.nextC = [4]pending{}, 0, [8]uint32{}, 0
}

// Frame cuts at the header's length; out of step it looks for a header. Of a
// chunk that is too long the beginning is decoded and the rest stepped over.
func (f *flow) Frame(dir ot.Dir, b []byte, synced bool) (skip, n int) {
	if !synced {
		f.left[dir%3] = 0
		f.part[dir%3] = partial{buf: f.part[dir%3].buf[:0]}
	}
	if f.left[dir%3] > 0 {
		return 0, min(f.left[dir%3], maxChunk)
	}
	for ; len(b)-skip >= header; skip++ {
		if n := size(b[skip:]); n > 0 {
			return skip, min(n, maxChunk)
		}
	}
	return skip, 0
}

// Decode takes one chunk.
func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if left := &f.left[dir%3]; *left > 0 {
		*left = max(0, *left-len(b))
		return dissect.OK
	}
	if len(b) < header {
		return dissect.Short
	}
	n := size(b)
	if n == 0 {
		return dissect.Alien
	}
	if n > len(b) && len(b) == maxChunk {
		f.left[dir%3] = n - len(b)
	}
	c := cursor{b: b[header:]}
	switch string(b[:3]) {
	case "HEL", "RHE":
		return f.hello(dir, string(b[:3]) == "RHE", b[:3], c, out)
	case "ACK":
		m := out.Begin()
		m.Kind, m.Text, m.Dir = kindTransport, b[:3], ot.Response
		out.End()
		return c.fault()
	case "ERR":
		return f.failed(dir, b[:3], c, out)
	}
	return f.secure(dir, b, c, out)
}

// hello: version 4 | receive buffer 4 | send buffer 4 | longest message 4 | most chunks 4 | endpoint URL
// reverse hello: server's URI | endpoint URL; the server connects.
func (f *flow) hello(dir ot.Dir, reverse bool, kind []byte, c cursor, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Kind, m.Text, m.Dir = kindTransport, kind, ot.Request
	if reverse {
		uri := c.text()
		m.Name, m.Dir = c.text(), ot.Response
		f.tell(dir.Reverse(), out)
		out.Fact("opcua.application_uri", uri)
	} else {
		c.skip(20)
		m.Name = c.text()
		f.tell(dir, out)
	}
	out.End()
	return c.fault()
}

// failed: error 4 | reason. The reason is text for people and may name anything.
func (f *flow) failed(dir ot.Dir, kind []byte, c cursor, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Kind, m.Text, m.Dir, m.Status = kindTransport, kind, dir, c.u32()
	m.Flags |= ot.Refused
	out.End()
	return c.fault()
}

// tell says once who the client is.
func (f *flow) tell(dir ot.Dir, out *dissect.Sink) {
	if !f.client && dir != ot.DirNone {
		f.client = true
		out.Client(dir)
	}
}

// secure reads what stands before a service and puts chunks together.
func (f *flow) secure(dir ot.Dir, b []byte, c cursor, out *dissect.Sink) dissect.Fault {
	c.skip(4) // channel
	if b[0] == 'O' {
		policy, cert := c.text(), c.text()
		c.text() // thumbprint of the receiver's certificate
		if c.bad {
			return dissect.Short
		}
		f.policy(dir, policy, out)
		f.certificate(out.Src, cert, out)
	} else {
		c.skip(4) // token
	}
	c.skip(4) // sequence number
	id := c.u32()
	if c.bad {
		return dissect.Short
	}
	part := &f.part[dir%3]
	switch b[3] {
	case 'A':
		*part = partial{buf: part.buf[:0]}
		return f.failed(dir, b[:3], c, out)
	case 'C':
		if !part.open || part.id != id {
			*part = partial{buf: part.buf[:0], id: id, open: true}
		}
		part.keep(c.b)
		return dissect.OK
	}
	if !part.open || part.id != id {
		return f.service(dir, b[:3], id, c, false, out)
	}
	part.keep(c.b)
	fault := f.service(dir, b[:3], id, cursor{b: part.buf}, part.cut, out)
	*part = partial{buf: part.buf[:0]}
	return fault
}

func (p *partial) keep(b []byte) {
	if room := maxMessage - len(p.buf); room < len(b) {
		b, p.cut = b[:room], true
	}
	p.buf = append(p.buf, b...)
}
