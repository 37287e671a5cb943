package test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/wire"
	"github.com/skanse/skanse/internal/store"
)

const edgeEvents = 20 // of a summary

// spoken is the k-th summary of the child below: always the same bytes.
func spoken(source string, k int) []byte {
	at := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).UnixNano() + int64(k)*10e9
	client := ot.Host{MAC: ot.MAC{2, 0, 0, 0, 0, 1}, IP: netip.MustParseAddr("10.0.0.1")}
	server := ot.Host{MAC: ot.MAC{2, 0, 0, 0, 0, 2}, IP: netip.MustParseAddr("10.0.0.2")}
	key := sensor.FlowKey{Client: client, Server: server, Transport: "tcp", Port: 102, Protocol: "s7comm"}
	s := &sensor.Summary{Sensor: source, Epoch: "day", Seq: uint64(k), From: at, To: at + 10e9, Live: true}
	s.Flows = []sensor.FlowDelta{{Client: client, Server: server, ClientBy: sensor.BySYN, Transport: "tcp", Port: 102, Protocol: "s7comm", First: at, Last: at + 9e9, ClientPackets: 1}}
	for i := range edgeEvents {
		s.Events = append(s.Events, sensor.Event{Flow: key, Ref: ot.PacketRef{Source: source, Number: uint64(i + 1), Seen: at + int64(i)}, Protocol: "s7comm", Kind: "function", Code: 0x1d, Class: "program_upload", Object: fmt.Sprintf("event %d/%d", k, i)})
	}
	s.Health.Packets = 1
	return wire.Encode(s)
}

// TestEdgeChild is no test: it is the edge that TestEdgeCrash starts and kills. It
// tells summaries one after the other and prints each that Append has returned from.
func TestEdgeChild(t *testing.T) {
	dir, source := os.Getenv("SKANSE_EDGE_CHILD"), os.Getenv("SKANSE_EDGE_SOURCE")
	if dir == "" {
		t.Skip("started by TestEdgeCrash")
	}
	out, err := box.OpenOutbox(t.Context(), dir, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	id, err := box.LoadIdentity(t.Context(), dir, out)
	if err != nil {
		t.Fatal(err)
	}
	b := box.New(box.Config{Outbox: out, Link: box.Dial(id, slog.New(slog.DiscardHandler)), Log: slog.New(slog.DiscardHandler), Key: id.Centre, Every: time.Second})
	go func() { _ = b.Run(t.Context()) }()
	from, _ := strconv.Atoi(os.Getenv("SKANSE_EDGE_FROM"))
	most, _ := strconv.Atoi(os.Getenv("SKANSE_EDGE_MOST"))
	for k := from; ; k++ {
		if k <= most {
			if err := out.Append(t.Context(), edge.Message{Kind: "summary", Body: spoken(source, k)}); err != nil {
				t.Fatal(err)
			}
			fmt.Printf("kept %d\n", k)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestEdgeCrash kills the edge and the centre at random points while one tells the
// other what it hears. The oracle is what the edge said it had kept: all of that
// arrives, once.
func TestEdgeCrash(t *testing.T) {
	data, dir := t.TempDir(), t.TempDir()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	p := start(t, data, "--edge-listen", addr)
	site := makeSite(t, p)
	raw, err := p.call("POST", "/edge-tokens", fmt.Appendf(nil, `{"name":"Hall 3","sites":[%q]}`, site))
	token := decode[struct{ Token, Command string }](t, raw, err)
	if !strings.Contains(token.Command, token.Token) {
		t.Errorf("the command is %q", token.Command)
	}
	if out, err := exec.Command(program(t), "edge", "--data", dir, "--enrol", token.Token).CombinedOutput(); err != nil || !strings.Contains(string(out), `"Hall 3"`) {
		t.Fatalf("%v\n%s", err, out)
	}
	raw, err = p.get("/edges")
	id := decode[struct{ Items []named }](t, raw, err).Items[0].ID
	raw, err = ifMatch(p, "PUT", "/edges/"+id+"/config", fmt.Sprintf(`{"interfaces":[{"name":"eth1","site_id":%q,"realm_id":"","filter":"","ring_bytes":0}],"interval_seconds":10,"outbox_bytes":100000000}`, site))
	source := decode[struct {
		Config struct{ Interfaces []struct{ Sensor string } }
	}](t, raw, err).Config.Interfaces[0].Sensor

	var mu sync.Mutex
	kept := 0
	child := func(most int) *exec.Cmd {
		mu.Lock()
		from := kept + 1
		mu.Unlock()
		c := exec.Command(os.Args[0], "-test.run", "^TestEdgeChild$", "-test.v")
		c.Env = append(os.Environ(), "SKANSE_EDGE_CHILD="+dir, "SKANSE_EDGE_SOURCE="+source, fmt.Sprint("SKANSE_EDGE_FROM=", from), fmt.Sprint("SKANSE_EDGE_MOST=", most))
		var said bytes.Buffer
		c.Stderr = &said
		pipe, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			for in := bufio.NewScanner(pipe); in.Scan(); {
				if n, ok := strings.CutPrefix(in.Text(), "kept "); ok {
					k, _ := strconv.Atoi(n)
					mu.Lock()
					kept = max(kept, k)
					mu.Unlock()
				} else if strings.Contains(in.Text(), "FAIL") || strings.Contains(in.Text(), "_test.go") {
					t.Error("the edge: ", in.Text())
				}
			}
		}()
		t.Cleanup(func() { _ = c.Process.Kill() })
		return c
	}
	for range 5 {
		c := child(1 << 30)
		time.Sleep(time.Duration(300+rand.IntN(700)) * time.Millisecond)
		p.kill()
		time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
		_ = c.Process.Kill()
		_ = c.Wait()
		p = start(t, data, "--edge-listen", addr)
	}
	mu.Lock()
	want := kept + 1 // the one that it was killed in may be on disk or not: it tells that one again
	mu.Unlock()
	if want < 20 {
		t.Fatalf("only %d summaries were kept", want)
	}
	c := child(want)
	defer func() { _ = c.Process.Kill(); _ = c.Wait() }()
	count := func(q string) (n int64) {
		db, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(data, "skanse.db"), ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if err := db.View(t.Context(), func(r store.Reader) (err error) {
			n, err = store.One[int64](t.Context(), r, q)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	all := int64(want * edgeEvents)
	for end := time.Now().Add(2 * time.Minute); count("SELECT COUNT(DISTINCT object) FROM network_event") < all; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			break
		}
	}
	if n, d := count("SELECT COUNT(*) FROM network_event"), count("SELECT COUNT(DISTINCT object) FROM network_event"); n != all || d != all {
		t.Errorf("%d summaries were kept: %d events arrived, %d different ones, want %d", want, n, d, all)
	}
	if n := count("SELECT packets FROM network_source"); n != int64(want) {
		t.Errorf("%d packets counted, want %d", n, want)
	}
	t.Logf("%d summaries through five kills of both ends", want)
	foreign(t, addr)
}

func ifMatch(p *process, method, path, body string) ([]byte, error) {
	was := p.client.Transport
	defer func() { p.client.Transport = was }()
	p.client.Transport = anyVersion{was}
	return p.call(method, path, []byte(body))
}

// anyVersion changes whatever is there.
type anyVersion struct{ http.RoundTripper }

func (a anyVersion) RoundTrip(q *http.Request) (*http.Response, error) {
	q.Header.Set("If-Match", "*")
	return a.RoundTripper.RoundTrip(q)
}

// foreign speaks to the edges' listener with programs of others: without a
// certificate of ours nobody gets past the handshake, or hears a word.
func foreign(t *testing.T, addr string) {
	run := func(name string, args ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		c := exec.CommandContext(ctx, name, args...)
		c.Stdin = strings.NewReader("GET / HTTP/1.0\r\n\r\n")
		out, _ := c.CombinedOutput() // refused is an error, which is what we want
		return string(out)
	}
	if _, err := exec.LookPath("openssl"); err == nil {
		if out := run("openssl", "s_client", "-connect", addr, "-tls1_2"); strings.Contains(out, "HTTP/1") || !strings.Contains(out, "alert") {
			t.Errorf("openssl without a certificate, TLS 1.2:\n%s", out)
		}
		if out := run("openssl", "s_client", "-connect", addr, "-ign_eof"); strings.Contains(out, "HTTP/1") {
			t.Errorf("openssl without a certificate:\n%s", out)
		}
		if out := run("openssl", "s_client", "-connect", addr, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"); !strings.Contains(out, "alert") && !strings.Contains(out, "protocol version") && !strings.Contains(out, "no protocols") {
			t.Errorf("TLS 1.1:\n%s", out)
		}
		pem := filepath.Join(t.TempDir(), "x.pem")
		run("openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-subj", "/CN=edge/OU=edge", "-keyout", pem, "-out", pem+".crt")
		if out := run("openssl", "s_client", "-connect", addr, "-cert", pem+".crt", "-key", pem, "-ign_eof"); strings.Contains(out, "HTTP/1") {
			t.Errorf("openssl with a certificate of its own:\n%s", out)
		}
	}
	if _, err := exec.LookPath("curl"); err == nil {
		if out := run("curl", "-sk", "-w", "%{http_code}", "https://"+addr+"/edge/v1/hello"); out != "000" {
			t.Errorf("curl without a certificate: %q", out)
		}
	}
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}) //nolint:gosec // what must be refused
	if err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 was spoken")
	}
}
