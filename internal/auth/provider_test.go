package auth_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/auth/directory/slapdtest"
	"github.com/skanse/skanse/internal/auth/sso/ssotest"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

const (
	theirs = "a sentence of the directory"
	back   = "http://localhost:1/sso"
)

func ldapOf(d *slapdtest.Server, rules ...auth.Rule) auth.Provider {
	if rules == nil {
		rules = []auth.Rule{}
	}
	return auth.Provider{
		ID: store.NewID(), Kind: auth.LDAP, Name: "Plant directory", Enabled: true, Unknown: "create", Rules: rules,
		LDAP: &auth.LDAPSettings{URL: d.LDAPS, CA: d.CA, Mode: "search", BindDN: slapdtest.BindDN, BaseDN: slapdtest.People, GroupDN: slapdtest.Groups, Nested: true},
	}
}

func oidcOf(p *ssotest.Provider, unknown string, rules ...auth.Rule) auth.Provider {
	return auth.Provider{
		ID: store.NewID(), Kind: auth.OIDC, Name: "Company", Enabled: true, Unknown: unknown, Rules: rules,
		OIDC: &auth.OIDCSettings{Issuer: p.Issuer, ClientID: ssotest.ClientID, Scopes: []string{"custom_scope"}, GroupsClaim: "custom_claim.client"},
	}
}

func save(t *testing.T, s *auth.Service, p auth.Provider, secret string) auth.Provider {
	t.Helper()
	out, err := s.SaveProvider(t.Context(), p, &secret)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// sso signs in at the provider as this person; p is nobody, or who joins the two.
func ssoIn(t *testing.T, s *auth.Service, at *ssotest.Provider, id, name string, p auth.Principal) (auth.Signed, error) {
	t.Helper()
	address, browser, err := s.BeginSSO(t.Context(), p, id, back, auth.Client{})
	if err != nil {
		t.Fatal(err)
	}
	state, code := at.Walk(t, address, name)
	return s.FinishSSO(t.Context(), p, state, code, browser, auth.Client{})
}

func TestDirectorySignIn(t *testing.T) {
	p, g, dn := slapdtest.Person, slapdtest.Group, slapdtest.DN
	d := slapdtest.Start(t, p("ada", "Ada Lund", "ada@example.com", theirs)+p("bo", "Bo Beck", "bo@example.com", theirs)+p("cy", "Cy Dahl", "cy@example.com", theirs)+
		g("engineers", dn("bo"))+g("all-ot", "cn=engineers,"+slapdtest.Groups))
	eachSealed(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		ada := setUp(t, s) // has a password here too
		at := auth.Client{Address: "10.0.0.5"}
		in := func(login, password, code string) (auth.Signed, error) {
			return s.SignInCode(ctx, login, password, code, at)
		}
		_, err := in("bo", theirs, "")
		wantCode(t, "before the directory is known", err, ot.SignIn)
		prov := save(t, s, ldapOf(d, auth.Rule{Group: "all-ot", Role: auth.OTEngineer, SeesAll: true}), slapdtest.Password)

		// A person of the group gets an account, once, whatever name they type.
		bo, err := in("bo", theirs, "")
		if err != nil {
			t.Fatal(err)
		}
		if bo.User.Role != auth.OTEngineer || bo.User.Email != "bo@example.com" || bo.User.ManagedBy != prov.ID || who(t, s, bo.Token).How != auth.ByLDAP {
			t.Errorf("%+v", bo.User)
		}
		for _, login := range []string{"bo", "BO@example.com"} {
			if again, err := in(login, theirs, ""); err != nil || again.User.ID != bo.User.ID {
				t.Errorf("as %s: %v %v", login, again.User.ID, err)
			}
		}
		_, err = in("cy", theirs, "")
		wantCode(t, "in no group", err, ot.SignIn)
		for _, bad := range [][2]string{{"bo", ""}, {"bo", "wrong"}, {"*", theirs}, {"b*", theirs}, {"bo)(uid=*", theirs}, {"bo\x00", theirs}} {
			_, err = s.SignInCode(ctx, bad[0], bad[1], "", auth.Client{Address: bad[0] + bad[1]})
			wantCode(t, bad[0]+" with "+bad[1], err, ot.SignIn)
		}
		// Ada is one person: the account here, and the entry there.
		in2, err := in("ada", theirs, "")
		if err != nil || in2.User.ID != ada.User.ID || in2.User.Role != auth.Administrator {
			t.Errorf("Ada by the directory: %+v %v", in2.User, err)
		}
		if us, err := s.Users(ctx); err != nil || len(us) != 2 {
			t.Errorf("%d users, %v", len(us), err)
		}
		// Her second step is asked by the directory's way too.
		secret, _ := enrol(t, s, who(t, s, ada.Token), w)
		_, err = in("ada", theirs, "")
		if _, asked := errors.AsType[auth.SecondStepError](err); !asked {
			t.Errorf("no code was asked: %v", err)
		}
		if _, err = in("ada", theirs, code(t, secret, w.now())); err != nil {
			t.Error(err)
		}
		// Another group, another role, at the next sign-in; none, and the door is shut.
		prov.Rules[0].Role = auth.Reader
		prov, err = s.SaveProvider(ctx, prov, nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := in("bo", theirs, ""); err != nil || again.User.Role != auth.Reader || who(t, s, bo.Token).Role != auth.Reader {
			t.Errorf("%+v %v", again.User, err)
		}
		prov.Rules[0].Group = "nobody"
		if prov, err = s.SaveProvider(ctx, prov, nil); err != nil {
			t.Fatal(err)
		}
		_, err = in("bo", theirs, "")
		wantCode(t, "left the group", err, ot.SignIn)
		if err := s.DeleteProvider(ctx, prov.ID); ot.CodeOf(err) != ot.Conflict {
			t.Errorf("removed while accounts come from it: %v", err)
		}
		// Turned off: what it let in is out.
		prov.Enabled = false
		if _, err = s.SaveProvider(ctx, prov, nil); err != nil {
			t.Fatal(err)
		}
		if !who(t, s, bo.Token).Nobody() {
			t.Error("still in after the directory was turned off")
		}
	})
}

// The directory is down: accounts here, passkeys and printed codes still open, soon.
func TestDirectoryDown(t *testing.T) {
	d := slapdtest.Start(t, slapdtest.Person("bo", "Bo Beck", "bo@example.com", theirs))
	each := 0
	eachSealed(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		each++
		ctx := t.Context()
		setUp(t, s)
		sheet, err := s.PrintSheet(ctx, auth.System(), 1)
		if err != nil {
			t.Fatal(err)
		}
		save(t, s, ldapOf(d, auth.Rule{Group: "*", Role: auth.Reader}), slapdtest.Password)
		if each == 1 {
			if _, err := s.SignIn(ctx, "bo", theirs, auth.Client{}); err != nil {
				t.Fatal(err)
			}
			d.Stop()
		}
		began := time.Now()
		_, err = s.SignIn(ctx, "bo", theirs, auth.Client{})
		if ot.CodeOf(err) != ot.SignIn || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("%v", err)
		}
		if _, err := s.SignIn(ctx, "ada@example.com", good, auth.Client{}); err != nil {
			t.Errorf("an account of ours: %v", err)
		}
		if _, err := s.UseSheetCode(ctx, sheet.Codes[0], "Bo Beck", "the directory is down", auth.Client{}); err != nil {
			t.Errorf("a printed code: %v", err)
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("all that took %s", took)
		}
	})
}

func TestSSOSignIn(t *testing.T) {
	at := ssotest.Start(t, back)
	at.Add("ada", "ada@example.com", true)
	at.Add("ada2", "ada@example.com", true)
	at.Add("eve", "ada@example.com", false)
	at.Add("bo", "bo@example.com", true)
	at.Add("cy", "cy@work.example", true)
	eachSealed(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		ada := setUp(t, s)
		prov := save(t, s, oidcOf(at, "refuse"), ssotest.Secret)
		nobody := auth.Principal{}
		_, err := ssoIn(t, s, at, prov.ID, "bo", nobody)
		wantCode(t, "not known here", err, ot.SignIn)
		_, err = ssoIn(t, s, at, prov.ID, "eve", nobody)
		wantCode(t, "an address that nobody vouches for", err, ot.SignIn)
		in, err := ssoIn(t, s, at, prov.ID, "ada", nobody)
		if err != nil || in.User.ID != ada.User.ID {
			t.Fatalf("Ada: %+v %v", in.User, err)
		}
		if s.LogoutAddress(who(t, s, in.Token)) == "" {
			t.Error("no address to sign out at the provider")
		}
		_, err = ssoIn(t, s, at, prov.ID, "ada2", nobody)
		wantCode(t, "another subject with the same address", err, ot.SignIn)

		// Who began in another browser, or twice, does not end it here.
		address, browser, err := s.BeginSSO(ctx, nobody, prov.ID, back, auth.Client{})
		if err != nil {
			t.Fatal(err)
		}
		state, code1 := at.Walk(t, address, "ada")
		_, err = s.FinishSSO(ctx, nobody, state, code1, "another browser", auth.Client{})
		wantCode(t, "another browser", err, ot.SignIn)
		_, err = s.FinishSSO(ctx, nobody, state, code1, browser, auth.Client{})
		wantCode(t, "the state again", err, ot.SignIn)
		address, browser, err = s.BeginSSO(ctx, nobody, prov.ID, back, auth.Client{})
		if err != nil {
			t.Fatal(err)
		}
		state, code1 = at.Walk(t, address, "ada")
		w.add(11 * time.Minute)
		_, err = s.FinishSSO(ctx, nobody, state, code1, browser, auth.Client{})
		wantCode(t, "too late", err, ot.SignIn)
		_, err = s.FinishSSO(ctx, nobody, "", "", "", auth.Client{})
		wantCode(t, "nothing", err, ot.SignIn)

		// Her second step is asked in the session, which opens nothing else before.
		secret, _ := enrol(t, s, who(t, s, ada.Token), w)
		if in, err = ssoIn(t, s, at, prov.ID, "ada", nobody); err != nil {
			t.Fatal(err)
		}
		p := who(t, s, in.Token)
		if !p.MustStep || len(p.Permissions) != 1 || p.Scope.All {
			t.Errorf("before the code: %+v", p)
		}
		_, err = s.BeginEnrolment(ctx, p)
		wantCode(t, "another app before the code", err, ot.Forbidden)
		_, _, err = s.BeginPasskey(ctx, p, "http://localhost:1")
		wantCode(t, "a passkey before the code", err, ot.Forbidden)
		wantCode(t, "a wrong code", s.StepUp(ctx, p, "000000"), ot.Invalid)
		wantCode(t, "no code", s.StepUp(ctx, p, ""), ot.Invalid)
		if err := s.StepUp(ctx, p, code(t, secret, w.now())); err != nil {
			t.Fatal(err)
		}
		if p = who(t, s, in.Token); p.MustStep || !p.Permissions.Has(auth.UserWrite) {
			t.Errorf("after the code: %+v", p)
		}
		// Where the provider vouches for two factors none is asked here.
		prov.OIDC.StrongAMR = []string{"pwd"}
		if prov, err = s.SaveProvider(ctx, prov, nil); err != nil {
			t.Fatal(err)
		}
		if in, err = ssoIn(t, s, at, prov.ID, "ada", nobody); err != nil || who(t, s, in.Token).MustStep {
			t.Errorf("%v", err)
		}
		// Accounts by rule, and never a second one of a person.
		prov.Unknown, prov.Rules = "create", []auth.Rule{{Group: ssotest.ClientID, Role: auth.Operator, SeesAll: true}}
		if prov, err = s.SaveProvider(ctx, prov, nil); err != nil {
			t.Fatal(err)
		}
		bo, err := ssoIn(t, s, at, prov.ID, "bo", nobody)
		if err != nil || bo.User.Role != auth.Operator || bo.User.Name != "bo Test" {
			t.Fatalf("%+v %v", bo.User, err)
		}
		_, err = ssoIn(t, s, at, prov.ID, "eve", nobody)
		wantCode(t, "created beside an account of that address", err, ot.SignIn)

		// A person with another address there joins the two, from inside.
		cy, err := s.CreateUser(ctx, auth.User{Name: "Cy", Email: "cy@example.com", Role: auth.Reader, SeesAll: true})
		if err != nil {
			t.Fatal(err)
		}
		link, _, err := s.CreateLink(ctx, auth.System(), cy.ID)
		if err != nil {
			t.Fatal(err)
		}
		cyIn, err := s.UseLink(ctx, link, good, auth.Client{})
		if err != nil {
			t.Fatal(err)
		}
		pc := who(t, s, cyIn.Token)
		_, err = ssoIn(t, s, at, prov.ID, "bo", pc)
		wantCode(t, "joining somebody else's", err, ot.Conflict)
		if _, err = ssoIn(t, s, at, prov.ID, "cy", pc); err != nil {
			t.Fatal(err)
		}
		if again, err := ssoIn(t, s, at, prov.ID, "cy", nobody); err != nil || again.User.ID != cy.ID || again.User.Role != auth.Reader {
			t.Errorf("joined: %+v %v", again.User, err)
		}
		if ks, err := s.Identities(ctx, pc); err != nil || len(ks) != 1 || ks[0].Login != "cy" {
			t.Errorf("%+v %v", ks, err)
		}
	})
}

func TestProviderSettings(t *testing.T) {
	eachSealed(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		setUp(t, s)
		good := auth.Provider{
			ID: store.NewID(), Kind: auth.OIDC, Name: "Company", Enabled: true, Unknown: "refuse", Rules: []auth.Rule{},
			OIDC: &auth.OIDCSettings{Issuer: "https://login.plant.example", ClientID: "skanse"},
		}
		secret := "a client secret that is nowhere"
		p, err := s.SaveProvider(ctx, good, &secret)
		if err != nil || !p.HasSecret || p.Version != 1 {
			t.Fatalf("%+v %v", p, err)
		}
		var kept []string
		if err := db.View(ctx, func(r store.Reader) (err error) {
			rows, err := store.All[[]byte](ctx, r, "SELECT secret FROM auth_provider")
			for _, x := range rows {
				kept = append(kept, string(x))
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if len(kept) != 1 || strings.Contains(kept[0], "nowhere") {
			t.Error("the secret is kept in the clear")
		}
		stale := p
		stale.Version = 0
		_, err = s.SaveProvider(ctx, stale, nil)
		wantCode(t, "over somebody else's change", err, ot.Conflict)
		moved := p
		moved.OIDC = &auth.OIDCSettings{Issuer: "https://evil.example", ClientID: "skanse"}
		_, err = s.SaveProvider(ctx, moved, nil)
		wantCode(t, "the secret to another place", err, ot.Invalid)
		for what, change := range map[string]func(*auth.Provider){
			"no name":       func(x *auth.Provider) { x.Name = " " },
			"no settings":   func(x *auth.Provider) { x.OIDC = nil },
			"both settings": func(x *auth.Provider) { x.LDAP = &auth.LDAPSettings{} },
			"in the clear": func(x *auth.Provider) {
				x.OIDC = &auth.OIDCSettings{Issuer: "http://login.plant.example", ClientID: "x"}
			},
			"unknown what":       func(x *auth.Provider) { x.Unknown = "" },
			"create by nothing":  func(x *auth.Provider) { x.Unknown = "create" },
			"no such role":       func(x *auth.Provider) { x.Rules = []auth.Rule{{Group: "*", Role: "king"}} },
			"no group":           func(x *auth.Provider) { x.Rules = []auth.Rule{{Group: " ", Role: auth.Reader}} },
			"an auditor by rule": func(x *auth.Provider) { x.Rules = []auth.Rule{{Group: "*", Role: auth.Auditor}} },
			"no such site": func(x *auth.Provider) {
				x.Rules = []auth.Rule{{Group: "*", Role: auth.Reader, Sites: []string{store.NewID()}}}
			},
		} {
			x := good
			x.ID, x.Name = store.NewID(), what
			change(&x)
			_, err := s.SaveProvider(ctx, x, nil)
			wantCode(t, what, err, ot.Invalid)
		}
		if err := s.DeleteProvider(ctx, p.ID); err != nil {
			t.Error(err)
		}
	})
}
