package comply

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// The records' way through the checks that read them: from nothing known over at target
// to broken, each by what a person would do.
func TestRecordChecks(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.person("u1", "Ane")
		p.person("u2", "Bo")
		p.sensor(p.north, 31, p.cell, p.scada)
		plc := p.has(p.north, device{zone: p.cell, ip: "10.0.1.1", vendor: "Siemens", role: "plc", state: "accepted", first: 40})
		want := func(step, check string, status Verdict, passed, failed int) {
			t.Helper()
			p.evaluate()
			if a := p.answer(check, p.north); a.Status != status || a.Passed != passed || a.Failed != failed {
				t.Errorf("%s: %s is %s with %d passed, %d failed (%s); want %s, %d, %d", step, check, a.Status, a.Passed, a.Failed, a.Reason, status, passed, failed)
			}
		}
		owner := record.Patch{Owner: new("u1")}

		// A program was loaded, and nobody knows why.
		p.event("program_download", "s7comm")
		asked := func(step string, n int64) {
			t.Helper()
			for range 2 {
				if err := p.s.AskChanges(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			if got := p.count("SELECT COUNT(*) FROM inbox_item WHERE kind = 'change' AND action = 'explain' AND ref_kind = 'event' AND done_at IS NULL"); got != n {
				t.Errorf("%s: %d questions, want %d", step, got, n)
			}
		}
		want("nobody knows", "chg.matched", Fail, 0, 1)
		want("nobody knows", "mw.used", Fail, 0, 1)
		asked("nobody knows", 1)
		change := func(from, to time.Time) {
			p.keep(record.Draft{
				Type: "change", Title: "New recipe", Asset: plc, Data: map[string]any{"kind": "normal", "text": "Recipe 14", "risk": "Little", "test": "On line 2", "back_out": "Load the old one"},
			},
				record.Move{Transition: "approve", Patch: owner},
				record.Move{Transition: "schedule", Patch: record.Patch{ValidFrom: &from, ValidUntil: &to}})
		}
		change(p.now.Add(-300*time.Hour), p.now.Add(-299*time.Hour)) // of another day
		want("a change of another day", "chg.matched", Fail, 0, 1)
		change(p.now.Add(-3*time.Hour), p.now.Add(time.Hour))
		want("an approved change", "chg.matched", Pass, 1, 0)
		asked("an approved change", 0)
		want("no window yet", "mw.used", Fail, 0, 1)
		from, to := p.now.Add(-2*time.Hour), p.now.Add(-time.Minute)
		window := p.keep(record.Draft{Type: "maintenance-window", Title: "Monday night", Site: p.north.ID, ValidFrom: from, ValidUntil: to}, record.Move{Transition: "agree"})
		want("in a window", "mw.used", Pass, 1, 0)

		// The window is over: somebody must say whether it took place.
		want("nobody said", "mw.held", Fail, 0, 1)
		p.keepOn(window.ID, record.Move{Transition: "finish", Patch: record.Patch{Data: map[string]any{"held": "yes"}}})
		want("it took place", "mw.held", Pass, 1, 0)
		past := p.now.Add(-48 * time.Hour)
		before := past.Add(-time.Hour)
		p.keep(record.Draft{Type: "maintenance-window", Title: "Saturday", Site: p.north.ID, ValidFrom: before, ValidUntil: past}, record.Move{Transition: "agree"})
		want("another was forgotten", "mw.held", Fail, 1, 1)

		// An emergency change must be approved within five days.
		want("none", "chg.emergency", Unknown, 0, 0)
		emergency := p.keep(record.Draft{
			Type: "change", Title: "Bypassed a broken valve", Asset: plc,
			Data: map[string]any{"kind": "emergency", "text": "Forced", "done_at": p.now.Add(-time.Hour).Format(time.RFC3339), "why_emergency": "The tank ran over", "performed_by": "Bo"},
		}, record.Move{Transition: "after_the_fact"})
		want("just written down", "chg.emergency", Unknown, 0, 0)
		p.keepOn(emergency.ID, record.Move{Transition: "approve_emergency", Patch: record.Patch{Data: map[string]any{"observed": "No effect on line 2"}}})
		want("approved", "chg.emergency", Pass, 1, 0)
		p.keep(record.Draft{
			Type: "change", Title: "Another", Asset: plc,
			Data: map[string]any{"kind": "emergency", "text": "Forced", "done_at": p.now.Format(time.RFC3339), "why_emergency": "Smoke", "performed_by": "Bo"},
		}, record.Move{Transition: "after_the_fact"})
		p.now = p.now.AddDate(0, 0, 6)
		want("six days later", "chg.emergency", Fail, 1, 1)

		// A serious finding with a date that passes.
		want("no finding", "find.overdue", Pass, 1, 0)
		due := p.now.AddDate(0, 0, 3)
		found := p.keep(record.Draft{Type: "finding", Title: "Open door", Site: p.north.ID, Data: map[string]any{"source": "audit", "severity": "high", "text": "The cabinet stands open."}},
			record.Move{Transition: "accept", Patch: record.Patch{Owner: new("u1"), DueAt: &due}})
		want("in time", "find.overdue", Pass, 1, 0)
		p.now = p.now.AddDate(0, 0, 4)
		want("late", "find.overdue", Fail, 0, 1)
		p.keepOn(found.ID, record.Move{Transition: "mended", Patch: record.Patch{Data: map[string]any{"resolution": "Locked"}}}, record.Move{Transition: "close"})
		want("mended", "find.overdue", Pass, 1, 0)

		// A retired device needs the proof that it was wiped.
		want("none retired", "asset.dispose", Unknown, 0, 0)
		p.exec("UPDATE asset_asset SET state = 'retired', decided_at = ? WHERE asset_id = ?", store.At(p.now), plc)
		want("retired", "asset.dispose", Fail, 0, 1)
		p.keep(record.Draft{Type: "asset-event", Title: "Old CPU", Asset: plc, Data: map[string]any{
			"kind": "disposal", "on": p.now.Format(time.DateOnly), "storage": []any{"card"}, "wipe_method": "destroy", "wiped_by": "Bo", "witness": "Ane", "certificate": "Z-2026-114",
		}}, record.Move{Transition: "prove"})
		want("wiped", "asset.dispose", Pass, 1, 0)

		// A laptop appears in the cell.
		laptop := p.has(p.north, device{zone: p.cell, ip: "10.0.1.77", vendor: "Dell", role: "workstation", state: "new", first: 0})
		want("a laptop", "asset.transient", Fail, 0, 1)
		until := p.now.AddDate(0, 0, 2)
		p.keep(record.Draft{
			Type: "transient-device", Title: "Service laptop", Site: p.north.ID, ValidUntil: until, Data: map[string]any{"kind": "laptop", "holder": "Bo", "purpose": "Update", "scanned": true, "scanned_on": p.now.Format(time.DateOnly), "patched": true},
			Links: []record.NewLink{{Rel: "seen_as", Kind: "asset", ID: laptop}},
		}, record.Move{Transition: "admit"})
		want("admitted", "asset.transient", Pass, 1, 0)
	})
}
