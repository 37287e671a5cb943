package live

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/filter"
	"golang.org/x/sys/unix"
)

const (
	waitMillis = 250             // for a block, before the source says that the wire is silent
	linkEvery  = 2 * time.Second // how often a silent wire is asked whether it is plugged in
	tagBytes   = 4
)

// missedCounter is what the card had no room for. The kernel's rx_dropped is no
// loss: it also counts tagged frames, such as PROFINET's, that reached us and for
// which this machine itself has no use.
const missedCounter = "rx_missed_errors"

// source is a sensor.Source over one interface.
type source struct {
	ctx     context.Context // its end is the end of the source, as Next has no other way to hear of it
	name    string
	ring    *ring
	link    sensor.LinkType
	number  uint64
	bytes   uint64
	kernel  uint64 // dropped because the ring was full
	device  rising // dropped by the card
	sent    rising
	tooLong rising
	damaged rising
	filter  string
	first   uint64 // number before our first packet
	checked time.Time
}

// Open listens to an interface until ctx ends or the interface does. It fails
// with ot.NotFound where there is no such interface, ot.Invalid where it is down,
// ot.Forbidden without the capability.
func Open(ctx context.Context, name string, o Options) (sensor.Source, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, missing(name)
	}
	if i.Flags&net.FlagUp == 0 {
		return nil, down(name)
	}
	s := &source{ctx: ctx, name: name, first: o.After, number: o.After}
	switch kind := attribute(name, "type"); kind {
	case "1", "772": // ARPHRD_ETHER, ARPHRD_LOOPBACK
		s.link = sensor.LinkEthernet
	case "65534": // ARPHRD_NONE: a tunnel
		s.link = sensor.LinkRaw
	default:
		return nil, ot.Errorf(ot.Invalid, "%s is no Ethernet interface (the kernel's link type %s); listen to the Ethernet port that the mirror is plugged into", name, kind)
	}
	if err := s.linked(); err != nil {
		return nil, err
	}
	if n, ok := statistic(name, "tx_packets"); ok {
		s.sent.last = n
	}
	if n, ok := statistic(name, missedCounter); ok {
		s.device.last = n
	}
	for counter, r := range map[string]*rising{tooLongCounter: &s.tooLong, damagedCounter: &s.damaged} {
		if n, ok := statistic(name, counter); ok {
			r.last = n
		}
	}
	var program []unix.SockFilter
	if !o.Filter.All() {
		s.filter = o.Filter.String()
		if program, err = socketFilter(o.Filter, s.link); err != nil {
			return nil, err
		}
	}
	if s.ring, err = openRing(name, i.Index, program); err != nil {
		return nil, err
	}
	return s, nil
}

// socketFilter is the program that the kernel runs before it copies a frame.
func socketFilter(f *filter.Filter, link sensor.LinkType) ([]unix.SockFilter, error) {
	kind := filter.Ethernet
	if link == sensor.LinkRaw {
		kind = filter.Raw
	}
	raw, err := f.Compile(kind, true)
	if err != nil {
		return nil, err
	}
	out := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		out[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return out, nil
}

// linked says whether a cable with somebody at its other end is plugged in.
func (s *source) linked() error {
	if attribute(s.name, "carrier") == "0" {
		return ot.Errorf(ot.Invalid, "%s has no link; check the cable and the switch's mirror port", s.name)
	}
	return nil
}

// Next gives the next frame, sensor.ErrIdle when none came for a moment, io.EOF
// when the context has ended.
func (s *source) Next(p *sensor.Packet) error {
	r := s.ring
	for r.left == 0 {
		if err := s.wait(p); err != nil {
			return err
		}
	}
	at := r.block*blockBytes + int(r.at)
	h := (*unix.Tpacket3Hdr)(unsafe.Pointer(&r.memory[at]))
	r.left--
	r.at += h.Next_offset
	from := at + int(h.Mac)
	data, wire := r.memory[from:from+int(h.Snaplen)], int(h.Len)
	if h.Status&unix.TP_STATUS_VLAN_VALID != 0 && len(data) >= 12 {
		data, wire = retag(r.memory[from-tagBytes:from+int(h.Snaplen)], h), wire+tagBytes
	}
	s.number++
	s.bytes += uint64(wire)
	*p = sensor.Packet{
		Data: data, At: int64(h.Sec)*1e9 + int64(h.Nsec), Number: s.number, Wire: wire, Link: s.link, Iface: s.name,
	}
	return nil
}

// retag puts a VLAN tag back, which the card or the kernel took off. b begins
// with free room for it, before the two addresses.
func retag(b []byte, h *unix.Tpacket3Hdr) []byte {
	copy(b, b[tagBytes:tagBytes+12])
	kind := uint16(unix.ETH_P_8021Q)
	if h.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		kind = h.Hv1.Vlan_tpid
	}
	binary.BigEndian.PutUint16(b[12:], kind)
	binary.BigEndian.PutUint16(b[14:], uint16(h.Hv1.Vlan_tci))
	return b
}

// wait gives the block that was read back to the kernel and waits for the next.
func (s *source) wait(p *sensor.Packet) error {
	r := s.ring
	if r.holding {
		atomic.StoreUint32(&r.header().Block_status, unix.TP_STATUS_KERNEL)
		r.block, r.holding = (r.block+1)%blockCount, false
	}
	if s.ctx.Err() != nil {
		return io.EOF
	}
	h := r.header()
	if atomic.LoadUint32(&h.Block_status)&unix.TP_STATUS_USER == 0 {
		// What came until now and lies in a block that is not full is handed over
		// blockMillis after its first packet.
		now := time.Now().Add(-2 * blockMillis * time.Millisecond)
		fds := []unix.PollFd{{Fd: int32(r.fd), Events: unix.POLLIN | unix.POLLERR}}
		n, err := unix.Poll(fds, waitMillis)
		switch {
		case errors.Is(err, unix.EINTR):
			return s.silent(p, now)
		case err != nil:
			return fmt.Errorf("listen to %s: %w", s.name, err)
		case n > 0 && fds[0].Revents&^unix.POLLIN != 0:
			return s.lost()
		}
		if atomic.LoadUint32(&h.Block_status)&unix.TP_STATUS_USER == 0 {
			return s.silent(p, now)
		}
	}
	r.holding, r.left, r.at = true, h.Num_pkts, h.Offset_to_first_pkt
	return nil
}

// silent tells the engine how far time has come, and looks at the cable.
func (s *source) silent(p *sensor.Packet, until time.Time) error {
	if now := time.Now(); now.Sub(s.checked) >= linkEvery {
		s.checked = now
		if err := s.linked(); err != nil {
			return err
		}
	}
	p.At = until.UnixNano()
	return sensor.ErrIdle
}

// lost says why the socket failed.
func (s *source) lost() error {
	if _, err := net.InterfaceByName(s.name); err != nil {
		return missing(s.name)
	}
	if no, err := unix.GetsockoptInt(s.ring.fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && no != 0 && unix.Errno(no) != unix.ENETDOWN {
		return fmt.Errorf("listen to %s: %w", s.name, unix.Errno(no))
	}
	return down(s.name)
}

// Stats reads the kernel's counters; the goroutine that calls Next calls it.
func (s *source) Stats() sensor.SourceStats {
	if s.ring.memory != nil {
		if st, err := unix.GetsockoptTpacketStatsV3(s.ring.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			s.kernel += uint64(st.Drops) // reading sets it to 0
		}
		if n, ok := statistic(s.name, "tx_packets"); ok {
			s.sent.see(n)
		}
		if n, ok := statistic(s.name, missedCounter); ok {
			s.device.see(n)
		}
	}
	return sensor.SourceStats{Packets: s.number - s.first, Bytes: s.bytes, Dropped: s.kernel + s.device.sum, Transmitted: s.sent.sum}
}

// Close gives the ring back.
func (s *source) Close() error {
	if s.ring.memory == nil {
		return nil
	}
	return s.ring.close()
}
