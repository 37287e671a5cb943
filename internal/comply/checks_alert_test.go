package comply

import (
	"context"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// The checks of alerts from unknown to at target to broken, by what is raised and what people decide.
func TestAlertWalk(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWire(t, db)
		rules, err := rule.Parse("t.yaml", []byte("id: stop\ntitle: T\nwhy: W\nseverity: high\non: state\ngroup: [client]\n---\nid: password-guessing\ntitle: T\nwhy: W\nseverity: high\non: state\ngroup: [client]\n---\nid: connection-flood\ntitle: T\nwhy: W\nseverity: high\non: state\ngroup: [client]\n"))
		if err != nil {
			t.Fatal(err)
		}
		set, err := rule.Compile(rules, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := detect.New(db, detect.Config{Rules: set, Clock: func() time.Time { return w.now }})
		raise := func(id, client string) {
			t.Helper()
			at := w.now.UnixNano()
			if err := db.Update(t.Context(), func(tx *store.Tx) error {
				return s.Raise(context.Background(), tx, rule.Hit{Rule: id, SiteNo: w.north.No, Client: rule.End{IP: client}, First: at, Last: at, Count: 1, Live: true})
			}); err != nil {
				t.Fatal(err)
			}
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
		expect("nothing was heard", map[string]Verdict{"alert.triage": Unknown, "iam.bruteforce": Unknown, "dos.detect": Unknown})
		for range 31 {
			w.day(true)
		}
		expect("a quiet month", map[string]Verdict{"alert.triage": Pass, "iam.bruteforce": Pass})
		raise("stop", "10.1.0.5")
		raise("password-guessing", "10.1.0.6")
		page, err := s.Alerts(t.Context(), everybody, detect.Filter{})
		if err != nil || len(page.Items) != 2 {
			t.Fatal(len(page.Items), err)
		}
		for _, a := range page.Items {
			if err := s.Decide(t.Context(), everybody, detect.Person{ID: "ida", Name: "Ida"}, a.ID, detect.Decision{Action: "acknowledge"}, a.ETag); err != nil {
				t.Fatal(err)
			}
		}
		expect("seen at once", map[string]Verdict{"alert.triage": Pass, "iam.bruteforce": Pass})
		raise("stop", "10.1.0.7")
		raise("password-guessing", "10.1.0.8")
		w.day(true)
		w.day(true)
		expect("nobody looked for two days", map[string]Verdict{"alert.triage": Fail, "iam.bruteforce": Fail})
		if err := s.Set(t.Context(), everybody, detect.Person{ID: "ida", Name: "Ida"}, w.north.ID, "connection-flood", detect.Setting{Off: true, Reason: "no"}); err != nil {
			t.Fatal(err)
		}
		expect("floods are not watched", map[string]Verdict{"dos.detect": Fail})
	})
}

// Rules that grow old, and techniques that no risk names, from unknown to at target to broken.
func TestRulesWalk(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWire(t, db)
		rules, err := rule.Parse("t.yaml", []byte("id: stop\ntitle: T\nwhy: W\nseverity: high\ntechnique: T0858\non: state\ngroup: [client]\n"))
		if err != nil {
			t.Fatal(err)
		}
		set, err := rule.Compile(rules, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		s := detect.New(db, detect.Config{Rules: set, Clock: func() time.Time { return w.now }})
		expect := func(step string, want map[string]Verdict) {
			t.Helper()
			w.evaluate()
			for id, v := range want {
				if a := w.answer(id, w.north); a.Status != v {
					t.Errorf("%s: %s is %s (%s), want %s", step, id, a.Status, a.Reason, v)
				}
			}
		}
		runs := func(version string) { // as a sensor's next summary would say
			t.Helper()
			if err := db.Update(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(t.Context(), "UPDATE network_source SET rule_set = ? WHERE live", version)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
		expect("nothing was heard", map[string]Verdict{"ids.rules_age": Unknown, "threat.observed": Unknown})
		for range 91 {
			w.day(true)
		}
		expect("a sensor that does not say what it runs", map[string]Verdict{"ids.rules_age": Unknown, "threat.observed": Pass})
		if err := s.NoteRules(t.Context()); err != nil {
			t.Fatal(err)
		}
		runs(set.Version())
		expect("rules of today", map[string]Verdict{"ids.rules_age": Pass})
		for range 31 {
			w.day(true)
		}
		runs(set.Version())
		expect("the same a month later", map[string]Verdict{"ids.rules_age": Fail})
		if _, err := s.Import(t.Context(), detect.Person{ID: "ida", Name: "Ida"}, detect.NewSource{Name: "CERT", Text: []byte("198.51.100.7 x\n")}); err != nil {
			t.Fatal(err)
		}
		expect("indicators of today", map[string]Verdict{"ids.rules_age": Pass})
		runs("another")
		expect("rules of somebody else", map[string]Verdict{"ids.rules_age": Fail})
		at := w.now.UnixNano()
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			return s.Raise(context.Background(), tx, rule.Hit{Rule: "stop", SiteNo: w.north.No, Client: rule.End{IP: "10.1.0.5"}, First: at, Last: at, Count: 1, Live: true})
		}); err != nil {
			t.Fatal(err)
		}
		expect("a technique that nobody thought of", map[string]Verdict{"threat.observed": Fail})
		w.keep(record.Draft{Type: "risk", Title: "A stop from afar", Site: w.north.ID, Data: map[string]any{"hazard": "cyber", "text": "Somebody stops the pumps.", "technique": "T0816, T0858", "likelihood": 2, "consequence": 5, "treatment": "reduce"}})
		expect("a risk names it", map[string]Verdict{"threat.observed": Pass})
	})
}
