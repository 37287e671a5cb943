package comply

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
	"pgregory.net/rapid"
)

func TestBriefRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var levels []levelRow
		for _, id := range []string{"1.1a", "5.3", "9.10b"} {
			levels = append(levels, levelRow{EntityID: "e", SiteNo: 7, Requirement: id, Level: rapid.IntRange(0, 5).Draw(t, "level"), State: rapid.SampledFrom(stateOrder[:]).Draw(t, "state"), Target: rapid.IntRange(1, 5).Draw(t, "target")})
		}
		got := map[unit]levelRow{}
		readBrief(briefOf(levels)+" 9.9=zz9 nonsense =", dayKey{"e", 7}, got)
		if len(got) != 3 {
			t.Fatalf("%d levels come back", len(got))
		}
		for _, l := range levels {
			if g := got[unit{"e", 7, l.Requirement}]; g.Level != l.Level || g.State != l.State || g.Target != l.Target {
				t.Fatalf("%+v became %+v", l, g)
			}
		}
	})
}

func FuzzBrief(f *testing.F) {
	f.Add("5.1=2k4 5.2=3a3")
	f.Add("5.1=9x9")
	f.Fuzz(func(t *testing.T, s string) {
		got := map[unit]levelRow{}
		readBrief(s, dayKey{"e", 1}, got)
		for _, l := range got {
			if l.Level < 0 || l.Level > 5 || l.State == "" {
				t.Fatalf("%q gives %+v", s, l)
			}
		}
	})
}

// A day in the past shows what was judged then, with its reasons, whatever came after.
func TestAsOf(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.sensor(p.north, 31, p.cell, p.scada)
		p.evaluate()
		first := p.now
		p.now = p.now.AddDate(0, 0, 3)
		p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.9.0.5", server: "10.0.1.1", proto: "rdp", port: 3389})
		p.declareAll("5.3", p.north.ID)
		p.evaluate()
		now := got(p.s.Posture(t.Context(), everybody, time.Time{}))(t)
		for _, c := range []struct {
			day          time.Time
			contradicted int
		}{{first, 0}, {first.AddDate(0, 0, 2), 0}, {p.now, 1}, {p.now.AddDate(0, 0, 9), 1}} {
			old := got(p.s.Posture(t.Context(), everybody, c.day))(t)
			if old.Headline.Contradicted != c.contradicted {
				t.Errorf("as of %s: %+v", day(c.day), old.Headline)
			}
		}
		if len(now.Trend) != 2 || now.Trend[0].Date != first.Format(time.DateOnly) {
			t.Errorf("trend %+v", now.Trend)
		}
		for _, c := range []struct {
			day                  time.Time
			bypasses             float64
			declared, findings   int
			contradictedAtLowest bool
		}{{first, 0, 0, 0, false}, {p.now, 1, len(got(p.s.Declarations(t.Context(), everybody, "5.3"))(t)), 1, true}} {
			d := got(p.s.Requirement(t.Context(), everybody, "5.3", c.day))(t)
			for _, k := range d.Checks {
				if a := k.Sites[p.north.ID]; k.ID == "remote.bypass" && (a.Value == nil || *a.Value != c.bypasses) {
					t.Errorf("as of %s: remote.bypass %+v, want %v", day(c.day), a, c.bypasses)
				}
			}
			if len(d.Declarations) != c.declared || len(d.Findings) != c.findings {
				t.Errorf("as of %s: %d declarations, %d findings", day(c.day), len(d.Declarations), len(d.Findings))
			}
			if items := got(p.s.ItemsAt(t.Context(), everybody, "remote.bypass", p.north.ID, c.day, "", 10))(t); (len(items.Items) > 0) != (c.bypasses > 0) {
				t.Errorf("as of %s: %d failing items", day(c.day), len(items.Items))
			}
			list := got(p.s.Requirements(t.Context(), everybody, 5, p.north.ID, c.day))(t)
			for _, it := range list {
				if it.ID == "5.3" && (it.Sites[p.north.ID].State == StateContradicted) != c.contradictedAtLowest {
					t.Errorf("as of %s: 5.3 is %+v", day(c.day), it.Sites[p.north.ID])
				}
			}
		}
		then := got(p.s.Posture(t.Context(), everybody, p.now))(t)
		a, _ := json.Marshal(now.Areas)
		b, _ := json.Marshal(then.Areas)
		if string(a) != string(b) {
			t.Errorf("today from the day's row differs from today:\n%s\n%s", a, b)
		}
	})
}
