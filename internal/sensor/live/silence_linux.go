package live

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Silence makes a capture port that says nothing: IPv6 off (and with it link-local
// addresses, router solicitations and multicast reports), no ARP, up. In that order,
// so that nothing is said in between. It refuses a port that has an address of its
// own unless mayAddress is set, and says what it changed, for Restore.
func Silence(name string, mayAddress bool) ([]Change, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, missing(name)
	}
	if own := ownAddress(i); own != "" && !mayAddress {
		return nil, addressed(name, own)
	}
	var done []Change
	switch before, err := ipv6Off(name, "1"); {
	case errors.Is(err, fs.ErrNotExist): // a kernel without IPv6
	case err != nil:
		return done, needsAdmin(name, "switch IPv6 off")
	case before != "1":
		done = append(done, Change{"ipv6", before})
	}
	flags, err := interfaceFlags(name)
	if err != nil {
		return done, missing(name)
	}
	if flags&(unix.IFF_NOARP|unix.IFF_LOOPBACK) == 0 {
		if err := setInterfaceFlags(name, flags|unix.IFF_NOARP); err != nil {
			return done, needsAdmin(name, "switch ARP off")
		}
		flags |= unix.IFF_NOARP
		done = append(done, Change{"arp", "on"})
	}
	if flags&unix.IFF_UP == 0 {
		if err := setInterfaceFlags(name, flags|unix.IFF_UP); err != nil {
			return done, needsAdmin(name, "bring it up")
		}
		done = append(done, Change{"up", "down"})
	}
	return done, nil
}

// Restore takes back what Silence did, the last first.
func Restore(name string, done []Change) error {
	var all error
	for n := len(done) - 1; n >= 0; n-- {
		var err error
		switch c := done[n]; c.What {
		case "ipv6":
			_, err = ipv6Off(name, c.Before)
		case "arp":
			err = clearInterfaceFlag(name, unix.IFF_NOARP)
		case "up":
			err = clearInterfaceFlag(name, unix.IFF_UP)
		}
		if err != nil {
			all = errors.Join(all, fmt.Errorf("put %s back as it was (%s): %w", name, done[n].What, err))
		}
	}
	return all
}

// ownAddress is the first address that somebody gave the port. A link-local one of
// IPv6 the kernel gave it, and takes it away with IPv6.
func ownAddress(i *net.Interface) string {
	if i.Flags&net.FlagLoopback != 0 {
		return ""
	}
	addrs, err := i.Addrs()
	if err != nil {
		return ""
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && !(p.Addr().Is6() && p.Addr().IsLinkLocalUnicast()) {
			return a.String()
		}
	}
	return ""
}

// ipv6Off writes the switch and says how it stood.
func ipv6Off(name, value string) (before string, err error) {
	path := "/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6"
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if before = strings.TrimSpace(string(b)); before == value {
		return before, nil
	}
	return before, os.WriteFile(path, []byte(value), 0)
}

func interfaceFlags(name string) (uint16, error) {
	var flags uint16
	err := withRequest(name, func(fd int, r *unix.Ifreq) error {
		err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, r)
		flags = r.Uint16()
		return err
	})
	return flags, err
}

func setInterfaceFlags(name string, flags uint16) error {
	return withRequest(name, func(fd int, r *unix.Ifreq) error {
		r.SetUint16(flags)
		return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
	})
}

func clearInterfaceFlag(name string, flag uint16) error {
	flags, err := interfaceFlags(name)
	if err != nil {
		return err
	}
	return setInterfaceFlags(name, flags&^flag)
}

func withRequest(name string, do func(fd int, r *unix.Ifreq) error) error {
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return do(fd, r)
}
