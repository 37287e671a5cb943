package bacnet

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// tag is one encoded tag with its data, clause 20.2.1:
//
//	number (high nibble, 15: in the next octet) | class 0x08 | length, value or type (low 3 bits)
type tag struct {
	number  byte
	context bool // context specific; else application
	opening bool
	closing bool
	value   []byte
	bit     byte // the length/value/type field: an application Boolean's value
}

// Application tag numbers, clause 20.2.1.4.
const (
	appBoolean    = 1
	appUnsigned   = 2
	appSigned     = 3
	appReal       = 4
	appDouble     = 5
	appString     = 7
	appEnumerated = 9
	appObjectID   = 12
)

// next splits the first tag off b.
func next(b []byte) (t tag, rest []byte, ok bool) {
	if len(b) == 0 {
		return t, nil, false
	}
	head := b[0]
	b = b[1:]
	t.number, t.context, t.bit = head>>4, head&0x08 != 0, head&0x07
	if t.number == 15 {
		if len(b) == 0 {
			return t, nil, false
		}
		t.number, b = b[0], b[1:]
	}
	switch {
	case t.context && t.bit == 6:
		t.opening = true
		return t, b, true
	case t.context && t.bit == 7:
		t.closing = true
		return t, b, true
	case !t.context && t.number == appBoolean:
		return t, b, true
	}
	n := uint64(t.bit)
	if n == 5 {
		if len(b) == 0 {
			return t, nil, false
		}
		n, b = uint64(b[0]), b[1:]
		switch {
		case n == 254 && len(b) >= 2:
			n, b = uint64(binary.BigEndian.Uint16(b)), b[2:]
		case n == 255 && len(b) >= 4:
			n, b = uint64(binary.BigEndian.Uint32(b)), b[4:]
		case n >= 254:
			return t, nil, false
		}
	}
	if n > uint64(len(b)) {
		return t, nil, false
	}
	t.value = b[:n]
	return t, b[n:], true
}

const maxNesting = 16

// enclosed splits what stands between the opening tag that was just read and
// its closing tag.
func enclosed(b []byte) (inside, rest []byte, ok bool) {
	depth := 1
	for at := b; ; {
		t, after, ok := next(at)
		if !ok {
			return nil, nil, false
		}
		switch {
		case t.opening:
			if depth++; depth > maxNesting {
				return nil, nil, false
			}
		case t.closing:
			if depth--; depth == 0 {
				return b[:len(b)-len(at)], after, true
			}
		}
		at = after
	}
}

// unsigned is a big-endian number of up to four octets.
func unsigned(b []byte) uint32 {
	var v uint32
	for _, x := range b[:min(len(b), 4)] {
		v = v<<8 | uint32(x)
	}
	return v
}

// object splits an object identifier: ten bits of type, 22 of instance.
func object(b []byte) (kind, instance uint32, ok bool) {
	if len(b) != 4 {
		return 0, 0, false
	}
	v := binary.BigEndian.Uint32(b)
	return v >> 22, v & 0x3fffff, true
}

// number is a primitive value as a float, where it is one.
func (t tag) float() (float64, bool) {
	if t.context || t.opening || t.closing {
		return 0, false
	}
	switch {
	case t.number == appBoolean:
		return float64(t.bit & 1), true
	case (t.number == appUnsigned || t.number == appEnumerated) && len(t.value) >= 1 && len(t.value) <= 4:
		return float64(unsigned(t.value)), true
	case t.number == appSigned && len(t.value) >= 1 && len(t.value) <= 4:
		shift := 32 - 8*len(t.value)
		return float64(int32(unsigned(t.value)<<shift) >> shift), true
	case t.number == appReal && len(t.value) == 4:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(t.value))), true
	case t.number == appDouble && len(t.value) == 8:
		return math.Float64frombits(binary.BigEndian.Uint64(t.value)), true
	}
	return 0, false
}

// characters is a character string as UTF-8 (clause 20.2.9): the first octet
// names the character set. It aliases b, or dst where it had to be converted.
func characters(dst, b []byte) []byte {
	if len(b) < 1 {
		return nil
	}
	set, b := b[0], b[1:]
	switch set {
	case 4: // UCS-2
		for ; len(b) >= 2 && cap(dst)-len(dst) >= utf8.UTFMax; b = b[2:] {
			dst = utf8.AppendRune(dst, rune(binary.BigEndian.Uint16(b)))
		}
		return dst
	case 5: // ISO 8859-1
		return latin1(dst, b)
	case 0: // UTF-8, but devices from before 2010 write their own code page there
		if !utf8.Valid(b) {
			return latin1(dst, b)
		}
	}
	return b
}

func latin1(dst, b []byte) []byte {
	for _, x := range b {
		if cap(dst)-len(dst) < utf8.UTFMax {
			break
		}
		dst = utf8.AppendRune(dst, rune(x))
	}
	return dst
}
