package bacnet

import "github.com/skanse/skanse/internal/dissect"

// MS/TP frame (clause 9.3) as it stands behind a SNAP header, without preamble:
//
//	3 bytes of the adapter | type | destination | source | length 2 | header CRC | NPDU
const (
	mstpHeader  = 9
	mstpReply   = 5 // BACnet data expecting reply
	mstpNoReply = 6
)

// ether takes the payload of an LLC or SNAP frame.
func (c *context) ether(b []byte) dissect.Fault {
	if isMSTP(b) {
		n := int(b[6])<<8 | int(b[7])
		switch {
		case b[3] != mstpReply && b[3] != mstpNoReply:
			m := c.out.Begin()
			m.Kind, m.Code, m.Unit = kindMSTP, uint32(b[3]), uint32(b[5])
			c.out.End()
			return dissect.OK
		case n > len(b)-mstpHeader:
			return dissect.Short
		}
		return c.npdu(b[mstpHeader : mstpHeader+n])
	}
	if len(b) < 2 {
		return dissect.Short
	}
	if b[0] != 1 {
		return dissect.Alien
	}
	return c.npdu(b)
}

func isMSTP(b []byte) bool { return len(b) >= mstpHeader && crc8(b[3:8]) == b[8] }

// crc8 is the header CRC of annex G.1, in the standard's own shift form.
func crc8(b []byte) byte {
	crc := byte(0xff)
	for _, x := range b {
		v := uint16(crc ^ x)
		v = v ^ v<<1 ^ v<<2 ^ v<<3 ^ v<<4 ^ v<<5 ^ v<<6 ^ v<<7
		crc = byte(v&0xfe) ^ byte(v>>8&1)
	}
	return ^crc
}
