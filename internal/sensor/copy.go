package sensor

import "encoding/binary"

// copies finds frames that a mirror port shows twice: because it copies both directions of two of its
// ports, because two mirrors feed one sensor, because a router shows a packet before and after it, or because
// a redundant network (PRP, HSR) sends each frame over two LANs. The second copy counts nothing.
//
// Two frames are copies when they agree from the network header on (but for what a router changes: TTL and header
// checksum) and come within copyWithin. A sender that numbers its packets (IPv4 id) never sends such a
// pair; of one that does not, a repetition is told from a copy only by time, so the window is shorter there.
type copies struct {
	seen [copySlots]copied
}

const (
	copyWithin = int64(20e6)  // a mirror's second copy comes within microseconds, a TCP retransmission after 200 ms
	copyUnsure = int64(500e3) // faster than any cycle of a plant's network that repeats a frame bit by bit
)

// again says whether the frame is the copy of one a moment ago.
func (c *copies) again(f *frame) bool {
	h, within := f.fingerprint()
	s := &c.seen[h%copySlots]
	if s.hash == h && f.at >= s.at && f.at-s.at < within {
		return true
	}
	s.hash, s.at = h, f.at
	return false
}

// fingerprint tells the frame from all others but its copies.
func (f *frame) fingerprint() (hash uint64, within int64) {
	if f.carries != carriesIP {
		h := macAddr(f.srcMAC).lo*mix1 ^ macAddr(f.dstMAC).lo*mix3 ^ uint64(f.etype)<<16 ^ f.snap ^ uint64(f.carries)
		return hashBytes(h, f.payload), copyUnsure
	}
	within = copyUnsure
	if f.src.is4() && f.fragID != 0 || f.proto == ipTCP {
		within = copyWithin
	}
	h := f.src.lo*mix1 ^ f.dst.lo*mix3 ^ f.src.hi ^ f.dst.hi<<1
	h ^= uint64(f.fragID)<<32 ^ uint64(f.fragOff)<<8 ^ uint64(f.proto)
	h = h*mix2 ^ uint64(f.sport)<<48 ^ uint64(f.dport)<<32 ^ uint64(f.seq)
	h = h*mix1 ^ uint64(f.ack)<<8 ^ uint64(f.flags)
	h = hashBytes(h, f.payload)
	return hashBytes(h, f.inner), within
}

func hashBytes(h uint64, b []byte) uint64 {
	h ^= uint64(len(b)) * mix1
	for len(b) >= 8 {
		h = (h ^ binary.LittleEndian.Uint64(b)) * mix2
		h ^= h >> 29
		b = b[8:]
	}
	for _, c := range b {
		h = (h ^ uint64(c)) * mix3
	}
	return h ^ h>>32
}

// copied notes a second copy. Behind a router it comes from another MAC, which is worth knowing.
func (l *lane) copied(f *frame, realm uint16) {
	l.health.Copies++
	if f.carries == carriesIP {
		if k := (hostKey{realm, f.srcMAC, f.src}); l.hosts[k] == nil {
			l.host(k, f).count(f)
		}
	}
}
