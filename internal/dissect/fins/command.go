package fins

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Commands, W342, 5-1-4: MRC and SRC.
const (
	memoryRead      = 0x0101
	memoryWrite     = 0x0102
	memoryFill      = 0x0103
	memoryReadMany  = 0x0104
	memoryTransfer  = 0x0105
	parameterRead   = 0x0201
	parameterWrite  = 0x0202
	parameterClear  = 0x0203
	programProtect  = 0x0304
	programOpen     = 0x0305
	programRead     = 0x0306
	programWrite    = 0x0307
	programClear    = 0x0308
	run             = 0x0401
	controllerRead  = 0x0501
	connectionRead  = 0x0502
	statusRead      = 0x0601
	fileRead        = 0x2202
	fileWrite       = 0x2203
	programTransfer = 0x220c
	forcedSet       = 0x2301
	forcedCancel    = 0x2302
	nameSet         = 0x2601
	nameRead        = 0x2603
)

const lastPart = 0x8000 // of a number of bytes: the end is with it

// request reads the data of a command.
func (f *flow) request(m *ot.Message, a *asking, d []byte, out *dissect.Sink) dissect.Fault {
	switch a.command {
	case memoryRead, memoryWrite, memoryFill: // area, word (2), bit, number (2), values
		if len(d) < 6 {
			return dissect.Short
		}
		a.area, a.first, a.n = d[0], binary.BigEndian.Uint16(d[1:]), binary.BigEndian.Uint16(d[4:])
		m.Space, m.First, m.N = uint16(d[0]), uint32(a.first), uint32(a.n)
		out.Also(kindArea, uint32(d[0]), nil)
		if a.command != memoryRead {
			value(m, d[0], d[6:])
		}
	case memoryReadMany: // area, word (2), bit for each
		if len(d) < 4 {
			return dissect.Short
		}
		m.Space, m.First, m.N = uint16(d[0]), uint32(binary.BigEndian.Uint16(d[1:])), uint32(len(d)/4)
		for ; len(d) >= 4; d = d[4:] {
			out.Also(kindArea, uint32(d[0]), nil)
		}
	case memoryTransfer: // from, to: area, word (2), bit; number (2)
		if len(d) < 10 {
			return dissect.Short
		}
		m.Space, m.First, m.N = uint16(d[4]), uint32(binary.BigEndian.Uint16(d[5:])), uint32(binary.BigEndian.Uint16(d[8:]))
		out.Also(kindArea, uint32(d[0]), nil)
		out.Also(kindArea, uint32(d[4]), nil)
	case parameterRead, parameterWrite, parameterClear: // area (2), word (2), number (2), data
		if len(d) < 6 {
			return dissect.Short
		}
		m.Area, m.First, m.N = uint32(binary.BigEndian.Uint16(d)), uint32(binary.BigEndian.Uint16(d[2:])), uint32(binary.BigEndian.Uint16(d[4:])&^lastPart)
		a.first = binary.BigEndian.Uint16(d)
		if a.command == parameterWrite {
			f.parameters(d, false, out)
		}
	case programProtect, programOpen: // program (2), protection, first (4), last (4), password (4)
		if len(d) < 15 {
			return dissect.Short
		}
		m.Flags |= ot.ClearText
		out.FactOf(out.Dst, "credential.cleartext", append(f.text[:0], "fins program password"...))
	case programRead, programWrite, programClear: // program (2), first (4), number of bytes (2), data
		return f.program(m, d, out)
	case run: // program (2), mode: 2 monitor, 4 run
		if len(d) >= 3 {
			m.First, m.N = uint32(d[2]), 1
		}
	case fileRead, fileWrite:
		return f.file(m, a, d, out)
	case forcedSet, forcedCancel:
		m.Flags |= ot.Forced
		if a.command == forcedSet && len(d) >= 8 { // number (2), then what (2), area, word (2), bit
			m.N, m.Space, m.First = uint32(binary.BigEndian.Uint16(d)), uint16(d[4]), uint32(binary.BigEndian.Uint16(d[5:]))
			out.Also(kindArea, uint32(d[4]), nil)
		}
	case nameSet:
		m.Name = text(d)
	}
	return dissect.OK
}

// program reads a command on the program area.
func (f *flow) program(m *ot.Message, d []byte, out *dissect.Sink) dissect.Fault {
	if len(d) >= 2 {
		m.Area = uint32(binary.BigEndian.Uint16(d))
	}
	if m.Code == programClear {
		return dissect.OK
	}
	if len(d) < 8 {
		return dissect.Short
	}
	m.First, m.N = binary.BigEndian.Uint32(d[2:]), uint32(binary.BigEndian.Uint16(d[6:])&^lastPart)
	if m.Code == programWrite {
		f.programPart(d, false, out)
	}
	return dissect.OK
}

// file reads a command on a file: disk (2), with a write what to do if it exists (2), name (12), position (4), length (2), data.
func (f *flow) file(m *ot.Message, a *asking, d []byte, out *dissect.Sink) dissect.Fault {
	at := 2
	if a.command == fileWrite {
		at = 4
	}
	if len(d) < at+18 {
		return dissect.Short
	}
	copy(a.name[:], d[at:])
	m.Name, m.First, m.N = text(d[at:at+12]), binary.BigEndian.Uint32(d[at+12:]), uint32(binary.BigEndian.Uint16(d[at+16:]))
	if a.command == fileWrite {
		p := dissect.Piece{Key: keyFile, Kind: dissect.File, At: int64(m.First), Data: d[at+18:]}
		if m.First == 0 {
			p.Name = m.Name
		}
		p.Data = p.Data[:min(len(p.Data), int(m.N))]
		out.Piece(p)
	}
	return dissect.OK
}

// response reads what an answer says beside its end code.
func (f *flow) response(m *ot.Message, a *asking, d []byte) dissect.Fault {
	switch a.command {
	case memoryRead:
		if a.n == 0 {
			break // the question was not seen
		}
		m.Space, m.First, m.N = uint16(a.area), uint32(a.first), uint32(a.n)
		value(m, a.area, d)
	case memoryWrite, memoryFill:
		m.Space, m.First, m.N = uint16(a.area), uint32(a.first), uint32(a.n)
	case programRead:
		if len(d) >= 8 {
			m.Area, m.First, m.N = uint32(binary.BigEndian.Uint16(d)), binary.BigEndian.Uint32(d[2:]), uint32(binary.BigEndian.Uint16(d[6:])&^lastPart)
		}
	case parameterRead:
		if len(d) >= 6 {
			m.Area, m.First, m.N = uint32(binary.BigEndian.Uint16(d)), uint32(binary.BigEndian.Uint16(d[2:])), uint32(binary.BigEndian.Uint16(d[4:])&^lastPart)
		}
	case statusRead: // status, mode
		if len(d) >= 2 {
			m.First, m.N = uint32(d[1]), 1
		}
	case nameRead:
		m.Name = text(d)
	}
	return dissect.OK
}

// value reads the first value: a word, or a bit where the area is one of bits.
func value(m *ot.Message, area byte, d []byte) {
	switch {
	case m.Status != 0:
	case wide(area) && len(d) >= 2:
		m.Value, m.Flags = float64(binary.BigEndian.Uint16(d)), m.Flags|ot.HasValue
	case !wide(area) && len(d) >= 1:
		m.Value, m.Flags = float64(d[0]&1), m.Flags|ot.HasValue
	}
}

// wide says whether an area's elements are words, W342, 5-2-2: bits of CIO, W, H and A are
// 0x30 to 0x33 (and 0x00 in older controllers), of timers 0x09, of DM 0x02, of EM 0x0A and 0x20 to 0x2F.
func wide(area byte) bool { return area >= 0x80 }
