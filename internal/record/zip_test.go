package record

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
)

// rezip replaces one file of an archive.
func rezip(t testing.TB, b []byte, name string, with []byte) []byte {
	t.Helper()
	r, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		body, err := w.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		src, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		var from io.Reader = src
		if f.Name == name {
			from = bytes.NewReader(with)
		}
		if _, err := io.Copy(body, from); err != nil {
			t.Fatal(err)
		}
		src.Close()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
