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
		changed = u.port(p) || changed
	}
	for _, p := range o.Peers {
		changed = u.peer(p) || changed
	}
	if o.More && !u.More {
		u.More, changed = true, true
	}
	return u.class(o.Classes) || changed
}

func (u *Use) port(p uint16) bool {
	i, ok := slices.BinarySearch(u.Ports, p)
	if ok || p == 0 || len(u.Ports) >= maxPorts {
		return false
	}
	u.Ports = slices.Insert(u.Ports, i, p)
	return true
}

func (u *Use) peer(p string) bool {
	i, ok := slices.BinarySearch(u.Peers, p)
	switch {
	case ok || p == "":
		return false
	case len(u.Peers) < maxPeers:
		u.Peers = slices.Insert(u.Peers, i, p)
		return true
	}
	changed := !u.More
	u.More = true
	return changed
}

func (u *Use) class(c ot.Class) bool {
	changed := u.Classes|c != u.Classes
	u.Classes |= c
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

// party is one side of a conversation, as far as doings go.
type party struct {
	does *Traffic // nil: nobody asks
	name string   // as a peer of others; empty: it is no single machine
}

// doings collects, host by host, what a summary's flows and tuples show.
func doings(sum *sensor.Summary) map[ot.Host]*Traffic {
	out := map[ot.Host]*Traffic{}
	note(sum, func(h *ot.Host, realm string) party {
		k := *h
		k.Realm, k.Module, k.IP = cmp.Or(h.Realm, realm), "", h.IP.Unmap().WithZone("")
		if out[k] == nil {
			out[k] = &Traffic{}
		}
		return party{out[k], peerName(*h)}
	})
	return out
}

// note adds what a summary's flows and tuples show to who does it. of finds
// them; it is asked for machines only.
func note(sum *sensor.Summary, of func(h *ot.Host, realm string) party) {
	find := func(h *ot.Host, realm string) party {
		if isPeer(*h) {
			return of(h, realm)
		}
		return party{}
	}
	for i := range sum.Flows {
		f := &sum.Flows[i]
		p := protocolOf(f)
		if p == "" || quiet(p) || f.Protocol == "" && f.ClientBy == sensor.ByGuess {
			continue // an ephemeral port guessed to be a server's says nothing
		}
		client, server := find(&f.Client, f.Realm), find(&f.Server, f.Realm)
		if f.ClientPackets > 0 && client.does != nil {
			u := client.does.side(false, p)
			u.port(f.Port)
			u.peer(server.name)
		}
		if f.ServerPackets > 0 && server.does != nil {
			u := server.does.side(true, p)
			u.port(f.Port)
			u.peer(cmp.Or(client.name, peerName(f.Client))) // whoever it is, somebody asks
		}
	}
	var flow *sensor.FlowKey // of the tuple before: they stand together
	var client, server party
	for i := range sum.Tuples {
		t := &sum.Tuples[i]
		class := ot.ParseClass(t.Class)
		if class == 0 || quiet(t.Protocol) || t.Also {
			continue
		}
		if flow == nil || *flow != t.Flow {
			flow = &t.Flow
			client, server = find(&flow.Client, flow.Realm), find(&flow.Server, flow.Realm)
		}
		// A request says what the client does; a response, or a protocol without
		// either, says what the server has.
		who, serves, peer := client.does, false, server.name
		if t.Dir == ot.Response.String() {
			who, serves, peer = server.does, true, cmp.Or(client.name, peerName(flow.Client))
		}
		if who != nil {
			u := who.side(serves, t.Protocol)
			u.peer(peer)
			u.class(class)
		}
	}
}
