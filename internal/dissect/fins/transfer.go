package fins

import (
	"encoding/binary"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
)

// Keys of transfers: programs and parameter areas by their numbers, one file at a time.
const (
	keyProgram   = 0x10000
	keyParameter = 0x20000
	keyFile      = 0x30000
)

// programPart reports a part of the program: number (2), first (4), number of bytes (2), data.
func (f *flow) programPart(d []byte, up bool, out *dissect.Sink) {
	number, first, n := binary.BigEndian.Uint16(d), binary.BigEndian.Uint32(d[2:]), binary.BigEndian.Uint16(d[6:])
	p := dissect.Piece{Key: keyProgram | uint32(number), At: int64(first), Up: up, Data: d[8:], End: n&lastPart != 0}
	p.Data = p.Data[:min(len(p.Data), int(n&^lastPart))]
	if first == 0 {
		p.Name = append(f.text[:0], "program"...)
		if number != 0 && number != 0xffff { // both mean all there is
			p.Name = strconv.AppendUint(append(p.Name, ' '), uint64(number), 10)
		}
	}
	out.Piece(p)
}

// parameters reports a part of a parameter area: area (2), first word (2), number of words (2), data.
func (f *flow) parameters(d []byte, up bool, out *dissect.Sink) {
	area, first, n := binary.BigEndian.Uint16(d), binary.BigEndian.Uint16(d[2:]), binary.BigEndian.Uint16(d[4:])
	p := dissect.Piece{Key: keyParameter | uint32(area), At: 2 * int64(first), Up: up, Data: d[6:], End: n&lastPart != 0}
	p.Data = p.Data[:min(len(p.Data), 2*int(n&^lastPart))]
	if first == 0 {
		switch area {
		case 0x8010:
			p.Name = append(f.text[:0], "PLC setup"...)
		case 0x8012:
			p.Name = append(f.text[:0], "I/O table"...)
		case 0x8013:
			p.Name = append(f.text[:0], "routing tables"...)
		case 0x8002:
			p.Name = append(f.text[:0], "CPU bus unit setup"...)
		default:
			p.Name = strconv.AppendUint(append(f.text[:0], "parameter area 0x"...), uint64(area), 16)
		}
	}
	out.Piece(p)
}

// tell reads what an answer is worth beyond its message: identity, programs, files.
func (f *flow) tell(a *asking, d []byte, out *dissect.Sink) {
	switch a.command {
	case controllerRead: // model (20), version (20), areas
		if len(d) < 40 {
			return
		}
		if readable(d[:40]) {
			out.Fact("omron.model", text(d[:20]))
			out.Fact("omron.version", text(d[20:40]))
		}
	case connectionRead: // number of units, then unit, model (20)
		if len(d) < 1 {
			return
		}
		for d = d[1:]; len(d) >= 21; d = d[21:] {
			if readable(d[1:21]) {
				about := out.Src
				about.Module = f.unit(d[0])
				out.FactOf(about, "omron.model", text(d[1:21]))
			}
		}
	case nameRead:
		if readable(d) {
			out.Fact("omron.name", text(d))
		}
	case programRead:
		if len(d) >= 8 {
			f.programPart(d, true, out)
		}
	case parameterRead:
		if len(d) >= 6 {
			f.parameters(d, true, out)
		}
	case fileRead: // size (4), position (4), length (2), data
		if len(d) < 10 {
			return
		}
		size, at, n := binary.BigEndian.Uint32(d), binary.BigEndian.Uint32(d[4:]), int(binary.BigEndian.Uint16(d[8:]))
		p := dissect.Piece{Key: keyFile, Kind: dissect.File, Up: true, At: int64(at), Size: int64(size), Data: d[10:]}
		p.Data = p.Data[:min(len(p.Data), n)]
		p.End = int64(at)+int64(n) >= int64(size)
		if at == 0 && a.name[0] != 0 {
			p.Name = text(append(f.text[:0], a.name[:]...))
		}
		out.Piece(p)
	}
}

func (f *flow) unit(n byte) string {
	if f.units == nil {
		f.units = new([256]string)
	}
	if f.units[n] == "" {
		f.units[n] = "unit " + strconv.Itoa(int(n))
	}
	return f.units[n]
}

// text cuts a field at its first zero and the spaces around it.
func text(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	for len(b) > 0 && b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	return b
}

func readable(b []byte) bool {
	for _, c := range b {
		if (c < ' ' || c > 0x7e) && c != 0 {
			return false
		}
	}
	return true
}
