package comply

import (
	"context"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/conduit"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// traffic gives the slice of conduits what the test's plant observed: its controller polled from SCADA.
type traffic struct{ w *wire }

func (x traffic) Crossings(context.Context, store.Reader, int64, time.Time) ([]conduit.Crossing, error) {
	return []conduit.Crossing{
		{FromZone: x.w.scada.No, ToZone: x.w.cell.No, Transport: "tcp", Port: 502, Protocol: "modbus", Conversations: 1},
		{FromZone: x.w.office.No, ToZone: x.w.cell.No, Transport: "tcp", Port: 3389, Protocol: "rdp", Conversations: 1},
	}, nil
}

func (traffic) Zones(context.Context, store.Reader, int64, []string) (func(int64, string, string) int64, error) {
	return nil, nil
}

// The checks of conduits from unknown to at target to broken and back, by what comes over the wire and what people decide.
func TestConduitWalk(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWire(t, db)
		s := conduit.New(db, conduit.Config{Traffic: traffic{w}, Clock: func() time.Time { return w.now }})
		expect := func(step string, want map[string]Verdict) {
			t.Helper()
			w.evaluate()
			for id, v := range want {
				if a := w.answer(id, w.north); a.Status != v {
					t.Errorf("%s: %s is %s (%s), want %s", step, id, a.Status, a.Reason, v)
				}
			}
		}
		for range 28 {
			w.day(true)
		}
		expect("nothing is decided", map[string]Verdict{"seg.violations": Unknown, "seg.approved": Unknown, "conn.decide": Pass, "itot.undocumented": Pass})
		if n, err := s.Decide(t.Context(), everybody, "Ida", w.north.ID, conduit.Several{Seen: []string{w.scada.ID + "|" + w.cell.ID + "|tcp|502|modbus"}, Allow: true, Reason: "panels", Owner: "Ida"}); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		expect("the panels are allowed", map[string]Verdict{"seg.violations": Pass, "seg.approved": Pass, "conn.decide": Pass})
		w.day(true, w.desktop("10.9.0.7"))
		expect("a desktop from the office", map[string]Verdict{"seg.violations": Fail, "seg.approved": Fail, "conn.decide": Unknown, "itot.undocumented": Fail})
		for range 8 {
			w.day(true)
		}
		expect("nobody decided for a week", map[string]Verdict{"conn.decide": Fail})
		p, err := s.Add(t.Context(), everybody, "Ida", w.north.ID, conduit.Rule{FromID: w.office.ID, ToID: w.cell.ID, Transport: "tcp", Port: 3389, Protocol: "rdp", Allow: true, Reason: "commissioning", Owner: "Ida"})
		if err != nil {
			t.Fatal(err)
		}
		expect("it is allowed", map[string]Verdict{"seg.approved": Pass, "itot.undocumented": Pass, "seg.violations": Fail}) // the office straight into level 1 is what no plan allows
		if _, err := s.Change(t.Context(), everybody, "Ida", p.ID, conduit.Rule{FromID: w.office.ID, ToID: w.cell.ID, Allow: false, Reason: "no more", Owner: "Ida"}, p.ETag); err != nil {
			t.Fatal(err)
		}
		expect("it is denied", map[string]Verdict{"seg.approved": Fail, "itot.undocumented": Fail})
		for range 31 {
			w.day(true)
		}
		expect("a month without it", map[string]Verdict{"seg.approved": Pass, "itot.undocumented": Pass, "seg.violations": Pass, "conn.decide": Pass})
	})
}
