package dnp3

// crcTable is CRC-16/DNP (polynomial 0x3d65, reflected 0xa6bc, inverted) for
// eight bytes at a time: a byte-wise table costs three times as much, and the
// CRC is most of the work of a frame.
type crcTable [8][256]uint16

func newCRC() *crcTable {
	t := &crcTable{}
	for i := range 256 {
		c := uint16(i)
		for range 8 {
			if c&1 != 0 {
				c = c>>1 ^ 0xa6bc
			} else {
				c >>= 1
			}
		}
		t[0][i] = c
	}
	for k := 1; k < 8; k++ {
		for i := range 256 {
			prev := t[k-1][i]
			t[k][i] = prev>>8 ^ t[0][byte(prev)]
		}
	}
	return t
}

func (t *crcTable) sum(b []byte) uint16 {
	var c uint16
	for len(b) >= 8 {
		c = t[7][b[0]^byte(c)] ^ t[6][b[1]^byte(c>>8)] ^ t[5][b[2]] ^ t[4][b[3]] ^
			t[3][b[4]] ^ t[2][b[5]] ^ t[1][b[6]] ^ t[0][b[7]]
		b = b[8:]
	}
	for _, x := range b {
		c = c>>8 ^ t[0][byte(c)^x]
	}
	return ^c
}

// ok says whether b, a block with its CRC in the last two bytes, is whole.
func (t *crcTable) ok(b []byte) bool {
	n := len(b) - 2
	return n > 0 && t.sum(b[:n]) == uint16(b[n])|uint16(b[n+1])<<8
}
