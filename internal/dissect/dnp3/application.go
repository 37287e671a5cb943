package dnp3

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Application function codes that mean something to us, clause 4.2.2.
const (
	fnConfirm      = 0
	fnRead         = 1
	fnColdRestart  = 13
	fnWarmRestart  = 14
	fnDelay        = 23
	fnRecordTime   = 24
	fnLastRequest  = 33
	fnResponse     = 129
	fnUnsolicited  = 130
	fnAuthResponse = 131
)

// Internal indications, as bits of a big-endian word: IIN1 is the first octet on the wire.
const (
	iinLogged  = 0xf03f // without the class 1 to 3 events and the broadcast bit: routine
	iinRefused = 0x0007 // function, object or parameter not accepted
)

// application reports one fragment:
//
//	control | function | [IIN 2, in responses] | object header, objects …
func (f *flow) application(side int, unit uint16, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 2 {
		return dissect.Short
	}
	seq, function := b[0]&0x0f, b[1]
	m := out.Begin()
	m.Kind, m.Code, m.Unit = kindFunction, uint32(function), uint32(unit)
	// A confirm goes both ways: the link says from whom. Elsewhere the function does.
	m.Dir = ot.Request
	if function >= fnResponse || function == fnConfirm && side == 0 {
		m.Dir = ot.Response
	}
	rest := b[2:]
	if function >= fnResponse {
		if len(rest) < 2 {
			out.End()
			return dissect.Short
		}
		f.indications(m, binary.BigEndian.Uint16(rest), out)
		rest = rest[2:]
		if f.units.add(unit) {
			out.FactOf(f.units.host(unit, out.Src), "dnp3.address", strconv.AppendUint(f.number[:0], uint64(unit), 10))
		}
	}
	o := objects{flow: f, function: function, unit: unit, out: out, m: m}
	fault := dissect.OK
	if objectsFollow(function) {
		fault = o.walk(rest)
	}
	m.Class = o.class
	if function == fnResponse {
		m.Class = f.asked[seq]
	}
	out.End()
	if function != fnConfirm && function < fnResponse {
		f.asked[seq] = m.Class // End looked it up where the objects said nothing
	}
	return fault
}

// objectsFollow says whether a function's fragment goes on with object headers.
func objectsFollow(function byte) bool {
	switch function {
	case fnConfirm, fnColdRestart, fnWarmRestart, fnDelay, fnRecordTime:
		return false
	}
	return function <= fnLastRequest || function >= fnResponse && function <= fnAuthResponse
}

func (f *flow) indications(m *ot.Message, iin uint16, out *dissect.Sink) {
	if iin&iinRefused != 0 {
		m.Flags |= ot.Refused
		m.Status = uint32(iin)
	}
	if iin&iinLogged == 0 {
		return
	}
	for bit := range uint32(8) {
		if iin&iinLogged>>8&(1<<bit) != 0 {
			out.Also(kindIIN, bit, nil)
		}
		if iin&iinLogged&0xff&(1<<bit) != 0 {
			out.Also(kindIIN, 8+bit, nil)
		}
	}
}

// objects walks the object headers of one fragment.
type objects struct {
	flow     *flow
	function byte
	unit     uint16
	out      *dissect.Sink
	m        *ot.Message
	class    ot.Class // what the objects make of the function; 0: as the catalogue says
	first    bool     // a range is in m
}

const maxHeaders = 512 // a fragment of 4 KiB holds fewer than this many with any data

// walk reads header after header:
//
//	group | variation | qualifier | range | objects
//
// and ends without a fault where an object's length cannot be known.
func (o *objects) walk(b []byte) dissect.Fault {
	for range maxHeaders {
		if len(b) == 0 {
			return dissect.OK
		}
		if len(b) < 3 {
			return dissect.Short
		}
		group, variation, qualifier := b[0], b[1], b[2]
		o.out.Also(kindObject, uint32(group)<<8|uint32(variation), nil)
		o.judge(group)
		h, n, fault := readRange(b[2:])
		if fault != dissect.OK {
			return fault
		}
		b = b[2+n:]
		o.ranged(group, variation, h)
		if o.function == fnRead && qualifier != 0x5b || h.all {
			continue // headers only
		}
		n, fault = o.values(group, variation, h, b)
		if fault != dissect.OK || n < 0 {
			return fault
		}
		b = b[n:]
	}
	return dissect.TooDeep
}

// judge sets the class by what is touched, where the function alone does not tell.
func (o *objects) judge(group byte) {
	var c ot.Class
	switch {
	case group == 70:
		c = ot.File
	case group == 41 && o.function >= 3 && o.function <= 6:
		c = ot.Write
	case o.function == 2 && (group == 0 || group == 34 || group == 50 || group == 80 || group >= 85 && group <= 91):
		c = ot.Configure
	case o.function == fnRead && group == 0:
		c = ot.Discover
	case group == 120 || group == 121 || group == 122:
		if o.function == fnRead {
			return
		}
		c = ot.Login
	default:
		return
	}
	if o.class == 0 {
		o.class = c
	}
}

// ranged keeps the first header's points in the message.
func (o *objects) ranged(group, variation byte, h header) {
	if o.first || h.all {
		return
	}
	o.first = true
	o.m.Space, o.m.Area, o.m.First, o.m.N = uint16(group), uint32(variation), h.start, h.count
}

// values steps over the objects behind a header and returns their length, or
// -1 when it cannot be known. It takes the first point and value on its way.
func (o *objects) values(group, variation byte, h header, b []byte) (int, dissect.Fault) {
	if h.count == 0 {
		return 0, dissect.OK
	}
	if h.sized {
		return o.sized(group, variation, h, b)
	}
	if group == 0 {
		return o.attributes(variation, h, b)
	}
	bits := objectBits(group, variation)
	if bits == 0 {
		return -1, dissect.OK
	}
	if bits < 8 { // packed
		n := (uint64(h.count)*uint64(bits) + 7) / 8
		if h.prefix > 0 {
			n = uint64(h.count) * uint64(h.prefix+1)
		}
		if n > uint64(len(b)) {
			return 0, dissect.Short
		}
		return int(n), dissect.OK
	}
	size := bits/8 + h.prefix
	n := uint64(h.count) * uint64(size)
	if n > uint64(len(b)) {
		return 0, dissect.Short
	}
	if h.prefix > 0 && o.m.Flags&ot.HasValue == 0 && o.m.Space == uint16(group) {
		o.m.First = little(b[:h.prefix])
	}
	o.value(group, variation, b[h.prefix:size])
	return int(n), dissect.OK
}

// value takes the value of commands: a relay's control code or an analogue
// output, and the status that an outstation echoes with it (clause A.8, A.18).
func (o *objects) value(group, variation byte, b []byte) {
	if o.m.Flags&ot.HasValue != 0 {
		return
	}
	switch {
	case group == 12 && (variation == 1 || variation == 2):
		o.m.Value = float64(b[0])
	case group == 41 && variation == 1:
		o.m.Value = float64(int32(binary.LittleEndian.Uint32(b)))
	case group == 41 && variation == 2:
		o.m.Value = float64(int16(binary.LittleEndian.Uint16(b)))
	case group == 41 && variation == 3:
		o.m.Value = float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	case group == 41 && variation == 4:
		o.m.Value = math.Float64frombits(binary.LittleEndian.Uint64(b))
	default:
		return
	}
	o.m.Flags |= ot.HasValue
	if status := b[len(b)-1] & 0x7f; status != 0 && o.function == fnResponse {
		o.m.Flags |= ot.Refused
		o.m.Status = uint32(status)
	}
	o.named(group)
}

// sized steps over objects that carry their own length (qualifier 0x5b): files, authentication.
func (o *objects) sized(group, variation byte, h header, b []byte) (int, dissect.Fault) {
	n := 0
	for i := range h.count {
		if len(b)-n < h.prefix {
			return 0, dissect.Short
		}
		size := uint64(little(b[n : n+h.prefix]))
		n += h.prefix
		if size > uint64(len(b)-n) {
			return 0, dissect.Short
		}
		if i == 0 && group == 70 {
			o.file(variation, b[n:n+int(size)])
		}
		n += int(size)
	}
	return n, dissect.OK
}

// file keeps the name that a file command carries, or the status of its answer (group 70, clause A.27).
func (o *objects) file(variation byte, b []byte) {
	var at, size int
	switch {
	case (variation == 3 || variation == 7) && len(b) >= 4: // file command; file descriptor
		at, size = int(binary.LittleEndian.Uint16(b)), int(binary.LittleEndian.Uint16(b[2:]))
	case variation == 4 && len(b) >= 13: // file command status
		if status := b[12]; status != 0 && o.function == fnResponse {
			o.m.Flags |= ot.Refused
			o.m.Status = uint32(status)
		}
		return
	case variation == 8: // specification string
		size = len(b)
	default:
		return
	}
	if size > 0 && at+size <= len(b) {
		o.m.Name = b[at : at+size]
	}
}

// little reads 0 to 4 bytes.
func little(b []byte) uint32 {
	var v uint32
	for i, x := range b {
		v |= uint32(x) << (8 * i)
	}
	return v
}
