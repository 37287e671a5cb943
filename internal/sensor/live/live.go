// Package live is the sensor.Source over a network interface: AF_PACKET with a
// TPACKET_V3 ring on Linux. It listens only: it needs no address and no route,
// and no line of it can send. What the interface itself sends is counted and told.
package live

import (
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor/filter"
)

// Options say what is heard of an interface.
type Options struct {
	Filter *filter.Filter // nil: everything
	After  uint64         // number of the last packet of an earlier time; numbers go on behind it
}

// Interface is what a capture port looks like before it is listened to.
type Interface struct {
	Name      string
	Up        bool
	Addresses []string
	IPv6      bool // makes itself an address and announces it
	ARP       bool // answers for the machine's addresses
}

// Warnings says, one sentence each, why the interface may break its silence and
// what to do. A port that only listens has none of these.
func (i Interface) Warnings() []string {
	var out []string
	if len(i.Addresses) > 0 {
		out = append(out, i.Name+" has the address "+i.Addresses[0]+": a capture port should have none, so that nobody can reach this machine over it; ip addr flush dev "+i.Name)
	}
	if i.IPv6 {
		out = append(out, i.Name+" has IPv6 on and will announce itself to the plant; sysctl -w net.ipv6.conf."+i.Name+".disable_ipv6=1")
	}
	if i.ARP {
		out = append(out, i.Name+" answers ARP; ip link set "+i.Name+" arp off")
	}
	return out
}

func missing(name string) error {
	return ot.Errorf(ot.NotFound, "there is no network interface %s; ip link lists them", name)
}

func down(name string) error {
	return ot.Errorf(ot.Invalid, "the network interface %s is down; ip link set %s up", name, name)
}
