package netbios

// Size of a name on the wire: a length of 32, two letters a byte, the end of the label list.
const encodedSize = 34

// Suffixes, the 16th byte of a name: what the name stands for.
const (
	Workstation = 0x00
	FileServer  = 0x20
)

// DecodeName reads an encoded name (RFC 1001 14.1: each half byte as 'A' plus
// its value) into dst, which needs room for 15 bytes, and returns the name
// without its padding, its suffix and how many bytes it took.
func DecodeName(b, dst []byte) (name []byte, suffix byte, size int, ok bool) {
	if len(b) < encodedSize || b[0] != 32 {
		return nil, 0, 0, false
	}
	for i := range 16 {
		hi, lo := b[1+2*i]-'A', b[2+2*i]-'A'
		if hi > 15 || lo > 15 {
			return nil, 0, 0, false
		}
		if c := hi<<4 | lo; i == 15 {
			suffix = c
		} else {
			dst = append(dst, c)
		}
	}
	for size = 33; size < len(b) && b[size] != 0; size += 1 + int(b[size]) { // a scope may follow
		if b[size] > 63 {
			return nil, 0, 0, false
		}
	}
	if size >= len(b) {
		return nil, 0, 0, false
	}
	return trimName(dst), suffix, size + 1, true
}

func trimName(b []byte) []byte {
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == 0) {
		b = b[:len(b)-1]
	}
	return b
}

// plain says whether b is a name as people give them; "\x01\x02__MSBROWSE__\x02" and "*" are not.
func plain(b []byte) bool {
	for _, c := range b {
		if c <= 0x20 || c == '*' || c == 0x7f {
			return false
		}
	}
	return len(b) > 0
}
