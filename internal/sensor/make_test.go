package sensor

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net/netip"
	"testing"
	"testing/fstest"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
)

// The makers below write real bytes: what they make, tcpdump reads.

var order = binary.BigEndian

func mac(n byte) ot.MAC { return ot.MAC{2, 0, 0, 0, 0, n} }

func ethernet(src, dst ot.MAC, etype uint16, payload []byte) []byte {
	b := append(append([]byte{}, dst[:]...), src[:]...)
	return append(order.AppendUint16(b, etype), payload...)
}

// tagged puts VLAN tags of the given types before a frame's EtherType: type, id, type, id …
func tagged(frame []byte, tags ...uint16) []byte {
	b := append([]byte{}, frame[:12]...)
	for _, t := range tags {
		b = order.AppendUint16(b, t)
	}
	return append(b, frame[12:]...)
}

func ip4(src, dst string, proto byte, payload []byte) []byte {
	return ip4part(src, dst, proto, 1, 0, false, payload)
}

func ip4part(src, dst string, proto byte, id uint16, offset int, more bool, payload []byte) []byte {
	b := make([]byte, 20, 20+len(payload))
	b[0], b[8], b[9] = 0x45, 64, proto
	order.PutUint16(b[2:], uint16(20+len(payload)))
	order.PutUint16(b[4:], id)
	f := uint16(offset / 8)
	if more {
		f |= 0x2000
	}
	order.PutUint16(b[6:], f)
	s, d := netip.MustParseAddr(src).As4(), netip.MustParseAddr(dst).As4()
	copy(b[12:], s[:])
	copy(b[16:], d[:])
	return append(b, payload...)
}

func ip6(src, dst string, next byte, payload []byte) []byte {
	b := make([]byte, 40, 40+len(payload))
	b[0], b[6], b[7] = 0x60, next, 255
	order.PutUint16(b[4:], uint16(len(payload)))
	s, d := netip.MustParseAddr(src).As16(), netip.MustParseAddr(dst).As16()
	copy(b[8:], s[:])
	copy(b[24:], d[:])
	return append(b, payload...)
}

func udp(sport, dport uint16, payload []byte) []byte {
	b := order.AppendUint16(nil, sport)
	b = order.AppendUint16(b, dport)
	b = order.AppendUint16(b, uint16(8+len(payload)))
	b = order.AppendUint16(b, 0)
	return append(b, payload...)
}

func tcp(sport, dport uint16, seq, ack uint32, flags byte, payload []byte) []byte {
	b := order.AppendUint16(nil, sport)
	b = order.AppendUint16(b, dport)
	b = order.AppendUint32(b, seq)
	b = order.AppendUint32(b, ack)
	b = append(b, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0)
	return append(b, payload...)
}

// talk is a TCP conversation in the making: client 10.0.0.1:40000, server 10.0.0.2:9000.
type talk struct {
	frames [][]byte
	seq    [2]uint32 // of client, server
}

func newTalk() *talk { return &talk{seq: [2]uint32{1000, 5000}} }

func (c *talk) segment(side int, seq, ack uint32, flags byte, payload []byte) []byte {
	if side == 0 {
		return ethernet(mac(1), mac(2), 0x0800, ip4("10.0.0.1", "10.0.0.2", 6, tcp(40000, 9000, seq, ack, flags, payload)))
	}
	return ethernet(mac(2), mac(1), 0x0800, ip4("10.0.0.2", "10.0.0.1", 6, tcp(9000, 40000, seq, ack, flags, payload)))
}

func (c *talk) open() *talk {
	c.frames = append(c.frames,
		c.segment(0, c.seq[0]-1, 0, tcpSYN, nil),
		c.segment(1, c.seq[1]-1, c.seq[0], tcpSYN|tcpACK, nil),
		c.segment(0, c.seq[0], c.seq[1], tcpACK, nil))
	return c
}

func (c *talk) say(side int, payload []byte) *talk {
	c.frames = append(c.frames, c.segment(side, c.seq[side], c.seq[1-side], tcpACK|tcpPSH, payload))
	c.seq[side] += uint32(len(payload))
	return c
}

// lose is say, but nobody captured it.
func (c *talk) lose(side int, payload []byte) *talk {
	c.seq[side] += uint32(len(payload))
	return c
}

// frames as a source.
type memory struct {
	frames [][]byte
	link   LinkType
	step   int64 // ns between frames, 1 ms if 0
	start  int64
	n      int
}

func (m *memory) Next(p *Packet) error {
	if m.n == len(m.frames) {
		return io.EOF
	}
	step := m.step
	if step == 0 {
		step = 1e6
	}
	link := m.link
	if link == 0 {
		link = LinkEthernet
	}
	b := m.frames[m.n]
	m.n++
	*p = Packet{Data: b, At: 1e18 + m.start + int64(m.n)*step, Number: uint64(m.n), Wire: len(b), Link: link}
	return nil
}

func (m *memory) Close() error { return nil }

func (m *memory) Stats() SourceStats { return SourceStats{Packets: uint64(m.n)} }

// toy is a protocol for tests: 0xA5, function, length 2, body. Function bit 7
// marks a response. Some functions misbehave on purpose.
type toy struct{ name string }

const (
	toyRead    = 1
	toyProgram = 2 // class program_download
	toySecret  = 3 // clear text
	toyName    = 4 // the body is a fact
	toyMany    = 5 // the body's first byte is the unit
	toyBegin   = 6 // begins a transfer: the body is its name, a file's with a slash
	toyPart    = 7 // bytes of it
	toyEnd     = 8
	toyAt      = 9 // bytes of it at the place that the body's first byte names
	toyAlien   = 66
	toyPanic   = 67
	toyServer  = 68 // says that its sender is the server
	toyExpect  = 69 // announces a flow to 10.0.0.9:7777
)

func (p toy) Spec() dissect.Spec {
	return dissect.Spec{
		Protocols: []dissect.Naming{{Name: p.name, Kinds: []string{"function", "extra"}}},
		Transport: dissect.TCP | dissect.UDP | dissect.Ether, TCP: []uint16{9000}, UDP: []uint16{9000}, Ether: []uint16{0x88b5},
		MaxPDU: 1024, MaxState: 64,
	}
}

func (p toy) Probe(_ ot.Dir, b []byte) dissect.Verdict {
	switch {
	case len(b) > 0 && b[0] != 0xa5:
		return dissect.No
	case len(b) < 4:
		return dissect.More
	}
	return dissect.Yes
}

func (p toy) Open() dissect.Flow { return &toyFlow{} }

type toyFlow struct{}

func (f *toyFlow) Frame(_ ot.Dir, b []byte, synced bool) (skip, n int) {
	if b[0] != 0xa5 {
		if i := bytes.IndexByte(b, 0xa5); i > 0 {
			return i, 0
		}
		return len(b), 0
	}
	if len(b) < 4 {
		return 0, 0
	}
	return 0, 4 + int(order.Uint16(b[2:]))
}

func (f *toyFlow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	if len(b) < 4 || b[0] != 0xa5 {
		return dissect.BadValue
	}
	m := out.Begin()
	m.Code, m.Dir, m.First, m.N = uint32(b[1]&0x7f), dir, uint32(len(b)), 1
	switch m.Code {
	case toyAlien:
		return dissect.Alien
	case toyPanic:
		panic("a defect")
	case toyServer:
		out.Client(dir.Reverse())
	case toyProgram:
		m.Name = b[4:]
	case toySecret:
		m.Flags |= ot.ClearText
	case toyName:
		out.Fact("toy.name", b[4:])
	case toyBegin:
		kind := dissect.Block
		if bytes.IndexByte(b, '/') >= 0 {
			kind = dissect.File
		}
		out.Piece(dissect.Piece{Key: 1, Kind: kind, Name: b[4:], Up: dir == ot.Response})
	case toyPart:
		out.Piece(dissect.Piece{Key: 1, At: dissect.Behind, Data: b[4:]})
	case toyAt:
		out.Piece(dissect.Piece{Key: 1, At: int64(b[4]), Data: b[5:]})
	case toyEnd:
		out.Piece(dissect.Piece{Key: 1, At: dissect.Behind, End: true})
	case toyMany:
		m.Unit = uint32(b[4])
	case toyExpect:
		out.Expect(ot.Endpoint{IP: netip.MustParseAddr("10.0.0.9"), Port: 7777}, true)
	}
	if b[1]&0x80 != 0 {
		m.Dir = ot.Response
		out.Also(1, 7, nil)
	}
	out.End()
	return dissect.OK
}

func (f *toyFlow) Reset() {}

func pdu(function byte, body string) []byte {
	b := []byte{0xa5, function, 0, 0}
	order.PutUint16(b[2:], uint16(len(body)))
	return append(b, body...)
}

func toySet(t testing.TB, names ...string) *dissect.Set {
	t.Helper()
	catalogue := fstest.MapFS{}
	var ps []dissect.Protocol
	for _, n := range names {
		catalogue[n+".yaml"] = &fstest.MapFile{Data: []byte("protocol: " + n + "\ntitle: Toy\nkinds:\n" +
			"  function:\n    class: read\n    codes:\n      1: {name: Read}\n      2: {name: Load, class: program_download}\n" +
			"  extra:\n    codes: {7: {name: Seven}}\n")}
		ps = append(ps, toy{n})
	}
	set, err := dissect.NewSet(ps, catalogue)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func toyConfig(t testing.TB) Config {
	set := toySet(t, "toy")
	rules, err := rule.Compile([]rule.Rule{{
		ID: "load", Title: "Load", Why: "test", Severity: ot.High, On: rule.Message, Mask: rule.Mask{Classes: []string{"program_download"}},
	}}, set, set.Len())
	if err != nil {
		t.Fatal(err)
	}
	return Config{Sensor: "test", Epoch: "1", Protocols: set, Rules: rules}
}

// summaries runs the engine over a source.
func summaries(t testing.TB, src Source, cfg Config) []*Summary {
	t.Helper()
	var out []*Summary
	if err := Run(context.Background(), src, cfg, func(s *Summary) error {
		out = append(out, s)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func summaryOf(t testing.TB, frames [][]byte, cfg Config) *Summary {
	t.Helper()
	all := summaries(t, &memory{frames: frames}, cfg)
	if len(all) != 1 || !all[0].Last {
		t.Fatalf("%d summaries; want one, marked as the last", len(all))
	}
	return all[0]
}

// counts adds the messages of each code up.
func counts(s *Summary) map[uint32]uint64 {
	out := map[uint32]uint64{}
	for _, t := range s.Tuples {
		if !t.Also {
			out[t.Code] += t.Count
		}
	}
	return out
}
