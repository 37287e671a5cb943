package ads

import (
	"encoding/binary"
	"math"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Index groups that give a command its meaning: those of symbols, "ADS Reserved
// Index Groups", and those of the system service on port 10000, "TcUtilities".
const (
	groupHandleByName = 0xf003
	groupValueByName  = 0xf004
	groupInfoByName   = 0xf007
	groupInfoByNameEx = 0xf009
	groupSumRead      = 0xf080
	groupSumWrite     = 0xf081
	groupSumReadWrite = 0xf082
	groupSumReadEx    = 0xf083
	groupSumReadEx2   = 0xf084
	groupSumAdd       = 0xf085
	groupSumDelete    = 0xf086

	groupOpenFirst = 100 // open, create and close of older releases
	groupFileOpen  = 120
	groupFileClose = 121
	groupFileRead  = 122
	groupFileWrite = 123
	groupFileGets  = 126
	groupFilePuts  = 127
	groupFileLast  = 135
	groupRegistry  = 200
	groupEmail     = 300
	groupTime      = 400
	groupProcess   = 500
	groupNetID     = 600
	groupAddRoute  = 801
	groupDelRoute  = 802

	systemService = 10000
	openRead      = 0x01
	openPlus      = 0x08
)

// request reads the data of a request.
func (f *flow) request(m *ot.Message, cmd uint8, a asking, d []byte, out *dissect.Sink) dissect.Fault {
	fault := dissect.OK
	switch cmd {
	case cmdRead, cmdWrite, cmdReadWrite, cmdAddNotify: // index group, index offset, length
		if len(d) < 12 {
			fault = dissect.Short
			break
		}
		a.group, a.offset = binary.LittleEndian.Uint32(d), binary.LittleEndian.Uint32(d[4:])
		m.Area, m.First, m.N = a.group, a.offset, binary.LittleEndian.Uint32(d[8:])
		out.Also(kindGroup, a.group, nil)
		var written []byte
		switch cmd {
		case cmdWrite:
			written = d[12:]
		case cmdReadWrite: // length to write, data
			if len(d) >= 16 {
				written = d[16:]
			}
		}
		m.Class = class(cmd, a.group, m.Unit)
		f.written(m, cmd, &a, written, out)
	case cmdWriteControl: // ADS state, device state, length, data
		if len(d) < 8 {
			fault = dissect.Short
			break
		}
		out.Also(kindCommand, m.Code, nil)
		m.Kind, m.Code, m.Class = kindState, uint32(binary.LittleEndian.Uint16(d)), ot.Control
	}
	out.End()
	f.asked[f.next%uint8(len(f.asked))] = a
	f.next++
	return fault
}

// written reads what a write carries: a value, a symbol's name, a part of a file.
func (f *flow) written(m *ot.Message, cmd uint8, a *asking, d []byte, out *dissect.Sink) {
	switch {
	case a.group == groupHandleByName || a.group == groupValueByName || a.group == groupInfoByName || a.group == groupInfoByNameEx:
		m.Name = text(d)
	case m.Unit == systemService && a.group == groupFileOpen:
		m.Name = text(d)
		a.path = uint16(copy(f.path[:], m.Name))
	case m.Unit == systemService && (a.group == groupFileWrite || a.group == groupFilePuts):
		out.Secret()
		out.Piece(dissect.Piece{Key: a.offset, At: dissect.Behind, Data: d})
	case m.Unit == systemService:
	case cmd == cmdWrite:
		if v, ok := number(d); ok {
			m.Value, m.Flags = v, m.Flags|ot.HasValue
		}
	}
}

// class says what a command does, as far as its index group tells; 0 leaves it to the catalogue.
func class(cmd uint8, group, port uint32) ot.Class {
	if port == systemService {
		switch {
		case group >= groupOpenFirst && group <= groupFileLast:
			return ot.File
		case group == groupProcess:
			return ot.Control
		case cmd == cmdRead:
			return ot.Read
		case group == groupRegistry && cmd == cmdReadWrite:
			return ot.Read
		case group == groupRegistry, group == groupTime, group == groupNetID, group == groupAddRoute, group == groupDelRoute:
			return ot.Configure
		}
		return ot.Other
	}
	if cmd != cmdReadWrite {
		return 0
	}
	switch group {
	case groupHandleByName, groupValueByName, groupInfoByName, groupInfoByNameEx, groupSumRead, groupSumReadEx, groupSumReadEx2, groupSumAdd, groupSumDelete:
		return ot.Read
	case groupSumWrite, groupSumReadWrite:
		return ot.Write
	}
	return 0
}

// response reads the data of an answer, which begins with a result of its own.
func (f *flow) response(m *ot.Message, cmd uint8, invoke uint32, port uint16, d []byte, out *dissect.Sink) dissect.Fault {
	if cmd == cmdNotify { // length, number of stamps
		if len(d) >= 8 {
			m.N = binary.LittleEndian.Uint32(d[4:])
		}
		out.End()
		return dissect.OK
	}
	if m.Status == 0 && len(d) >= 4 {
		m.Status = binary.LittleEndian.Uint32(d)
	}
	if m.Status != 0 {
		m.Flags |= ot.Refused
	}
	a := f.answered(cmd, invoke, port)
	m.Area, m.First = a.group, a.offset
	if a.command != 0 {
		m.Class = class(cmd, a.group, m.Unit)
	}
	fault := dissect.OK
	var read []byte
	if (cmd == cmdRead || cmd == cmdReadWrite) && m.Status == 0 { // length, data
		if len(d) < 8 {
			fault = dissect.Short
		} else {
			m.N = binary.LittleEndian.Uint32(d[4:])
			read = d[8:]
			if v, ok := number(read); ok && cmd == cmdRead && a.command != 0 {
				m.Value, m.Flags = v, m.Flags|ot.HasValue
			}
		}
	}
	if cmd == cmdReadState && m.Status == 0 && len(d) >= 8 { // ADS state, device state
		m.First, m.N = uint32(binary.LittleEndian.Uint16(d[4:])), 1
		out.Also(kindState, m.First, nil)
	}
	unit, failed := m.Unit, m.Status != 0
	if unit == systemService && a.group >= groupFileOpen && a.group <= groupFilePuts {
		out.Secret()
	}
	out.End()
	switch {
	case failed:
	case cmd == cmdReadDeviceInfo && len(d) >= 8: // result, major, minor, build, name
		f.device(d[4:], out)
	case unit == systemService && a.command != 0:
		f.file(&a, read, out)
	}
	return fault
}

// answered takes the request that an answer belongs to.
func (f *flow) answered(cmd uint8, invoke uint32, port uint16) asking {
	for i := range f.asked {
		if a := f.asked[i]; a.command == cmd && a.invoke == invoke && a.port == port {
			f.asked[i].command = 0
			return a
		}
	}
	return asking{}
}

// device reads the answer to ReadDeviceInfo.
func (f *flow) device(d []byte, out *dissect.Sink) {
	out.Fact("ads.device_name", text(d[4:min(len(d), 20)]))
	out.Fact("ads.device_version", version(f.text[:0], d))
}

// file follows a file of the controller's disk: boot projects travel this way.
func (f *flow) file(a *asking, d []byte, out *dissect.Sink) {
	switch a.group {
	case groupFileOpen: // the handle
		if len(d) >= 4 && a.path > 0 {
			out.Piece(dissect.Piece{
				Key: binary.LittleEndian.Uint32(d), Kind: dissect.File, Name: f.path[:a.path],
				Up: a.offset&(openRead|openPlus) == openRead,
			})
		}
	case groupFileRead, groupFileGets:
		out.Piece(dissect.Piece{Key: a.offset, At: dissect.Behind, Data: d})
	case groupFileClose:
		out.Piece(dissect.Piece{Key: a.offset, At: dissect.Behind, End: true})
	}
}

// number reads a value of one element.
func number(d []byte) (float64, bool) {
	switch len(d) {
	case 1:
		return float64(d[0]), true
	case 2:
		return float64(int16(binary.LittleEndian.Uint16(d))), true
	case 4:
		return float64(int32(binary.LittleEndian.Uint32(d))), true
	case 8: // LREAL, the only type of eight bytes that controllers commonly use
		v := math.Float64frombits(binary.LittleEndian.Uint64(d))
		return v, !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	return 0, false
}
