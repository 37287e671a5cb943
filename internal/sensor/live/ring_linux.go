package live

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/sys/unix"
)

// The ring that the kernel writes into. A block is handed over when it is full or
// blockMillis after its first packet: long enough that a busy wire costs few
// wake-ups, short enough that nobody waits.
const (
	blockBytes  = 1 << 20
	blockCount  = 32
	frameBytes  = 2048 // only the kernel's sanity check reads it: in version 3 packets lie as close as they fit
	blockMillis = 100
)

// ring is a packet socket and the memory it shares with the kernel.
type ring struct {
	fd      int
	memory  []byte
	block   int    // the one that is read, or will be handed over next
	left    uint32 // packets not yet read of it
	at      uint32 // offset of the next packet in it
	holding bool
}

// openRing makes the socket bound to one interface. Nothing can leave by it: it
// is never written to, and its protocol number is that of listening.
func openRing(name string, index int, program []unix.SockFilter) (r *ring, err error) {
	// Protocol 0 until it is bound: nothing of other interfaces gets in between.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return nil, ot.Errorf(ot.Forbidden, "listening to %s needs the capability CAP_NET_RAW: run setcap cap_net_raw=ep on the skanse program, or give it AmbientCapabilities=CAP_NET_RAW in its systemd unit", name)
	}
	if err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	r = &ring{fd: fd}
	defer func() {
		if err != nil {
			_ = r.close()
		}
	}()
	req := unix.TpacketReq3{
		Block_size: blockBytes, Block_nr: blockCount, Frame_size: frameBytes, Frame_nr: blockBytes / frameBytes * blockCount,
		Retire_blk_tov: blockMillis,
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"leave out what this machine sends", func() error { return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1) }},
		{"set the filter", func() error { // before it is bound: nothing else gets in between
			if len(program) == 0 {
				return nil
			}
			return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
		}},
		{"choose TPACKET_V3", func() error { return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3) }},
		{"reserve room for VLAN tags", func() error { return unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_RESERVE, tagBytes) }},
		{"make the ring", func() error { return unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req) }},
		{"map the ring", func() (err error) {
			r.memory, err = unix.Mmap(fd, 0, blockBytes*blockCount, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			return err
		}},
		{"make it promiscuous", func() error {
			return unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC})
		}},
		{"bind to it", func() error {
			return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ALL), Ifindex: index})
		}},
	} {
		if err := step.do(); err != nil {
			return nil, fmt.Errorf("listen to %s: %s: %w", name, step.what, err)
		}
	}
	return r, nil
}

func networkOrder(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

func (r *ring) close() error {
	var err error
	if r.memory != nil {
		err = unix.Munmap(r.memory)
		r.memory = nil
	}
	return errors.Join(err, unix.Close(r.fd))
}

// header is that of the block that is read or awaited.
func (r *ring) header() *unix.TpacketHdrV1 {
	d := (*unix.TpacketBlockDesc)(unsafe.Pointer(&r.memory[r.block*blockBytes]))
	return (*unix.TpacketHdrV1)(unsafe.Pointer(&d.Hdr))
}
