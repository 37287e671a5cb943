package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/auth/sso/ssotest"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// actions lists what the audit log says, newest first.
func (h *house) actions(token string) string {
	h.t.Helper()
	var out []string
	for _, x := range h.do("GET", "/audit?limit=500", token, "", 200)["items"].([]any) {
		m := x.(map[string]any)
		out = append(out, fmt.Sprint(m["action"], m["detail"]))
	}
	return strings.Join(out, "\n")
}

// The printed code at the door, as the page and the command line use it.
func TestBreakGlassRoutes(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		boss := h.setUp()
		if st := h.do("GET", "/session", "", "", 200); fmt.Sprint(st["ways"]) != "map[break_glass:false directories:false passkeys:false providers:[]]" {
			t.Errorf("ways %v", st["ways"])
		}
		codes := h.do("POST", "/break-glass", boss, `{"codes":2}`, 201)["codes"].([]any)
		if st := h.do("GET", "/session", "", "", 200); !strings.Contains(fmt.Sprint(st["ways"]), "break_glass:true") {
			t.Errorf("ways %v", st["ways"])
		}
		body := fmt.Sprintf(`{"code":%q,"name":"Bo Beck","why":"the directory is down"}`, codes[0])
		w := h.raw("POST", "/session/break-glass", "", body)
		if w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		glass := sessionCookie(t, w).Value
		user := h.do("GET", "/session", glass, "", 200)["user"].(map[string]any)
		if user["how"] != "break-glass" || user["end_at"] == nil || !strings.Contains(user["name"].(string), "Bo Beck") {
			t.Errorf("%v", user)
		}
		h.do("POST", "/session/break-glass", "", body, 401)
		h.do("POST", "/break-glass", glass, `{}`, 403)
		if x := h.do("GET", "/break-glass", boss, "", 200); x["left"].(float64) != 1 {
			t.Errorf("%v", x)
		}
		said := h.actions(boss)
		for _, want := range []string{"session.break_glass", "break_glass.print", "the directory is down", "session.refused"} {
			if !strings.Contains(said, want) {
				t.Errorf("the log does not say %q:\n%s", want, said)
			}
		}
		for _, c := range codes {
			if strings.Contains(said, c.(string)) {
				t.Error("the log holds a code")
			}
		}
	})
}

// A whole sign-in at a provider through the routes, and what a browser must not get by with.
func TestSSORoutes(t *testing.T) {
	const page = "http://localhost"
	at := ssotest.Start(t, page+"/sso")
	at.Add("ada", "ada@example.com", true)
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		boss := h.setUp()
		made := h.do("POST", "/providers", boss, fmt.Sprintf(`{"kind":"oidc","name":"Company","enabled":true,"unknown":"refuse","rules":[],"secret":%q,
			"oidc":{"issuer":%q,"client_id":%q}}`, ssotest.Secret, at.Issuer, ssotest.ClientID), 201)
		id := made["id"].(string)
		if strings.Contains(fmt.Sprint(made), ssotest.Secret) {
			t.Error("the secret is told back")
		}
		h.do("POST", "/providers/"+id+"/try", boss, "{}", 204)
		begin := func(origin string) *httptest.ResponseRecorder {
			return h.raw("GET", "/session/sso/"+id+"?origin="+url.QueryEscape(origin), "", "")
		}
		for _, bad := range []string{"", "https://evil.example", "javascript:x", "http://localhost.evil.example"} {
			if w := begin(bad); w.Code != http.StatusUnprocessableEntity && w.Code != http.StatusBadRequest {
				t.Errorf("the page %q: %d %s", bad, w.Code, w.Body)
			}
		}
		w := begin(page)
		if w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var browser *http.Cookie
		for _, c := range w.Result().Cookies() {
			if c.Name == "skanse_sso" {
				browser = c
			}
		}
		if browser == nil || !browser.HttpOnly || browser.SameSite != http.SameSiteStrictMode {
			t.Fatalf("cookie %+v", browser)
		}
		var away struct{ URL string }
		if err := json.Unmarshal(w.Body.Bytes(), &away); err != nil {
			t.Fatal(err)
		}
		state, code := at.Walk(t, away.URL, "ada")
		body := fmt.Sprintf(`{"state":%q,"code":%q}`, state, code)
		in := resttest.Do(t, h.h, "POST", rest.Prefix+"/session/sso", "", body, "Cookie", browser.Name+"="+browser.Value)
		if in.Code != 200 {
			t.Fatalf("%d %s", in.Code, in.Body)
		}
		ada := sessionCookie(t, in).Value
		if user := h.do("GET", "/session", ada, "", 200)["user"].(map[string]any); user["how"] != "oidc" || user["email"] != "ada@example.com" {
			t.Errorf("%v", user)
		}
		if again := resttest.Do(t, h.h, "POST", rest.Prefix+"/session/sso", "", body, "Cookie", browser.Name+"="+browser.Value); again.Code != 401 {
			t.Errorf("again: %d", again.Code)
		}
		if out := h.do("DELETE", "/session", ada, "", 200); !strings.HasPrefix(fmt.Sprint(out["provider"]), at.Issuer) {
			t.Errorf("sign out: %v", out)
		}
		if said := h.actions(boss); strings.Contains(said, code) || strings.Contains(said, ssotest.Secret) || !strings.Contains(said, "session.sso") {
			t.Errorf("the log:\n%s", said)
		}
		// Changed and removed; another version is refused.
		put := `{"kind":"oidc","name":"Company 2","enabled":true,"unknown":"refuse","rules":[],"oidc":{"issuer":%q,"client_id":%q},"version":%d}`
		h.do("PUT", "/providers/"+id, boss, fmt.Sprintf(put, at.Issuer, ssotest.ClientID, 7), 409)
		h.do("PUT", "/providers/"+id, boss, fmt.Sprintf(put, at.Issuer, ssotest.ClientID, 1), 200)
		h.do("DELETE", "/providers/"+id, boss, "", 204)
	})
}

// Roles are data: who may, makes more of them, none above their own; a scope of zones
// comes back as it was given.
func TestRoleAndProfileRoutes(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		boss := h.setUp()
		h.do("POST", "/roles", boss, `{"id":"night-watch","title":"Night watch","permissions":["asset:read"]}`, 201)
		h.do("PUT", "/roles/night-watch", boss, `{"title":"Night watch","permissions":["asset:read","network:read"]}`, 200)
		h.do("PUT", "/roles/administrator", boss, `{"title":"x","permissions":["asset:read"]}`, 409)
		h.do("POST", "/roles", boss, `{"id":"x-y","title":"x","permissions":["self"]}`, 422)
		site := h.do("GET", "/sites", boss, "", 200)["items"].([]any)[0].(map[string]any)["id"].(string)
		zone := h.do("POST", "/sites/"+site+"/zones", boss, `{"name":"Line 1","level":"1","ot":true}`, 201)["id"].(string)
		u := h.do("POST", "/users", boss, fmt.Sprintf(`{"name":"Bo","email":"bo@example.com","role":"night-watch","zones":[%q]}`, zone), 201)
		if fmt.Sprint(u["zones"]) != "["+zone+"]" || u["sees_all"] != false {
			t.Errorf("%v", u)
		}
		h.do("DELETE", "/roles/night-watch", boss, "", 409)
		h.do("PATCH", "/session", boss, `{"language":"da"}`, 204)
		if st := h.do("GET", "/session", boss, "", 200)["user"].(map[string]any); st["language"] != "da" {
			t.Errorf("%v", st)
		}
		h.do("PATCH", "/session", boss, `{"language":"xx"}`, 422)
		h.do("GET", "/passkeys", boss, "", 200)
		h.do("GET", "/passkeys/options?origin=http://127.0.0.1:80", boss, "", 422)
		h.do("POST", "/session/passkey", "", `{"id":"x","answer":{}}`, 422)
	})
}
