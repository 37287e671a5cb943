package dnp3

import "github.com/skanse/skanse/internal/dissect"

// header is an object header's range, clause 4.2.2.7.
type header struct {
	start  uint32 // first index
	count  uint32
	prefix int  // bytes of index (or size) before each object
	sized  bool // the prefix is a size
	all    bool // qualifier 6: everything, no range
}

// readRange reads qualifier and range and returns their length. The high
// nibble of the qualifier says what stands before each object, the low one what
// the range field holds.
func readRange(b []byte) (h header, n int, fault dissect.Fault) {
	q := b[0]
	switch prefix := q >> 4 & 7; prefix {
	case 0:
	case 1, 2:
		h.prefix = int(prefix)
	case 3:
		h.prefix = 4
	case 4, 5:
		h.prefix, h.sized = int(prefix)-3, true
	case 6:
		h.prefix, h.sized = 4, true
	default:
		return h, 0, dissect.BadValue
	}
	width, pair := 0, false
	switch q & 0x0f {
	case 0, 3:
		width, pair = 1, true
	case 1, 4:
		width, pair = 2, true
	case 2, 5:
		width, pair = 4, true
	case 6:
		h.all = true
	case 7, 0x0b:
		width = 1
	case 8:
		width = 2
	case 9:
		width = 4
	default:
		return h, 0, dissect.BadValue
	}
	n = 1 + width
	if pair {
		n += width
	}
	if len(b) < n {
		return h, 0, dissect.Short
	}
	h.count = little(b[1 : 1+width])
	if pair {
		stop := little(b[1+width : n])
		h.start = h.count
		if stop < h.start {
			return h, 0, dissect.BadValue
		}
		h.count = stop - h.start + 1
		if h.count == 0 {
			h.count = 1<<32 - 1 // 0 … 2³²-1: longer than any fragment either way
		}
	}
	return h, n, dissect.OK
}

// objectBits is the length of one object in bits, 0 when it is not fixed
// (annex A of IEEE 1815-2012).
func objectBits(group, variation byte) int {
	switch group {
	case 1, 10, 80:
		if variation == 1 {
			return 1
		}
	case 3:
		if variation == 1 {
			return 2
		}
	case 12:
		if variation == 3 {
			return 1
		}
	case 110, 111, 112, 113, 114: // octet strings: the variation is the length
		return 8 * int(variation)
	case 60:
		return 0
	}
	if variation == 0 {
		return 0
	}
	sizes := objectBytes(group)
	if int(variation) > len(sizes) {
		return 0
	}
	return 8 * int(sizes[variation-1]-'0')
}

// objectBytes lists the lengths of a group's variations from 1, as characters
// from '0' up (';' is 11, '=' is 13, '?' is 15): a string needs no table at start.
func objectBytes(group byte) string {
	switch group {
	case 1, 10:
		return "01" // packed; flags
	case 2, 4:
		return "173" // event; with time; with relative time
	case 3:
		return "01"
	case 11, 13:
		return "17"
	case 12:
		return ";;" // control relay output block; pattern control block
	case 20:
		return "53534242"
	case 21:
		return "5353;9;9424242"
	case 22, 23:
		return "5353;9;9"
	case 30:
		return "534259"
	case 31:
		return "53;94259"
	case 32, 33, 42, 43:
		return "53;959;?"
	case 34:
		return "244"
	case 40, 41:
		return "5359"
	case 50:
		return "6:6;"
	case 51:
		return "66"
	case 52:
		return "22"
	case 81:
		return "3"
	case 101:
		return "248"
	case 102:
		return "1"
	case 120:
		return "006" // only the authentication request has a fixed length
	case 121:
		return "7"
	case 122:
		return "7="
	}
	return ""
}
