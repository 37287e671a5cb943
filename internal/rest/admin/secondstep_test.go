package admin_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func TestSecondStep(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		boss := h.setUp()
		e := h.do("POST", "/session/totp", boss, "", 200)
		secret := e["secret"].(string)
		if uri := e["uri"].(string); !strings.HasPrefix(uri, "otpauth://totp/Skanse:ada@example.com?") || !strings.Contains(uri, "secret="+secret) {
			t.Errorf("the app is told %s", uri)
		}
		dec := xml.NewDecoder(strings.NewReader(e["svg"].(string)))
		for {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("the drawing is no SVG: %v", err)
			}
		}
		h.do("POST", "/session/totp/confirm", boss, `{"code":"000000"}`, 422)
		now, err := totp.GenerateCode(secret, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		codes := h.do("POST", "/session/totp/confirm", boss, fmt.Sprintf(`{"code":%q}`, now), 200)["codes"].([]any)
		if len(codes) != 10 {
			t.Fatalf("%d recovery codes", len(codes))
		}
		in := func(code string, want int) map[string]any {
			t.Helper()
			return h.do("POST", "/session", "", fmt.Sprintf(`{"email":"ada@example.com","password":%q,"code":%q}`, good, code), want)
		}
		if got := in("", 401); got["code"] != "second_step" {
			t.Errorf("without a code: %v", got)
		}
		if got := h.do("POST", "/session", "", `{"email":"ada@example.com","password":"not the right sentence"}`, 401); got["code"] != "sign_in" {
			t.Errorf("a wrong password tells of the second step: %v", got)
		}
		if got := in(now, 401); got["code"] != "sign_in" {
			t.Errorf("the code of the enrolment again: %v", got)
		}
		in(codes[0].(string), 200)
		in(codes[0].(string), 401)
		if got := h.do("GET", "/session/totp", boss, "", 200); got["on"] != true || got["recovery_left"] != 9.0 {
			t.Errorf("stands %v", got)
		}
		said := fmt.Sprint(h.do("GET", "/audit", boss, "", 200)["items"])
		for _, want := range []string{"second_step.begin", "second_step.on", "session.refused"} {
			if !strings.Contains(said, want) {
				t.Errorf("the audit log has no %s", want)
			}
		}
		if strings.Contains(said, secret) || strings.Contains(said, codes[1].(string)) {
			t.Error("the audit log holds a secret")
		}
		h.do("POST", "/session/totp/off", boss, fmt.Sprintf(`{"code":%q}`, codes[1]), 204)
		in("", 200)
	})
}

func TestSecondStepOfOthers(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		h := newHouse(t, db)
		boss := h.setUp()
		u := h.do("POST", "/users", boss, `{"name":"Bea","email":"bea@example.com","role":"dso","sees_all":true}`, 201)["id"].(string)
		h.do("PUT", "/roles/dso/second-step", boss, `{"required":true}`, 204)
		h.do("PUT", "/roles/nobody/second-step", boss, `{"required":true}`, 404)
		link := h.do("POST", "/users/"+u+"/link", boss, "{}", 201)["token"].(string)
		bea := sessionCookie(t, h.raw("POST", "/session/link", "", fmt.Sprintf(`{"token":%q}`, link))).Value
		if me := h.do("GET", "/session", bea, "", 200)["user"].(map[string]any); me["must_enrol"] != true {
			t.Errorf("Bea is %v", me)
		}
		h.do("GET", "/sites", bea, "", 403)
		secret := h.do("POST", "/session/totp", bea, "", 200)["secret"].(string)
		now, err := totp.GenerateCode(secret, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		codes := h.do("POST", "/session/totp/confirm", bea, fmt.Sprintf(`{"code":%q}`, now), 200)["codes"].([]any)
		h.do("GET", "/sites", bea, "", 200)
		h.do("DELETE", "/users/"+u+"/totp", bea, "", 403)
		h.do("PUT", "/roles/dso/second-step", bea, `{"required":false}`, 403)
		h.do("POST", "/session/totp/off", bea, fmt.Sprintf(`{"code":%q}`, codes[0]), 409)
		h.do("DELETE", "/users/"+u+"/totp", boss, "", 204)
		h.do("GET", "/sites", bea, "", 403)
		h.do("PUT", "/roles/dso/second-step", boss, `{"required":false}`, 204)
		h.do("GET", "/sites", bea, "", 200)
	})
}
