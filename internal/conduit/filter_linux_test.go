package conduit

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire is a router with three networks behind it, each a network namespace of its own.
type wire struct {
	*testing.T
	name string
}

func (w *wire) ns(n string) string { return w.name + n }

func (w *wire) run(args ...string) {
	w.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		w.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// in runs a command in a namespace and says whether it succeeded within a second or so.
func (w *wire) in(ns string, args ...string) bool {
	w.Helper()
	return exec.Command("timeout", append([]string{"2", "ip", "netns", "exec", w.ns(ns)}, args...)...).Run() == nil
}

// listen starts a real netcat that answers on a port until the test ends.
func (w *wire) listen(ns string, port int) {
	w.Helper()
	c := exec.CommandContext(w.Context(), "ip", "netns", "exec", w.ns(ns), "nc", "-k", "-l", fmt.Sprint(port))
	if err := c.Start(); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
}

func newWire(t *testing.T, nets map[string]string) *wire {
	require := strings.Split(os.Getenv("SKANSE_REQUIRE"), ",")
	for _, tool := range []string{"nft", "ip", "nc"} {
		if _, err := exec.LookPath(tool); err != nil || os.Getuid() != 0 {
			if slices.Contains(require, "netns") {
				t.Fatalf("%s is missing: tools/install test", tool)
			}
			t.Skip("needs root, nft, ip and nc")
		}
	}
	w := &wire{t, fmt.Sprintf("sk%d", os.Getpid())}
	all := []string{"router"}
	for n := range nets {
		all = append(all, n)
	}
	t.Cleanup(func() {
		for _, n := range all {
			_ = exec.Command("ip", "netns", "del", w.ns(n)).Run()
		}
	})
	for _, n := range all {
		if out, err := exec.Command("ip", "netns", "add", w.ns(n)).CombinedOutput(); err != nil {
			if slices.Contains(require, "netns") {
				t.Fatalf("no network namespace: %s", out)
			}
			t.Skipf("no network namespace: %s", out)
		}
	}
	w.run("ip", "netns", "exec", w.ns("router"), "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	for n, prefix := range nets {
		w.run("ip", "link", "add", "name", "eth0", "netns", w.ns(n), "type", "veth", "peer", "name", n, "netns", w.ns("router"))
		w.run("ip", "-n", w.ns("router"), "addr", "add", prefix+".1/24", "dev", n)
		w.run("ip", "-n", w.ns("router"), "link", "set", n, "up")
		w.run("ip", "-n", w.ns(n), "addr", "add", prefix+".10/24", "dev", "eth0")
		w.run("ip", "-n", w.ns(n), "link", "set", "eth0", "up")
		w.run("ip", "-n", w.ns(n), "route", "add", "default", "via", prefix+".1")
	}
	return w
}

// The rules that we write, loaded into a real kernel by the real nft: what is allowed
// passes, what is denied or not decided does not; before they are loaded everything passes.
func TestFilterHolds(t *testing.T) {
	w := newWire(t, map[string]string{"cell": "10.0.1", "control": "10.0.3", "office": "10.9.0"})
	w.listen("cell", 502)
	w.listen("cell", 23)
	w.listen("control", 502)
	at := Layout{Site: "Aarhus", Made: time.Now(), Zones: []Area{
		{1, "Cell", prefixes("10.0.1.0/24")}, {2, "Control", prefixes("10.0.0.0/16")}, {3, "Office", prefixes("10.9.0.0/24")},
	}}
	policies := []Export{
		{From: 2, To: 1, Transport: "tcp", Port: 502, Protocol: "modbus", Allow: true, Reason: "panels"},
		{From: 3, To: 2, Transport: "tcp", Port: 502, Allow: true, Reason: "a mistake"},
		{From: 3, To: 2, Allow: false, Reason: "the denial counts"},
	}
	tries := []struct {
		name, from string
		args       []string
		passes     bool
	}{
		{"control asks the cell for modbus", "control", []string{"nc", "-z", "-w", "1", "10.0.1.10", "502"}, true},
		{"control asks the cell for telnet", "control", []string{"nc", "-z", "-w", "1", "10.0.1.10", "23"}, false},
		{"the cell asks control back", "cell", []string{"nc", "-z", "-w", "1", "10.0.3.10", "502"}, false},
		{"the office asks the cell", "office", []string{"nc", "-z", "-w", "1", "10.0.1.10", "502"}, false},
		{"the office asks control, which is denied before it is allowed", "office", []string{"nc", "-z", "-w", "1", "10.0.3.10", "502"}, false},
	}
	ready := time.Now().Add(5 * time.Second)
	for !w.in("control", "nc", "-z", "-w", "1", "10.0.1.10", "502") || !w.in("control", "nc", "-z", "-w", "1", "10.0.1.10", "23") || !w.in("office", "nc", "-z", "-w", "1", "10.0.3.10", "502") {
		if time.Now().After(ready) {
			t.Fatal("the peers do not answer, without any filter")
		}
	}
	var out bytes.Buffer
	if err := NFT(&out, at, policies); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "conduits.nft")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // loading it again replaces it
		w.run("ip", "netns", "exec", w.ns("router"), "nft", "-f", file)
	}
	var all sync.WaitGroup // what is stopped takes a second to be sure of
	for _, x := range tries {
		all.Go(func() {
			if got := w.in(x.from, x.args...); got != x.passes {
				t.Errorf("%s: passes %v, want %v\n%s", x.name, got, x.passes, out.String())
			}
		})
	}
	all.Wait()
	// The golden with zones inside zones, IPv6 and quotes is what nft understands too.
	w.run("ip", "netns", "exec", w.ns("router"), "nft", "-c", "-f", "testdata/site.nft")
	w.run("ip", "netns", "exec", w.ns("router"), "nft", "delete", "table", "inet", "skanse")
	if !w.in("office", "nc", "-z", "-w", "1", "10.0.1.10", "502") {
		t.Error("the filter is gone and nothing passes: it was not the filter that stopped it")
	}
}
