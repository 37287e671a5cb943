package record

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// maxFile is the largest attachment: 2 GiB.
const maxFile = 2 << 30

// keepFree is what an upload leaves on the disk: the database must still be able to write.
const keepFree = 256 << 20

// orphanAge is how long a file without a row may lie there: an upload of 2 GiB over a
// slow line, and the time between the file's last byte and its row.
const orphanAge = 24 * time.Hour

// folder keeps files under their SHA-256: ab/abcdef…, what is infected in quarantine/.
//
// Its lock keeps the sweep from a file that has its name and not yet its row.
type folder struct {
	dir     string
	reserve int64 // what an upload leaves free: keepFree
	mu      sync.RWMutex
}

const quarantine = "quarantine"

// openFolder makes the folder and clears what interrupted uploads left behind.
func openFolder(dir string) (*folder, error) {
	if dir == "" {
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Join(dir, quarantine), 0o700); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the folder for attachments cannot be used: %w", err)
	}
	parts, err := filepath.Glob(filepath.Join(dir, "*.part"))
	if err != nil {
		return nil, fmt.Errorf("list interrupted uploads: %w", err)
	}
	for _, p := range parts {
		if err := os.Remove(p); err != nil {
			return nil, fmt.Errorf("remove an interrupted upload: %w", err)
		}
	}
	return &folder{dir: dir, reserve: keepFree}, nil
}

func (d *folder) file(sum string) string { return filepath.Join(d.dir, sum[:2], sum) }

func (d *folder) locked(sum string) string { return filepath.Join(d.dir, quarantine, sum) }

// received is an upload that is whole on the disk and has no name yet.
type received struct {
	dir       *folder
	path      string
	sum       string
	size      int64
	mediaType string
}

// receive writes the body to the disk, hashed and synced.
func (d *folder) receive(ctx context.Context, name string, size int64, body io.Reader) (_ *received, err error) {
	if free, ok := freeSpace(d.dir); ok && max(size, 0)+d.reserve > free {
		return nil, ot.Errorf(ot.Full, "the disk under %s has too little room for %s: make room and upload it again", d.dir, name)
	}
	f, err := os.OpenFile(filepath.Join(d.dir, store.NewID()+".part"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, diskError(err)
	}
	defer func() {
		f.Close()
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	w := &watched{ctx: ctx, f: f, hash: sha256.New(), folder: d}
	n, err := io.Copy(w, io.LimitReader(body, maxFile+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, diskError(err)
	case n == 0:
		return nil, ot.Errorf(ot.Invalid, "%s is empty", name)
	case n > maxFile:
		return nil, tooLarge(name)
	}
	if err := f.Sync(); err != nil {
		return nil, diskError(err)
	}
	head := make([]byte, 512)
	k, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, diskError(err)
	}
	return &received{d, f.Name(), hex.EncodeToString(w.hash.Sum(nil)), n, sniff(head[:k])}, nil
}

func tooLarge(name string) error {
	return ot.Errorf(ot.TooMany, "%s is larger than %d GiB: keep it elsewhere and write the address down", name, maxFile>>30)
}

// watched writes, hashes, and stops before the disk is so full that the database could
// not write any more.
type watched struct {
	ctx  context.Context
	f    *os.File
	hash hash.Hash
	n    int64

	folder *folder
}

func (w *watched) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	if before := w.n >> 26; (w.n+int64(len(b)))>>26 != before { // every 64 MiB
		if free, ok := freeSpace(w.folder.dir); ok && free < w.folder.reserve {
			return 0, syscall.ENOSPC
		}
	}
	n, err := w.f.Write(b)
	w.n += int64(n)
	w.hash.Write(b[:n])
	return n, err
}

// keep gives the file its name, durably. A file that is there already is the same one.
func (r *received) keep(infected bool) error {
	to := r.dir.file(r.sum)
	if infected {
		to = r.dir.locked(r.sum)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return diskError(err)
	}
	if err := os.Rename(r.path, to); err != nil {
		return diskError(err)
	}
	r.path = ""
	now := time.Now()
	if err := os.Chtimes(to, now, now); err != nil { // young again: the sweep leaves it alone
		return diskError(err)
	}
	return errors.Join(syncDir(filepath.Dir(to)), syncDir(r.dir.dir))
}

// discard removes what was not kept.
func (r *received) discard() {
	if r.path != "" {
		os.Remove(r.path)
	}
}

// open gives a kept file to read.
func (d *folder) open(sum string) (*os.File, error) {
	f, err := os.Open(d.file(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ot.Errorf(ot.Damaged, "the file of this attachment is not in its folder: restore a snapshot")
	}
	if err != nil {
		return nil, diskError(err)
	}
	return f, nil
}

// isLocked says whether a file is known to be infected.
func (d *folder) isLocked(sum string) bool {
	_, err := os.Stat(d.locked(sum))
	return err == nil
}

// lock moves a file that turned out to be infected into quarantine.
func (d *folder) lock(sum string) error {
	err := os.Rename(d.file(sum), d.locked(sum))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it is there already
	}
	if err != nil {
		return diskError(err)
	}
	return syncDir(filepath.Join(d.dir, quarantine))
}

// files calls fn for the SHA-256 of every kept file that is older than age.
func (d *folder) files(age time.Duration, fn func(sum, path string) error) error {
	return filepath.WalkDir(d.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(path, ".part") || len(e.Name()) != 64 {
			return err
		}
		i, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || time.Since(i.ModTime()) < age {
			return err
		}
		return fn(e.Name(), path)
	})
}

// syncDir makes a rename durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return diskError(err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems cannot, and need not
		return diskError(err)
	}
	return nil
}

func diskError(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return ot.Errorf(ot.Full, "the disk is full: make room and upload it again: %w", err)
	case errors.Is(err, fs.ErrPermission):
		return ot.Errorf(ot.Internal, "the folder for attachments cannot be written: %w", err)
	}
	return fmt.Errorf("store the attachment: %w", err)
}
