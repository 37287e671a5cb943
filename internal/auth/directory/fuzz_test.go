package directory_test

import (
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/skanse/skanse/internal/auth/directory"
)

// Whatever is typed stays a value: the filter that it lands in has the same shape as
// with a harmless name.
func FuzzLogin(f *testing.F) {
	for _, s := range []string{"ada", "*", "ada)(uid=*", "\x00", `a\2ab`, "ada\xff", "(", "ø"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, login string) {
		text := strings.ReplaceAll(directory.DefaultFilter, "{login}", ldap.EscapeFilter(login))
		p, err := ldap.CompileFilter(text)
		if err != nil {
			t.Fatalf("%q makes a filter that is none: %v", login, err)
		}
		if p.Tag != ldap.FilterOr || len(p.Children) != 4 {
			t.Fatalf("%q changes the filter: %s", login, text)
		}
		for _, c := range p.Children {
			if c.Tag != ldap.FilterEqualityMatch {
				t.Fatalf("%q makes another question of it: %s", login, text)
			}
		}
	})
}

func FuzzInGroup(f *testing.F) {
	f.Add("cn=a,dc=b", "a")
	f.Add("cn=a+ou=b,dc=c", "cn=a+ou=b,dc=c")
	f.Add(`cn=a\,b,dc=c`, "a,b")
	f.Add("", "=")
	f.Fuzz(func(t *testing.T, group, want string) {
		if directory.InGroup([]string{group}, want) && want == "" {
			t.Fatalf("%q is in the group without a name", group)
		}
	})
}
