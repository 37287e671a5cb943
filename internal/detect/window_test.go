package detect

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/fstest"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// noNames knows no protocol.
type noNames struct{}

func (noNames) Lookup(string) (ot.Protocol, bool)        { return 0, false }
func (noNames) Kind(ot.Protocol, string) (ot.Kind, bool) { return 0, false }

func judge(t *testing.T, text string) *Judge {
	t.Helper()
	rules, err := rule.Read(fstest.MapFS{"x.yaml": {Data: []byte("id: a-rule\ntitle: T\nseverity: high\nwhy: W\non: window\nof: conversation\n" + text)}})
	if err != nil {
		t.Fatal(err)
	}
	set, err := rule.Compile(rules, noNames{}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return NewJudge(set, noNames{})
}

// talks are conversations of one client with n servers, a second apart.
func talks(epoch string, n, ports int) *sensor.Summary {
	start := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC).UnixNano()
	sum := &sensor.Summary{Epoch: epoch, From: start}
	for i := range n {
		at := start + int64(i)*int64(time.Second)
		host := func(net byte, i int) ot.Host {
			return ot.Host{IP: netip.AddrFrom4([4]byte{10, net, byte(i >> 8), byte(i)})}
		}
		sum.Flows = append(sum.Flows, sensor.FlowDelta{Client: host(0, 1), Server: host(1, i), Transport: "tcp", Port: uint16(1000 + i%ports), First: at, Last: at, Sessions: 1, FirstRef: ot.PacketRef{Number: uint64(i + 1), Seen: at}})
	}
	return sum
}

func hits(t *testing.T, j *Judge, sum *sensor.Summary) []rule.Hit {
	t.Helper()
	out, err := j.Begin(Seen{Sum: sum}).End(Around{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// A window of ten minutes forgets what was before it, counts what differs, and counts a
// summary that comes again once.
func TestWindowCounts(t *testing.T) {
	j := judge(t, "mask: {}\nwhen: transport == 'tcp'\ngroup: [client]\nper: 10m\nhaving: servers >= 600 && ports == 7 && count >= 600\n")
	sum := talks("1", 601, 7)
	if got := hits(t, j, sum); len(got) != 0 {
		t.Errorf("a window keeps %d entries, and yet %d hits of 600", maxEntries, len(got))
	}
	j = judge(t, "mask: {}\nwhen: transport == 'tcp'\ngroup: [client]\nper: 1m\nhaving: servers >= 61 && ports == 7 && count >= 61\n")
	for range 2 {
		got := hits(t, j, talks("1", 100, 7))
		if len(got) != 40 || got[0].Client.IP != "10.0.0.1" || got[0].Server != (rule.End{}) || fmt.Sprint(got[0].Facts) != "[{n_count 61} {n_servers 61} {n_ports 7} {within 1m0s}]" {
			t.Fatalf("%d hits, want 40, the first %+v", len(got), got[:min(1, len(got))])
		}
	}
	if got := hits(t, j, talks("2", 100, 7)); len(got) != 40 || fmt.Sprint(got[0].Facts) != "[{n_count 122} {n_servers 61} {n_ports 7} {within 1m0s}]" {
		t.Errorf("%d hits, the first %+v: another summary is counted beside the first", len(got), got[:min(1, len(got))])
	}
}

// More groups than there is room for: those that nothing was added to longest go.
func TestWindowsAreBounded(t *testing.T) {
	j := judge(t, "mask: {}\nwhen: transport == 'tcp'\ngroup: [server]\nper: 1m\nhaving: count >= 2\n")
	hits(t, j, talks("1", maxWindows+1, 7))
	if n, m := len(j.windows.newer), len(j.windows.older); n != 1 || m != maxWindows/2 {
		t.Fatalf("%d and %d windows", n, m)
	}
	again := talks("2", maxWindows+1, 7)
	again.Flows = append(again.Flows[:1:1], again.Flows[maxWindows-10])
	if got := hits(t, j, again); len(got) != 1 || got[0].Packets[0].Number != maxWindows-9 {
		t.Errorf("%d hits, want one: of the server that was met lately", len(got))
	}
}
