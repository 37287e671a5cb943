// Package resttest checks the door of a Router: every registered operation against
// every kind of person.
package resttest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
)

// People is an Authenticator for tests: the token is the key.
type People map[string]auth.Principal

// Authenticate implements rest.Authenticator.
func (p People) Authenticate(_ context.Context, token string) (auth.Principal, error) {
	if who, ok := p[token]; ok {
		return who, nil
	}
	return auth.Principal{}, nil
}

// Person makes a principal with a scope and permissions, for People.
func Person(role string, scope auth.Scope, ps ...auth.Permission) auth.Principal {
	return auth.Principal{UserID: "user-" + role, Name: role, Role: role, Scope: scope, Permissions: auth.Grant(append(ps, auth.Self)...)}
}

// Do sends one request as the person with this token; an empty token is a visitor.
func Do(t testing.TB, h http.Handler, method, path, token, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	q := httptest.NewRequestWithContext(t.Context(), method, "http://localhost"+path, strings.NewReader(body))
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, q)
	return w
}

// Deny asks every operation of a router as a visitor and as each of the given
// people (by token), and fails where the door is open that must be shut, or shut
// that must be open. Path parameters are filled with id, which nobody owns; an
// operation that passes the door may answer anything but 401, 500 and the door's own 403.
func Deny(t *testing.T, r *rest.Router, tokens map[string]auth.Principal, id string) {
	t.Helper()
	h := r.Handler()
	if len(r.Ops()) == 0 {
		t.Fatal("no operations are registered")
	}
	for _, op := range r.Ops() {
		t.Run(op.ID, func(t *testing.T) {
			var says string
			ask := func(token string) int {
				w := Do(t, h, op.Method, Path(op, id), token, body(op))
				says = w.Body.String()
				return w.Code
			}
			if op.Public {
				return // anybody; each has tests of its own
			}
			if got := ask(""); got != http.StatusUnauthorized {
				t.Errorf("a visitor: %d, want 401", got)
			}
			if got := ask("no-such-token"); got != http.StatusUnauthorized {
				t.Errorf("an unknown token: %d, want 401", got)
			}
			for token, who := range tokens {
				got := ask(token)
				switch may := who.Permissions.Has(op.Permission); {
				case !may && got != http.StatusForbidden:
					t.Errorf("%s without %s: %d, want 403", who.Role, op.Permission, got)
				case may && (got == http.StatusUnauthorized || got == http.StatusForbidden && (strings.Contains(says, "your role") && strings.Contains(says, "does not allow this")) || got == http.StatusInternalServerError):
					t.Errorf("%s with %s: %d %s", who.Role, op.Permission, got, says)
				}
			}
		})
	}
}

// Foreign asks every reading operation with a path parameter, as a person who sees
// nothing of it, for a thing that exists, and wants 404. ids maps an operation's id
// to the foreign thing's id; operations without an entry are returned, so that the
// caller decides whether that is right.
func Foreign(t *testing.T, r *rest.Router, token string, ids map[string]string) (unasked []string) {
	t.Helper()
	h := r.Handler()
	for _, op := range r.Ops() {
		if op.Public || !strings.Contains(op.Path, "{") {
			continue
		}
		id, ok := ids[op.ID]
		if !ok {
			unasked = append(unasked, op.ID)
			continue
		}
		t.Run(op.ID, func(t *testing.T) {
			w := Do(t, h, op.Method, Path(op, id), token, body(op), "If-Match", "*")
			if w.Code != http.StatusNotFound {
				t.Errorf("a thing outside the scope: %d, want 404: %s", w.Code, w.Body)
			}
		})
	}
	return unasked
}

// Path fills every path parameter of an operation.
func Path(op rest.Op, id string) string {
	parts := strings.Split(op.Path, "/")
	for i, p := range parts {
		if strings.HasPrefix(p, "{") {
			parts[i] = id
		}
	}
	return rest.Prefix + strings.Join(parts, "/")
}

func body(op rest.Op) string {
	if op.Method == http.MethodGet || op.Method == http.MethodDelete {
		return ""
	}
	return "{}"
}
