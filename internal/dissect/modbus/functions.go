package modbus

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// space returns the table that a function works on.
func space(fc byte) uint16 {
	switch fc {
	case readCoils, writeSingleCoil, writeMultipleCoils:
		return SpaceCoil
	case readDiscreteInputs:
		return SpaceDiscreteInput
	case readInputRegisters:
		return SpaceInputRegister
	case readHoldingRegisters, writeSingleRegister, writeMultipleRegisters, maskWriteRegister, readWriteRegisters:
		return SpaceHoldingRegister
	}
	return 0
}

// request reads the data of a request, clauses 6.1 to 6.21.
func request(m *ot.Message, fc byte, d []byte, out *dissect.Sink) dissect.Fault {
	switch fc {
	case readCoils, readDiscreteInputs, readHoldingRegisters, readInputRegisters: // address, quantity
		if len(d) < 4 {
			return dissect.Short
		}
		return elements(m, fc, d)
	case writeSingleCoil, writeSingleRegister:
		return single(m, fc, d)
	case writeMultipleCoils, writeMultipleRegisters: // address, quantity, byte count, values
		if len(d) < 6 {
			return dissect.Short
		}
		fault := elements(m, fc, d)
		if int(d[4]) != len(d)-5 {
			return dissect.BadValue
		}
		m.Flags |= ot.HasValue
		switch {
		case fc == writeMultipleCoils:
			m.Value = float64(d[5] & 1)
		case len(d) >= 7:
			m.Value = float64(binary.BigEndian.Uint16(d[5:]))
		}
		return fault
	case maskWriteRegister:
		return mask(m, d)
	case readWriteRegisters: // read address, quantity, write address, quantity, byte count, values
		if len(d) < 9 {
			return dissect.Short
		}
		fault := elements(m, fc, d[4:]) // what it changes is what matters
		if len(d) >= 11 {
			m.Flags |= ot.HasValue
			m.Value = float64(binary.BigEndian.Uint16(d[9:]))
		}
		return fault
	case readFIFOQueue:
		if len(d) < 2 {
			return dissect.Short
		}
		m.Space, m.First, m.N = SpaceFIFO, uint32(binary.BigEndian.Uint16(d)), 1
	case readFileRecord, writeFileRecord: // byte count, then groups: 6, file, record, length
		if len(d) < 8 {
			return dissect.Short
		}
		m.Space, m.Area = SpaceFile, uint32(binary.BigEndian.Uint16(d[2:]))
		m.First, m.N = uint32(binary.BigEndian.Uint16(d[4:])), uint32(binary.BigEndian.Uint16(d[6:]))
	case diagnostics:
		return diagnostic(m, d, out)
	case encapsulated:
		return mei(m, d, out)
	}
	return dissect.OK
}

// response reads the data of a normal response.
func response(m *ot.Message, fc byte, d []byte, out *dissect.Sink) dissect.Fault {
	switch fc {
	case readCoils, readDiscreteInputs, readHoldingRegisters, readInputRegisters, readWriteRegisters: // byte count, values
		if len(d) < 2 {
			return dissect.Short
		}
		m.Space = space(fc)
		if int(d[0]) != len(d)-1 {
			return dissect.BadValue
		}
		return dissect.OK
	case writeSingleCoil, writeSingleRegister:
		return single(m, fc, d)
	case writeMultipleCoils, writeMultipleRegisters:
		if len(d) < 4 {
			return dissect.Short
		}
		return elements(m, fc, d)
	case maskWriteRegister:
		return mask(m, d)
	case readFileRecord, writeFileRecord:
		m.Space = SpaceFile
	case readFIFOQueue:
		m.Space = SpaceFIFO
	case diagnostics:
		return diagnostic(m, d, out)
	case encapsulated:
		return mei(m, d, out)
	}
	return dissect.OK
}

// elements reads an address and a quantity. d holds at least four bytes.
func elements(m *ot.Message, fc byte, d []byte) dissect.Fault {
	m.Space = space(fc)
	m.First, m.N = uint32(binary.BigEndian.Uint16(d)), uint32(binary.BigEndian.Uint16(d[2:]))
	if m.N == 0 || m.First+m.N > 1<<16 {
		return dissect.BadValue
	}
	return dissect.OK
}

func single(m *ot.Message, fc byte, d []byte) dissect.Fault {
	if len(d) < 4 {
		return dissect.Short
	}
	value := binary.BigEndian.Uint16(d[2:])
	m.Space, m.First, m.N = space(fc), uint32(binary.BigEndian.Uint16(d)), 1
	m.Flags |= ot.HasValue
	m.Value = float64(value)
	if fc == writeSingleCoil {
		m.Value = 0
		if value == coilOn {
			m.Value = 1
		} else if value != 0 {
			return dissect.BadValue
		}
	}
	return dissect.OK
}

func mask(m *ot.Message, d []byte) dissect.Fault {
	if len(d) < 6 {
		return dissect.Short
	}
	m.Space, m.First, m.N = SpaceHoldingRegister, uint32(binary.BigEndian.Uint16(d)), 1
	return dissect.OK
}

func diagnostic(m *ot.Message, d []byte, out *dissect.Sink) dissect.Fault {
	if len(d) < 2 {
		return dissect.Short
	}
	sub := uint32(binary.BigEndian.Uint16(d))
	if sub == restart || sub == listen { // these take the device off the wire
		m.Class = ot.Control
	}
	out.Also(kindDiagnostic, sub, nil)
	return dissect.OK
}

func mei(m *ot.Message, d []byte, out *dissect.Sink) dissect.Fault {
	if len(d) < 1 {
		return dissect.Short
	}
	if d[0] != mei14 { // CANopen: reads and writes of another protocol's dictionary
		m.Class = ot.Other
	}
	out.Also(kindMEI, uint32(d[0]), nil)
	return dissect.OK
}
