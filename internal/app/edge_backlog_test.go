//go:build unix

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/wire"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/sys/unix"
)

// edgeHere is an enrolled edge of a server in this process, over real TLS.
type edgeHere struct {
	out    *box.Outbox
	id     *box.Identity
	link   *box.Dialled
	sensor string
}

// serveEdgesHere opens the server's edge listener on a free port.
func serveEdgesHere(t *testing.T, s *server) {
	t.Helper()
	l, _, err := s.listenEdges(t.Context(), EdgeFlags{EdgeListen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.serveEdgeListener(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func enrolHere(t *testing.T, s *server, site org.Site, dir string) *edgeHere {
	t.Helper()
	all := auth.Scope{All: true}
	_, token, err := s.edges.MakeToken(t.Context(), all, centre.NewToken{Name: "Hall 3", SiteIDs: []string{site.ID}, By: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	e := &edgeHere{}
	if e.out, err = box.OpenOutbox(t.Context(), dir, reduce, time.Now); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.out.Close() })
	if e.id, err = box.LoadIdentity(t.Context(), dir, e.out); err != nil {
		t.Fatal(err)
	}
	if err := e.id.Enrol(t.Context(), token.String(), "box", "test"); err != nil {
		t.Fatal(err)
	}
	e.link = box.Dial(e.id, slog.New(slog.DiscardHandler))
	t.Cleanup(e.link.Close)
	got, _, err := s.edges.Get(t.Context(), all, e.out.ID().String())
	if err != nil {
		t.Fatal(err)
	}
	c := edge.DefaultConfig()
	c.Interfaces = []edge.Interface{{Name: "eth1", SiteID: site.ID}}
	if err := s.edges.Configure(t.Context(), all, got.ID, func(int64) error { return nil }, c, "anna"); err != nil {
		t.Fatal(err)
	}
	if _, c, err = s.edges.Get(t.Context(), all, got.ID); err != nil {
		t.Fatal(err)
	}
	e.sensor = c.Interfaces[0].Sensor
	return e
}

// forgetful loses every tenth answer after the centre gave it.
type forgetful struct {
	box.Link
	n, lost int
}

func (l *forgetful) Send(ctx context.Context, sent int64, raw []byte) (edge.Ack, error) {
	a, err := l.Link.Send(ctx, sent, raw)
	if err != nil {
		return a, err
	}
	if l.n++; l.n%10 == 0 {
		l.lost++
		return edge.Ack{}, errors.New("the answer was lost on purpose")
	}
	return a, nil
}

// plantSummary is one interval of a plant with 40 controllers: each is read all the
// time, and some of them are written to. Every event names itself.
func plantSummary(sensorID string, seq, events int, from time.Time) *sensor.Summary {
	at := from.UnixNano()
	sum := &sensor.Summary{Sensor: sensorID, Epoch: "day", Seq: uint64(seq), From: at, To: at + 10e9, Sent: at + 10e9, Live: true}
	station := ot.Host{MAC: ot.MAC{0, 0x1b, 0x1b, 9, 9, 9}, IP: netip.MustParseAddr("10.0.0.250")}
	sum.Hosts = append(sum.Hosts, sensor.HostDelta{Host: station, First: at, Last: at + 9e9, Packets: 400, Bytes: 40000, ARP: true, TTLMin: 128, TTLMax: 128})
	var keys []sensor.FlowKey
	for i := range 40 {
		h := ot.Host{MAC: ot.MAC{0, 0x1b, 0x1b, 1, 0, byte(i)}, IP: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)})}
		k := sensor.FlowKey{Client: station, Server: h, Transport: "tcp", Port: 102, Protocol: "s7comm"}
		keys = append(keys, k)
		sum.Hosts = append(sum.Hosts, sensor.HostDelta{Host: h, First: at, Last: at + 9e9, Packets: 10, Bytes: 1000, ARP: true, TTLMin: 64, TTLMax: 64})
		sum.Flows = append(sum.Flows, sensor.FlowDelta{Client: station, Server: h, ClientBy: sensor.BySYN, Transport: "tcp", Port: 102, Protocol: "s7comm", First: at, Last: at + 9e9, ClientPackets: 10, ServerPackets: 10, ClientBytes: 900, ServerBytes: 2000, Established: true})
		for _, code := range []uint32{4, 5} {
			sum.Tuples = append(sum.Tuples, sensor.TupleDelta{Flow: k, Protocol: "s7comm", Kind: "function", Dir: "request", Code: code, Class: "read", Count: 10, First: at, Last: at + 9e9, FirstRef: ot.PacketRef{Source: sensorID, Number: uint64(seq*1000 + i), Seen: at}})
		}
	}
	for i := range events {
		sum.Events = append(sum.Events, sensor.Event{
			Flow: keys[i%len(keys)], Ref: ot.PacketRef{Source: sensorID, Number: uint64(seq*1000 + i), Seen: at + int64(i)*1e6}, Protocol: "s7comm", Kind: "function", Dir: "request", Code: 0x1d,
			Name: "Start upload", Class: "program_upload", Object: fmt.Sprintf("event %d/%d", seq, i), Proof: fmt.Appendf(nil, "3 0 0 35 2 240 128 50 1 0 0 %d %d", seq, i),
		})
	}
	sum.Health = sensor.Health{Packets: 800, Bytes: 116000, OTBytes: 100000}
	return sum
}

// An edge that was cut off for a day catches up: everything arrives once, though
// every tenth answer of the centre is lost on the way. The whole day is a soak:
//
//	SKANSE_SOAK=1 go test -count=1 -run TestEdgeBacklogSoak -v ./internal/app
func TestEdgeBacklog(t *testing.T) { backlog(t, 200, 100, 16<<10) }

func TestEdgeBacklogSoak(t *testing.T) {
	if os.Getenv("SKANSE_SOAK") == "" {
		t.Skip("a long run by hand: SKANSE_SOAK=1, or make soak")
	}
	took := backlog(t, 8640, 116, 128<<10)
	if took > time.Minute {
		t.Errorf("a day's backlog took %s: at most a minute", took)
	}
}

// spent is the processor time of this process: what a busy machine does not change.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func backlog(t *testing.T, summaries, events, most int) time.Duration {
	s, site := sensingServer(t, slog.New(slog.DiscardHandler))
	serveEdgesHere(t, s)
	e := enrolHere(t, s, site, t.TempDir())
	day := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	began := time.Now()
	for i := 0; i < summaries; {
		var list []edge.Message
		for ; i < summaries && len(list) < 60; i++ {
			list = append(list, edge.Message{Kind: kindSummary, Body: wire.Encode(plantSummary(e.sensor, i+1, events, day.Add(time.Duration(i)*10*time.Second)))})
		}
		if err := e.out.Append(t.Context(), list...); err != nil {
			t.Fatal(err)
		}
	}
	q, err := e.out.Queue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d batches with %d events wait in %d bytes; kept in %s", q.Waiting, summaries*events, q.Bytes, time.Since(began).Round(time.Millisecond))

	ctx, stop := context.WithCancel(t.Context())
	worked := make(chan error, 2)
	go func() { worked <- s.work(ctx) }()
	link := &forgetful{Link: e.link}
	b := box.New(box.Config{Outbox: e.out, Link: link, Log: slog.New(slog.DiscardHandler), Key: e.id.Centre, Every: time.Second, Most: most})
	began = time.Now()
	cpu := spent(t)
	go func() { worked <- b.Run(ctx) }()
	count := func(q string) (n int64) {
		if err := s.db.View(t.Context(), func(r store.Reader) (err error) {
			n, err = store.One[int64](t.Context(), r, q)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	delivered := time.Duration(0)
	for end := time.Now().Add(10 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		q, err := e.out.Queue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if q.Waiting == 0 && delivered == 0 {
			delivered = time.Since(began)
		}
		if q.Waiting == 0 && count("SELECT COUNT(*) FROM edge_batch WHERE NOT done") == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it never caught up")
		}
	}
	took, cpu := time.Since(began), spent(t)-cpu
	stop()
	for range 2 {
		if err := <-worked; err != nil {
			t.Error(err)
		}
	}
	t.Logf("%s of processor time", cpu.Round(time.Millisecond))
	t.Logf("delivered after %s, taken in after %s; %d of %d answers lost", delivered.Round(time.Millisecond), took.Round(time.Millisecond), link.lost, link.n)
	want := int64(summaries * events)
	for what, got := range map[string]int64{
		"events":          count("SELECT COUNT(*) FROM network_event"),
		"distinct events": count("SELECT COUNT(DISTINCT object) FROM network_event"),
	} {
		if got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	if got := count("SELECT packets FROM network_source"); got != int64(summaries*800) {
		t.Errorf("the source counts %d packets, want %d", got, summaries*800)
	}
	if got := count("SELECT CAST(SUM(count) AS BIGINT) FROM network_tuple"); got != int64(summaries*800) {
		t.Errorf("messages: %d, want %d", got, summaries*800)
	}
	if link.n < 20 || link.lost != link.n/10 {
		t.Errorf("%d of %d answers were lost: it must be every tenth, and at least two", link.lost, link.n)
	}
	if x, err := s.network.Sources(t.Context(), auth.Scope{All: true}, site.ID, "", 0); err != nil || len(x.Items) != 1 || !x.Items[0].Live || x.Items[0].Name != "eth1 on Hall 3" {
		t.Errorf("%+v, %v", x, err)
	}
	return took
}
