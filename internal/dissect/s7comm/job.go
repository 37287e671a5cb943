package s7comm

import (
	"encoding/binary"
	"math"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Functions of jobs: the parameters' first byte.
const (
	readVar            = 0x04
	writeVar           = 0x05
	requestDownload    = 0x1a
	downloadBlock      = 0x1b
	downloadEnded      = 0x1c
	startUpload        = 0x1d
	piService          = 0x28
	plcStop            = 0x29
	setupCommunication = 0xf0
)

const (
	succeeded = 0xff // return code of a data item
	bitSize   = 0x01 // transport size of one bit
)

// job reports a request. A program invocation is reported by its service's
// name, which says what happens, with the function beside it; a stop by its function.
func (f *flow) job(ref uint16, p, d []byte, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Kind, m.Code, m.Dir = kindFunction, uint32(p[0]), ot.Request
	fault := dissect.OK
	switch p[0] {
	case readVar:
		fault = items(m, p)
	case writeVar:
		fault = items(m, p)
		written(m, p, d)
	case requestDownload, downloadBlock, downloadEnded, startUpload:
		// function, status, error (2), reserved or upload id (4), length and text of the file name
		if len(p) > 9 && len(p) >= 9+int(p[8]) {
			m.Name = f.block(p[9 : 9+int(p[8])])
		}
		f.begins(p, clipName(m.Name), out)
	case endUpload:
		f.begins(p, nil, out)
	case piService:
		// function, seven bytes, length (2) and text of the argument, length and text of the service
		if len(p) < 10 {
			fault = dissect.Short
			break
		}
		n := int(binary.BigEndian.Uint16(p[8:]))
		if len(p) < 11+n || len(p) < 11+n+int(p[10+n]) {
			fault = dissect.Short
			break
		}
		f.invocation(m, p[11+n:11+n+int(p[10+n])], p[10:10+n], out)
	case plcStop: // function, five bytes, length and text of the service
		if len(p) < 7 || len(p) < 7+int(p[6]) {
			fault = dissect.Short
			break
		}
		out.Also(kindPI, 0, p[7:7+int(p[6])]) // P_PROGRAM for a start too: the function tells more
	}
	first := m.First
	out.End()
	if fault == dissect.OK && out.Follows() {
		switch p[0] {
		case readVar:
			f.asked.note(ref, p)
		case writeVar:
			elements(p, d, m.Space, m.Area, first, out)
		}
	}
	return fault
}

func (f *flow) invocation(m *ot.Message, service, argument []byte, out *dissect.Sink) {
	out.Also(kindFunction, m.Code, nil)
	m.Kind, m.Code, m.Text = kindPI, 0, service
	switch {
	case len(argument) >= 10 && argument[1] == 0: // number of blocks, 0, then eight characters a block
		m.Name = f.block(argument[2:10])
	case len(argument) > 0:
		m.Name = argument
	}
}

// answer reports a response to a job.
func (f *flow) answer(ref uint16, p, d []byte, status uint32, out *dissect.Sink) dissect.Fault {
	m := out.Begin()
	m.Kind, m.Code, m.Dir, m.Status = kindFunction, uint32(p[0]), ot.Response, status
	if status == 0 && (p[0] == readVar || p[0] == writeVar) && len(d) > 0 && d[0] != succeeded && d[0] != 0 {
		m.Status = uint32(d[0])
	}
	if m.Status != 0 {
		m.Flags |= ot.Refused
	}
	if p[0] != readVar || m.Status != 0 || !out.Follows() {
		out.End()
		f.moved(p, d, status != 0, out)
		return dissect.OK
	}
	asked := f.asked.take(ref)
	if asked != nil { // where the values stand, which only the request says
		_ = items(m, asked) // it was read whole before
	}
	space, area := m.Space, m.Area
	out.End()
	if asked != nil {
		elements(asked, d, space, area, noFirst, out)
	}
	return dissect.OK
}

// items reads the addressed variables: count, then for each
// 0x12, length, syntax, and for S7ANY (0x10): type, count (2), DB number (2), area, bit address (3).
// Items of one area and DB become one range, in bytes.
func items(m *ot.Message, p []byte) dissect.Fault {
	if len(p) < 2 {
		return dissect.Short
	}
	count, rest := int(p[1]), p[2:]
	for i := range count {
		if len(rest) < 3 || len(rest) < 2+int(rest[1]) {
			return dissect.Short
		}
		item := rest[2 : 2+int(rest[1])]
		if len(item) >= 10 && item[0] == 0x10 {
			area, db := uint16(item[6]), uint32(binary.BigEndian.Uint16(item[4:]))
			first := (uint32(item[7])<<16 | uint32(item[8])<<8 | uint32(item[9])) >> 3
			n := uint32(binary.BigEndian.Uint16(item[2:])) * width(item[1])
			if item[6] == 0x1c || item[6] == 0x1d { // counters and timers have numbers, not addresses
				first, n = first<<3|uint32(item[9]&7), uint32(binary.BigEndian.Uint16(item[2:]))
			}
			switch {
			case m.N == 0:
				m.Space, m.Area, m.First, m.N = area, db, first, n
			case m.Space == area && m.Area == db:
				end := max(m.First+m.N, first+n)
				m.First = min(m.First, first)
				m.N = end - m.First
			}
		}
		next := 2 + int(rest[1])
		if i < count-1 && next&1 == 1 { // items start at even bytes
			next++
		}
		if next > len(rest) {
			return dissect.Short
		}
		rest = rest[next:]
	}
	return dissect.OK
}

// width is a transport size's bytes; a bit takes part of one.
func width(size byte) uint32 {
	switch size {
	case 0x04, 0x05, 0x1c, 0x1d: // WORD, INT, COUNTER, TIMER
		return 2
	case 0x06, 0x07, 0x08: // DWORD, DINT, REAL
		return 4
	}
	return 1
}

// written reads the value of a write of one variable: return code, type, length (2), value.
func written(m *ot.Message, p, d []byte) {
	if len(p) < 6 || p[1] != 1 || len(d) < 5 {
		return
	}
	if v, ok := valueOf(p[5], d); ok {
		m.Value = v
		m.Flags |= ot.HasValue
	}
}

// valueOf reads the value of a data item of a variable's transport size.
func valueOf(size byte, d []byte) (float64, bool) {
	if size == bitSize { // a bit is not its byte
		return 0, false
	}
	v := d[4:]
	v = v[:min(len(v), itemLen(d))]
	switch {
	case size == 8 && len(v) == 4:
		x := float64(math.Float32frombits(binary.BigEndian.Uint32(v)))
		return x, !math.IsNaN(x) && !math.IsInf(x, 0)
	case len(v) == 1:
		return float64(v[0]), true
	case len(v) == 2:
		return float64(int16(binary.BigEndian.Uint16(v))), true
	case len(v) == 4:
		return float64(int32(binary.BigEndian.Uint32(v))), true
	}
	return 0, false
}

// itemLen is the length of a data item's value: of some types it is counted in bits.
func itemLen(d []byte) int {
	n := int(binary.BigEndian.Uint16(d[2:]))
	if d[1] == 3 || d[1] == 4 || d[1] == 5 {
		return (n + 7) / 8
	}
	return n
}

// block makes "DB 1" of the file name "_0A00001P": type, five digits, file system.
func (f *flow) block(name []byte) []byte {
	raw := name
	if len(name) == 9 {
		name = name[1:]
	}
	if len(name) != 8 || name[0] != '0' {
		return raw
	}
	var kind string
	switch name[1] {
	case '8':
		kind = "OB "
	case 'A':
		kind = "DB "
	case 'B':
		kind = "SDB "
	case 'C':
		kind = "FC "
	case 'D':
		kind = "SFC "
	case 'E':
		kind = "FB "
	case 'F':
		kind = "SFB "
	default:
		return raw
	}
	digits := name[2:7]
	for len(digits) > 1 && digits[0] == '0' {
		digits = digits[1:]
	}
	return append(append(f.scratch[:0], kind...), digits...)
}
