package cm

import (
	"encoding/binary"
	"math/bits"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// Types of blocks, IEC 61158-6-10, 5.2.1; an answer has 0x8000 added.
const (
	blockWrite     = 0x0008
	blockRead      = 0x0009
	blockIM0       = 0x0020
	blockIM1       = 0x0021
	blockIM3       = 0x0023
	blockAR        = 0x0101
	blockIOCR      = 0x0102
	blockSubmodule = 0x0104
	blockControl   = 0x0110 // to 0x0118: parameters end, application ready, release …
	blockControls  = 0x0118
	blockServer    = 0x8106 // the device's name, in answers

	answered = 0x8000

	indexMultiple = 0xe040
	recordHeader  = 64
)

// block takes the next block: its type and what stands behind the type and length.
func block(b []byte) (kind uint16, content, rest []byte, ok bool) {
	if len(b) < 6 {
		return 0, nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < 2 || n > len(b)-4 {
		return 0, nil, nil, false
	}
	return binary.BigEndian.Uint16(b), b[6 : 4+n], b[4+n:], true
}

// describe reads what the message is about.
func (f *flow) describe(m *ot.Message, b []byte, out *dissect.Sink) {
	for {
		kind, c, rest, ok := block(b)
		if !ok {
			return
		}
		whole := b
		b = rest
		switch k := kind &^ answered; {
		case kind == blockAR && len(c) >= 52:
			if n := int(binary.BigEndian.Uint16(c[50:])); n <= len(c)-52 {
				m.Name = c[52 : 52+n]
			}
		case kind == blockIOCR && len(c) >= 2:
			m.N++
			out.Also(kindRelation, uint32(binary.BigEndian.Uint16(c)), nil)
		case k >= blockControl && k <= blockControls:
			// reserved (2), relation (16), session (2), alarm number (2), command (2), properties (2)
			if len(c) >= 24 {
				if command := binary.BigEndian.Uint16(c[22:]); command != 0 {
					out.Also(kindControl, uint32(bits.TrailingZeros16(command)), nil)
				}
			}
		case k == blockWrite || k == blockRead:
			// number (2), relation (16), API (4), slot (2), subslot (2), padding (2), index (2), length (4)
			if len(c) < 34 {
				return
			}
			index := binary.BigEndian.Uint16(c[28:])
			if m.N == 0 {
				m.First, m.N = uint32(index), 1
				m.Area = uint32(binary.BigEndian.Uint16(c[22:]))<<16 | uint32(binary.BigEndian.Uint16(c[24:]))
			}
			out.Also(kindRecord, uint32(index), nil)
			if index != indexMultiple {
				return // what follows is the record
			}
			b = whole[min(len(whole), recordHeader):]
			f.several(b, out)
			return
		}
	}
}

// several reads the records of a multiple write: header, data, padding to four bytes.
func (f *flow) several(b []byte, out *dissect.Sink) {
	for len(b) >= recordHeader {
		kind, c, _, ok := block(b)
		if !ok || kind&^answered != blockWrite || len(c) < 34 {
			return
		}
		out.Also(kindRecord, uint32(binary.BigEndian.Uint16(c[28:])), nil)
		n := recordHeader
		if kind == blockWrite { // answers have no data
			n += int(min(binary.BigEndian.Uint32(c[30:]), uint32(len(b)))) // the length is the sender's word
			n += -n & 3
		}
		b = b[min(len(b), n):]
	}
}

// tell reads what the two sides say of themselves and of each other.
func (f *flow) tell(dir ot.Dir, b []byte, out *dissect.Sink) {
	for {
		kind, c, rest, ok := block(b)
		if !ok {
			return
		}
		whole := b
		b = rest
		switch kind {
		case blockAR:
			// type (2), relation (16), session (2), MAC (6), object (16), properties (4), time-out (2), port (2), length (2), name
			if len(c) < 52 {
				return
			}
			if n := int(binary.BigEndian.Uint16(c[50:])); n <= len(c)-52 {
				out.Fact("pn_io.station_name", c[52:52+n])
			}
			if binary.BigEndian.Uint32(c[26:]) == 0xdea00000 {
				out.Fact("pn_io.device_id", hex(f.text[:0], c[38:40]))
				out.Fact("pn_io.vendor_id", hex(f.text[:0], c[40:42]))
			}
		case blockServer:
			if len(c) < 2 {
				return
			}
			if n := int(binary.BigEndian.Uint16(c)); n <= len(c)-2 {
				out.Fact("pn_io.station_name", c[2:2+n])
			}
		case blockSubmodule:
			f.expected(c, out)
		case blockRead | answered:
			if len(c) >= 34 && dir == ot.Response {
				f.record(binary.BigEndian.Uint16(c[22:]), binary.BigEndian.Uint16(c[24:]), whole[min(len(whole), recordHeader):], out)
			}
			return
		case blockRead, blockWrite, blockWrite | answered:
			return
		}
	}
}

// expected reads which modules the controller expects in the device: number of APIs (2), then for each
// API (4), slot (2), module (4), properties (2), number of submodules (2), and for each
// subslot (2), submodule (4), properties (2), then one or two descriptions of six bytes.
func (f *flow) expected(c []byte, out *dissect.Sink) {
	if len(c) < 2 {
		return
	}
	n := binary.BigEndian.Uint16(c)
	c = c[2:]
	for ; n > 0 && len(c) >= 14; n-- {
		slot := binary.BigEndian.Uint16(c[4:])
		if slot != 0 && slot < 0x8000 {
			about := out.Dst
			if about.Module = f.modules.name(slot, 0); about.Module != "" {
				out.FactOf(about, "pn_io.module_ident", hex(f.text[:0], c[6:10]))
			}
		}
		subs := binary.BigEndian.Uint16(c[12:])
		for c = c[14:]; subs > 0 && len(c) >= 8; subs-- {
			size := 8 + 6
			if c[7]&3 == 3 { // inputs and outputs
				size += 6
			}
			c = c[min(len(c), size):]
		}
	}
}

// record reads an identification and maintenance record of a module, "I&M Functions" 3.2.
func (f *flow) record(slot, subslot uint16, b []byte, out *dissect.Sink) {
	kind, c, _, ok := block(b)
	if !ok {
		return
	}
	about := out.Src
	if slot != 0 {
		if about.Module = f.modules.name(slot, subslot); about.Module == "" {
			return
		}
	} else if subslot > 0x7fff { // a port or the interface itself: what it says is said of the whole, too
		return
	}
	switch kind {
	case blockIM0:
		// vendor (2), order code (20), serial number (16), hardware revision (2), V and firmware (1, 1, 1, 1), revision counter (2) …
		if len(c) < 44 {
			return
		}
		out.FactOf(about, "pn_io.vendor_id", hex(f.text[:0], c[:2]))
		out.FactOf(about, "pn_io.order_code", trim(c[2:22]))
		out.FactOf(about, "pn_io.serial", trim(c[22:38]))
		out.FactOf(about, "pn_io.hardware_revision", decimal(f.text[:0], uint32(binary.BigEndian.Uint16(c[38:]))))
		out.FactOf(about, "pn_io.firmware", release(f.text[:0], c[40:44]))
	case blockIM1: // function (32), location (22)
		if len(c) < 54 {
			return
		}
		out.FactOf(about, "pn_io.tag_function", trim(c[:32]))
		out.FactOf(about, "pn_io.tag_location", trim(c[32:54]))
	case blockIM3:
		out.FactOf(about, "pn_io.descriptor", trim(c[:min(len(c), 54)]))
	}
}
