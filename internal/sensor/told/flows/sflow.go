package flows

import (
	"encoding/binary"
	"net/netip"

	"github.com/skanse/skanse/internal/sensor"
)

// Bounds of a datagram.
const (
	maxSamples = 256
	maxParts   = 64 // records of one sample
	maxHeader  = 512
)

// samples is what a datagram held beside flows.
type samples struct {
	counters, short uint64
}

// sflow reads version 5. A sample is one packet of so many; no time stands beside it,
// so it was when the datagram came.
func sflow(b []byte, h *header, got *samples, out func(*record)) error {
	r := be{b: b}
	r.u32()
	switch r.u32() {
	case 1:
		r.next(4)
	case 2:
		r.next(16)
	default:
		return errLength
	}
	sub, seq, uptime, count := r.u32(), r.u32(), r.u32(), r.u32()
	if r.fail {
		return errShort
	}
	*h = header{version: "sFlow v5", domain: uint64(sub), sequence: seq, uptime: int64(uptime) * millisecond, units: 1, unit: "datagrams", counts: true}
	if count > maxSamples {
		return errLength
	}
	for range count {
		kind, length := r.u32(), r.u32()
		if r.fail {
			return errShort
		}
		if length > uint32(len(r.b)) {
			return errShort
		}
		s := be{b: r.next(int(length))}
		switch kind {
		case 1, 3:
			if err := s.sample(kind == 3, h, got, out); err != nil {
				return err
			}
		case 2, 4:
			got.counters++
		}
	}
	return nil
}

// sample reads one flow sample.
func (r *be) sample(expanded bool, h *header, got *samples, out func(*record)) error {
	r.u32() // sequence of the sample
	r.u32()
	if expanded {
		r.u32()
	}
	rate := r.u32()
	r.next(8) // pool, drops
	r.next(8) // in, out
	if expanded {
		r.next(8)
	}
	count := r.u32()
	if r.fail {
		return errShort
	}
	if count > maxParts {
		return errLength
	}
	h.rate = rate
	var x record
	found := false
	for range count {
		kind, length := r.u32(), r.u32()
		if r.fail || length > uint32(len(r.b)) {
			return errShort
		}
		p := be{b: r.next(int(length))}
		switch {
		case kind == 1:
			found = p.raw(&x) || found
		case (kind == 3 || kind == 4) && !found:
			found = p.sampled(&x, kind == 4)
		case kind == 1001:
			if vlan := p.u32(); !p.fail && x.vlan == 0 {
				x.vlan = uint16(vlan & 0xfff)
			}
		}
	}
	if !found {
		got.short++
		return nil
	}
	x.rate, x.packets = rate, 1
	out(&x)
	return nil
}

// raw reads a sampled packet's header with the eyes of our own sensor.
func (r *be) raw(x *record) bool {
	protocol, length := r.u32(), r.u32()
	stripped := r.u32() // mostly the frame's checksum, which no sensor of ours counts
	size := r.u32()
	if r.fail || size > uint32(len(r.b)) {
		return false
	}
	data := r.next(int(min(size, maxHeader)))
	p := sensor.Packet{Data: data, Wire: int(min(length, 65535))}
	switch protocol {
	case 1:
		p.Link = sensor.LinkEthernet
	case 11:
		p.Link = sensor.LinkIPv4
	case 12:
		p.Link = sensor.LinkIPv6
	default:
		return false
	}
	e, ok := sensor.EndsOf(&p)
	if !ok {
		return false
	}
	vlan := x.vlan
	*x = record{
		src: e.Src, dst: e.Dst, srcMAC: e.SrcMAC, dstMAC: e.DstMAC, srcPort: e.SrcPort, dstPort: e.DstPort, transport: e.Transport, vlan: e.VLAN, bytes: uint64(length - min(stripped, length)), ether: !e.Src.IsValid(),
	}
	if x.vlan == 0 {
		x.vlan = vlan
	}
	return true
}

// sampled reads addresses and ports where the agent took them out itself.
func (r *be) sampled(x *record, six bool) bool {
	length, proto := r.u32(), r.u32()
	n := 4
	if six {
		n = 16
	}
	src, dst := r.next(n), r.next(n)
	sport, dport, flags := r.u32(), r.u32(), r.u32()
	if r.fail {
		return false
	}
	x.src, _ = netip.AddrFromSlice(src)
	x.dst, _ = netip.AddrFromSlice(dst)
	x.src, x.dst = x.src.Unmap(), x.dst.Unmap()
	x.proto, x.srcPort, x.dstPort, x.flags, x.bytes = uint8(proto), uint16(sport), uint16(dport), uint16(flags), uint64(length)
	return true
}

// isSFlow says what the first bytes are: NetFlow's version has two bytes, sFlow's four.
func isSFlow(b []byte) bool { return len(b) >= 4 && binary.BigEndian.Uint32(b) == 5 }
