package demo

import (
	"encoding/binary"
	"net/netip"

	"github.com/skanse/skanse/internal/ot"
)

// host is one network card on the wire.
type host struct {
	name string
	mac  ot.MAC
	ip   netip.Addr
	vlan uint16
	ttl  byte
	port uint16 // last ephemeral port used
	late int64  // it answers so much later than others, ns
}

func (h *host) ephemeral() uint16 {
	if h.port < 49152 {
		h.port = 49152 + uint16(h.mac[5])*16
	}
	h.port++
	return h.port
}

var broadcast = ot.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// ethernet writes a frame with the sender's VLAN tag, where it has one.
func ethernet(dst, src ot.MAC, vlan, etherType uint16, payload []byte) []byte {
	b := make([]byte, 0, 18+len(payload))
	b = append(b, dst[:]...)
	b = append(b, src[:]...)
	if vlan != 0 {
		b = binary.BigEndian.AppendUint16(b, 0x8100)
		b = binary.BigEndian.AppendUint16(b, vlan)
	}
	b = binary.BigEndian.AppendUint16(b, etherType)
	b = append(b, payload...)
	for len(b) < 60 { // the shortest frame that Ethernet carries, without its checksum
		b = append(b, 0)
	}
	return b
}

// checksum is the Internet checksum of RFC 1071 over b, continued from sum.
func checksum(sum uint32, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

func pseudo(src, dst netip.Addr, proto byte, n int) uint32 {
	var sum uint32
	for _, a := range [][]byte{src.AsSlice(), dst.AsSlice()} {
		sum += uint32(a[0])<<8 + uint32(a[1]) + uint32(a[2])<<8 + uint32(a[3])
	}
	return sum + uint32(proto) + uint32(n)
}

// ipv4 writes a whole frame from one host to another on the same wire. via is
// the router's card when the packet came from beyond it.
func ipv4(from, to *host, dstMAC ot.MAC, proto byte, id uint16, payload []byte) []byte {
	ttl := from.ttl
	if ttl == 0 {
		ttl = 64
	}
	h := make([]byte, 20, 20+len(payload))
	h[0], h[8], h[9] = 0x45, ttl, proto
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(payload)))
	binary.BigEndian.PutUint16(h[4:], id)
	src, dst := from.ip.As4(), to.ip.As4()
	copy(h[12:], src[:])
	copy(h[16:], dst[:])
	binary.BigEndian.PutUint16(h[10:], checksum(0, h))
	vlan := to.vlan
	if vlan == 0 {
		vlan = from.vlan
	}
	return ethernet(dstMAC, from.mac, vlan, 0x0800, append(h, payload...))
}

func udp(from, to *host, sport, dport uint16, payload []byte) []byte {
	b := make([]byte, 8, 8+len(payload))
	binary.BigEndian.PutUint16(b, sport)
	binary.BigEndian.PutUint16(b[2:], dport)
	binary.BigEndian.PutUint16(b[4:], uint16(8+len(payload)))
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[6:], checksum(pseudo(from.ip, to.ip, 17, len(b)), b))
	mac := to.mac
	if to.ip.IsMulticast() || mac == (ot.MAC{}) {
		mac = broadcast
	}
	return ipv4(from, to, mac, 17, sport, b)
}

const (
	fin = 1 << iota
	syn
	rst
	psh
	ack
)

// conn is one TCP connection between two hosts.
type conn struct {
	client, server *host
	cport, sport   uint16
	cseq, sseq     uint32
	open           bool
	id             uint16
}

func dial(client, server *host, port uint16) *conn {
	return &conn{client: client, server: server, sport: port, cseq: 0x1000, sseq: 0x9000}
}

// emit takes one frame at a time of the demo's clock, ns.
type emit func(at int64, frame []byte)

const rtt = 400_000 // ns: a switched plant network

func (c *conn) segment(fromClient bool, flags byte, payload []byte) []byte {
	from, to, sp, dp, seq, acked := c.client, c.server, c.cport, c.sport, &c.cseq, c.sseq
	if !fromClient {
		from, to, sp, dp, seq, acked = c.server, c.client, c.sport, c.cport, &c.sseq, c.cseq
	}
	b := make([]byte, 20, 20+len(payload))
	binary.BigEndian.PutUint16(b, sp)
	binary.BigEndian.PutUint16(b[2:], dp)
	binary.BigEndian.PutUint32(b[4:], *seq)
	if flags&ack != 0 {
		binary.BigEndian.PutUint32(b[8:], acked)
	}
	b[12], b[13] = 5<<4, flags
	binary.BigEndian.PutUint16(b[14:], 8192)
	b = append(b, payload...)
	binary.BigEndian.PutUint16(b[16:], checksum(pseudo(from.ip, to.ip, 6, len(b)), b))
	*seq += uint32(len(payload))
	if flags&(syn|fin) != 0 {
		*seq++
	}
	c.id++
	return ipv4(from, to, to.mac, 6, c.id, b)
}

// connect does the handshake unless the connection stands; it returns the time after it.
func (c *conn) connect(at int64, out emit) int64 {
	if c.open {
		return at
	}
	c.open, c.cport = true, c.client.ephemeral()
	out(at, c.segment(true, syn, nil))
	out(at+rtt, c.segment(false, syn|ack, nil))
	out(at+rtt+50_000, c.segment(true, ack, nil))
	return at + 2*rtt
}

// ask sends a request and its answer; either may be empty.
func (c *conn) ask(at int64, out emit, request, answer []byte) int64 {
	if len(request) > 0 {
		out(at, c.segment(true, psh|ack, request))
		at += rtt
	}
	if len(answer) > 0 {
		at += c.server.late
		out(at, c.segment(false, psh|ack, answer))
		at += rtt
	}
	return at
}

func (c *conn) close(at int64, out emit) int64 {
	if !c.open {
		return at
	}
	c.open = false
	out(at, c.segment(true, fin|ack, nil))
	out(at+rtt, c.segment(false, fin|ack, nil))
	out(at+2*rtt, c.segment(true, ack, nil))
	return at + 3*rtt
}

func arpReply(from, to *host) []byte {
	b := []byte{0, 1, 8, 0, 6, 4, 0, 2}
	b = append(b, from.mac[:]...)
	a := from.ip.As4()
	b = append(b, a[:]...)
	b = append(b, to.mac[:]...)
	a = to.ip.As4()
	return ethernet(to.mac, from.mac, from.vlan, 0x0806, append(b, a[:]...))
}

func arpRequest(from, to *host) []byte {
	b := []byte{0, 1, 8, 0, 6, 4, 0, 1}
	b = append(b, from.mac[:]...)
	a := from.ip.As4()
	b = append(b, a[:]...)
	b = append(b, 0, 0, 0, 0, 0, 0)
	a = to.ip.As4()
	return ethernet(broadcast, from.mac, from.vlan, 0x0806, append(b, a[:]...))
}
