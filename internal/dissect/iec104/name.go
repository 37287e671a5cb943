package iec104

import (
	"math"
	"strconv"

	"github.com/skanse/skanse/internal/ot"
)

const maxName = 64

// resets are the qualifiers of a reset process command, IEC 60870-5-101 clause 7.2.6.27.
var resets = [3]string{1: "general reset of process", 2: "reset of pending information with time tag"}

// named says in words what a command does to its first object: "object 5000: select 1".
func (f *flow) named(m *ot.Message, kind byte) {
	if m.Flags&ot.HasValue == 0 {
		return
	}
	name := strconv.AppendUint(append(f.name[:0], "object "...), uint64(m.First), 10)
	name = append(name, ": "...)
	switch {
	case kind == 105:
		if q := int(m.Value); q < len(resets) && resets[q] != "" {
			m.Name = append(f.name[:0], resets[q]...)
		}
		return
	case kind >= 110 && kind <= 112:
	case kind < 45 || kind > 64:
		return
	case m.Space == spaceSelect:
		name = append(name, "select "...)
	}
	m.Name = appendNumber(name, m.Value)
}

// appendNumber writes a value as people read it; only the very large and the very small get an exponent.
func appendNumber(b []byte, v float64) []byte {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e15) {
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}
