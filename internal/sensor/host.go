package sensor

import (
	"github.com/skanse/skanse/internal/ot"
)

// hostKey is one sender: who, in which address realm.
type hostKey struct {
	realm uint16
	mac   ot.MAC
	ip    addr
}

// host counts what one sender sent in this interval.
type host struct {
	packets, bytes uint64
	last           int64
	ttlMin, ttlMax uint8
	arp, arpTold   bool
	gone           bool // evicted: flows that still point here look it up anew
	key            hostKey

	vlan        uint16
	first       int64
	firstPacket uint64
}

func (h *host) count(f *frame) {
	h.packets++
	h.bytes += uint64(f.wire)
	h.last = max(h.last, f.at)
	if f.ttl != 0 {
		if h.ttlMin == 0 || f.ttl < h.ttlMin {
			h.ttlMin = f.ttl
		}
		if f.ttl > h.ttlMax {
			h.ttlMax = f.ttl
		}
	}
}

// host finds or makes a sender's record. Beyond the budget the drop is counted.
func (l *lane) host(k hostKey, f *frame) *host {
	if h := l.hosts[k]; h != nil {
		return h
	}
	if len(l.hosts) >= l.budget.Hosts {
		l.hit("hosts")
		return &l.overflow
	}
	h := &host{key: k, vlan: f.vlan, first: f.at, last: f.at, firstPacket: f.number}
	l.hosts[k] = h
	return h
}

// told says that a pairing of MAC and IP was stated by ARP or neighbour discovery.
func (l *lane) told(mac ot.MAC, ip addr, realm uint16, f *frame) {
	if mac == (ot.MAC{}) || mac.Group() || ip == (addr{}) || ip == (addr{0, mapped}) {
		return
	}
	l.host(hostKey{realm, mac, ip}, f).arp = true
}

// neighbour reads the pairing out of ICMPv6 neighbour solicitations (135) and
// advertisements (136), RFC 4861: type 1, code 1, checksum 2, reserved 4,
// target 16, options of type 1, length in eights 1.
func (l *lane) neighbour(f *frame) {
	b := f.payload
	if len(b) < 24 || b[0] != 135 && b[0] != 136 || f.ttl != 255 {
		return
	}
	ip, want := f.src, byte(1) // the sender's own address with its source link-layer address
	if b[0] == 136 {
		ip, want = addr16(b[8:]), 2
	}
	for o := b[24:]; len(o) >= 8 && o[1] != 0 && int(o[1])*8 <= len(o); o = o[int(o[1])*8:] {
		if o[0] == want {
			l.told(ot.MAC(o[2:8]), ip, l.cur.key.realm, f)
		}
	}
}

// evictHosts makes room after a flush: who was silent in the interval goes.
func (l *lane) evictHosts() {
	if len(l.hosts) < l.budget.Hosts*3/4 {
		return
	}
	for k, h := range l.hosts {
		if h.packets == 0 {
			h.gone = true
			delete(l.hosts, k)
		}
	}
}

// realms numbers address realms, so that keys stay small.
type realms struct {
	names []string // by number; 0 is the default realm
	cache map[realmAt]uint16
}

type realmAt struct {
	iface string
	vlan  uint16
}

const maxRealms = 4096

func (r *realms) number(of func(string, uint16) string, iface string, vlan uint16) uint16 {
	if of == nil {
		return 0
	}
	at := realmAt{iface, vlan}
	if n, ok := r.cache[at]; ok {
		return n
	}
	if r.cache == nil {
		r.cache, r.names = map[realmAt]uint16{}, []string{""}
	}
	if len(r.cache) >= maxRealms {
		return 0
	}
	name := of(iface, vlan)
	n := uint16(len(r.names))
	for i, have := range r.names {
		if have == name {
			n = uint16(i)
		}
	}
	if int(n) == len(r.names) {
		r.names = append(r.names, name)
	}
	r.cache[at] = n
	return n
}

func (r *realms) name(n uint16) string {
	if int(n) < len(r.names) {
		return r.names[n]
	}
	return ""
}
