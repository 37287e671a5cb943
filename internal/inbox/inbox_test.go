package inbox

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC) // a Monday

func allSlices() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), Migrations()}
}

// desk is a company with two sites and the people who work there.
type desk struct {
	t            *testing.T
	db           *store.DB
	s            *Service
	now          time.Time
	company      org.Entity
	north, south org.Site
	people       map[string]auth.Principal
	auth         *auth.Service
}

func newDesk(t *testing.T, db *store.DB) *desk {
	t.Helper()
	d := &desk{t: t, db: db, now: noon, people: map[string]auth.Principal{}}
	d.s = New(db, Config{Clock: func() time.Time { return d.now }, Picture: func(_ context.Context, _ auth.Scope, siteID string, _, _ time.Time) (json.RawMessage, error) {
		return json.Marshal(map[string]string{"site": siteID})
	}})
	o := org.New(db, nil)
	all := auth.Scope{All: true}
	var err error
	if d.company, err = o.CreateEntity(t.Context(), all, org.Entity{Name: "Havnen", Profile: "important"}); err != nil {
		t.Fatal(err)
	}
	for _, s := range []struct {
		name string
		to   *org.Site
	}{{"North", &d.north}, {"South", &d.south}} {
		if *s.to, err = o.CreateSite(t.Context(), all, org.Site{EntityID: d.company.ID, Name: s.name, TZ: "Europe/Copenhagen"}); err != nil {
			t.Fatal(err)
		}
	}
	if d.auth, err = auth.New(t.Context(), db, auth.Config{Now: func() time.Time { return d.now }}); err != nil {
		t.Fatal(err)
	}
	d.hire("dora", auth.DSO, nil)
	d.hire("lena", auth.SiteOTLead, &d.north)
	d.hire("ulf", auth.SiteOTLead, &d.south)
	d.hire("erik", auth.OTEngineer, &d.north)
	d.hire("sam", auth.ShiftLeader, &d.north)
	d.hire("adam", auth.Administrator, nil)
	return d
}

func (d *desk) hire(id, role string, at *org.Site) {
	d.t.Helper()
	u := auth.User{ID: id, Name: strings.ToUpper(id[:1]) + id[1:], Email: id + "@havnen.example", Role: role, SeesAll: at == nil}
	scope := auth.Scope{All: at == nil}
	if at != nil {
		u.Sites, scope.Sites = []string{at.ID}, []int64{at.No}
	}
	if err := d.db.Update(d.t.Context(), func(tx *store.Tx) error { _, err := d.auth.AddUser(d.t.Context(), tx, u); return err }); err != nil {
		d.t.Fatal(err)
	}
	roles, err := d.auth.Roles(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	p := auth.Principal{UserID: id, Name: u.Name, Role: role, Scope: scope}
	for _, r := range roles {
		if r.ID == role {
			p.Permissions = auth.Grant(append(r.Permissions, auth.Self)...)
		}
	}
	d.people[id] = p
}

func (d *desk) put(items ...Item) {
	d.t.Helper()
	if err := d.db.Update(d.t.Context(), func(tx *store.Tx) error { return Put(d.t.Context(), tx, d.now, items...) }); err != nil {
		d.t.Fatal(err)
	}
}

// sees lists the titles that a person's list holds.
func (d *desk) sees(who string, f Filter) []string {
	d.t.Helper()
	page, err := d.s.List(d.t.Context(), d.people[who], f)
	if err != nil {
		d.t.Fatal(err)
	}
	titles := []string{}
	for _, e := range page.Items {
		titles = append(titles, e.Title)
	}
	return titles
}

func (d *desk) id(title string) string {
	d.t.Helper()
	page, err := d.s.List(d.t.Context(), d.people["dora"], Filter{Whose: "all", State: "any"})
	if err != nil {
		d.t.Fatal(err)
	}
	for _, e := range page.Items {
		if e.Title == title {
			return e.ID
		}
	}
	d.t.Fatalf("there is no item %q", title)
	return ""
}

func (d *desk) want(what string, got []string, want ...string) {
	d.t.Helper()
	if !slices.Equal(got, want) {
		d.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// reached are those whom a carrier of mail would write to.
func (d *desk) reached(key string) []string {
	d.t.Helper()
	ids := []string{}
	if err := d.db.View(d.t.Context(), func(r store.Reader) error {
		as, err := Addressees(d.t.Context(), r, d.now, key)
		for _, a := range as {
			ids = append(ids, a.UserID)
		}
		return err
	}); err != nil {
		d.t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

func (d *desk) ask(key string, at org.Site, role, user string) Item {
	return Item{Key: key, Kind: "test", SiteNo: at.No, Role: role, UserID: user, Severity: Today, Title: key, Ref: ot.Ref{Kind: "asset", ID: key}, Action: ActionLook, Due: d.now.Add(time.Hour)}
}

func (d *desk) ok(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) refused(what string, err error, code ot.Code) {
	d.t.Helper()
	if ot.CodeOf(err) != code {
		d.t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestWhoSeesWhat(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		d.put(d.ask("north role", d.north, auth.SiteOTLead, ""), d.ask("south role", d.south, auth.SiteOTLead, ""), d.ask("erik", d.north, "", "erik"))
		d.put(Item{Key: "company", Kind: "test", EntityID: d.company.ID, Role: auth.DSO, Severity: ThisWeek, Title: "company", Action: ActionLook},
			Item{Key: "installation", Kind: "test", Role: auth.Administrator, Severity: Now, Title: "installation", Action: ActionLook})

		d.want("the lead of north", d.sees("lena", Filter{}), "north role")
		d.want("what others are asked, within one site", d.sees("lena", Filter{Whose: "all"}), "north role", "erik", "company")
		d.want("the lead of south", d.sees("ulf", Filter{Whose: "all"}), "south role", "company")
		d.want("a foreign site by name", d.sees("ulf", Filter{Whose: "all", Site: d.north.ID}))
		d.want("who is asked in person", d.sees("erik", Filter{Whose: "me"}), "erik")
		d.want("an engineer asks for all", d.sees("erik", Filter{Whose: "all"}), "erik")
		d.want("a shift leader", d.sees("sam", Filter{Whose: "all"}))
		d.want("the officer", d.sees("dora", Filter{}), "company")
		d.want("all, the most severe first", d.sees("dora", Filter{Whose: "all"}), "installation", "north role", "south role", "erik", "company")
		d.want("by severity", d.sees("dora", Filter{Whose: "all", Severity: "now"}), "installation")
		d.want("mail for a role", d.reached("north role"), "lena")
		d.want("mail for the installation", d.reached("installation"), "adam")

		north := d.id("north role")
		if _, err := d.s.Detail(t.Context(), d.people["ulf"], north); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("a foreign item by its id: %v", err)
		}
		for what, err := range map[string]error{
			"see":       d.s.Seen(t.Context(), d.people["ulf"], north),
			"answer":    d.s.Answer(t.Context(), d.people["ulf"], north, "x"),
			"snooze":    d.s.Snooze(t.Context(), d.people["ulf"], north, d.now.Add(time.Hour), "x"),
			"hand over": d.s.HandOver(t.Context(), d.people["ulf"], north, "lena", ""),
		} {
			d.refused(what+" of a foreign item", err, ot.NotFound)
		}
		c, err := d.s.Count(t.Context(), d.people["lena"])
		d.ok(err)
		if c.Mine != 1 || c.Role != 1 || c.Me != 0 || c.All != 3 || c.Sites[d.south.ID] != 0 || c.Kinds["test"] != 3 || c.Unseen != 1 {
			t.Errorf("counts of the lead: %+v", c)
		}
		d.ok(d.s.Seen(t.Context(), d.people["lena"], north))
		if c, _ = d.s.Count(t.Context(), d.people["lena"]); c.Unseen != 0 {
			t.Errorf("seen and still unseen: %+v", c)
		}
		full, err := d.s.Detail(t.Context(), d.people["dora"], north)
		d.ok(err)
		if len(full.Receipts) != 1 || full.Receipts[0].Name != "Lena" || !full.Receipts[0].At.Equal(noon) || len(full.Asked) != 1 {
			t.Errorf("receipts %+v, asked %+v", full.Receipts, full.Asked)
		}
	})
}

// Where nobody has the role that is asked, an item is not lost.
func TestRoleWithoutPeople(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		d.put(d.ask("south engineer", d.south, auth.OTEngineer, ""), d.ask("north engineer", d.north, auth.OTEngineer, ""))
		d.want("the officer looks after what nobody can", d.sees("dora", Filter{}), "south engineer")
		d.want("so does the administrator", d.sees("adam", Filter{}), "south engineer")
		d.want("the engineer", d.sees("erik", Filter{}), "north engineer")
	})
}

func TestPutAgain(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		events := func() (n int64) {
			d.ok(db.View(t.Context(), func(r store.Reader) (err error) {
				n, err = store.One[int64](t.Context(), r, "SELECT COUNT(*) FROM bus_event WHERE topic = 'inbox'")
				return err
			}))
			return n
		}
		a := d.ask("a", d.north, auth.SiteOTLead, "")
		d.put(a)
		d.put(a)
		if n := events(); n != 1 {
			t.Errorf("the same again is no news: %d events", n)
		}
		d.ok(d.s.HandOver(t.Context(), d.people["lena"], d.id("a"), "erik", "you know it"))
		a.Title = "a, now worse"
		d.put(a)
		d.want("asked again, it stays with whom it was given to", d.sees("erik", Filter{}), "a, now worse")
		d.want("and not with the role", d.sees("lena", Filter{}))
		d.ok(d.s.Answer(t.Context(), d.people["erik"], d.id("a, now worse"), "mended"))
		d.want("answered", d.sees("erik", Filter{}))
		d.want("and still to be found", d.sees("erik", Filter{State: "done", Whose: "all"}), "a, now worse")
		d.now = d.now.Add(time.Hour)
		d.put(a)
		d.want("asked anew, the role is asked", d.sees("lena", Filter{}), "a, now worse")
		full, err := d.s.Detail(t.Context(), d.people["lena"], d.id("a, now worse"))
		d.ok(err)
		var kinds []string
		for _, s := range full.Steps {
			kinds = append(kinds, s.Kind)
		}
		if !slices.Equal(kinds, []string{"handed", "answered", "reopened"}) || full.Comment != "" || !full.OpenedAt.Equal(d.now) {
			t.Errorf("steps %v, %+v", kinds, full.Entry)
		}
	})
}

func TestKeep(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		keep := func(items ...Item) {
			d.ok(db.Update(t.Context(), func(tx *store.Tx) error { return Keep(t.Context(), tx, d.now, "end:", "over", items) }))
		}
		d.put(d.ask("other", d.north, auth.SiteOTLead, ""))
		keep(d.ask("end:1", d.north, auth.SiteOTLead, ""), d.ask("end:2", d.north, auth.SiteOTLead, ""))
		keep(d.ask("end:2", d.north, auth.SiteOTLead, ""))
		d.want("what is left", d.sees("lena", Filter{}), "other", "end:2")
		keep()
		d.want("what is left", d.sees("lena", Filter{}), "other")
	})
}

func TestAnswers(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		own, question := d.ask("decide it", d.north, auth.SiteOTLead, ""), d.ask("question", d.north, "", "lena")
		own.Action, question.Action, question.Severity = ActionDecide, ActionAnswer, Now
		d.put(own, question)
		lena := d.people["lena"]
		d.refused("a word for a decision", d.s.Answer(t.Context(), lena, d.id("decide it"), "ok"), ot.Invalid)
		d.refused("no answer to a question", d.s.Answer(t.Context(), lena, d.id("question"), ""), ot.Invalid)
		d.refused("an urgent one put aside for a day", d.s.Snooze(t.Context(), lena, d.id("question"), d.now.Add(24*time.Hour), "later"), ot.Invalid)
		d.refused("without a reason", d.s.Snooze(t.Context(), lena, d.id("decide it"), d.now.Add(time.Hour), ""), ot.Invalid)
		d.refused("into the past", d.s.Snooze(t.Context(), lena, d.id("decide it"), d.now.Add(-time.Hour), "x"), ot.Invalid)
		d.ok(d.s.Snooze(t.Context(), lena, d.id("decide it"), d.now.Add(30*time.Minute), "the lorry is here"))
		d.want("put aside", d.sees("lena", Filter{}), "question")
		d.want("and listed as such", d.sees("lena", Filter{State: "snoozed"}), "decide it")
		d.now = d.now.Add(31 * time.Minute)
		d.want("back", d.sees("lena", Filter{}), "question", "decide it")
		d.refused("to somebody who cannot see it", d.s.HandOver(t.Context(), lena, d.id("question"), "ulf", ""), ot.Invalid)
		d.ok(d.s.Answer(t.Context(), lena, d.id("question"), "it is the new scale"))
		d.refused("twice", d.s.Answer(t.Context(), lena, d.id("question"), "x"), ot.Conflict)
	})
}

func TestPages(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		d := newDesk(t, db)
		for i, name := range []string{"e", "d", "c", "b", "a"} {
			x := d.ask(name, d.north, auth.SiteOTLead, "")
			x.Severity, x.Due = Severity(1+i%2), d.now.Add(time.Duration(5-i)*time.Hour)
			if name == "c" {
				x.Due = time.Time{} // sorts after what is due
			}
			d.put(x)
		}
		for _, state := range []string{"", "any"} {
			var all []string
			f := Filter{Limit: 2, State: state}
			for range 4 {
				page, err := d.s.List(t.Context(), d.people["lena"], f)
				d.ok(err)
				for _, e := range page.Items {
					all = append(all, e.Title)
				}
				if f.Cursor = page.Next; f.Cursor == "" {
					break
				}
			}
			if state == "" {
				d.want("page by page", all, "a", "e", "c", "b", "d")
			} else if slices.Sort(all); len(slices.Compact(all)) != 5 {
				t.Errorf("state %s: %v", state, all)
			}
		}
	})
}
