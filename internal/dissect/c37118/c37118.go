// Package c37118 dissects IEEE C37.118.2 synchrophasors, by which measuring
// units and data concentrators stream phasors of a grid: data, header and
// configuration frames, commands, and which stations and channels a stream
// has. Measurements are not read.
//
//	0  1  0xaa
//	1  1  frame type (bits 4-6: 0 data, 1 header, 2, 3, 5 configuration 1, 2, 3; 4 command) and version
//	2  2  length with this header and the check sum
//	4  2  id of the stream
//	6  4  seconds since 1970
//	10 4  time quality 1, fraction of the second 3
//	14 …  what the type has
//	…  2  CRC-CCITT
package c37118

import (
	"encoding/binary"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

// The kinds of codes, in the order of Spec.
const (
	kindFrame ot.Kind = iota
	kindCommand
)

// Frame types.
const (
	frameData    = 0
	frameHeader  = 1
	frameConfig1 = 2
	frameConfig2 = 3
	frameCommand = 4
	frameConfig3 = 5
)

const (
	header  = 14
	crcSize = 2
	// maxSpan is what Frame checks at once out of step; a data frame of a large concentrator.
	maxSpan = 4096
)

// Protocol is the dissector.
type Protocol struct{}

// Spec says where it lives.
func (Protocol) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: "c37.118", Kinds: []string{"frame", "command"}}},
		Transport: dissect.TCP | dissect.UDP,
		TCP:       []uint16{4712, 4711},
		UDP:       []uint16{4713},
		MaxPDU:    64 << 10,
		MaxState:  maxStations*48 + 256,
	}
}

// Probe wants a frame whose check sum is right; a frame that is not whole yet tells nothing.
func (Protocol) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	if len(b) > 0 && b[0] != 0xaa || len(b) > 1 && (b[1]&0x80 != 0 || b[1]>>4 > frameConfig3 || b[1]&15 == 0 || b[1]&15 > 3) {
		return dissect.No
	}
	if len(b) < 4 {
		return dissect.More
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case n < header+crcSize || n > maxSpan:
		return dissect.No
	case n > len(b):
		return dissect.More
	case !sound(b[:n]):
		return dissect.No
	}
	return dissect.Yes
}

// sound checks the CRC-CCITT (polynomial 0x1021, from 0xffff) of a whole frame.
func sound(b []byte) bool {
	crc := uint16(0xffff)
	for _, x := range b[:len(b)-crcSize] {
		t := crc>>8 ^ uint16(x)
		t ^= t >> 4
		crc = crc<<8 ^ t<<12 ^ t<<5 ^ t
	}
	return crc == binary.BigEndian.Uint16(b[len(b)-crcSize:])
}

// Open makes a stream's state.
func (Protocol) Open() dissect.Flow { return &flow{} }

type flow struct {
	client   bool
	id       uint16 // of the stream that was told
	told     [3]bool
	stations []station // names of modules, so that none is made twice
	config   uint32    // checksum of the configuration that was told
	text     [64]byte
}

func (f *flow) Reset() {
	f.client, f.id, f.told, f.config = false, 0, [3]bool{}, 0
	clear(f.stations)
	f.stations = f.stations[:0]
}

func (f *flow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	for ; len(b)-skip >= 4; skip++ {
		h := b[skip:]
		if h[0] != 0xaa || h[1]&0x80 != 0 || h[1]>>4 > frameConfig3 || h[1]&15 == 0 {
			synced = false
			continue
		}
		n := int(binary.BigEndian.Uint16(h[2:]))
		if n < header+crcSize {
			synced = false
			continue
		}
		if synced {
			return skip, n
		}
		if n > maxSpan {
			continue
		}
		if n > len(h) {
			return skip, 0
		}
		if sound(h[:n]) {
			return skip, n
		}
	}
	return skip, 0
}

func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < header+crcSize {
		return dissect.Short
	}
	if b[0] != 0xaa || b[1]&0x80 != 0 || b[1]>>4 > frameConfig3 {
		return dissect.Alien
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < header+crcSize {
		return dissect.BadValue
	}
	fault := dissect.OK
	if n > len(b) {
		fault, n = dissect.Short, len(b)
	}
	kind, id := b[1]>>4, binary.BigEndian.Uint16(b[4:])
	m := out.Begin()
	m.Kind, m.Code, m.Unit, m.Dir = kindFrame, uint32(kind), uint32(id), ot.Response
	if kind == frameCommand {
		m.Dir = ot.Request
		m.Flags |= ot.Inner
	}
	if !f.client && dir != ot.DirNone {
		f.client = true
		if kind == frameCommand {
			out.Client(dir)
		} else {
			out.Client(dir.Reverse())
		}
	}
	out.End()
	if !f.told[m.Dir] || f.id != id {
		if f.id != id {
			f.told = [3]bool{}
		}
		f.id, f.told[m.Dir] = id, true
		if m.Dir == ot.Request {
			f.number(out.Src, "synphasor.asks_idcode", uint64(id), out)
		} else {
			f.number(out.Src, "synphasor.idcode", uint64(id), out)
		}
	}
	body := b[header : n-crcSize]
	switch kind {
	case frameCommand:
		if len(body) < 2 {
			return max(fault, dissect.Short)
		}
		code := binary.BigEndian.Uint16(body)
		m := out.Begin()
		m.Kind, m.Code, m.Unit, m.Dir = kindCommand, uint32(code), uint32(id), ot.Request
		out.End()
	case frameHeader:
		out.Fact("synphasor.header", body)
	case frameConfig1, frameConfig2:
		if fault == dissect.OK && f.fresh(body) {
			fault = f.configuration(body, id, out)
		}
	case frameConfig3:
		if fault == dissect.OK && f.fresh(body) {
			fault = f.configuration3(body, id, out)
		}
	}
	return fault
}
