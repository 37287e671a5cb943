// Package admin mounts the routes of the platform itself, which every page stands
// on: first set-up, sign-in, sessions, access tokens, users, companies, sites, zones, and the
// audit log. The slices mount their own.
package admin

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Overview is what other parts know of a site; the list of sites shows it.
type Overview struct {
	Assets  *int64
	HeardAt store.Time // last received from a live source
	Live    bool
}

// Config is what the routes stand on.
type Config struct {
	DB    *store.DB
	Auth  *auth.Service
	Org   *org.Service
	Audit *audit.Log

	Version string
	Demo    bool

	// Overview tells of the sites in scope by site_no; nil: nobody knows anything.
	Overview func(ctx context.Context, scope auth.Scope) (map[int64]Overview, error)
}

// Service answers the platform's routes.
type Service struct{ cfg Config }

// New makes a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }

// Routes mounts everything.
func (s *Service) Routes(r *rest.Router) {
	s.sessionRoutes(r)
	s.userRoutes(r)
	s.tokenRoutes(r)
	s.secondStepRoutes(r)
	s.passkeyRoutes(r)
	s.ssoRoutes(r)
	s.providerRoutes(r)
	s.breakGlassRoutes(r)
	s.roleRoutes(r)
	s.siteRoutes(r)
	s.zoneRoutes(r)
	s.auditRoutes(r)
}

// list is an answer with all items of a bounded list.
type list[T any] struct{ Body rest.Page[T] }

func listOf[T any](items []T) *list[T] {
	if items == nil {
		items = []T{}
	}
	n := int64(len(items))
	return &list[T]{rest.Page[T]{Items: items, Total: &n}}
}

type one[T any] struct{ Body T }

type byID struct {
	ID string `path:"id" maxLength:"64"`
}

func client(ctx context.Context) auth.Client {
	q := rest.Request(ctx)
	if q == nil {
		return auth.Client{}
	}
	host, _, err := net.SplitHostPort(q.RemoteAddr)
	if err != nil {
		host = q.RemoteAddr
	}
	return auth.Client{Address: host, Agent: q.UserAgent()}
}

// cookie carries a session token: no script sees it, no other site's page sends it.
func cookie(ctx context.Context, token string, end time.Time) http.Cookie {
	c := http.Cookie{Name: rest.CookieName, Value: token, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Expires: end}
	if q := rest.Request(ctx); q != nil && q.TLS != nil {
		c.Secure = true
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}

func set[T any](dst *T, v *T) {
	if v != nil {
		*dst = *v
	}
}
