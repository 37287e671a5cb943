package feed

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func (zeros) ReadAt(b []byte, _ int64) (int, error) { clear(b); return len(b), nil }

func TestWalk(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.json.sha256"), []byte("00"), 0o600); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	for _, name := range []string{"x/b.json", "../../c.json"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: 2, Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if w.Close() != nil || z.Close() != nil {
		t.Fatal("cannot pack")
	}
	if err := os.WriteFile(filepath.Join(dir, "d.tar.gz"), packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{dir: 3, filepath.Join(dir, "d.tar.gz"): 2, filepath.Join(dir, "a.json"): 1} {
		n := 0
		if err := Walk(path, func(string, []byte) error { n++; return nil }); err != nil || n != want {
			t.Errorf("%s: %d documents (%v), want %d", path, n, err, want)
		}
	}
}

func TestHostile(t *testing.T) {
	never := func(string, []byte) error { return nil }
	// a document of 1 GB
	if err := Archive("big.json", zeros{}, 1<<30, never); ot.CodeOf(err) != ot.TooMany {
		t.Errorf("1 GB: %v", err)
	}
	// a zip bomb: much from little, however the header lies
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	for range 3 {
		w, err := z.Create("a.json")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(w, zeros{}, 40<<20); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := Archive("bomb.zip", bytes.NewReader(packed.Bytes()), int64(packed.Len()), never); ot.CodeOf(err) != ot.TooMany {
		t.Errorf("zip bomb of %d KB: %v", packed.Len()>>10, err)
	}
	for _, name := range []string{"a.tar.gz", "a.zip", "a.tar"} {
		if err := Archive(name, bytes.NewReader([]byte("no archive, but long enough to be looked at")), 42, never); name != "a.tar" && err == nil {
			t.Errorf("%s: rubbish taken", name)
		}
	}
}
