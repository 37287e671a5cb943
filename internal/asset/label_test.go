package asset

import (
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store/storetest"
)

func TestLabels(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), allSlices()))
	p.take((&talk{}).heard(host(macA, "192.168.0.10"), 1, 9, 64, true).heard(host(macB, "192.168.0.20"), 1, 9, 64, true))
	first, second := p.at("192.168.0.10").ID, p.at("192.168.0.20").ID
	if err := p.patch(first, Patch{Name: new("Pump 7"), Serial: new("SVP-1")}); err != nil {
		t.Fatal(err)
	}
	labels, err := p.s.Labels(t.Context(), everywhere, "https://skanse.plant.example", []string{first, second, first})
	if err != nil || len(labels) != 2 {
		t.Fatalf("%d labels, %v", len(labels), err)
	}
	l := labels[1]
	if l.Name != "Pump 7" || l.Serial != "SVP-1" || l.Link != "https://skanse.plant.example/assets/"+first || !strings.HasPrefix(l.SVG, "<svg ") || l.SVG == labels[0].SVG {
		t.Errorf("%+v", l)
	}
	for _, base := range []string{"", "javascript:alert(1)", "plant.example", "https://" + strings.Repeat("x", 300)} {
		if _, err := p.s.Labels(t.Context(), everywhere, base, []string{first}); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("base %.40q: %v", base, err)
		}
	}
	if _, err := p.s.Labels(t.Context(), auth.Scope{Sites: []int64{77}}, "https://x.example", []string{first}); ot.CodeOf(err) != ot.NotFound {
		t.Errorf("a foreign asset: %v", err)
	}
}
