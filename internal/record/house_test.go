package record

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func tables() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), inbox.Migrations(), Migrations()}
}

// house is a company with two sites and people, and the records behind their door.
type house struct {
	t      testing.TB
	db     *store.DB
	s      *Service
	r      *rest.Router
	h      http.Handler
	people resttest.People
	entity org.Entity
	home   org.Site
	other  org.Site
	zone   org.Zone
	now    time.Time
}

func newHouse(t testing.TB, db *store.DB, files fs.FS) *house {
	t.Helper()
	h := &house{t: t, db: db, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	a, err := auth.New(t.Context(), db, auth.Config{Argon2id: auth.Argon2id{Time: 1, Memory: 64, Threads: 1}, SealKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	all := auth.Scope{All: true}
	o := org.New(db, nil)
	if h.entity, err = o.CreateEntity(t.Context(), all, org.Entity{Name: "Nordvand"}); err != nil {
		t.Fatal(err)
	}
	if h.home, err = o.CreateSite(t.Context(), all, org.Site{EntityID: h.entity.ID, Name: "Aarhus", TZ: "Europe/Copenhagen"}); err != nil {
		t.Fatal(err)
	}
	if h.other, err = o.CreateSite(t.Context(), all, org.Site{EntityID: h.entity.ID, Name: "Malmö", TZ: "Europe/Stockholm"}); err != nil {
		t.Fatal(err)
	}
	if h.zone, err = o.CreateZone(t.Context(), all, h.home.ID, org.Zone{Name: "Filling", Level: "1", OT: true}); err != nil {
		t.Fatal(err)
	}
	roles, err := a.Roles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.people = resttest.People{}
	add := func(name, role string, scope auth.Scope) {
		p := auth.Principal{UserID: "u-" + name, Name: name, Role: role, Scope: scope}
		for _, r := range roles {
			if r.ID == role {
				p.Permissions = auth.Grant(append(r.Permissions, auth.Self)...)
			}
		}
		h.people[name] = p
		h.exec("INSERT INTO auth_user (user_id, name, email, password, role, sees_all, disabled, created_at) VALUES (?, ?, ?, '', ?, ?, ?, ?)", p.UserID, name, name+"@example.com", role, scope.All, false, store.At(h.now))
	}
	site := auth.Scope{Sites: []int64{h.home.No}}
	add("admin", auth.Administrator, all)
	add("dso", auth.DSO, auth.Scope{Entities: []string{h.entity.ID}})
	add("lead", auth.SiteOTLead, site)
	add("lead2", auth.SiteOTLead, site)
	add("engineer", auth.OTEngineer, site)
	add("reader", auth.Reader, site)
	add("management", auth.Management, auth.Scope{Entities: []string{h.entity.ID}})
	add("malmo", auth.SiteOTLead, auth.Scope{Sites: []int64{h.other.No}})
	add("vendor", auth.Vendor, site)
	if h.s, err = New(db, Config{Files: files, Dir: t.TempDir(), Behaviours: Own(), Clock: func() time.Time { return h.now }}); err != nil {
		t.Fatal(err)
	}
	h.mount()
	return h
}

func (h *house) mount() {
	h.r = rest.New(rest.Config{DB: h.db, Auth: h.people})
	h.s.Routes(h.r)
	h.h = h.r.Handler()
}

func (h *house) exec(text string, args ...any) {
	h.t.Helper()
	if err := h.db.Update(h.t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(h.t.Context(), text, args...); return err }); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) do(who, method, path, body string, header ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	return resttest.Do(h.t, h.h, method, rest.Prefix+path, who, body, header...)
}

// want sends a request and fails on another status; the answer's JSON goes into out.
func (h *house) want(status int, who, method, path string, body, out any, header ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	text, ok := body.(string)
	if !ok && body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			h.t.Fatal(err)
		}
		text = string(b)
	}
	w := h.do(who, method, path, text, header...)
	if w.Code != status {
		h.t.Fatalf("%s %s as %s: %d, want %d: %s", method, path, who, w.Code, status, w.Body)
	}
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			h.t.Fatalf("%s %s: %v in %s", method, path, err, w.Body)
		}
	}
	return w
}

type m = map[string]any

// seen is what tests read of a record.
type seen struct {
	ID, Ref, Title, State, Approval string
	Version                         int64
	Data                            m
	Overdue                         bool
	ReviewAt                        *time.Time `json:"review_at"`
	SecondDue                       *time.Time `json:"second_due"`
	ClosedAt                        *time.Time `json:"closed_at"`
	Transitions                     []struct {
		ID      string
		Allowed bool
		WhyNot  string `json:"why_not"`
		Needs   []string
	}
	Links []struct {
		ID, Rel, Title string
		Inverse        bool
		To             struct{ Kind, ID, Label, State string }
	}
	Approvals []struct {
		State, Text, Profile string
		Version              int64
		Votes                []struct {
			Decision, Outside string
			By                Name
		}
	}
	Attachments []Attachment
	Comments    []Comment
	MayApprove  bool   `json:"may_approve"`
	MayNotWhy   string `json:"may_not_why"`
	Names       map[string]string
}

func (h *house) create(who string, body m) seen {
	h.t.Helper()
	var out seen
	h.want(201, who, "POST", "/records", body, &out)
	return out
}

func (h *house) get(who, id string) seen {
	h.t.Helper()
	var out seen
	h.want(200, who, "GET", "/records/"+id, nil, &out)
	return out
}

// move makes a transition at the record's present version.
func (h *house) move(status int, who, id, transition string, more m) seen {
	h.t.Helper()
	body := m{"transition": transition}
	for k, v := range more {
		body[k] = v
	}
	var out seen
	h.want(status, who, "POST", "/records/"+id+"/transition", body, &out, "If-Match", "*")
	return out
}

func (h *house) decide(status int, who, id string, body m) seen {
	h.t.Helper()
	var out seen
	h.want(status, who, "POST", "/records/"+id+"/approval", body, &out)
	return out
}

func (h *house) finding(who, title string) seen {
	h.t.Helper()
	return h.create(who, m{"type": "finding", "title": title, "site": h.home.ID, "data": m{"text": "Seen on the wire.", "severity": "high"}})
}

func each(t *testing.T, fn func(t *testing.T, h *house)) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) { fn(t, newHouse(t, db, nil)) })
}

// row is what tests read of a record in a list.
type row struct {
	ID, Ref, Title, State, Approval string
	Data                            m
	Overdue                         bool
	Links, Attachments, Comments    int
}
