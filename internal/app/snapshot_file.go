package app

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/skanse/skanse/internal/ot"
)

// A snapshot is one file: a tar archive in zstd, whose last member is the manifest,
// and behind it a trailer with the SHA-256 of every byte before it. The trailer finds
// any changed byte, the manifest says which part it hit.
const (
	snapshotFormat  = 1
	snapshotMagic   = "SKANSE-SNAPSHOT-1\n"
	snapshotTrailer = len(snapshotMagic) + 2*sha256.Size + 1
	manifestName    = "manifest.json"
	maxManifest     = 64 << 20
)

// Manifest lists what a snapshot holds.
type manifest struct {
	Format    int              `json:"format"`
	Version   string           `json:"version"` // of the program that wrote it
	CreatedAt time.Time        `json:"created_at"`
	Engine    string           `json:"engine"`
	Schema    map[string]int64 `json:"schema"`           // last migration of each slice
	Sealed    string           `json:"sealed,omitempty"` // the keys' recipient
	Audit     string           `json:"audit,omitempty"`  // last checkpoint of the audit log: a witness
	Rows      map[string]int64 `json:"rows,omitempty"`   // of each table; since 0.2
	Members   []member         `json:"members"`
}

type member struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// sentence says for a person what is in a snapshot.
func (m *manifest) sentence() string {
	var captures, keys int
	var size int64
	for _, x := range m.Members {
		size += x.Size
		switch {
		case strings.HasPrefix(x.Name, captureDir):
			captures++
		case strings.HasSuffix(x.Name, sealedSuffix):
			keys++
		}
	}
	return fmt.Sprintf("taken %s by Skanse %s, database (%s), %d captures, %d sealed keys, %.1f MB",
		m.CreatedAt.UTC().Format("2006-01-02 15:04 UTC"), ot.Printable(m.Version), ot.Printable(m.Engine), captures, keys, float64(size)/1e6)
}

// snapshotWriter writes members one after the other.
type snapshotWriter struct {
	sum hash.Hash
	raw io.Writer
	z   *zstd.Encoder
	tar *tar.Writer
	m   *manifest
}

func newSnapshotWriter(out io.Writer, m *manifest) (*snapshotWriter, error) {
	w := &snapshotWriter{sum: sha256.New(), m: m}
	w.raw = io.MultiWriter(out, w.sum)
	var err error
	// One goroutine and a small window: it runs beside a server on a small machine.
	if w.z, err = zstd.NewWriter(w.raw, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(true)); err != nil {
		return nil, err
	}
	w.tar = tar.NewWriter(w.z)
	return w, nil
}

// add writes one member of a known size.
func (w *snapshotWriter) add(ctx context.Context, name string, size int64, r io.Reader) error {
	if err := w.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, Format: tar.FormatPAX}); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w.tar, sum), io.LimitReader(&ctxReader{ctx, r}, size))
	if err != nil {
		return err
	}
	if n != size {
		return ot.Errorf(ot.Conflict, "%s became shorter while it was read: try again", name)
	}
	if name != manifestName {
		w.m.Members = append(w.m.Members, member{name, size, hex.EncodeToString(sum.Sum(nil))})
	}
	return nil
}

func (w *snapshotWriter) addBytes(ctx context.Context, name string, b []byte) error {
	return w.add(ctx, name, int64(len(b)), bytes.NewReader(b))
}

func (w *snapshotWriter) addFile(ctx context.Context, name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // read only
	st, err := f.Stat()
	if err != nil {
		return err
	}
	return w.add(ctx, name, st.Size(), f)
}

// close writes the manifest and the trailer.
func (w *snapshotWriter) close(ctx context.Context) error {
	b, err := json.MarshalIndent(w.m, "", " ")
	if err != nil {
		return err
	}
	if err := w.addBytes(ctx, manifestName, b); err != nil {
		return err
	}
	if err := w.tar.Close(); err != nil {
		return err
	}
	if err := w.z.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(w.raw, snapshotMagic+hex.EncodeToString(w.sum.Sum(nil))+"\n")
	return err
}

// ctxReader ends a long copy when its context ends.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // lives for one copy
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, stopped(c.ctx)
	}
	return c.r.Read(p)
}

// openSnapshot opens a file and finds its trailer.
func openSnapshot(path string) (f *os.File, body int64, sum string, err error) {
	if f, err = os.Open(path); err != nil {
		return nil, 0, "", ot.Errorf(ot.NotFound, "the snapshot: %w", err)
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	st, err := f.Stat()
	if err != nil {
		return nil, 0, "", err
	}
	body = st.Size() - int64(snapshotTrailer)
	if body < 0 {
		return nil, 0, "", ot.Errorf(ot.Damaged, "%s is not a whole snapshot: its end is missing", path)
	}
	tail := make([]byte, snapshotTrailer)
	if _, err := f.ReadAt(tail, body); err != nil {
		return nil, 0, "", err
	}
	if !bytes.HasPrefix(tail, []byte(snapshotMagic)) || tail[len(tail)-1] != '\n' {
		return nil, 0, "", ot.Errorf(ot.Damaged, "%s is not a whole snapshot: its end is missing or changed", path)
	}
	return f, body, string(tail[len(snapshotMagic) : len(tail)-1]), nil
}

// readSnapshot walks the members in their order. visit may be nil; it must read what
// it wants before it returns. The manifest comes last, so whoever acts on members
// verifies the file first.
func readSnapshot(ctx context.Context, path string, visit func(name string, size int64, r io.Reader) error) (*manifest, error) {
	f, body, want, err := openSnapshot(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only
	sum := sha256.New()
	raw := io.TeeReader(io.LimitReader(&ctxReader{ctx, f}, body), sum)
	m, seen, last, readErr := walkMembers(raw, visit)
	if ctx.Err() != nil {
		return nil, stopped(ctx)
	}
	if e := (*visitError)(nil); errors.As(readErr, &e) {
		return nil, e.error
	}
	if _, err := io.Copy(io.Discard, raw); err != nil {
		return nil, err
	}
	intact := subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum.Sum(nil))), []byte(want)) == 1
	if readErr != nil {
		return nil, ot.Errorf(ot.Damaged, "%s is damaged near %s: %w", path, last, readErr)
	}
	if err := compareMembers(m, seen); err != nil {
		return nil, ot.Errorf(ot.Damaged, "%s is damaged: %w", path, err)
	}
	if !intact {
		return nil, ot.Errorf(ot.Damaged, "%s is damaged: its check sum does not match", path)
	}
	if m.Format != snapshotFormat {
		return nil, ot.Errorf(ot.Invalid, "%s has format %d, this program reads %d: use a newer Skanse", path, m.Format, snapshotFormat)
	}
	return m, nil
}

// visitError tells a visitor's own failure from a damaged file.
type visitError struct{ error }

func walkMembers(raw io.Reader, visit func(string, int64, io.Reader) error) (m *manifest, seen []member, last string, err error) {
	last = "its start"
	z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		return nil, nil, last, err
	}
	defer z.Close()
	t := tar.NewReader(z)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, seen, last, err
		}
		last = ot.Printable(h.Name)
		if m != nil || h.Typeflag != tar.TypeReg || !memberName(h.Name) {
			return nil, seen, last, errors.New("it holds something that is no part of a snapshot")
		}
		sum := sha256.New()
		r := io.TeeReader(t, sum)
		switch {
		case h.Name == manifestName:
			b, err := io.ReadAll(io.LimitReader(r, maxManifest))
			if err != nil {
				return nil, seen, last, err
			}
			m = &manifest{}
			if err := json.Unmarshal(b, m); err != nil {
				return nil, seen, last, err
			}
			continue
		case visit != nil:
			if err := visit(h.Name, h.Size, r); err != nil {
				return nil, seen, last, &visitError{err}
			}
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			return nil, seen, last, err
		}
		seen = append(seen, member{h.Name, h.Size, hex.EncodeToString(sum.Sum(nil))})
	}
	if m == nil {
		return nil, seen, last, errors.New("its manifest is missing")
	}
	// tar ends with zeros that nobody reads; a changed one is the trailer's to find.
	if _, err := io.Copy(io.Discard, z); err != nil {
		return nil, seen, last, err
	}
	return m, seen, last, nil
}

func compareMembers(m *manifest, seen []member) error {
	for i, s := range seen {
		if i >= len(m.Members) || m.Members[i] != s {
			return fmt.Errorf("%s is not what the manifest says", s.Name)
		}
	}
	if len(m.Members) > len(seen) {
		return fmt.Errorf("%s is missing", ot.Printable(m.Members[len(seen)].Name))
	}
	return nil
}

// memberName accepts only the names that we write: no path leads out of the folder.
func memberName(name string) bool {
	if rest, ok := strings.CutPrefix(name, tableDir); ok { // tables/<table>/<number>
		table, part, ok := strings.Cut(rest, "/")
		return ok && plainName(table) && plainName(part)
	}
	dir, rest, ok := strings.Cut(name, "/")
	if !ok {
		return name == manifestName || name == databaseName
	}
	p, known := dataPart(dir)
	return known && (p.kept == keptWhole || p.kept == keptSealed) && plainPath(rest)
}

// plainPath is up to four plain names with slashes between.
func plainPath(s string) bool {
	parts := strings.Split(s, "/")
	return len(parts) <= 4 && !slices.ContainsFunc(parts, func(p string) bool { return !plainName(p) })
}

func plainName(s string) bool {
	return s != "" && s[0] != '.' && len(s) <= 200 &&
		strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == ""
}

func verifySnapshot(ctx context.Context, path string) (*manifest, error) {
	return readSnapshot(ctx, path, nil)
}

// fullDisk turns an error of a file that we write into a sentence.
func fullDisk(err error, what string) error {
	if errors.Is(err, syscall.ENOSPC) {
		return ot.Errorf(ot.Full, "the disk is full: %s was not finished and is removed; free some space or choose another disk (%w)", what, err)
	}
	return err
}
