package enip

import (
	"encoding/binary"
	"math"
	"strconv"

	"github.com/skanse/skanse/internal/dissect"
)

// asking is a followed tag that a request reads: the answer gives values without names.
type asking struct {
	key   uint64
	sum   dissect.NameSum
	first uint32 // index of the first element that is read
	place int16  // in a Multiple Service Packet; -1: the request itself
	kind  uint16 // of a file of a PLC-5 or SLC, whose answers name no type; 0: a Logix tag
	one   bool   // what follows is another part of the element, not the next element
	used  bool
}

// follow looks for followed tags in a request. What is read is told by its answer; what is written, by the request.
func (f *flow) follow(p packet, out *dissect.Sink) {
	b := p.message
	for range 2 { // an Unconnected Send is opened once, as request does
		path, data, ok := split(b)
		if !ok {
			return
		}
		var t target
		t.parse(path)
		if b[0] != unconnectedSend || !t.hasClass || t.class != classConnection {
			break
		}
		if len(data) < 4 {
			return
		}
		n := int(binary.LittleEndian.Uint16(data[2:]))
		if n == 0 || len(data) < 4+n {
			return
		}
		b = data[4 : 4+n]
	}
	if len(b) < 2 || b[0] != multipleService {
		f.followOne(p.key, -1, b, out)
		return
	}
	_, data, ok := split(b)
	if !ok || len(data) < 2 || len(data) < 2+2*int(binary.LittleEndian.Uint16(data)) {
		return
	}
	for i := range int(binary.LittleEndian.Uint16(data)) {
		f.followOne(p.key, int16(i), nested(data, i), out)
	}
}

func (f *flow) followOne(key uint64, place int16, b []byte, out *dissect.Sink) {
	path, d, ok := split(b)
	if !ok {
		return
	}
	w := asking{key: key, place: place, used: true}
	switch b[0] {
	case readTag, readTagFragment:
		if w.sum, w.first, ok = tagSum(path); !ok || !out.FollowsName(w.sum) || b[0] == readTagFragment && (len(d) < 6 || binary.LittleEndian.Uint32(d[2:]) != 0) {
			return // of a list in several parts the first part has the first elements
		}
		f.remember(w)
	case writeTag: // type, number, values
		if w.sum, w.first, ok = tagSum(path); !ok || len(d) < 4 || !out.FollowsName(w.sum) {
			return
		}
		f.values(w, binary.LittleEndian.Uint16(d), d[4:], out)
	case executePCCC:
		var t target
		if !t.parse(path) || t.class != classPCCC {
			return
		}
		if values, writes, ok := w.file(d); ok && out.FollowsName(w.sum) {
			if writes {
				f.values(w, w.kind, values, out)
			} else {
				f.remember(w)
			}
		}
	}
}

func (f *flow) remember(w asking) {
	f.wants[f.want%uint8(len(f.wants))] = w
	f.want++
}

// tell reports the values that a response gives for the followed tags of its request.
func (f *flow) tell(p packet, out *dissect.Sink) {
	for i := range f.wants {
		w := &f.wants[i]
		if !w.used || w.key != p.key {
			continue
		}
		w.used = false
		b := p.message
		if w.place >= 0 {
			if len(b) < 4 || b[0] != multipleService|responseBit || len(b) < 4+2*int(b[3])+2 {
				continue
			}
			d := b[4+2*int(b[3]):]
			if n := int(binary.LittleEndian.Uint16(d)); int(w.place) >= n || len(d) < 2+2*n {
				continue
			}
			b = nested(d, int(w.place))
		}
		if len(b) < 4 || b[2] != 0 && b[2] != partial || len(b) < 4+2*int(b[3]) {
			continue
		}
		d := b[4+2*int(b[3]):]
		switch service := b[0] &^ responseBit; {
		case w.kind != 0 && service == executePCCC:
			if d, ok := pcccBody(d); ok && len(d) >= 4 && d[0]&0x40 != 0 && d[1] == 0 { // command, status, transaction (2), values
				f.values(*w, w.kind, d[4:], out)
			}
		case w.kind == 0 && (service == readTag || service == readTagFragment) && len(d) >= 2:
			f.values(*w, binary.LittleEndian.Uint16(d), d[2:], out)
		}
	}
}

// values reports each element. Structures have no values of their own here.
func (f *flow) values(w asking, kind uint16, d []byte, out *dissect.Sink) {
	width := widthOf(kind)
	for i := uint32(0); width > 0 && len(d) >= width; i++ {
		if v, ok := elementary(kind, d); ok {
			out.Named(w.sum, w.first+i, v)
		}
		if d = d[width:]; w.one {
			return
		}
	}
}

// tagSum sums the name that a path of symbols says, as its people write it:
// "Program:Main.Line[2].State". Where it ends in one index, that is told apart.
func tagSum(path []byte) (sum dissect.NameSum, first uint32, ok bool) {
	begun, inside := false, false // a symbol stood there; a bracket is open
	pending := int64(-1)          // an index that may be the last
	sum = dissect.SumName("")
	flush := func(end bool) {
		switch {
		case pending < 0:
		case end && !inside:
			first, pending = uint32(pending), -1
			return
		default:
			if inside {
				sum = dissect.AddName(sum, ",")
			} else {
				sum = dissect.AddName(sum, "[")
			}
			var text [20]byte
			sum = dissect.AddName(sum, strconv.AppendInt(text[:0], pending, 10))
			inside, pending = true, -1
		}
		if end && inside {
			sum, inside = dissect.AddName(sum, "]"), false
		}
	}
	for len(path) >= 2 {
		n := 2
		switch {
		case path[0] == 0x91:
			n += int(path[1])
			if n > len(path) {
				return 0, 0, false
			}
			if pending >= 0 {
				flush(false)
			}
			if inside {
				sum, inside = dissect.AddName(sum, "]"), false
			}
			if begun {
				sum = dissect.AddName(sum, ".")
			}
			sum, begun = dissect.AddName(sum, path[2:n]), true
			n += n & 1
		case path[0]>>2 == 0x28>>2 && begun: // a member: one, two or four bytes
			flush(false)
			switch size := path[0] & 3; {
			case size == 0:
				pending = int64(path[1])
			case size == 1 && len(path) >= 4:
				pending, n = int64(binary.LittleEndian.Uint16(path[2:])), 4
			case size == 2 && len(path) >= 6:
				pending, n = int64(binary.LittleEndian.Uint32(path[2:])), 6
			default:
				return 0, 0, false
			}
		default:
			return 0, 0, false
		}
		path = path[min(n, len(path)):]
	}
	flush(true)
	return sum, first, begun && len(path) == 0
}

// pcccBody cuts the requester's id, which says its own length, off a PCCC message.
func pcccBody(d []byte) ([]byte, bool) {
	if len(d) == 0 || d[0] == 0 || len(d) < int(d[0]) {
		return nil, false
	}
	return d[d[0]:], true
}

// Functions of command 0x0f that read and write by file, DF1 Protocol and Command Set (1770-6.5.16), chapter 7.
const (
	typedRead2  = 0xa1 // size, file, type, element
	typedRead3  = 0xa2 // and a part of the element
	typedWrite2 = 0xa9
	typedWrite3 = 0xaa
)

// file reads which elements of a file a command is about, and names them: "N7", "T4.ACC".
func (w *asking) file(d []byte) (values []byte, writes, ok bool) {
	d, ok = pcccBody(d)
	if !ok || len(d) < 6 || d[0] != 0x0f {
		return nil, false, false
	}
	function := d[4]
	if function != typedRead2 && function != typedRead3 && function != typedWrite2 && function != typedWrite3 {
		return nil, false, false
	}
	d = d[6:] // command, status, transaction (2), function, size
	number, d, ok1 := field(d)
	if !ok1 || len(d) < 1 {
		return nil, false, false
	}
	kind := d[0]
	element, d, ok2 := field(d[1:])
	part := uint16(0)
	ok = true
	if function == typedRead3 || function == typedWrite3 {
		part, d, ok = field(d)
	}
	letter, suffix := "", ""
	switch kind {
	case 0x84:
		letter, w.kind = "S", 0xc3
	case 0x85:
		letter, w.kind = "B", 0xd2
	case 0x86, 0x87, 0x88: // of three words: bits, preset or length, accumulator or position
		letter, w.kind, w.one = "TCR"[kind-0x86:kind-0x86+1], 0xc3, true
		switch {
		case part == 0 || part > 2:
			return nil, false, false
		case kind == 0x88:
			suffix = [...]string{".LEN", ".POS"}[part-1]
		default:
			suffix = [...]string{".PRE", ".ACC"}[part-1]
		}
	case 0x89:
		letter, w.kind = "N", 0xc3
	case 0x8a:
		letter, w.kind = "F", 0xca
	case 0x91:
		letter, w.kind = "L", 0xc4
	default:
		return nil, false, false
	}
	if !ok2 || !ok || suffix == "" && part != 0 {
		return nil, false, false
	}
	var text [8]byte
	w.sum = dissect.AddName(dissect.AddName(dissect.SumName(letter), strconv.AppendUint(text[:0], uint64(number), 10)), suffix)
	w.first = uint32(element)
	return d, function == typedWrite2 || function == typedWrite3, true
}

// field is one byte, or 0xff and two.
func field(d []byte) (v uint16, rest []byte, ok bool) {
	switch {
	case len(d) >= 1 && d[0] != math.MaxUint8:
		return uint16(d[0]), d[1:], true
	case len(d) >= 3:
		return binary.LittleEndian.Uint16(d[1:]), d[3:], true
	}
	return 0, nil, false
}
