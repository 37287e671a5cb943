package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/translate"
)

// An answer's sentences, a refusal of the door and one of a handler are in the reader's language.
func TestAnswersSpeakTheReadersLanguage(t *testing.T) {
	book, err := translate.Open(catalog.Files, "texts/sentences", nil)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := router(t, rest.Config{Say: &translate.Answers{Book: book}})
	type said struct {
		Body struct {
			Name string `json:"name"`
			Why  string `json:"why" say:"true"`
		}
	}
	rest.Register(r, rest.Op{ID: "why", Method: http.MethodGet, Path: "/why", Permission: auth.AssetRead}, func(context.Context, *struct{}) (*said, error) {
		out := &said{}
		out.Body.Name, out.Body.Why = "Never heard.", "Never heard."
		return out, nil
	})
	rest.Register(r, rest.Op{ID: "not", Method: http.MethodGet, Path: "/not", Permission: auth.AssetRead}, func(context.Context, *struct{}) (*said, error) {
		return nil, ot.Errorf(ot.NotFound, "there is no such site")
	})
	for _, c := range []struct {
		who, path, accept string
		want              []string
	}{
		{"reader", "/why", "da", []string{`"name":"Never heard."`, `"why":"Aldrig hørt."`}},
		{"reader", "/why", "de-CH,en;q=0.5", []string{`"why":"Nie gehört."`}},
		{"reader", "/why", "", []string{`"why":"Never heard."`}},
		{"reader", "/not", "da", []string{`"title":"Findes ikke"`, `"detail":"det sted findes ikke"`, `"code":"not_found"`}},
		{"", "/why", "de", []string{`"title":"Nicht angemeldet"`, `"detail":"melden Sie sich zuerst an"`}},
	} {
		q := httptest.NewRequest(http.MethodGet, "http://localhost"+rest.Prefix+c.path, nil)
		q.Header.Set("Accept-Language", c.accept)
		if c.who != "" {
			q.Header.Set("Authorization", "Bearer "+c.who)
		}
		w := httptest.NewRecorder()
		r.Handler().ServeHTTP(w, q)
		for _, want := range c.want {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s in %q: no %s in %s", c.path, c.accept, want, w.Body)
			}
		}
	}
}
