package comply

import (
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// An approved exception takes what it covers out of the failures, not out of the
// population, and gives it back when it runs out. Nothing of it counts before the
// second person has looked.
func TestException(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.sensor(p.north, 31, p.cell, p.scada)
		p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.9.0.5", server: "10.0.1.1", proto: "rdp", port: 3389})
		p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.9.0.6", server: "10.0.1.1", proto: "rdp", port: 3389})
		p.evaluate()
		if a := p.answer("remote.bypass", p.north); a.Failed != 1 || *a.Value != 2 {
			t.Fatalf("%+v", a)
		}
		rows := got(p.s.Items(t.Context(), everybody, "remote.bypass", p.north.ID, Fail, "", 50))(t)
		var convs []string
		for _, x := range rows.Items {
			if x.Ref.Kind == "conversation" {
				convs = append(convs, x.Ref.ID)
			}
		}
		if len(convs) != 2 {
			t.Fatalf("%+v", rows.Items)
		}
		except := func(item string, link *record.NewLink, moves ...record.Move) {
			d := record.Draft{
				Type: "exception", Title: "The old service line", Site: p.north.ID, Owner: "", ValidUntil: p.now.AddDate(0, 1, 0),
				Data: map[string]any{"kind": "exception", "check": "remote.bypass", "why": "The vendor's router is replaced in June."},
			}
			if item != "" {
				d.Data["item"] = item
			}
			if link != nil {
				d.Links = []record.NewLink{*link}
			}
			p.keep(d, moves...)
		}
		ask := record.Move{Transition: "approve", Patch: record.Patch{Owner: new("u1")}}
		p.person("u1", "Ane")
		p.person("u2", "Bo")

		except(convs[0], nil) // asked for, not approved
		p.evaluate()
		if a := p.answer("remote.bypass", p.north); *a.Value != 2 {
			t.Errorf("before approval: %+v", a)
		}
		except(convs[0], nil, ask)
		p.evaluate()
		if a := p.answer("remote.bypass", p.north); a.Failed != 1 || *a.Value != 1 || a.Excepted != 0 {
			t.Errorf("one of two is excepted: %+v", a)
		}
		except(convs[1], nil, ask)
		p.evaluate()
		a := p.answer("remote.bypass", p.north)
		if a.Failed != 0 || a.Excepted != 1 || a.Population != 2 || *a.Value != 0 {
			t.Errorf("both are: %+v", a)
		}
		items := got(p.s.Items(t.Context(), everybody, "remote.bypass", p.north.ID, Excepted, "", 50))(t)
		if len(items.Items) == 0 || items.Items[0].Ref.Kind != "zone" || !strings.Contains(items.Items[0].Reason, "Excepted conversations: 2") {
			t.Errorf("the drill-down: %+v", items.Items)
		}
		p.now = p.now.AddDate(0, 1, 1)
		p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.9.0.5", server: "10.0.1.1", proto: "rdp", port: 3389})
		p.evaluate()
		if a := p.answer("remote.bypass", p.north); a.Failed != 1 || a.Excepted != 0 {
			t.Errorf("it ran out: %+v", a)
		}
	})
}

// A requirement that does not apply leaves every count, visibly, and comes back.
func TestNotApplicable(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.person("u1", "Ane")
		p.person("u2", "Bo")
		p.evaluate()
		before := got(p.s.Posture(t.Context(), everybody, time.Time{}))(t).Headline
		p.keep(record.Draft{
			Type: "exception", Title: "No safety systems", ValidUntil: p.now.AddDate(0, 12, 0),
			Data: map[string]any{"kind": "not_applicable", "requirement": "5.4", "why": "Nobody works on the plant from outside."},
		}, record.Move{Transition: "approve", Patch: record.Patch{Owner: new("u1")}})
		p.evaluate()
		after := got(p.s.Posture(t.Context(), everybody, time.Time{}))(t).Headline
		if after.NA != 1 || after.Total != before.Total-1 {
			t.Errorf("before %+v, after %+v", before, after)
		}
		l := p.level("5.4", p.north)
		if l.Cell.State != StateNA || l.Cell.Level != nil || len(l.Why) == 0 || !strings.Contains(l.Why[0], "Nobody works") || !strings.Contains(l.Why[0], "EXC-") {
			t.Errorf("%+v", l)
		}
		day := got(p.s.Posture(t.Context(), everybody, p.now))(t).Headline
		if day.NA != 1 {
			t.Errorf("the day's row has %+v", day)
		}
		p.now = p.now.AddDate(0, 12, 1)
		p.evaluate()
		if h := got(p.s.Posture(t.Context(), everybody, time.Time{}))(t).Headline; h.NA != 0 || h.Total != before.Total {
			t.Errorf("it ran out: %+v", h)
		}
	})
}

func TestExceptionRefuses(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), tables()))
	ane := asPerson(t.Context())
	for name, c := range map[string]struct {
		data map[string]any
		site string
		till time.Time
		says string
	}{
		"no such check":       {map[string]any{"check": "remote.bypas"}, p.north.ID, time.Time{}, "no check"},
		"no such requirement": {map[string]any{"kind": "not_applicable", "requirement": "55"}, p.north.ID, time.Time{}, "no requirement"},
		"of nothing":          {map[string]any{}, p.north.ID, time.Time{}, "from which check"},
		"for ever":            {map[string]any{"kind": "not_applicable", "requirement": "5.4"}, p.north.ID, p.now.AddDate(3, 0, 0), "24 months"},
	} {
		c.data["why"] = "Because."
		err := p.db.Update(ane, func(tx *store.Tx) error {
			_, err := p.s.records.Create(ane, tx, principal(ane), record.Draft{Type: "exception", Title: "x", Site: c.site, Data: c.data, ValidUntil: c.till})
			return err
		})
		if ot.CodeOf(err) != ot.Invalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v does not say %q", name, err, c.says)
		}
	}
}
