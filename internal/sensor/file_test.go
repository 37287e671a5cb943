package sensor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

func pcapFile(order binary.AppendByteOrder, magic uint32, link uint32, frames ...[]byte) []byte {
	b := order.AppendUint32(nil, magic)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = order.AppendUint32(b, 0)
	b = order.AppendUint32(b, 0)
	b = order.AppendUint32(b, 262144)
	b = order.AppendUint32(b, link)
	for i, f := range frames {
		b = order.AppendUint32(b, 1700000000+uint32(i))
		b = order.AppendUint32(b, 250)
		b = order.AppendUint32(b, uint32(len(f)))
		b = order.AppendUint32(b, uint32(len(f)+i))
		if magic == 0xa1b2cd34 {
			b = append(b, make([]byte, 8)...)
		}
		b = append(b, f...)
	}
	return b
}

func block(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	b := order.AppendUint32(nil, kind)
	b = order.AppendUint32(b, uint32(12+len(body)))
	b = append(b, body...)
	return order.AppendUint32(b, uint32(12+len(body)))
}

func section(order binary.AppendByteOrder) []byte {
	b := order.AppendUint32(nil, 0x1a2b3c4d)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(b, 0)
	return block(order, blockSection, append(b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff))
}

// description makes an interface block; resolution 0xff means the default.
func description(order binary.AppendByteOrder, link uint16, snap uint32, resolution byte, offset int64) []byte {
	b := order.AppendUint16(nil, link)
	b = order.AppendUint16(b, 0)
	b = order.AppendUint32(b, snap)
	b = order.AppendUint16(b, 2)
	b = order.AppendUint16(b, 4)
	b = append(b, "eth0"...)
	if resolution != 0xff {
		b = order.AppendUint16(b, 9)
		b = order.AppendUint16(b, 1)
		b = append(b, resolution, 0, 0, 0)
	}
	if offset != 0 {
		b = order.AppendUint16(b, 14)
		b = order.AppendUint16(b, 8)
		b = order.AppendUint64(b, uint64(offset))
	}
	return block(order, blockInterface, append(b, 0, 0, 0, 0))
}

func enhanced(order binary.AppendByteOrder, iface uint32, ticks uint64, frame []byte) []byte {
	b := order.AppendUint32(nil, iface)
	b = order.AppendUint32(b, uint32(ticks>>32))
	b = order.AppendUint32(b, uint32(ticks))
	b = order.AppendUint32(b, uint32(len(frame)))
	b = order.AppendUint32(b, uint32(len(frame)))
	return block(order, blockEnhanced, append(b, frame...))
}

func readAll(raw []byte) ([]Packet, error) {
	src, err := Read(bytes.NewReader(raw), "test.pcap", int64(len(raw)))
	if err != nil {
		return nil, err
	}
	var out []Packet
	for {
		var p Packet
		if err := src.Next(&p); err != nil {
			if again := src.Next(&p); !errors.Is(again, err) {
				return out, errors.New("the error changed on the second call")
			}
			if errors.Is(err, io.EOF) {
				return out, nil
			}
			return out, err
		}
		p.Data = bytes.Clone(p.Data)
		out = append(out, p)
	}
}

func TestPcapForms(t *testing.T) {
	frames := [][]byte{[]byte("first frame of 26 bytes..."), []byte("second"), {}}
	for name, c := range map[string]struct {
		order binary.AppendByteOrder
		magic uint32
		unit  int64
	}{
		"little, µs":   {binary.LittleEndian, 0xa1b2c3d4, 1000},
		"big, µs":      {binary.BigEndian, 0xa1b2c3d4, 1000},
		"little, ns":   {binary.LittleEndian, 0xa1b23c4d, 1},
		"big, ns":      {binary.BigEndian, 0xa1b23c4d, 1},
		"modified, µs": {binary.LittleEndian, 0xa1b2cd34, 1000},
	} {
		got, err := readAll(pcapFile(c.order, c.magic, 1, frames...))
		if err != nil || len(got) != 3 {
			t.Errorf("%s: %d packets, %v", name, len(got), err)
			continue
		}
		for i, p := range got {
			at := (1700000000+int64(i))*1e9 + 250*c.unit
			if string(p.Data) != string(frames[i]) || p.At != at || p.Number != uint64(i+1) || p.Wire != len(frames[i])+i || p.Link != LinkEthernet {
				t.Errorf("%s: packet %d is %+v", name, i+1, p)
			}
		}
		if got[0].Offset != 24 {
			t.Errorf("%s: first record at %d, want 24", name, got[0].Offset)
		}
	}
}

func TestPcapngForms(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	var raw []byte
	raw = append(raw, section(le)...)
	raw = append(raw, description(le, 1, 0, 0xff, 0)...)       // µs
	raw = append(raw, description(le, 113, 0, 9, 0)...)        // ns, Linux SLL
	raw = append(raw, description(le, 1, 0, 0x80|10, 0)...)    // 1/1024 s
	raw = append(raw, description(le, 1, 0, 0, 1700000000)...) // seconds, with an offset
	raw = append(raw, enhanced(le, 0, 1700000000_000001, []byte("a"))...)
	raw = append(raw, block(le, 5, []byte("statistics to pass over"))...)
	raw = append(raw, enhanced(le, 1, 1700000000_000000002, []byte("bb"))...)
	raw = append(raw, enhanced(le, 2, 1700000000<<10|512, []byte("ccc"))...)
	raw = append(raw, enhanced(le, 3, 5, []byte("dddd"))...)
	raw = append(raw, section(be)...)
	raw = append(raw, description(be, 101, 4, 0xff, 0)...)
	raw = append(raw, enhanced(be, 0, 1700000000_000003, []byte("eeeee"))...)
	raw = append(raw, block(be, blockSimple, append(be.AppendUint32(nil, 6), "ffff"...))...) // 6 on the wire, snap 4
	old := be.AppendUint16(nil, 0)
	old = be.AppendUint16(old, 0)
	old = be.AppendUint32(old, uint32(1700000000_000004>>32))
	old = be.AppendUint32(old, uint32(1700000000_000004&0xffffffff))
	old = be.AppendUint32(old, 3)
	old = be.AppendUint32(old, 3)
	raw = append(raw, block(be, blockPacket, append(old, "ggg"...))...)

	got, err := readAll(raw)
	if err != nil {
		t.Fatal(err)
	}
	const base = 1700000000 * int64(1e9)
	want := []struct {
		data string
		at   int64
		link LinkType
		wire int
	}{
		{"a", base + 1000, 1, 1},
		{"bb", base + 2, 113, 2},
		{"ccc", base + 500e6, 1, 3},
		{"dddd", base + 5e9, 1, 4},
		{"eeeee", base + 3000, 101, 5},
		{"ffff", 0, 101, 6},
		{"ggg", base + 4000, 101, 3},
	}
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i, w := range want {
		if p := got[i]; string(p.Data) != w.data || p.At != w.at || p.Link != w.link || p.Wire != w.wire || p.Iface != "eth0" {
			t.Errorf("packet %d is %+v, want %+v", i+1, p, w)
		}
	}
}

func smallCaptures() map[string][]byte {
	le := binary.LittleEndian
	frames := [][]byte{[]byte("one......"), []byte("two"), []byte("three")}
	ng := append(section(le), description(le, 1, 0, 9, 0)...)
	for i, f := range frames {
		ng = append(ng, enhanced(le, 0, uint64(i), f)...)
	}
	return map[string][]byte{"pcap": pcapFile(le, 0xa1b2c3d4, 1, frames...), "pcapng": ng}
}

// Wherever a capture is cut, the packets before are delivered and the cut is told with its place.
func TestEveryCut(t *testing.T) {
	for name, raw := range smallCaptures() {
		whole, err := readAll(raw)
		if err != nil || len(whole) != 3 {
			t.Fatalf("%s: %d packets, %v", name, len(whole), err)
		}
		for n := range len(raw) {
			got, err := readAll(raw[:n])
			ends := 0
			for ends < len(whole) && (ends+1 < len(whole) && whole[ends+1].Offset <= int64(n)) {
				ends++
			}
			var cut *CutError
			switch {
			case err == nil: // cut exactly between two records
				if n < 24 {
					t.Errorf("%s cut at %d: no error", name, n)
				}
			case errors.As(err, &cut):
				if len(got) != ends || cut.Offset > int64(n) || cut.Packet != uint64(len(got)+1) {
					t.Errorf("%s cut at %d: %d packets, %v", name, n, len(got), err)
				}
			case ot.CodeOf(err) != ot.Invalid || n >= 28:
				t.Errorf("%s cut at %d: %v", name, n, err)
			}
			for i := range got {
				if !bytes.Equal(got[i].Data, whole[i].Data) {
					t.Errorf("%s cut at %d: packet %d differs", name, n, i+1)
				}
			}
		}
	}
}

func TestNotACapture(t *testing.T) {
	for name, c := range map[string]struct{ raw, says string }{
		"empty":   {"", "is empty"},
		"short":   {"ab", "not a pcap"},
		"gzip":    {"\x1f\x8b\x08\x00aaaa", "gunzip"},
		"zip":     {"PK\x03\x04aaaa", "zip archive"},
		"text":    {"hello, this is a log file", "not a pcap"},
		"header":  {"\xd4\xc3\xb2\xa1\x02\x00", "file header"},
		"escapes": {"\x1b[2J\x1b[31m", "not a pcap"},
	} {
		_, err := readAll([]byte(c.raw))
		if ot.CodeOf(err) != ot.Invalid || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v; want a sentence with %q", name, err, c.says)
		}
	}
	if _, err := Open(t.TempDir()); ot.CodeOf(err) != ot.Invalid || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none.pcap")); ot.CodeOf(err) != ot.NotFound || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// A length that lies must not buy memory.
func TestForgedLengths(t *testing.T) {
	for name, raw := range smallCaptures() {
		for at := 24; at+4 <= len(raw); at += 4 {
			for _, n := range []uint32{0, 1, 0x7fffffff, 0xffffffff, 15 << 20} {
				forged := bytes.Clone(raw)
				binary.LittleEndian.PutUint32(forged[at:], n)
				src, err := Read(bytes.NewReader(forged), name, 0)
				if err != nil {
					continue
				}
				var p Packet
				for err == nil {
					err = src.Next(&p)
				}
				if c := cap(src.(*fileSource).win.buf); c > 4*windowSize {
					t.Fatalf("%s: %#x at %d made the buffer %d bytes", name, n, at, c)
				}
			}
		}
	}
}

// failing is a disk that gives up in the middle.
type failing struct{ r io.Reader }

func (f failing) Read(b []byte) (int, error) {
	n, err := f.r.Read(b[:min(len(b), 10)])
	if errors.Is(err, io.EOF) {
		err = errors.New("input/output error")
	}
	return n, err
}

func TestReadError(t *testing.T) {
	for name, raw := range smallCaptures() {
		src, err := Read(failing{bytes.NewReader(raw)}, name, 0)
		var p Packet
		n := 0
		for err == nil {
			if err = src.Next(&p); err == nil {
				n++
			}
		}
		var cut *CutError
		if n != 3 || errors.Is(err, io.EOF) || errors.As(err, &cut) || !strings.Contains(err.Error(), "input/output error") {
			t.Errorf("%s: %d packets, then %v", name, n, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, raw := range smallCaptures() {
		f.Add(raw)
	}
	f.Add(pcapFile(binary.BigEndian, 0xa1b23c4d, 1, []byte("x")))
	f.Add(section(binary.BigEndian))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := readAll(raw)
		total := 0
		for _, p := range got {
			total += len(p.Data)
			if p.Wire < len(p.Data) {
				t.Fatalf("wire %d is less than the %d bytes captured", p.Wire, len(p.Data))
			}
		}
		if total > len(raw) {
			t.Fatalf("%d bytes of packets out of %d, %v", total, len(raw), err)
		}
	})
}
