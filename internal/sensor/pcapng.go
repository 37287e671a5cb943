package sensor

import (
	"encoding/binary"
	"io"
	"math"
	"math/bits"

	"github.com/skanse/skanse/internal/ot"
)

// pcapng (draft-ietf-opsawg-pcapng): blocks of
//
//	type 4, total length 4, body, total length 4
//
// A section header block sets the byte order and starts interface numbers
// anew; an interface description block gives link type, snap length and time
// resolution; enhanced (6), simple (3) and the obsolete packet block (2) carry packets.
type pcapng struct {
	src    *fileSource
	win    *window
	order  binary.ByteOrder
	ifaces []iface
}

type iface struct {
	link   LinkType
	snap   uint32
	name   string
	num    uint64 // a tick is num/den ns; den a power of two only for binary resolutions
	shift  uint   // binary resolution: ticks a second are 1<<shift; 0 unless binary
	div    uint64 // ticks a ns, for resolutions finer than 1 ns
	offset int64  // seconds
}

const (
	blockSection   = 0x0a0d0d0a
	blockInterface = 1
	blockPacket    = 2
	blockSimple    = 3
	blockEnhanced  = 6
	maxInterfaces  = 4096
)

func (p *pcapng) next(out *Packet) error {
	for {
		at := p.win.offset()
		h, ok := p.win.peek(8)
		if !ok {
			if len(h) == 0 && p.win.failed() == nil {
				return io.EOF
			}
			return p.src.cut(at)
		}
		if binary.LittleEndian.Uint32(h) == blockSection {
			if err := p.section(at); err != nil {
				return err
			}
			continue
		}
		if p.order == nil {
			return p.damaged(at, "has no section header")
		}
		kind, total := p.order.Uint32(h), p.order.Uint32(h[4:])
		if total < 12 || total%4 != 0 {
			return p.damaged(at, "has a block of an impossible length")
		}
		switch kind {
		case blockInterface, blockPacket, blockSimple, blockEnhanced:
		default: // names, statistics, secrets, custom: passed over, of any size
			if !p.win.skip(int64(total)) {
				return p.src.cut(at)
			}
			continue
		}
		if total > maxRecord {
			return p.damaged(at, "has a packet of an impossible length")
		}
		b, ok := p.win.peek(int(total))
		if !ok {
			return p.src.cut(at)
		}
		p.win.consume(int(total))
		body := b[8 : total-4 : total-4]
		if kind == blockInterface {
			if err := p.describe(at, body); err != nil {
				return err
			}
			continue
		}
		if good := p.packet(kind, body, out); !good {
			return p.damaged(at, "has a packet that does not fit its block")
		}
		out.Offset = at
		return nil
	}
}

func (p *pcapng) damaged(at int64, what string) error {
	return ot.Errorf(ot.Damaged, "%s is damaged: it %s at byte %d, after packet %d; the packets before it are good", p.src.name, what, at, p.src.packets)
}

func (p *pcapng) section(at int64) error {
	b, ok := p.win.peek(12)
	if !ok {
		return p.src.cut(at)
	}
	switch {
	case binary.LittleEndian.Uint32(b[8:]) == 0x1a2b3c4d:
		p.order = binary.LittleEndian
	case binary.BigEndian.Uint32(b[8:]) == 0x1a2b3c4d:
		p.order = binary.BigEndian
	default:
		return p.damaged(at, "has a section without a byte order")
	}
	total := p.order.Uint32(b[4:])
	if total < 28 || total%4 != 0 || total > maxRecord {
		return p.damaged(at, "has a section header of an impossible length")
	}
	p.ifaces = p.ifaces[:0]
	if !p.win.skip(int64(total)) {
		return p.src.cut(at)
	}
	return nil
}

func (p *pcapng) describe(at int64, b []byte) error {
	if len(b) < 8 || len(p.ifaces) >= maxInterfaces {
		return p.damaged(at, "has an interface description that cannot be read")
	}
	i := iface{link: LinkType(p.order.Uint16(b)), snap: p.order.Uint32(b[4:]), num: 1000, div: 1}
	for o := b[8:]; len(o) >= 4; {
		code, n := p.order.Uint16(o), int(p.order.Uint16(o[2:]))
		padded := 4 + (n+3)&^3
		if code == 0 || padded > len(o) {
			break
		}
		v := o[4 : 4+n]
		switch {
		case code == 2: // if_name
			i.name = ot.Printable(string(v[:min(n, 64)]))
		case code == 9 && n == 1: // if_tsresol
			i.resolution(v[0])
		case code == 14 && n == 8: // if_tsoffset
			i.offset = int64(p.order.Uint64(v))
		}
		o = o[padded:]
	}
	p.ifaces = append(p.ifaces, i)
	return nil
}

// resolution sets how a tick becomes nanoseconds.
func (i *iface) resolution(v byte) {
	i.num, i.div, i.shift = 0, 1, 0
	switch e := uint(v & 0x7f); {
	case v&0x80 != 0:
		i.shift = min(e, 63)
		if e == 0 {
			i.num = 1e9
		}
	case e <= 9:
		i.num = uint64(math.Pow10(9 - int(e)))
	case e <= 28:
		i.num, i.div = 1, uint64(math.Pow10(min(int(e)-9, 19)))
	default:
		i.num = 1
	}
}

func (i *iface) time(ticks uint64) int64 {
	if i.shift > 0 {
		sec := ticks >> i.shift
		hi, lo := bits.Mul64(ticks&(1<<i.shift-1), 1e9)
		return (int64(sec)+i.offset)*1e9 + int64(hi<<(64-i.shift)|lo>>i.shift)
	}
	if i.div > 1 {
		return int64(ticks/i.div) + i.offset*1e9
	}
	return int64(ticks*i.num) + i.offset*1e9
}

func (p *pcapng) packet(kind uint32, b []byte, out *Packet) bool {
	var id, kept, wire uint32
	var ticks uint64
	switch {
	case kind == blockSimple && len(b) >= 4:
		wire = p.order.Uint32(b)
		b = b[4:]
		kept = min(wire, uint32(len(b)))
		if len(p.ifaces) > 0 && p.ifaces[0].snap > 0 {
			kept = min(kept, p.ifaces[0].snap)
		}
	case kind == blockEnhanced && len(b) >= 20:
		id = p.order.Uint32(b)
		ticks = uint64(p.order.Uint32(b[4:]))<<32 | uint64(p.order.Uint32(b[8:]))
		kept, wire = p.order.Uint32(b[12:]), p.order.Uint32(b[16:])
		b = b[20:]
	case kind == blockPacket && len(b) >= 20:
		id = uint32(p.order.Uint16(b))
		ticks = uint64(p.order.Uint32(b[4:]))<<32 | uint64(p.order.Uint32(b[8:]))
		kept, wire = p.order.Uint32(b[12:]), p.order.Uint32(b[16:])
		b = b[20:]
	default:
		return false
	}
	if uint64(kept) > uint64(len(b)) || int(id) >= len(p.ifaces) {
		return false
	}
	i := &p.ifaces[id]
	out.Data = b[:kept:kept]
	out.At = 0
	if kind != blockSimple { // a simple block has no time
		out.At = i.time(ticks)
	}
	out.Wire = max(int(wire), int(kept))
	if wire > 1<<30 {
		out.Wire = int(kept)
	}
	out.Link, out.Iface = i.link, i.name
	return true
}
