package sigma

import (
	"testing"

	"github.com/skanse/skanse/internal/rule"
)

// Whatever is uploaded is read or refused, and what was read judges and is written for edges.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, raw []byte) {
		Is(raw)
		rules, found := Read(raw)
		for _, m := range found {
			if m.Text == "" || m.Line < 0 {
				t.Errorf("a mistake without words: %+v", m)
			}
		}
		lines := []rule.LogLine{event("Security", 4625, "TargetUserName", "Service"), event(sysmon, 1, "Image", "x"), text("sshd", "Invalid user admin")}
		for i := range rules {
			for n := range lines {
				rules[i].Meets(On(&lines[n]))
			}
		}
		file, err := AsFile(rules)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := rule.Parse("x.yaml", []byte(file)); err != nil || len(back) != len(rules) {
			t.Errorf("%v: %d of %d rules come back from\n%s", err, len(back), len(rules), file)
		}
	})
}
