// Package prp reads the supervision frames of parallel and ring redundancy,
// PRP and HSR (IEC 62439-3 clauses 4.3 and 5.7): which nodes stand on both networks.
//
//	path 4 bits, version 12 bits | sequence 2 | records: type 1, length 1, value | 0 end
//	20, 21 PRP node, 23 HSR node: MAC 6 | 30 box that stands for others: MAC 6 | 31 node behind it
package prp

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes.
const supervision ot.Kind = 0 // type of the first record

const (
	duplicateDiscard = 20
	duplicateAccept  = 21
	ring             = 23
	redBox           = 30
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "prp", Kinds: []string{"supervision"}}},
		Transport: dissect.Ether,
		Ether:     []uint16{0x88fb},
		MaxPDU:    1500,
		MaxState:  32,
	}
}

// Probe wants version 0 or 1 and a node's record.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) < 12 || b[0]&0x0f != 0 || b[1] > 1 || b[4] < duplicateDiscard || b[4] > ring || b[5] < 6 || 6+int(b[5]) > len(b) {
		return dissect.No
	}
	return dissect.Yes
}

// Open makes a conversation's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct{ text [24]byte }

func (*flow) Frame(_ ot.Dir, b []byte, _ bool) (skip, n int) { return 0, len(b) }

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 12 {
		return dissect.Short
	}
	if (Protocol{}).Probe(dir, b) != dissect.Yes {
		return dissect.Alien
	}
	m := out.Begin()
	m.Kind, m.Code = supervision, uint32(b[4])
	out.End()
	switch b[4] {
	case duplicateDiscard, duplicateAccept:
		out.Fact("prp.mode", append(f.text[:0], "PRP"...))
	case ring:
		out.Fact("prp.mode", append(f.text[:0], "HSR"...))
	}
	out.Fact("prp.node", f.mac(b[6:12]))
	if rest := b[6+int(b[5]):]; len(rest) >= 8 && rest[0] == redBox && rest[1] >= 6 {
		out.Fact("prp.redbox", f.mac(rest[2:8]))
	}
	return dissect.OK
}

func (f *flow) mac(b []byte) []byte {
	const digits = "0123456789abcdef"
	t := f.text[:0]
	for i, c := range b {
		if i > 0 {
			t = append(t, ':')
		}
		t = append(t, digits[c>>4], digits[c&15])
	}
	return t
}

func (*flow) Reset() {}
