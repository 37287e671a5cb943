package modbus

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Function 90 carries UMAS, by which Unity Pro and Control Expert program
// Modicon controllers. Schneider Electric never published it; the layout is
// what public research agrees on. Data of a request:
//
//	0  1  session (reservation) key, 0 without one
//	1  1  UMAS function
//
// and of a response 0xFE or 0xFD (refused) in the place of the function, so
// that the function follows from the request alone.

const (
	umasReadID      = 0x02
	umasProject     = 0x03
	umasReserve     = 0x10
	umasReadMemory  = 0x20
	umasWriteMemory = 0x21
	umasReadVars    = 0x22
	umasWriteVars   = 0x23

	// Published names call it an upload when the controller loads its program from the engineer.
	umasLoadBegin = 0x30
	umasLoadBlock = 0x31
	umasLoadEnd   = 0x32
	umasSaveBegin = 0x33
	umasSaveBlock = 0x34
	umasSaveEnd   = 0x35

	umasAccepted = 0xfe
	umasRefused  = 0xfd
)

// pending is the request that a UMAS response belongs to.
type pending struct {
	tid, block uint16
	function   byte
	asked      bool
}

// umas reports the UMAS function as what happened, with function 90 beside it.
func (f *flow) umas(m *ot.Message, tid uint16, d []byte, out *dissect.Sink) dissect.Fault {
	if len(d) < 2 {
		return dissect.Short
	}
	if m.Dir != ot.Response {
		f.asked = pending{tid: tid, function: d[1], asked: true}
		f.unityAsks(m, d, out)
		return unity(m, d[1], out)
	}
	if d[1] == umasRefused {
		m.Flags |= ot.Refused
		if len(d) >= 3 {
			m.Status = uint32(d[2])
		}
	}
	if !f.asked.asked || f.asked.tid != tid || d[1] != umasAccepted && d[1] != umasRefused {
		return dissect.OK
	}
	f.unityAnswers(m, d, out)
	return unity(m, f.asked.function, out)
}

func unity(m *ot.Message, function byte, out *dissect.Sink) dissect.Fault {
	m.Kind, m.Code = kindUMAS, uint32(function)
	out.Also(kindFunction, umas, nil)
	return dissect.OK
}

// unityAsks reads what a request is about. Behind key and function stand:
//
//	reservation       client (4), length of its name, name
//	memory block      range, block (2), offset (4), length (2), with a write the data
//	variables         checksum of the project (4), number of variables
//	begin             kind (2), bytes of a block (2)
//	block             kind (2), its number (2), towards the controller length (2), data
//	end               kind (2), number of the last (2)
func (f *flow) unityAsks(m *ot.Message, d []byte, out *dissect.Sink) {
	switch d[1] {
	case umasReserve:
		if len(d) >= 7 && len(d) >= 7+int(d[6]) && d[6] > 0 && readable(d[7:7+int(d[6])]) {
			m.Name = d[7 : 7+int(d[6])]
		}
	case umasReadMemory, umasWriteMemory:
		if len(d) >= 11 {
			m.Area, m.First = uint32(binary.LittleEndian.Uint16(d[3:])), binary.LittleEndian.Uint32(d[5:])
			m.N = uint32(binary.LittleEndian.Uint16(d[9:]))
		}
	case umasReadVars, umasWriteVars:
		if len(d) >= 7 {
			m.N = uint32(d[6])
		}
	case umasLoadBlock, umasSaveBlock:
		if len(d) < 6 {
			return
		}
		f.asked.block = binary.LittleEndian.Uint16(d[4:])
		m.First, m.N = uint32(f.asked.block), 1
		if d[1] == umasLoadBlock && len(d) >= 8 && f.asked.block == f.block+1 {
			f.block++
			n := int(binary.LittleEndian.Uint16(d[6:]))
			out.Piece(dissect.Piece{At: dissect.Behind, Data: d[8:min(len(d), 8+n)]})
		}
	}
}

// unityAnswers follows the program on its way. The controller's block: accepted, 1 with the
// last, 0, length (2), data.
func (f *flow) unityAnswers(m *ot.Message, d []byte, out *dissect.Sink) {
	switch f.asked.function {
	case umasLoadBegin, umasSaveBegin:
		f.block = 0
		if d[1] == umasAccepted {
			out.Piece(dissect.Piece{Name: append(f.text[:0], "program"...), Up: f.asked.function == umasSaveBegin})
		}
	case umasSaveBlock:
		m.First, m.N = uint32(f.asked.block), 1
		if d[1] != umasAccepted || len(d) < 6 {
			return
		}
		out.Secret() // a program is nobody's business
		if f.asked.block == f.block+1 {
			f.block++
			n := int(binary.LittleEndian.Uint16(d[4:]))
			out.Piece(dissect.Piece{At: dissect.Behind, Data: d[6:min(len(d), 6+n)]})
		}
	case umasLoadEnd, umasSaveEnd:
		out.Piece(dissect.Piece{At: dissect.Behind, End: d[1] == umasAccepted, Failed: d[1] != umasAccepted})
	}
}

// umasFacts reads the answers to "read id" and "read project information".
//
//	id       10 firmware, minor before major in packed decimal; 24 the module's name with its length first
//	project  36 version: build, minor, major; 40 name with its length first
func (f *flow) umasFacts(tid uint16, d []byte, about ot.Host, out *dissect.Sink) {
	if !f.asked.asked || f.asked.tid != tid || len(d) < 25 || d[1] != umasAccepted {
		return
	}
	switch f.asked.function {
	case umasReadID:
		if n := int(d[24]); n > 0 && len(d) >= 25+n && readable(d[25:25+n]) {
			out.FactOf(about, "umas.module", d[25:25+n])
		}
		if version := binary.LittleEndian.Uint16(d[10:]); version != 0 {
			out.FactOf(about, "umas.firmware", packed(f.text[:0], version))
		}
	case umasProject:
		if len(d) < 41 {
			return
		}
		if n := int(d[40]); n > 0 && len(d) >= 41+n && readable(d[41:41+n]) {
			out.FactOf(about, "umas.project", bytes.TrimRight(d[41:41+n], "\x00"))
			to := strconv.AppendUint(f.text[:0], uint64(d[38]), 10)
			to = strconv.AppendUint(append(to, '.'), uint64(d[37]), 10)
			out.FactOf(about, "umas.project_version", strconv.AppendUint(append(to, '.'), uint64(d[36]), 10))
		}
	}
}

// packed writes 0x0270 as V2.70.
func packed(to []byte, v uint16) []byte {
	const digits = "0123456789ABCDEF"
	to = append(to, 'V')
	if v >= 0x1000 {
		to = append(to, digits[v>>12])
	}
	return append(to, digits[v>>8&15], '.', digits[v>>4&15], digits[v&15])
}
