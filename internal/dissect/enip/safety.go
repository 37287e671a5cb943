package enip

import (
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// What marks a conversation as CIP Safety (CIP Volume 5): the safety network
// segment in a connection's path (3-3.1), and the two objects that only safety
// devices have (5-4, 5-5). What a safety connection carries is not read.
const (
	safetySegment    = 0x50
	classSupervisor  = 0x39
	classValidator   = 0x3a
	safetyConnection = 1 // code: a connection was opened; else the object's class
)

// mark reports that a request concerns safety.
func (f *flow) mark(m *ot.Message, code uint32, out *dissect.Sink) {
	out.Also(kindSafety, code, nil)
	if m.Dir == ot.Request {
		out.FactOf(out.Dst, "cip.safety", append(f.text[:0], "spoken to"...))
	}
}

// safetyPath says whether a connection's path holds the safety segment.
func safetyPath(p []byte) bool {
	var t target
	t.parse(p[len(route(p)):])
	return t.safety
}
