package asset

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Sighting is one pairing of realm, MAC and IP that was heard as a sender. Which
// of them are one device is what this package finds out. Times are ns.
type Sighting struct {
	ot.Host
	VLAN           uint16
	First, Last    int64
	Packets, Bytes uint64
	FirstPacket    uint64
	Source         string
	ARP            bool
	TTLMin, TTLMax uint8
	Live           bool
	Behind         bool // the MAC is a router's and the IP somebody else's; filled by group
	Traffic        Traffic

	Asset string // the asset that has it now, empty: new
	Pin   string // the asset that a person gave it
	mute  bool   // never heard: only others speak of it
}

// Fact is one statement with its proof.
type Fact struct {
	ID          string
	About       ot.Host
	By          ot.Host
	Attr        ot.Attr
	Value       string
	Protocol    string
	First, Last int64 // when it was said
	Ref         ot.PacketRef
	Proof       []byte
}

// FactID makes a fact's id from what makes it the same fact.
func FactID(site string, about ot.Host, attr ot.Attr, value string) string {
	var room [512]byte
	b := room[:0]
	for _, s := range [...]string{site, about.Realm, about.MAC.String(), ipText(about), about.Module, string(attr), value} {
		b = append(append(b, s...), 0)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:12])
}

func ipText(h ot.Host) string {
	if !h.IP.IsValid() {
		return ""
	}
	return h.IP.String()
}

// Evidence is what group and describe work on.
type Evidence struct {
	Sightings []Sighting
	Facts     []Fact
	Routers   map[ot.Host]int // realm and MAC known to forward → for how many addresses, beyond what Sightings show
}

// Collect joins summaries into evidence, in an order that does not depend on theirs.
func Collect(sums ...*sensor.Summary) Evidence {
	hosts, said := 0, 0
	for _, sum := range sums {
		hosts, said = max(hosts, len(sum.Hosts)), max(said, len(sum.Facts))
	}
	c := census{at: make(map[spot]int32, hosts), realms: map[string]uint32{}}
	ev := Evidence{Sightings: make([]Sighting, 0, hosts), Facts: make([]Fact, 0, said)}
	facts := make(map[string]int32, said)
	for _, sum := range sums {
		for i := range sum.Hosts {
			h := &sum.Hosts[i]
			at := c.spot(&h.Host, "")
			n, have := c.at[at]
			if !have {
				n = int32(len(ev.Sightings))
				c.at[at] = n
				ev.Sightings = append(ev.Sightings, Sighting{
					Host: ot.Host{Realm: h.Realm, MAC: h.MAC, IP: at.ip}, VLAN: h.VLAN,
					First: h.First, Last: h.Last, FirstPacket: h.FirstPacket, Source: sum.Sensor,
				})
			}
			ev.Sightings[n].hear(h, sum.Live)
		}
		names := make([]string, len(ev.Sightings))
		note(sum, func(h *ot.Host, realm string) party {
			n, have := c.at[c.spot(h, realm)]
			if !have {
				return party{nil, peerName(*h)}
			}
			if names[n] == "" {
				names[n] = peerName(*h)
			}
			return party{&ev.Sightings[n].Traffic, names[n]}
		})
		for i := range sum.Facts {
			f := newFact(&sum.Facts[i], "")
			if n, have := facts[f.ID]; have {
				old := &ev.Facts[n]
				old.First, old.Last = min(old.First, f.First), max(old.Last, f.Last)
			} else {
				facts[f.ID] = int32(len(ev.Facts))
				ev.Facts = append(ev.Facts, f)
			}
		}
	}
	ev.sort()
	return ev
}

// census finds sightings. Its keys hold no text, which would have to be hashed for every flow.
type census struct {
	at     map[spot]int32
	realms map[string]uint32
}

type spot struct {
	ip    netip.Addr
	mac   ot.MAC
	realm uint32
}

// spot is where a host stands; realm is for one that names none.
func (c *census) spot(h *ot.Host, realm string) spot {
	realm = cmp.Or(h.Realm, realm)
	n := uint32(0)
	if realm != "" {
		if n = c.realms[realm]; n == 0 {
			n = uint32(len(c.realms) + 1)
			c.realms[realm] = n
		}
	}
	return spot{h.IP.Unmap().WithZone(""), h.MAC, n}
}

func newFact(f *sensor.Fact, site string) Fact {
	about := f.About
	about.IP = about.IP.Unmap().WithZone("")
	return Fact{
		ID: FactID(site, about, f.Attr, f.Value), About: about, By: f.By, Attr: f.Attr, Value: f.Value,
		Protocol: f.Protocol, First: f.Ref.Seen, Last: f.Ref.Seen, Ref: f.Ref, Proof: f.Proof,
	}
}

// hear adds one delta. A time that jumps back never moves Last back.
func (s *Sighting) hear(h *sensor.HostDelta, live bool) {
	if h.First < s.First {
		s.First, s.FirstPacket = h.First, h.FirstPacket
	}
	s.Last = max(s.Last, h.Last)
	s.Packets += h.Packets
	s.Bytes += h.Bytes
	s.ARP = s.ARP || h.ARP
	s.Live = s.Live || live
	if h.TTLMin != 0 && (s.TTLMin == 0 || h.TTLMin < s.TTLMin) {
		s.TTLMin = h.TTLMin
	}
	s.TTLMax = max(s.TTLMax, h.TTLMax)
}

func (ev *Evidence) sort() {
	ev.Sightings = sorted(ev.Sightings, func(a, b *Sighting) int { return compareHosts(&a.Host, &b.Host) })
	ev.Facts = sorted(ev.Facts, func(a, b *Fact) int {
		if n := compareHosts(&a.About, &b.About); n != 0 {
			return n
		}
		if n := strings.Compare(string(a.Attr), string(b.Attr)); n != 0 {
			return n
		}
		if n := cmp.Compare(a.Ref.Seen, b.Ref.Seen); n != 0 {
			return n
		}
		if n := cmp.Compare(a.Ref.Number, b.Ref.Number); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// sorted sorts large elements by moving each but once; it may return list itself.
func sorted[T any](list []T, compare func(a, b *T) int) []T {
	order, inOrder := make([]*T, len(list)), true
	for i := range list {
		order[i] = &list[i]
		inOrder = inOrder && (i == 0 || compare(order[i-1], order[i]) <= 0)
	}
	if inOrder {
		return list
	}
	slices.SortFunc(order, compare)
	out := make([]T, len(list))
	for i, p := range order {
		out[i] = *p
	}
	return out
}

func compareHosts(a, b *ot.Host) int {
	if n := strings.Compare(a.Realm, b.Realm); n != 0 {
		return n
	}
	if n := bytes.Compare(a.MAC[:], b.MAC[:]); n != 0 {
		return n
	}
	if n := a.IP.Compare(b.IP); n != 0 {
		return n
	}
	return strings.Compare(a.Module, b.Module)
}
