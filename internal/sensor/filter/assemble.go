package filter

import "golang.org/x/net/bpf"

// label is a place in the program that is not known yet.
type label int

// assembler collects instructions with jumps to labels. A conditional jump
// reaches 255 instructions; one that must reach further is written as a short one
// over two long ones, which resolve finds out.
type assembler struct {
	link   Link
	ops    []op
	labels []int // index of the op that stands there
}

type op struct {
	ins       bpf.Instruction
	cond      bpf.JumpTest
	value     uint32
	yes, no   label
	isJump    bool
	always    bool // jump to yes in any case
	long      bool
	position  int
	instCount int
}

func (a *assembler) label() label {
	a.labels = append(a.labels, -1)
	return label(len(a.labels) - 1)
}

func (a *assembler) place(l label) { a.labels[l] = len(a.ops) }

func (a *assembler) add(ins ...bpf.Instruction) {
	for _, i := range ins {
		a.ops = append(a.ops, op{ins: i})
	}
}

func (a *assembler) jump(cond bpf.JumpTest, value uint32, yes, no label) {
	a.ops = append(a.ops, op{cond: cond, value: value, yes: yes, no: no, isJump: true})
}

func (a *assembler) always(to label) { a.ops = append(a.ops, op{isJump: true, always: true, yes: to}) }

func (a *assembler) resolve() []bpf.Instruction {
	for again := true; again; {
		again = false
		at := 0
		for i := range a.ops {
			o := &a.ops[i]
			o.position, o.instCount = at, 1
			if o.long {
				o.instCount = 3
			}
			at += o.instCount
		}
		for i := range a.ops {
			o := &a.ops[i]
			if o.isJump && !o.always && !o.long && (a.skip(o, o.yes) > 255 || a.skip(o, o.no) > 255) {
				o.long, again = true, true
			}
		}
	}
	var out []bpf.Instruction
	for i := range a.ops {
		o := &a.ops[i]
		switch {
		case !o.isJump:
			out = append(out, o.ins)
		case o.always:
			out = append(out, bpf.Jump{Skip: uint32(a.skip(o, o.yes))})
		case o.long: // yes: over the jump to no
			out = append(out, bpf.JumpIf{Cond: o.cond, Val: o.value, SkipTrue: 1, SkipFalse: 0},
				bpf.Jump{Skip: uint32(a.skip(o, o.no) + 1)}, bpf.Jump{Skip: uint32(a.skip(o, o.yes))})
		default:
			out = append(out, bpf.JumpIf{Cond: o.cond, Val: o.value, SkipTrue: uint8(a.skip(o, o.yes)), SkipFalse: uint8(a.skip(o, o.no))})
		}
	}
	return out
}

// skip is how many instructions lie between the end of o and the label.
func (a *assembler) skip(o *op, to label) int {
	return a.ops[a.labels[to]].position - o.position - o.instCount
}
