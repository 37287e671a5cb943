package comply

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
	"github.com/skanse/skanse/internal/vuln"
	"github.com/skanse/skanse/internal/vuln/match"
)

// shelf is the inventory as matching sees it.
type shelf struct{}

func (shelf) Stated(ctx context.Context, r store.Reader, after string, limit int) ([]vuln.Asset, error) {
	type row struct {
		ID       string `db:"asset_id"`
		SiteNo   int64  `db:"site_no"`
		Vendor   string `db:"vendor"`
		Model    string `db:"model"`
		Firmware string `db:"firmware"`
		Critical int64  `db:"criticality"`
	}
	rows, err := store.All[row](ctx, r, "SELECT asset_id, site_no, vendor, model, firmware, criticality FROM asset_asset WHERE asset_id > ? AND vendor = 'Acme' ORDER BY asset_id LIMIT ?", after, limit)
	var out []vuln.Asset
	for _, x := range rows {
		out = append(out, vuln.Asset{ID: x.ID, SiteNo: x.SiteNo, Name: x.Model, Criticality: x.Critical, Stated: match.Asset{Vendor: x.Vendor, Model: x.Model, Version: x.Firmware}})
	}
	return out, err
}

func (shelf) Reaches(context.Context, store.Reader, time.Time) (map[string]vuln.Reach, error) {
	return map[string]vuln.Reach{}, nil
}

// The checks of area 8 and of assets' patch state, from nothing known over at target to broken, through import, matching and decisions.
func TestVulnChecks(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.person("u1", "Ane")
		p.person("u2", "Bo")
		tables, err := match.Load(catalog.Files)
		if err != nil {
			t.Fatal(err)
		}
		s := vuln.New(db, vuln.Config{Tables: tables, Inventory: shelf{}, Clock: func() time.Time { return p.now }})
		plc := p.has(p.north, device{zone: p.cell, ip: "10.0.1.1", vendor: "Acme", role: "plc", state: "accepted", first: 40, criticality: 4})
		stated := func(model, firmware string) {
			p.exec("UPDATE asset_asset SET model = ?, firmware = ?, identified = (1 = 1) WHERE asset_id = ?", model, firmware, plc)
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		take := func(versions string) {
			imp := s.Take("acme")
			if err := imp.Document(t.Context(), "a.json", []byte(fmt.Sprintf(`{"document":{"title":"Armatron","publisher":{"name":"Acme"},"tracking":{"id":"A-1","version":"1"}},
"product_tree":{"branches":[{"category":"vendor","name":"Acme","branches":[{"category":"product_name","name":"Armatron 500","branches":[{"category":"product_version_range","name":%q,"product":{"name":"Armatron 500","product_id":"P"}}]}]}]},
"vulnerabilities":[{"cve":"CVE-2026-1000","product_status":{"known_affected":["P"]},"scores":[{"cvss_v3":{"baseScore":9.8}}],"remediations":[{"category":"vendor_fix","details":"Update to V5.0.0","product_ids":["P"]}]}]}`, versions))); err != nil {
				t.Fatal(err)
			}
			if _, err := imp.Finish(t.Context(), "csaf", "Acme", "", "hand"); err != nil {
				t.Fatal(err)
			}
			if err := s.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		want := func(step string, status Verdict, checks ...string) {
			t.Helper()
			p.evaluate()
			for _, check := range checks {
				if a := p.answer(check, p.north); a.Status != status {
					t.Errorf("%s: %s is %s with %d passed, %d failed, %d unknown (%s); want %s", step, check, a.Status, a.Passed, a.Failed, a.Unknown, a.Reason, status)
				}
			}
		}
		finding := func() vuln.Finding {
			t.Helper()
			page, err := s.Findings(t.Context(), auth.System().Scope, vuln.Filter{})
			if err != nil || len(page.Items) != 1 {
				t.Fatalf("%+v %v", page.Items, err)
			}
			return page.Items[0]
		}
		decide := func(d vuln.Decision) {
			t.Helper()
			f := finding()
			if err := s.Decide(t.Context(), auth.System().Scope, "Ane", f.ID, d, f.ETag); err != nil {
				t.Fatal(err)
			}
		}

		stated("Armatron 500", "5.0.0")
		want("no advisory", Unknown, "vuln.sources", "vuln.matched", "patch.known", "vuln.sla", "vuln.late", "patch.priority", "defer.decided", "defer.expired", "asset.eol_plan", "mw.capacity", "defer.proven")
		take("< V5.0.0")
		want("the version is fixed", Pass, "vuln.sources", "vuln.matched", "patch.known", "vuln.sla", "vuln.late", "patch.priority", "defer.decided", "defer.expired", "mw.capacity", "defer.proven")

		stated("Armatron 500", "")
		want("the version is not known", Fail, "patch.known")
		stated("Armatron 500", "4.1.0")
		want("an urgent finding is new", Pass, "patch.known", "vuln.late")
		want("there is still time", Unknown, "vuln.sla", "patch.priority")
		want("an hour of work, and no window", Fail, "mw.capacity")
		window := p.keep(record.Draft{Type: "maintenance-window", Title: "Monday", Site: p.north.ID, ValidFrom: p.now.Add(time.Hour), ValidUntil: p.now.Add(2 * time.Hour)}, record.Move{Transition: "agree"})
		want("a window of an hour", Pass, "mw.capacity")
		p.exec("UPDATE record_record SET data = ? WHERE record_id = ?", store.JSON[map[string]any]{V: map[string]any{"capacity": 0.5}}, window.ID)
		want("in which half an hour of work fits", Fail, "mw.capacity")
		p.exec("UPDATE record_record SET data = ? WHERE record_id = ?", store.JSON[map[string]any]{V: map[string]any{"capacity": 0.5, "recurring": true, "weekdays": []string{"tue", "sat"}}}, window.ID)
		want("twice a week", Pass, "mw.capacity")
		p.now = p.now.AddDate(0, 0, 8)
		want("nobody decided in a week, and the window has passed", Fail, "vuln.sla", "patch.priority", "vuln.sources", "vuln.matched")
		p.now = p.now.AddDate(0, 0, 30)
		want("past the limit", Fail, "vuln.late")

		until := p.now.AddDate(0, 0, 20)
		exc := p.keep(record.Draft{Type: "exception", Title: "Until June", Asset: plc, Data: map[string]any{"kind": "exception", "check": "vuln.late", "why": "No spare part"}})
		decide(vuln.Decision{Action: "defer", Reason: "the port is closed", Exception: exc.ID, Until: &until})
		want("deferred, and the exception is not approved", Fail, "defer.decided")
		want("it is no longer late", Pass, "vuln.late", "defer.expired")
		p.exec("UPDATE record_record SET state = 'approved' WHERE record_id = ?", exc.ID)
		want("the risk is accepted", Pass, "defer.decided")
		want("nothing says what the wire could confirm", Unknown, "defer.proven")
		proof := func(kind, of string) {
			p.exec("UPDATE record_record SET data = ? WHERE record_id = ?", store.JSON[map[string]any]{V: map[string]any{"kind": "exception", "check": "vuln.late", "why": "No spare part", "proof": kind, "proof_of": of}}, exc.ID)
		}
		proof("port", "502")
		want("nobody listened", Unknown, "defer.proven")
		p.sensor(p.north, 31, p.cell)
		want("the port is closed to other zones", Pass, "defer.proven")
		p.talks(p.north, talk{from: p.cell.No, to: p.cell.No, client: "10.0.1.9", server: "10.0.1.1", proto: "modbus", port: 502})
		p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.0.9.9", server: "10.0.1.1", proto: "modbus", port: 502, old: true})
		p.talks(p.north, talk{from: p.office.No, to: p.cell.No, client: "10.0.9.9", server: "10.0.1.1", proto: "http", port: 80})
		want("from its own zone, long ago, or elsewhere", Pass, "defer.proven")
		proof("alone", "")
		want("somebody reaches it", Fail, "defer.proven")
		proof("protocol", "HTTP")
		want("it is spoken", Fail, "defer.proven")
		proof("protocol", "ftp")
		want("it is not", Pass, "defer.proven")
		p.exec("UPDATE record_record SET state = 'expired' WHERE record_id = ?", exc.ID)
		want("it ran out", Fail, "defer.expired", "defer.decided")

		p.exec("UPDATE asset_asset SET end_of_support = ? WHERE asset_id = ?", store.At(p.now.AddDate(1, 0, 0)), plc)
		want("supported for a year", Pass, "asset.eol_plan")
		p.now = p.now.AddDate(1, 0, 1)
		want("out of support", Fail, "asset.eol_plan")
		p.keep(record.Draft{Type: "action", Title: "Replace it", Asset: plc, Data: map[string]any{"text": "Order a new one"}})
		want("with a plan", Pass, "asset.eol_plan")
	})
}
