package sso_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/skanse/skanse/internal/auth/sso"
	"github.com/skanse/skanse/internal/auth/sso/ssotest"
	"github.com/skanse/skanse/internal/ot"
)

const redirect = "http://localhost:1/sso"

func random() string { return rand.Text() }

func TestFlow(t *testing.T) {
	p := ssotest.Start(t, redirect)
	p.Add("ada", "Ada@plant.example", true)
	p.Add("eve", "ada@plant.example", false)
	ctx := t.Context()
	c := sso.Config{Issuer: p.Issuer, ClientID: ssotest.ClientID, Secret: ssotest.Secret, Scopes: []string{"custom_scope"}, GroupsClaim: "custom_claim.client"}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	begin := func() sso.Begun {
		t.Helper()
		b, err := c.Begin(ctx, redirect, random)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	b := begin()
	u, err := url.Parse(b.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 || q.Get("nonce") != b.Nonce || q.Get("state") != b.State || strings.Contains(b.URL, b.Verifier) || strings.Contains(b.URL, "secret") {
		t.Errorf("the address: %s", b.URL)
	}
	state, code := p.Walk(t, b.URL, "ada")
	if state != b.State {
		t.Errorf("state %q came back as %q", b.State, state)
	}
	who, err := c.Finish(ctx, b, code)
	if err != nil {
		t.Fatal(err)
	}
	if who.Subject != "sub-ada" || who.Email != "ada@plant.example" || !who.Verified || who.Login != "ada" || who.Strong || len(who.Groups) != 1 || who.Groups[0] != ssotest.ClientID {
		t.Errorf("%+v", who)
	}
	if !strings.HasPrefix(who.Logout, p.Issuer) || !strings.Contains(who.Logout, "client_id="+ssotest.ClientID) {
		t.Errorf("logout %q", who.Logout)
	}
	refused := func(what string, c sso.Config, b sso.Begun, code string) {
		t.Helper()
		if who, err := c.Finish(ctx, b, code); !errors.Is(err, sso.ErrRefused) {
			t.Errorf("%s: %+v, %v", what, who, err)
		}
	}
	refused("the code again", c, b, code)
	b = begin()
	_, code = p.Walk(t, b.URL, "ada")
	wrong := b
	wrong.Verifier = begin().Verifier
	refused("another verifier (PKCE)", c, wrong, code)
	b = begin()
	_, code = p.Walk(t, b.URL, "ada")
	wrong = b
	wrong.Nonce = begin().Nonce
	refused("another nonce", c, wrong, code)
	b = begin()
	_, code = p.Walk(t, b.URL, "ada")
	other := c
	other.Secret = "guessed"
	refused("another client secret", other, b, code)
	refused("no code", c, b, "")

	c.StrongAMR = []string{"pwd"} // what this provider says
	b = begin()
	_, code = p.Walk(t, b.URL, "eve")
	if who, err = c.Finish(ctx, b, code); err != nil || !who.Strong || who.Verified {
		t.Errorf("%+v %v", who, err)
	}
	c.TrustEmail = true
	b = begin()
	_, code = p.Walk(t, b.URL, "eve")
	if who, err = c.Finish(ctx, b, code); err != nil || !who.Verified {
		t.Errorf("%+v %v", who, err)
	}
	p.Stop()
	if _, err := c.Begin(ctx, redirect, random); err == nil || errors.Is(err, sso.ErrRefused) {
		t.Errorf("stopped: %v", err)
	}
}

// A provider that lies, or somebody between it and us: none of its tokens is taken.
func TestForgedTokens(t *testing.T) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var token string
	mux := http.NewServeMux()
	web := httptest.NewServer(mux)
	defer web.Close()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	issuer := web.URL
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": issuer, "authorization_endpoint": web.URL + "/auth", "token_endpoint": web.URL + "/token", "jwks_uri": web.URL + "/keys", "userinfo_endpoint": web.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"}})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: own.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": token})
	})
	mux.HandleFunc("/userinfo", func(w http.ResponseWriter, _ *http.Request) { // of somebody else
		answer(w, map[string]any{"sub": "boss", "email": "boss@plant.example", "email_verified": true, "groups": []string{"administrators"}})
	})
	c := sso.Config{Issuer: web.URL, ClientID: "skanse"}
	b, err := c.Begin(t.Context(), redirect, random)
	if err != nil {
		t.Fatal(err)
	}
	good := func() map[string]any {
		return map[string]any{"iss": web.URL, "sub": "ada", "aud": "skanse", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "nonce": b.Nonce, "email": "", "amr": "mfa"}
	}
	sign := func(alg jose.SignatureAlgorithm, key any, claims map[string]any) string {
		t.Helper()
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		x, err := s.Sign(body)
		if err != nil {
			t.Fatal(err)
		}
		out, err := x.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	with := func(key string, v any) map[string]any { m := good(); m[key] = v; return m }
	token = sign(jose.ES256, own, good())
	who, err := c.Finish(t.Context(), b, "code")
	if err != nil || who.Subject != "ada" || !who.Strong {
		t.Fatalf("the good token: %+v %v", who, err)
	}
	if who.Email != "" || len(who.Groups) != 0 {
		t.Errorf("another person's userinfo was taken: %+v", who)
	}
	public, err := json.Marshal(own.X)
	if err != nil {
		t.Fatal(err)
	}
	for what, forged := range map[string]string{
		"another key":            sign(jose.ES256, stranger, good()),
		"the public key as HMAC": sign(jose.HS256, public, good()),
		"no signature":           "eyJhbGciOiJub25lIn0." + strings.Split(token, ".")[1] + ".",
		"a changed payload":      strings.Split(token, ".")[0] + "." + strings.Split(sign(jose.ES256, stranger, with("sub", "boss")), ".")[1] + "." + strings.Split(token, ".")[2],
		"another issuer":         sign(jose.ES256, own, with("iss", "https://evil.example")),
		"another audience":       sign(jose.ES256, own, with("aud", "mail")),
		"ran out":                sign(jose.ES256, own, with("exp", time.Now().Add(-time.Hour).Unix())),
		"another nonce":          sign(jose.ES256, own, with("nonce", "x")),
		"no nonce":               sign(jose.ES256, own, with("nonce", nil)),
		"no token":               "",
		"nonsense":               "a.b.c",
	} {
		token = forged
		if who, err := c.Finish(t.Context(), b, "code"); !errors.Is(err, sso.ErrRefused) {
			t.Errorf("%s: %+v %v", what, who, err)
		}
	}
	issuer = "https://evil.example"
	if err := c.Try(t.Context()); err == nil {
		t.Error("a provider that calls itself by another name was taken")
	}
}

func TestBigAnswer(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":"%s`, strings.Repeat("x", 8<<20))
	}))
	defer web.Close()
	if err := (sso.Config{Issuer: web.URL, ClientID: "x"}).Try(t.Context()); err == nil {
		t.Error("taken")
	}
}

func TestCheck(t *testing.T) {
	for _, issuer := range []string{"", "plant.example", "http://plant.example", "https://u:p@plant.example", "https://plant.example?x=1", "ftp://plant.example", "https://"} {
		if err := (sso.Config{Issuer: issuer, ClientID: "skanse"}).Check(); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%q: %v", issuer, err)
		}
	}
	if err := (sso.Config{Issuer: "https://login.plant.example/realms/plant"}).Check(); ot.CodeOf(err) != ot.Invalid {
		t.Errorf("no client: %v", err)
	}
	if err := (sso.Config{Issuer: "https://login.plant.example/realms/plant", ClientID: "skanse"}).Check(); err != nil {
		t.Error(err)
	}
}
