package test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/demo"
	"github.com/skanse/skanse/internal/sensor"
)

// built builds the program once for all tests that start it as a process.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "skanse-test-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "skanse")
	out, err := exec.Command("go", "build", "-o", path, "../cmd/skanse").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build skanse: %w\n%s", err, out)
	}
	return path, nil
})

func program(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// process is a running server on a data folder.
type process struct {
	cmd    *exec.Cmd
	output *bytes.Buffer
	client *http.Client
	ended  chan error
}

func start(t *testing.T, data string, args ...string) *process {
	t.Helper()
	return startProgram(t, program(t), data, args...)
}

// startProgram is start with a program of another version.
func startProgram(t *testing.T, binary, data string, args ...string) *process {
	t.Helper()
	p := &process{output: &bytes.Buffer{}, ended: make(chan error, 1)}
	p.cmd = exec.Command(binary, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(data, "skanse.sock"))
	}}}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	for deadline := time.Now().Add(2 * time.Minute); ; {
		if _, err := p.get("/healthz"); err == nil {
			return p
		}
		select {
		case err := <-p.ended:
			t.Fatalf("the server ended at its start: %v\n%s", err, p.output)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not answer\n%s", p.output)
		}
	}
}

// kill is kill -9: nothing of the process runs after it.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func (p *process) get(path string) ([]byte, error) { return p.call(http.MethodGet, path, nil) }

func (p *process) call(method, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequest(method, "http://localhost/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	w, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	raw, err := io.ReadAll(w.Body)
	if err != nil {
		return nil, err
	}
	if w.StatusCode >= 300 {
		return raw, fmt.Errorf("%s %s: %s: %s", method, path, w.Status, raw)
	}
	return raw, nil
}

func decode[T any](t *testing.T, raw []byte, err error) (out T) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return out
}

type named struct{ ID, Name string }

func makeSite(t *testing.T, p *process) string {
	t.Helper()
	raw, err := p.call("POST", "/entities", []byte(`{"name":"Example","profile":"essential"}`))
	e := decode[named](t, raw, err)
	raw, err = p.call("POST", "/sites", fmt.Appendf(nil, `{"entity_id":%q,"name":"Aarhus","tz":"UTC"}`, e.ID))
	return decode[named](t, raw, err).ID
}

type captureState struct {
	ID, Name, State, Error string
	Packets                int
}

func upload(p *process, site, name string, content []byte) (c captureState, err error) {
	raw, err := p.call("POST", "/captures?"+url.Values{"site": {site}, "name": {name}}.Encode(), content)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	return c, err
}

func captures(t *testing.T, p *process) map[string]captureState {
	t.Helper()
	raw, err := p.get("/captures?limit=200")
	out := map[string]captureState{}
	for _, c := range decode[struct{ Items []captureState }](t, raw, err).Items {
		out[c.ID] = c
	}
	return out
}

func settle(t *testing.T, p *process) map[string]captureState {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		all := captures(t, p)
		open := 0
		for _, c := range all {
			if c.State == "queued" || c.State == "reading" {
				open++
			}
		}
		if open == 0 {
			return all
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d captures are still not read: %+v\n%s", open, all, p.output)
		}
	}
}

// plantDay is half a day of the example plant as a capture file of its own.
func plantDay(t *testing.T, n int) []byte {
	t.Helper()
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * 12 * time.Hour)
	src := demo.NewCompany().Sites[n%2].NewSource(context.Background(), begin, begin.Add(12*time.Hour), begin.Add(12*time.Hour), false)
	b := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0}
	var p sensor.Packet
	for {
		if err := src.Next(&p); errors.Is(err, io.EOF) {
			return b
		} else if err != nil {
			t.Fatal(err)
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(p.At/1e9))
		b = binary.LittleEndian.AppendUint32(b, uint32(p.At%1e9/1000))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Data)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Data)))
		b = append(b, p.Data...)
	}
}

// tally is what the inventory holds, as far as it must not depend on crashes.
func tally(t *testing.T, p *process) string {
	t.Helper()
	raw, err := p.get("/assets?limit=500")
	assets := decode[struct {
		Total *int
		Items []struct {
			Vendor, Model, OrderCode, Firmware string
			IPs                                []string
		}
	}](t, raw, err)
	var out []string
	for _, a := range assets.Items {
		out = append(out, fmt.Sprint(a.IPs, a.Vendor, a.Model, a.Firmware))
	}
	next, conversations := "", 0
	var packets int64
	for {
		raw, err := p.get("/conversations?limit=200&cursor=" + url.QueryEscape(next))
		page := decode[struct {
			Items []struct{ Packets int64 }
			Next  string
		}](t, raw, err)
		conversations += len(page.Items)
		for _, c := range page.Items {
			packets += c.Packets
		}
		if next = page.Next; next == "" {
			break
		}
	}
	slices.Sort(out)
	return fmt.Sprintf("%d assets, %d conversations, %d packets\n%s", len(out), conversations, packets, strings.Join(out, "\n"))
}

// TestCrashDuringImport kills the server at random points while captures come
// in. What the parent saw acknowledged is the oracle: it must all be there, read
// whole, and nothing twice, as on a server that was never killed. kill -9 says
// nothing about a power cut; the store's synchronous writes are there for that.
func TestCrashDuringImport(t *testing.T) {
	rounds := 10
	if os.Getenv("SKANSE_SOAK") != "" {
		rounds = 50
	}
	files := make([][]byte, 8)
	for i := range files {
		files[i] = plantDay(t, i)
	}
	calm := start(t, t.TempDir())
	site := makeSite(t, calm)
	for i, f := range files {
		if _, err := upload(calm, site, fmt.Sprintf("day %d", i), f); err != nil {
			t.Fatal(err)
		}
	}
	settle(t, calm)
	want := tally(t, calm)
	calm.kill()

	data := t.TempDir()
	p := start(t, data)
	site = makeSite(t, p)
	rng := rand.New(rand.NewPCG(7, 11))
	acked := map[string]string{} // capture id → file
	next := 0
	for round := range rounds {
		stop := time.Duration(rng.IntN(400)) * time.Millisecond
		killed := make(chan struct{})
		go func() {
			time.Sleep(stop)
			p.kill()
			close(killed)
		}()
		for next < len(files) {
			name := fmt.Sprintf("day %d", next)
			c, err := upload(p, site, name, files[next])
			if err != nil {
				break // killed under way: it was never acknowledged, so it is sent again
			}
			acked[c.ID] = name
			next++
			if rounds > len(files) && next*rounds > (round+1)*len(files) {
				break // spread the files over the rounds
			}
		}
		<-killed
		p = start(t, data)
	}
	for ; next < len(files); next++ {
		c, err := upload(p, site, fmt.Sprintf("day %d", next), files[next])
		if err != nil {
			t.Fatal(err)
		}
		acked[c.ID] = fmt.Sprintf("day %d", next)
	}
	all := settle(t, p)
	for id, name := range acked {
		if c, ok := all[id]; !ok || c.State != "done" {
			t.Errorf("%s was acknowledged as %s and is now %+v", name, id, c)
		}
	}
	if got := tally(t, p); got != want {
		t.Errorf("after %d kills the inventory differs.\ncalm:  %s\nkilled: %s", rounds, want, got)
	}
	p.kill()
	if out, err := exec.Command(program(t), "verify", "audit", data).CombinedOutput(); err != nil {
		t.Errorf("the audit log does not verify after %d kills: %v\n%s", rounds, err, out)
	}
}

func TestCrashTwoServersOnOneFolder(t *testing.T) {
	data := t.TempDir()
	start(t, data)
	out, err := exec.Command(program(t), "serve", "--data", data, "--listen", "127.0.0.1:0").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "another Skanse") {
		t.Fatalf("a second server on one folder says: %v %s", err, out)
	}
}
