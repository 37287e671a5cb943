// Package ssotest runs the example OpenID provider of zitadel/oidc in the test's own
// process, and walks its sign-in page as a browser does.
package ssotest

import (
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

// Provider is a running provider. It says amr ["pwd"], no acr, and with the scope
// custom_scope a claim custom_claim.client that holds the client id.
type Provider struct {
	Issuer string
	People people
	stop   func()
}

// Client credentials that the provider knows.
const (
	ClientID = "skanse"
	Secret   = "a client secret"
	Password = "verysecure"
)

type people map[string]*storage.User

// GetUserByID implements storage.UserStore.
func (p people) GetUserByID(id string) *storage.User { return p[id] }

// GetUserByUsername implements storage.UserStore.
func (p people) GetUserByUsername(name string) *storage.User {
	for _, u := range p {
		if u.Username == name {
			return u
		}
	}
	return nil
}

// ExampleClientID implements storage.UserStore.
func (people) ExampleClientID() string { return "service" }

// Add makes a person known; the subject is the name with "sub-" before it.
func (p *Provider) Add(name, email string, verified bool) {
	p.People["sub-"+name] = &storage.User{ID: "sub-" + name, Username: name, Password: Password, FirstName: name, LastName: "Test", Email: email, EmailVerified: verified}
}

// Stop ends it before the test does.
func (p *Provider) Stop() { p.stop() }

// Start runs a provider that sends browsers back to redirect.
func Start(t testing.TB, redirect string) *Provider {
	t.Helper()
	p := &Provider{People: people{}}
	web := httptest.NewUnstartedServer(nil)
	_, port, err := net.SplitHostPort(web.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p.Issuer = "http://localhost:" + port
	clients := map[string]*storage.Client{ClientID: storage.WebClient(ClientID, Secret, redirect)}
	web.Config.Handler = exampleop.SetupServer(p.Issuer, storage.NewStorageWithClients(p.People, clients), nil, false)
	web.Start()
	stopped := false
	p.stop = func() {
		if !stopped {
			stopped = true
			web.Close()
		}
	}
	t.Cleanup(p.stop)
	return p
}

// Walk opens the address as a browser, signs in there as the person, and returns what
// the provider sends the browser back with.
func (p *Provider) Walk(t testing.TB, address, name string) (state, code string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	follow := func(w *http.Response, err error) *url.URL {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		to, err := w.Location()
		if err != nil {
			t.Fatalf("the provider answers %s and sends the browser nowhere", w.Status)
		}
		return to
	}
	login := follow(c.Get(address)) //nolint:bodyclose // follow closes it
	form := url.Values{"username": {name}, "password": {Password}, "id": {login.Query().Get("authRequestID")}}
	login.RawQuery = ""
	back := follow(c.Get(follow(c.PostForm(login.String(), form)).String())) //nolint:bodyclose // follow closes both
	return back.Query().Get("state"), back.Query().Get("code")
}
