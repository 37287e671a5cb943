package seal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/seal"
)

func TestLoadKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "second-step.key")
	a, err := seal.LoadKey(path)
	if err != nil || len(a) != seal.KeySize {
		t.Fatal(len(a), err)
	}
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the key is %v, %v", st.Mode(), err)
	}
	if b, err := seal.LoadKey(path); err != nil || !bytes.Equal(a, b) {
		t.Errorf("the key is another one the second time: %v", err)
	}
	if err := os.WriteFile(path, []byte("c2hvcnQ=\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = seal.LoadKey(path); ot.CodeOf(err) != ot.Damaged {
		t.Errorf("a short key: %v", err)
	}
}
