package flows

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
)

// bytesOf writes numbers as they stand in a datagram.
func bytesOf(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case uint8:
			b = append(b, p)
		case uint16:
			b = binary.BigEndian.AppendUint16(b, p)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, p)
		case []byte:
			b = append(b, p...)
		case string:
			a := netip.MustParseAddr(p)
			b = append(b, a.AsSlice()...)
		default:
			panic("a part of no known width")
		}
	}
	return b
}

type heard struct {
	e    *Exporter
	sums []*sensor.Summary
}

func listenTo(t testing.TB, set *dissect.Set) *heard {
	h := &heard{}
	h.e = NewExporter(netip.MustParseAddr("10.0.0.254"), told.Config{Sensor: "x", Epoch: "x", Protocols: set, Emit: func(s *sensor.Summary) error { h.sums = append(h.sums, s); return nil }})
	return h
}

func (h *heard) flush(t testing.TB) (*sensor.Summary, *sensor.Exporter) {
	t.Helper()
	h.sums = nil
	if err := h.e.Flush(true); err != nil {
		t.Fatal(err)
	}
	return h.sums[0], h.sums[0].Health.Told.Exporter
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func v5(seq uint32, sampling uint16, uptime uint32, at time.Time, packets uint32) []byte {
	return bytesOf(uint16(5), uint16(1), uptime, uint32(at.Unix()), uint32(0), seq, uint16(0), sampling,
		"10.0.0.9", "10.0.0.3", "0.0.0.0", uint16(1), uint16(2), packets, packets*60, uptime-5000, uptime-1000, uint16(40000), uint16(502), uint8(0), uint8(2), uint8(6), uint8(0), make([]byte, 8))
}

func TestNetFlow5(t *testing.T) {
	set := protocols(t)
	h := listenTo(t, set)
	h.e.Take(v5(100, 0, 60_000, noon, 7), noon)
	h.e.Take(v5(100, 0, 60_000, noon, 7), noon) // twice
	sum, x := h.flush(t)
	if len(sum.Flows) != 1 {
		t.Fatalf("%d conversations", len(sum.Flows))
	}
	f := sum.Flows[0]
	if f.Client.IP.String() != "10.0.0.9" || f.Port != 502 || f.Protocol != "" || f.Guess != "modbus" || f.ClientBy != sensor.BySYN || f.ClientPackets != 7 || f.ClientBytes != 420 || f.ServerPackets != 0 {
		t.Errorf("%+v", f)
	}
	if f.First != noon.Add(-5*time.Second).UnixNano() || f.Last != noon.Add(-time.Second).UnixNano() {
		t.Errorf("from %v to %v", time.Unix(0, f.First).UTC(), time.Unix(0, f.Last).UTC())
	}
	if x.Datagrams != 1 || x.Repeated != 1 || x.Version != "NetFlow v5" || x.Sampling != 0 || sum.Health.Packets != 0 {
		t.Errorf("%+v", x)
	}
}

func TestSamplingGapsAndRestart(t *testing.T) {
	h := listenTo(t, protocols(t))
	h.e.Take(v5(100, 1<<14|50, 60_000, noon, 2), noon)
	h.e.Take(v5(111, 1<<14|50, 61_000, noon, 2), noon.Add(time.Second)) // ten are missing
	sum, x := h.flush(t)
	if x.Lost != 10 || x.Sampling != 50 || sum.Flows[0].ClientPackets != 200 {
		t.Errorf("%+v, %d packets", x, sum.Flows[0].ClientPackets)
	}
	h.e.Take(v5(130, 0, 62_000, noon, 2), noon)
	h.e.Take(v5(112, 0, 61_500, noon, 3), noon) // late: one less is missing
	if _, x = h.flush(t); x.Lost != 17 {
		t.Errorf("lost %d of 18, one came late", x.Lost)
	}
	h.e.Take(v5(0, 0, 500, noon, 2), noon) // started anew
	if _, x = h.flush(t); x.Lost != 0 || x.Restarts != 1 {
		t.Errorf("%+v", x)
	}
}

func TestClock(t *testing.T) {
	h := listenTo(t, protocols(t))
	h.e.Take(v5(1, 0, 60_000, noon.Add(-3*time.Hour), 7), noon)
	sum, x := h.flush(t)
	if x.Skew != -int64(3*time.Hour) {
		t.Errorf("skew %v", time.Duration(x.Skew))
	}
	if last := time.Unix(0, sum.Flows[0].Last); !last.Equal(noon.Add(-time.Second)) {
		t.Errorf("its flows lie at %v, on its clock and not on ours", last.UTC())
	}
}

// ipfix makes a message of sets.
func ipfix(seq uint32, sets ...[]byte) []byte {
	var body []byte
	for _, s := range sets {
		body = append(body, s...)
	}
	return append(bytesOf(uint16(10), uint16(16+len(body)), uint32(noon.Unix()), seq, uint32(7)), body...)
}

func set(id uint16, body []byte) []byte { return append(bytesOf(id, uint16(4+len(body))), body...) }

func simple(id uint16) []byte {
	return bytesOf(id, uint16(6), uint16(8), uint16(4), uint16(12), uint16(4), uint16(7), uint16(2), uint16(11), uint16(2), uint16(4), uint16(1), uint16(2), uint16(8))
}

func row(src string, packets uint32) []byte {
	return bytesOf(src, "10.0.0.3", uint16(40000), uint16(102), uint8(6), uint32(0), packets)
}

func TestTemplates(t *testing.T) {
	h := listenTo(t, protocols(t))
	h.e.Take(ipfix(0, set(300, row("10.0.0.1", 1))), noon) // before its template
	h.e.Take(ipfix(1, set(2, simple(300)), set(300, append(row("10.0.0.1", 5), row("10.0.0.2", 6)...))), noon)
	sum, x := h.flush(t)
	if len(sum.Flows) != 2 || x.Untold != 1 || x.Templates != 1 || x.Damaged != 0 {
		t.Errorf("%d conversations, %+v", len(sum.Flows), x)
	}
	h.e.Take(ipfix(3, set(2, bytesOf(uint16(300), uint16(0)))), noon) // withdrawn
	h.e.Take(ipfix(3, set(300, row("10.0.0.1", 9))), noon)
	sum, x = h.flush(t)
	if len(sum.Flows) != 0 || x.Untold != 1 || x.Templates != 0 {
		t.Errorf("%d conversations, %+v", len(sum.Flows), x)
	}
	// Sampling of an options template: one packet of 100.
	h.e.Take(ipfix(3, set(3, bytesOf(uint16(400), uint16(3), uint16(1), uint16(149), uint16(4), uint16(305), uint16(4), uint16(306), uint16(4))), set(400, bytesOf(uint32(7), uint32(1), uint32(99)))), noon)
	h.e.Take(ipfix(4, set(2, simple(300)), set(300, row("10.0.0.1", 2))), noon)
	sum, x = h.flush(t)
	if x.Sampling != 100 || len(sum.Flows) != 1 || sum.Flows[0].ClientPackets != 200 || x.Lost != 0 {
		t.Errorf("%+v", x)
	}
}

func TestHostile(t *testing.T) {
	wide := bytesOf(uint16(300), uint16(65535))
	for range 16_000 {
		wide = append(wide, 0, 8, 0, 4)
	}
	zero := bytesOf(uint16(300), uint16(2), uint16(8), uint16(0), uint16(12), uint16(0))
	long := bytesOf(uint16(300), uint16(1), uint16(82), uint16(65535))
	h := listenTo(t, protocols(t))
	for i, b := range [][]byte{
		{},
		{0},
		{0, 5},
		{0, 9, 0, 1},
		{0, 10, 255, 255},
		{0, 0, 0, 5},
		{0, 0, 0, 5, 0, 0, 0, 1, 1, 2, 3, 4},
		ipfix(1, set(2, wide[:60_000])),
		ipfix(2, set(2, zero), set(300, make([]byte, 40_000))),
		ipfix(3, set(2, long), set(300, bytesOf(uint8(255), uint16(65535)))),
		ipfix(4, []byte{1, 44, 0, 3}),
		bytesOf(uint16(5), uint16(65535), make([]byte, 100)),
		bytesOf(uint32(5), uint32(1), "10.0.0.1", uint32(0), uint32(1), uint32(1), uint32(4_000_000_000)),
		bytesOf(uint32(5), uint32(1), "10.0.0.1", uint32(0), uint32(2), uint32(1), uint32(1), uint32(1), uint32(4_000_000_000)),
	} {
		h.e.Take(b, noon)
		if n := len(h.e.domains); n > maxDomains {
			t.Fatalf("%d: %d domains", i, n)
		}
	}
	for id := range uint32(5000) { // templates and domains without end
		h.e.Take(append(bytesOf(uint16(10), uint16(16+4+28), uint32(1), id, id), set(2, simple(uint16(256+id)))...), noon)
		h.e.Take(ipfix(id, set(2, simple(uint16(256+id)))), noon)
	}
	sum, x := h.flush(t)
	if len(sum.Flows) != 0 || x.Damaged < 10 || x.Templates > maxDomains*maxTemplates || len(h.e.domains) > maxDomains || len(h.e.known) > maxRemembered {
		t.Errorf("%d conversations, %+v", len(sum.Flows), x)
	}
}

func FuzzTake(f *testing.F) {
	f.Add(v5(1, 1<<14|50, 60_000, noon, 3))
	f.Add(ipfix(1, set(2, simple(300)), set(300, row("10.0.0.1", 5))))
	f.Add(ipfix(1, set(3, bytesOf(uint16(400), uint16(3), uint16(1), uint16(149), uint16(4), uint16(305), uint16(4), uint16(306), uint16(4))), set(400, bytesOf(uint32(7), uint32(1), uint32(99)))))
	f.Add(append(bytesOf(uint16(9), uint16(2), uint32(60_000), uint32(noon.Unix()), uint32(1), uint32(3)), append(set(0, simple(300)), set(300, row("10.0.0.1", 5))...)...))
	f.Add(bytesOf(uint32(5), uint32(1), "10.0.0.1", uint32(0), uint32(2), uint32(1), uint32(1), uint32(1), uint32(72), uint32(1), uint32(1), uint32(256), uint32(9), uint32(0), uint32(1), uint32(2), uint32(1),
		uint32(3), uint32(32), uint32(60), uint32(6), "10.0.0.9", "10.0.0.3", uint32(40000), uint32(502), uint32(2), uint32(0)))
	names := protocols(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		h := listenTo(t, names)
		h.e.Take(b, noon)
		h.e.Take(b, noon)
		if h.e.state.Repeated != 1 {
			t.Error("the second one was counted")
		}
		sum, x := h.flush(t)
		for _, s := range sum.Flows {
			if s.First > noon.UnixNano() || s.Last > noon.UnixNano() || s.First > s.Last {
				t.Errorf("a flow from %d to %d", s.First, s.Last)
			}
		}
		if x == nil || len(sum.Tuples)+len(sum.Events)+len(sum.Facts) > 0 {
			t.Error("flow records tell of conversations only")
		}
	})
}
