package comply

import (
	"net/netip"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/logs"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// The checks of log sources from unknown to at target to broken, by the register and the lines that come.
func TestLogWalk(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWire(t, db)
		w.person("u1", "Ane")
		s := logs.New(db, logs.Config{Dir: t.TempDir(), Clock: func() time.Time { return w.now }})
		if err := s.Open(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect := func(step string, want map[string]Verdict) {
			t.Helper()
			w.evaluate()
			for id, v := range want {
				if a := w.answer(id, w.north); a.Status != v {
					t.Errorf("%s: %s is %s (%s), want %s", step, id, a.Status, a.Reason, v)
				}
			}
		}
		say := func(off time.Duration) {
			t.Helper()
			s.Take(logs.Arrival{SiteNo: w.north.No, RealmNo: w.realm, From: netip.MustParseAddr("10.0.1.1"), By: "udp", Raw: []byte("<13>1 " + w.now.Add(off).Format(time.RFC3339Nano) + " hmi a - - - x"), At: w.now})
			if err := s.Flush(t.Context(), true); err != nil {
				t.Fatal(err)
			}
		}
		expect("nobody is expected", map[string]Verdict{"log.live": Unknown, "log.retention": Unknown, "log.time": Unknown, "act.windows": Unknown})
		w.day(true)
		asset := ""
		if err := db.View(t.Context(), func(r store.Reader) (err error) {
			asset, err = store.One[string](t.Context(), r, "SELECT asset_id FROM asset_binding WHERE address = '10.0.1.1'")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		id, _, err := s.Expect(t.Context(), everybody, "Ida", w.north.ID, logs.Want{Name: "HMI", Asset: asset, Kind: "windows", Address: "10.0.1.1", Interval: 3600, Retention: 3})
		if err != nil {
			t.Fatal(err)
		}
		expect("registered a moment ago", map[string]Verdict{"log.live": Unknown, "log.retention": Unknown, "log.time": Unknown, "act.windows": Fail})
		say(time.Second)
		expect("its first line", map[string]Verdict{"log.live": Pass, "log.retention": Unknown, "log.time": Pass, "act.windows": Pass})
		expect("no boundary is written down", map[string]Verdict{"dos.boundary": Unknown})
		office := map[string]any{"near": w.scada.ID, "far": w.office.ID, "filters": "allow"}
		b := w.keep(record.Draft{Type: "boundary", Title: "Office", Site: w.north.ID, Data: office})
		expect("one that is a draft", map[string]Verdict{"dos.boundary": Fail})
		w.keepOn(b.ID, record.Move{Transition: "use", Patch: record.Patch{Owner: new("u1"), Data: map[string]any{"device": asset}}})
		expect("its device is heard", map[string]Verdict{"dos.boundary": Pass})
		line := w.keep(record.Draft{Type: "boundary", Title: "Supplier's line", Site: w.north.ID, Data: map[string]any{"near": w.scada.ID, "filters": "none"}}, record.Move{Transition: "use", Patch: record.Patch{Owner: new("u1"), Data: map[string]any{"device": asset}}})
		expect("a line outside that nothing filters", map[string]Verdict{"dos.boundary": Fail})
		w.keepOn(line.ID, record.Move{Transition: "remove", Reason: "taken away"})
		expect("it was taken away", map[string]Verdict{"dos.boundary": Pass})
		for range 4 {
			w.now = w.now.Add(23 * time.Hour)
			say(time.Second)
		}
		expect("four days", map[string]Verdict{"log.live": Pass, "log.retention": Pass, "log.time": Pass, "act.windows": Pass})
		for range 16 {
			say(-7 * time.Second)
		}
		expect("its clock is slow", map[string]Verdict{"log.time": Fail})
		w.now = w.now.Add(25 * time.Hour)
		expect("a day of silence", map[string]Verdict{"log.live": Fail, "log.time": Unknown, "act.windows": Pass, "dos.boundary": Fail})
		w.now = w.now.Add(8 * 24 * time.Hour)
		if err := s.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.exec("UPDATE logs_day SET gone_at = 1 WHERE source_id = '" + id + "'")
		expect("nothing is kept", map[string]Verdict{"log.live": Fail, "log.retention": Fail, "act.windows": Fail})
	})
}

// How long urgent alerts wait, from unknown to at target to broken.
func TestTriageTime(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWire(t, db)
		rules, err := rule.Parse("t.yaml", []byte("id: stop\ntitle: T\nwhy: W\nseverity: high\non: state\ngroup: [client]\n"))
		if err != nil {
			t.Fatal(err)
		}
		set, err := rule.Compile(rules, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := detect.New(db, detect.Config{Rules: set, Clock: func() time.Time { return w.now }})
		expect := func(step string, want Verdict, value float64) {
			t.Helper()
			w.evaluate()
			a := w.answer("irp.triage_time", w.north)
			if a.Status != want || want != Unknown && (a.Value == nil || *a.Value != value) {
				t.Errorf("%s: %s (%s) %v, want %s %v", step, a.Status, a.Reason, a.Value, want, value)
			}
		}
		expect("no alert", Unknown, 0)
		clients := []string{"10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4"}
		for i, wait := range []time.Duration{10, 20, 300} {
			at := w.now.UnixNano()
			if err := db.Update(t.Context(), func(tx *store.Tx) error {
				return s.Raise(t.Context(), tx, rule.Hit{Rule: "stop", SiteNo: w.north.No, Client: rule.End{IP: clients[i]}, First: at, Last: at, Count: 1, Live: true})
			}); err != nil {
				t.Fatal(err)
			}
			w.now = w.now.Add(wait * time.Minute)
			page, err := s.Alerts(t.Context(), everybody, detect.Filter{State: "new"})
			if err != nil || len(page.Items) != 1 {
				t.Fatal(len(page.Items), err)
			}
			if err := s.Decide(t.Context(), everybody, detect.Person{ID: "ida", Name: "Ida"}, page.Items[0].ID, detect.Decision{Action: "acknowledge"}, page.Items[0].ETag); err != nil {
				t.Fatal(err)
			}
		}
		expect("the middle of 10, 20 and 300 minutes", Pass, 20)
		at := w.now.UnixNano()
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			return s.Raise(t.Context(), tx, rule.Hit{Rule: "stop", SiteNo: w.north.No, Client: rule.End{IP: clients[3]}, First: at, Last: at, Count: 1, Live: true})
		}); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(10 * time.Hour)
		expect("and one that nobody looks at for ten hours", Fail, 160)
	})
}
