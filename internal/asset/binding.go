package asset

import (
	"cmp"
	"slices"

	"github.com/skanse/skanse/internal/ot"
)

// holder is one device's use of an address that more than one has used.
type holder struct {
	device      int
	mac         ot.MAC
	first, last int64
}

// maxHolders bounds what a flood of forged addresses can cost: beyond that many
// devices on one address, more of them say nothing new.
const maxHolders = 64

// ownersOf returns, for each address, the devices that sent from it.
func ownersOf(ev *Evidence, sets [][]int) map[ot.Host][]holder {
	out := make(map[ot.Host][]holder, len(ev.Sightings))
	for n, set := range sets {
		for _, i := range set {
			s := &ev.Sightings[i]
			if nobody(s.IP) || s.mute {
				continue
			}
			key := addressOf(s.Host)
			list := out[key]
			if k := slices.IndexFunc(list, func(h holder) bool { return h.device == n }); k >= 0 {
				list[k].first, list[k].last = min(list[k].first, s.First), max(list[k].last, s.Last)
			} else if len(list) < maxHolders {
				out[key] = append(list, holder{n, s.MAC, s.First, s.Last})
			}
		}
	}
	return out
}

// bindings says which addresses the device has, from when and, where another
// device took one over or the device itself moved, until when. An address that
// two devices used at the same time is a clash and stays bound to both.
func bindings(d *Device, owners map[ot.Host][]holder, self int) (out []Binding, clashes []Clash) {
	type key struct{ realm, kind, address string }
	at := map[key]*Binding{}
	last := map[key]int64{}
	note := func(realm, kind, address string, first, until int64) {
		k := key{realm, kind, address}
		b := at[k]
		if b == nil {
			b = &Binding{Realm: realm, Kind: kind, Address: address, From: first}
			at[k] = b
		}
		b.From = min(b.From, first)
		last[k] = max(last[k], until)
	}
	for i := range d.Sightings {
		s := &d.Sightings[i]
		if !s.Behind && !virtual(s.MAC) {
			note(s.Realm, "mac", s.MAC.String(), s.First, s.Last)
		}
		if !nobody(s.IP) && !s.mute {
			note(s.Realm, "ip", s.IP.String(), s.First, s.Last)
		}
	}
	for i := range d.Sightings {
		s := &d.Sightings[i]
		if nobody(s.IP) || s.mute {
			continue
		}
		k := key{s.Realm, "ip", s.IP.String()}
		for _, o := range owners[addressOf(s.Host)] {
			switch {
			case o.device == self:
			case o.first > last[k]: // taken over later
				if b := at[k]; b.To == 0 || o.first < b.To {
					b.To = o.first
				}
			case o.last >= at[k].From:
				if !slices.ContainsFunc(clashes, func(c Clash) bool { return c.IP == k.address && c.Realm == k.realm && c.With == o.mac }) {
					clashes = append(clashes, Clash{s.Realm, k.address, o.mac, max(o.first, at[k].From)})
				}
			}
		}
		// The same card in the same network with a later address: the device moved.
		if len(d.Sightings) > maxHolders {
			continue // it claims a whole network: nothing moves there
		}
		for j := range d.Sightings {
			t := &d.Sightings[j]
			if s.Behind || t.Behind || t.MAC != s.MAC || nobody(t.IP) || t.mute || t.IP == s.IP || net24(t.Host) != net24(s.Host) || s.IP.Is6() {
				continue
			}
			if b := at[k]; t.First > last[k] && (b.To == 0 || t.First < b.To) {
				b.To = t.First
			}
		}
	}
	for _, b := range at {
		out = append(out, *b)
	}
	slices.SortFunc(out, func(a, b Binding) int {
		return cmp.Or(cmp.Compare(a.Realm, b.Realm), -cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.From, b.From), cmp.Compare(a.Address, b.Address))
	})
	return out, clashes
}
