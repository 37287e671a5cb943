package flows

import (
	"encoding/binary"
	"math"
	"net/netip"
)

// The information elements that are read, by their numbers in IANA's list; NetFlow
// v9 has the same up to 127.
const (
	ieOctets        = 1
	iePackets       = 2
	ieProtocol      = 4
	ieFlags         = 6
	ieSrcPort       = 7
	ieSrc4          = 8
	ieDstPort       = 11
	ieDst4          = 12
	ieLastUp        = 21
	ieFirstUp       = 22
	ieOutOctets     = 23
	ieOutPackets    = 24
	ieSrc6          = 27
	ieDst6          = 28
	ieSampling      = 34
	ieSampler       = 48
	ieSamplerRate   = 50
	ieMinTTL        = 52
	ieSrcMAC        = 56
	ieOutDstMAC     = 57
	ieVLAN          = 58
	ieDstMAC        = 80
	ieOutSrcMAC     = 81
	ieOctetsTotal   = 85
	iePacketsTotal  = 86
	ieFirstSec      = 150
	ieLastSec       = 151
	ieFirstMilli    = 152
	ieLastMilli     = 153
	ieFirstMicro    = 154
	ieLastMicro     = 155
	ieFirstNano     = 156
	ieLastNano      = 157
	ieFirstBefore   = 158
	ieLastBefore    = 159
	ieBegan         = 160
	ieTTL           = 192
	ieInitOctets    = 231
	ieRespOctets    = 232
	ieBiflow        = 239
	ieDot1qVLAN     = 243
	ieEtherType     = 256
	ieInitPackets   = 298
	ieRespPackets   = 299
	ieSelector      = 302
	iePacketEvery   = 305
	iePacketSpace   = 306
	reverse         = 29305 // the enterprise number of the other direction: RFC 5103
	ipUDP, ipTCP    = 17, 6
	ipICMP, ipICMP6 = 1, 58
)

// reading is one record while its fields are read.
type reading struct {
	record
	h *header

	firstUp, lastUp   uint32
	up                bool
	began             int64
	sampler           uint64
	sampled           bool
	every, space      uint32
	packetsT, octetsT uint64
	packetsO, octetsO uint64
	outSrc, outDst    [6]byte
}

// take reads one field. Lengths other than usual are allowed for numbers: exporters
// shorten them (RFC 7011, 6.2).
func (x *reading) take(f field, v []byte) {
	if f.enterprise == reverse {
		switch f.id {
		case ieOctets:
			x.revLen = number(v)
		case iePackets:
			x.revPackets = number(v)
		}
		return
	}
	if f.enterprise != 0 {
		return
	}
	switch f.id {
	case ieOctets, ieInitOctets:
		x.bytes = number(v)
	case iePackets, ieInitPackets:
		x.packets = number(v)
	case ieRespOctets:
		x.revLen, x.begun = number(v), true
	case ieRespPackets:
		x.revPackets, x.begun = number(v), true
	case ieOctetsTotal:
		x.octetsT = number(v)
	case iePacketsTotal:
		x.packetsT = number(v)
	case ieOutOctets:
		x.octetsO = number(v)
	case ieOutPackets:
		x.packetsO = number(v)
	case ieProtocol:
		x.proto = uint8(number(v))
	case ieFlags:
		x.flags = uint16(number(v))
	case ieSrcPort:
		x.srcPort = uint16(number(v))
	case ieDstPort:
		x.dstPort = uint16(number(v))
	case ieSrc4, ieSrc6:
		address(&x.src, v)
	case ieDst4, ieDst6:
		address(&x.dst, v)
	case ieSrcMAC:
		if len(v) == 6 {
			x.srcMAC = [6]byte(v)
		}
	case ieDstMAC:
		if len(v) == 6 {
			x.dstMAC = [6]byte(v)
		}
	case ieOutSrcMAC:
		if len(v) == 6 {
			x.outSrc = [6]byte(v)
		}
	case ieOutDstMAC:
		if len(v) == 6 {
			x.outDst = [6]byte(v)
		}
	case ieVLAN, ieDot1qVLAN:
		x.vlan = uint16(number(v)) & 0xfff
	case ieTTL, ieMinTTL:
		x.ttl = uint8(number(v))
	case ieSampling, ieSamplerRate:
		x.rate = clip32(number(v))
	case iePacketEvery:
		x.every = clip32(number(v))
	case iePacketSpace:
		x.space = clip32(number(v))
	case ieSampler, ieSelector:
		x.sampler, x.sampled = number(v), true
	case ieBiflow:
		x.begun = x.begun || number(v) == 1
	default:
		x.time(f.id, v)
	}
}

// time reads the fields that say when.
func (x *reading) time(id uint16, v []byte) {
	n := number(v)
	at := func(unit int64) int64 {
		if n > uint64(math.MaxInt64/unit) {
			return 0
		}
		return int64(n) * unit
	}
	switch id {
	case ieFirstUp:
		x.firstUp, x.up = uint32(n), true
	case ieLastUp:
		x.lastUp, x.up = uint32(n), true
	case ieBegan:
		x.began = at(millisecond)
	case ieFirstSec:
		x.first = at(second)
	case ieLastSec:
		x.last = at(second)
	case ieFirstMilli:
		x.first = at(millisecond)
	case ieLastMilli:
		x.last = at(millisecond)
	case ieFirstMicro, ieFirstNano:
		x.first = ntp(v)
	case ieLastMicro, ieLastNano:
		x.last = ntp(v)
	case ieFirstBefore:
		x.first = x.h.sent - at(1000)
	case ieLastBefore:
		x.last = x.h.sent - at(1000)
	}
}

// finish puts together what a record says in several fields.
func (x *reading) finish(d *domain) {
	if x.packets == 0 && x.bytes == 0 { // totals, or counted on the way out, where nothing else is told
		x.packets, x.bytes = x.packetsT, x.octetsT
		if x.packets == 0 && x.bytes == 0 {
			x.packets, x.bytes = x.packetsO, x.octetsO
		}
	}
	if x.srcMAC == [6]byte{} {
		x.srcMAC = x.outSrc
	}
	if x.dstMAC == [6]byte{} {
		x.dstMAC = x.outDst
	}
	if x.up && x.first == 0 && x.last == 0 {
		began := x.began
		if began == 0 {
			began = d.began
		}
		switch {
		case x.h.uptime != 0:
			up := uint32(x.h.uptime / millisecond)
			x.first, x.last = since(x.h.sent, up, x.firstUp), since(x.h.sent, up, x.lastUp)
		case began != 0:
			x.first, x.last = began+int64(x.firstUp)*millisecond, began+int64(x.lastUp)*millisecond
		}
	}
	if x.rate == 0 && x.sampled {
		x.rate = d.samplers[x.sampler]
	}
	if x.rate == 0 {
		x.rate = d.rate
	}
	x.ether = !x.src.IsValid() || !x.dst.IsValid()
}

// options reads a record about the exporter: how it samples, and when it started.
func (d *domain) options(x *reading) {
	rate := x.rate
	if x.every > 0 {
		rate = clip32((uint64(x.every) + uint64(x.space)) / uint64(x.every))
	}
	if rate > 0 {
		if x.sampled {
			if _, have := d.samplers[x.sampler]; have || len(d.samplers) < maxSamplers {
				d.samplers[x.sampler] = rate
			}
		}
		d.rate = rate
	}
	if x.began != 0 {
		d.began = x.began
	}
}

func number(v []byte) uint64 {
	if len(v) > 8 {
		return 0
	}
	var n uint64
	for _, b := range v {
		n = n<<8 | uint64(b)
	}
	return n
}

func clip32(n uint64) uint32 { return uint32(min(n, math.MaxUint32)) }

// address keeps the first that a record names: some name both kinds, one of them empty.
func address(to *netip.Addr, v []byte) {
	a, ok := netip.AddrFromSlice(v)
	if ok && !a.IsUnspecified() && !to.IsValid() {
		*to = a.Unmap()
	}
}

// ntp reads seconds since 1900 and their fraction, as IPFIX has micro- and nanoseconds.
func ntp(v []byte) int64 {
	if len(v) != 8 {
		return 0
	}
	const from1900 = 2_208_988_800
	secs, part := int64(binary.BigEndian.Uint32(v)), uint64(binary.BigEndian.Uint32(v[4:]))
	if secs < from1900 {
		return 0
	}
	return (secs-from1900)*second + int64(part*1e9>>32)
}
