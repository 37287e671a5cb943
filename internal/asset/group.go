package asset

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// group finds which sightings are one device: serial before MAC before stated
// address before name. Two sightings that people gave to different assets never
// meet. It returns the members of each device as indexes into ev.Sightings,
// which may have grown by hosts that only others spoke of, and for each fact the
// sighting that it is about, -1 for nobody.
func group(ev *Evidence) (devices [][]int, whose []int) {
	ev.Sightings = slices.DeleteFunc(ev.Sightings, func(s Sighting) bool { return s.MAC.Group() || nobody(s.IP) && virtual(s.MAC) })
	classify(ev.Sightings, ev.Routers)
	ev.Sightings = slices.DeleteFunc(ev.Sightings, func(s Sighting) bool {
		return s.ARP && s.Behind && virtual(s.MAC) // the shared address of a pair of routers
	})
	ix := newIndex(ev)
	whose = ix.place(ev)

	u := newUnion(ev.Sightings)
	ix.byAddress(ev, u)
	serials := map[string]int{} // serial → a sighting that states it
	for i, f := range ev.Facts {
		if key, ok := serialKey(ev, &f); ok && whose[i] >= 0 {
			if first, ok := serials[key]; ok {
				u.join(first, whose[i])
			} else {
				serials[key] = whose[i]
			}
		}
	}
	ix.byStatedAddress(ev, whose, u)
	byName(ev, whose, u)
	return u.sets(), whose
}

// index finds sightings by address.
type index struct {
	own    map[ot.Host][]int // realm+MAC → sightings at that link, not behind it
	ip     map[ot.Host][]int // realm+IP → sightings with the holder's own MAC
	behind map[ot.Host][]int // realm+IP → sightings with a router's MAC
	router map[ot.Host]bool  // realm+MAC
}

func newIndex(ev *Evidence) *index {
	n := len(ev.Sightings)
	ix := &index{own: make(map[ot.Host][]int, n), ip: make(map[ot.Host][]int, n), behind: map[ot.Host][]int{}, router: map[ot.Host]bool{}}
	for h := range ev.Routers {
		ix.router[h] = true
	}
	for i := range ev.Sightings {
		ix.add(ev, i)
	}
	return ix
}

func (ix *index) add(ev *Evidence, i int) {
	s := &ev.Sightings[i]
	if s.Behind {
		ix.behind[addressOf(s.Host)] = append(ix.behind[addressOf(s.Host)], i)
		ix.router[linkOf(s.Host)] = true
		return
	}
	if !virtual(s.MAC) {
		ix.own[linkOf(s.Host)] = append(ix.own[linkOf(s.Host)], i)
	}
	if !nobody(s.IP) {
		ix.ip[addressOf(s.Host)] = append(ix.ip[addressOf(s.Host)], i)
	}
}

// of returns the sighting that a host means, -1 if nobody was heard there.
func (ix *index) of(ev *Evidence, h ot.Host) int {
	if !nobody(h.IP) {
		best := -1
		for _, list := range [][]int{ix.ip[addressOf(h)], ix.behind[addressOf(h)]} {
			for _, i := range list {
				if ev.Sightings[i].MAC == h.MAC {
					return i
				}
				if best < 0 {
					best = i
				}
			}
		}
		if best >= 0 {
			return best
		}
	}
	if virtual(h.MAC) || h.MAC.Group() {
		return -1
	}
	if own := ix.own[linkOf(h)]; len(own) > 0 && (nobody(h.IP) || !ix.router[linkOf(h)]) {
		return own[0] // an address that it has not yet sent from
	}
	return -1
}

// place finds the sighting of every fact, and makes one for hosts that only others speak of.
func (ix *index) place(ev *Evidence) []int {
	whose := make([]int, len(ev.Facts))
	for i := range ev.Facts {
		f := &ev.Facts[i]
		whose[i] = ix.of(ev, f.About)
		if whose[i] >= 0 || nobody(f.About.IP) && (virtual(f.About.MAC) || f.About.MAC.Group()) {
			continue
		}
		h := ot.Host{Realm: f.About.Realm, MAC: f.About.MAC, IP: f.About.IP}
		if h.MAC.Group() || virtual(h.MAC) {
			h.MAC = ot.MAC{}
		}
		if nobody(h.IP) {
			h.IP = netip.Addr{}
		}
		ev.Sightings = append(ev.Sightings, Sighting{Host: h, First: f.First, Last: f.Last, Source: f.Ref.Source, FirstPacket: f.Ref.Number, mute: true})
		whose[i] = len(ev.Sightings) - 1
		ix.add(ev, whose[i])
	}
	return whose
}

// byAddress joins what shares a MAC, and what is behind routers by its IP.
func (ix *index) byAddress(ev *Evidence, u *union) {
	global := make(map[ot.MAC]int, len(ev.Sightings))
	for i := range ev.Sightings {
		s := &ev.Sightings[i]
		if s.Behind {
			if own := ix.ip[addressOf(s.Host)]; len(own) > 0 {
				u.join(nearest(ev, own, s), i)
			} else {
				u.join(ix.behind[addressOf(s.Host)][0], i)
			}
			continue
		}
		if virtual(s.MAC) {
			if !nobody(s.IP) {
				u.join(nearest(ev, ix.ip[addressOf(s.Host)], s), i)
			}
			continue
		}
		u.join(ix.own[linkOf(s.Host)][0], i)
		if s.MAC.Local() {
			continue // given by software: two realms may both have it
		}
		if first, ok := global[s.MAC]; ok {
			u.join(first, i)
		} else {
			global[s.MAC] = i
		}
	}
}

// nearest picks among the owners of an address the one heard closest in time to s.
func nearest(ev *Evidence, owners []int, s *Sighting) int {
	best, gap := owners[0], int64(-1)
	for _, i := range owners[:min(len(owners), maxHolders)] {
		o := &ev.Sightings[i]
		g := max(o.First-s.Last, s.First-o.Last, 0)
		if gap < 0 || g < gap {
			best, gap = i, g
		}
	}
	return best
}

// byStatedAddress joins what a device says are addresses of its own: a switch
// sends LLDP from the MAC of each port.
func (ix *index) byStatedAddress(ev *Evidence, whose []int, u *union) {
	for i, f := range ev.Facts {
		if whose[i] < 0 || f.About.Module != "" {
			continue
		}
		switch f.Attr {
		case "lldp.chassis_mac", "lldp.mgmt_mac", "lldp.port_mac", "lldp.profinet_mac":
			var m ot.MAC
			if m.UnmarshalText([]byte(f.Value)) != nil || m.Group() || virtual(m) {
				continue
			}
			if own := ix.own[ot.Host{Realm: f.About.Realm, MAC: m}]; len(own) > 0 {
				u.join(own[0], whose[i])
			}
			// Two ports of one switch name the same chassis, of which nothing else may be heard.
			if f.Attr == "lldp.chassis_mac" {
				u.joinKey("chassis "+f.About.Realm+" "+m.String(), whose[i])
			}
		case "lldp.mgmt_ip", "lldp.chassis_ip", "cdp.address", "cdp.mgmt_ip", "profinet-dcp.ip":
			ip, err := netip.ParseAddr(f.Value)
			if err != nil || nobody(ip) {
				continue
			}
			if own := ix.ip[ot.Host{Realm: f.About.Realm, IP: ip.Unmap()}]; len(own) > 0 && u.same(own) {
				u.join(own[0], whose[i])
			}
		}
	}
}

// uniqueNames are attributes whose value names one machine in its network,
// because the network stops working for the second.
func uniqueName(a ot.Attr) bool {
	switch a {
	case "netbios.name", "ntlmssp.nb_computer_name", "ntlmssp.dns_computer_name", "ntlmssp.hostname", "browser.server",
		"smb.name", "ntlm.computer", "lldp.system_name", "cdp.device_id", "snmp.sysname", "mdns.name":
		return true
	}
	return false
}

// genericName says whether a name comes from a factory, so that many devices have it.
func genericName(s string) bool {
	s = strings.ToLower(s)
	if len(s) < 4 {
		return true
	}
	for _, p := range []string{"localhost", "unknown", "default", "switch", "router", "plc_", "plc1", "cpu ", "s7-", "workgroup", "mshome", "desktop", "pc01", "hmi_", "hmi1", "device", "station", "linux", "openwrt", "raspberrypi", "android", "espressif", "none", "n/a", "siemens", "ubuntu", "debian", "windows"} {
		if s == p || strings.HasPrefix(s, p) && len(s) <= len(p)+2 {
			return true
		}
	}
	return false
}

// byName joins the network cards of one computer: same realm, same unique name,
// and no serial number that says otherwise.
func byName(ev *Evidence, whose []int, u *union) {
	stated := map[int]map[string]string{} // set → serial attribute → value
	note := func(root int, k, v string) {
		if stated[root] == nil {
			stated[root] = map[string]string{}
		}
		stated[root][k] = v
	}
	for i, f := range ev.Facts {
		if whose[i] >= 0 && f.About.Module == "" && (serialAttr(f.Attr) || f.Attr == "lldp.chassis_mac") {
			note(u.find(whose[i]), string(f.Attr), f.Value)
		}
	}
	first := map[ot.Host]int{}
	for i, f := range ev.Facts {
		if whose[i] < 0 || f.About.Module != "" || !uniqueName(f.Attr) || genericName(f.Value) || ev.Sightings[whose[i]].mute {
			continue
		}
		// A workgroup and a computer look alike in NetBIOS; only the speaker names itself.
		if f.By != (ot.Host{}) && f.By.MAC != f.About.MAC && f.By.IP != f.About.IP {
			continue
		}
		key := ot.Host{Realm: f.About.Realm, Module: strings.ToLower(strings.TrimSuffix(f.Value, "."))}
		j, ok := first[key]
		if !ok {
			first[key] = whose[i]
			continue
		}
		a, b := u.find(j), u.find(whose[i])
		if a == b || disagree(stated[a], stated[b]) {
			continue
		}
		root, ok := u.join(a, b)
		if !ok {
			continue
		}
		for _, m := range []map[string]string{stated[a], stated[b]} {
			for k, v := range m {
				note(root, k, v)
			}
		}
	}
}

func disagree(a, b map[string]string) bool {
	for k, v := range a {
		if w, ok := b[k]; ok && w != v {
			return true
		}
	}
	return false
}
