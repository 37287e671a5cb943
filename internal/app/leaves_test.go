package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/wire"
	"github.com/skanse/skanse/internal/store"
)

// heardAs runs a capture through the pipeline of a sensor that listens, with the interval of an edge, and gives
// what leaves it.
func heardAs(t testing.TB, file string, emit func(raw []byte, sum *sensor.Summary) error) (captured int64) {
	t.Helper()
	shipped, err := shippedRules()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := sensorConfig("", slog.New(slog.DiscardHandler), shipped)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Sensor, cfg.Epoch, cfg.Live = "box-eth1", "1", true
	cfg.Interval = int64(edge.DefaultConfig().IntervalSeconds) * int64(time.Second)
	src, err := sensor.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	seen := &weighed{Source: src}
	if err := sensor.Run(context.Background(), seen, cfg, func(sum *sensor.Summary) error {
		return emit(wire.Encode(sum), sum)
	}); err != nil {
		t.Fatal(err)
	}
	return seen.bytes
}

// weighed counts the bytes of the frames that pass.
type weighed struct {
	sensor.Source
	bytes int64
}

func (w *weighed) Next(p *sensor.Packet) error {
	err := w.Source.Next(p)
	if err == nil {
		w.bytes += int64(p.Wire)
	}
	return err
}

// An edge sends again what it does not know to have arrived. The same hour delivered twice, and once more out of order,
// adds no row to any table of what the plant is and does.
func TestSameHourTwice(t *testing.T) {
	ctx := t.Context()
	files, err := filepath.Glob("../../test/peers/*.pcap")
	if err != nil || len(files) < 3 {
		t.Fatalf("%v, %v", files, err)
	}
	dir := t.TempDir()
	s, err := openServer(ctx, serverOptions{Data: Folder(dir), URL: Folder(dir).database()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	all := auth.Scope{All: true}
	e, err := s.org.CreateEntity(ctx, all, org.Entity{Name: "Nordvand"})
	if err != nil {
		t.Fatal(err)
	}
	site, err := s.org.CreateSite(ctx, all, org.Site{EntityID: e.ID, Name: "Hjemme"})
	if err != nil {
		t.Fatal(err)
	}
	type delivery struct {
		source string
		raw    []byte
	}
	var hour []delivery
	for _, file := range files {
		heardAs(t, file, func(raw []byte, sum *sensor.Summary) error {
			hour = append(hour, delivery{filepath.Base(file), raw})
			return nil
		})
	}
	received := time.Now()
	deliver := func(list []delivery) {
		t.Helper()
		for _, d := range list {
			sum, err := wire.Decode(d.raw)
			if err != nil {
				t.Fatal(err)
			}
			sum.Sensor = d.source
			if _, err := s.ingest.take(ctx, sensor.Delivery{SiteNo: site.No, RealmNo: 1, Source: d.source, Name: d.source, Received: received}, sum); err != nil {
				t.Fatal(err)
			}
		}
	}
	rows := func() map[string]int64 {
		t.Helper()
		out := map[string]int64{}
		if err := s.db.View(ctx, func(r store.Reader) error {
			tables, err := store.Tables(ctx, r)
			if err != nil {
				return err
			}
			for _, x := range tables {
				n, err := store.One[int64](ctx, r, "SELECT COUNT(*) FROM "+x.Name)
				if err != nil {
					return err
				}
				out[x.Name] = n
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	deliver(hour)
	once := rows()
	for _, table := range []string{"asset_asset", "asset_fact", "network_conversation", "network_tuple", "network_event"} {
		if once[table] == 0 {
			t.Errorf("nothing in %s after %d deliveries: the test has no hour", table, len(hour))
		}
	}
	deliver(hour)
	back := slices.Clone(hour)
	slices.Reverse(back)
	deliver(back)
	for table, n := range rows() {
		if table == "bus_event" {
			continue // announcements that something was delivered: they carry no state, and go after a day
		}
		if n != once[table] {
			t.Errorf("%s had %d rows and has %d", table, once[table], n)
		}
	}
}

// leavesMost is how much of what a sensor captures may leave it, in percent.
const leavesMost = 3

// TestLeaves holds it to that in captures in which much is said; make bench does in the hour of a plant. Firmware that is
// transferred is one event with a count, from when to when, and its bytes.
func TestLeaves(t *testing.T) {
	codec, err := edge.NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file      string
		transfers uint64 // messages of class firmware
	}{
		{"enip/quickdraw-suricata__CL5000EIP-Firmware_Change.pcap", 9594},
		{"enip/iti__EIP-FirmwareChangeFailure.pcap", 9308},
	} {
		file := filepath.Join("../../../shared/corpus/captures", c.file)
		if _, err := os.Stat(file); err != nil {
			t.Skip("the public captures are not in ../shared")
		}
		var sent int64
		var firmware, events uint64
		captured := heardAs(t, file, func(raw []byte, sum *sensor.Summary) error {
			body, err := codec.Pack(raw)
			sent += int64(len(body))
			for i := range sum.Events {
				if e := &sum.Events[i]; e.Class == "firmware" {
					firmware += 1 + e.Repeats
					events++
					if e.Repeats > 0 && (e.Until <= e.Ref.Seen || e.Bytes < e.Repeats || len(e.Proof) == 0) {
						t.Errorf("%s: a transfer without its end, bytes or proof: %+v", c.file, e)
					}
				}
			}
			return err
		})
		share := 100 * float64(sent) / float64(captured)
		t.Logf("%s: %.2f %%, %d messages in %d events", c.file, share, firmware, events)
		if share > leavesMost || firmware < c.transfers || events > 60 {
			t.Errorf("%s: %.2f %% of %d bytes leave the sensor, %d messages of firmware in %d events", c.file, share, captured, firmware, events)
		}
	}
}

// BenchmarkLeaves is what leaves a sensor, as a share of what it captured: the figure that a thin line to a site
// asks for. SKANSE_BENCH_CAPTURE names the capture; make bench does, and then it fails above leavesMost.
func BenchmarkLeaves(b *testing.B) {
	file := os.Getenv("SKANSE_BENCH_CAPTURE")
	if file == "" {
		file = "../../test/peers/modbus_pymodbus.pcap"
	}
	codec, err := edge.NewCodec()
	if err != nil {
		b.Fatal(err)
	}
	for range b.N {
		var sent, n int64
		captured := heardAs(b, file, func(raw []byte, _ *sensor.Summary) error {
			body, err := codec.Pack(raw)
			sent += int64(len(body))
			n++
			return err
		})
		share := 100 * float64(sent) / float64(captured)
		if os.Getenv("SKANSE_BENCH_CAPTURE") != "" && share > leavesMost {
			b.Errorf("%.2f %% of what was captured leaves the sensor, at most %d may", share, leavesMost)
		}
		b.ReportMetric(share, "%_of_captured")
		b.ReportMetric(float64(sent)/1e6, "MB_sent")
		b.ReportMetric(float64(n), "summaries")
	}
}
