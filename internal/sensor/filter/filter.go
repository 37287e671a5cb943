// Package filter compiles a subset of tcpdump's capture filters to classic BPF,
// which the kernel runs before a packet costs anything. It asks no resolver and
// knows no capture library; what it does not know it refuses with a sentence.
//
//	expression = part { ("and" | "or") part }      one precedence, from left to right, as in tcpdump
//	part       = ("not" | "!") part | "(" expression ")" | primitive
//	primitive  = [src|dst|src or dst|src and dst] (host ADDRESS | net ADDRESS/BITS)   also as "ip host", "ip6 host", "arp host"
//	           | [tcp|udp|sctp] [src|dst|…] (port N | portrange N-N)
//	           | ether [src|dst] (host|) MAC | ether proto N | ether broadcast | ether multicast
//	           | ip | ip6 | arp | rarp | tcp | udp | sctp | icmp | icmp6 | igmp | ip proto N | ip6 proto N | proto N
//	           | vlan [N] | broadcast | multicast | less N | greater N
//
// A value alone repeats what the primitive before it asked: "port 102 or 502".
//
// One thing differs from tcpdump on purpose. There, a primitive looks only at
// frames without a tag until the word vlan moves everything behind it. Here every
// primitive looks behind up to two VLAN tags by itself, and vlan only says that
// there is one: a plant's filter must not go deaf because a port became a trunk.
package filter

import (
	"golang.org/x/net/bpf"

	"github.com/skanse/skanse/internal/ot"
)

// Link is what the frames begin with.
type Link uint8

// The kinds of frames.
const (
	Ethernet Link = iota
	Raw           // an IP packet without anything before it
)

// Filter is a checked expression.
type Filter struct {
	text string
	root node
}

// MaxText bounds an expression; a list of a hundred addresses fits.
const MaxText = 4096

// Parse checks an expression. The empty one takes everything. An error is
// *SyntaxError with the place of the mistake.
func Parse(text string) (*Filter, error) {
	if len(text) > MaxText {
		return nil, &SyntaxError{At: MaxText, Why: "the filter is longer than 4,096 characters; filter by net instead of by single hosts"}
	}
	words, err := split(text)
	if err != nil {
		return nil, err
	}
	f := &Filter{text: text}
	if len(words) == 1 { // only the end
		return f, nil
	}
	p := parser{words: words}
	f.root, err = p.expression(0)
	if err != nil {
		return nil, err
	}
	if w := p.peek(); !w.end() {
		return nil, w.wrong("is not expected here; join parts with and, or")
	}
	if _, err := f.Compile(Ethernet, true); err != nil { // too long for the kernel
		return nil, err
	}
	return f, nil
}

// String is the expression as it was given.
func (f *Filter) String() string { return f.text }

// All says that the filter takes everything.
func (f *Filter) All() bool { return f == nil || f.root == nil }

// SyntaxError says where an expression is wrong and what would be right.
type SyntaxError struct {
	At  int // byte in the text
	Why string
}

func (e *SyntaxError) Error() string { return e.Why }

// Unwrap makes it a mistake of the person who wrote it.
func (e *SyntaxError) Unwrap() error { return &ot.Error{Code: ot.Invalid, Message: e.Why} }

// maxInstructions is the kernel's own limit.
const maxInstructions = 4096

// snapAll is what a program returns for a frame that is taken: all of its bytes.
const snapAll = 0x40000

// Compile makes the program. With metadata it also asks the kernel for a tag that
// the card or the kernel took off, as a packet socket needs; without, tags stand in the bytes.
func (f *Filter) Compile(link Link, metadata bool) ([]bpf.RawInstruction, error) {
	ins, err := f.program(link, metadata)
	if err != nil {
		return nil, err
	}
	raw, err := bpf.Assemble(ins)
	if err != nil {
		return nil, ot.Errorf(ot.Internal, "assemble the filter: %w", err)
	}
	return raw, nil
}

func (f *Filter) program(link Link, metadata bool) ([]bpf.Instruction, error) {
	a := &assembler{link: link}
	take, leave := a.label(), a.label()
	if f.root != nil {
		prologue(a, metadata)
		f.root.emit(a, take, leave)
	}
	a.place(take)
	a.add(bpf.RetConstant{Val: snapAll})
	a.place(leave)
	a.add(bpf.RetConstant{Val: 0})
	ins := a.resolve()
	if len(ins) > maxInstructions {
		return nil, &SyntaxError{Why: "the filter is longer than the kernel takes; filter by net instead of by single hosts"}
	}
	return ins, nil
}

// Matcher runs the filter on whole frames in this process: for files and for tests.
type Matcher struct{ vm *bpf.VM }

// Matcher makes one for frames that carry their tags.
func (f *Filter) Matcher(link Link) (*Matcher, error) {
	ins, err := f.program(link, false)
	if err != nil {
		return nil, err
	}
	vm, err := bpf.NewVM(ins)
	if err != nil {
		return nil, ot.Errorf(ot.Internal, "check the filter: %w", err)
	}
	return &Matcher{vm}, nil
}

// Match says whether a frame is taken.
func (m *Matcher) Match(frame []byte) bool {
	n, err := m.vm.Run(frame)
	return err == nil && n > 0
}
