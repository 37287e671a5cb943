package sensor

import (
	"encoding/binary"
	"net/netip"

	"github.com/skanse/skanse/internal/ot"
)

// addr is an IP address as two words: IPv4 mapped into IPv6, so that one
// comparison and one hash serve both and nothing points anywhere.
type addr struct{ hi, lo uint64 }

const mapped = 0xffff << 32

func addr4(b []byte) addr { return addr{0, mapped | uint64(binary.BigEndian.Uint32(b))} }

func addr16(b []byte) addr {
	return addr{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
}

func (a addr) is4() bool { return a.hi == 0 && a.lo>>32 == 0xffff }

func (a addr) less(b addr) bool { return a.hi < b.hi || a.hi == b.hi && a.lo < b.lo }

func (a addr) ip() netip.Addr {
	if a.is4() {
		return netip.AddrFrom4([4]byte{byte(a.lo >> 24), byte(a.lo >> 16), byte(a.lo >> 8), byte(a.lo)})
	}
	if a == (addr{}) {
		return netip.Addr{}
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return netip.AddrFrom16(b)
}

func addrOf(ip netip.Addr) addr {
	if !ip.IsValid() {
		return addr{}
	}
	b := ip.As16()
	return addr16(b[:])
}

// What a frame carries, as far as the engine tells protocols apart.
const (
	carriesNothing uint8 = iota
	carriesEther         // a payload by EtherType
	carriesLLC           // by 802.2 DSAP
	carriesSNAP          // by SNAP id
	carriesIP
)

// frame is one packet taken apart down to the transport. One is reused for all packets.
type frame struct {
	at     int64
	number uint64
	offset int64
	raw    []byte // the whole frame
	head   int    // its bytes before the payload
	wire   int

	srcMAC, dstMAC ot.MAC
	vlan           uint16
	carries        uint8
	etype          uint16 // EtherType, or DSAP
	snap           uint64

	src, dst     addr
	proto, ttl   uint8
	fragment     bool // a part of a datagram: no ports
	more         bool
	fragOff      int
	fragID       uint32
	sport, dport uint16
	flags        uint8
	seq, ack     uint32
	payload      []byte
	short4       bool // IPv4 that states more bytes than were on the wire
	missing      int  // payload bytes that were on the wire and not in the capture
	parts        int  // fragments put together
	partBytes    int  // their bytes on the wire

	depth     int      // of frames in this frame
	inner     []byte   // a packet that this one carries through a tunnel; payload is then the tunnel's header
	innerLink LinkType // what inner begins with
	innerVLAN uint16   // where the tunnel says it, and not the frame
}

// TCP flags.
const (
	tcpFIN = 1 << iota
	tcpSYN
	tcpRST
	tcpPSH
	tcpACK

	tcpOpening = tcpSYN | tcpACK | tcpFIN | tcpRST // what tells a real SYN from a forged mixture
)

// Protocol numbers of IP.
const (
	ipICMP  = 1
	ipTCP   = 6
	ipUDP   = 17
	ipICMP6 = 58

	ipInIP4 = 4
	ipInIP6 = 41
	ipGRE   = 47
)

type decoded uint8

const (
	good     decoded = iota
	bad              // malformed
	foreign          // a link type that is not read
	unneeded         // nothing to look at (an empty or control frame)
)

// decode takes a packet apart. It trusts no length and copies nothing.
func (f *frame) decode(p *Packet) decoded {
	// Only what a decode may leave untouched is emptied: clearing all of it
	// would cost more than reading the headers does.
	f.at, f.number, f.offset, f.raw, f.wire = p.At, p.Number, p.Offset, p.Data, p.Wire
	f.srcMAC, f.dstMAC, f.vlan, f.carries, f.head = ot.MAC{}, ot.MAC{}, 0, carriesNothing, 0
	f.src, f.dst, f.ttl, f.proto = addr{}, addr{}, 0, 0
	f.fragment, f.more, f.fragOff, f.flags, f.sport, f.dport = false, false, 0, 0, 0, 0
	f.fragID, f.seq, f.ack = 0, 0, 0
	f.payload, f.parts, f.partBytes, f.etype, f.snap, f.short4 = nil, 0, 0, 0, 0, false
	f.inner, f.depth = nil, 0
	b := p.Data
	f.missing = max(0, p.Wire-len(b))
	switch p.Link {
	case LinkEthernet:
		f.vlan = p.vlan
		return f.ethernet(b)
	case LinkNull, LinkLoop:
		if len(b) < 4 {
			return bad
		}
		// NULL is in the byte order of the host that captured; families are small.
		family := binary.LittleEndian.Uint32(b)
		if family > 0xffff {
			family = binary.BigEndian.Uint32(b)
		}
		switch family {
		case 2:
			return f.ip4(b[4:])
		case 10, 23, 24, 28, 30:
			return f.ip6(b[4:])
		}
		return unneeded
	case LinkRaw, linkRawBSD, linkRawOpenBSD, LinkIPv4, LinkIPv6:
		if len(b) < 1 {
			return bad
		}
		if b[0]>>4 == 6 {
			return f.ip6(b)
		}
		return f.ip4(b)
	case LinkSLL:
		if len(b) < 16 {
			return bad
		}
		if binary.BigEndian.Uint16(b[4:]) == 6 {
			copy(f.srcMAC[:], b[6:])
		}
		return f.etherType(binary.BigEndian.Uint16(b[14:]), b[16:])
	case LinkSLL2:
		if len(b) < 20 {
			return bad
		}
		if b[11] == 6 {
			copy(f.srcMAC[:], b[12:])
		}
		return f.etherType(binary.BigEndian.Uint16(b), b[20:])
	}
	return foreign
}

// Numbers under which systems also wrote raw IP.
const (
	linkRawBSD     LinkType = 12
	linkRawOpenBSD LinkType = 14
)

func (f *frame) ethernet(b []byte) decoded {
	if len(b) < 14 {
		return bad
	}
	copy(f.dstMAC[:], b)
	copy(f.srcMAC[:], b[6:])
	return f.etherType(binary.BigEndian.Uint16(b[12:]), b[14:])
}

// etherType follows the tags to the payload.
//
//	0x8100 VLAN, 0x88a8 and 0x9100 QinQ: priority and VLAN 2, type 2
//	others: tag in tunnel.go
//	below 0x0600 a length: 802.2 LLC DSAP 1, SSAP 1, control 1 or 2; DSAP 0xaa SNAP: OUI 3, type 2
func (f *frame) etherType(t uint16, b []byte) decoded {
	for range 4 { // more tags than this is an attack
		if t != 0x8100 && t != 0x88a8 && t != 0x9100 {
			break
		}
		if len(b) < 4 {
			return bad
		}
		if id := binary.BigEndian.Uint16(b) & 0xfff; id != 0 {
			f.vlan = id // the innermost tells the segment
		}
		t, b = binary.BigEndian.Uint16(b[2:]), b[4:]
	}
	switch {
	case t == 0x0800:
		return f.ip4(b)
	case t == 0x86dd:
		return f.ip6(b)
	case t >= 0x0600:
		return f.tag(t, b)
	case t == 1 || t == 4: // SLL's own numbers for 802.3 frames; LLC follows
	default:
		if int(t) < len(b) {
			b = b[:t]
		}
	}
	if len(b) < 3 {
		return unneeded
	}
	if b[0] == 0xaa && b[1] == 0xaa && len(b) >= 8 {
		oui := uint64(b[3])<<16 | uint64(b[4])<<8 | uint64(b[5])
		pid := binary.BigEndian.Uint16(b[6:])
		if oui == 0 && pid >= 0x0600 { // RFC 1042: an EtherType after all
			return f.etherType(pid, b[8:])
		}
		f.carries, f.snap, f.payload = carriesSNAP, oui<<16|uint64(pid), b[8:]
		return good
	}
	head := 3
	if b[2]&3 != 3 { // numbered frames have a control field of two bytes
		head = min(4, len(b))
	}
	f.carries, f.etype, f.payload = carriesLLC, uint16(b[0]), b[head:]
	return good
}

func (f *frame) ip4(b []byte) decoded {
	if len(b) < 20 || b[0]>>4 != 4 {
		return bad
	}
	head := int(b[0]&15) * 4
	if head < 20 || head > len(b) {
		return bad
	}
	total := int(binary.BigEndian.Uint16(b[2:]))
	switch {
	case total == 0: // left to the card by segmentation offload
		total = len(b) + f.missing
	case total < head:
		return bad
	}
	f.carries = carriesIP
	f.ttl, f.proto = b[8], b[9]
	f.src, f.dst = addr4(b[12:]), addr4(b[16:])
	part := binary.BigEndian.Uint16(b[6:])
	f.fragOff, f.more = int(part&0x1fff)*8, part&0x2000 != 0
	f.fragment = f.more || f.fragOff > 0
	f.fragID = uint32(binary.BigEndian.Uint16(b[4:]))
	f.missing = 0
	if total > len(b) { // cut by the capture, or lying
		f.missing = total - len(b)
		f.short4 = f.wire == len(f.raw)
	} else {
		b = b[:total] // the rest is padding
	}
	return f.transport(b[head:])
}

func (f *frame) ip6(b []byte) decoded {
	if len(b) < 40 || b[0]>>4 != 6 {
		return bad
	}
	size := int(binary.BigEndian.Uint16(b[4:]))
	f.carries = carriesIP
	f.proto, f.ttl = b[6], b[7]
	f.src, f.dst = addr16(b[8:]), addr16(b[24:])
	b = b[40:]
	if size == 0 {
		size = len(b) + f.missing
	}
	f.missing = 0
	if size > len(b) {
		f.missing = size - len(b)
	} else {
		b = b[:size]
	}
	for range 8 { // extension headers
		var n int
		switch f.proto {
		case 0, 43, 60, 135: // hop by hop, routing, destination options, mobility
			if len(b) < 8 {
				return bad
			}
			n = int(b[1])*8 + 8
		case 51: // authentication
			if len(b) < 8 {
				return bad
			}
			n = int(b[1])*4 + 8
		case 44: // fragment
			if len(b) < 8 {
				return bad
			}
			part := binary.BigEndian.Uint16(b[2:])
			f.fragOff, f.more = int(part&^7), part&1 != 0
			f.fragment = f.more || f.fragOff > 0
			f.fragID = binary.BigEndian.Uint32(b[4:])
			n = 8
		default:
			return f.transport(b)
		}
		if n > len(b) {
			return bad
		}
		f.proto, b = b[0], b[n:]
		if f.fragment {
			return f.transport(b)
		}
	}
	return bad
}

// transport reads ports and cuts the payload out.
func (f *frame) transport(b []byte) decoded {
	f.payload = b
	if f.fragment {
		return good
	}
	switch f.proto {
	case ipTCP:
		// What is missing beyond what the capture cut, a forged length only claims.
		// Believed, it would put the stream's next bytes beyond all that follow.
		f.missing = max(0, min(f.missing, f.wire-len(f.raw)))
		if len(b) < 20 {
			return f.short()
		}
		head := int(b[12]>>4) * 4
		if head < 20 || head > len(b)+f.missing {
			return bad
		}
		f.sport, f.dport = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		f.seq, f.ack, f.flags = binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint32(b[8:]), b[13]
		if head > len(b) {
			f.missing -= head - len(b)
			head = len(b)
		}
		f.payload = b[head:]
	case ipUDP:
		if len(b) < 8 {
			return f.short()
		}
		f.sport, f.dport = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		size := int(binary.BigEndian.Uint16(b[4:]))
		b = b[8:]
		if size >= 8 && size-8 < len(b) {
			b = b[:size-8]
		}
		f.payload = b
		if f.dport == portVXLAN || f.dport == portVXLANLinux {
			f.vxlan(b)
		}
	case ipGRE:
		f.gre(b)
	case ipInIP4, ipInIP6:
		f.payload, f.inner, f.innerLink = b[:0], b, LinkRaw
	}
	return good
}

// short says whether a header ends because the capture cut it.
func (f *frame) short() decoded {
	if f.missing > 0 {
		f.payload = nil
		return unneeded
	}
	return bad
}
