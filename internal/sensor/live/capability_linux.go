package live

import (
	"os"
	"syscall"
	"unsafe"

	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/sys/unix"
)

// DropCapabilities gives up, in every thread and for good, what a server that
// listens does not need. CAP_NET_RAW stays, as an interface that comes back is
// opened again; it lets nobody change addresses, routes or filters. Root keeps
// what it takes to work in a data folder of somebody else.
func DropCapabilities() error {
	keep := uint64(1) << unix.CAP_NET_RAW
	if os.Geteuid() == 0 {
		keep |= 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_CHOWN | 1<<unix.CAP_FOWNER
	}
	return keepCapabilities(keep)
}

// KeepAdminOnly is for the process that makes ports silent: it can change interfaces and nothing else.
func KeepAdminOnly() error { return keepCapabilities(1 << unix.CAP_NET_ADMIN) }

func keepCapabilities(keep uint64) error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have, want [2]unix.CapUserData
	if err := unix.Capget(&head, &have[0]); err != nil {
		return ot.Errorf(ot.Internal, "read the capabilities: %w", err)
	}
	for i := range have {
		mask := uint32(keep >> (32 * i))
		want[i] = unix.CapUserData{Effective: have[i].Effective & mask, Permitted: have[i].Permitted & mask}
	}
	// A program that this process starts must not get back what it gave up. This
	// comes first: ambient capabilities go when the inheritable ones do.
	if _, _, errno := syscall.AllThreadsSyscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); errno != 0 {
		return ot.Errorf(ot.Internal, "forbid new privileges: %w", errno)
	}
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&want[0])), 0); errno != 0 {
		return ot.Errorf(ot.Internal, "drop capabilities: %w", errno)
	}
	return nil
}
