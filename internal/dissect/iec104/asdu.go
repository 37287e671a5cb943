package iec104

import (
	"encoding/binary"
	"math"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Cause of transmission, IEC 60870-5-101 clause 7.2.3.
const (
	causeMask     = 0x3f
	causeNegative = 0x40

	causeActivation   = 6
	causeConfirm      = 7
	causeDeactivation = 8
	causeTermination  = 10
	causeUnknownType  = 44 // … 47: unknown cause, common address, object address
	causeUnknownIOA   = 47
)

// selectFlag is the S/E bit of a command's qualifier: select before execute.
const selectFlag = 0x80

// What a command's Space says, so that a rule can tell a select from an execute.
const (
	spaceSelect  = 1
	spaceExecute = 2
)

// asdu reports one application service data unit.
func (f *flow) asdu(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < asduHead {
		return dissect.Short
	}
	kind, vsq, cause := b[0], b[1], b[2]
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindType, uint32(kind), dir
	m.Unit = uint32(binary.LittleEndian.Uint16(b[4:]))
	reason := cause & causeMask
	if kind >= 45 && kind <= 69 || kind >= 100 && kind <= 113 {
		switch reason {
		case causeActivation, causeDeactivation:
			f.client(dir, out)
		case causeConfirm, causeTermination:
			f.client(dir.Reverse(), out)
		}
	}
	if cause&causeNegative != 0 || reason >= causeUnknownType && reason <= causeUnknownIOA {
		m.Flags |= ot.Refused
		m.Status = uint32(reason)
	}
	out.Also(kindCause, uint32(reason), nil)
	fault := objects(m, kind, vsq, b[asduHead:])
	f.named(m, kind)
	refused := m.Flags&ot.Refused != 0
	out.End()
	if fault == dissect.OK && !refused && out.Follows() {
		elements(kind, vsq, b[asduHead:], out)
	}
	if kind < 45 || kind == 70 { // monitored points: the sender is the station
		f.station(uint16(m.Unit), out)
	}
	return fault
}

// objects takes the object address range, and value and select of a command.
func objects(m *ot.Message, kind, vsq byte, b []byte) dissect.Fault {
	n, sequence := int(vsq&0x7f), vsq&0x80 != 0
	if n == 0 {
		return dissect.OK
	}
	if len(b) < objectLen {
		return dissect.Short
	}
	low := address(b)
	high := low
	size := elementLen(kind)
	switch {
	case sequence:
		high = low + uint32(n-1)
	case size >= 0:
		step := objectLen + size
		if n*step > len(b) {
			n = len(b) / step // what is there is told; the fault says that it is not all
		}
		for i := 1; i < n; i++ {
			a := address(b[i*step:])
			low, high = min(low, a), max(high, a)
		}
	}
	m.First, m.N = low, high-low+1
	command(m, kind, b[objectLen:])
	if address(b) == low { // the value is that of the object that First names
		monitored(m, kind, b[objectLen:])
	}
	if size < 0 {
		return dissect.OK
	}
	need := int(vsq&0x7f) * (objectLen + size)
	if sequence {
		need = objectLen + int(vsq&0x7f)*size
	}
	if need > len(b) {
		return dissect.Short
	}
	return dissect.OK
}

func address(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

// command takes the value of a command's first object.
func command(m *ot.Message, kind byte, e []byte) {
	qualifier := -1
	switch kind {
	case 45, 58: // single command
		if len(e) >= 1 {
			set(m, float64(e[0]&1))
			qualifier = int(e[0])
		}
	case 46, 47, 59, 60: // double, regulating step
		if len(e) >= 1 {
			set(m, float64(e[0]&3))
			qualifier = int(e[0])
		}
	case 48, 61: // normalised
		if len(e) >= 3 {
			set(m, float64(int16(binary.LittleEndian.Uint16(e)))/32768)
			qualifier = int(e[2])
		}
	case 49, 62: // scaled
		if len(e) >= 3 {
			set(m, float64(int16(binary.LittleEndian.Uint16(e))))
			qualifier = int(e[2])
		}
	case 50, 63: // short float
		if len(e) >= 5 {
			set(m, float64(math.Float32frombits(binary.LittleEndian.Uint32(e))))
			qualifier = int(e[4])
		}
	case 51, 64: // bitstring: no qualifier
		if len(e) >= 4 {
			set(m, float64(binary.LittleEndian.Uint32(e)))
		}
	case 100, 101, 105: // qualifier of interrogation, of counters, of reset process
		if len(e) >= 1 {
			set(m, float64(e[0]))
		}
	case 110: // parameter, normalised
		if len(e) >= 2 {
			set(m, float64(int16(binary.LittleEndian.Uint16(e)))/32768)
		}
	case 111:
		if len(e) >= 2 {
			set(m, float64(int16(binary.LittleEndian.Uint16(e))))
		}
	case 112:
		if len(e) >= 4 {
			set(m, float64(math.Float32frombits(binary.LittleEndian.Uint32(e))))
		}
	}
	switch {
	case qualifier < 0:
	case qualifier&selectFlag != 0:
		m.Space = spaceSelect
	default:
		m.Space = spaceExecute
	}
}

// monitored takes the value of the first object that a station reports.
func monitored(m *ot.Message, kind byte, e []byte) {
	switch kind {
	case 1, 30: // single point
		if len(e) >= 1 {
			set(m, float64(e[0]&1))
		}
	case 3, 31: // double point
		if len(e) >= 1 {
			set(m, float64(e[0]&3))
		}
	case 9, 34: // normalised
		if len(e) >= 2 {
			set(m, float64(int16(binary.LittleEndian.Uint16(e)))/32768)
		}
	case 11, 35: // scaled
		if len(e) >= 2 {
			set(m, float64(int16(binary.LittleEndian.Uint16(e))))
		}
	case 13, 36: // short float
		if len(e) >= 4 {
			set(m, float64(math.Float32frombits(binary.LittleEndian.Uint32(e))))
		}
	}
}

func set(m *ot.Message, v float64) {
	m.Value = v
	m.Flags |= ot.HasValue
}

// knownType says whether the standard defines a type identification.
func knownType(kind byte) bool {
	return kind >= 1 && kind <= 21 || kind >= 30 && kind <= 40 || kind >= 45 && kind <= 51 ||
		kind >= 58 && kind <= 64 || kind == 70 || kind >= 81 && kind <= 95 ||
		kind >= 100 && kind <= 107 || kind >= 110 && kind <= 113 || kind >= 120 && kind <= 127
}

// elementLens is the length of one object's elements without its address, by
// type (IEC 60870-5-101, clause 7.3); 0 where it varies.
var elementLens = [128]uint8{
	1: 1, 2: 4, 3: 1, 4: 4, 5: 2, 6: 5, 7: 5, 8: 8, 9: 3, 10: 6, 11: 3, 12: 6, 13: 5, 14: 8, 15: 5, 16: 8,
	17: 6, 18: 7, 19: 7, 20: 5, 21: 2,
	30: 8, 31: 8, 32: 9, 33: 12, 34: 10, 35: 10, 36: 12, 37: 12, 38: 10, 39: 11, 40: 11,
	45: 1, 46: 1, 47: 1, 48: 3, 49: 3, 50: 5, 51: 4, 58: 8, 59: 8, 60: 8, 61: 10, 62: 10, 63: 12, 64: 11,
	70: 1, 100: 1, 101: 1, 103: 7, 104: 2, 105: 1, 106: 2, 107: 9, 110: 3, 111: 3, 112: 5, 113: 1,
	120: 6, 121: 7, 122: 4, 123: 5, 124: 4, 126: 13, 127: 16,
}

// elementLen is one object's length without its address, -1 where it varies or is not known.
func elementLen(kind byte) int {
	switch {
	case kind == 102: // read: an address and nothing else
		return 0
	case !knownType(kind) || elementLens[kind] == 0:
		return -1
	}
	return int(elementLens[kind])
}
