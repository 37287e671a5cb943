package flows

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
)

func protocols(t testing.TB) *dissect.Set {
	t.Helper()
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

// tool finds a program of somebody else; a missing one is a failure where it is required.
func tool(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if p := filepath.Join(dir, name); exec.Command("test", "-x", p).Run() == nil {
			return p
		}
	}
	for want := range strings.SplitSeq(os.Getenv("SKANSE_REQUIRE"), ",") {
		if want == name || want == "pmacct" && name == "pmacctd" {
			t.Fatalf("%s is required here and not installed", name)
		}
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// talks are conversations without what an exporter cannot know: ends, transport, port.
type talk struct {
	a, b      netip.Addr
	transport string
}

type volume struct{ packets, bytes uint64 }

func add(to map[talk]volume, sum *sensor.Summary) {
	for _, f := range sum.Flows {
		if !f.Client.IP.IsValid() {
			continue
		}
		k := talk{f.Client.IP.Unmap(), f.Server.IP.Unmap(), f.Transport}
		if k.b.Less(k.a) {
			k.a, k.b = k.b, k.a
		}
		v := to[k]
		v.packets += f.ClientPackets + f.ServerPackets
		v.bytes += f.ClientBytes + f.ServerBytes
		to[k] = v
	}
}

func capture(t *testing.T, name string) string {
	t.Helper()
	for dir := "../../../../.."; len(dir) < 60; dir += "/.." {
		if p := filepath.Join(dir, "shared", "corpus", "captures", name); fileThere(p) {
			abs, err := filepath.Abs(p)
			if err != nil {
				t.Fatal(err)
			}
			return abs
		}
	}
	t.Skip("the public captures are not in ../shared")
	return ""
}

func fileThere(p string) bool { _, err := os.Stat(p); return err == nil }

func inspect(t *testing.T, set *dissect.Set, path string) map[talk]volume {
	t.Helper()
	src, err := sensor.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	out := map[talk]volume{}
	if err := sensor.Run(context.Background(), src, sensor.Config{Sensor: "x", Epoch: "x", Protocols: set}, func(sum *sensor.Summary) error { add(out, sum); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// export runs a program that sends to a port of ours, and tells what came.
func export(t *testing.T, set *dissect.Set, command func(port int) *exec.Cmd) (got map[talk]volume, sums []*sensor.Summary) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadBuffer(4 << 20)
	got = map[talk]volume{}
	e := NewExporter(netip.MustParseAddr("127.0.0.1"), told.Config{Sensor: "x", Epoch: "x", Protocols: set, Emit: func(sum *sensor.Summary) error {
		sums = append(sums, sum)
		add(got, sum)
		return nil
	}})
	cmd := command(conn.LocalAddr().(*net.UDPAddr).Port)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	ended := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- cmd.Wait() }()
	buf := make([]byte, 64<<10)
	over := false
	for stop := time.Now().Add(20 * time.Second); time.Now().Before(stop); {
		_ = conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		n, _, err := conn.ReadFromUDP(buf)
		if err == nil {
			e.Take(buf[:n], time.Now())
			e.Take(buf[:n], time.Now()) // the network gave it twice
			continue
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal(err)
		}
		if over {
			break
		}
		select {
		case <-ended:
			over = true
		default:
		}
	}
	if !over {
		_ = cmd.Process.Kill()
		<-ended
		t.Logf("the exporter did not end by itself: %s", said.String())
	}
	if err := e.Flush(true); err != nil {
		t.Fatal(err)
	}
	if len(got) == 0 {
		t.Fatalf("nothing came; the exporter said: %s", said.String())
	}
	return got, sums
}

// same compares what an exporter told with what our own sensor heard of the same
// capture: the same ends and packets. Bytes differ, as exporters count from the IP
// header on and we count frames.
func same(t *testing.T, got, want map[talk]volume) {
	t.Helper()
	for k, v := range got {
		w, ok := want[k]
		if !ok {
			t.Errorf("%v: told, not heard", k)
		} else if v.packets != w.packets || v.bytes > w.bytes {
			t.Errorf("%v: told of %d packets and %d bytes, heard %d and %d", k, v.packets, v.bytes, w.packets, w.bytes)
		}
	}
	for k := range want {
		if _, ok := got[k]; !ok && (k.transport == "tcp" || k.transport == "udp") && !k.a.Is6() && !k.b.IsMulticast() && !k.a.IsMulticast() {
			t.Errorf("%v: heard, not told", k)
		}
	}
}

func check(t *testing.T, sums []*sensor.Summary, version string) {
	t.Helper()
	var all *sensor.Told
	for _, s := range sums {
		all = all.With(s.Health.Told)
	}
	x := all.Exporter
	if x == nil || x.Version != version || x.Datagrams == 0 || x.Repeated != x.Datagrams || x.Damaged > 0 || x.Lost > 0 || x.Untold > 0 {
		t.Errorf("the exporter: %+v; it should be %s, each datagram once again, nothing lost", x, version)
	}
	for _, s := range sums {
		if s.Health.Packets != 0 || len(s.Tuples) > 0 || len(s.Events) > 0 {
			t.Error("flow records hold neither packets nor messages")
		}
	}
}

// TestSoftflowd lets softflowd export a public capture in each version.
func TestSoftflowd(t *testing.T) {
	program, set := tool(t, "softflowd"), protocols(t)
	file := capture(t, "modbus/quickdraw-snort__modbus_test_data_part1.pcap")
	want := inspect(t, set, file)
	for v, name := range map[string]string{"5": "NetFlow v5", "9": "NetFlow v9", "10": "IPFIX"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, sums := export(t, set, func(port int) *exec.Cmd {
				return exec.Command(program, "-r", file, "-n", fmt.Sprintf("127.0.0.1:%d", port), "-v", v, "-d", "-p", "none", "-c", "none")
			})
			same(t, got, want)
			check(t, sums, name)
		})
	}
}

// TestPmacct lets pmacctd export the same: NetFlow v9 and IPFIX of its probe, and
// sFlow of its sampler.
func TestPmacct(t *testing.T) {
	program, set := tool(t, "pmacctd"), protocols(t)
	file := capture(t, "modbus/quickdraw-snort__modbus_test_data_part1.pcap")
	want := inspect(t, set, file)
	for _, c := range []struct{ name, config string }{
		{"NetFlow v9", "plugins: nfprobe\nnfprobe_version: 9\nnfprobe_receiver: 127.0.0.1:%d\naggregate: src_host,dst_host,src_port,dst_port,proto,tos,tcpflags\n"},
		{"IPFIX", "plugins: nfprobe\nnfprobe_version: 10\nnfprobe_receiver: 127.0.0.1:%d\naggregate: src_host,dst_host,src_port,dst_port,proto,tos,tcpflags,vlan,src_mac,dst_mac\n"},
		{"sFlow v5", "plugins: sfprobe\nsfprobe_receiver: 127.0.0.1:%d\nsampling_rate: 1\nsnaplen: 700\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			got, sums := export(t, set, func(port int) *exec.Cmd {
				config := filepath.Join(dir, "config")
				text := "daemonize: false\npcap_savefile: " + file + "\npcap_savefile_wait: 0\n" + fmt.Sprintf(c.config, port)
				if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				return exec.Command(program, "-f", config)
			})
			if c.name != "sFlow v5" {
				same(t, got, want)
			}
			for k, v := range got { // the sampler keeps its last, unfilled datagram when the file ends
				if w := want[k]; v.packets > w.packets || v.bytes > w.bytes || 2*v.packets < w.packets {
					t.Errorf("%v: told of %v, heard %v", k, v, w)
				}
			}
			check(t, sums, c.name)
		})
	}
}
