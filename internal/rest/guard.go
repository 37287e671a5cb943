package rest

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// CookieName is the session cookie's name.
const CookieName = "skanse_session"

// policy lets a page load only what this server sends, and nothing inline but
// style: the component library sets its colours in a style element.
const policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// guard stands before everything on the listener: headers, the host's name, and
// requests that another site's page made.
func (r *Router) guard(next http.Handler) http.Handler {
	hosts := r.hosts()
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusForbidden, ot.Forbidden, "the request comes from another site's page")
	}))
	checked := cross.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		defer r.recovered(w, q)
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		if q.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if strings.HasPrefix(q.URL.Path, "/api/") {
			h.Set("Cache-Control", "no-store")
		}
		if !knownHost(q.Host, hosts) {
			writeProblem(w, http.StatusMisdirectedRequest, ot.Forbidden,
				"this server does not answer to the name "+ot.Printable(q.Host)+": add it to the configuration (hosts)")
			return
		}
		checked.ServeHTTP(w, q)
	})
}

func (r *Router) hosts() []string {
	hosts := []string{"localhost"}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, strings.ToLower(name))
	}
	for _, h := range r.cfg.Hosts {
		hosts = append(hosts, strings.ToLower(strings.TrimSuffix(h, ".")))
	}
	return hosts
}

// knownHost accepts plain addresses: a page of another site reaches us by
// rebinding only under a name of its own.
func knownHost(host string, known []string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return slices.Contains(known, name)
}
