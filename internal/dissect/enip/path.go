package enip

import "encoding/binary"

// target is what a CIP path leads to. A path is a list of segments, CIP Volume
// 1, C-1.4, each beginning with its type in the upper bits:
//
//	000 port      port (4 bits, 15: two bytes follow), 0x10: link address with its length first
//	001 logical   what (3 bits: class, instance, member, connection point, attribute, special), size (2 bits)
//	010 network   one byte, or 0x10: words
//	011 symbolic  length (5 bits), text
//	100 data      0x80 words, 0x91 text with its length first
type target struct {
	class    uint32
	instance uint32
	attr     uint32
	member   uint32
	symbol   []byte // first tag name
	more     []byte // second, of "Program:Main" . "Tag"
	hasClass bool
	safety   bool // a safety network segment stands in it
}

// logical segment types
const (
	logicalClass     = 0
	logicalInstance  = 1
	logicalMember    = 2
	logicalAttribute = 4
	logicalSpecial   = 5
)

// parse reads a padded path; the last class is the one addressed.
func (t *target) parse(p []byte) bool {
	for len(p) >= 2 {
		switch p[0] >> 5 {
		case 0: // port segments stand in routes, see hop
			_, rest, ok := hop(p)
			if !ok {
				return false
			}
			p = rest
			continue
		case 1:
			what, size := p[0]>>2&7, p[0]&3
			if what == logicalSpecial { // electronic key: format, then four words
				if len(p) < 10 {
					return false
				}
				p = p[10:]
				continue
			}
			var v uint32
			n := 2
			switch size {
			case 0:
				v = uint32(p[1])
			case 1:
				if n = 4; len(p) < n {
					return false
				}
				v = uint32(binary.LittleEndian.Uint16(p[2:]))
			case 2:
				if n = 6; len(p) < n {
					return false
				}
				v = binary.LittleEndian.Uint32(p[2:])
			default:
				return false
			}
			switch what {
			case logicalClass:
				t.class, t.instance, t.hasClass = v, 0, true
			case logicalInstance:
				t.instance = v
			case logicalMember:
				t.member = v
			case logicalAttribute:
				t.attr = v
			}
			p = p[n:]
		case 2:
			n := 2
			if p[0]&0x10 != 0 {
				n = 2 + 2*int(p[1])
			}
			if n > len(p) {
				return false
			}
			t.safety = t.safety || p[0] == safetySegment
			p = p[n:]
		case 4:
			n := int(p[1])
			if p[0] != 0x91 {
				if n = 2 + 2*n; n > len(p) {
					return false
				}
				p = p[n:]
				continue
			}
			if 2+n > len(p) {
				return false
			}
			if t.symbol == nil {
				t.symbol = p[2 : 2+n]
			} else if t.more == nil {
				t.more = p[2 : 2+n]
			}
			p = p[min(2+n+n&1, len(p)):]
		default:
			return false
		}
	}
	return len(p) == 0
}

// link is one step of a route.
type link struct {
	port    uint16 // 1: the backplane
	address []byte // a slot or node number, or an address as text
}

// hop takes one port segment off a route.
func hop(p []byte) (h link, rest []byte, ok bool) {
	h.port = uint16(p[0] & 15)
	n := 1
	long := p[0]&0x10 != 0
	size := 1
	if long {
		if len(p) < 2 {
			return h, nil, false
		}
		size, n = int(p[1]), 2
	}
	if h.port == 15 {
		if len(p) < n+2 {
			return h, nil, false
		}
		h.port = binary.LittleEndian.Uint16(p[n:])
		n += 2
	}
	if len(p) < n+size {
		return h, nil, false
	}
	h.address = p[n : n+size]
	if n += size; n&1 == 1 {
		n++
	}
	return h, p[min(n, len(p)):], true
}

// route cuts the port segments off the front of a path: the way to a module.
func route(p []byte) []byte {
	rest := p
	for len(rest) >= 2 && rest[0]>>5 == 0 {
		_, next, ok := hop(rest)
		if !ok {
			break
		}
		rest = next
	}
	return p[:len(p)-len(rest)]
}
