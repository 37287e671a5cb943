package live

import "github.com/skanse/skanse/internal/ot"

// Change is something that Silence changed at an interface, and how it was before.
type Change struct {
	What   string `json:"what"` // up, arp, ipv6
	Before string `json:"before"`
}

func addressed(name, address string) error {
	return ot.Errorf(ot.Conflict, "%s has the address %s: it is one of this machine's own connections, and a capture port has none; take the address away (ip addr flush dev %s), name the port that the mirror is plugged into, or say with --sense-addressed that it is meant", name, address, name)
}

func needsAdmin(name, what string) error {
	return ot.Errorf(ot.Forbidden, "%s cannot be made silent: to %s needs the capability CAP_NET_ADMIN, which only a small helper process would hold: give it in the systemd unit (AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN), or run once as root: ip link set %s arp off up; sysctl -w net.ipv6.conf.%s.disable_ipv6=1", name, what, name, name)
}
