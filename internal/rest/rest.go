// Package rest is the only way to mount a route. It asks who is there, checks the
// permission, hands the scope on in the context, hangs the audit entry into the
// transaction of the change, and answers errors as RFC 9457 problem details.
// It knows no plant, no page and no table.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/translate"
)

// Prefix is where all routes live.
const Prefix = "/api/v1"

// Authenticator says who makes a request; auth.Service is one. Nobody signed in
// is the zero Principal and no error.
type Authenticator interface {
	Authenticate(ctx context.Context, token string) (auth.Principal, error)
}

// Config is what a Router needs of the rest of the program.
type Config struct {
	DB      *store.DB
	Auth    Authenticator
	Log     *slog.Logger
	Version string

	// Hosts are the names that this server answers to, besides localhost, the
	// machine's own name and plain addresses. DNS rebinding needs another name.
	Hosts []string

	// Pages answers everything outside Prefix; nil: 404.
	Pages http.Handler

	// Visitor is who an unknown visitor is; the demo makes everybody its
	// administrator. nil: nobody.
	Visitor *auth.Principal

	// Say puts the sentences of an answer into the reader's language; nil: English.
	Say *translate.Answers
}

// Router holds the registered operations of one listener.
type Router struct {
	cfg Config
	mux *http.ServeMux
	api huma.API
	ops []Op
	ids map[string]bool
}

// New makes a Router without operations.
func New(cfg Config) *Router {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	r := &Router{cfg: cfg, mux: http.NewServeMux(), ids: map[string]bool{}}
	h := huma.DefaultConfig("Skanse", cfg.Version)
	h.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	h.CreateHooks = nil // no $schema links in answers
	h.OpenAPIPath, h.DocsPath, h.SchemasPath = "", "", ""
	h.Info.Description = "The evidence, assets and conversations of a plant. Times are RFC 3339 UTC; an unknown number is null."
	h.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: CookieName},
		"token":   {Type: "http", Scheme: "bearer"},
	}
	r.api = humago.NewWithPrefix(r.mux, Prefix, h)
	r.mux.HandleFunc("/api/", func(w http.ResponseWriter, q *http.Request) {
		writeProblem(w, http.StatusNotFound, "not_found", "there is no such route: "+q.Method+" "+q.URL.Path)
	})
	if cfg.Pages != nil {
		r.mux.Handle("/", cfg.Pages)
	}
	return r
}

// Ops lists the registered operations, in order of registration.
func (r *Router) Ops() []Op { return append([]Op(nil), r.ops...) }

// Handler serves the operations and the pages behind every guard.
func (r *Router) Handler() http.Handler { return r.guard(r.mux) }

// OpenAPI is the OpenAPI 3.1 document, the same bytes on every run.
func (r *Router) OpenAPI() []byte {
	b, err := r.api.OpenAPI().MarshalJSON()
	if err != nil {
		panic(fmt.Errorf("write OpenAPI: %w", err)) // our own types
	}
	var v map[string]any // sorted keys
	if err := json.Unmarshal(b, &v); err != nil {
		panic(fmt.Errorf("read OpenAPI back: %w", err))
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		panic(fmt.Errorf("write OpenAPI: %w", err))
	}
	return out.Bytes()
}

// token takes the session token from the cookie of a browser or the header of a program.
func token(q *http.Request) string {
	if h, ok := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(h)
	}
	// An access token is no session: a cookie with one is no cookie of ours.
	if c, err := q.Cookie(CookieName); err == nil && !auth.IsAccessToken(c.Value) {
		return c.Value
	}
	return ""
}

// principal says who makes a request.
func (r *Router) principal(q *http.Request) (auth.Principal, error) {
	if t := token(q); t != "" && r.cfg.Auth != nil {
		p, err := r.cfg.Auth.Authenticate(q.Context(), t)
		if err != nil || !p.Nobody() {
			return p, err
		}
		if auth.IsAccessToken(t) { // a program whose token ended is not a visitor, who may do more in the demo
			return p, ot.Errorf(ot.SignIn, "the access token is unknown, revoked or ended, or its owner's account is")
		}
	}
	if r.cfg.Visitor != nil {
		return *r.cfg.Visitor, nil
	}
	return auth.Principal{}, nil
}
