package sensortest

import (
	"encoding/binary"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const inside = "SKANSE_TEST_NAMESPACE"

// InNamespace runs the calling test again in a process with a network namespace
// of its own and returns false to the caller outside, which is then done. It
// needs root: without it the test is skipped, and fails under SKANSE_REQUIRE=netns.
func InNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil { // the old one shows the old namespace
			t.Fatal(err)
		}
		return true
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", "-test.count=1"}
	if testing.Short() {
		args = append(args, "-test.short")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		unavailable(t, "a network namespace needs root")
	}
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && len(out) == 0:
		unavailable(t, "no network namespace here: "+err.Error())
	case err != nil:
		t.Errorf("in its own network namespace: %v\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	case !strings.Contains(string(out), "--- PASS"):
		t.Errorf("the test did not run in its namespace:\n%s", out)
	default:
		t.Logf("%s", out)
	}
	return false
}

func unavailable(t *testing.T, why string) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "netns") {
		t.Fatal(why)
	}
	t.Skip(why)
}

// IP runs the ip command with words separated by spaces.
func IP(t *testing.T, line string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "ip", strings.Fields(line)...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", line, err, out)
	}
}

// Wire makes two ports that hear each other: "mirror", silent, and "plant".
func Wire(t *testing.T) {
	t.Helper()
	IP(t, "link add mirror type veth peer name plant")
	for _, port := range []string{"mirror", "plant"} {
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+port+"/disable_ipv6", []byte("1"), 0); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		IP(t, "link set "+port+" arp off")
		IP(t, "link set "+port+" up")
	}
}

// Sender puts whole frames onto a port.
type Sender struct {
	t  *testing.T
	fd int
}

// NewSender opens a port for sending.
func NewSender(t *testing.T, port string) *Sender {
	t.Helper()
	i, err := net.InterfaceByName(port)
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0) // protocol 0: hears nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: i.Index}); err != nil {
		t.Fatal(err)
	}
	return &Sender{t: t, fd: fd}
}

// Send puts one frame onto the wire.
func (s *Sender) Send(frame []byte) {
	s.t.Helper()
	if err := s.Try(frame); err != nil {
		s.t.Fatal(err)
	}
}

// Try is Send for who counts what the kernel did not take.
func (s *Sender) Try(frame []byte) error {
	_, err := unix.Write(s.fd, frame)
	return err
}

// UDP is a frame with a datagram from 10.0.0.1 to 10.0.0.2; with a VLAN other than 0 it is tagged.
func UDP(vlan uint16, sport, dport uint16, payload []byte) []byte {
	f := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1}
	if vlan != 0 {
		f = binary.BigEndian.AppendUint16(append(f, 0x81, 0), vlan)
	}
	f = append(f, 8, 0, 0x45, 0)
	f = binary.BigEndian.AppendUint16(f, uint16(28+len(payload)))
	f = append(f, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2)
	for _, v := range []uint16{sport, dport, uint16(8 + len(payload)), 0} {
		f = binary.BigEndian.AppendUint16(f, v)
	}
	return append(f, payload...)
}
