package seal_test

import (
	"bytes"
	"testing"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/seal"
)

func box(t *testing.T, fill byte, purpose string) *seal.Box {
	t.Helper()
	b, err := seal.New(bytes.Repeat([]byte{fill}, seal.KeySize), purpose)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSeal(t *testing.T) {
	b := box(t, 1, "notices")
	sealed := b.Seal("hunter2", "row-1")
	if bytes.Contains(sealed, []byte("hunter2")) || bytes.Equal(sealed, b.Seal("hunter2", "row-1")) {
		t.Errorf("sealed as %q", sealed)
	}
	if got, err := b.Open(sealed, "row-1"); err != nil || got != "hunter2" {
		t.Errorf("opened %q, %v", got, err)
	}
	for name, try := range map[string]func() (string, error){
		"another row":     func() (string, error) { return b.Open(sealed, "row-2") },
		"another purpose": func() (string, error) { return box(t, 1, "directories").Open(sealed, "row-1") },
		"another key":     func() (string, error) { return box(t, 2, "notices").Open(sealed, "row-1") },
		"cut":             func() (string, error) { return b.Open(sealed[:5], "row-1") },
	} {
		if got, err := try(); ot.CodeOf(err) != ot.Damaged {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := b.Open(b.Seal("", "row-1"), "row-1"); err != nil || got != "" {
		t.Errorf("no secret: %q, %v", got, err)
	}
	if _, err := seal.New(nil, "notices"); err == nil {
		t.Error("sealed without a key")
	}
}
