package live

import (
	"net"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Inspect looks at an interface without opening it.
func Inspect(name string) (Interface, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return Interface{Name: name}, missing(name)
	}
	out := Interface{Name: name, Up: i.Flags&net.FlagUp != 0}
	if addrs, err := i.Addrs(); err == nil {
		for _, a := range addrs {
			out.Addresses = append(out.Addresses, a.String())
		}
	}
	if b, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6"); err == nil {
		out.IPv6 = strings.TrimSpace(string(b)) == "0"
	}
	if flags, err := strconv.ParseUint(attribute(name, "flags"), 0, 32); err == nil {
		out.ARP = flags&(unix.IFF_NOARP|unix.IFF_LOOPBACK) == 0
	}
	return out, nil
}

// attribute reads what the kernel says of an interface; "" where it does not.
func attribute(name, file string) string {
	b, err := os.ReadFile("/sys/class/net/" + name + "/" + file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// statistic reads a counter of the interface; ok is false when it is gone.
func statistic(name, counter string) (n uint64, ok bool) {
	n, err := strconv.ParseUint(attribute(name, "statistics/"+counter), 10, 64)
	return n, err == nil
}

// rising adds up a counter that may begin anew, as drivers let it when they reset a card.
type rising struct{ last, sum uint64 }

func (r *rising) see(now uint64) {
	if now < r.last {
		r.last = 0
	}
	r.sum += now - r.last
	r.last = now
}

// step is what was added since the last one.
func (r *rising) step(now uint64) uint64 {
	before := r.sum
	r.see(now)
	return r.sum - before
}
