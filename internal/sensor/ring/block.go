package ring

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/skanse/skanse/internal/sensor"
)

// A block is records one behind the other, in the byte order of little machines:
//
//	packet  kind 1, how 1, link 2, kept 4, wire 4, - 4, number 8, time 8, bytes
//	vouch   kind 1, - 15,                               number 8, - 8
type block struct {
	data        []byte
	packets     int
	first, last mark
	readers     atomic.Int32
}

type mark struct {
	number uint64
	at     int64
}

const (
	recordBytes = 32

	kindPacket = 1
	kindVouch  = 2
)

func (b *block) reset() {
	b.data, b.packets, b.first, b.last = b.data[:0], 0, mark{}, mark{}
}

func (b *block) packet(p *sensor.Packet, how sensor.KeptHow, n int) {
	m := mark{p.Number, p.At}
	if b.packets == 0 {
		b.first = m
	}
	if b.packets++; p.At > b.last.at || b.last.number == 0 {
		b.last.at = p.At
	}
	b.first.at = min(b.first.at, p.At)
	b.last.number = p.Number
	at := len(b.data)
	b.data = b.data[:at+recordBytes]
	h := b.data[at:]
	h[0], h[1] = kindPacket, byte(how)
	binary.LittleEndian.PutUint16(h[2:], uint16(p.Link))
	binary.LittleEndian.PutUint32(h[4:], uint32(n))
	binary.LittleEndian.PutUint32(h[8:], uint32(p.Wire))
	clear(h[12:16])
	binary.LittleEndian.PutUint64(h[16:], p.Number)
	binary.LittleEndian.PutUint64(h[24:], uint64(p.At))
	b.data = append(b.data, p.Data[:n]...)
}

func (b *block) vouch(number uint64) {
	at := len(b.data)
	b.data = b.data[:at+recordBytes]
	h := b.data[at:]
	clear(h)
	h[0] = kindVouch
	binary.LittleEndian.PutUint64(h[16:], number)
}

// record is one of a block, read.
type record struct {
	kind   byte
	how    sensor.KeptHow
	packet sensor.Packet // of a vouch only the number
}

// next reads a record and returns what comes behind it; false where the bytes are
// not records, or end within one.
func next(b []byte, r *record) (rest []byte, ok bool) {
	if len(b) < recordBytes {
		return nil, false
	}
	*r = record{kind: b[0], how: sensor.KeptHow(b[1])}
	switch r.kind {
	case kindVouch:
		r.packet.Number = binary.LittleEndian.Uint64(b[16:])
		return b[recordBytes:], true
	case kindPacket:
		n := int64(binary.LittleEndian.Uint32(b[4:]))
		if n > int64(len(b)-recordBytes) {
			return nil, false
		}
		end := recordBytes + int(n)
		r.packet = sensor.Packet{
			Data: b[recordBytes:end:end], At: int64(binary.LittleEndian.Uint64(b[24:])), Number: binary.LittleEndian.Uint64(b[16:]),
			Wire: max(int(binary.LittleEndian.Uint32(b[8:])), int(n)), Link: sensor.LinkType(binary.LittleEndian.Uint16(b[2:])),
		}
		return b[end:], true
	}
	return nil, false
}
