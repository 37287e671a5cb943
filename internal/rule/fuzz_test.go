package rule_test

import (
	"testing"

	"github.com/skanse/skanse/internal/rule"
)

// FuzzLint reads files of rules as a person may upload them: nothing panics, what is found
// in order compiles, all of it together too, and a mistake says what it is.
func FuzzLint(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		rules, found := rule.Lint(raw, protocols, 2)
		if len(rules)+len(found) == 0 {
			t.Fatal("neither a rule nor a mistake")
		}
		for _, m := range found {
			if m.Text == "" || m.Line < 0 {
				t.Fatalf("%+v says nothing", m)
			}
		}
		if _, err := rule.Compile(rules, protocols, 2); err != nil {
			t.Fatalf("in order one by one, and not together: %v", err)
		}
	})
}

// FuzzCondition compiles conditions and evaluates those in order: none panics or runs long.
func FuzzCondition(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		rules := []rule.Rule{{ID: "a", On: rule.Message, When: text, Mask: rule.Mask{Classes: []string{"read"}}}}
		set, err := rule.Compile(rules, protocols, 2)
		if err != nil {
			return
		}
		v := rule.Vars{
			"protocol": "alpha", "transport": "tcp", "port": int64(1), "live": true, "planned": false, "crosses": false, "kind": "function", "dir": "request", "text": "", "name": "read", "class": "read",
			"object": "a/b", "code": int64(1), "unit": int64(0), "status": int64(0), "repeats": int64(0), "refused": false,
		}
		for _, side := range []string{"client.", "server."} {
			for _, s := range []string{"ip", "mac", "name", "role", "level", "zone"} {
				v[side+s] = "x"
			}
			for _, s := range []string{"known", "programming", "internet", "ot"} {
				v[side+s] = false
			}
		}
		_, _ = set.At(0).When.Holds(v) // one that costs too much says so
	})
}
