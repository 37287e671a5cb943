package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Names in a snapshot.
const (
	databaseName = "skanse.db" // SQLite: the file itself
	tableDir     = "tables/"   // PostgreSQL: tables/<table>/<part>, JSON lines
	captureDir   = "captures/"
	keyDir       = "keys/"
	sealedSuffix = ".age"
)

// snapshotSource is what a snapshot is made of.
type snapshotSource struct {
	db       *store.DB
	folder   Folder
	sealTo   *age.X25519Recipient // nil: the keys are left out
	captures bool
}

// createSnapshot writes a snapshot to a new file, whole or not at all.
func createSnapshot(ctx context.Context, out string, src snapshotSource) (_ *manifest, err error) {
	if _, err := os.Stat(out); err == nil {
		return nil, ot.Errorf(ot.Conflict, "%s exists already: choose another name", out)
	}
	f, err := os.CreateTemp(filepath.Dir(out), ".skanse-snapshot-*")
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the snapshot cannot be written there: %w", err)
	}
	defer func() {
		_ = f.Close()
		if err != nil {
			_ = os.Remove(f.Name())
			err = fullDisk(err, "the snapshot")
		}
	}()
	m := &manifest{Format: snapshotFormat, Version: Version, CreatedAt: time.Now().UTC().Truncate(time.Second), Engine: string(src.db.Engine())}
	if m.Schema, err = src.db.Versions(ctx, schema()); err != nil {
		return nil, err
	}
	w, err := newSnapshotWriter(f, m)
	if err != nil {
		return nil, err
	}
	// The database first: a capture that it names may then be newer, never missing.
	if src.db.Engine() == store.SQLite {
		err = w.addDatabaseFile(ctx, src.db, out)
	} else {
		err = w.addTables(ctx, src.db)
	}
	if err != nil {
		return nil, err
	}
	if last, err := audit.New(src.db, nil, nil).Last(ctx); err == nil {
		m.Audit = last.Note
	}
	if src.captures {
		if err := w.addFolder(ctx, captureDir, src.folder.captures(), func(name string) bool { return !strings.HasSuffix(name, ".part") }); err != nil {
			return nil, err
		}
	}
	if err := w.addKeys(ctx, src.folder.keys(), src.sealTo); err != nil {
		return nil, err
	}
	if err := w.close(ctx); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return m, os.Rename(f.Name(), out)
}

// addDatabaseFile adds a consistent copy. It is made beside the snapshot: where that
// fits, the copy fits for a while too.
func (w *snapshotWriter) addDatabaseFile(ctx context.Context, db *store.DB, out string) error {
	dir, err := os.MkdirTemp(filepath.Dir(out), ".skanse-copy-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, databaseName)
	if err := db.CopyTo(ctx, path); err != nil {
		return err
	}
	return w.addFile(ctx, databaseName, path)
}

// addFolder adds the files of a folder; one that goes away meanwhile was deleted by a person.
func (w *snapshotWriter) addFolder(ctx context.Context, prefix, dir string, want func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !plainName(e.Name()) || !want(e.Name()) {
			continue
		}
		if err := w.addFile(ctx, prefix+e.Name(), filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// addKeys seals each key; public halves stay readable, so that the audit log in the
// snapshot can be verified without the kit.
func (w *snapshotWriter) addKeys(ctx context.Context, dir string, to *age.X25519Recipient) error {
	public := func(name string) bool {
		return strings.HasSuffix(name, ".pub") || strings.HasSuffix(name, ".recipient")
	}
	if err := w.addFolder(ctx, keyDir, dir, public); err != nil || to == nil {
		return err
	}
	w.m.Sealed = to.String()
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() || !plainName(e.Name()) || public(e.Name()) {
			continue
		}
		secret, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		sealed, err := seal(secret, to)
		if err != nil {
			return fmt.Errorf("seal %s: %w", e.Name(), err)
		}
		if err := w.addBytes(ctx, keyDir+e.Name()+sealedSuffix, sealed); err != nil {
			return err
		}
	}
	return nil
}

func seal(secret []byte, to age.Recipient) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(secret); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unseal(r io.Reader, with []age.Identity) ([]byte, error) {
	plain, err := age.Decrypt(r, with...)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(plain, 1<<20)) // keys are small
}
