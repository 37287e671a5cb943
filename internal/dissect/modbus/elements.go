package modbus

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// elementsOf reports the values behind the first one of a read's answer or of a write
// of many. Where they stand was found before.
func elementsOf(fc byte, dir ot.Dir, first, n uint32, d []byte, out *dissect.Sink) {
	switch {
	case fc <= readInputRegisters && dir == ot.Response: // byte count, values
		d = d[1:]
	case (fc == writeMultipleCoils || fc == writeMultipleRegisters) && dir != ot.Response: // address, quantity, byte count, values
		d = d[5:]
	case fc == readWriteRegisters && dir != ot.Response: // and a read's address and quantity before them
		d = d[9:]
	default:
		return
	}
	bits := fc == readCoils || fc == readDiscreteInputs || fc == writeMultipleCoils
	for i := uint32(1); i < n; i++ {
		switch {
		case bits && int(i/8) < len(d):
			out.Element(first+i, 0, float64(d[i/8]>>(i%8)&1))
		case !bits && int(2*i+2) <= len(d):
			out.Element(first+i, 0, float64(binary.BigEndian.Uint16(d[2*i:])))
		default:
			return
		}
	}
}
