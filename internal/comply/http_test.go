package comply

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// door is a plant behind HTTP, with three people: one for everything, one who sees only
// the site South, one who may read nothing here.
type door struct {
	*plant
	h http.Handler
	r *rest.Router
}

func newDoor(t *testing.T, db *store.DB) *door {
	p := newPlant(t, db)
	r := rest.New(rest.Config{DB: db, Auth: resttest.People{
		"all":   resttest.Person("editor", everybody, auth.PostureRead, auth.DeclareWrite),
		"south": resttest.Person("reader", auth.Scope{Sites: []int64{p.south.No}}, auth.PostureRead, auth.DeclareWrite),
		"none":  resttest.Person("outsider", auth.Scope{}, auth.PostureRead, auth.DeclareWrite),
	}})
	p.s.Routes(r)
	return &door{p, r.Handler(), r}
}

func (d *door) ask(token, method, path, body string, want int, into any) string {
	d.t.Helper()
	w := resttest.Do(d.t, d.h, method, rest.Prefix+path, token, body)
	if w.Code != want {
		d.t.Fatalf("%s %s as %s: %d, want %d: %s", method, path, token, w.Code, want, w.Body)
	}
	if into != nil {
		if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
			d.t.Fatalf("%s: %v in %s", path, err, w.Body)
		}
	}
	return w.Body.String()
}

func TestDoor(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.sensor(d.north, 31, d.cell, d.scada)
		d.talks(d.north, talk{from: d.office.No, to: d.cell.No, client: "10.9.0.5", server: "10.0.1.1", proto: "rdp", port: 3389})
		d.has(d.north, device{zone: d.cell, ip: "\x1b[31mboom", role: "plc", state: "new", first: 9})
		d.evaluate()

		var p Posture
		d.ask("all", "GET", "/posture", "", 200, &p)
		if len(p.Sites) != 2 || len(p.Areas) != 11 || p.Headline.Total != 71 || len(p.Trend) != 1 || p.Profile.KeyTarget != 4 {
			t.Errorf("posture has %d sites, %d areas, %+v, trend %v", len(p.Sites), len(p.Areas), p.Headline, p.Trend)
		}
		if c := p.Areas[4].Sites[d.south.ID]; c.State != StateUnknown || c.Level != nil {
			t.Errorf("access control at the site without a sensor is %+v", c)
		}
		for _, n := range p.Needs {
			if n.Kind == "blind" && n.SiteID == d.north.ID {
				t.Errorf("North has a sensor, yet %+v", n)
			}
		}

		d.now = d.now.AddDate(0, 0, 1) // so that the day that was judged is a past one
		judged := d.now.AddDate(0, 0, -1).Format(time.DateOnly)

		// What one may not see is in no list, count or cell.
		for _, path := range []string{"/posture", "/posture?as_of=" + judged, "/requirements", "/requirements/5.3", "/checks/remote.bypass/items", "/evidence", "/declarations"} {
			text := d.ask("south", "GET", path, "", 200, nil)
			if strings.Contains(text, d.north.ID) || strings.Contains(text, "North") || strings.Contains(text, "10.9.0.5") {
				t.Errorf("%s tells the reader of South about North: %.300s", path, text)
			}
			want := 200
			if strings.Contains(path, "as_of") {
				want = 404 // nothing of what one sees was judged
			}
			d.ask("none", "GET", path, "", want, nil)
		}
		d.ask("south", "GET", "/requirements?site="+d.north.ID, "", 404, nil)
		resttest.Deny(t, d.r, map[string]auth.Principal{"all": resttest.Person("editor", everybody, auth.PostureRead, auth.DeclareWrite)}, "nothing")

		var q RequirementDetail
		d.ask("all", "GET", "/requirements/6.2b", "", 200, &q)
		if q.ID != "5.3" || len(q.Checks) != 3 || !q.Checks[0].Implemented || q.Checks[0].Sites[d.north.ID].Failed != 1 || len(q.Sites) != 2 {
			t.Errorf("an alias leads to %s with checks %+v", q.ID, q.Checks)
		}
		d.ask("all", "GET", "/requirements/5.99", "", 404, nil)
		var list rest.Page[RequirementItem]
		if d.ask("all", "GET", "/requirements?area=5", "", 200, &list); len(list.Items) != 5 {
			t.Errorf("area 5 lists %d", len(list.Items))
		}

		// Paging covers every row once, failing ones first, and what comes off the wire is printable.
		var seen []string
		for cursor := ""; ; {
			var page rest.Page[Item]
			text := d.ask("all", "GET", "/checks/asset.fields/items?limit=1&cursor="+cursor, "", 200, &page)
			if strings.ContainsRune(text, 0x1b) || strings.Contains(text, `\u001b`) {
				t.Errorf("an escape sequence reaches the answer: %s", text)
			}
			for _, it := range page.Items {
				seen = append(seen, it.Ref.ID)
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if len(seen) != 1 {
			t.Errorf("items %v", seen)
		}
		var items rest.Page[Item]
		d.ask("all", "GET", "/checks/remote.bypass/items?limit=3", "", 200, &items)
		if len(items.Items) != 3 || items.Items[0].Ref.Kind != "zone" || items.Items[1].Ref.ID != fmt.Sprintf("%d.1", d.north.No) || items.Items[1].PartOf != items.Items[0].Ref.ID || items.Items[2].PartOf != "" || items.Next == "" {
			t.Errorf("items %+v", items)
		}
		d.ask("all", "GET", "/checks/no.such/items", "", 404, nil)
		d.ask("all", "GET", "/checks/gov.raci/items", "", 200, &items)
		d.ask("all", "GET", "/checks/remote.bypass/items?cursor=!!", "", 422, nil)
		var ev rest.Page[Evidence]
		d.ask("all", "GET", "/evidence?check=remote.bypass&site="+d.north.ID, "", 200, &ev)
		if len(ev.Items) != 1 || ev.Items[0].Status != Fail || ev.Items[0].Root == "" || ev.Items[0].Cause != "change" {
			t.Errorf("evidence %+v", ev.Items)
		}
		d.ask("all", "GET", "/posture?as_of=yesterday", "", 422, nil)
		d.ask("all", "GET", "/posture?as_of=2020-01-01", "", 404, nil)
		d.ask("all", "GET", "/posture?as_of="+judged, "", 200, &p)
		if len(p.Areas) != 11 || p.Areas[4].Sites[d.north.ID].Why == "" || len(p.Needs) != 0 {
			t.Errorf("as of the day before: %+v", p.Areas)
		}
	})
}

func TestDeclare(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		d := newDoor(t, db)
		d.sensor(d.north, 31, d.cell, d.scada)
		d.evaluate()
		input := func(site, record, until string) string {
			b, _ := json.Marshal(map[string]any{"requirement": "5.3", "record": record, "statement": "One gateway.", "attested_by": "Ane, DSO"})
			var m map[string]any
			_ = json.Unmarshal(b, &m)
			if site != "" {
				m["site"] = site
			}
			if until != "" {
				m["valid_until"] = until
			}
			b, _ = json.Marshal(m)
			return string(b)
		}
		q, _ := d.s.cat.Requirement("5.3")
		record := q.Declared[0].Record
		for name, c := range map[string]struct {
			who, body string
			status    int
			says      string
		}{
			"unknown record": {"all", input("", "a wish", ""), 422, "declare remote access standard"},
			"past":           {"all", input("", record, "2020-01-01T00:00:00Z"), 422, "past"},
			"too long":       {"all", input("", record, "2099-01-01T00:00:00Z"), 422, "12 months"},
			"foreign site":   {"south", input(d.north.ID, record, ""), 404, "no site"},
			"whole company":  {"south", input("", record, ""), 403, "your own sites"},
			"no statement":   {"all", strings.Replace(input("", record, ""), "One gateway.", " ", 1), 422, "statement"},
		} {
			if text := d.ask(c.who, "POST", "/declarations", c.body, c.status, nil); !strings.Contains(text, c.says) {
				t.Errorf("%s: %s does not say %q", name, text, c.says)
			}
		}
		var made DeclarationItem
		d.ask("all", "POST", "/declarations", input("", record, ""), 201, &made)
		d.evaluate()
		if l := d.level("5.3", d.north); l.D != 0 || made.Valid || made.Approval != "waiting" {
			t.Errorf("nobody else has looked at it, yet D is %v: %+v", l.D, made)
		}
		d.approve(made.ID)
		d.evaluate()
		if l := d.level("5.3", d.north); l.D != 1 || l.Level != 2 {
			t.Errorf("the company's declaration gives D %v, level %d at North", l.D, l.Level)
		}
		if l := d.level("5.3", d.south); l.D != 1 || l.Cell.State != StateUnknown || l.Level != 2 {
			t.Errorf("declared, but not measured: %+v", l)
		}
		var list rest.Page[DeclarationItem]
		if d.ask("south", "GET", "/declarations?requirement=5.3", "", 200, &list); len(list.Items) != 1 || list.Items[0].SiteID != nil {
			t.Errorf("a site's reader sees the company's declarations: %+v", list.Items)
		}
		d.ask("south", "DELETE", "/declarations/"+made.ID, "", 403, nil)
		d.ask("none", "DELETE", "/declarations/"+made.ID, "", 404, nil)
		d.ask("all", "DELETE", "/declarations/"+made.ID, "", 204, nil)
		d.ask("all", "DELETE", "/declarations/"+made.ID, "", 409, nil)
		d.evaluate()
		if l := d.level("5.3", d.north); l.Level != 1 {
			t.Errorf("withdrawn, yet level %d", l.Level)
		}
		// It runs out by itself.
		d.declareAll("5.3", d.north.ID)
		d.now = d.now.AddDate(1, 0, 2)
		d.evaluate()
		if l := d.level("5.3", d.north); l.D != 0 {
			t.Errorf("a year later D is %v", l.D)
		}
		type entry struct {
			Action string `db:"action"`
			Actor  string `db:"actor"`
		}
		var entries []entry
		err := db.View(t.Context(), func(r store.Reader) (err error) {
			entries, err = store.All[entry](t.Context(), r, "SELECT action, actor FROM audit_entry WHERE action LIKE 'declaration.%' OR action = 'record.approve' ORDER BY seq")
			return err
		})
		want := []entry{{"declaration.make", "user-editor"}, {"record.approve", "u2"}, {"declaration.withdraw", "user-editor"}, {"record.approve", "u2"}}
		if err != nil || !slices.Equal(entries, want) {
			t.Errorf("audit %v, %v", entries, err)
		}
	})
}

// Evidence is written on change and once a day, equal sets once, and a changed row is found.
func TestEvidence(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.sensor(p.north, 31, p.cell, p.scada)
		p.has(p.north, device{zone: p.cell, ip: "10.0.1.1", role: "plc", state: "accepted", vendor: "Siemens", first: 40})
		count := func() int {
			n, err := 0, error(nil)
			_ = db.View(t.Context(), func(r store.Reader) error {
				n, err = store.One[int](t.Context(), r, "SELECT COUNT(*) FROM comply_evidence")
				return err
			})
			return n
		}
		first := p.evaluate()
		if first.Evidence != 2*len(relations()) || count() != first.Evidence {
			t.Fatalf("first run wrote %d, table has %d, want %d", first.Evidence, count(), 2*len(relations()))
		}
		p.now = p.now.Add(time.Minute)
		if rep := p.evaluate(); rep.Evidence != 0 || rep.Levels != 0 {
			t.Errorf("nothing changed, yet %+v", rep)
		}
		p.has(p.north, device{zone: p.cell, ip: "10.0.1.2", role: "plc", state: "accepted", first: 40})
		if rep := p.evaluate(); rep.Evidence < 3 || rep.Evidence > 12 {
			t.Errorf("one more device wrote %+v", rep)
		}
		p.now = p.now.AddDate(0, 0, 1)
		if rep := p.evaluate(); rep.Evidence < 2*len(relations()) {
			t.Errorf("the next day's heartbeat wrote %+v", rep)
		}
		verify := func() Verified {
			var v Verified
			err := db.View(t.Context(), func(r store.Reader) (err error) { v, err = VerifyEvidence(t.Context(), r); return err })
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if v := verify(); v.Err() != nil || v.Sets == 0 || v.Runs < 3 {
			t.Fatalf("%+v", v)
		}
		for name, c := range map[string]struct{ break_, mend, says string }{
			"a changed answer": {"UPDATE comply_evidence SET failed = failed + 1 WHERE position = 3", "UPDATE comply_evidence SET failed = failed - 1 WHERE position = 3", "was changed"},
			"a moved root":     {"UPDATE comply_run SET root = 'a' || root", "UPDATE comply_run SET root = SUBSTR(root, 2)", "does not follow"},
			"a removed run":    {"UPDATE comply_run SET run_id = 'x' || run_id", "UPDATE comply_run SET run_id = SUBSTR(run_id, 2)", "gone"},
			"a forged set":     {"UPDATE comply_items SET hash = 'x' || hash", "UPDATE comply_items SET hash = SUBSTR(hash, 2)", "set of items"},
			"a root not in the audit log": {
				"UPDATE audit_entry SET root = 'b' || root WHERE action = 'evidence.run'",
				"UPDATE audit_entry SET root = SUBSTR(root, 2) WHERE action = 'evidence.run'", "audit log has another root",
			},
		} {
			p.exec(c.break_)
			v := verify()
			if !strings.Contains(strings.Join(v.Damage, "\n"), c.says) || v.Err() == nil {
				t.Errorf("%s is not found: %q", name, v.Damage)
			}
			p.exec(c.mend)
		}
		if v := verify(); v.Err() != nil {
			t.Errorf("mended, yet %q", v.Damage)
		}
		n, err := 0, error(nil)
		_ = db.View(t.Context(), func(r store.Reader) error {
			n, err = store.One[int](t.Context(), r, "SELECT COUNT(*) FROM audit_entry WHERE action = 'evidence.run' AND root <> ''")
			return err
		})
		if v := verify(); n != v.Runs || err != nil {
			t.Errorf("%d roots in the audit log of %d runs", n, v.Runs)
		}
	})
}
