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
