//go:build unix

package app

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/wire"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/sync/errgroup"
)

// netflow5 is one datagram with one record: 10.9.0.9 asked 10.9.0.3 on port 502, seven packets.
func netflow5(seq uint32, now time.Time) []byte {
	b := binary.BigEndian.AppendUint16(nil, 5)
	b = binary.BigEndian.AppendUint16(b, 1)
	b = binary.BigEndian.AppendUint32(b, 60_000) // uptime, ms
	b = binary.BigEndian.AppendUint32(b, uint32(now.Unix()))
	b = binary.BigEndian.AppendUint32(b, uint32(now.Nanosecond()))
	b = binary.BigEndian.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0)
	b = append(b, 10, 9, 0, 9, 10, 9, 0, 3, 0, 0, 0, 0, 0, 1, 0, 2)
	for _, x := range []uint32{7, 420, 55_000, 59_000, 40000<<16 | 502} {
		b = binary.BigEndian.AppendUint32(b, x)
	}
	b = append(b, 0, 2, 6, 0)
	return append(b, make([]byte, 8)...)
}

// An edge takes flow records of exporters at its site, and the centre knows whose words they are.
func TestEdgeFlows(t *testing.T) {
	s, site := sensingServer(t, slog.New(slog.DiscardHandler))
	serveEdgesHere(t, s)
	e := enrolHere(t, s, site, t.TempDir())
	inlets, err := openEdgeInlets([]string{"127.0.0.1:0=eth1@127.0.0.1", "127.0.0.1:0=eth7@127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	node := newEdgeNode(slog.New(slog.DiscardHandler), s.sensing(), "", e.out, "box", t.TempDir())
	node.inlets = inlets
	node.running["eth1"] = &running{spec: edge.Interface{Name: "eth1", Sensor: e.sensor}}
	node.group = &errgroup.Group{}
	node.takeFlows(ctx)
	for i, in := range inlets { // nobody has said where eth7 stands
		to, err := net.Dial("udp", in.conn.LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		for seq := range uint32(3) {
			if _, err := to.Write(netflow5(seq+uint32(i)*100, time.Now())); err != nil {
				t.Fatal(err)
			}
		}
		_ = to.Close()
	}
	stop() // what has come by now is still taken
	if err := node.group.Wait(); err != nil {
		t.Fatal(err)
	}
	ctx, stop = context.WithCancel(t.Context())
	worked := make(chan error, 2)
	b := box.New(box.Config{Outbox: e.out, Link: e.link, Log: slog.New(slog.DiscardHandler), Key: e.id.Centre, Every: time.Second})
	go func() { worked <- s.work(ctx) }()
	go func() { worked <- b.Run(ctx) }()
	want := e.sensor + "-flows-127.0.0.1"
	var got int64
	for end := time.Now().Add(20 * time.Second); got == 0 && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err := s.db.View(t.Context(), func(r store.Reader) (err error) {
			got, err = store.One[int64](t.Context(), r, "SELECT COUNT(*) FROM network_conversation WHERE client_ip = '10.9.0.9' AND port = 502 AND told AND client_packets = 21 AND source_id = ?", want)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	for range 2 {
		if err := <-worked; err != nil {
			t.Error(err)
		}
	}
	if got != 1 {
		t.Errorf("%d conversations were told", got)
	}
	list, err := s.network.Sources(t.Context(), auth.Scope{All: true}, site.ID, "", 0)
	if err != nil || len(list.Items) != 1 || list.Items[0].Kind != sensor.ToldNetFlow || list.Items[0].Name != "flow records of 127.0.0.1 at eth1 on Hall 3" {
		t.Errorf("%+v, %v", list.Items, err)
	}
}

// Who an edge speaks for is its own interfaces, and exporters beside them; nobody else's words are taken.
func TestEdgeFlowsForeign(t *testing.T) {
	s, site := sensingServer(t, slog.New(slog.DiscardHandler))
	serveEdgesHere(t, s)
	e := enrolHere(t, s, site, t.TempDir())
	told := sensor.Health{Told: &sensor.Told{Kind: sensor.ToldNetFlow}}
	for name, c := range map[string]struct {
		source string
		health sensor.Health
		ok     bool
	}{
		"its exporter":                  {e.sensor + "-flows-10.0.0.1", told, true},
		"its interface":                 {e.sensor, sensor.Health{}, true},
		"its interface, told":           {e.sensor, told, false},
		"its exporter, heard":           {e.sensor + "-flows-10.0.0.1", sensor.Health{}, false},
		"somebody else's":               {"other-eth0-1-flows-10.0.0.1", told, false},
		"no address":                    {e.sensor + "-flows-x", told, false},
		"an address of an interface":    {e.sensor + "-flows-fe80::1%eth0", told, false},
		"an exporter of an exporter":    {e.sensor + "-flows-10.0.0.1-flows-10.0.0.2", told, false},
		"no interface, but an exporter": {"-flows-10.0.0.2", told, false},
	} {
		sum := &sensor.Summary{Sensor: c.source, Epoch: "e", Seq: 1, Live: true, Health: c.health}
		d, _, err := arrived(t.Context(), places{edges: s.edges, known: map[[2]string]centre.Place{}}, centre.Item{EdgeID: e.out.ID().String(), Body: wire.Encode(sum), Received: time.Now()})
		if (err == nil) != c.ok || err != nil && ot.CodeOf(err) != ot.Forbidden || err == nil && d.Source != c.source {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
	for flag, says := range map[string]string{
		"2055":                         "PORT=INTERFACE@EXPORTER",
		"127.0.0.1:0=eth1":             "PORT=INTERFACE@EXPORTER",
		"127.0.0.1:0=Aarhus:x@1.1.1.1": "no interface",
		"127.0.0.1:0=eth1@plc":         "not the address",
	} {
		if _, err := openEdgeInlets([]string{flag}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("--flows %s: %v", flag, err)
		}
	}
	if id, a, ok := exporterOf("box-eth1-1-flows-10.0.0.1"); !ok || id != "box-eth1-1" || a != netip.MustParseAddr("10.0.0.1") {
		t.Error(id, a, ok)
	}
}
