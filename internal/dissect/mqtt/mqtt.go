// Package mqtt dissects MQTT 3.1, 3.1.1 and 5 (OASIS) over TCP: every packet
// type, clients, topics, and whether people sign in by clear text; and the
// payloads of Sparkplug B (Eclipse), which tell of the plant behind a broker.
// Other payloads are stepped over: nobody can know what they hold. MQTT in TLS
// or WebSockets is not on this wire.
//
//	0  1  packet type (high four bits) and flags
//	1  …  remaining length, seven bits a byte, the lowest first, at most four bytes
//	…  …  what the type has; strings are a length of two bytes and UTF-8
package mqtt

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindMessage   ot.Kind = iota // packet type
	kindSparkplug ot.Kind = 0    // of the second protocol: the message type's name
)

const sparkplug = 1 // index into Spec.Protocols

// Packet types (MQTT 5 clause 2.1.2).
const (
	connect     = 1
	connack     = 2
	publish     = 3
	puback      = 4
	pubrec      = 5
	pubrel      = 6
	pubcomp     = 7
	subscribe   = 8
	suback      = 9
	unsubscribe = 10
	unsuback    = 11
	pingreq     = 12
	pingresp    = 13
	disconnect  = 14
	auth        = 15
)

const (
	maxPDU   = 32 << 10 // of a longer packet, so much is looked at
	maxTopic = 512

	longEnough = 1024
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "mqtt", Kinds: []string{"message"}}, {Name: "sparkplug", Kinds: []string{"message"}}},
		Transport: dissect.TCP,
		TCP:       []uint16{1883, 1884},
		MaxPDU:    maxPDU,
		MaxState:  2*maxAlias*128 + 1024 + maxModules*96,
	}
}

// Probe wants a CONNECT, or a packet that names topics, among packets that
// follow each other without a gap. The small ones alone are too weak.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	for first := true; ; first = false {
		if len(b) == 0 {
			return dissect.More
		}
		n, at := remaining(b)
		if n < 0 || !plausible(b[0], n, at == 0) {
			return dissect.No
		}
		if at == 0 {
			return dissect.More
		}
		body := b[at:min(len(b), at+n)]
		whole := len(body) == n
		switch b[0] >> 4 {
		case connect:
			for i, x := range [...]byte{0, 4, 'M', 'Q', 'T', 'T'} {
				if i < len(body) && body[i] != x && !(i == 1 && body[1] == 6) && !(i > 3 && body[1] == 6) {
					return dissect.No
				}
			}
			if len(body) >= 6 {
				return dissect.Yes
			}
			return dissect.More
		case publish:
			if len(body) < 2 {
				return dissect.More
			}
			k := int(binary.BigEndian.Uint16(body))
			if k == 0 || k > maxTopic || k+2 > n || !topic(body[2:min(len(body), 2+k)]) {
				return dissect.No
			}
			if !whole && n >= longEnough && len(body) >= longEnough && k > 3 {
				return dissect.Yes // a long packet shows its end to nobody, but a topic stands at its beginning
			}
			if !whole {
				return dissect.More
			}
			if k > 3 && (len(b) == at+n || next(b[at+n:])) {
				return dissect.Yes
			}
			return dissect.No
		case subscribe:
			if len(body) < 5 {
				return dissect.More
			}
			at5 := 0 // properties of version 5 stand before the topic
			if body[2] == 0 && body[3] == 0 && body[4] > 0 {
				at5 = 1
			}
			if len(body) < 4+at5 {
				return dissect.More
			}
			k := int(binary.BigEndian.Uint16(body[2+at5:]))
			if k == 0 || k > maxTopic || 4+at5+k >= n+1 || !topic(body[min(len(body), 4+at5):min(len(body), 4+at5+k)]) {
				return dissect.No
			}
			if whole && k > 2 {
				return dissect.Yes
			}
		}
		if !whole {
			return dissect.More
		}
		b = b[at+n:]
		if first && len(b) == 0 {
			return dissect.More
		}
	}
}

// remaining reads the length: n bytes follow behind the first at bytes. at is 0
// while the length is not whole, n below 0 when it is none.
func remaining(b []byte) (n, at int) {
	for i := 1; i < 5; i++ {
		if i >= len(b) {
			return 0, 0
		}
		n |= int(b[i]&0x7f) << (7 * (i - 1))
		if b[i]&0x80 == 0 {
			return n, i + 1
		}
	}
	return -1, 0
}

// plausible says whether a first byte and a length go together (MQTT 5 clause 2.1.3 and chapter 3).
func plausible(first byte, n int, unknown bool) bool {
	flags := first & 15
	switch first >> 4 {
	case connect:
		return flags == 0 && (unknown || n >= 12)
	case connack:
		return flags == 0 && (unknown || n >= 2 && n < 4096)
	case publish:
		return flags&6 != 6 && (unknown || n >= 3)
	case puback, pubrec, pubcomp, suback, unsuback:
		return flags == 0 && (unknown || n >= 2 && n < 4096)
	case pubrel:
		return flags == 2 && (unknown || n >= 2 && n < 4096)
	case subscribe, unsubscribe:
		return flags == 2 && (unknown || n >= 5)
	case pingreq, pingresp:
		return flags == 0 && (unknown || n == 0)
	case disconnect, auth:
		return flags == 0 && (unknown || n < 4096)
	}
	return false
}

// next says whether b begins like a packet.
func next(b []byte) bool {
	n, at := remaining(b)
	return n >= 0 && plausible(b[0], n, at == 0)
}

// topic says whether b is printable and holds no byte that UTF-8 never has.
func topic(b []byte) bool {
	for _, x := range b {
		if x < 0x20 || x == 0x7f || x >= 0xf8 || x == 0xc0 || x == 0xc1 {
			return false
		}
	}
	return true
}

// Open makes a connection's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	left    [3]int // bytes of a long packet still to come, by direction
	version byte   // 0: not seen
	client  bool
	alias   [3][]alias // by direction, of version 5
	modules []module
	name    [maxTopic]byte
	text    [ot.MaxFact]byte
}

func (f *flow) Reset() {
	f.left, f.version, f.client = [3]int{}, 0, false
	for i := range f.alias {
		f.alias[i] = f.alias[i][:0]
	}
	clear(f.modules)
	f.modules = f.modules[:0]
}

// Frame cuts at the packet's length; of a long one the beginning is decoded and
// the rest stepped over. Out of step it looks for a packet that names a topic.
func (f *flow) Frame(dir ot.Dir, b []byte, synced bool) (skip, n int) {
	left := &f.left[dir%3]
	if !synced {
		*left = 0
	}
	if *left > 0 {
		return 0, min(*left, maxPDU)
	}
	if synced {
		n, at := remaining(b)
		if n >= 0 && plausible(b[0], n, at == 0) {
			if at == 0 {
				return 0, 0
			}
			return 0, min(at+n, maxPDU)
		}
	}
	if n := chain(b); n > 0 { // segments mostly begin with a packet
		return 0, min(n, maxPDU)
	}
	for ; skip < len(b); skip++ {
		h := b[skip:]
		n, at := remaining(h)
		if n < 0 || !plausible(h[0], n, at == 0) {
			continue
		}
		switch {
		case at == 0:
			return skip, 0
		case h[0]>>4 == pingreq || h[0]>>4 == pingresp:
			if len(h) == at {
				return skip, at
			}
		case h[0]>>4 == publish:
			if len(h) < at+2 {
				return skip, 0
			}
			k := int(binary.BigEndian.Uint16(h[at:]))
			if k > 3 && k <= maxTopic && k+2 <= n && topic(h[at+2:min(len(h), at+2+k)]) && (at+n >= len(h) || next(h[at+n:])) {
				return skip, min(at+n, maxPDU)
			}
		}
	}
	return skip, 0
}

// chain returns the length of the first packet if whole packets fill b.
func chain(b []byte) (first int) {
	for len(b) > 0 {
		n, at := remaining(b)
		if n < 0 || at == 0 || at+n > len(b) || !plausible(b[0], n, false) {
			return 0
		}
		if first == 0 {
			first = at + n
		}
		b = b[at+n:]
	}
	return first
}

// tell says once who the client is.
func (f *flow) tell(dir ot.Dir, out *dissect.Sink) {
	if !f.client && dir != ot.DirNone {
		f.client = true
		out.Client(dir)
	}
}
