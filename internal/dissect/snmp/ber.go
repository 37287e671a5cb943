package snmp

import "strconv"

// BER tags that SNMP uses.
const (
	tagInteger  = 0x02
	tagOctets   = 0x04
	tagOID      = 0x06
	tagSequence = 0x30
)

// element splits the first BER element off b. Lengths are definite, as RFC 3417
// section 8 wants; a length beyond b is refused.
func element(b []byte) (tag byte, value, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	tag = b[0]
	n, at := uint64(b[1]), 2
	if n >= 0x80 {
		width := int(n & 0x7f)
		if width == 0 || width > 4 || len(b) < 2+width {
			return tag, nil, nil, false
		}
		n = 0
		for _, x := range b[2 : 2+width] {
			n = n<<8 | uint64(x)
		}
		at += width
	}
	if n > uint64(len(b)-at) {
		return tag, nil, nil, false
	}
	end := at + int(n)
	return tag, b[at:end], b[end:], true
}

// integer reads an INTEGER of up to eight bytes.
func integer(b []byte) (v int64, rest []byte, ok bool) {
	tag, value, rest, ok := element(b)
	if !ok || tag != tagInteger || len(value) == 0 || len(value) > 8 {
		return 0, nil, false
	}
	return signed(value), rest, true
}

func signed(b []byte) int64 {
	v := int64(int8(b[0]))
	for _, x := range b[1:] {
		v = v<<8 | int64(x)
	}
	return v
}

// dotted appends an object identifier as 1.3.6.1…, cut when it does not fit dst's capacity.
func dotted(dst, oid []byte) []byte {
	var arc uint64
	first := true
	for _, x := range oid {
		if arc > 1<<56 {
			return dst // an arc is 32 bits at most
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

func hexadecimal(dst, b []byte) []byte {
	const digits = "0123456789abcdef"
	for _, x := range b {
		dst = append(dst, digits[x>>4], digits[x&0x0f])
	}
	return dst
}
