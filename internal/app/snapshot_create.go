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
	captureDir   = captureFolder + "/"
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
	for _, p := range dataParts() {
		dir := src.folder.join(p.name)
		switch {
		case p.name == captureFolder && !src.captures:
		case p.kept == keptWhole:
			err = w.addFolder(ctx, p.name+"/", dir, func(name string) bool { return !strings.HasSuffix(name, ".part") })
		case p.kept == keptSealed:
			err = w.addSealed(ctx, p.name+"/", dir, src.sealTo)
		}
		if err != nil {
			return nil, err
		}
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
	if err := w.countFile(ctx, path); err != nil {
		return err
	}
	return w.addFile(ctx, databaseName, path)
}

// countFile notes how many rows each table of a copy has: what a restore is compared with.
func (w *snapshotWriter) countFile(ctx context.Context, path string) error {
	db, err := store.Open(ctx, store.Config{URL: "sqlite:" + path, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // read-only: nothing can be lost
	w.m.Rows, err = countRows(ctx, db)
	return err
}

// countRows counts every table.
func countRows(ctx context.Context, db *store.DB) (map[string]int64, error) {
	out := map[string]int64{}
	err := db.View(ctx, func(r store.Reader) error {
		tables, err := store.Tables(ctx, r)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if out[t.Name], err = store.One[int64](ctx, r, "SELECT COUNT(*) FROM "+t.Name); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// addFolder adds the files of a folder and of those in it; one that goes away
// meanwhile was deleted by a person.
func (w *snapshotWriter) addFolder(ctx context.Context, prefix, dir string, want func(name string) bool) error {
	return eachFile(dir, func(name, path string) error {
		if !want(name) {
			return nil
		}
		if err := w.addFile(ctx, prefix+name, path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// eachFile calls fn with every plain file below dir, its name with slashes.
func eachFile(dir string, fn func(name, path string) error) error {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if name = filepath.ToSlash(name); !plainPath(name) {
			return nil
		}
		return fn(name, path)
	})
	return err
}

// addSealed seals each file of a folder; public halves stay readable, so that the audit
// log in the snapshot can be verified without the kit.
func (w *snapshotWriter) addSealed(ctx context.Context, prefix, dir string, to *age.X25519Recipient) error {
	public := func(name string) bool {
		return strings.HasSuffix(name, ".pub") || strings.HasSuffix(name, ".recipient")
	}
	if err := w.addFolder(ctx, prefix, dir, public); err != nil || to == nil {
		return err
	}
	w.m.Sealed = to.String()
	return eachFile(dir, func(name, path string) error {
		if public(name) {
			return nil
		}
		secret, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sealed, err := seal(secret, to)
		if err != nil {
			return fmt.Errorf("seal %s: %w", name, err)
		}
		return w.addBytes(ctx, prefix+name+sealedSuffix, sealed)
	})
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
