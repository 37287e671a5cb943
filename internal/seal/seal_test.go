package seal_test

import (
	"bytes"
	"encoding/base64"
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

// The bytes are of the program of release 0.1.0 (and of the days after it, when
// providers were new), made with the key of its fixture.
func TestWhatOlderReleasesSealed(t *testing.T) {
	key, err := seal.LoadKey("../../test/upgrade/0.1.0/keys/second-step.key")
	if err != nil {
		t.Fatal(err)
	}
	old, err := seal.NewSince01(key, "signing in")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := seal.New(key, "signing in")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ owner, sealed, secret string }{
		{"0198c0de-0000-7000-8000-000000000001", "hRcWbuZmq5PktR6lF9zblo596jBKIFpHdlcFllqcEo12cUKPSNn09rRNUZUk9XwxvDLGh5XNrS2UJr9K", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"},
		{"provider 0198c0de-0000-7000-8000-000000000002", "Zjgk/o73GZ3fsuRRA3hvIPzy8d46WDEJQ7N5flrtSmxEcxqJ8u+fFL14PgBqGfFzPwb9cePeBCc=", "bind password of a directory"},
	} {
		b, err := base64.StdEncoding.DecodeString(c.sealed)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := old.Open(b, c.owner); err != nil || got != c.secret {
			t.Errorf("%s: %q, %v", c.owner, got, err)
		}
		if got, err := old.Open(b, "another"); ot.CodeOf(err) != ot.Damaged {
			t.Errorf("another's row opens: %q, %v", got, err)
		}
		if got, err := plain.Open(b, c.owner); ot.CodeOf(err) != ot.Damaged {
			t.Errorf("a box that never was in release 0.1 opens its bytes: %q, %v", got, err)
		}
		anew := old.Seal(c.secret, c.owner)
		if got, err := plain.Open(anew, c.owner); err != nil || got != c.secret {
			t.Errorf("it seals in the old form: %q, %v", got, err)
		}
	}
}
