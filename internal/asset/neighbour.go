package asset

import (
	"bytes"
	"net/netip"

	"github.com/skanse/skanse/internal/ot"
)

// A frame's source MAC is the sender's own only on its own link: whatever came
// through a router carries the router's. These rules tell the two apart; each
// has been wrong once somewhere, so the strongest come first.

// virtualMACs begin the addresses that routers share; no host owns them.
var virtualMACs = [...][]byte{
	{0x00, 0x00, 0x5e, 0x00, 0x01}, // VRRP for IPv4, CARP
	{0x00, 0x00, 0x5e, 0x00, 0x02}, // VRRP for IPv6
	{0x00, 0x00, 0x0c, 0x07, 0xac}, // HSRP
	{0x00, 0x00, 0x0c, 0x9f, 0xf0}, // HSRP version 2, first groups
	{0x00, 0x05, 0x73, 0xa0},       // HSRP for IPv6
	{0x00, 0x07, 0xb4, 0x00},       // GLBP
	{0x02, 0xbf}, {0x03, 0xbf},     // Windows network load balancing
	{0x00, 0x00, 0x00, 0x00, 0x00, 0x00}, // none
}

func virtual(m ot.MAC) bool {
	for _, p := range virtualMACs {
		if bytes.HasPrefix(m[:], p) {
			return true
		}
	}
	return false
}

// nobody says whether an IP belongs to no single host.
func nobody(ip netip.Addr) bool {
	return !ip.IsValid() || ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// initialTTLs are what systems start with: seeing one of them means a neighbour.
// 1 and 2 belong to protocols that must not leave the link.
func initialTTL(ttl uint8) bool {
	switch ttl {
	case 1, 2, 30, 32, 60, 64, 100, 128, 150, 200, 250, 255:
		return true
	}
	return false
}

// crowd is how many addresses without any ARP one device may have before it is
// taken for a router. Servers and firewalls have a handful of their own.
const crowd = 8

// classify fills Behind: true where the frame's MAC is a router's and the IP
// somebody else's.
func classify(s []Sighting, routers map[ot.Host]int) {
	type link struct{ arp, known, lowered int }
	links := map[ot.Host]*link{}     // by realm and MAC
	claimed := map[ot.Host]ot.MAC{}  // IP → MAC that stated it by ARP
	direct := map[ot.Host]ot.MAC{}   // IP → MAC that it has where it is a neighbour
	inhabited := map[prefix24]bool{} // networks in which a neighbour sits
	for i := range s {
		h := &s[i]
		if nobody(h.IP) || virtual(h.MAC) {
			continue
		}
		l := links[linkOf(h.Host)]
		if l == nil {
			l = &link{}
			links[linkOf(h.Host)] = l
		}
		l.known++
		switch {
		case h.ARP:
			l.arp++
			claimed[addressOf(h.Host)] = h.MAC
		case h.TTLMax != 0 && !initialTTL(h.TTLMax):
			l.lowered++
		}
		if h.ARP || initialTTL(h.TTLMax) {
			inhabited[net24(h.Host)] = true
			direct[addressOf(h.Host)] = h.MAC
		}
	}
	for i := range s {
		h := &s[i]
		if nobody(h.IP) {
			h.Behind = false
			continue
		}
		if virtual(h.MAC) {
			h.Behind = true
			continue
		}
		l := links[linkOf(h.Host)]
		owner, stated := claimed[addressOf(h.Host)]
		elsewhere, isDirect := direct[addressOf(h.Host)]
		switch {
		case h.IP.Is6() && h.IP.IsLinkLocalUnicast():
			h.Behind = false // never routed
		case h.ARP:
			// A proxy that answers ARP for a whole network is a router, too: its
			// hosts' time to live is lowered.
			h.Behind = l.arp > crowd && h.TTLMax != 0 && !initialTTL(h.TTLMax)
		case stated && owner != h.MAC:
			h.Behind = true
		case routers[linkOf(h.Host)] > 0:
			h.Behind = h.Asset == "" || h.Behind // what was its own stays so
		case l.known > crowd:
			h.Behind = true
		case h.TTLMax != 0 && !initialTTL(h.TTLMax):
			// Odd, but the only address of this MAC, in a network of neighbours, and
			// nowhere else: a stack with its own idea of an initial time to live.
			own := l.known == 1 && inhabited[net24(h.Host)] && !isDirect
			h.Behind = !own
		case isDirect && elsewhere != h.MAC && h.TTLMax == 0:
			h.Behind = true
		default:
			h.Behind = l.lowered > 0 && l.arp+1 < l.known && !h.IP.IsPrivate()
		}
	}
}

type prefix24 struct {
	realm string
	net   netip.Prefix
}

func net24(h ot.Host) prefix24 {
	bits := 24
	if h.IP.Is6() {
		bits = 64
	}
	p, _ := h.IP.Prefix(bits) // IP is valid here
	return prefix24{h.Realm, p}
}

func linkOf(h ot.Host) ot.Host    { return ot.Host{Realm: h.Realm, MAC: h.MAC} }
func addressOf(h ot.Host) ot.Host { return ot.Host{Realm: h.Realm, IP: h.IP} }
