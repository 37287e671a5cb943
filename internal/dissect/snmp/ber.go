package snmp

import "github.com/skanse/skanse/internal/dissect/ber"

// BER tags that SNMP uses.
const (
	tagInteger  = 0x02
	tagOctets   = 0x04
	tagOID      = 0x06
	tagSequence = 0x30
)

// integer reads an INTEGER of up to eight bytes.
func integer(b []byte) (v int64, rest []byte, ok bool) {
	tag, value, rest, ok := ber.Next(b)
	if !ok || tag != tagInteger {
		return 0, nil, false
	}
	v, ok = ber.Int(value)
	return v, rest, ok
}

func hexadecimal(dst, b []byte) []byte {
	const digits = "0123456789abcdef"
	for _, x := range b {
		dst = append(dst, digits[x>>4], digits[x&0x0f])
	}
	return dst
}
