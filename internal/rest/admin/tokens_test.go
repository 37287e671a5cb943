package admin_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// makeToken asks for an access token as the page does.
func (h *house) makeToken(session, permissions string) (id, token string) {
	h.t.Helper()
	out := h.do("POST", "/tokens", session, fmt.Sprintf(`{"name":"Backup","permissions":%s,"sees_all":true,"end_at":%q}`,
		permissions, time.Now().Add(time.Hour).UTC().Format(time.RFC3339)), 201)
	return out["id"].(string), out["token"].(string)
}

func TestAccessToken(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		boss := h.setUp()
		id, token := h.makeToken(boss, `["org:read","org:write","user:read","audit:read"]`)

		h.do("GET", "/sites", token, "", 200)
		e := h.do("GET", "/entities", token, "", 200)["items"].([]any)[0].(map[string]any)
		h.do("POST", "/sites", token, fmt.Sprintf(`{"entity_id":%q,"name":"Randers"}`, e["id"]), 201)
		// The log names the program and the person.
		said := ""
		for _, x := range h.do("GET", "/audit", token, "", 200)["items"].([]any) {
			if m := x.(map[string]any); m["action"] == "site.create" {
				said = fmt.Sprint(m["detail"])
			}
		}
		if !strings.Contains(said, "token:Backup") || !strings.Contains(said, id) || !strings.Contains(said, "by:Ada") {
			t.Errorf("the audit entry says %q", said)
		}
		// Nothing that makes a token, a user or a link, and nothing of a session.
		for _, c := range [][3]string{
			{"GET", "/tokens", ""},
			{"POST", "/tokens", `{"name":"x","permissions":["org:read"],"sees_all":true,"end_at":"2030-01-01T00:00:00Z"}`},
			{"DELETE", "/tokens/" + id, ""},
			{"POST", "/users", `{"name":"Eve","email":"eve@example.com","role":"administrator"}`},
			{"POST", "/users/" + store.NewID() + "/link", "{}"},
			{"PUT", "/session/password", `{"old":"` + good + `","password":"another good sentence"}`},
			{"GET", "/sessions", ""},
			{"DELETE", "/session", ""},
		} {
			if w := h.raw(c[0], c[1], token, c[2]); w.Code != http.StatusForbidden && w.Code != http.StatusNotFound {
				t.Errorf("%s %s with a token: %d %s", c[0], c[1], w.Code, w.Body)
			}
		}
		// As a cookie it is nothing.
		q := httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost"+rest.Prefix+"/sites", nil)
		q.AddCookie(&http.Cookie{Name: rest.CookieName, Value: token})
		w := httptest.NewRecorder()
		h.h.ServeHTTP(w, q)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("a token as a cookie: %d", w.Code)
		}
		h.do("DELETE", "/tokens/"+id, boss, "", 204)
		out := h.do("GET", "/sites", token, "", 401)
		if !strings.Contains(fmt.Sprint(out["detail"]), "token") {
			t.Errorf("a revoked token hears %v", out["detail"])
		}
	})
}

func TestTokensOfOthers(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		boss := h.setUp()
		u := h.do("POST", "/users", boss, `{"name":"Ida","email":"ida@example.com","role":"auditor","sees_all":true,"end_at":"2999-12-31T23:00:00Z"}`, 201)
		h.do("POST", "/users", boss, `{"name":"Ole","email":"ole@example.com","role":"auditor","sees_all":true}`, 422)
		if u["end_at"] != "2999-12-31T23:00:00Z" {
			t.Errorf("the account ends %v", u["end_at"])
		}
		link := h.do("POST", "/users/"+u["id"].(string)+"/link", boss, "{}", 201)["token"].(string)
		ida := sessionCookie(t, h.raw("POST", "/session/link", "", fmt.Sprintf(`{"token":%q}`, link))).Value
		mine, _ := h.makeToken(ida, `["audit:read"]`)
		theirs, _ := h.makeToken(boss, `["org:read"]`)
		if n := len(h.do("GET", "/tokens", ida, "", 200)["items"].([]any)); n != 1 {
			t.Errorf("the auditor sees %d tokens", n)
		}
		h.do("GET", "/tokens?all=true", ida, "", 403)
		h.do("DELETE", "/tokens/"+theirs, ida, "", 404)
		if n := len(h.do("GET", "/tokens?all=true", boss, "", 200)["items"].([]any)); n != 2 {
			t.Errorf("the administrator sees %d tokens", n)
		}
		h.do("DELETE", "/tokens/"+mine, boss, "", 204)
		h.do("PATCH", "/users/"+u["id"].(string), boss, `{"end_at":""}`, 422)
		h.do("PATCH", "/users/"+u["id"].(string), boss, `{"end_at":"soon"}`, 422)
		if out := h.do("PATCH", "/users/"+u["id"].(string), boss, `{"role":"reader","end_at":""}`, 200); out["end_at"] != nil {
			t.Errorf("the account ends %v", out["end_at"])
		}
	})
}
