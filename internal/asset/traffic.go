package asset

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Bounds of what is kept of one host's traffic, so that a scanner or a busy
// server stays as small as a valve.
const (
	maxPeers = 64 // peers by name a protocol and side; then only "more"
	maxPorts = 16
	maxUses  = 48 // protocols a side
)

// Traffic is what a host does, as far as its role needs it: by protocol, what it serves and what it asks.
type Traffic struct {
	Serves map[string]*Use `json:"s,omitempty"`
	Asks   map[string]*Use `json:"a,omitempty"`
}

// Use is one side of one protocol.
type Use struct {
	Ports   []uint16 `json:"p,omitempty"`
	Peers   []string `json:"w,omitempty"` // IP, else MAC; sorted
	More    bool     `json:"m,omitempty"` // there were more than maxPeers
	Classes ot.Class `json:"c,omitempty"`
}

// quiet names what every host speaks and what says nothing of its role.
func quiet(protocol string) bool {
	switch protocol {
	case "arp", "icmp", "icmpv6", "igmp", "lldp", "cdp", "stp":
		return true
	}
	return false
}

func (t *Traffic) side(serves bool, protocol string) *Use {
	m := &t.Asks
	if serves {
		m = &t.Serves
	}
	if *m == nil {
		*m = map[string]*Use{}
	}
	u := (*m)[protocol]
	if u == nil {
		if len(*m) >= maxUses {
			if protocol = "other"; (*m)[protocol] != nil {
				return (*m)[protocol]
			}
		}
		u = &Use{}
		(*m)[protocol] = u
	}
	return u
}

// add merges o into u and says whether anything was new.
func (u *Use) add(o *Use) (changed bool) {
	for _, p := range o.Ports {
		if i, ok := slices.BinarySearch(u.Ports, p); !ok && p != 0 && len(u.Ports) < maxPorts {
			u.Ports, changed = slices.Insert(u.Ports, i, p), true
		}
	}
	for _, p := range o.Peers {
		i, ok := slices.BinarySearch(u.Peers, p)
		switch {
		case ok || p == "":
		case len(u.Peers) < maxPeers:
			u.Peers, changed = slices.Insert(u.Peers, i, p), true
		case !u.More:
			u.More, changed = true, true
		}
	}
	if o.More && !u.More {
		u.More, changed = true, true
	}
	if n := u.Classes | o.Classes; n != u.Classes {
		u.Classes, changed = n, true
	}
	return changed
}

// Add merges o into t and says whether anything was new: then the role may change.
func (t *Traffic) Add(o Traffic) (changed bool) {
	for p, u := range o.Serves {
		changed = t.side(true, p).add(u) || changed
	}
	for p, u := range o.Asks {
		changed = t.side(false, p).add(u) || changed
	}
	return changed
}

// protocolOf names what a flow speaks: recognised by content, else its transport and port.
func protocolOf(f *sensor.FlowDelta) string {
	switch {
	case f.Protocol != "":
		return f.Protocol
	case f.Guess != "":
		return f.Guess + "?" // by port only
	case f.Port != 0:
		return f.Transport + "/" + strconv.Itoa(int(f.Port))
	}
	return ""
}

func peerName(h ot.Host) string {
	if h.IP.IsValid() {
		return h.IP.String()
	}
	return h.MAC.String()
}

// isPeer says whether the host is one machine rather than a group or nobody.
func isPeer(h ot.Host) bool {
	if h.IP.IsValid() {
		return !h.IP.IsMulticast() && !h.IP.IsUnspecified() && h.IP != netip.AddrFrom4([4]byte{255, 255, 255, 255}) && !h.MAC.Group()
	}
	return h.MAC != (ot.MAC{}) && !h.MAC.Group()
}

// doings collects, host by host, what a summary's flows and tuples show.
func doings(sum *sensor.Summary) map[ot.Host]*Traffic {
	out := map[ot.Host]*Traffic{}
	of := func(h ot.Host, realm string) *Traffic {
		h.Realm, h.Module, h.IP = cmp.Or(h.Realm, realm), "", h.IP.Unmap().WithZone("")
		if out[h] == nil {
			out[h] = &Traffic{}
		}
		return out[h]
	}
	for i := range sum.Flows {
		f := &sum.Flows[i]
		p := protocolOf(f)
		if p == "" || quiet(p) || f.Protocol == "" && f.ClientBy == sensor.ByGuess {
			continue // an ephemeral port guessed to be a server's says nothing
		}
		if f.ClientPackets > 0 && isPeer(f.Client) {
			peer := ""
			if isPeer(f.Server) {
				peer = peerName(f.Server)
			}
			of(f.Client, f.Realm).side(false, p).add(&Use{Ports: []uint16{f.Port}, Peers: []string{peer}})
		}
		if f.ServerPackets > 0 && isPeer(f.Server) {
			of(f.Server, f.Realm).side(true, p).add(&Use{Ports: []uint16{f.Port}, Peers: []string{peerName(f.Client)}})
		}
	}
	for i := range sum.Tuples {
		t := &sum.Tuples[i]
		class := ot.ParseClass(t.Class)
		if class == 0 || quiet(t.Protocol) || t.Also {
			continue
		}
		// A request says what the client does; a response, or a protocol without
		// either, says what the server has.
		if t.Dir != ot.Response.String() && isPeer(t.Flow.Client) {
			u := &Use{Classes: class}
			if isPeer(t.Flow.Server) {
				u.Peers = []string{peerName(t.Flow.Server)}
			}
			of(t.Flow.Client, t.Flow.Realm).side(false, t.Protocol).add(u)
		}
		if t.Dir == ot.Response.String() && isPeer(t.Flow.Server) {
			of(t.Flow.Server, t.Flow.Realm).side(true, t.Protocol).add(&Use{Classes: class, Peers: []string{peerName(t.Flow.Client)}})
		}
	}
	return out
}
