package all_test

import (
	"io/fs"
	"testing"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/dissect/recognised"
)

func everybody(tb testing.TB) []dissect.Protocol {
	tb.Helper()
	names, err := recognised.Shipped()
	if err != nil {
		tb.Fatal(err)
	}
	return all.With(names)
}

// Every dissector's names must be in the catalogue, or no command of the program starts.
func TestProtocolsFindTheirNames(t *testing.T) {
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet(everybody(t), names)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range set.Entries {
		if e.Spec.MaxPDU < 1 || e.Spec.MaxPDU > 64<<10 || e.Spec.Transport == 0 {
			t.Errorf("%s: MaxPDU %d, transport %d", e.Spec.Protocols[0].Name, e.Spec.MaxPDU, e.Spec.Transport)
		}
	}
}
