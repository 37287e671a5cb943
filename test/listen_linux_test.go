package test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/sensor/live"
	"github.com/skanse/skanse/internal/sensor/sensortest"
)

// heardOf is what the page of listening says of the one interface.
type heardOf struct {
	ID                            string
	Packets, Dropped, Transmitted int
	Port                          *struct{ Silent bool }
	Ring                          *struct {
		Disk    bool
		Packets int
	}
}

func listeners(t *testing.T, p *process) (x heardOf) {
	t.Helper()
	raw, err := p.get("/listening")
	page := decode[struct{ Items []heardOf }](t, raw, err)
	if len(page.Items) > 0 {
		x = page.Items[0]
	}
	return x
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came: %s", what)
		}
	}
}

// children of a process, by their command.
func children(t *testing.T, pid int) map[string]string {
	t.Helper()
	out := map[string]string{}
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		b, err := os.ReadFile(file)
		if err != nil {
			continue // it ended
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		if len(f) > 1 && f[1] == fmt.Sprint(pid) {
			dir := filepath.Dir(file)
			cmd, _ := os.ReadFile(dir + "/cmdline")
			out[filepath.Base(dir)] = strings.ReplaceAll(string(cmd), "\x00", " ")
		}
	}
	return out
}

// The program as it is shipped: a port that speaks by itself is made silent by a
// helper that alone may change interfaces, what is heard is kept and cut, every
// packet sent is seen or counted, and after kill -9 the port is as it was.
func TestCrashListening(t *testing.T) {
	binary := program(t)
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.IP(t, "link set lo up")
	sensortest.IP(t, "link add mirror type veth peer name plant")
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/plant/disable_ipv6", []byte("1"), 0); err != nil && !os.IsNotExist(err) {
		t.Fatal(err) // or the sender would ask for routers, which nobody counts
	}
	sensortest.IP(t, "link set plant arp off")
	sensortest.IP(t, "link set plant up")
	data := t.TempDir()
	p := startProgram(t, binary, data)
	site := makeSite(t, p)
	p.kill()
	sensortest.IP(t, "addr add 192.0.2.1/24 dev mirror")
	if out, err := runTool(t, binary, "serve", "--data", data, "--listen", "127.0.0.1:0", "--sense", "mirror="+site); err == nil || !strings.Contains(out, "192.0.2.1/24") {
		t.Errorf("a port with an address was taken: %v\n%s", err, out)
	}
	sensortest.IP(t, "addr flush dev mirror")
	p = startProgram(t, binary, data, "--sense", "mirror="+site, "--ring", "disk", "--ring-disk", "32")
	waitFor(t, "the silent port", func() bool { x := listeners(t, p); return x.Port != nil && x.Port.Silent })
	guards := 0
	for pid, cmd := range children(t, p.cmd.Process.Pid) {
		if strings.Contains(cmd, "port-guard") {
			guards++
			checkCaps(t, pid, "0000000000001000") // CAP_NET_ADMIN
		}
	}
	if guards != 1 {
		t.Errorf("%d helpers: %v", guards, children(t, p.cmd.Process.Pid))
	}
	port, sent := sensortest.NewSender(t, "plant"), 0
	var all []*modbusPair
	for i := range 20 {
		all = append(all, newModbusPair(i))
	}
	for range 500 {
		for _, m := range all {
			sent += m.round(port.Try)
		}
		time.Sleep(time.Millisecond)
	}
	var x heardOf
	waitFor(t, "all packets", func() bool { x = listeners(t, p); return x.Packets+x.Dropped >= sent })
	if x.Packets+x.Dropped != sent || x.Transmitted != 0 {
		t.Errorf("%d sent, %+v: the sum must be what was sent", sent, x)
	}
	waitFor(t, "the ring", func() bool { x = listeners(t, p); return x.Ring != nil && x.Ring.Packets == x.Packets })
	body, err := json.Marshal(map[string]string{"source": x.ID, "reason": "test"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := p.call("POST", "/cuts", body)
	cut := decode[struct {
		ID              string
		Packets, Masked int
	}](t, raw, err)
	if cut.Packets != x.Packets {
		t.Errorf("%+v of %d packets", cut, x.Packets)
	}
	file, err := p.get("/cuts/" + cut.ID + "/file")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cut.pcapng")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := runTool(t, "tshark", "-n", "-r", path, "-Y", "modbus.func_code == 3", "-T", "fields", "-e", "frame.number"); err != nil {
		if slices.Contains(strings.Split(os.Getenv("SKANSE_REQUIRE"), ","), "tshark") {
			t.Error(err, out)
		}
	} else if n := strings.Count(out, "\n"); n != cut.Packets-cut.Masked {
		t.Errorf("tshark finds %d Modbus messages in %d packets", n, cut.Packets)
	}
	p.kill() // SIGKILL: nothing of ours runs any more to put the port back, but the helper
	waitFor(t, "the port as it was", func() bool {
		i, err := live.Inspect("mirror")
		return err == nil && i.ARP && i.IPv6 && !i.Up
	})
	// What the ring had on disk is there again; at most five seconds of it are not.
	p = startProgram(t, binary, data, "--sense", "mirror="+site, "--ring", "disk", "--ring-disk", "32")
	raw, err = p.call("POST", "/cuts", body)
	if again := decode[struct{ Packets int }](t, raw, err); again.Packets > cut.Packets {
		t.Errorf("after kill -9 the ring has %d packets, it had %d", again.Packets, cut.Packets)
	} else {
		t.Logf("after kill -9 the ring on disk has %d of %d packets", again.Packets, cut.Packets)
	}
	p.kill()
}

func checkCaps(t *testing.T, pid, want string) {
	t.Helper()
	b, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "CapEff:\t"); ok && strings.TrimSpace(v) != want {
			t.Errorf("the helper has %s, want %s", strings.TrimSpace(v), want)
		}
	}
}

func runTool(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return string(out) + said.String(), err
	}
	return string(out), nil
}
