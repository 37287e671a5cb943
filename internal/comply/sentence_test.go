package comply

import (
	"testing"

	"github.com/skanse/skanse/catalog"
)

// Every unit that a check may show has a singular that a person would write.
func TestOneOfEachUnit(t *testing.T) {
	want := map[string]string{
		"conversations": "conversation", "alerts": "alert", "hosts": "host", "technologies": "technology", "devices": "device", "addresses": "address", "findings": "finding", "decisions": "decision", "risks": "risk", "makers": "maker", "suppliers": "supplier",
		"safety systems": "safety system", "frames": "frame", "queries": "query", "zones": "zone", "days": "day", "months": "month", "minutes": "minute",
		"window hours for each backlog hour": "window hours for each backlog hour", "times the own baseline": "times the own baseline", "times the site target": "times the site target",
	}
	units := map[string]bool{}
	for _, r := range relations() {
		units[r.unit] = true
	}
	c, err := ReadCatalogue(catalog.Files)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range c.checks {
		units[k.Test.Unit] = true
	}
	delete(units, "")
	for u := range units {
		if want[u] == "" || one(u) != want[u] {
			t.Errorf("one of %q is %q, want %q", u, one(u), want[u])
		}
	}
	if got := counted(1, "hosts") + ", " + counted(2, "hosts"); got != "1 host, 2 hosts" {
		t.Error(got)
	}
}
