package filter

import "golang.org/x/net/bpf"

// prologue finds the headers once. Every load is guarded by the frame's length:
// classic BPF refuses a whole frame when one load reaches beyond its end, and
// "not port 80" would then lose what is too short to have a port.
//
//	Ethernet  destination 6, source 6, up to two tags (type 2, priority and VLAN 2), type 2
//	IPv4      version and header words 1, … fragment 2 at 6, protocol at 9, addresses at 12 and 16
//	IPv6      next header at 6, addresses at 8 and 24; one fragment header is looked behind
//	ARP       addresses at 14 and 24
func prologue(a *assembler, metadata bool) {
	set := func(n int, v uint32) {
		a.add(bpf.LoadConstant{Dst: bpf.RegA, Val: v}, bpf.StoreScratch{Src: bpf.RegA, N: n})
	}
	set(slotNet, 0)
	set(slotType, 0)
	set(slotProto, noProto)
	set(slotPorts, 0)
	set(slotOuter, noTag)
	set(slotInner, noTag)
	a.add(bpf.LoadExtension{Num: bpf.ExtLen}, bpf.StoreScratch{Src: bpf.RegA, N: slotLength})
	found, done := a.label(), a.label()
	if a.link == Raw {
		raw(a, found, done)
	} else {
		tags(a, metadata, found, done)
	}
	a.place(found) // slotNet is set, A holds the type
	network(a, done)
	a.place(done)
}

// atLeast goes on only if the frame has n bytes from the network header on.
func atLeast(a *assembler, n uint32, no label) {
	ok := a.label()
	a.add(bpf.LoadScratch{Dst: bpf.RegX, N: slotNet}, bpf.LoadExtension{Num: bpf.ExtLen}, bpf.ALUOpX{Op: bpf.ALUOpSub})
	// A frame shorter than the offset gives a huge number, which the sign bit tells.
	fits := a.label()
	a.jump(bpf.JumpBitsSet, 1<<31, no, fits)
	a.place(fits)
	a.jump(bpf.JumpGreaterOrEqual, n, ok, no)
	a.place(ok)
}

func raw(a *assembler, found, done label) {
	six, four := a.label(), a.label()
	atLeast(a, 1, done)
	a.add(bpf.LoadAbsolute{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xf0})
	a.jump(bpf.JumpEqual, 0x60, six, four)
	a.place(six)
	a.add(bpf.LoadConstant{Dst: bpf.RegA, Val: etherIP6})
	a.always(found)
	a.place(four)
	a.add(bpf.LoadConstant{Dst: bpf.RegA, Val: etherIP4})
	a.always(found)
}

// tags follows the tags to the type, and notes their ids.
func tags(a *assembler, metadata bool, found, done label) {
	inBytes := a.label()
	first, second := slotOuter, slotInner
	if metadata {
		there, none := a.label(), a.label()
		a.add(bpf.LoadExtension{Num: bpf.ExtVLANTagPresent})
		a.jump(bpf.JumpEqual, 0, none, there)
		a.place(there) // the kernel took the outer tag off: in the bytes the inner one is first
		a.add(bpf.LoadExtension{Num: bpf.ExtVLANTag}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xfff}, bpf.StoreScratch{Src: bpf.RegA, N: slotOuter},
			bpf.LoadScratch{Dst: bpf.RegA, N: slotLength}, bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: 4}, bpf.StoreScratch{Src: bpf.RegA, N: slotLength})
		walk(a, []int{second}, found, done)
		a.place(none)
	}
	a.always(inBytes)
	a.place(inBytes)
	walk(a, []int{first, second}, found, done)
}

// walk reads tags out of the bytes into slots, as many as there are slots for.
func walk(a *assembler, slots []int, found, done label) {
	at := uint32(12)
	for _, n := range slots {
		long, isTag, isType := a.label(), a.label(), a.label()
		a.add(bpf.LoadExtension{Num: bpf.ExtLen})
		a.jump(bpf.JumpGreaterOrEqual, at+2, long, done)
		a.place(long)
		store(a, at+2)
		a.add(bpf.LoadAbsolute{Off: at, Size: 2})
		next8100, next88a8 := a.label(), a.label()
		a.jump(bpf.JumpEqual, 0x8100, isTag, next8100)
		a.place(next8100)
		a.jump(bpf.JumpEqual, 0x88a8, isTag, next88a8)
		a.place(next88a8)
		a.jump(bpf.JumpEqual, 0x9100, isTag, isType)
		a.place(isType)
		a.always(found)
		a.place(isTag)
		whole := a.label()
		a.add(bpf.LoadExtension{Num: bpf.ExtLen})
		a.jump(bpf.JumpGreaterOrEqual, at+6, whole, done)
		a.place(whole)
		a.add(bpf.LoadAbsolute{Off: at + 2, Size: 2}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xfff}, bpf.StoreScratch{Src: bpf.RegA, N: n})
		at += 4
	}
	last := a.label()
	a.add(bpf.LoadExtension{Num: bpf.ExtLen})
	a.jump(bpf.JumpGreaterOrEqual, at+2, last, done)
	a.place(last)
	store(a, at+2)
	a.add(bpf.LoadAbsolute{Off: at, Size: 2})
	a.always(found)
}

// store notes where the network header begins.
func store(a *assembler, at uint32) {
	a.add(bpf.LoadConstant{Dst: bpf.RegA, Val: at}, bpf.StoreScratch{Src: bpf.RegA, N: slotNet})
}

// network reads on by the type in A. The type is stored only when its header is
// whole, so that whoever finds it may read the addresses.
func network(a *assembler, done label) {
	four, six, arp, other := a.label(), a.label(), a.label(), a.label()
	next1, next2, next3 := a.label(), a.label(), a.label()
	a.jump(bpf.JumpEqual, etherIP4, four, next1)
	a.place(next1)
	a.jump(bpf.JumpEqual, etherIP6, six, next2)
	a.place(next2)
	a.jump(bpf.JumpEqual, etherARP, arp, next3)
	a.place(next3)
	a.jump(bpf.JumpEqual, etherRARP, arp, other)
	a.place(other) // nothing of it is read, so it need not be whole
	a.add(bpf.StoreScratch{Src: bpf.RegA, N: slotType})
	a.always(done)

	a.place(arp)
	a.add(bpf.StoreScratch{Src: bpf.RegA, N: slotType})
	short := a.label()
	atLeast(a, 28, short)
	a.always(done)
	a.place(short)
	a.add(bpf.LoadConstant{Dst: bpf.RegA, Val: 0}, bpf.StoreScratch{Src: bpf.RegA, N: slotType})
	a.always(done)

	a.place(four)
	ip4(a, done)
	a.place(six)
	ip6(a, done)
}

func setType(a *assembler, t uint32) {
	a.add(bpf.LoadConstant{Dst: bpf.RegA, Val: t}, bpf.StoreScratch{Src: bpf.RegA, N: slotType})
}

func ip4(a *assembler, done label) {
	atLeast(a, 20, done)
	setType(a, etherIP4)
	a.add(bpf.LoadScratch{Dst: bpf.RegX, N: slotNet}, bpf.LoadIndirect{Off: 9, Size: 1}, bpf.StoreScratch{Src: bpf.RegA, N: slotProto})
	first := a.label()
	a.add(bpf.LoadIndirect{Off: 6, Size: 2})
	a.jump(bpf.JumpBitsSet, 0x1fff, done, first) // a later fragment
	a.place(first)
	a.add(bpf.LoadIndirect{Off: 0, Size: 1}, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 15}, bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 2}, bpf.ALUOpX{Op: bpf.ALUOpAdd}, bpf.TAX{})
	transport(a, done)
}

func ip6(a *assembler, done label) {
	atLeast(a, 40, done)
	setType(a, etherIP6)
	fragment, plain := a.label(), a.label()
	a.add(bpf.LoadScratch{Dst: bpf.RegX, N: slotNet}, bpf.LoadIndirect{Off: 6, Size: 1})
	a.jump(bpf.JumpEqual, 44, fragment, plain)
	a.place(fragment)
	atLeast(a, 48, done)
	a.add(bpf.LoadIndirect{Off: 40, Size: 1}, bpf.StoreScratch{Src: bpf.RegA, N: slotProto})
	a.always(done)
	a.place(plain)
	a.add(bpf.StoreScratch{Src: bpf.RegA, N: slotProto}, bpf.TXA{}, bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: 40}, bpf.TAX{})
	transport(a, done)
}

// transport notes where the ports stand, X being the transport header's offset,
// of the protocols that have them and if they are whole.
func transport(a *assembler, done label) {
	ported, next1, next2 := a.label(), a.label(), a.label()
	a.add(bpf.LoadScratch{Dst: bpf.RegA, N: slotProto})
	a.jump(bpf.JumpEqual, 6, ported, next1)
	a.place(next1)
	a.jump(bpf.JumpEqual, 17, ported, next2)
	a.place(next2)
	a.jump(bpf.JumpEqual, 132, ported, done)
	a.place(ported)
	fits, whole := a.label(), a.label()
	a.add(bpf.LoadExtension{Num: bpf.ExtLen}, bpf.ALUOpX{Op: bpf.ALUOpSub})
	a.jump(bpf.JumpBitsSet, 1<<31, done, fits)
	a.place(fits)
	a.jump(bpf.JumpGreaterOrEqual, 4, whole, done)
	a.place(whole)
	a.add(bpf.TXA{}, bpf.StoreScratch{Src: bpf.RegA, N: slotPorts})
	a.always(done)
}
