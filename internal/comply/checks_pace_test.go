package comply

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/performance"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// The check of communication baselines from unknown to at target to broken, by what sensors time.
func TestPaceWalk(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWire(t, db)
		s := performance.New(db, func() time.Time { return w.now })
		expect := func(step string, want Verdict) {
			t.Helper()
			w.evaluate()
			if a := w.answer("mon.perf", w.north); a.Status != want {
				t.Errorf("%s: %s (%s), want %s", step, a.Status, a.Reason, want)
			}
		}
		seq := uint64(0)
		timed := func(hours int, live bool) {
			t.Helper()
			for h := range hours {
				seq++
				plc, hmi := host(1, "10.0.1.1"), host(2, "10.0.3.1")
				at := w.now.Add(-time.Duration(hours-h) * time.Hour).UnixNano()
				key := sensor.FlowKey{Client: hmi, Server: plc, Transport: "tcp", Port: 502, Protocol: "modbus"}
				sum := &sensor.Summary{
					Sensor: "north-1", Epoch: "p", Seq: seq, From: at - 10e9, To: at, Sent: at, Live: live,
					Flows:  []sensor.FlowDelta{{Client: hmi, Server: plc, Transport: "tcp", Port: 502, Protocol: "modbus", First: at - 10e9, Last: at, Established: true, ClientPackets: 10, ServerPackets: 10}},
					Tuples: []sensor.TupleDelta{{Flow: key, Protocol: "modbus", Kind: "function", Code: 3, Name: "Read holding registers", Class: "read", Dir: "request", Count: 10, First: at, Last: at, Pace: &sensor.Pace{Asked: sensor.Spread{N: 9, Sum: 9e6, Squares: 9e12, Most: 1e6}, Answered: sensor.Spread{N: 10, Sum: 50000, Squares: 3e8, Most: 9000}}}},
				}
				for range 2 { // the same again counts once
					if err := db.Update(t.Context(), func(tx *store.Tx) error {
						return s.Take(t.Context(), tx, sensor.Delivery{SiteNo: w.north.No, RealmNo: w.realm, Source: "north-1", Received: w.now}, sum)
					}); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		expect("nothing", Unknown)
		for range 8 {
			w.day(true)
		}
		w.exec("UPDATE asset_asset SET role = 'plc', criticality = 4 WHERE asset_id IN (SELECT asset_id FROM asset_binding WHERE address = '10.0.1.1')")
		expect("a critical controller that nobody times", Fail)
		timed(30, false)
		expect("a capture times nothing for good", Fail)
		timed(5, true)
		expect("five hours", Unknown)
		timed(30, true)
		expect("a day and more", Pass)
		r := got(s.Report(t.Context(), everybody, w.north.ID))(t)
		if len(r.Functions) != 1 || *r.Functions[0].Answer.Mean != 5 || *r.Functions[0].Cycle.Mean != 1000 || r.Functions[0].Cycle.Jitter == nil || *r.Functions[0].Cycle.Jitter != 0 || len(r.Wires) != 1 {
			t.Errorf("report %+v", r)
		}
		for range 9 {
			w.day(true)
		}
		expect("no answers for nine days", Fail)
	})
}
