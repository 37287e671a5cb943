// Package dns reads DNS (RFC 1035), multicast DNS (RFC 6762) and LLMNR (RFC
// 4795): one format, three protocols. A name becomes a fact only where it is
// told about an address of a private network, and for the two link-local
// protocols only where a host tells it of itself.
//
//	0 id 2 | 2 flags 2 | 4 questions 2 | 6 answers 2 | 8 authority 2 | 10 additional 2
//	question: name, type 2, class 2 | record: name, type 2, class 2, TTL 4, length 2, data
package dns

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/recognised"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const (
	question ot.Kind = iota // type of the first question, or of the first answer where nothing was asked
	opcode                  // where it is not a plain query
)

// Which of the three protocols.
type variant uint8

const (
	unicast variant = iota
	multicast
	linkLocal
)

// Protocol is one of the three dissectors. The zero value is plain DNS.
type Protocol struct {
	as    variant
	Names *recognised.List // whose services are asked for
}

// Multicast returns the dissector of mDNS.
func Multicast() Protocol { return Protocol{as: multicast} }

// LinkLocal returns the dissector of LLMNR.
func LinkLocal() Protocol { return Protocol{as: linkLocal} }

// Spec says where each variant lives. The link-local ones look like DNS, so only their port tells.
func (p Protocol) Spec() dissect.Spec {
	s := dissect.Spec{MaxPDU: 9000, MaxState: 656}
	kinds := []string{"question", "opcode"}
	switch p.as {
	case multicast:
		s.Protocols = []dissect.Naming{{Name: "mdns", Kinds: kinds}}
		s.Transport, s.UDP, s.HintOnly = dissect.UDP, []uint16{5353}, true
	case linkLocal:
		s.Protocols = []dissect.Naming{{Name: "llmnr", Kinds: kinds}}
		s.Transport, s.UDP, s.HintOnly = dissect.UDP, []uint16{5355}, true
	default:
		s.Protocols = []dissect.Naming{{Name: "dns", Kinds: kinds}}
		s.Transport, s.UDP, s.TCP = dissect.UDP|dissect.TCP, []uint16{53}, []uint16{53}
		s.MaxPDU = 64 << 10
		s.HintOnly = true // twelve bytes of mostly zeros: foreign ports would be guesswork
	}
	return s
}

// Probe reads the header and the whole first name. Over TCP a length stands before it.
func (p Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if plausible(b) {
		return dissect.Yes
	}
	if p.as != unicast {
		return dissect.No
	}
	if len(b) < 2 {
		return dissect.More
	}
	n := int(binary.BigEndian.Uint16(b))
	if n < header || n > 4096 {
		return dissect.No
	}
	if len(b) < 2+n {
		if len(b) < 2+header || plausibleHeader(b[2:]) {
			return dissect.More
		}
		return dissect.No
	}
	if plausible(b[2 : 2+n]) {
		return dissect.Yes
	}
	return dissect.No
}

const header = 12

func plausibleHeader(b []byte) bool {
	op := b[2] >> 3 & 15
	return op <= 6 && op != 3 && b[3]&0x0f <= 11 && b[4] == 0 && b[5] <= 64 && b[6] <= 1 && b[8] <= 1 && b[10] <= 1
}

func plausible(b []byte) bool {
	if len(b) < header || !plausibleHeader(b) {
		return false
	}
	if b[5]|b[6]|b[7]|b[9] == 0 { // no question, no answer
		return false
	}
	end, ok := skipName(b, header)
	if !ok || end+4 > len(b) {
		return false
	}
	kind := binary.BigEndian.Uint16(b[end:])
	return kind > 0 && kind < 300 || kind >= 32768 && kind < 32771
}

// Open makes a conversation's state.
func (p Protocol) Open() dissect.Flow { return &flow{as: p.as, names: p.Names} }

type flow struct {
	as       variant
	names    *recognised.List
	stream   bool // PDUs carry the length of TCP
	told     bool // who is the client
	question [maxName]byte
	name     [maxName]byte
}

// Frame: over TCP each message stands behind its length.
func (f *flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) {
	f.stream = true
	if len(b) < 2 {
		return 0, 0
	}
	n = int(binary.BigEndian.Uint16(b))
	if n < header || len(b) >= 2+header && !plausibleHeader(b[2:]) {
		return 1, 0
	}
	return 0, 2 + n
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if f.stream {
		if len(b) < 2 {
			return dissect.Short
		}
		b = b[2:]
	}
	if len(b) < header {
		return dissect.Short
	}
	if !plausibleHeader(b) {
		return dissect.Alien
	}
	flags := binary.BigEndian.Uint16(b[2:])
	questions, answers := int(binary.BigEndian.Uint16(b[4:])), int(binary.BigEndian.Uint16(b[6:]))
	additional := int(binary.BigEndian.Uint16(b[8:])) + int(binary.BigEndian.Uint16(b[10:]))
	response := flags>>15 == 1

	m := out.Begin()
	m.Kind, m.Dir = question, ot.Request
	if response {
		m.Dir, m.Status = ot.Response, uint32(flags&15)
		if m.Status != 0 {
			m.Flags |= ot.Refused
		}
	} else if f.as == unicast && !f.told {
		out.Client(dir)
		f.told = true
	}
	at := header
	for i := range questions {
		name, next, ok := readName(b, at, f.question[:0])
		if !ok || next+4 > len(b) {
			return dissect.Short
		}
		if i == 0 {
			m.Code, m.Name = uint32(binary.BigEndian.Uint16(b[next:])), name
		}
		at = next + 4
	}
	if questions == 0 && answers+additional > 0 {
		name, next, ok := readName(b, at, f.question[:0])
		if !ok || next+2 > len(b) {
			return dissect.Short
		}
		m.Code, m.Name = uint32(binary.BigEndian.Uint16(b[next:])), name
	}
	if op := flags >> 11 & 15; op != 0 {
		out.Also(opcode, uint32(op), nil)
	}
	name := m.Name
	out.End()
	if !response && f.as == unicast {
		if e := f.names.Domain(name); e != nil && e.Tool {
			out.Fact("dns.asked_remote", append(f.name[:0], e.Title...)) // a server that asks for others says so too
		}
	}
	if !response || flags&15 != 0 {
		return dissect.OK
	}
	return f.records(b, at, answers, additional, out)
}

func (f *flow) Reset() { f.stream, f.told = false, false }
