package asset

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"

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
	h := sha256.New()
	for _, s := range []string{site, about.Realm, about.MAC.String(), ipText(about), about.Module, string(attr), value} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
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
	at := map[ot.Host]*Sighting{}
	facts := map[string]*Fact{}
	for _, sum := range sums {
		for i := range sum.Hosts {
			h := &sum.Hosts[i]
			key := ot.Host{Realm: h.Realm, MAC: h.MAC, IP: h.IP.Unmap().WithZone("")}
			s := at[key]
			if s == nil {
				s = &Sighting{Host: key, VLAN: h.VLAN, First: h.First, Last: h.Last, FirstPacket: h.FirstPacket, Source: sum.Sensor}
				at[key] = s
			}
			s.hear(h, sum.Live)
		}
		for h, t := range doings(sum) {
			if s := at[h]; s != nil {
				s.Traffic.Add(*t)
			}
		}
		for i := range sum.Facts {
			f := newFact(&sum.Facts[i], "")
			if old := facts[f.ID]; old == nil {
				facts[f.ID] = &f
			} else {
				old.First, old.Last = min(old.First, f.First), max(old.Last, f.Last)
			}
		}
	}
	ev := Evidence{}
	for _, s := range at {
		ev.Sightings = append(ev.Sightings, *s)
	}
	for _, f := range facts {
		ev.Facts = append(ev.Facts, *f)
	}
	ev.sort()
	return ev
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
	slices.SortFunc(ev.Sightings, func(a, b Sighting) int { return compareHosts(a.Host, b.Host) })
	slices.SortFunc(ev.Facts, func(a, b Fact) int {
		return cmp.Or(compareHosts(a.About, b.About), cmp.Compare(a.Attr, b.Attr), cmp.Compare(a.Ref.Seen, b.Ref.Seen),
			cmp.Compare(a.Ref.Number, b.Ref.Number), cmp.Compare(a.ID, b.ID))
	})
}

func compareHosts(a, b ot.Host) int {
	return cmp.Or(cmp.Compare(a.Realm, b.Realm), bytes.Compare(a.MAC[:], b.MAC[:]), a.IP.Compare(b.IP), cmp.Compare(a.Module, b.Module))
}
