package record

import (
	"testing"

	"github.com/skanse/skanse/catalog"
)

func guardsOf(bs []Behaviour) map[string][]string {
	out := map[string][]string{}
	for _, b := range bs {
		for name := range b.Guards() {
			out[b.Type()] = append(out[b.Type()], name)
		}
	}
	return out
}

func TestShippedTypes(t *testing.T) {
	ts, err := ReadTypes(catalog.Files, guardsOf(Own()))
	if err != nil {
		t.Fatal(err)
	}
	if len(ts.All()) < 9 {
		t.Errorf("%d types", len(ts.All()))
	}
}
