package comply

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// explainer is a plant whose explanations go to the real record engine.
func newExplainer(t *testing.T, db *store.DB) (*plant, *record.Service) {
	p := newPlant(t, db)
	all := func(_ context.Context, _ store.Reader, _ auth.Scope, ids []string) (map[string]record.Thing, error) {
		out := map[string]record.Thing{}
		for _, id := range ids {
			out[id] = record.Thing{Label: id, SiteNo: p.north.No}
		}
		return out, nil
	}
	kinds := map[string]record.Lookup{}
	for _, k := range []string{"asset", "conversation", "event", "requirement", "check"} {
		kinds[k] = all
	}
	records, err := record.New(db, record.Config{Kinds: kinds, Behaviours: record.Own(), Clock: p.s.clock})
	if err != nil {
		t.Fatal(err)
	}
	p.s.records = records
	return p, records
}

func (p *plant) explain(who auth.Principal, x Explain) (Explained, error) {
	return p.s.Explain(p.t.Context(), who, x)
}

func (p *plant) count(query string, args ...any) (n int64) {
	p.t.Helper()
	if err := p.db.View(p.t.Context(), func(r store.Reader) (err error) {
		n, err = store.One[int64](p.t.Context(), r, query, args...)
		return err
	}); err != nil {
		p.t.Fatal(err)
	}
	return n
}

func TestExplainAChange(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p, _ := newExplainer(t, db)
		for range 3 {
			p.event("program_download", "s7comm")
		}
		p.event("firmware", "s7comm")
		lead := auth.System()
		lead.UserID, lead.Name = "lena", "Lena"
		id := func(no int64) string { return strings.Join([]string{itoa(p.north.No), itoa(no)}, ".") }
		foreign := lead
		foreign.Scope = auth.Scope{Sites: []int64{p.south.No}}
		for what, c := range map[string]struct {
			who  auth.Principal
			x    Explain
			code ot.Code
		}{
			"nothing":              {lead, Explain{Who: "Erik", Why: "x"}, ot.Invalid},
			"nobody":               {lead, Explain{Events: []string{id(1)}, Why: "x", Emergency: true}, ot.Invalid},
			"no change":            {lead, Explain{Events: []string{id(1)}, Who: "Erik", Why: "x"}, ot.Invalid},
			"both":                 {lead, Explain{Events: []string{id(1)}, Who: "Erik", Why: "x", Record: "CHG-1", Emergency: true}, ot.Invalid},
			"a change that is not": {lead, Explain{Events: []string{id(1)}, Who: "Erik", Why: "x", Record: "CHG-1"}, ot.Invalid},
			"a foreign event":      {foreign, Explain{Events: []string{id(1)}, Who: "Erik", Why: "x", Emergency: true}, ot.NotFound},
			"no such event":        {lead, Explain{Events: []string{id(99)}, Who: "Erik", Why: "x", Emergency: true}, ot.NotFound},
			"no event at all":      {lead, Explain{Events: []string{"1; DROP"}, Who: "Erik", Why: "x", Emergency: true}, ot.NotFound},
		} {
			if _, err := p.explain(c.who, c.x); ot.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %s", what, err, c.code)
			}
		}
		if n := p.count("SELECT COUNT(*) FROM comply_explanation"); n != 0 {
			t.Fatalf("refused, and %d written", n)
		}
		got, err := p.explain(lead, Explain{Events: []string{id(1)}, Who: "Erik", Why: "The filler stood still.", Emergency: true})
		if err != nil {
			t.Fatal(err)
		}
		if got.Events == 0 || got.Record == "" || len(got.Refs) != 1 || !strings.HasPrefix(got.Refs[0], "CHG-") {
			t.Errorf("%+v", got)
		}
		if n := p.count("SELECT COUNT(*) FROM record_record WHERE record_id = ? AND type = 'change' AND state = 'emergency_done'", got.Record); n != 1 {
			t.Error("the emergency change is not written down as done")
		}
		if n := p.count("SELECT COUNT(*) FROM record_link WHERE from_id = ? AND rel = 'matched' AND to_kind = 'event' AND to_id = ?", got.Record, id(1)); n != 1 {
			t.Error("the change does not name the event")
		}
		if n := p.count("SELECT COUNT(*) FROM comply_explained_event k JOIN network_event e ON e.site_no = k.site_no AND e.event_no = k.event_no WHERE e.class <> 'program_download'"); n != 0 {
			t.Error("another kind of change was explained with it")
		}
		page, err := p.s.Explanations(t.Context(), everybody, p.north.ID, "", 0)
		if err != nil || len(page.Items) != 1 || page.Items[0].Who != "Erik" || page.Items[0].MadeBy != "Lena" || !page.Items[0].Emergency || page.Items[0].Events != int64(got.Events) {
			t.Errorf("%+v %v", page, err)
		}
		if page, _ = p.s.Explanations(t.Context(), foreign.Scope, "", "", 0); len(page.Items) != 0 {
			t.Errorf("another site's: %+v", page)
		}
		questions := func() int64 {
			return p.count("SELECT COUNT(*) FROM inbox_item WHERE kind = 'change' AND done_at IS NULL")
		}
		if err := p.s.AskChanges(t.Context()); err != nil || questions() != 1 {
			t.Errorf("%d questions about the firmware, %v", questions(), err)
		}
		// A change that is there already covers the firmware.
		if _, err := p.explain(lead, Explain{Events: []string{id(4)}, Who: "Erik", Why: "Same stop.", Record: strings.ToLower(got.Refs[0])}); err != nil {
			t.Error(err)
		}
		if questions() != 0 {
			t.Error("the question stays after the explanation")
		}
	})
}

// A contradiction that is explained asks nobody any more; the finding is written down.
func TestExplainAContradiction(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p, _ := newExplainer(t, db)
		for _, check := range []string{"remote.bypass", "remote.direct"} {
			p.exec("INSERT INTO comply_finding (finding_id, entity_id, site_no, requirement, check_id, sentence, opened_at) VALUES (?, ?, ?, '5.3', ?, 'Declared: no bypass. Measured: 3 sessions.', ?)",
				store.NewID(), p.north.EntityID, p.north.No, check, store.At(p.now))
		}
		ask := func() {
			t.Helper()
			if err := db.Update(t.Context(), func(tx *store.Tx) error { return p.s.askExplain(t.Context(), tx, p.now) }); err != nil {
				t.Fatal(err)
			}
		}
		open := func() int64 {
			return p.count("SELECT COUNT(*) FROM inbox_item WHERE kind = 'contradiction' AND done_at IS NULL")
		}
		ask()
		if n := open(); n != 1 {
			t.Fatalf("%d items for one requirement and site", n)
		}
		lead := auth.System()
		lead.Name = "Lena"
		if _, err := p.explain(lead, Explain{Requirement: "5.3", Site: p.south.ID, Who: "x", Why: "y"}); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("another site: %v", err)
		}
		blind := lead
		blind.Scope = auth.Scope{Sites: []int64{p.south.No}}
		if _, err := p.explain(blind, Explain{Requirement: "5.3", Site: p.north.ID, Who: "x", Why: "y"}); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign site: %v", err)
		}
		got, err := p.explain(lead, Explain{Requirement: "5.3", Site: p.north.ID, Who: "The service firm", Why: "The gateway was down for two hours."})
		if err != nil {
			t.Fatal(err)
		}
		if got.Findings != 2 || len(got.Refs) != 1 || !strings.HasPrefix(got.Refs[0], "FND-") {
			t.Errorf("%+v", got)
		}
		if n := open(); n != 0 {
			t.Errorf("%d still ask", n)
		}
		ask()
		if n := open(); n != 0 {
			t.Errorf("a new judgement asks again: %d", n)
		}
		if _, err := p.explain(lead, Explain{Requirement: "5.3", Site: p.north.ID, Who: "x", Why: "y"}); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("twice: %v", err)
		}
		p.exec("INSERT INTO comply_finding (finding_id, entity_id, site_no, requirement, check_id, sentence, opened_at) VALUES (?, ?, ?, '5.3', 'remote.third', 'Declared so. Measured otherwise.', ?)",
			store.NewID(), p.north.EntityID, p.north.No, store.At(p.now))
		ask()
		if n := open(); n != 1 {
			t.Error("a new contradiction asks for nobody")
		}
		if got, err = p.explain(lead, Explain{Requirement: "5.3", Site: p.north.ID, Who: "Erik", Why: "Fire.", Emergency: true}); err != nil || len(got.Refs) != 2 {
			t.Errorf("with an emergency change, both are written: %+v %v", got, err)
		}
	})
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
