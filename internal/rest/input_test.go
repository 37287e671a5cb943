package rest_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/resttest"
)

type paging struct {
	Limit int `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type asked struct {
	paging
	ID    string    `path:"id" maxLength:"8"`
	Names []string  `query:"name,explode"`
	Kinds []string  `query:"kind"`
	Port  uint8     `query:"port"`
	Low   int8      `query:"low"`
	Share float64   `query:"share"`
	New   bool      `query:"new"`
	Since time.Time `query:"since"`
	State string    `query:"state" enum:"open,done,"`
	Must  string    `query:"must" required:"true"`
	Tag   string    `header:"X-Tag" maxLength:"4"`
	Seen  string    `cookie:"seen"`
}

// asking is a router whose one operation gives back what it was asked.
func asking(t testing.TB, got *asked) *rest.Router {
	t.Helper()
	r := rest.New(rest.Config{Auth: resttest.People{"reader": resttest.Person("reader", auth.Scope{All: true}, auth.AssetRead)}})
	rest.Register(r, rest.Op{ID: "ask", Method: "GET", Path: "/ask/{id}", Permission: auth.AssetRead},
		func(_ context.Context, in *asked) (*struct{}, error) { *got = *in; return nil, nil })
	rest.Register(r, rest.Op{ID: "say", Method: "POST", Path: "/say", Permission: auth.AssetRead, Audit: "say.write"},
		func(context.Context, *struct{ Body *thing }) (*struct{}, error) {
			return nil, ot.Errorf(ot.Conflict, "it was read")
		})
	return r
}

func TestInputs(t *testing.T) {
	day := time.Date(2026, 11, 23, 4, 5, 6, 0, time.UTC)
	for query, want := range map[string]any{
		"":                                 asked{paging: paging{50}},
		"limit=7&name=a&name=b,c&kind=x,y": asked{paging: paging{7}, Names: []string{"a", "b,c"}, Kinds: []string{"x", "y"}},
		"port=255&low=-128&share=0.5&new&since=2026-11-23T04:05:06Z&state=open": asked{paging: paging{50}, Port: 255, Low: -128, Share: 0.5, New: true, Since: day, State: "open"},
		"new=false&state=&name=": asked{paging: paging{50}},
		"port=256":               "query.port: invalid integer",
		"low=-129":               "query.low: invalid integer",
		"share=much":             "query.share: invalid float",
		"new=perhaps":            "query.new: invalid boolean",
		"since=yesterday":        "query.since: invalid date/time",
		"limit=0":                "query.limit: expected number >= 1",
		"state=gone":             "query.state: expected value to be one of",
		"colour=red":             "query.colour: unknown query parameter",
	} {
		var got asked
		q := httptest.NewRequest("GET", "http://localhost/api/v1/ask/a1?must=1&"+query, nil)
		if query == "" {
			q.URL.RawQuery = "must=1"
		}
		q.Header.Set("Authorization", "Bearer reader")
		q.Header.Set("X-Tag", "t")
		q.Header.Set("Cookie", "seen=s1")
		w := httptest.NewRecorder()
		asking(t, &got).Handler().ServeHTTP(w, q)
		switch want := want.(type) {
		case string:
			if p := problemOf(t, w.Body.String()); w.Code != 422 || !strings.HasPrefix(p.Detail, want) {
				t.Errorf("%q: %d %q, want %q", query, w.Code, p.Detail, want)
			}
		case asked:
			want.ID, want.Must, want.Tag, want.Seen = "a1", "1", "t", "s1"
			if w.Code != 204 || !reflect.DeepEqual(got, want) {
				t.Errorf("%q: %d %s\n%+v, want\n%+v", query, w.Code, w.Body, got, want)
			}
		}
	}
	var got asked
	w := resttest.Do(t, asking(t, &got).Handler(), "GET", "/api/v1/ask/a1?limit=999&port=x", "reader", "", "X-Tag", "too long")
	p := problemOf(t, w.Body.String())
	if w.Code != 422 || len(p.Errors) != 4 || p.Errors[0].Where != "header.X-Tag" {
		t.Errorf("all that is wrong is told at once, in order: %d %+v", w.Code, p.Errors)
	}
}

// Whatever a request asks, it is answered, and a refusal says what was wrong.
func FuzzInput(f *testing.F) {
	f.Add("limit=7&name=a&name=b", "", `{"name":"pump"}`)
	f.Add("new&since=2026-11-23T04:05:06Z&port=300", "application/json", `{"name":`)
	f.Add("%zz=1&must=%ff", "application/cbor", "\xa1\x64name\x64pump")
	var got asked
	h := asking(f, &got).Handler()
	f.Fuzz(func(t *testing.T, query, media, body string) {
		q := httptest.NewRequest("GET", "http://localhost/api/v1/ask/a1", nil)
		q.URL.RawQuery = query
		q.Header.Set("Authorization", "Bearer reader")
		p := httptest.NewRequest("POST", "http://localhost/api/v1/say", strings.NewReader(body))
		p.Header["Authorization"], p.Header["Content-Type"] = []string{"Bearer reader"}, []string{media}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, q)
		if w.Code != 204 && w.Code != 422 {
			t.Errorf("%q: %d %s", query, w.Code, w.Body)
		}
		w = httptest.NewRecorder()
		h.ServeHTTP(w, p)
		var why rest.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &why); err != nil || why.Detail == "" || w.Code >= 500 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}
