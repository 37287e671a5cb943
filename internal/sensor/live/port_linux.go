package live

import (
	"os"
	"strconv"
	"unsafe"

	"github.com/skanse/skanse/internal/sensor"
	"golang.org/x/sys/unix"
)

// The counters of a card that say what a mirror lost before us.
const (
	tooLongCounter = "rx_length_errors"
	damagedCounter = "rx_crc_errors"
)

// Port says how the interface is and what its card lost since the last call.
func (s *source) Port() *sensor.Port {
	p := &sensor.Port{Name: s.name, Filter: s.filter}
	i, err := Inspect(s.name)
	if err != nil {
		return p
	}
	p.Up, p.Warnings = i.Up, i.Warnings()
	p.Silent = len(p.Warnings) == 0
	p.MTU, _ = strconv.Atoi(attribute(s.name, "mtu"))
	if n, err := strconv.Atoi(attribute(s.name, "speed")); err == nil && n > 0 {
		p.Speed = n
	}
	p.Offloads = offloads(s.name)
	if w := lldp(); w != "" {
		p.Warnings = append(p.Warnings, w)
	}
	if n, ok := statistic(s.name, tooLongCounter); ok {
		p.TooLong = s.tooLong.step(n)
	}
	if n, ok := statistic(s.name, damagedCounter); ok {
		p.Damaged = s.damaged.step(n)
	}
	return p
}

// lldp warns of a daemon that would speak on every port.
func lldp() string {
	for _, socket := range []string{"/run/lldpd.socket", "/var/run/lldpd.socket"} {
		if _, err := os.Stat(socket); err == nil {
			return "lldpd runs on this machine and announces it on every port; leave the capture ports out in /etc/lldpd.conf: configure system interface pattern"
		}
	}
	return ""
}

// The numbers of the ethtool questions that only read.
const (
	ethtoolGetFlags = 0x25
	ethtoolGetGRO   = 0x2b
	flagLRO         = 1 << 15
)

type ethtoolValue struct{ cmd, data uint32 }

// offloads lists what puts frames together before anybody hears them.
func offloads(name string) (out []string) {
	ask := func(cmd uint32) uint32 {
		v := ethtoolValue{cmd: cmd}
		if ioctlEthtool(name, &v) != nil {
			return 0
		}
		return v.data
	}
	if ask(ethtoolGetGRO) != 0 {
		out = append(out, "GRO")
	}
	if ask(ethtoolGetFlags)&flagLRO != 0 {
		out = append(out, "LRO")
	}
	return out
}

// ioctlEthtool asks the driver. The request holds a pointer, for which x/sys has no call.
func ioctlEthtool(name string, v *ethtoolValue) error {
	data := ifreqData{data: unsafe.Pointer(v)}
	copy(data.name[:unix.IFNAMSIZ-1], name)
	return withRequest(name, func(fd int, _ *unix.Ifreq) error {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&data))); errno != 0 {
			return errno
		}
		return nil
	})
}

type ifreqData struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte
}
