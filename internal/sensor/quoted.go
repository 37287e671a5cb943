package sensor

import "encoding/binary"

// quoted takes an ICMP error by which a host sends back a datagram that it did
// not want. Its messages are counted as refused: they were asked for, and
// nobody acted on them. What it states was told when it came the first time.
//
//	ICMP    type 1, code 1, checksum 2, unused 4, then the datagram (RFC 792, RFC 4443)
//	quoted  IP header, UDP header, as much of the payload as fits
func (l *lane) quoted(icmp *flow, f *frame) {
	b := f.payload
	if len(b) < 8 || !unwanted(f.proto, b[0]) {
		return
	}
	from, to, datagram, ok := standing(b[8:], f.proto)
	// Only what the peer itself sends back: a router's word is about another pair of hosts.
	if !ok || from != f.dst || to != f.src {
		return
	}
	k := flowKey{realm: icmp.key.realm, kind: carriesIP, proto: ipUDP}
	sport, dport := binary.BigEndian.Uint16(datagram), binary.BigEndian.Uint16(datagram[2:])
	var side uint8
	if from.less(to) || from == to && sport <= dport {
		k.a, k.b, k.ap, k.bp = from, to, sport, dport
	} else {
		k.a, k.b, k.ap, k.bp, side = to, from, dport, sport, 1
	}
	fl := l.flows.find(&k)
	if fl == nil { // nothing of it is told unless it is heard itself later: captures are not always in order
		sent := *f
		sent.srcMAC, sent.dstMAC, sent.proto = f.dstMAC, f.srcMAC, ipUDP
		fl = l.open(&k, side, &sent)
	}
	if fl.quarantined || !l.known(fl, side, datagram[8:]) {
		return
	}
	l.cur, l.quoting = fl, true
	l.point(fl, side)
	fl.state.Decode(fl.dir(side), datagram[8:], l.sink)
	l.cur, l.quoting = icmp, false
}

// unwanted says whether an ICMP type reports a datagram that did not arrive:
// destination unreachable, time exceeded, parameter problem.
func unwanted(proto, kind byte) bool {
	if proto == ipICMP {
		return kind == 3 || kind == 11 || kind == 12
	}
	return kind == 1 || kind == 3 || kind == 4
}

// standing returns a UDP datagram that stands in b from its IP header to its last
// byte; what is cut or a fragment is not worth a guess.
func standing(b []byte, icmp uint8) (src, dst addr, datagram []byte, ok bool) {
	var size int
	switch {
	case icmp == ipICMP && len(b) >= 28 && b[0]>>4 == 4:
		head := int(b[0]&15) * 4
		size = int(binary.BigEndian.Uint16(b[2:])) - head
		if head < 20 || len(b) < head+8 || b[9] != ipUDP || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
			return
		}
		src, dst, datagram = addr4(b[12:]), addr4(b[16:]), b[head:]
	case icmp == ipICMP6 && len(b) >= 48 && b[0]>>4 == 6 && b[6] == ipUDP:
		size = int(binary.BigEndian.Uint16(b[4:]))
		src, dst, datagram = addr16(b[8:]), addr16(b[24:]), b[40:]
	default:
		return
	}
	if size < 8 || size > len(datagram) || int(binary.BigEndian.Uint16(datagram[4:])) != size {
		return
	}
	return src, dst, datagram[:size], true
}
