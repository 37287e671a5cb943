package directory_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth/directory"
	"github.com/skanse/skanse/internal/auth/directory/slapdtest"
	"github.com/skanse/skanse/internal/ot"
)

const adasWord = "ada's good sentence"

// A plant with a person whose name is hostile, two of one mail, and groups in a circle.
func plant(t *testing.T) *slapdtest.Server {
	p, g, dn := slapdtest.Person, slapdtest.Group, slapdtest.DN
	hostile := "dn: cn=Hostile," + slapdtest.People + "\nobjectClass: inetOrgPerson\nuid: a*b(c)d\\e\ncn: Hostile\nsn: Hostile\nmail: hostile@plant.example\nuserPassword: hostile sentence\n\n"
	return slapdtest.Start(t, p("ada", "Ada Lund", "Ada@plant.example", adasWord)+p("bo", "Bo Beck", "shared@plant.example", "bo's good sentence")+
		p("cy", "Cy Dahl", "shared@plant.example", "cy's good sentence")+hostile+
		g("ot-engineers", dn("ada"), "cn=everybody,"+slapdtest.Groups)+g("everybody", "cn=ot-engineers,"+slapdtest.Groups)+g("others", dn("bo")))
}

func search(s *slapdtest.Server) directory.Config {
	return directory.Config{URL: s.LDAPS, CA: s.CA, Mode: directory.Search, BindDN: slapdtest.BindDN, Password: slapdtest.Password, BaseDN: slapdtest.People, GroupDN: slapdtest.Groups}
}

func TestSignIn(t *testing.T) {
	s := plant(t)
	ctx := t.Context()
	ldaps := search(s)
	start := ldaps
	start.URL, start.StartTLS = s.LDAP, true
	for name, c := range map[string]directory.Config{"ldaps": ldaps, "starttls": start} {
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		if err := c.Try(ctx); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, login := range []string{"ada", "ADA", "ada@plant.example", " ada "} {
			p, err := c.SignIn(ctx, login, adasWord)
			if err != nil {
				t.Fatalf("%s as %q: %v", name, login, err)
			}
			if p.Name != "Ada Lund" || p.Email != "ada@plant.example" || len(p.Subject) != 36 || !strings.EqualFold(p.DN, slapdtest.DN("ada")) {
				t.Errorf("%s: %+v", name, p)
			}
			if !directory.InGroup(p.Groups, "ot-engineers") || directory.InGroup(p.Groups, "everybody") {
				t.Errorf("%s: groups %v", name, p.Groups)
			}
		}
	}
	nested := ldaps
	nested.Nested = true
	p, err := nested.SignIn(ctx, "ada", adasWord) // the groups name each other: this must end
	if err != nil || !directory.InGroup(p.Groups, "everybody") || len(p.Groups) != 2 {
		t.Errorf("nested: %v %v", p.Groups, err)
	}
}

// What a hostile person types stays a name: it finds nobody else, and never is a bind
// without a password.
func TestInjection(t *testing.T) {
	s := plant(t)
	c := search(s)
	ctx := t.Context()
	for _, login := range []string{
		"*", "a*", "ada)(|(uid=*", "*)(uid=*))(|(uid=*", "ada)(userPassword=*", "ad\\61", "ada\x00", "\x00", "ada)(cn=*))\x00(", "(", ")", "\\", "\\2a",
		"uid=ada", slapdtest.DN("ada"), "", " ", strings.Repeat("a", 300), "shared@plant.example", "ada\u202e", "\xff\xfe",
	} {
		for _, password := range []string{adasWord, "hostile sentence", ""} {
			if _, err := c.SignIn(ctx, login, password); !errors.Is(err, directory.ErrWrong) {
				t.Errorf("%q with %q: %v, want %v", login, password, err, directory.ErrWrong)
			}
		}
	}
	if p, err := c.SignIn(ctx, `a*b(c)d\e`, "hostile sentence"); err != nil || p.Name != "Hostile" {
		t.Errorf("the person whose name looks like a filter: %+v %v", p, err)
	}
	for _, password := range []string{"", " ", "wrong", adasWord + "\x00", strings.Repeat("x", 5000)} {
		if _, err := c.SignIn(ctx, "ada", password); !errors.Is(err, directory.ErrWrong) {
			t.Errorf("ada with %q: %v", password, err)
		}
	}
}

func TestDown(t *testing.T) {
	s := plant(t)
	ctx := t.Context()
	no := func(what string, c directory.Config) {
		t.Helper()
		began := time.Now()
		_, err := c.SignIn(ctx, "ada", adasWord)
		if err == nil || errors.Is(err, directory.ErrWrong) {
			t.Errorf("%s: %v, want why the directory cannot be asked", what, err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%s took %s", what, took)
		}
	}
	other := search(s)
	other.CA = ""
	no("a certificate that nobody here trusts", other)
	other = search(s)
	other.Password = "old secret"
	no("our own account is refused", other)
	// One that accepts and says nothing.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	silent := search(s)
	silent.Timeout = 300 * time.Millisecond
	silent.URL = "ldaps://" + l.Addr().String()
	no("silence", silent)
	silent.URL, silent.StartTLS = "ldap://"+l.Addr().String(), true
	no("silence at StartTLS", silent)
	refused := search(s)
	refused.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("not allowed out") }
	no("the dialer refuses", refused)
	s.Stop()
	no("stopped", search(s))
}

func TestCheck(t *testing.T) {
	good := directory.Config{URL: "ldaps://dc1.plant.example", Mode: directory.Search, BaseDN: "dc=plant,dc=example"}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*directory.Config){
		"in the clear":          func(c *directory.Config) { c.URL = "ldap://dc1.plant.example" },
		"http":                  func(c *directory.Config) { c.URL = "https://dc1.plant.example" },
		"a path":                func(c *directory.Config) { c.URL += "/dc=x" },
		"no base":               func(c *directory.Config) { c.BaseDN = "" },
		"a base that is none":   func(c *directory.Config) { c.BaseDN = "plant" },
		"a filter without name": func(c *directory.Config) { c.Filter = "(uid=ada)" },
		"half a filter":         func(c *directory.Config) { c.Filter = "(uid={login}" },
		"no password":           func(c *directory.Config) { c.BindDN = "cn=reader" },
		"no certificate":        func(c *directory.Config) { c.CA = "hello" },
		"no mode":               func(c *directory.Config) { c.Mode = "" },
		"no domain":             func(c *directory.Config) { c.Mode = directory.UPN },
		"a domain with a name":  func(c *directory.Config) { c.Mode, c.Domain = directory.UPN, "a@b" },
	} {
		c := good
		change(&c)
		if err := c.Check(); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestInGroup(t *testing.T) {
	groups := []string{"CN=OT Engineers,OU=Groups,DC=plant,DC=example", "cn=a+ou=b,dc=x", "nonsense"}
	for want, in := range map[string]bool{
		"ot engineers": true, "cn=ot engineers,ou=groups,dc=plant,dc=example": true, "OT": false,
		"cn=ot engineers,ou=other,dc=plant,dc=example": false, "ot engineers,ou=groups": false, "": false, "nonsense": false,
	} {
		if directory.InGroup(groups, want) != in {
			t.Errorf("%q: %v, want %v", want, !in, in)
		}
	}
	if !slices.Contains(groups, "nonsense") {
		t.Error("the list was changed")
	}
}
