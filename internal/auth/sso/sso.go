// Package sso asks an OpenID Connect provider who a person is: authorization code
// flow with PKCE, state and nonce. It keeps nothing and knows no role.
package sso

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/oauth2"
)

// Config says where the provider is and what its claims mean.
type Config struct {
	Issuer   string
	ClientID string
	Secret   string   // empty: a public client, PKCE alone
	Scopes   []string // besides openid, profile, email
	CA       string   // PEM; empty: what the machine trusts

	GroupsClaim string   // "groups"; a path as realm_access.roles too
	TrustEmail  bool     // the provider says no email_verified, but gives addresses itself
	StrongACR   []string // values of acr that mean two factors; asked for too
	StrongAMR   []string // values of amr that mean two factors; empty: mfa

	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Begun is a sign-in under way; all but URL stays with us.
type Begun struct {
	URL                    string // to send the browser to
	State, Nonce, Verifier string
	Redirect               string
}

// Person is who the provider says it is.
type Person struct {
	Subject  string
	Name     string
	Login    string
	Email    string
	Verified bool // the provider vouches for the address
	Groups   []string
	Strong   bool   // two factors were shown there
	Logout   string // where signing out ends the session there too; empty: nowhere
}

const (
	timeout = 10 * time.Second
	maxBody = 1 << 20
)

// Check refuses what could not work or would send secrets in the clear.
func (c Config) Check() error {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return ot.Errorf(ot.Invalid, "the issuer is an address as https://login.plant.example/realms/plant")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ot.Errorf(ot.Invalid, "the issuer must be https: over http anybody on the way could sign in as anybody")
	}
	if c.ClientID == "" || len(c.ClientID) > 200 {
		return ot.Errorf(ot.Invalid, "the client id is what the provider calls this Skanse")
	}
	if c.CA != "" && !x509.NewCertPool().AppendCertsFromPEM([]byte(c.CA)) {
		return ot.Errorf(ot.Invalid, "the certificate authority is no certificate in PEM form")
	}
	return nil
}

// client follows no redirects: the provider's own addresses are what discovery names.
func (c Config) client() *http.Client {
	t := &http.Transport{
		DialContext: c.Dial, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, DisableKeepAlives: true,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if c.CA != "" {
		t.TLSClientConfig.RootCAs = x509.NewCertPool()
		t.TLSClientConfig.RootCAs.AppendCertsFromPEM([]byte(c.CA))
	}
	return &http.Client{
		Transport: limited{t}, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// limited keeps an answer from filling the memory.
type limited struct{ http.RoundTripper }

func (l limited) RoundTrip(q *http.Request) (*http.Response, error) {
	w, err := l.RoundTripper.RoundTrip(q)
	if err == nil {
		w.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(w.Body, maxBody), w.Body}
	}
	return w, err
}

func (c Config) discover(ctx context.Context) (context.Context, *oidc.Provider, error) {
	ctx = oidc.ClientContext(ctx, c.client())
	p, err := oidc.NewProvider(ctx, c.Issuer)
	if err != nil {
		return ctx, nil, fmt.Errorf("ask the provider %s what it is: %w", c.Issuer, err)
	}
	return ctx, p, nil
}

// Try asks the provider for its description.
func (c Config) Try(ctx context.Context) error {
	_, _, err := c.discover(ctx)
	return err
}

func (c Config) oauth(p *oidc.Provider, redirect string) *oauth2.Config {
	scopes := append([]string{oidc.ScopeOpenID, "profile", "email"}, c.Scopes...)
	return &oauth2.Config{ClientID: c.ClientID, ClientSecret: c.Secret, Endpoint: p.Endpoint(), RedirectURL: redirect, Scopes: slices.Compact(scopes)}
}

// Begin makes the address to send the browser to. random gives unguessable text.
func (c Config) Begin(ctx context.Context, redirect string, random func() string) (Begun, error) {
	_, p, err := c.discover(ctx)
	if err != nil {
		return Begun{}, err
	}
	b := Begun{State: random(), Nonce: random(), Verifier: oauth2.GenerateVerifier(), Redirect: redirect}
	opts := []oauth2.AuthCodeOption{oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)}
	if len(c.StrongACR) > 0 {
		opts = append(opts, oauth2.SetAuthURLParam("acr_values", strings.Join(c.StrongACR, " ")))
	}
	b.URL = c.oauth(p, redirect).AuthCodeURL(b.State, opts...)
	return b, nil
}

// ErrRefused says that what came back proves nobody.
var ErrRefused = errors.New("the provider's answer proves nobody")

func refused(why string, err error) error { return fmt.Errorf("%w: %s: %w", ErrRefused, why, err) }

type claims struct {
	Name     string `json:"name"`
	Login    string `json:"preferred_username"`
	Email    string `json:"email"`
	Verified any    `json:"email_verified"` // some say "true"
	ACR      string `json:"acr"`
	AMR      any    `json:"amr"` // AD FS says one text, others a list
}

// Finish exchanges the code and checks the token: signature, issuer, audience, time, nonce.
func (c Config) Finish(ctx context.Context, b Begun, code string) (Person, error) {
	ctx, p, err := c.discover(ctx)
	if err != nil {
		return Person{}, err
	}
	oc := c.oauth(p, b.Redirect)
	token, err := oc.Exchange(ctx, code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		if _, answered := errors.AsType[*oauth2.RetrieveError](err); answered {
			return Person{}, refused("it does not take the code", err)
		}
		return Person{}, fmt.Errorf("exchange the code at the provider: %w", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Person{}, refused("there is no ID token", errors.New("the scope openid was not granted"))
	}
	id, err := p.Verifier(&oidc.Config{ClientID: c.ClientID}).Verify(ctx, raw)
	if err != nil {
		return Person{}, refused("the ID token", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(b.Nonce)) != 1 {
		return Person{}, refused("the ID token", errors.New("it is of another sign-in (nonce)"))
	}
	var in claims
	var all map[string]any
	if err := errors.Join(id.Claims(&in), id.Claims(&all)); err != nil {
		return Person{}, refused("the claims", err)
	}
	groups, has := textsAt(all, c.groupsClaim())
	if in.Email == "" || !has { // some say these only at the userinfo address
		if info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(token)); err == nil && info.Subject == id.Subject {
			var more map[string]any
			if err := errors.Join(info.Claims(&more)); err != nil {
				return Person{}, refused("the userinfo", err)
			}
			if in.Email == "" {
				in.Email, in.Verified = info.Email, info.EmailVerified
			}
			if in.Name == "" {
				in.Name, _ = more["name"].(string)
			}
			if in.Login == "" {
				in.Login, _ = more["preferred_username"].(string)
			}
			if !has {
				groups, _ = textsAt(more, c.groupsClaim())
			}
		}
	}
	var more struct {
		Logout string `json:"end_session_endpoint"`
	}
	_ = p.Claims(&more) // a provider without it has none
	out := Person{
		Subject: id.Subject, Name: in.Name, Login: in.Login, Email: strings.ToLower(strings.TrimSpace(in.Email)), Groups: groups,
		Verified: c.TrustEmail || in.Verified == true || in.Verified == "true",
		Strong:   c.strong(in.ACR, in.AMR),
	}
	if u, err := url.Parse(more.Logout); err == nil && more.Logout != "" && (u.Scheme == "https" || strings.HasPrefix(c.Issuer, "http:")) {
		q := u.Query()
		q.Set("client_id", c.ClientID)
		u.RawQuery = q.Encode()
		out.Logout = u.String()
	}
	return out, nil
}

func (c Config) groupsClaim() string {
	if c.GroupsClaim == "" {
		return "groups"
	}
	return c.GroupsClaim
}

func (c Config) strong(acr string, amr any) bool {
	if acr != "" && slices.Contains(c.StrongACR, acr) {
		return true
	}
	want := c.StrongAMR
	if len(want) == 0 {
		want = []string{"mfa"}
	}
	said, _ := texts(amr)
	return slices.ContainsFunc(said, func(x string) bool { return slices.Contains(want, x) })
}

// textsAt finds a claim by its whole name first (names may hold dots, as those that are
// addresses do), then by a path of names.
func textsAt(all map[string]any, path string) ([]string, bool) {
	if v, ok := all[path]; ok {
		return texts(v)
	}
	head, rest, ok := strings.Cut(path, ".")
	if !ok {
		return nil, false
	}
	inner, ok := all[head].(map[string]any)
	if !ok {
		return nil, false
	}
	return textsAt(inner, rest)
}

// maxTexts bounds a claim: more groups than that are a mistake of the provider.
const maxTexts = 1000

func texts(v any) ([]string, bool) {
	switch x := v.(type) {
	case string:
		return []string{x}, true
	case []any:
		out := []string{}
		for _, one := range x {
			if s, ok := one.(string); ok && len(out) < maxTexts {
				out = append(out, s)
			}
		}
		return out, true
	}
	return nil, false
}
