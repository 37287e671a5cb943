package ring_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/ring"
	"go.uber.org/goleak"
)

const start = int64(1_790_000_000e9)

// packet makes one whose bytes say its number.
func packet(n uint64, size int) *sensor.Packet {
	b := make([]byte, size)
	binary.BigEndian.PutUint64(b[14:], n)
	b[12], b[13] = 0x88, 0x92
	return &sensor.Packet{Data: b, At: start + int64(n)*1e6, Number: n, Wire: size, Link: sensor.LinkEthernet}
}

func everything() ring.Policy {
	return ring.Policy{Protocols: map[string]bool{"": true, "modbus": true}}
}

func open(t testing.TB, cfg ring.Config) *ring.Ring {
	t.Helper()
	r, err := ring.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// numbers are those of a cut of everything.
func numbers(t *testing.T, r *ring.Ring) (out []uint64, res ring.Result) {
	t.Helper()
	res, err := r.Cut(ring.Selection{To: 1 << 62}, func(p ring.Piece) error {
		if p.How == sensor.KeptWhole && binary.BigEndian.Uint64(p.Data[14:]) != p.Number {
			return fmt.Errorf("packet %d holds other bytes", p.Number)
		}
		out = append(out, p.Number)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, res
}

func inARow(list []uint64) bool {
	for i := 1; i < len(list); i++ {
		if list[i] != list[i-1]+1 {
			return false
		}
	}
	return len(list) > 0
}

// The oldest go first, and what is there is whole and in order.
func TestMemoryGoesRound(t *testing.T) {
	r := open(t, ring.Config{Memory: 4 << 20, Policy: everything()})
	const last = 20000 // 10 MiB
	for n := uint64(1); n <= last; n++ {
		r.Keep(packet(n, 500), 14, sensor.KeptWhole)
	}
	got, _ := numbers(t, r)
	s := r.State()
	if !inARow(got) || got[len(got)-1] != last || len(got) < 5000 || len(got) > 8000 {
		t.Errorf("%d packets to %d", len(got), got[len(got)-1])
	}
	if s.Packets != uint64(len(got)) || s.Size != 4<<20 || s.Used > s.Size || s.Oldest != start+int64(got[0])*1e6 || s.Newest != start+last*1e6 || s.Disk || r.Last() != last {
		t.Errorf("%+v", s)
	}
	if p, err := r.Packet(last-3, start+(last-3)*1e6+700); err != nil || p.Number != last-3 {
		t.Errorf("%+v, %v", p, err)
	}
	for _, at := range []int64{start + (last-3)*1e6 + 5000, 0} { // another epoch's packet of that number
		if _, err := r.Packet(last-3, at); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("at another time: %v", err)
		}
	}
	if _, err := r.Packet(5, start+5e6); ot.CodeOf(err) != ot.NotFound || !strings.Contains(err.Error(), "no longer kept") {
		t.Error(err)
	}
}

// What nobody vouched for stays inside, whatever came later.
func TestPendingStaysInside(t *testing.T) {
	r := open(t, ring.Config{Memory: ring.MinMemory, Policy: everything()})
	for n, how := range []sensor.KeptHow{sensor.KeptPending, sensor.KeptPending, sensor.KeptSecret, sensor.KeptWhole, sensor.KeptHeaders} {
		r.Keep(packet(uint64(n+1), 100), 14, how)
	}
	r.Vouch(2)
	var sizes []int
	res, err := r.Cut(ring.Selection{To: 1 << 62}, func(p ring.Piece) error { sizes = append(sizes, len(p.Data)); return nil })
	if err != nil || !slices.Equal(sizes, []int{14, 100, 14, 100, 14}) || res.Masked != 2 || res.Headers != 1 {
		t.Errorf("%v, %+v, %v", sizes, res, err)
	}
}

func diskOf(t testing.TB) *ring.Disk {
	return &ring.Disk{Dir: t.TempDir(), Size: ring.MinDisk, Key: bytes.Repeat([]byte{7}, 32)}
}

// Files go on after a restart; nothing in them can be read without the key.
func TestDisk(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	d := diskOf(t)
	fill := func(from, to uint64) {
		r := open(t, ring.Config{Disk: d, Policy: everything()})
		if last := r.Last(); last != from-1 {
			t.Fatalf("opened at %d, want %d", last, from-1)
		}
		for n := from; n <= to; n++ {
			r.Keep(packet(n, 1000), 14, sensor.KeptWhole)
			if n%1000 == 0 { // a disk takes its time
				time.Sleep(10 * time.Millisecond)
			}
		}
		if got, _ := numbers(t, r); !inARow(got) || got[len(got)-1] != to {
			t.Errorf("while it runs: %d packets, to %d, want %d", len(got), got[len(got)-1], to)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	fill(1, 5000)
	fill(5001, 30000) // more than fits
	r := open(t, ring.Config{Disk: d, Policy: everything()})
	got, res := numbers(t, r)
	s := r.State()
	if !inARow(got) || got[len(got)-1] != 30000 || got[0] < 5000 || len(got) < 10000 || res.Torn {
		t.Errorf("%d packets from %d to %d, %+v", len(got), got[0], got[len(got)-1], res)
	}
	if !s.Disk || s.Used > ring.MinDisk || s.Used < ring.MinDisk/2 || s.Unstored != 0 || s.Problem != "" {
		t.Errorf("%+v", s)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, leaks)
	files, err := filepath.Glob(filepath.Join(d.Dir, "*"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil || bytes.Contains(b, []byte{0x88, 0x92, 0, 0, 0, 0}) {
			t.Errorf("%s holds a packet in clear, or: %v", f, err)
		}
	}
	other := *d
	other.Key = bytes.Repeat([]byte{8}, 32)
	r = open(t, ring.Config{Disk: &other, Policy: everything()})
	if s := r.State(); s.Packets != 0 {
		t.Errorf("with another key: %+v", s)
	}
	_ = r.Close()
}

// A file that ends anywhere is read up to its last whole chunk; one that was
// changed up to the change.
func TestTornFile(t *testing.T) {
	d := diskOf(t)
	r := open(t, ring.Config{Disk: d, Policy: everything()})
	for n := uint64(1); n <= 1500; n++ {
		r.Keep(packet(n, 1000), 14, sensor.KeptWhole)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(d.Dir, "*"))
	whole, err := os.ReadFile(files[0])
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	read := func(b []byte) (int, ring.Result) {
		if err := os.WriteFile(files[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		r := open(t, ring.Config{Disk: d, Policy: everything()})
		defer r.Close()
		got, res := numbers2(t, r)
		if len(got) > 0 && (!inARow(got) || got[0] != 1) {
			t.Fatalf("%d packets from %d", len(got), got[0])
		}
		return len(got), res
	}
	all, res := read(whole)
	if all != 1500 || res.Torn {
		t.Fatalf("%d packets, %+v", all, res)
	}
	before := -1
	for _, n := range []int{24, 30, 76, 1000, 1_000_000, len(whole) - 400_000, len(whole) - 1} {
		got, res := read(whole[:n])
		if got < before || got >= all || n > 24 && got > 0 && !res.Torn {
			t.Errorf("cut at %d of %d: %d packets, %+v", n, len(whole), got, res)
		}
		before = got
	}
	if before < 900 {
		t.Errorf("one byte short, and only %d packets", before)
	}
	changed := bytes.Clone(whole)
	changed[len(changed)-100] ^= 1
	if got, res := read(changed); got >= all || got < 900 || !res.Torn {
		t.Errorf("changed: %d packets, %+v", got, res)
	}
}

func numbers2(t *testing.T, r *ring.Ring) ([]uint64, ring.Result) {
	t.Helper()
	if r.State().Packets == 0 {
		return nil, ring.Result{}
	}
	return numbers(t, r)
}

// tshark reads what the writer wrote: the frames, their times to the ns, names and comments.
func TestPcapng(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "tshark") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	var out bytes.Buffer
	w, err := ring.NewWriter(&out, "Skanse test", "cut by Ane: why the pump stopped\næøå")
	if err != nil {
		t.Fatal(err)
	}
	a := ring.Piece{Packet: *packet(7, 61)}
	b := ring.Piece{Packet: *packet(8, 1000), How: sensor.KeptSecret}
	b.Data, b.At = b.Data[:54], b.At+123
	for i, p := range []ring.Piece{a, b} {
		if err := w.Packet(p, []string{"eth1", "eth2"}[i]); err != nil {
			t.Fatal(err)
		}
	}
	if w.Bytes != int64(out.Len()) {
		t.Errorf("%d bytes counted of %d", w.Bytes, out.Len())
	}
	path := filepath.Join(t.TempDir(), "cut.pcapng")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	text, err := exec.CommandContext(t.Context(), "tshark", "-n", "-r", path, "-T", "json", "-e", "frame.time_epoch", "-e", "frame.len", "-e", "frame.cap_len", "-e", "frame.interface_name", "-e", "frame.comment", "-e", "pkt_comment").Output()
	if err != nil {
		t.Fatal(err)
	}
	var frames []struct {
		Source struct{ Layers map[string][]string } `json:"_source"`
	}
	if err := json.Unmarshal(text, &frames); err != nil || len(frames) != 2 {
		t.Fatalf("%v\n%s", err, text)
	}
	for i, want := range []map[string]string{
		{"frame.time_epoch": fmt.Sprintf("%d.%09d", a.At/1e9, a.At%1e9), "frame.len": "61", "frame.cap_len": "61", "frame.interface_name": "eth1"},
		{"frame.time_epoch": fmt.Sprintf("%d.%09d", b.At/1e9, b.At%1e9), "frame.len": "1000", "frame.cap_len": "54", "frame.interface_name": "eth2", "frame.comment": "Payload left out: it holds a sign-in."},
	} {
		for field, value := range want {
			if got := strings.Join(frames[i].Source.Layers[field], ""); got != value {
				t.Errorf("packet %d: %s is %q, want %q", i+1, field, got, value)
			}
		}
	}
	info, err := exec.CommandContext(t.Context(), "capinfos", "-k", path).Output()
	if err != nil || !strings.Contains(string(info), "why the pump stopped") {
		t.Errorf("%v: %s", err, info)
	}
	// And so does our own reader.
	src, err := sensor.Read(&out, "cut", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []ring.Piece{a, b} {
		var p sensor.Packet
		if err := src.Next(&p); err != nil || !bytes.Equal(p.Data, want.Data) || p.At != want.At || p.Wire != want.Wire {
			t.Errorf("%+v, %v; want %+v", p, err, want)
		}
	}
}

// FuzzFile feeds files of somebody else's making: whatever they hold, the reader ends, and invents no packets.
func FuzzFile(f *testing.F) {
	d := diskOf(f)
	r := open(f, ring.Config{Disk: d, Policy: everything()})
	for n := uint64(1); n <= 3; n++ {
		r.Keep(packet(n, 60), 14, sensor.KeptWhole)
	}
	r.Vouch(2)
	if err := r.Close(); err != nil {
		f.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(d.Dir, "*"))
	seed, err := os.ReadFile(files[0])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add(seed[:len(seed)-5])
	f.Add(append(bytes.Clone(seed), seed[24:]...)) // a chunk twice
	f.Add([]byte("SKRING1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "x.ring"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := ring.New(ring.Config{Disk: &ring.Disk{Dir: dir, Size: ring.MinDisk, Key: d.Key}, Policy: everything()})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if _, err := r.Cut(ring.Selection{To: 1 << 62}, func(p ring.Piece) error {
			if p.Number < 1 || p.Number > 3 {
				return fmt.Errorf("packet %d was never kept", p.Number)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}

// plant is endless Modbus: a station that asks fifty controllers.
type plant struct {
	frames [][]byte
	seq    []uint32
	n, end int
}

func newPlant(packets int) *plant {
	p := &plant{end: packets}
	for i := range 50 {
		f := []byte{2, 0, 0, 0, 2, byte(i), 2, 0, 0, 0, 1, 1, 8, 0, 0x45, 0, 0, 52, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 1, 1, 10, 0, 2, byte(i)}
		f = append(f, 0xc3, 0x50, 1, 0xf6, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x18, 16, 0, 0, 0, 0, 0)
		p.frames = append(p.frames, append(f, 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, 10))
	}
	p.seq = make([]uint32, 50)
	return p
}

func (s *plant) Next(p *sensor.Packet) error {
	if s.n == s.end {
		return io.EOF
	}
	i := s.n % 50
	f := s.frames[i]
	binary.BigEndian.PutUint32(f[38:], s.seq[i])
	s.seq[i] += 12
	s.n++
	*p = sensor.Packet{Data: f, At: start + int64(s.n)*1e4, Number: uint64(s.n), Wire: len(f), Link: sensor.LinkEthernet}
	return nil
}
func (s *plant) Close() error              { return nil }
func (s *plant) Stats() sensor.SourceStats { return sensor.SourceStats{} }

func protocols(t testing.TB) *dissect.Set {
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet(all.Protocols(), names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func run(t testing.TB, set *dissect.Set, packets int, keep sensor.Keeper) {
	t.Helper()
	if err := sensor.Run(t.Context(), newPlant(packets), sensor.Config{Protocols: set, Keep: keep, Live: true}, func(*sensor.Summary) error { return nil }); err != nil {
		t.Fatal(err)
	}
}

// A packet costs no allocation more with the ring on.
func TestNoAllocationAPacket(t *testing.T) {
	set := protocols(t)
	r := open(t, ring.Config{Memory: ring.MinMemory, Policy: everything()})
	run(t, set, 60_000, r) // the ring is full
	mallocs := func(packets int, k sensor.Keeper) uint64 {
		var a, b runtime.MemStats
		runtime.ReadMemStats(&a)
		run(t, set, packets, k)
		runtime.ReadMemStats(&b)
		return b.Mallocs - a.Mallocs
	}
	few, many := mallocs(10_000, r), mallocs(200_000, r)
	if many > few+few/4+200 {
		t.Errorf("%d allocations for 10,000 packets, %d for 200,000", few, many)
	}
	res, err := r.Cut(ring.Selection{To: 1 << 62}, func(ring.Piece) error { return nil })
	if err != nil || res.Packets < 10_000 || res.Masked != 0 || res.Headers != 0 {
		t.Errorf("%+v, %v", res, err)
	}
}

func BenchmarkRun(b *testing.B) {
	set := protocols(b)
	d := diskOf(b)
	for _, c := range []struct {
		name string
		keep func() sensor.Keeper
	}{
		{"without a ring", func() sensor.Keeper { return nil }},
		{"ring in memory", func() sensor.Keeper { return open(b, ring.Config{Policy: everything()}) }},
		{"ring on disk", func() sensor.Keeper {
			r := open(b, ring.Config{Disk: d, Policy: everything()})
			b.Cleanup(func() { _ = r.Close() })
			return r
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			k := c.keep()
			b.ResetTimer()
			run(b, set, max(b.N, 1), k)
		})
	}
}

func TestBadConfig(t *testing.T) {
	for name, cfg := range map[string]ring.Config{
		"small memory": {Memory: 1000},
		"small disk":   {Disk: &ring.Disk{Dir: t.TempDir(), Size: 1000, Key: make([]byte, 32)}},
		"no folder":    {Disk: &ring.Disk{Dir: "/proc/none", Key: make([]byte, 32)}},
	} {
		if _, err := ring.New(cfg); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
