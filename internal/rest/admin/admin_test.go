package admin_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/admin"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

const good = "correct horse battery"

// house is a whole platform on one database.
type house struct {
	t    *testing.T
	db   *store.DB
	auth *auth.Service
	log  *audit.Log
	r    *rest.Router
	h    http.Handler
}

func tables() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations()}
}

func newHouse(t *testing.T, db *store.DB) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	a, err := auth.New(t.Context(), db, auth.Config{Argon2id: auth.Argon2id{Time: 1, Memory: 64, Threads: 1}, SealKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.LoadKey(filepath.Join(t.TempDir(), "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, db: db, auth: a, log: audit.New(db, key, log)}
	h.r = rest.New(rest.Config{DB: db, Auth: a, Log: log, Version: "test"})
	admin.New(admin.Config{
		DB: db, Auth: a, Org: org.New(db, bus.Announcer(ot.TopicOrg)), Audit: h.log, Version: "test",
		Overview: func(_ context.Context, s auth.Scope) (map[int64]admin.Overview, error) {
			n := int64(7)
			return map[int64]admin.Overview{1: {Assets: &n}}, nil
		},
	}).Routes(h.r)
	h.h = h.r.Handler()
	return h
}

// do sends a request and wants a status; it returns the answer as a map.
func (h *house) do(method, path, token, body string, want int) map[string]any {
	h.t.Helper()
	w := h.raw(method, path, token, body)
	if w.Code != want {
		h.t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, want, w.Body)
	}
	out := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			h.t.Fatalf("%s %s: %v: %s", method, path, err, w.Body)
		}
	}
	return out
}

func (h *house) raw(method, path, token, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	return resttest.Do(h.t, h.h, method, rest.Prefix+path, token, body)
}

func sessionCookie(t *testing.T, w *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	for _, c := range w.Result().Cookies() {
		if c.Name == rest.CookieName {
			return c
		}
	}
	t.Fatalf("no session cookie: %d %s", w.Code, w.Body)
	return nil
}

// setUp walks the first set-up as the page does, and returns the administrator's token.
func (h *house) setUp() string {
	h.t.Helper()
	token, err := h.auth.SetupToken(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	w := h.raw("POST", "/setup", "", fmt.Sprintf(`{"token":%q,"name":"Ada","email":"ada@example.com","password":%q,"company":"Nordvand","site":"Aarhus"}`, token, good))
	if w.Code != 200 {
		h.t.Fatalf("set-up: %d %s", w.Code, w.Body)
	}
	return sessionCookie(h.t, w).Value
}

func items(v map[string]any) []map[string]any {
	var out []map[string]any
	for _, x := range v["items"].([]any) {
		out = append(out, x.(map[string]any))
	}
	return out
}

func TestFirstDay(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		if st := h.do("GET", "/session", "", "", 200); st["setup_needed"] != true || st["user"] != nil || st["version"] != "test" {
			t.Errorf("before set-up: %v", st)
		}
		h.do("POST", "/setup", "", `{"token":"wrong","name":"Eve","email":"eve@example.com","password":"correct horse battery","company":"X","site":"Y"}`, 401)
		ada := h.setUp()
		if st := h.do("GET", "/session", ada, "", 200); st["setup_needed"] != false || st["user"].(map[string]any)["role"] != "administrator" {
			t.Errorf("after set-up: %v", st)
		}
		h.do("POST", "/session", "", fmt.Sprintf(`{"email":"ada@example.com","password":%q}`, good), 200) // elsewhere
		if got := items(h.do("GET", "/sessions", ada, "", 200)); len(got) != 2 || got[0]["current"] == got[1]["current"] {
			t.Errorf("one of two sessions is the one that asks: %v", got)
		}
		sites := items(h.do("GET", "/sites", ada, "", 200))
		if len(sites) != 1 || sites[0]["name"] != "Aarhus" || sites[0]["entity"] != "Nordvand" || sites[0]["assets"] != 7.0 || sites[0]["heard_at"] != nil {
			t.Errorf("sites %v", sites)
		}
		site := sites[0]["id"].(string)
		made := h.do("POST", "/sites/"+site+"/zones", ada, `{"name":"Filters","level":"1","ot":true}`, 201)
		zone := made["id"].(string)
		h.do("PUT", "/sites/"+site+"/subnets", ada, fmt.Sprintf(`{"items":[{"prefix":"10.1.0.0/16","zone_id":%q}]}`, zone), 200)
		for _, want := range []int{http.StatusOK, http.StatusPreconditionFailed} { // the second time it is another version
			if w := resttest.Do(h.t, h.h, "PATCH", rest.Prefix+"/zones/"+zone, ada, `{"sl_t":3}`, "If-Match", made["etag"].(string)); w.Code != want {
				t.Errorf("with the version as it was made: %d, want %d", w.Code, want)
			}
		}
		if z := items(h.do("GET", "/sites/"+site+"/zones", ada, "", 200)); z[0]["sl_t"] != 3.0 || z[0]["name"] != "Filters" {
			t.Errorf("zones %v", z)
		}
		h.do("POST", "/sites/"+site+"/realms", ada, `{"name":"Cell 7"}`, 201)
		h.do("PATCH", "/sites/"+site, ada, `{"critical":true}`, 200)
		// A user of one site, by link.
		bo := h.do("POST", "/users", ada, fmt.Sprintf(`{"name":"Bo","email":"bo@example.com","role":"editor","sites":[%q]}`, site), 201)["id"].(string)
		link := h.do("POST", "/users/"+bo+"/link", ada, "", 201)["token"].(string)
		w := h.raw("POST", "/session/link", "", fmt.Sprintf(`{"token":%q,"password":%q}`, link, good))
		c := sessionCookie(t, w)
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Secure {
			t.Errorf("cookie %+v", c)
		}
		if strings.Contains(w.Body.String(), c.Value) {
			t.Error("the token stands in the answer, where a script reads it")
		}
		if st := h.do("GET", "/session", c.Value, "", 200); fmt.Sprint(st["user"].(map[string]any)["scope"]) != "map[all:false entities:[] sites:[1] zones:[]]" {
			t.Errorf("Bo's scope: %v", st["user"])
		}
		h.do("GET", "/users", c.Value, "", 403)
		if got := items(h.do("GET", "/audit", c.Value, "", 200)); len(got) != 6 {
			t.Errorf("Bo sees %d entries of the site: %v", len(got), got)
		}
		h.do("DELETE", "/session", c.Value, "", 200)
		h.do("GET", "/sites", c.Value, "", 401)
		h.do("POST", "/session", "", `{"email":"bo@example.com","password":"wrong wrong wrong"}`, 401)
		h.do("POST", "/session", "", fmt.Sprintf(`{"email":"bo@example.com","password":%q}`, good), 200)
		if _, err := h.log.Sequence(t.Context()); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range items(h.do("GET", "/audit?limit=100", ada, "", 200)) {
			who := "nobody"
			switch e["actor"] {
			case bo:
				who = "Bo"
			case "nobody":
			default:
				who = "Ada"
			}
			got = append([]string{who + " " + e["action"].(string)}, got...)
		}
		want := "nobody session.refused,Ada setup,Ada session.create,Ada zone.create,Ada subnets.replace,Ada zone.update,Ada realm.create,Ada site.update,Ada user.create,Ada user.link," +
			"Bo session.link,Bo session.end,nobody session.refused,Bo session.create"
		if strings.Join(got, ",") != want {
			t.Errorf("audit\n%v\nwant\n%v", strings.Join(got, ","), want)
		}
		if c := h.do("GET", "/audit/checkpoint", ada, "", 200); c["size"] != 14.0 {
			t.Errorf("checkpoint %v", c)
		}
		p := h.do("GET", "/audit?limit=5", ada, "", 200)
		q := h.do("GET", "/audit?limit=100&cursor="+p["next"].(string), ada, "", 200)
		if len(items(p)) != 5 || len(items(q)) != 9 || q["next"] != nil {
			t.Errorf("pages of %d and %d", len(items(p)), len(items(q)))
		}
	})
}

// The door of every operation, for every role as the database has it.
func TestDeny(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ada := h.setUp()
		people := map[string]auth.Principal{}
		for _, role := range []string{auth.Administrator, auth.Editor, auth.Reader} {
			id := h.do("POST", "/users", ada, fmt.Sprintf(`{"name":%q,"email":"%s@example.com","role":%q,"sees_all":true}`, role, role, role), 201)["id"].(string)
			link := h.do("POST", "/users/"+id+"/link", ada, "", 201)["token"].(string)
			token := sessionCookie(t, h.raw("POST", "/session/link", "", fmt.Sprintf(`{"token":%q}`, link))).Value
			p, err := h.auth.Authenticate(t.Context(), token)
			if err != nil {
				t.Fatal(err)
			}
			people[token] = p
		}
		// Signing out ends the session that the rest of the table needs, so the people are fixed.
		fixed := resttest.People{}
		for token, p := range people {
			fixed[token] = p
		}
		r := rest.New(rest.Config{DB: db, Auth: fixed})
		admin.New(admin.Config{DB: db, Auth: h.auth, Org: org.New(db, nil), Audit: h.log}).Routes(r)
		resttest.Deny(t, r, people, store.NewID())
	})
}

// A person of one site asks for everything of another.
func TestForeign(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		ada := h.setUp()
		entity := items(h.do("GET", "/entities", ada, "", 200))[0]["id"].(string)
		mine := items(h.do("GET", "/sites", ada, "", 200))[0]["id"].(string)
		theirs := h.do("POST", "/sites", ada, fmt.Sprintf(`{"entity_id":%q,"name":"Bergen"}`, entity), 201)["id"].(string)
		zone := h.do("POST", "/sites/"+theirs+"/zones", ada, `{"name":"Z","level":"1"}`, 201)["id"].(string)
		at, err := org.New(db, nil).Site(t.Context(), auth.Scope{All: true}, mine)
		if err != nil {
			t.Fatal(err)
		}
		eve := resttest.Person("eve", auth.Scope{Sites: []int64{at.No}}, auth.All()...)
		r := rest.New(rest.Config{DB: db, Auth: resttest.People{"eve": eve}})
		admin.New(admin.Config{DB: db, Auth: h.auth, Org: org.New(db, nil), Audit: h.log}).Routes(r)
		bodies := map[string]string{
			"create-zone": `{"name":"X","level":"1"}`, "create-realm": `{"name":"X"}`, "replace-subnets": `{"items":[]}`,
		}
		for _, op := range r.Ops() {
			if op.Tag != "Sites" && op.Tag != "Zones" || !strings.Contains(op.Path, "{") {
				continue
			}
			id := theirs
			if strings.HasPrefix(op.Path, "/zones/") {
				id = zone
			}
			body := bodies[op.ID]
			if body == "" && op.Method == "PATCH" {
				body = "{}"
			}
			if w := resttest.Do(t, r.Handler(), op.Method, resttest.Path(op, id), "eve", body); w.Code != 404 {
				t.Errorf("%s: %d %s", op.ID, w.Code, w.Body)
			}
		}
		w := resttest.Do(t, r.Handler(), "POST", "/api/v1/sites", "eve", fmt.Sprintf(`{"entity_id":%q,"name":"New"}`, entity))
		if w.Code != 404 {
			t.Errorf("a site in a company outside the scope: %d", w.Code)
		}
		for _, path := range []string{"/sites", "/audit?limit=500", "/entities"} {
			w := resttest.Do(t, r.Handler(), "GET", "/api/v1"+path, "eve", "")
			if w.Code != 200 || strings.Contains(w.Body.String(), "Bergen") || strings.Contains(w.Body.String(), theirs) {
				t.Errorf("%s tells of the other site: %s", path, w.Body)
			}
		}
		// All permissions, but of one site: no way to make somebody who sees more.
		for _, c := range [][2]string{
			{"POST /users", `{"name":"M","email":"m@example.com","role":"administrator","sees_all":true}`},
			{"GET /users", ""},
			{"GET /sessions?all=true", ""},
			{"POST /entities", `{"name":"M"}`},
		} {
			method, path, _ := strings.Cut(c[0], " ")
			if w := resttest.Do(t, r.Handler(), method, "/api/v1"+path, "eve", c[1]); w.Code != 403 {
				t.Errorf("%s: %d %s", c[0], w.Code, w.Body)
			}
		}
	})
}

func TestNoRoleAboveOnesOwn(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), tables())
	h := newHouse(t, db)
	h.setUp()
	us, err := h.auth.Users(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	clerk := resttest.Person("clerk", auth.Scope{All: true}, auth.UserRead, auth.UserWrite, auth.OrgRead, auth.AssetRead, auth.NetworkRead, auth.CaptureRead, auth.PostureRead, auth.RecordRead)
	r := rest.New(rest.Config{DB: db, Auth: resttest.People{"clerk": clerk}})
	admin.New(admin.Config{DB: db, Auth: h.auth, Org: org.New(db, nil), Audit: h.log}).Routes(r)
	for body, want := range map[string]int{
		`{"name":"M","email":"a@example.com","role":"administrator"}`: 403,
		`{"name":"M","email":"b@example.com","role":"editor"}`:        403,
		`{"name":"M","email":"c@example.com","role":"reader"}`:        201,
		`{"name":"M","email":"d@example.com","role":"king"}`:          422,
	} {
		if w := resttest.Do(t, r.Handler(), "POST", "/api/v1/users", "clerk", body); w.Code != want {
			t.Errorf("%s: %d, want %d %s", body, w.Code, want, w.Body)
		}
	}
	if w := resttest.Do(t, r.Handler(), "POST", "/api/v1/users/"+us[0].ID+"/link", "clerk", ""); w.Code != 403 {
		t.Errorf("a link that signs in as the administrator: %d %s", w.Code, w.Body)
	}
	if w := resttest.Do(t, r.Handler(), "PATCH", "/api/v1/users/"+us[0].ID, "clerk", `{"email":"clerk@example.com"}`); w.Code != 403 {
		t.Errorf("the administrator's address: %d %s", w.Code, w.Body)
	}
}
