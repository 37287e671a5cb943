package ethercat

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Registers of a station's controller, ETG.1000.4, clause 6.
const (
	regAddress    = 0x0010 // the station's own
	regProtection = 0x0020 // to 0x0031
	regControl    = 0x0120 // state that is asked for
	regMemory     = 0x0502 // control of the memory (SII), then address
	regMemoryData = 0x0508
	regFMMU       = 0x0600
	regSync       = 0x0800
	regClocks     = 0x0900
	regClocksEnd  = 0x09ff
)

// weigh orders datagrams: what changes a station before what reads one, the cycle last.
func weigh(d *datagram) int {
	switch {
	case !d.writes():
		if d.command >= cmdLRD && d.command <= cmdLRW {
			return 0
		}
		return 1
	case d.ado == regControl:
		return 5
	case d.ado == regMemory && d.writesMemory():
		return 4
	case d.ado < regClocks:
		return 3
	case d.ado >= mailboxFrom:
		return 2
	}
	return 1
}

// writes says whether a command writes registers or memory of stations: APWR, APRW, FPWR, FPRW, BWR, BRW.
func (d *datagram) writes() bool {
	switch d.command {
	case 2, 3, cmdFPWR, 6, 8, 9:
		return true
	}
	return false
}

// writesMemory says whether the control of the memory is told to write, not to read.
func (d *datagram) writesMemory() bool { return len(d.data) >= 2 && d.data[1]&0x02 != 0 }

// describe fills the message with the weightiest datagram.
func describe(m *ot.Message, d *datagram, out *dissect.Sink) {
	m.Code = uint32(d.command)
	if d.command >= cmdLRD && d.command <= cmdLRW {
		m.N = uint32(len(d.data))
		return // cyclic
	}
	m.First, m.N = uint32(d.ado), uint32(len(d.data))
	if m.Dir == ot.Response && d.counter == 0 {
		m.Flags |= ot.Refused // no station took part
	}
	if !d.writes() {
		return
	}
	if d.command == cmdFPWR || d.command == 6 {
		m.Unit = uint32(d.adp)
	}
	switch {
	case d.ado == regControl && len(d.data) >= 1:
		out.Also(kindCommand, m.Code, nil)
		m.Kind, m.Code = kindState, uint32(d.data[0]&15)
	case d.ado == regMemory:
		m.Class = ot.Read
		if d.writesMemory() {
			m.Class = ot.Firmware
		}
	case d.ado >= regClocks && d.ado <= regClocksEnd:
		m.Class = ot.Cyclic
	case d.ado >= mailboxFrom:
		m.Class = ot.Write
	case d.ado == regAddress || d.ado >= regProtection && d.ado < regProtection+0x12 || d.ado >= regFMMU && d.ado < regClocks:
		m.Class = ot.Configure
	default:
		m.Class = ot.Other
	}
}

// memory is the word of a station's memory that was asked for.
type memory struct {
	station uint16
	word    uint32
}

// askMemory notes which word a station was told to read: control (2), address (4).
func (f *flow) askMemory(d *datagram) {
	if len(d.data) < 6 || d.data[1]&0x01 == 0 {
		return
	}
	for i := range f.memory {
		if f.memory[i].station == d.adp {
			f.memory[i].word = binary.LittleEndian.Uint32(d.data[2:])
			return
		}
	}
	f.memory[f.next%uint8(len(f.memory))] = memory{d.adp, binary.LittleEndian.Uint32(d.data[2:])}
	f.next++
}

// tellMemory reads words of a station's memory, ETG.1000.6, table 16: 8 vendor, 10 product, 12 revision, 14 serial number.
func (f *flow) tellMemory(d *datagram, out *dissect.Sink) {
	if d.counter == 0 {
		return
	}
	for i := range f.memory {
		if f.memory[i].station != d.adp || d.adp == 0 {
			continue
		}
		word := f.memory[i].word
		for v := d.data; len(v) >= 4; v = v[4:] {
			f.identity(d.adp, word, binary.LittleEndian.Uint32(v), out)
			word += 2
		}
		return
	}
}

func (f *flow) identity(station uint16, word, v uint32, out *dissect.Sink) {
	var attr ot.Attr
	switch word {
	case 8:
		attr = "ethercat.vendor_id"
	case 10:
		attr = "ethercat.product_code"
	case 12:
		attr = "ethercat.revision"
	case 14:
		attr = "ethercat.serial"
	default:
		return
	}
	if v != 0 && v != 0xffffffff {
		f.fact(station, attr, hex(f.text[:0], v), out)
	}
}
