package filter

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/net/bpf"
)

// node is a part of an expression. emit writes code that jumps to yes or to no.
type node interface {
	emit(a *assembler, yes, no label)
}

type (
	and struct{ left, right node }
	or  struct{ left, right node }
	not struct{ of node }
)

func (n *and) emit(a *assembler, yes, no label) {
	next := a.label()
	n.left.emit(a, next, no)
	a.place(next)
	n.right.emit(a, yes, no)
}

func (n *or) emit(a *assembler, yes, no label) {
	next := a.label()
	n.left.emit(a, yes, next)
	a.place(next)
	n.right.emit(a, yes, no)
}

func (n *not) emit(a *assembler, yes, no label) { n.of.emit(a, no, yes) }

// The prologue leaves these in scratch memory, so that no primitive has to look
// for headers again and none reads beyond a short frame's end.
const (
	slotNet   = iota // offset of the network header
	slotType         // EtherType behind the tags; 0 where the header is not whole
	slotProto        // IP protocol, noProto where there is none
	slotPorts        // offset of the ports; 0 where there are none
	slotOuter        // VLAN id of the outer tag, noTag where there is none
	slotInner
	slotLength // of the frame with all its tags
)

const (
	noProto = 0x100
	noTag   = 0x10000

	etherIP4  = 0x0800
	etherARP  = 0x0806
	etherRARP = 0x8035
	etherIP6  = 0x86dd
)

// slot compares one of these.
type slot struct {
	n    int
	want uint32
}

func (n *slot) emit(a *assembler, yes, no label) {
	a.add(bpf.LoadScratch{Dst: bpf.RegA, N: n.n})
	a.jump(bpf.JumpEqual, n.want, yes, no)
}

func ether(t uint32) node { return &slot{slotType, t} }
func proto(p uint32) node { return &slot{slotProto, p} }

// tagged asks for a VLAN tag, or for one of that id.
type tagged struct {
	any bool
	id  uint32
}

func (n *tagged) emit(a *assembler, yes, no label) {
	if n.any {
		a.add(bpf.LoadScratch{Dst: bpf.RegA, N: slotOuter})
		a.jump(bpf.JumpEqual, noTag, no, yes)
		return
	}
	(&or{&slot{slotOuter, n.id}, &slot{slotInner, n.id}}).emit(a, yes, no)
}

// base says what a field's offset counts from.
type base uint8

const (
	fromStart base = iota
	fromNet
	fromPorts
)

// field compares bytes of the frame. Whether they are there, a slot said before.
type field struct {
	base   base
	at     uint32
	size   int
	mask   uint32 // 0: all bits
	want   uint32
	upTo   uint32 // with ranged: want ≤ value ≤ upTo
	ranged bool
}

func (n *field) emit(a *assembler, yes, no label) {
	if n.base == fromStart && a.link == Raw { // no Ethernet header: nobody has that address
		a.always(no)
		return
	}
	switch n.base {
	case fromStart:
		a.add(bpf.LoadAbsolute{Off: n.at, Size: n.size})
	case fromNet:
		a.add(bpf.LoadScratch{Dst: bpf.RegX, N: slotNet}, bpf.LoadIndirect{Off: n.at, Size: n.size})
	case fromPorts:
		a.add(bpf.LoadScratch{Dst: bpf.RegX, N: slotPorts}, bpf.LoadIndirect{Off: n.at, Size: n.size})
	}
	if n.mask != 0 {
		a.add(bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: n.mask})
	}
	if !n.ranged {
		a.jump(bpf.JumpEqual, n.want, yes, no)
		return
	}
	above := a.label()
	a.jump(bpf.JumpGreaterOrEqual, n.want, above, no)
	a.place(above)
	a.jump(bpf.JumpGreaterThan, n.upTo, no, yes)
}

// length asks for frames of at most, or at least, n bytes.
type length struct {
	n       uint32
	greater bool
}

func (n *length) emit(a *assembler, yes, no label) {
	a.add(bpf.LoadScratch{Dst: bpf.RegA, N: slotLength})
	if n.greater {
		a.jump(bpf.JumpGreaterOrEqual, n.n, yes, no)
		return
	}
	a.jump(bpf.JumpGreaterThan, n.n, no, yes)
}

// group asks whom a frame is for.
func group(word string) node {
	if word == "multicast" {
		return &bits{at: 0, set: 1}
	}
	return &and{&field{base: fromStart, at: 2, size: 4, want: 0xffffffff}, &field{base: fromStart, at: 0, size: 2, want: 0xffff}}
}

// bits asks for set bits of one byte of the frame.
type bits struct{ at, set uint32 }

func (n *bits) emit(a *assembler, yes, no label) {
	if a.link == Raw {
		a.always(no)
		return
	}
	a.add(bpf.LoadAbsolute{Off: n.at, Size: 1})
	a.jump(bpf.JumpBitsSet, n.set, yes, no)
}

// ends asks one end, either or both.
func ends(d dir, of func(src bool) node) node {
	switch d {
	case source:
		return of(true)
	case target:
		return of(false)
	case both:
		return &and{of(true), of(false)}
	}
	return &or{of(true), of(false)}
}

// ports asks for ports of the transport; "" is any that has them.
func ports(family string, d dir, lo, hi uint32) node {
	at := ends(d, func(src bool) node {
		n := &field{base: fromPorts, size: 2, want: lo, upTo: hi, ranged: lo != hi}
		if !src {
			n.at = 2
		}
		return n
	})
	there := node(&not{&slot{slotPorts, 0}}) // tcp, udp, sctp; no later fragment
	switch family {
	case "tcp":
		there = &and{proto(6), there}
	case "udp":
		there = &and{proto(17), there}
	case "sctp":
		there = &and{proto(132), there}
	}
	return &and{there, at}
}

// addresses asks for hosts or nets: of IP, and of ARP, which names them too.
func addresses(family string, d dir, p netip.Prefix) node {
	if p.Addr().Is6() {
		b := p.Addr().As16()
		return &and{ether(etherIP6), ends(d, func(src bool) node {
			at := uint32(24)
			if src {
				at = 8
			}
			var all node
			for i := range uint32(4) {
				ones := min(max(p.Bits()-32*int(i), 0), 32)
				if ones == 0 {
					break
				}
				w := &field{base: fromNet, at: at + 4*i, size: 4, want: binary.BigEndian.Uint32(b[4*i:])}
				if ones < 32 {
					w.mask = ^uint32(0) << (32 - ones)
				}
				if all == nil {
					all = w
				} else {
					all = &and{all, w}
				}
			}
			if all == nil { // ::/0
				return ether(etherIP6)
			}
			return all
		})}
	}
	b := p.Addr().As4()
	word := func(at uint32) node {
		if p.Bits() == 0 {
			return &not{&slot{slotType, 0}}
		}
		f := &field{base: fromNet, at: at, size: 4, want: binary.BigEndian.Uint32(b[:])}
		if p.Bits() < 32 {
			f.mask = ^uint32(0) << (32 - p.Bits())
		}
		return f
	}
	in := func(src, dst uint32, types ...uint32) node {
		var kind node
		for _, t := range types {
			if kind == nil {
				kind = ether(t)
			} else {
				kind = &or{kind, ether(t)}
			}
		}
		return &and{kind, ends(d, func(s bool) node {
			if s {
				return word(src)
			}
			return word(dst)
		})}
	}
	switch family {
	case "ip":
		return in(12, 16, etherIP4)
	case "arp":
		return in(14, 24, etherARP)
	case "rarp":
		return in(14, 24, etherRARP)
	}
	return &or{in(12, 16, etherIP4), in(14, 24, etherARP, etherRARP)}
}
