package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/sensortest"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// open listens to the mirror port until the test ends.
func open(t *testing.T) (*source, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	src, err := Open(ctx, "mirror", Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); src.Close() })
	return src.(*source), cancel
}

// hear reads until so many packets came or nothing came for three seconds.
func hear(t *testing.T, src *source, n int) (got []sensor.Packet) {
	t.Helper()
	for end := time.Now().Add(3 * time.Second); len(got) < n && time.Now().Before(end); {
		var p sensor.Packet
		err := src.Next(&p)
		if errors.Is(err, sensor.ErrIdle) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		p.Data = append([]byte{}, p.Data...)
		got = append(got, p)
	}
	return got
}

func TestFramesAsSent(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	leaks := goleak.IgnoreCurrent()
	sensortest.Wire(t)
	src, cancel := open(t)
	port := sensortest.NewSender(t, "plant")
	double := sensortest.UDP(7, 1, 2, []byte("two tags"))
	double = append(append(append([]byte{}, double[:12]...), 0x88, 0xa8, 0, 9), double[12:]...)
	sent := [][]byte{
		sensortest.UDP(0, 50000, 502, []byte("plain")),
		sensortest.UDP(100, 50000, 502, []byte("tagged")),
		sensortest.UDP(0xe064, 50000, 502, []byte("tagged with priority 7")),
		double,
		append([]byte{1, 0x80, 0xc2, 0, 0, 0x0e, 2, 0, 0, 0, 0, 1, 0x88, 0xcc}, "to a group that nobody here joined"...),
		sensortest.UDP(0, 1, 2, make([]byte, 1400)),
	}
	before := time.Now()
	for _, f := range sent {
		port.Send(f)
	}
	got := hear(t, src, len(sent))
	if len(got) != len(sent) {
		t.Fatalf("%d frames heard, %d sent", len(got), len(sent))
	}
	for i, p := range got {
		if string(p.Data) != string(sent[i]) || p.Wire != len(sent[i]) || p.Number != uint64(i+1) || p.Iface != "mirror" || p.Link != sensor.LinkEthernet {
			t.Errorf("frame %d: heard %+v, sent % x", i, p, sent[i])
		}
		if at := time.Unix(0, p.At); at.Before(before) || at.After(time.Now()) {
			t.Errorf("frame %d is of %s", i, at)
		}
	}
	if st := src.Stats(); st.Transmitted != 0 || st.Dropped != 0 || st.Packets != uint64(len(sent)) {
		t.Errorf("%+v, want %d packets and nothing sent or dropped", st, len(sent))
	}
	// A frame that leaves by the listening port is counted, and is not taken for traffic of the plant.
	sensortest.NewSender(t, "mirror").Send(sent[0])
	if more := hear(t, src, 1); len(more) != 0 {
		t.Errorf("our own frame was heard: %+v", more)
	}
	if st := src.Stats(); st.Transmitted != 1 {
		t.Errorf("%+v, want 1 sent", st)
	}
	cancel()
	began := time.Now()
	if err := src.Next(&sensor.Packet{}); !errors.Is(err, io.EOF) || time.Since(began) > time.Second {
		t.Errorf("after the end: %v in %s", err, time.Since(began))
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	if err := src.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	goleak.VerifyNone(t, leaks)
}

// Nothing comes, and still there are summaries, without a gap between them.
func TestSilentWire(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.Wire(t)
	src, cancel := open(t)
	began := time.Now()
	var all []*sensor.Summary
	err := sensor.Run(t.Context(), src, sensor.Config{Sensor: "s", Epoch: "e", Live: true, Interval: int64(400 * time.Millisecond)}, func(s *sensor.Summary) error {
		if all = append(all, s); len(all) == 4 {
			cancel()
		}
		return nil
	})
	if err != nil || len(all) != 5 || !all[4].Last {
		t.Fatalf("%d summaries, %v; want four and a last one", len(all), err)
	}
	for i, s := range all {
		if s.Health.Packets != 0 || !s.Live || s.To > time.Now().UnixNano() || s.From < began.Add(-time.Second).UnixNano() || i > 0 && s.From != all[i-1].To {
			t.Errorf("summary %d: %+v", i, s)
		}
	}
	if heard := time.Duration(all[3].To - all[0].From); heard < 1500*time.Millisecond {
		t.Errorf("four intervals of silence cover %s, want 1.6 s", heard)
	}
}

// A burst larger than the ring: what was not seen is counted.
func TestDropsAreCounted(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.Wire(t)
	src, _ := open(t)
	port := sensortest.NewSender(t, "plant")
	frame := sensortest.UDP(0, 1, 2, make([]byte, 1400))
	const sent = 40_000 // 60 MB into 32 MiB, unread
	for range sent {
		port.Send(frame)
	}
	seen := len(hear(t, src, sent))
	st := src.Stats()
	t.Logf("%d sent, %d seen, %d dropped", sent, seen, st.Dropped)
	if st.Dropped == 0 || uint64(seen)+st.Dropped != sent {
		t.Errorf("%d sent, %d seen, %d dropped: the sum must be what was sent", sent, seen, st.Dropped)
	}
}

// The interface goes down, comes back, is unplugged, vanishes: each is told, and
// listening begins anew when it can.
func TestInterfaceLost(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	if _, err := Open(t.Context(), "mirror", Options{}); ot.CodeOf(err) != ot.NotFound || !strings.Contains(err.Error(), "no network interface mirror") {
		t.Errorf("before it exists: %v", err)
	}
	for name, c := range map[string]struct{ do, undo, want string }{
		"down":      {"link set mirror down", "link set mirror up", "is down"},
		"unplugged": {"link set plant down", "link set plant up", "has no link"},
		"removed":   {"link del mirror", "", "there is no network interface"},
	} {
		if _, err := net.InterfaceByName("mirror"); err != nil {
			sensortest.Wire(t)
		}
		src, _ := open(t)
		sensortest.NewSender(t, "plant").Send(sensortest.UDP(0, 1, 2, nil))
		if len(hear(t, src, 1)) != 1 {
			t.Fatalf("%s: deaf at the start", name)
		}
		sensortest.IP(t, c.do)
		err, end := sensor.ErrIdle, time.Now().Add(5*time.Second)
		for errors.Is(err, sensor.ErrIdle) && time.Now().Before(end) {
			err = src.Next(&sensor.Packet{})
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, err := Open(t.Context(), "mirror", Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: opened again: %v", name, err)
		}
		if c.undo == "" {
			sensortest.Wire(t)
		} else {
			sensortest.IP(t, c.undo)
		}
		again, _ := open(t)
		sensortest.NewSender(t, "plant").Send(sensortest.UDP(0, 1, 2, nil))
		if len(hear(t, again, 1)) != 1 {
			t.Errorf("%s: deaf afterwards", name)
		}
		src.Close()
		again.Close()
	}
}

func TestWarnings(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.Wire(t)
	i, err := Inspect("mirror")
	if err != nil || !i.Up || len(i.Warnings()) != 0 {
		t.Errorf("a silent port: %+v, %v", i, err)
	}
	sensortest.IP(t, "link set mirror arp on")
	sensortest.IP(t, "addr add 192.0.2.1/24 dev mirror")
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/mirror/disable_ipv6", []byte("0"), 0); err != nil {
		t.Fatal(err)
	}
	i, err = Inspect("mirror")
	got := strings.Join(i.Warnings(), "\n")
	for _, want := range []string{"192.0.2.1/24", "IPv6", "answers ARP"} {
		if err != nil || !strings.Contains(got, want) {
			t.Errorf("%s, %v: want a warning with %q", got, err, want)
		}
	}
	if _, err := Inspect("nowhere"); ot.CodeOf(err) != ot.NotFound {
		t.Error(err)
	}
}

// Every thread loses what it does not need, and what remains is enough to open again.
func TestDropCapabilities(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.Wire(t)
	hold := make(chan struct{})
	defer close(hold)
	for range 6 { // threads that exist before
		up := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(up)
			<-hold
		}()
		<-up
	}
	err := DropCapabilities()
	if errors.Is(err, syscall.ENOTSUP) {
		t.Skip("a program with C inside, as under the race detector, cannot speak for all its threads")
	}
	if err != nil {
		t.Fatal(err)
	}
	threads, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(threads) < 7 {
		t.Fatalf("%d threads, %v", len(threads), err)
	}
	keep := uint64(1<<unix.CAP_NET_RAW | 1<<unix.CAP_DAC_OVERRIDE | 1<<unix.CAP_CHOWN | 1<<unix.CAP_FOWNER)
	for _, file := range threads {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for line := range strings.Lines(string(b)) {
			var mask uint64
			for _, set := range []string{"CapEff", "CapPrm", "CapInh", "CapAmb"} {
				if n, _ := fmt.Sscanf(line, set+":\t%x", &mask); n == 1 {
					found++
					if mask&^keep != 0 || strings.HasPrefix(set, "CapE") && mask&(1<<unix.CAP_NET_RAW) == 0 {
						t.Errorf("%s %s", file, line)
					}
				}
			}
		}
		if found != 4 {
			t.Errorf("%s: %d sets", file, found)
		}
	}
	src, err := Open(t.Context(), "mirror", Options{})
	if err != nil {
		t.Fatalf("opened again: %v", err)
	}
	src.Close()
}

func TestRising(t *testing.T) {
	r := rising{last: 100}
	for _, now := range []uint64{100, 103, 2, 5} { // at 2 the driver began anew
		r.see(now)
	}
	if r.sum != 8 {
		t.Errorf("%d, want 3 before and 5 after", r.sum)
	}
}
