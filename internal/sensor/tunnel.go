package sensor

import "encoding/binary"

// What carries packets in packets. Tags of one frame (VLAN, MPLS, PPPoE, HSR) are stepped over; a tunnel
// between two routers or switches is a conversation of its own, and the packet
// in it is taken as if it had come alone.

// Numbers of encapsulations.
const (
	etherMPLS      = 0x8847
	etherMPLSMany  = 0x8848
	etherPPPoE     = 0x8864
	etherHSR       = 0x892f
	etherCiscoTag  = 0x8909 // TrustSec: version 1, length 1, option 2, tag 2
	etherBridged   = 0x6558 // Ethernet in GRE
	etherERSPAN    = 0x88be // type II, and I where GRE has no sequence number
	etherERSPAN3   = 0x22eb
	portVXLAN      = 4789
	portVXLANLinux = 8472

	maxTunnels = 4 // packets in packets; more is an attack
	maxTags    = 8 // of one frame, beyond VLANs
	maxLabels  = 8 // of one MPLS stack
)

// tag follows what stands between a frame's addresses and its payload.
//
//	0x8847 MPLS:  label 20 bits, class 3, bottom of stack 1, TTL 8; then IP, or a control word (first half-byte 0) and Ethernet, or Ethernet
//	0x8864 PPPoE: version and type 0x11, code 0 (session), session 2, length 2; PPP protocol 2: 0x0021 IPv4, 0x0057 IPv6
//	0x892f HSR:   path and size 2, sequence number 2, type 2
//	0x8909 Cisco: version 1, length 1, option 2, group 2, type 2
//
// A frame of a redundant network (PRP) ends with sequence number 2, LAN and size 2, 0x88fb.
func (f *frame) tag(t uint16, b []byte) decoded {
	if f.depth++; f.depth > maxTags {
		return bad
	}
	switch t {
	case etherMPLS, etherMPLSMany:
		for n := 0; n < maxLabels && len(b) >= 4; n++ {
			bottom := b[2]&1 == 1
			if b = b[4:]; bottom {
				return f.labelled(b)
			}
		}
		return bad
	case etherPPPoE:
		if len(b) < 8 || b[0] != 0x11 || b[1] != 0 {
			break // not a session's data
		}
		if n := int(binary.BigEndian.Uint16(b[4:])); n >= 2 && 6+n < len(b) {
			b = b[:6+n]
		}
		switch binary.BigEndian.Uint16(b[6:]) {
		case 0x0021:
			return f.ip4(b[8:])
		case 0x0057:
			return f.ip6(b[8:])
		}
	case etherHSR, etherCiscoTag:
		head := 4
		if t == etherCiscoTag {
			head = 6
		}
		if len(b) < head+2 {
			return bad
		}
		return f.etherType(binary.BigEndian.Uint16(b[head:]), b[head+2:])
	}
	if n := redundancyTrailer(b); n > 0 {
		b = b[:len(b)-n]
	}
	f.carries, f.etype, f.payload = carriesEther, t, b
	return good
}

func (f *frame) labelled(b []byte) decoded {
	if len(b) == 0 {
		return bad
	}
	switch b[0] >> 4 {
	case 4:
		return f.ip4(b)
	case 6:
		return f.ip6(b)
	case 0:
		if len(b) >= 4+14 {
			return f.ethernet(b[4:])
		}
	}
	return f.ethernet(b)
}

// redundancyTrailer is the length of a frame's PRP trailer, 0 without one. b begins behind the EtherType; the size
// in the trailer counts from there, by some senders with the VLAN tag.
func redundancyTrailer(b []byte) int {
	if len(b) < 6 || b[len(b)-2] != 0x88 || b[len(b)-1] != 0xfb {
		return 0
	}
	lan, size := b[len(b)-4]>>4, int(b[len(b)-4]&15)<<8|int(b[len(b)-3])
	if lan != 0xa && lan != 0xb || size != len(b) && size != len(b)+4 {
		return 0
	}
	return 6
}

// gre finds the packet in a GRE packet, RFC 2784 and 2890.
//
//	0 2  0x8000 checksum, 0x2000 key, 0x1000 sequence number: 4 bytes each; version in the lowest 3 bits
//	2 2  EtherType of what follows
//
// ERSPAN II: version 1 (4 bits), VLAN 12, session … 8 bytes. ERSPAN III: version 2, VLAN, … 12 bytes, and 8
// more where the last bit is set; frame type in bits 10 to 6 of its last half: 0 Ethernet, 2 IP.
func (f *frame) gre(b []byte) {
	if len(b) < 4 || b[1]&7 != 0 {
		return
	}
	head := 4
	for _, bit := range [...]byte{0x80, 0x20, 0x10} {
		if b[0]&bit != 0 {
			head += 4
		}
	}
	link := LinkEthernet
	switch t := binary.BigEndian.Uint16(b[2:]); {
	case t == 0x0800 || t == 0x86dd:
		link = LinkRaw
	case t == etherBridged:
	case t == etherERSPAN && b[0]&0x10 == 0: // type I has no header
	case t == etherERSPAN && len(b) >= head+8 && b[head]>>4 == 1:
		f.innerVLAN = binary.BigEndian.Uint16(b[head:]) & 0xfff
		head += 8
	case t == etherERSPAN3 && len(b) >= head+12 && b[head]>>4 == 2:
		f.innerVLAN = binary.BigEndian.Uint16(b[head:]) & 0xfff
		last := binary.BigEndian.Uint16(b[head+10:])
		if last>>10&31 == 2 {
			link = LinkRaw
		}
		head += 12
		if last&1 == 1 {
			head += 8
		}
	default:
		return
	}
	f.carry(b, head, link)
}

// vxlan finds the frame in a VXLAN packet, RFC 7348: flags 0x08 and zeros, VNI 3, zero.
func (f *frame) vxlan(b []byte) {
	if len(b) >= 8+14 && b[0] == 8 && b[1]|b[2]|b[3]|b[7] == 0 {
		f.carry(b, 8, LinkEthernet)
	}
}

func (f *frame) carry(b []byte, head int, link LinkType) {
	if head < len(b) {
		f.payload, f.inner, f.innerLink = b[:head], b[head:], link
	}
}

// unwrap makes the packet that a tunnel carries, of the frame around it.
func (f *frame) unwrap(p, in *Packet) {
	*in = *p
	in.Data, in.Link = f.inner, f.innerLink
	in.Wire = len(f.inner) + f.missing
	in.vlan = 0
	if in.Link == LinkEthernet {
		if in.vlan = f.innerVLAN; in.vlan == 0 {
			in.vlan = f.vlan
		}
	}
}

// joint puts the fragments of tunnels together where packets are given out to lanes: which lane the packet
// inside belongs to, only the whole tells. (A fragmented VXLAN packet is not put together: its senders forbid that.)
type joint struct {
	lane  *lane // for its buffers
	frame frame
}

func newJoint() joint {
	return joint{lane: &lane{budget: Budget{Buffer: 1 << 20}, health: Health{BudgetHit: map[string]uint64{}}}}
}

// whole returns the datagram that the fragment completes.
func (j *joint) whole(f *frame) *frame {
	if f.proto != ipGRE && f.proto != ipInIP4 && f.proto != ipInIP6 {
		return nil
	}
	if j.lane.assembled != nil {
		j.lane.pool.give(j.lane.assembled)
		j.lane.assembled = nil
	}
	j.frame = *f
	if !j.lane.parts.whole(j.lane, &j.frame) {
		return nil
	}
	return &j.frame
}
