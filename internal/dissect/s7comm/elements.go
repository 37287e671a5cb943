package s7comm

import (
	"encoding/binary"
	"math"

	"github.com/skanse/skanse/internal/dissect"
)

// asked are the newest reads that wait for their answers: an answer says what the
// variables hold, but not which they are. They are kept only where values are followed.
type asked struct {
	recs [4]struct {
		ref uint16
		n   uint16 // bytes of param; 0: there is none
		p   [maxAsked]byte
	}
	next uint8
}

// maxAsked is the parameter part of twenty variables, which is what common controllers take at once.
const maxAsked = 2 + 20*12

func (a *asked) note(ref uint16, p []byte) {
	if len(p) > maxAsked {
		return
	}
	r := &a.recs[a.next%uint8(len(a.recs))]
	r.ref, r.n = ref, uint16(copy(r.p[:], p))
	a.next++
}

// take gives the parameters of the newest read of that number, which is then forgotten.
func (a *asked) take(ref uint16) []byte {
	for i := 1; i <= len(a.recs); i++ {
		r := &a.recs[(int(a.next)+2*len(a.recs)-i)%len(a.recs)]
		if r.n > 0 && r.ref == ref {
			p := r.p[:r.n]
			r.n = 0
			return p
		}
	}
	return nil
}

// noFirst is an address that nothing has.
const noFirst = math.MaxUint32

// elements reports the values of the variables that stand in the message's own area and
// block; the one at first was told with the message. A variable of many elements is
// told by each of them. data: an item each, at even bytes but the last.
func elements(p, data []byte, space uint16, area, first uint32, out *dissect.Sink) {
	if len(p) < 2 {
		return
	}
	count, p := int(p[1]), p[2:]
	for i := range count {
		if len(p) < 2 || len(p) < 2+int(p[1]) || len(data) < 4 {
			return
		}
		item, n := p[2:2+int(p[1])], itemLen(data)
		if data[0] != succeeded && data[0] != 0 { // of a write's data the code is 0
			n = 0
		}
		if len(data) < 4+n {
			return
		}
		if n > 0 && len(item) >= 10 && item[0] == 0x10 && uint16(item[6]) == space && uint32(binary.BigEndian.Uint16(item[4:])) == area && item[6]>>4 == 8 {
			at := (uint32(item[7])<<16 | uint32(item[8])<<8 | uint32(item[9])) >> 3
			several(item[1], at, first, data[:4+n], out)
		}
		next := 4 + n
		if i < count-1 && n&1 == 1 {
			next++
		}
		data = data[min(next, len(data)):]
		if next = 2 + int(p[1]); i < count-1 && next&1 == 1 {
			next++
		}
		p = p[min(next, len(p)):]
	}
}

// several reports the elements of one variable. Of bytes in a row nobody knows whether
// four of them are a number or a REAL, so only bytes and words are told of them.
func several(size byte, at, first uint32, d []byte, out *dissect.Sink) {
	w := width(size)
	v := d[4:]
	switch {
	case size == bitSize:
		return
	case w == 1 && len(v) > 1:
		for i := range v {
			out.Element(at+uint32(i), 1, float64(v[i]))
			if i+1 < len(v) {
				out.Element(at+uint32(i), 2, float64(int16(binary.BigEndian.Uint16(v[i:]))))
			}
		}
		return
	}
	one := [8]byte{d[0], 9} // an item of its own, its length in bytes
	binary.BigEndian.PutUint16(one[2:], uint16(w))
	for ; len(v) >= int(w); v, at = v[w:], at+w {
		copy(one[4:], v[:w])
		if x, ok := valueOf(size, one[:4+w]); ok && at != first {
			out.Element(at, uint8(w), x)
		}
	}
}
