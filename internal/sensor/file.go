package sensor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/skanse/skanse/internal/ot"
)

// fileSource reads a capture file or stream of either format.
type fileSource struct {
	name    string
	size    int64
	closer  io.Closer
	win     *window
	next    func(*Packet) error
	packets uint64
	bytes   uint64
	shown   struct{ packets, bytes atomic.Uint64 } // what Stats may read from another goroutine
	done    error
}

// Open opens a capture file for reading. Close it when done.
func Open(path string) (Source, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, ot.Errorf(ot.NotFound, "there is no file %s; check the name: %w", path, err)
		}
		return nil, ot.Errorf(ot.Invalid, "cannot open %s: %w", path, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		f.Close()
		return nil, ot.Errorf(ot.Invalid, "%s is a folder; name a pcap or pcapng file in it", path)
	}
	var size int64
	if err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	src, err := Read(f, path, size)
	if err != nil {
		f.Close()
		return nil, err
	}
	src.(*fileSource).closer = f
	return src, nil
}

// Read reads a capture from a stream, such as an upload. The name is for
// messages; size is 0 where it is not known. The caller keeps r open until the
// source is done, and closes it.
func Read(r io.Reader, name string, size int64) (Source, error) {
	s := &fileSource{name: name, size: size, win: newWindow(r)}
	head, _ := s.win.peek(4)
	if err := s.win.failed(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(head) == 0 {
		return nil, ot.Errorf(ot.Invalid, "%s is empty; give a pcap or pcapng capture", name)
	}
	if len(head) < 4 {
		return nil, notCapture(name, head)
	}
	switch magic := binary.LittleEndian.Uint32(head); magic {
	case 0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0xa1b2cd34, 0x34cdb2a1:
		p, err := newPcap(s)
		if err != nil {
			return nil, err
		}
		s.next = p.next
	case 0x0a0d0d0a:
		p := &pcapng{src: s, win: s.win}
		s.next = p.next
	default:
		head, _ := s.win.peek(64)
		return nil, notCapture(name, head)
	}
	return s, nil
}

// notCapture says what the file is instead, where its first bytes tell.
func notCapture(name string, head []byte) error {
	known := []struct{ magic, is, hint string }{
		{"\x1f\x8b", "a gzip archive", "unpack it first: gunzip"},
		{"\x28\xb5\x2f\xfd", "a Zstandard archive", "unpack it first: zstd -d"},
		{"PK\x03\x04", "a zip archive", "unpack it first"},
		{"\xfd7zXZ", "an xz archive", "unpack it first: unxz"},
		{"BZh", "a bzip2 archive", "unpack it first: bunzip2"},
		{"7z\xbc\xaf", "a 7-Zip archive", "unpack it first"},
		{"snoop\x00", "a Solaris snoop capture", "convert it with: editcap -F pcap"},
		{"%PDF", "a PDF document", "give a pcap or pcapng capture"},
		{"\x7fELF", "a program", "give a pcap or pcapng capture"},
		{"GMBU", "a Microsoft Network Monitor capture", "convert it with: editcap -F pcap"},
		{"RTSS", "a Microsoft Network Monitor capture", "convert it with: editcap -F pcap"},
		{"XCP\x00", "a NetXRay capture", "convert it with: editcap -F pcap"},
	}
	for _, k := range known {
		if bytes.HasPrefix(head, []byte(k.magic)) {
			return ot.Errorf(ot.Invalid, "%s is %s, not a pcap or pcapng capture; %s", name, k.is, k.hint)
		}
	}
	return ot.Errorf(ot.Invalid, "%s is not a pcap or pcapng capture (it begins with % x); record with tcpdump -w or Wireshark, or convert with editcap -F pcap", name, head[:min(len(head), 8)])
}

func (s *fileSource) Next(p *Packet) error {
	if s.done != nil {
		return s.done
	}
	err := s.next(p)
	if err != nil {
		s.done = err
		s.publish()
		return err
	}
	s.packets++
	s.bytes += uint64(p.Wire)
	p.Number = s.packets
	if s.packets&1023 == 0 {
		s.publish()
	}
	return nil
}

func (s *fileSource) publish() {
	s.shown.packets.Store(s.packets)
	s.shown.bytes.Store(s.bytes)
}

func (s *fileSource) cut(at int64) error {
	if err := s.win.failed(); err != nil {
		return fmt.Errorf("read %s at byte %d: %w", s.name, at, err)
	}
	return &CutError{Name: s.name, Packet: s.packets + 1, Offset: at}
}

// Stats may be called while another goroutine reads packets.
func (s *fileSource) Stats() SourceStats {
	return SourceStats{
		Packets: s.shown.packets.Load(), Bytes: s.shown.bytes.Load(),
		SizeBytes: s.size, Read: s.win.read.Load(),
	}
}

func (s *fileSource) Close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}
