// Package ber splits ASN.1's basic and distinguished encoding (ITU-T X.690)
// into elements, without allocating and without trusting a length. It is for
// dissectors (MMS, GOOSE, SNMP, certificates); it knows no schema and writes nothing.
package ber

import "strconv"

// Next splits the first element off b. The tag is the identifier's octets as
// they stand on the wire: 0x30 a sequence, 0xa0 context 0, 0xbf48 context 72.
// Lengths are definite, as every profile of these protocols demands; one
// beyond b is refused.
func Next(b []byte) (tag uint32, value, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	tag, at := uint32(b[0]), 1
	if tag&0x1f == 0x1f {
		for {
			if at >= len(b) || at > 3 {
				return 0, nil, nil, false
			}
			x := b[at]
			tag, at = tag<<8|uint32(x), at+1
			if x&0x80 == 0 {
				break
			}
		}
		if at >= len(b) {
			return 0, nil, nil, false
		}
	}
	n := uint64(b[at])
	at++
	if n >= 0x80 {
		width := int(n & 0x7f)
		if width == 0 || width > 4 || len(b)-at < width {
			return tag, nil, nil, false
		}
		n = 0
		for _, x := range b[at : at+width] {
			n = n<<8 | uint64(x)
		}
		at += width
	}
	if n > uint64(len(b)-at) {
		return tag, nil, nil, false
	}
	end := at + int(n)
	return tag, b[at:end:end], b[end:], true
}

// Want returns the content of the first element of b if it has that tag.
func Want(b []byte, tag uint32) (value, rest []byte, ok bool) {
	t, value, rest, ok := Next(b)
	return value, rest, ok && t == tag
}

// Find returns the content of the first element with that tag among b's.
func Find(b []byte, tag uint32) (value []byte, ok bool) {
	for len(b) > 0 {
		t, value, rest, ok := Next(b)
		if !ok {
			return nil, false
		}
		if t == tag {
			return value, true
		}
		b = rest
	}
	return nil, false
}

// Number is an element's number without class and form: 72 of 0xbf48.
func Number(tag uint32) uint32 {
	switch {
	case tag < 1<<8:
		return tag & 0x1f
	case tag < 1<<16:
		return tag & 0x7f
	case tag < 1<<24:
		return tag>>8&0x7f<<7 | tag&0x7f
	}
	return tag>>16&0x7f<<14 | tag>>8&0x7f<<7 | tag&0x7f
}

// Int reads the content of an integer of up to eight octets.
func Int(b []byte) (v int64, ok bool) {
	if len(b) == 0 || len(b) > 8 {
		return 0, false
	}
	v = int64(int8(b[0]))
	for _, x := range b[1:] {
		v = v<<8 | int64(x)
	}
	return v, true
}

// Uint reads the content of an integer that is not negative; what does not fit is the largest.
func Uint(b []byte) uint32 {
	if len(b) > 5 || len(b) == 5 && b[0] != 0 {
		return 1<<32 - 1
	}
	var v uint32
	for _, x := range b {
		v = v<<8 | uint32(x)
	}
	return v
}

// OID appends an object identifier's content as 1.0.9506.2.1, cut when it does not fit dst's room.
func OID(dst, oid []byte) []byte {
	var arc uint64
	first := true
	for _, x := range oid {
		if arc > 1<<56 {
			return dst
		}
		arc = arc<<7 | uint64(x&0x7f)
		if x&0x80 != 0 {
			continue
		}
		if cap(dst)-len(dst) < 22 {
			return dst
		}
		if first {
			first = false
			root := min(arc/40, 2)
			dst = strconv.AppendUint(dst, root, 10)
			arc -= root * 40
		}
		dst = strconv.AppendUint(append(dst, '.'), arc, 10)
		arc = 0
	}
	return dst
}
