package dns

const (
	maxName  = 255 // octets of a whole name, RFC 1035 2.3.4
	maxJumps = 16  // a name needs few; more is a loop
)

// skipName returns where the name at b[at:] ends, without following its pointers.
func skipName(b []byte, at int) (end int, ok bool) {
	for labels := 0; at < len(b) && labels < 128; labels++ {
		n := int(b[at])
		switch {
		case n == 0:
			return at + 1, true
		case n >= 0xc0:
			return at + 2, at+2 <= len(b)
		case n > 63:
			return 0, false
		}
		at += 1 + n
	}
	return 0, false
}

// readName appends the name at b[at:] in dotted form to dst, which has room
// for maxName bytes, and returns where it ends in the message.
func readName(b []byte, at int, dst []byte) (name []byte, end int, ok bool) {
	end, jumps := -1, 0
	for at < len(b) {
		n := int(b[at])
		switch {
		case n == 0:
			if end < 0 {
				end = at + 1
			}
			return dst, end, true
		case n >= 0xc0:
			if at+2 > len(b) || jumps == maxJumps {
				return nil, 0, false
			}
			if end < 0 {
				end = at + 2
			}
			at = n&0x3f<<8 | int(b[at+1])
			jumps++
			continue
		case n > 63 || at+1+n > len(b) || len(dst)+n+1 > maxName:
			return nil, 0, false
		}
		if len(dst) > 0 {
			dst = append(dst, '.')
		}
		dst = append(dst, b[at+1:at+1+n]...)
		at += 1 + n
	}
	return nil, 0, false
}
