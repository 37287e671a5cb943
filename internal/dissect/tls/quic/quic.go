// Package quic recognises QUIC (RFC 9000, 9369) and reads the name that a
// client asks for. The first packets are encrypted with a key that anybody can
// compute from the packet (RFC 9001 clause 5.2); nothing behind them is.
//
//	long head: 1 1 kind 2 … | version 4 | to: length 1 | from: length 1 | initial: token: length | length | number 1…4 | payload
//	frames of an initial: 0 padding, 1 ping, 2 and 3 acknowledgement, 6 crypto: offset, length, TLS handshake
package quic

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/recognised"
	"github.com/skanse/skanse/internal/dissect/tls"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const packet ot.Kind = 0

// The kinds of packets, as version 1 numbers them.
const (
	initial     = 0
	zeroRTT     = 1
	handshake   = 2
	retry       = 3
	protected   = 4 // a short head
	negotiation = 5 // of the version
)

const (
	version1    = 1
	version2    = 0x6b3343cf
	longestID   = 20
	smallest    = 1200 // of a client's first datagram
	maxPDU      = 2048
	maxCrypto   = 4096 // of a hello that is put together
	clientHello = 1
)

// Protocol is the dissector.
type Protocol struct{ Names *recognised.List }

// Spec says where it lives.
func (p Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols:    append([]dissect.Naming{{Name: "quic", Kinds: []string{"packet"}}}, p.Names.Services()...),
		Transport:    dissect.UDP,
		UDP:          []uint16{443, 8443},
		MaxPDU:       maxPDU,
		MaxState:     maxCrypto + 2048,
		Alternatives: true,
	}
}

// Probe wants a long head of a known version with ids that fit.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	h, ok := readHead(b)
	if !ok || h.kind == protected || h.version != version1 && h.version != version2 && h.version>>8 != 0xff0000 {
		return dissect.No
	}
	return dissect.Yes
}

// packetHead is a long head taken apart.
type packetHead struct {
	kind    uint8
	version uint32
	to      []byte
	rest    []byte // behind the ids
	at      int    // where the rest begins
}

func readHead(b []byte) (h packetHead, ok bool) {
	if len(b) < 8 {
		return h, false
	}
	if b[0]&0x80 == 0 {
		h.kind = protected
		return h, b[0]&0x40 != 0
	}
	h.version = binary.BigEndian.Uint32(b[1:])
	h.kind = b[0] >> 4 & 3
	switch {
	case h.version == 0:
		h.kind = negotiation
	case b[0]&0x40 == 0:
		return h, false
	case h.version == version2:
		h.kind = (h.kind + 3) & 3 // 1 is initial there, 0 retry
	}
	n := int(b[5])
	if n > longestID || len(b) < 7+n {
		return h, false
	}
	h.to = b[6 : 6+n]
	m := int(b[6+n])
	h.at = 7 + n + m
	if m > longestID || len(b) < h.at {
		return h, false
	}
	h.rest = b[h.at:]
	return h, true
}

// varint reads a number whose first two bits say how long it is.
func varint(b []byte) (v uint64, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, nil, false
	}
	n := 1 << (b[0] >> 6)
	if len(b) < n {
		return 0, nil, false
	}
	v = uint64(b[0] & 0x3f)
	for _, c := range b[1:n] {
		v = v<<8 | uint64(c)
	}
	return v, b[n:], true
}

// Open makes a conversation's state.
func (p Protocol) Open() dissect.Flow { return &flow{names: p.Names} }

type flow struct {
	names *recognised.List
	done  bool // the hello was read, or cannot be
	tries uint8
	keys  *keys
	hello []byte // the handshake's bytes so far
	text  [128]byte
}

const maxTries = 8 // first packets that are opened: a hello fits into two or three

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 8 {
		return dissect.Short
	}
	h, ok := readHead(b)
	if !ok {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Code, m.Dir = packet, uint32(h.kind), dir
	whole := false
	var hello tls.Hello
	if h.kind == initial && dir != ot.Response && !f.done && len(b) >= smallest {
		hello, whole = f.open(b, &h)
		m.Name = hello.Name
	}
	out.End()
	if whole {
		if len(hello.Name) > 0 && out.Dst.IP.IsPrivate() {
			out.FactOf(out.Dst, "tls.server_name", hello.Name)
		}
		out.Fact("tls.ja4", hello.JA4(f.text[:0], 'q'))
		if e := f.names.Domain(hello.Name); e != nil {
			e.Tell(1, f.text[:0], out)
		} else if e := f.names.ALPN(hello.ALPN); e != nil {
			e.Tell(1, f.text[:0], out)
		}
	}
	return dissect.OK
}

// open decrypts a first packet, adds its crypto frames and reads the hello once it is whole.
func (f *flow) open(b []byte, h *packetHead) (hello tls.Hello, whole bool) {
	if f.tries++; f.tries >= maxTries {
		f.done = true
	}
	if f.keys == nil {
		if f.keys = newKeys(h.version, h.to); f.keys == nil {
			f.done = true
			return hello, false
		}
	}
	n, rest, ok := varint(h.rest) // token
	if !ok || n > uint64(len(rest)) {
		return hello, false
	}
	size, rest, ok := varint(rest[n:])
	if !ok || size > uint64(len(rest)) || size < 20 {
		return hello, false
	}
	at := len(b) - len(rest)
	plain := f.keys.open(b[:at+int(size)], at)
	if plain == nil {
		return hello, false
	}
	f.frames(plain)
	if len(f.hello) < 4 || f.hello[0] != clientHello {
		return hello, false
	}
	length := int(f.hello[1])<<16 | int(f.hello[2])<<8 | int(f.hello[3])
	if len(f.hello) < 4+length {
		return hello, false
	}
	f.done = true
	return tls.ReadHello(f.hello[4 : 4+length])
}

// frames puts the crypto frames of a packet into place. Clients shuffle them;
// a hole is filled with zeros until its frame comes.
func (f *flow) frames(b []byte) {
	for len(b) > 0 {
		kind := b[0]
		b = b[1:]
		switch kind {
		case 0, 1: // padding, ping
		case 2, 3:
			if b = acknowledgement(b, kind == 3); b == nil {
				return
			}
		case 6:
			offset, rest, ok := varint(b)
			if !ok {
				return
			}
			n, rest, ok := varint(rest)
			if !ok || n > uint64(len(rest)) || offset+n > maxCrypto {
				return
			}
			if f.hello == nil {
				f.hello = make([]byte, 0, maxCrypto)
			}
			if end := int(offset + n); end > len(f.hello) {
				f.hello = f.hello[:end]
			}
			copy(f.hello[offset:], rest[:n])
			b = rest[n:]
		default:
			return
		}
	}
}

// acknowledgement steps over: largest, delay, ranges, first, then pairs; counts of congestion.
func acknowledgement(b []byte, counts bool) []byte {
	var v [4]uint64
	ok := true
	for i := range v {
		if v[i], b, ok = varint(b); !ok {
			return nil
		}
	}
	more := v[2] * 2
	if counts {
		more += 3
	}
	for ; more > 0 && ok; more-- {
		_, b, ok = varint(b)
	}
	if !ok {
		return nil
	}
	return b
}

func (f *flow) Reset() { *f = flow{names: f.names} }
