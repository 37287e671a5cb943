package sensor

import (
	"encoding/binary"
	"slices"
)

// Mirror is how a mirror port did in one interval: what tells a port that shows
// everything from one that shows half, twice or nothing. Only live sources have it.
type Mirror struct {
	TCP        uint64   `json:"tcp"`       // TCP conversations heard
	OneSided   uint64   `json:"one_sided"` // of these, in one direction only
	Unicast    uint64   `json:"unicast"`   // frames for one station
	Group      uint64   `json:"group"`     // frames for all or many, which every port of a switch gets
	Tagged     uint64   `json:"tagged"`    // frames with a VLAN tag
	VLANs      []uint16 `json:"vlans,omitempty"`
	Retagged   uint64   `json:"retagged,omitempty"`   // frames whose VLAN is not the one that their conversation began with
	Duplicates uint64   `json:"duplicates,omitempty"` // frames that came a moment before too
	Large      uint64   `json:"large,omitempty"`      // longer than Ethernet sends: put together by the card
	Short      uint64   `json:"short,omitempty"`      // IP packets that end before the length they state
}

// Port is how the listening interface is.
type Port struct {
	Name     string   `json:"name"`
	Filter   string   `json:"filter,omitempty"`
	Up       bool     `json:"up"`
	MTU      int      `json:"mtu,omitempty"`
	Speed    int      `json:"speed,omitempty"` // Mbit/s; 0: not known
	Silent   bool     `json:"silent"`          // no address, no IPv6, no ARP
	Warnings []string `json:"warnings,omitempty"`
	Offloads []string `json:"offloads,omitempty"` // that put frames together before they are heard
	TooLong  uint64   `json:"too_long,omitempty"` // frames beyond the MTU that the card dropped; of the interval
	Damaged  uint64   `json:"damaged,omitempty"`  // frames with a wrong checksum; of the interval
}

// ported is a Source that knows its interface; the goroutine that calls Next calls it.
type ported interface{ Port() *Port }

const (
	mirrorVLANs = 32
	copySlots   = 2048       // frames that a copy is looked for among
	copyBytes   = 96         // of a frame that tell it from others: headers, sequence numbers, the PDU's beginning
	longest     = 1518 + 2*4 // Ethernet with two tags
)

// mirror counts for the interval in hand.
type mirror struct {
	Mirror
	known [4096 / 64]uint64 // VLAN ids in VLANs
	seen  [copySlots]copied
}

type copied struct {
	hash uint64
	at   int64
}

// see takes a decoded frame. It allocates only for a VLAN that is new.
func (m *mirror) see(p *Packet, f *frame) {
	b := p.Data
	if p.Link != LinkEthernet || len(b) < 14 {
		return
	}
	if b[0]&1 == 1 {
		m.Group++
	} else {
		m.Unicast++
	}
	if t := binary.BigEndian.Uint16(b[12:]); t == 0x8100 || t == 0x88a8 || t == 0x9100 {
		m.Tagged++
		if w := &m.known[f.vlan>>6&63]; f.vlan != 0 && *w>>(f.vlan&63)&1 == 0 && len(m.VLANs) < mirrorVLANs {
			*w |= 1 << (f.vlan & 63)
			m.VLANs = append(m.VLANs, f.vlan)
		}
	}
	if p.Wire > longest {
		m.Large++
	}
	if f.short4 {
		m.Short++
	}
	h := copyHash(b)
	c := &m.seen[h%copySlots]
	if c.hash == h && p.At-c.at < copyWithin && p.At >= c.at {
		m.Duplicates++
	}
	c.hash, c.at = h, p.At
}

// copyHash tells a frame from others, but not from its copy of another port: the
// tags before the network header may differ between the two.
func copyHash(b []byte) uint64 {
	at := 12
	for at+4 <= len(b) && (b[at] == 0x81 && b[at+1] == 0 || b[at] == 0x88 && b[at+1] == 0xa8) {
		at += 4
	}
	h := uint64(len(b)-at)*mix1 ^ binary.BigEndian.Uint64(b[4:])*mix3
	b = b[at:min(len(b), at+copyBytes)]
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

// tell gives the interval's counts and begins the next one.
func (m *mirror) tell(lanes []*lane) *Mirror {
	out := m.Mirror
	for _, l := range lanes {
		out.Retagged += l.retagged
		l.retagged = 0
	}
	m.Mirror, m.known = Mirror{}, [4096 / 64]uint64{}
	return &out
}

// with adds another interval's counts; either may be missing.
func (m *Mirror) with(o *Mirror) *Mirror {
	if m == nil || o == nil {
		if m == nil {
			return o
		}
		return m
	}
	sum := *m
	for _, c := range []struct {
		to  *uint64
		add uint64
	}{
		{&sum.TCP, o.TCP},
		{&sum.OneSided, o.OneSided},
		{&sum.Unicast, o.Unicast},
		{&sum.Group, o.Group},
		{&sum.Tagged, o.Tagged},
		{&sum.Retagged, o.Retagged},
		{&sum.Duplicates, o.Duplicates},
		{&sum.Large, o.Large},
		{&sum.Short, o.Short},
	} {
		*c.to += c.add
	}
	sum.VLANs = slices.Clone(m.VLANs)
	for _, v := range o.VLANs {
		if !slices.Contains(sum.VLANs, v) && len(sum.VLANs) < mirrorVLANs {
			sum.VLANs = append(sum.VLANs, v)
		}
	}
	return &sum
}
