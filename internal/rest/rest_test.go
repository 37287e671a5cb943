package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

type thing struct {
	Name string `json:"name" minLength:"2" maxLength:"20"`
}

type thingOut struct {
	ETag string `header:"ETag"`
	Body thing
}

// router has one operation of each kind on a database with the audit tables.
func router(t *testing.T, cfg rest.Config) (*rest.Router, *store.DB) {
	t.Helper()
	db := storetest.Open(t, storetest.SQLite(t), []store.Migrations{audit.Migrations()})
	cfg.DB = db
	cfg.Auth = resttest.People{
		"reader": resttest.Person("reader", auth.Scope{Sites: []int64{1}}, auth.AssetRead),
		"editor": resttest.Person("editor", auth.Scope{All: true}, auth.AssetRead, auth.AssetWrite, auth.CaptureWrite),
	}
	r := rest.New(cfg)
	rest.Register(r, rest.Op{ID: "get-thing", Method: "GET", Path: "/things/{id}", Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
			Q  string `query:"q" maxLength:"5"`
		},
		) (*thingOut, error) {
			switch in.ID {
			case "none":
				return nil, ot.Errorf(ot.NotFound, "there is no thing %q: look in the list", in.ID)
			case "broken":
				return nil, fmt.Errorf("secret cause")
			case "panic":
				panic("at the disco")
			case "scope":
				return &thingOut{Body: thing{Name: auth.From(ctx).Scope.Where("s", "").Text}}, nil
			}
			return &thingOut{ETag: rest.ETag(in.ID), Body: thing{Name: in.ID}}, nil
		})
	rest.Register(r, rest.Op{ID: "update-thing", Method: "PATCH", Path: "/things/{id}", Permission: auth.AssetWrite, Audit: "thing.update"},
		func(ctx context.Context, in *struct {
			ID      string `path:"id"`
			IfMatch string `header:"If-Match"`
			Body    thing
		},
		) (*thingOut, error) {
			if err := rest.IfMatch(in.IfMatch, rest.ETag(in.ID)); err != nil {
				return nil, err
			}
			rest.Detail(ctx, "name", in.Body.Name)
			for range 2 { // two transactions, one entry
				if err := db.Update(ctx, func(*store.Tx) error {
					rest.Target(ctx, "site-1", ot.Ref{Kind: "thing", ID: in.ID})
					if in.Body.Name == "fail" {
						return ot.Errorf(ot.Conflict, "no")
					}
					return nil
				}); err != nil {
					return nil, err
				}
			}
			return &thingOut{Body: in.Body}, nil
		})
	rest.Register(r, rest.Op{ID: "poke", Method: "POST", Path: "/poke", Permission: auth.AssetWrite, Audit: "thing.poke"},
		func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
	r.Raw(rest.Op{ID: "upload", Method: "POST", Path: "/upload/{name}", Permission: auth.CaptureWrite, Audit: "thing.upload", Long: true},
		http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			n, err := io.Copy(io.Discard, q.Body)
			if err != nil || q.PathValue("name") == "bad" {
				r.Fail(w, q, ot.Errorf(ot.Full, "the disk is full: free some space"))
				return
			}
			w.WriteHeader(http.StatusAccepted)
			fmt.Fprint(w, n)
		}))
	return r, db
}

func problemOf(t *testing.T, body string) rest.Problem {
	t.Helper()
	var p rest.Problem
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("not a problem: %v: %s", err, body)
	}
	return p
}

func TestAnswers(t *testing.T) {
	r, _ := router(t, rest.Config{})
	h := r.Handler()
	for _, c := range []struct {
		name, method, path, token, body string
		header                          []string
		status                          int
		code                            ot.Code
		says                            string
	}{
		{"found", "GET", "/things/a1", "reader", "", nil, 200, "", `"a1"`},
		{"scope travels in the context", "GET", "/things/scope", "reader", "", nil, 200, "", `s IN (?)`},
		{"nobody", "GET", "/things/a1", "", "", nil, 401, ot.SignIn, "sign in"},
		{"not allowed", "PATCH", "/things/a1", "reader", `{"name":"xx"}`, nil, 403, ot.Forbidden, "ask an administrator"},
		{"not found", "GET", "/things/none", "reader", "", nil, 404, ot.NotFound, "look in the list"},
		{"no route", "GET", "/nothing", "reader", "", nil, 404, ot.NotFound, "no such route"},
		{"internal errors stay inside", "GET", "/things/broken", "reader", "", nil, 500, ot.Internal, "its log says what"},
		{"a panic is an answer", "GET", "/things/panic", "reader", "", nil, 500, ot.Internal, "its log says what"},
		{"query too long", "GET", "/things/a1?q=123456", "reader", "", nil, 422, ot.Invalid, "query.q"},
		{"a misspelt filter", "GET", "/things/a1?zone=1", "reader", "", nil, 422, ot.Invalid, "unknown query"},
		{"body too short", "PATCH", "/things/a1", "editor", `{"name":"x"}`, nil, 422, ot.Invalid, "body.name"},
		{"unknown field", "PATCH", "/things/a1", "editor", `{"name":"xx","evil":1}`, nil, 422, ot.Invalid, "body"},
		{"not JSON", "PATCH", "/things/a1", "editor", `{`, nil, 400, ot.Invalid, ""},
		{"body too big", "PATCH", "/things/a1", "editor", `{"name":"` + strings.Repeat("x", 2<<20) + `"}`, nil, 413, ot.Invalid, ""},
		{"no If-Match", "PATCH", "/things/a1", "editor", `{"name":"xx"}`, nil, 428, ot.Conflict, "If-Match"},
		{"old If-Match", "PATCH", "/things/a1", "editor", `{"name":"xx"}`, []string{"If-Match", `"old"`}, 412, ot.Conflict, "in the meantime"},
		{"right If-Match", "PATCH", "/things/a1", "editor", `{"name":"xx"}`, []string{"If-Match", rest.ETag("a1")}, 200, "", `"xx"`},
		{"raw", "POST", "/upload/ok", "editor", "12345", nil, 202, "", "5"},
		{"raw, nobody", "POST", "/upload/ok", "", "12345", nil, 401, ot.SignIn, ""},
		{"raw, disk full", "POST", "/upload/bad", "editor", "12345", nil, 507, ot.Full, "free some space"},
		{"another site's page", "POST", "/poke", "editor", "", []string{"Sec-Fetch-Site", "cross-site"}, 403, ot.Forbidden, "another site"},
		{"another origin", "POST", "/poke", "editor", "", []string{"Origin", "https://evil.example"}, 403, ot.Forbidden, "another site"},
		{"own page", "POST", "/poke", "editor", "", []string{"Sec-Fetch-Site", "same-origin"}, 204, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := resttest.Do(t, h, c.method, rest.Prefix+c.path, c.token, c.body, c.header...)
			body := w.Body.String()
			if w.Code != c.status || !strings.Contains(body, c.says) {
				t.Fatalf("%d %s, want %d with %q", w.Code, body, c.status, c.says)
			}
			if c.status < 400 {
				return
			}
			p := problemOf(t, body)
			if p.Code != c.code || p.Status != c.status || p.Type == "" || p.Title == "" || p.Detail == "" {
				t.Errorf("problem %+v, want code %s", p, c.code)
			}
			if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
				t.Errorf("content type %q", ct)
			}
			if strings.Contains(body, "secret cause") || strings.Contains(body, "disco") {
				t.Errorf("an internal error left the house: %s", body)
			}
		})
	}
}

func TestEveryChangeIsAudited(t *testing.T) {
	r, db := router(t, rest.Config{})
	h := r.Handler()
	tag := rest.ETag("a1")
	resttest.Do(t, h, "PATCH", "/api/v1/things/a1", "editor", `{"name":"xx"}`, "If-Match", tag)
	resttest.Do(t, h, "PATCH", "/api/v1/things/a1", "editor", `{"name":"fail"}`, "If-Match", tag)
	resttest.Do(t, h, "PATCH", "/api/v1/things/a1", "reader", `{"name":"xx"}`, "If-Match", tag)
	resttest.Do(t, h, "POST", "/api/v1/poke", "editor", "")
	resttest.Do(t, h, "POST", "/api/v1/upload/ok", "editor", "12")
	resttest.Do(t, h, "POST", "/api/v1/upload/bad", "editor", "12")
	resttest.Do(t, h, "GET", "/api/v1/things/a1", "editor", "")
	var got []string
	if err := db.View(t.Context(), func(rd store.Reader) (err error) {
		got, err = store.All[string](t.Context(), rd, "SELECT actor || ' ' || action || ' ' || site || ' ' || target_id FROM audit_entry ORDER BY seq")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	want := []string{"user-editor thing.update site-1 a1", "user-editor thing.poke  ", "user-editor thing.upload  "}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("entries\n%q\nwant\n%q", got, want)
	}
}

func TestHosts(t *testing.T) {
	r, _ := router(t, rest.Config{Hosts: []string{"skanse.plant.example"}})
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "[::1]": 200, "10.1.2.3": 200,
		"skanse.plant.example": 200, "SKANSE.plant.example.:443": 200,
		"evil.example": 421, "localhost.evil.example": 421, "": 421, "127.0.0.1.evil.example": 421,
	} {
		q, err := http.NewRequestWithContext(t.Context(), "GET", "http://x/api/v1/things/a1", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host
		q.Header.Set("Authorization", "Bearer reader")
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, q)
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	r, _ := router(t, rest.Config{Pages: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "page") })})
	for path, cache := range map[string]string{"/api/v1/things/a1": "no-store", "/": ""} {
		w := resttest.Do(t, r.Handler(), "GET", path, "reader", "")
		h := w.Header()
		csp := h.Get("Content-Security-Policy")
		if !strings.Contains(csp, "script-src 'self';") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe-eval") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != cache {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

func TestVisitor(t *testing.T) {
	all := auth.System()
	r, _ := router(t, rest.Config{Visitor: &all})
	if w := resttest.Do(t, r.Handler(), "GET", "/api/v1/things/a1", "", ""); w.Code != 200 {
		t.Errorf("the demo's visitor: %d", w.Code)
	}
}

func TestWrongOperationsDoNotStart(t *testing.T) {
	nop := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for why, op := range map[string]rest.Op{
		"no permission":     {ID: "a", Method: "GET", Path: "/a"},
		"no id":             {Method: "GET", Path: "/a", Permission: auth.AssetRead},
		"change, no audit":  {ID: "a", Method: "POST", Path: "/a", Permission: auth.AssetRead},
		"both":              {ID: "a", Method: "GET", Path: "/a", Permission: auth.AssetRead, Public: true},
		"whole path":        {ID: "a", Method: "GET", Path: "/api/v1/a", Permission: auth.AssetRead},
		"id twice":          {ID: "get-thing", Method: "GET", Path: "/a", Permission: auth.AssetRead},
		"read under change": {ID: "a", Method: "GET", Path: "/a", Permission: auth.AssetRead, Audit: "a.update"},
	} {
		t.Run(why, func(t *testing.T) {
			r, _ := router(t, rest.Config{})
			defer func() {
				if recover() == nil {
					t.Error("it was mounted")
				}
			}()
			r.Raw(op, nop)
		})
	}
}

func TestDenyTable(t *testing.T) {
	r, _ := router(t, rest.Config{})
	resttest.Deny(t, r, map[string]auth.Principal{
		"reader": resttest.Person("reader", auth.Scope{}, auth.AssetRead),
		"editor": resttest.Person("editor", auth.Scope{}, auth.AssetRead, auth.AssetWrite, auth.CaptureWrite),
	}, "none")
}

func TestOpenAPI(t *testing.T) {
	a, _ := router(t, rest.Config{Version: "1"})
	b, _ := router(t, rest.Config{Version: "1"})
	if string(a.OpenAPI()) != string(b.OpenAPI()) {
		t.Error("two runs differ")
	}
	var doc struct {
		OpenAPI    string
		Servers    []struct{ URL string }
		Paths      map[string]map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(a.OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Servers) != 1 || doc.Servers[0].URL != rest.Prefix {
		t.Errorf("version %q servers %v", doc.OpenAPI, doc.Servers)
	}
	if _, ok := doc.Components.Schemas["ErrorModel"]; ok {
		t.Error("the document describes an error form that we never send")
	}
	for path, method := range map[string]string{"/things/{id}": "get", "/poke": "post", "/upload/{name}": "post"} {
		op := doc.Paths[path][method]
		if perm, _ := op["x-permission"].(string); op["operationId"] == nil || perm == "" {
			t.Errorf("%s %s: %v", method, path, op)
		}
	}
}

func TestCursor(t *testing.T) {
	type pos struct {
		Name string
		At   int64
	}
	var back pos
	if err := rest.DecodeCursor(rest.EncodeCursor(pos{"æ", 3}), &back); err != nil || back != (pos{"æ", 3}) {
		t.Errorf("%v %v", back, err)
	}
	for _, bad := range []string{"%%%", "aGVsbG8", "eyJBdCI6InRleHQifQ"} {
		if err := rest.DecodeCursor(bad, &back); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	p := rest.Cut([]int{1, 2, 3}, 2, func(n int) string { return fmt.Sprint(n) })
	if len(p.Items) != 2 || p.Next != "2" {
		t.Errorf("%+v", p)
	}
	if p := rest.Cut([]int(nil), 2, nil); p.Items == nil || p.Next != "" {
		t.Errorf("%+v", p)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("eyJBdCI6MX0")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		var v struct{ At int64 }
		if err := rest.DecodeCursor(s, &v); err != nil && ot.CodeOf(err) != ot.Invalid {
			t.Error(err)
		}
	})
}
