package sensor

import (
	"encoding/binary"
	"io"

	"github.com/skanse/skanse/internal/ot"
)

// The classic format (draft-ietf-opsawg-pcap):
//
//	file    magic 4, version 2+2, reserved 8, snap length 4, link type 4 (low 16 bits)
//	record  seconds 4, fraction 4, captured 4, on the wire 4 (, 8 more in the "modified" form), data
//
// The magic tells the byte order and whether fractions are µs or ns.
type pcap struct {
	src    *fileSource
	win    *window
	order  binary.ByteOrder
	little bool
	unit   int64 // ns a fraction
	header int   // bytes of a record's header
	link   LinkType
}

func newPcap(src *fileSource) (*pcap, error) {
	p := &pcap{src: src, win: src.win, unit: 1000, header: 16}
	h, ok := p.win.peek(24)
	if !ok {
		return nil, ot.Errorf(ot.Invalid, "%s is cut short in its file header: %d bytes of 24; record it again", src.name, len(h))
	}
	p.order, p.little = binary.ByteOrder(binary.LittleEndian), true
	switch binary.LittleEndian.Uint32(h) {
	case 0xd4c3b2a1, 0x4d3cb2a1, 0x34cdb2a1:
		p.order, p.little = binary.BigEndian, false
	}
	switch p.order.Uint32(h) {
	case 0xa1b23c4d:
		p.unit = 1
	case 0xa1b2cd34:
		p.header = 24
	}
	p.link = LinkType(p.order.Uint32(h[20:]))
	p.win.consume(24)
	return p, nil
}

func (p *pcap) next(out *Packet) error {
	// Nearly always the whole record is in the buffer, in this machine's order.
	if w := p.win; p.little && p.header == 16 && w.hi-w.lo >= 16 {
		h := w.buf[w.lo:w.hi]
		kept, wire := binary.LittleEndian.Uint32(h[8:]), binary.LittleEndian.Uint32(h[12:])
		if n := uint64(kept) + 16; n <= uint64(len(h)) && wire >= kept && wire < 1<<30 {
			out.Data = h[16:n:n]
			out.At = int64(binary.LittleEndian.Uint32(h))*1e9 + int64(binary.LittleEndian.Uint32(h[4:]))*p.unit
			out.Offset, out.Wire, out.Link, out.Iface = w.base+int64(w.lo), int(wire), p.link, ""
			w.lo += int(n)
			return nil
		}
	}
	return p.slow(out)
}

// slow reads any record, and tells the end from a cut.
func (p *pcap) slow(out *Packet) error {
	at := p.win.offset()
	h, ok := p.win.peek(p.header)
	if !ok {
		if len(h) == 0 && p.win.failed() == nil {
			return io.EOF
		}
		return p.src.cut(at)
	}
	var sec, frac, kept, wire uint32
	sec, frac = p.order.Uint32(h), p.order.Uint32(h[4:])
	kept, wire = p.order.Uint32(h[8:]), p.order.Uint32(h[12:])
	if kept > maxRecord {
		return ot.Errorf(ot.Damaged, "%s is damaged: packet %d at byte %d claims %d bytes; the packets before it are good", p.src.name, p.src.packets+1, at, kept)
	}
	n := p.header + int(kept)
	b, ok := p.win.peek(n)
	if !ok {
		return p.src.cut(at)
	}
	p.win.consume(n)
	out.Data = b[p.header:n:n]
	out.At = int64(sec)*1e9 + int64(frac)*p.unit
	out.Offset = at
	out.Wire = max(int(wire), int(kept))
	if wire > 1<<30 {
		out.Wire = int(kept)
	}
	out.Link = p.link
	out.Iface = ""
	return nil
}
