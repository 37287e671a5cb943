package plan

import (
	"net/netip"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Seen is what captures showed, as far as a comparison needs it.
type Seen struct {
	Sources []Source
	From    time.Time
	To      time.Time
	Packets uint64
	Devices []SeenDevice
	Talks   []Talk
	Alerts  []Alert
	Limits  []string // what the captures cannot tell, one sentence each
}

// Source is one capture.
type Source struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
}

// SeenDevice is a device that was heard, or of which others spoke.
type SeenDevice struct {
	Addresses []netip.Addr
	MACs      []ot.MAC
	Fields    map[string]Said // name, vendor, model, order_code, firmware, serial
	Role      string
	Outside   bool // on the internet
	Heard     bool // sent something itself
	Packet    uint64
}

// Said is a value and who said it.
type Said struct {
	Value    string
	Protocol string
	Packet   uint64
}

// Talk is one conversation.
type Talk struct {
	Client, Server ot.Host
	Transport      string
	Port           uint16
	Protocol       string   // as Skanse names it; empty: not recognised
	Inner          []string // protocols within it: cip in enip
	Title          string
	Answered       bool
	Packets        uint64
	Packet         uint64   // the first
	Classes        []string // what the client did
	ClearText      bool     // a sign-in that everybody could read was in it
}

// Alert is a rule that was met.
type Alert struct {
	Rule, Title, Severity string
	Class, Protocol       string // of the message
	Client, Server        ot.Host
	Packet, Count         uint64
}

func (d *SeenDevice) value(field string) string { return d.Fields[field].Value }

// label is what a person calls a device that nobody planned.
func (d *SeenDevice) label() string {
	var parts []string
	for _, a := range d.Addresses[:min(2, len(d.Addresses))] {
		parts = append(parts, a.String())
	}
	if len(parts) == 0 && len(d.MACs) > 0 {
		parts = append(parts, d.MACs[0].String())
	}
	name := strings.Join(parts, ", ")
	if v := d.value("name"); v != "" {
		name += " (" + v + ")"
	}
	return name
}

// toMany says whether an address is a group's: nobody's service.
func toMany(h ot.Host) bool {
	if h.IP.IsValid() {
		a := h.IP.Unmap()
		return a.IsMulticast() || a.IsUnspecified() || a.Is4() && a.As4()[3] == 255
	}
	return h.MAC.Group()
}

// plumbing is what keeps the network itself running, which nobody plans.
func plumbing(t *Talk) bool {
	switch t.Protocol {
	case "arp", "lldp", "cdp", "stp", "mrp", "icmp", "icmpv6", "igmp", "ndp":
		return true
	}
	return t.Transport == "icmp" || t.Transport == "ip-2" || t.Transport == "ip-58"
}
