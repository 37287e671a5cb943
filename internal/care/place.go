package care

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// place is where snapshots lie. One goroutine uses it at a time.
type place interface {
	// Put writes a file whole or not at all: under another name first, flushed, measured
	// and only then renamed. It never overwrites.
	Put(ctx context.Context, name string, size int64, r io.Reader) error
	// Open reads a file back. The caller closes.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List names the snapshots that lie there, and halves of what was cut off.
	List(ctx context.Context) ([]string, error)
	Remove(ctx context.Context, name string) error
	Close() error
	String() string // for people, without a secret
}

const (
	nameForm   = "2006-01-02T150405Z"
	namePrefix = "skanse-"
	nameSuffix = ".snapshot.age"
	partSuffix = ".part"
)

// fileName is what a snapshot of a moment is called; the name says its time, so that
// the rule of what is kept needs nothing but the folder.
func fileName(t time.Time) string { return namePrefix + t.UTC().Format(nameForm) + nameSuffix }

var ours = regexp.MustCompile(`^skanse-(\d{4}-\d\d-\d\dT\d{6}Z)\.snapshot\.age$`)

// timeOf reads the time out of a name; ok is false for files that are not ours.
func timeOf(name string) (time.Time, bool) {
	m := ours.FindStringSubmatch(name)
	if m == nil {
		return time.Time{}, false
	}
	t, err := time.Parse(nameForm, m[1])
	return t, err == nil
}

// open reaches the place of a plan.
func (s *Service) open(ctx context.Context, p Plan) (place, error) {
	if p.Folder != "" {
		return folder(p.Folder), nil
	}
	return s.openSFTP(ctx, p.SFTP)
}

// folder is a place on this machine: another disk, a mounted share.
type folder string

func (f folder) String() string { return string(f) }
func (f folder) Close() error   { return nil }

// Put makes no folder: a share that is not mounted would be filled into the disk below it.
func (f folder) Put(ctx context.Context, name string, size int64, r io.Reader) (err error) {
	path := filepath.Join(string(f), name)
	if _, err := os.Lstat(path); err == nil {
		return ot.Errorf(ot.Conflict, "%s exists already", path)
	}
	w, err := os.OpenFile(path+partSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return placeError(err, f.String())
	}
	defer func() {
		if err != nil {
			_ = w.Close() // the first error is the one to tell
			_ = os.Remove(w.Name())
			err = placeError(err, f.String())
		}
	}()
	n, err := io.Copy(w, &ctxReader{ctx, r})
	if err != nil {
		return err
	}
	if n != size {
		return ot.Errorf(ot.Internal, "%d of %d bytes were written", n, size)
	}
	if err := w.Sync(); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := os.Rename(w.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(string(f))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) { // network shares cannot
		return err
	}
	return nil
}

func (f folder) Open(_ context.Context, name string) (io.ReadCloser, error) {
	r, err := os.Open(filepath.Join(string(f), name))
	if err != nil {
		return nil, placeError(err, f.String())
	}
	return r, nil
}

func (f folder) List(context.Context) ([]string, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return nil, placeError(err, f.String())
	}
	var out []string
	for _, e := range entries {
		if _, ok := timeOf(strings.TrimSuffix(e.Name(), partSuffix)); ok && e.Type().IsRegular() {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

func (f folder) Remove(_ context.Context, name string) error {
	if err := os.Remove(filepath.Join(string(f), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return placeError(err, f.String())
	}
	return nil
}

// placeError says what went wrong with a place, and what to do.
func placeError(err error, where string) error {
	var known *ot.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ot.Errorf(ot.Full, "there is no room left in %s: make room or keep fewer snapshots (%w)", where, err)
	case errors.Is(err, fs.ErrNotExist):
		return ot.Errorf(ot.NotFound, "%s is not there: is the disk or the share mounted? (%w)", where, err)
	case errors.Is(err, fs.ErrPermission):
		return ot.Errorf(ot.Forbidden, "Skanse may not write in %s: give its user the right (%w)", where, err)
	}
	return ot.Errorf(ot.Internal, "%s: %w", where, err)
}

// hashOf reads a file of a place back and says what it is.
func hashOf(ctx context.Context, p place, name string) (sum string, size int64, err error) {
	r, err := p.Open(ctx, name)
	if err != nil {
		return "", 0, err
	}
	defer r.Close()
	h := sha256.New()
	size, err = io.Copy(h, &ctxReader{ctx, r})
	if err != nil {
		return "", 0, placeError(err, p.String())
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// ctxReader ends a long copy when its context ends.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // lives for one copy
	r   io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
