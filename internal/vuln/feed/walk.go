// Package feed brings advisories and what goes with them to Skanse: files,
// folders and archives, providers on the network, and the lists beside them
// (known exploited, likelihood, decision points). It reads strangers' bytes
// within limits and understands them; it stores nothing.
package feed

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// The limits of what is read. A year of the largest publisher has 60 MB.
const (
	MaxFile    = 64 << 20 // one document
	MaxTotal   = 2 << 30  // one archive or folder, unpacked
	MaxEntries = 200_000  // files in it
	maxRatio   = 200      // unpacked by packed bytes, once over 64 MB: a zip bomb
)

// Walk gives every JSON document of a path to fn: a file, a .tar.gz, .tgz, .tar or .zip,
// or a folder of these. Errors of fn end the walk.
func Walk(path string, fn func(name string, b []byte) error) error {
	info, err := os.Stat(path)
	if err != nil {
		return ot.Errorf(ot.Invalid, "%s cannot be read: %w", path, err)
	}
	if info.IsDir() {
		return walkFolder(path, fn)
	}
	f, err := os.Open(path)
	if err != nil {
		return ot.Errorf(ot.Invalid, "%s cannot be opened: %w", path, err)
	}
	defer func() { _ = f.Close() }() // only read
	return Archive(filepath.Base(path), f, info.Size(), fn)
}

// Archive reads one file by its name: a document, or an archive of them.
func Archive(name string, f io.ReaderAt, size int64, fn func(name string, b []byte) error) error {
	r := io.NewSectionReader(f, 0, size)
	switch low := strings.ToLower(name); {
	case strings.HasSuffix(low, ".tar.gz"), strings.HasSuffix(low, ".tgz"):
		z, err := gzip.NewReader(r)
		if err != nil {
			return ot.Errorf(ot.Invalid, "%s is not a gzip archive: %w", name, err)
		}
		return walkTar(name, z, size, fn)
	case strings.HasSuffix(low, ".tar"):
		return walkTar(name, r, size, fn)
	case strings.HasSuffix(low, ".zip"):
		return walkZip(name, f, size, fn)
	}
	b, err := all(name, r, size)
	if err != nil {
		return err
	}
	return fn(name, b)
}

func walkFolder(root string, fn func(string, []byte) error) error {
	n := 0
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return ot.Errorf(ot.Invalid, "%s cannot be read: %w", path, err)
		case d.IsDir() || !wanted(path) && !isArchive(path):
			return nil
		}
		if n++; n > MaxEntries {
			return ot.Errorf(ot.TooMany, "%s has more than %d files", root, MaxEntries)
		}
		f, err := os.Open(path)
		if err != nil {
			return ot.Errorf(ot.Invalid, "%s cannot be opened: %w", path, err)
		}
		defer func() { _ = f.Close() }() // only read
		rel, err := filepath.Rel(root, path)
		if err != nil {
			rel = path
		}
		if isArchive(path) { // as a folder of downloads holds it
			info, err := d.Info()
			if err != nil {
				return ot.Errorf(ot.Invalid, "%s cannot be read: %w", path, err)
			}
			return Archive(filepath.ToSlash(rel), f, info.Size(), fn)
		}
		b, err := all(rel, f, -1)
		if err != nil {
			return err
		}
		return fn(filepath.ToSlash(rel), b)
	})
}

// isArchive says that a file of a folder is an archive of documents.
func isArchive(name string) bool {
	low := strings.ToLower(filepath.Base(name))
	return !strings.HasPrefix(low, ".") && (strings.HasSuffix(low, ".tar.gz") || strings.HasSuffix(low, ".tgz") || strings.HasSuffix(low, ".tar") || strings.HasSuffix(low, ".zip"))
}

func wanted(name string) bool {
	low := strings.ToLower(name)
	return strings.HasSuffix(low, ".json") && !strings.HasPrefix(filepath.Base(low), ".")
}

func walkTar(name string, r io.Reader, packed int64, fn func(string, []byte) error) error {
	t := tar.NewReader(r)
	var total int64
	for n := 0; ; n++ {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return ot.Errorf(ot.Invalid, "%s is damaged: %w", name, err)
		}
		if n > MaxEntries {
			return ot.Errorf(ot.TooMany, "%s has more than %d files", name, MaxEntries)
		}
		total += h.Size
		if err := bomb(name, total, packed); err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !wanted(h.Name) {
			continue
		}
		b, err := all(name+": "+h.Name, t, h.Size)
		if err != nil {
			return err
		}
		if err := fn(h.Name, b); err != nil {
			return err
		}
	}
}

func walkZip(name string, f io.ReaderAt, size int64, fn func(string, []byte) error) error {
	z, err := zip.NewReader(f, size)
	if err != nil {
		return ot.Errorf(ot.Invalid, "%s is not a zip archive: %w", name, err)
	}
	if len(z.File) > MaxEntries {
		return ot.Errorf(ot.TooMany, "%s has more than %d files", name, MaxEntries)
	}
	var total int64
	for _, e := range z.File {
		if e.FileInfo().IsDir() || !wanted(e.Name) {
			continue
		}
		r, err := e.Open()
		if err != nil {
			return ot.Errorf(ot.Invalid, "%s: %s cannot be unpacked: %w", name, e.Name, err)
		}
		b, err := all(name+": "+e.Name, r, -1) // what the header says of the size is a stranger's word
		_ = r.Close()                          // only read
		if err != nil {
			return err
		}
		total += int64(len(b))
		if err := bomb(name, total, size); err != nil {
			return err
		}
		if err := fn(e.Name, b); err != nil {
			return err
		}
	}
	return nil
}

// bomb refuses an archive that unpacks to far more than it holds.
func bomb(name string, total, packed int64) error {
	if total > MaxTotal || packed > 0 && total > MaxFile && total > packed*maxRatio {
		return ot.Errorf(ot.TooMany, "%s unpacks to more than it should (%d MB from %d MB): it is not taken", name, total>>20, packed>>20)
	}
	return nil
}

// all reads a document within its limit. It never trusts a stated size.
func all(name string, r io.Reader, size int64) ([]byte, error) {
	if size > MaxFile {
		return nil, ot.Errorf(ot.TooMany, "%s has %d MB; a document may have %d", name, size>>20, MaxFile>>20)
	}
	var buf bytes.Buffer
	n, err := io.Copy(&buf, io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "%s cannot be read: %w", name, err)
	}
	if n > MaxFile {
		return nil, ot.Errorf(ot.TooMany, "%s has more than %d MB; a document may have no more", name, MaxFile>>20)
	}
	return buf.Bytes(), nil
}
