package told_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
	"github.com/skanse/skanse/internal/sensor/told/toldtest"
)

type gathered struct {
	*told.Teller
	sums []*sensor.Summary
}

func gather(t testing.TB, most int) *gathered {
	g := &gathered{}
	g.Teller = told.New(told.Config{
		Sensor: "log", Epoch: "log", Kind: sensor.ToldZeek, Protocols: toldtest.Protocols(t), Most: most, First: 4,
		Emit: func(s *sensor.Summary) error { g.sums = append(g.sums, s); return nil },
	})
	return g
}

func host(s string) ot.Host { return ot.Host{IP: netip.MustParseAddr(s)} }

// What is said again is nothing new, what is said by whom it cannot be said is nothing, and each has the line it comes from.
func TestTeller(t *testing.T) {
	g := gather(t, 0)
	proof := []byte("the line")
	g.At(12, 5e9, 700, proof)
	g.Record()
	c := g.Talk(told.Talk{Orig: host("10.0.0.9"), Resp: host("10.0.0.3"), OrigPort: 40000, RespPort: 502, Transport: "tcp", Protocol: "modbus"})
	c.Count(4e9, 6e9, 1, 7, 700, 5, 500)
	c.Message(told.Message{Protocol: "modbus", Kind: "function", Dir: ot.Request, Code: 6})
	copy(proof, "XXXXXXXX") // the reader's buffer is used again
	g.At(13, 7e9, 800, []byte("another"))
	back := g.Talk(told.Talk{Orig: host("10.0.0.3"), Resp: host("10.0.0.9"), OrigPort: 502, RespPort: 40000, Transport: "tcp", Protocol: "modbus"})
	back.Count(7e9, 7e9, 0, 1, 60, 0, 0)
	for range 3 {
		g.Fact(host("10.0.0.3"), "modbus.vendor", "Maker", "modbus", host("10.0.0.3"))
	}
	g.Fact(host("224.0.0.1"), "modbus.vendor", "a group", "modbus", host("10.0.0.3"))
	g.Fact(host("10.0.0.3"), "modbus.product", "\x1b[2Jscreen\u202e", "modbus", host("10.0.0.3"))
	g.Host(host("0.0.0.0"), 0, 0, 1, 1, 1, 1)
	g.Host(host("10.0.0.9"), 0, 64, 4e9, 6e9, 7, 700)
	g.Host(host("10.0.0.9"), 0, 128, 3e9, 5e9, 1, 60)
	if err := g.Flush(true); err != nil {
		t.Fatal(err)
	}
	s := g.sums[0]
	toldtest.Clean(t, g.sums)
	if s.Seq != 5 || !s.Last || s.From != 3e9 || s.To != 7e9 || len(s.Flows) != 1 || len(s.Facts) != 2 || len(s.Hosts) != 1 || s.Health.Told.Records != 1 {
		t.Fatalf("%+v", s)
	}
	if f := s.Flows[0]; f.Client != host("10.0.0.9") || f.ClientPackets != 7 || f.ServerPackets != 6 || f.First != 4e9 || f.Last != 7e9 || string(f.Proof) != "the line" || f.FirstRef != (ot.PacketRef{Source: "log", Number: 12, Seen: 5e9, Offset: 700}) {
		t.Errorf("%+v", f)
	}
	if f := s.Facts[1]; !strings.Contains(f.Value, "screen") || len(f.Raw) == 0 || f.Ref.Number != 13 {
		t.Errorf("%+v", f)
	}
	if h := s.Hosts[0]; h.Packets != 8 || h.First != 3e9 || h.TTLMin != 64 || h.TTLMax != 128 {
		t.Errorf("%+v", h)
	}
}

// Words of the log are bounded: a protocol's name is no place for a megabyte.
func TestWordsAreShort(t *testing.T) {
	g := gather(t, 0)
	g.At(1, 1e9, 0, bytes.Repeat([]byte("p"), 10*ot.MaxProof))
	long := strings.Repeat("\x1b", 1<<20)
	g.Talk(told.Talk{Orig: host("10.0.0.9"), Resp: host("10.0.0.3"), Transport: "ip-" + long, Guess: long, Protocol: ""})
	g.Fact(host("10.0.0.3"), "modbus.vendor", strings.Repeat("é", 1<<20), "modbus", host("10.0.0.3"))
	if err := g.Flush(true); err != nil {
		t.Fatal(err)
	}
	toldtest.Clean(t, g.sums)
	if f := g.sums[0].Flows[0]; len(f.Guess) > 400 || len(f.Transport) > 400 || len(f.Proof) > ot.MaxProof {
		t.Errorf("a guess of %d bytes, a transport of %d, a proof of %d", len(f.Guess), len(f.Transport), len(f.Proof))
	}
}

// A log is cut at the same lines each time, whatever is in it.
func TestCutsAlike(t *testing.T) {
	cuts := func() (at []int) {
		g := gather(t, 10)
		for i := range 100 {
			g.At(uint64(i+1), int64(i+1)*1e9, 0, nil)
			g.Talk(told.Talk{Orig: host(fmt.Sprintf("10.0.%d.9", i%40)), Resp: host("10.0.0.3"), OrigPort: 1, RespPort: 502, Transport: "tcp"})
			if err := g.Breathe(); err != nil {
				t.Fatal(err)
			}
			if len(g.sums) > len(at) {
				at = append(at, i)
			}
		}
		return at
	}
	if a, b := cuts(), cuts(); len(a) < 3 || !slices.Equal(a, b) {
		t.Errorf("%v and %v", a, b)
	}
}

// The emit's refusal ends the log: what was not taken must not be passed over.
func TestRefusedEmit(t *testing.T) {
	full := errors.New("the disk is full")
	teller := told.New(told.Config{Protocols: toldtest.Protocols(t), Kind: sensor.ToldZeek, Most: 1, Emit: func(*sensor.Summary) error { return full }})
	l, err := told.NewLines(strings.NewReader("a\nb\n"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	err = l.Each(context.Background(), "log", teller, func([]byte, uint64, int64) error {
		n++
		teller.At(uint64(n), 1e9, 0, nil)
		teller.Talk(told.Talk{Orig: host("10.0.0.9"), Resp: host("10.0.0.3"), Transport: "icmp"})
		return nil
	})
	if !errors.Is(err, full) || n != 1 {
		t.Errorf("%v after %d lines", err, n)
	}
}

func packed(parts ...string) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(p))
		_ = z.Close()
	}
	return b.Bytes()
}

type got struct {
	text   string
	number uint64
	offset int64
	long   bool
}

func lines(raw []byte) (out []got, err error) {
	l, err := told.NewLines(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	for {
		b, n, at, err := l.Next()
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case errors.Is(err, told.ErrLong):
			out = append(out, got{"", n, at, true})
			continue
		case err != nil:
			return out, err
		}
		out = append(out, got{string(b), n, at, false})
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", told.MaxLine+1)
	for _, c := range []struct {
		name string
		raw  []byte
		want []got
		err  bool
	}{
		{"none", nil, nil, false},
		{"plain", []byte("a\r\n\nlast"), []got{{"a", 1, 0, false}, {"", 2, 3, false}, {"last", 3, 4, false}}, false},
		{"two members", packed("a\nb", "c\nd\n"), []got{{"a", 1, 0, false}, {"bc", 2, 2, false}, {"d", 3, 5, false}}, false},
		{"too long", []byte("a\n" + long + "\nb\n"), []got{{"a", 1, 0, false}, {"", 2, 2, true}, {"b", 3, int64(2 + len(long) + 1), false}}, false},
		{"cut", packed(strings.Repeat("abc\n", 10))[:20], nil, true},
		{"no gzip behind it", []byte{0x1f, 0x8b, 0, 0}, nil, true},
		{"half a magic", []byte{0x1f}, []got{{"\x1f", 1, 0, false}}, false},
	} {
		out, err := lines(c.raw)
		if (err != nil) != c.err || !c.err && !slices.Equal(out, c.want) {
			t.Errorf("%s: %.200v, %v", c.name, out, err)
		}
	}
}

// FuzzLines: numbers go up by one, offsets up, and what is plain comes back as it was.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\r\nb\n\nc"))
	f.Add(packed("a\nb\n", "c\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		out, err := lines(raw)
		var n uint64
		at := int64(-1)
		for _, x := range out {
			if x.number != n+1 || x.offset <= at || strings.Contains(x.text, "\n") || len(x.text) > told.MaxLine {
				t.Fatalf("line %d at %d behind %d at %d", x.number, x.offset, n, at)
			}
			n, at = x.number, x.offset
		}
		if err == nil && !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) && len(out) != bytes.Count(raw, []byte("\n"))+min(1, len(raw[bytes.LastIndexByte(raw, '\n')+1:])) {
			t.Fatalf("%d lines of %q", len(out), raw)
		}
	})
}
