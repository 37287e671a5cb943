package vuln_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
	"github.com/skanse/skanse/internal/vuln"
	"github.com/skanse/skanse/internal/vuln/match"
)

// inventory is a plant of which the test says what stands in it.
type inventory struct {
	assets  []vuln.Asset
	reaches map[string]vuln.Reach
}

func (i *inventory) Stated(_ context.Context, _ store.Reader, after string, limit int) ([]vuln.Asset, error) {
	var out []vuln.Asset
	for _, a := range i.assets {
		if a.ID > after && len(out) < limit {
			out = append(out, a)
		}
	}
	return out, nil
}

func (i *inventory) Reaches(context.Context, store.Reader, time.Time) (map[string]vuln.Reach, error) {
	return i.reaches, nil
}

type house struct {
	*testing.T
	db  *store.DB
	s   *vuln.Service
	inv *inventory
	now time.Time
}

func each(t *testing.T, fn func(h *house)) {
	storetest.Each(t, []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), job.Migrations(), auth.Migrations(), record.Migrations(), vuln.Migrations()}, func(t *testing.T, db *store.DB) {
		tables, err := match.Load(catalog.Files)
		if err != nil {
			t.Fatal(err)
		}
		h := &house{T: t, db: db, inv: &inventory{}, now: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)}
		err = db.Update(t.Context(), func(tx *store.Tx) error {
			for _, q := range []string{
				"INSERT INTO org_entity (entity_id, name, profile) VALUES ('e', 'Acme', 'essential')",
				"INSERT INTO org_site (site_no, site_id, entity_id, name, country, tz, critical, weight) VALUES (1, 's1', 'e', 'Home', 'DK', 'UTC', TRUE, 1)",
			} {
				if _, err := tx.Exec(t.Context(), q); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		h.s = vuln.New(db, vuln.Config{Tables: tables, Inventory: h.inv, Clock: func() time.Time { return h.now }})
		fn(h)
	})
}

// advisory writes one about the Armatron 500.
func advisory(id, revision, versions, title string) []byte {
	return []byte(fmt.Sprintf(`{"document":{"title":%q,"publisher":{"name":"Acme PSIRT"},"tracking":{"id":%q,"version":%q,"status":"final","initial_release_date":"2026-10-01T00:00:00Z"}},
"product_tree":{"branches":[{"category":"vendor","name":"Acme","branches":[{"category":"product_name","name":"Armatron 500","branches":[{"category":"product_version_range","name":%q,"product":{"name":"Armatron 500","product_id":"P1"}}]}]}]},
"vulnerabilities":[{"cve":"CVE-2026-1000","product_status":{"known_affected":["P1"]},"scores":[{"cvss_v3":{"baseScore":9.8,"vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},"products":["P1"]}],
"remediations":[{"category":"vendor_fix","details":"Update to V5.0.0 or later version","product_ids":["P1"]}]}]}`, title, id, revision, versions))
}

func (h *house) take(docs ...[]byte) vuln.Taken {
	h.Helper()
	t := h.s.Take("test")
	for i, d := range docs {
		if err := t.Document(h.Context(), fmt.Sprint(i), d); err != nil {
			h.Fatal(err)
		}
	}
	out, err := t.Finish(h.Context(), "csaf", "Test", "", "hand")
	if err != nil {
		h.Fatal(err)
	}
	return out
}

func (h *house) sweep() []vuln.Finding {
	h.Helper()
	h.now = h.now.Add(2 * time.Hour)
	if err := h.s.Sweep(h.Context()); err != nil {
		h.Fatal(err)
	}
	p, err := h.s.Findings(h.Context(), auth.System().Scope, vuln.Filter{})
	if err != nil {
		h.Fatal(err)
	}
	return p.Items
}

func (h *house) only(state, verdict string) vuln.Finding {
	h.Helper()
	fs := h.sweep()
	if len(fs) != 1 || fs[0].State != state || fs[0].Verdict != verdict {
		b, _ := json.Marshal(fs)
		h.Fatalf("want one finding, %s and %s: %s", state, verdict, b)
	}
	return fs[0]
}

func (h *house) decide(f vuln.Finding, d vuln.Decision) error {
	return h.s.Decide(h.Context(), auth.System().Scope, "Ida", f.ID, d, f.ETag)
}

func asset(version string) vuln.Asset {
	return vuln.Asset{ID: "a1", SiteNo: 1, Name: "Robot", Criticality: 4, Stated: match.Asset{Vendor: "Acme Inc.", Model: "Armatron 500", Version: version}}
}

func TestLife(t *testing.T) {
	each(t, func(h *house) {
		h.inv.assets = []vuln.Asset{asset("")}
		if fs := h.sweep(); len(fs) != 0 {
			t.Fatal("a finding without an advisory")
		}
		if got := h.take(advisory("T-1", "1", "< V5.0.0", "First <script>")); got.New != 1 {
			t.Fatalf("%+v", got)
		}
		if got := h.take(advisory("T-1", "1", "< V5.0.0", "First <script>")); got.Same != 1 || got.New+got.Changed != 0 {
			t.Fatalf("the same content is no change: %+v", got)
		}
		f := h.only("open", "unknown")
		if f.Missing != "version" || f.Decision == "" {
			t.Errorf("%+v", f)
		}
		qs, err := h.s.Questions(h.Context(), auth.System().Scope, "", 0)
		if err != nil || len(qs) != 1 || qs[0].Missing != "version" || qs[0].Decides != 1 {
			t.Errorf("%+v %v", qs, err)
		}
		h.inv.assets = []vuln.Asset{asset("4.9.1")}
		f = h.only("open", "affected")
		if f.Fix != "5.0.0" && f.Fix != "V5.0.0" || f.Urgency != "scheduled" || f.Inputs.Automatable != "yes" || f.Inputs.Exploitation != "none" {
			t.Errorf("%+v", f)
		}
		// it becomes known that it is exploited: done at once
		kev := `{"title":"KEV","catalogVersion":"2026","dateReleased":"2026-11-01T00:00:00Z","vulnerabilities":[{"cveID":"CVE-2026-1000","dateAdded":"2026-11-01"}]}`
		h.take([]byte(kev))
		if f = h.only("open", "affected"); f.Decision != "now" || !f.KEV || f.Inputs.Exploitation != "active" {
			t.Errorf("%+v", f)
		}
		// a person's word without a reason is none
		if err := h.decide(f, vuln.Decision{Action: "dismiss"}); err == nil {
			t.Error("dismissed without a reason")
		}
		if err := h.decide(f, vuln.Decision{Action: "defer", Reason: "later"}); err == nil {
			t.Error("deferred without a risk decision")
		}
		if err := h.decide(f, vuln.Decision{Action: "dismiss", Reason: "the port is closed"}); err != nil {
			t.Fatal(err)
		}
		h.only("dismissed", "affected")
		// the publisher repairs the text without saying so: it is asked again
		if got := h.take(advisory("T-1", "1", "< V6.0.0", "First")); got.Silent != 1 {
			t.Errorf("%+v", got)
		}
		f = h.only("open", "affected")
		full, err := h.s.Finding(h.Context(), auth.System().Scope, f.ID)
		if err != nil || !strings.Contains(full.Steps[len(full.Steps)-1].Reason, "text") {
			t.Errorf("%+v %v", full.Steps, err)
		}
		// reported fixed is not fixed
		if err := h.decide(f, vuln.Decision{Action: "report"}); err != nil {
			t.Fatal(err)
		}
		h.only("reported", "affected")
		h.inv.assets = []vuln.Asset{asset("6.0.0")}
		fs := h.sweep()
		if fs[0].State != "fixed" || !strings.Contains(fs[0].Proof, "6.0.0") {
			t.Errorf("%+v", fs[0])
		}
		// the old version comes back
		h.inv.assets = []vuln.Asset{asset("4.9.1")}
		h.only("open", "affected")
		h.inv.assets = nil
		if fs := h.sweep(); fs[0].State != "gone" {
			t.Errorf("the asset has left: %+v", fs[0])
		}
	})
}

func TestDeferral(t *testing.T) {
	each(t, func(h *house) {
		h.inv.assets = []vuln.Asset{asset("4.9.1")}
		h.take(advisory("T-1", "1", "< V5.0.0", "First"))
		f := h.only("open", "affected")
		h.record("x1", "exception", "approved")
		h.record("w1", "maintenance-window", "agreed")
		until := h.now.Add(48 * time.Hour)
		if err := h.decide(f, vuln.Decision{Action: "plan", Window: "x1"}); err == nil {
			t.Error("an exception is no window")
		}
		if err := h.decide(f, vuln.Decision{Action: "plan", Window: "w1", Hours: 2}); err != nil {
			t.Fatal(err)
		}
		plan, err := h.s.Plan(h.Context(), auth.System().Scope, "")
		if err != nil || len(plan.Windows) != 1 || plan.Windows[0].Hours != 2 || len(plan.Windows[0].Updates) != 1 || plan.Windows[0].Updates[0].Closes != 1 {
			t.Fatalf("%+v %v", plan, err)
		}
		f = h.only("planned", "affected")
		if err := h.decide(f, vuln.Decision{Action: "defer", Reason: "the spare part comes in June", Exception: "x1", Until: &until}); err != nil {
			t.Fatal(err)
		}
		f = h.only("deferred", "affected")
		if err := h.s.Decide(h.Context(), auth.System().Scope, "Ida", f.ID, vuln.Decision{Action: "reopen"}, `"old"`); err == nil {
			t.Error("changed without having seen the newest version")
		}
		h.now = until
		h.only("open", "affected")
	})
}

func (h *house) record(id, kind, state string) {
	h.Helper()
	err := h.db.Update(h.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(h.Context(), `INSERT INTO record_record (record_id, type, ref, title, entity_id, site_no, zone_no, asset_id, owner_id, state, data, data_version, version, created_at, created_by, updated_at, updated_by)
VALUES (?, ?, ?, 'x', 'e', 1, 0, '', '', ?, '{}', 1, 1, 0, '', 0, '')`, id, kind, id, state)
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
}

func TestHostileSource(t *testing.T) {
	each(t, func(h *house) {
		imp := h.s.Take("test")
		for _, b := range []string{"<html>", `{"catalogVersion":"1","vulnerabilities":[]}`, strings.Repeat("[", 100000), "cve,epss,percentile\nCVE-2026-1000,7,NaN\n"} {
			if err := imp.Document(h.Context(), "x\x1b[31m.json", []byte(b)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := imp.Finish(h.Context(), "csaf", "Test", "", ""); err == nil || imp.Taken.Refusals != 4 || strings.Contains(imp.Taken.Refused[0], "\x1b") {
			t.Errorf("%v %+v", err, imp.Taken)
		}
		list, err := h.s.Sources(h.Context())
		if err != nil || len(list) != 1 || list[0].Problem == "" || !list[0].Fetched.IsZero() {
			t.Errorf("a source that gave nothing has not worked: %+v %v", list, err)
		}
	})
}

func TestExports(t *testing.T) {
	each(t, func(h *house) {
		h.inv.assets = []vuln.Asset{asset("4.9.1")}
		h.inv.assets[0].Name = "=HYPERLINK(1)"
		h.take(advisory("T-1", "1", "< V5.0.0", "First"))
		h.only("open", "affected")
		for kind, want := range map[string]string{"openvex": `"status": "affected"`, "csaf": `"known_affected"`, "poam": "'=HYPERLINK(1)"} {
			var b strings.Builder
			if err := h.s.Export(h.Context(), auth.System().Scope, kind, "", &b); err != nil || !strings.Contains(b.String(), want) {
				t.Errorf("%s: %v %s", kind, err, b.String())
			}
		}
	})
}

func TestConform(t *testing.T) { storetest.Conform(t, []store.Migrations{vuln.Migrations()}) }
