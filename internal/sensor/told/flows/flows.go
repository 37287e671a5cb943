// Package flows reads the flow records that switches, routers and firewalls send:
// NetFlow v5 and v9, IPFIX and sFlow v5. They say who spoke with whom and how much;
// of what was said they know nothing, and nothing is said of it here. The packets
// that carry them are hostile until read: every length, count and template is bounded.
//
//	NetFlow v5  header 24 (version, count, uptime, seconds, ns, sequence, engine, sampling), records of 48
//	NetFlow v9  header 20 (version, count, uptime, seconds, sequence, source), sets (id, length, …); RFC 3954
//	IPFIX       header 16 (version, length, seconds, sequence, domain), sets; RFC 7011
//	sFlow v5    version, agent, sub-agent, sequence, uptime, samples (type, length, …); sflow.org/sflow_version_5.txt
package flows

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"github.com/skanse/skanse/internal/ot"
)

// record is one flow: one direction of a conversation, or both where the exporter pairs them.
type record struct {
	src, dst           netip.Addr
	srcMAC, dstMAC     ot.MAC
	srcPort, dstPort   uint16
	proto              uint8
	ether              bool // no IP: only hardware addresses
	transport          string
	vlan               uint16
	flags              uint16
	ttl                uint8
	first, last        int64 // ns, the exporter's clock; 0: not stated
	packets, bytes     uint64
	revPackets, revLen uint64
	begun              bool   // the exporter says that src began
	rate               uint32 // one packet of so many is counted, as this record or its sampler says; 0: the exporter's
}

// header is what a datagram says of itself.
type header struct {
	version  string
	domain   uint64 // whose sequence and templates: engine, source, domain or sub-agent
	sequence uint32
	uptime   int64 // ns; 0: not stated
	sent     int64 // ns, the exporter's clock; 0: not stated
	rate     uint32
	units    uint32 // by how much the sequence grows with this datagram
	unit     string
	counts   bool // the sequence counts
}

var (
	errShort   = errors.New("it ends inside a field")
	errVersion = errors.New("it is neither NetFlow v5 or v9, IPFIX nor sFlow v5")
	errLength  = errors.New("a length in it cannot be true")
)

// be reads big-endian numbers and notes when the bytes end.
type be struct {
	b    []byte
	fail bool
}

func (r *be) next(n int) []byte {
	if n < 0 || n > len(r.b) {
		r.fail, r.b = true, nil
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *be) u16() uint16 {
	if b := r.next(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *be) u32() uint32 {
	if b := r.next(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

const (
	second      = int64(1e9)
	millisecond = int64(1e6)
)

// since turns ms of uptime into a time, where uptime was when; both wrap after 49 days.
func since(sent int64, uptime, when uint32) int64 {
	back := uptime - when
	if back > 1<<31 { // a little after the datagram was made
		return sent
	}
	return sent - int64(back)*millisecond
}

// netflow5 reads version 5.
func netflow5(b []byte, h *header, out func(*record)) error {
	r := be{b: b}
	r.u16()
	count, uptime, secs, ns := r.u16(), r.u32(), r.u32(), r.u32()
	seq, engine, sampling := r.u32(), r.u16(), r.u16()
	if r.fail {
		return errShort
	}
	if count == 0 || count > 30 {
		return errLength
	}
	*h = header{version: "NetFlow v5", domain: uint64(engine), sequence: seq, uptime: int64(uptime) * millisecond, sent: int64(secs)*second + int64(ns%1e9), unit: "records", counts: true}
	if sampling>>14 != 0 {
		h.rate = uint32(sampling & 0x3fff)
	}
	for range count {
		p := r.next(48)
		if p == nil {
			return errShort
		}
		h.units++
		x := record{
			src: netip.AddrFrom4([4]byte(p[0:4])), dst: netip.AddrFrom4([4]byte(p[4:8])), packets: uint64(binary.BigEndian.Uint32(p[16:])), bytes: uint64(binary.BigEndian.Uint32(p[20:])),
			first: since(h.sent, uptime, binary.BigEndian.Uint32(p[24:])), last: since(h.sent, uptime, binary.BigEndian.Uint32(p[28:])),
			srcPort: binary.BigEndian.Uint16(p[32:]), dstPort: binary.BigEndian.Uint16(p[34:]), flags: uint16(p[37]), proto: p[38],
		}
		out(&x)
	}
	return nil
}
