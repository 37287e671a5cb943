package dnp3

import (
	"math"
	"strconv"

	"github.com/skanse/skanse/internal/ot"
)

const maxName = 96

// operations are the operation types of a control relay output block, clause A.8.1.
var operations = [16]string{0: "no operation", 1: "pulse on", 2: "pulse off", 3: "latch on", 4: "latch off"}

// named says in words what a command does to its first point: "binary output 7: pulse on, trip".
func (o *objects) named(group byte) {
	m := o.m
	name := o.flow.name[:0]
	switch group {
	case 12:
		name = strconv.AppendUint(append(name, "binary output "...), uint64(m.First), 10)
		code := byte(m.Value)
		if op := operations[code&0x0f]; op != "" {
			name = append(append(name, ": "...), op...)
		} else {
			name = strconv.AppendUint(append(name, ": operation "...), uint64(code&0x0f), 10)
		}
		switch code >> 6 {
		case 1:
			name = append(name, ", close"...)
		case 2:
			name = append(name, ", trip"...)
		}
		if code&0x20 != 0 {
			name = append(name, ", clear"...)
		}
	case 41:
		name = strconv.AppendUint(append(name, "analog output "...), uint64(m.First), 10)
		name = appendNumber(append(name, ": "...), m.Value)
	default:
		return
	}
	m.Name = name
	if o.function == fnResponse && m.Flags&ot.Refused != 0 {
		m.Name = strconv.AppendUint(append(name, ", status "...), uint64(m.Status), 10)
	}
}

// appendNumber writes a value as people read it; only the very large and the very small get an exponent.
func appendNumber(b []byte, v float64) []byte {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e15) {
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}
