package app

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// snapshotTarget is where a snapshot goes.
type snapshotTarget struct {
	folder      Folder
	database    string // PostgreSQL's address; empty: an SQLite file in the folder
	open        []age.Identity
	withoutKeys bool
	noFiles     bool // only to look at the database
}

// restoreSnapshot verifies the whole file, builds everything in a folder of its own
// inside the target (which may be a disk's root) and moves it up at the end, the
// database last: a restore that was cut off leaves nothing that looks done.
func restoreSnapshot(ctx context.Context, path string, to snapshotTarget) (_ *manifest, err error) {
	if err := emptyFolder(string(to.folder)); err != nil {
		return nil, err
	}
	path, done, err := openSealed(ctx, path, string(to.folder), to.open)
	if err != nil {
		return nil, err
	}
	defer done()
	m, err := verifySnapshot(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := knownSchema(m); err != nil {
		return nil, err
	}
	if err := canOpenKeys(m, to); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(string(to.folder), 0o700); err != nil {
		return nil, ot.Errorf(ot.Invalid, "the data folder cannot be made: %w", err)
	}
	build, err := os.MkdirTemp(string(to.folder), ".restoring-*")
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the data folder cannot be used: %w", err)
	}
	r := &restorer{ctx: ctx, to: to, dir: Folder(build), m: m}
	defer func() {
		_ = r.close()
		_ = os.RemoveAll(build)
		if err != nil {
			err = fullDisk(err, "the restore")
			if r.begun {
				err = ot.Errorf(ot.CodeOf(err), "%w; the database is half filled: drop it and create it anew before the next attempt", err)
			}
		}
	}()
	if err := r.dir.prepare(); err != nil {
		return nil, err
	}
	if err := r.openDatabase(); err != nil {
		return nil, err
	}
	if _, err := readSnapshot(ctx, path, r.member); err != nil {
		return nil, err
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	return m, r.moveUp()
}

// moveUp brings what was built into the data folder, the database last.
func (r *restorer) moveUp() error {
	entries, err := os.ReadDir(string(r.dir))
	if err != nil {
		return err
	}
	slices.SortStableFunc(entries, func(a, b fs.DirEntry) int {
		return strings.Compare(strings.TrimPrefix(a.Name(), "skanse.db"), strings.TrimPrefix(b.Name(), "skanse.db"))
	})
	slices.Reverse(entries)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".lock") {
			continue
		}
		if err := os.Rename(r.dir.join(e.Name()), r.to.folder.join(e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func emptyFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return ot.Errorf(ot.Invalid, "the data folder cannot be used: %w", err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "lost+found" }) // a fresh disk
	if len(entries) > 0 {
		return ot.Errorf(ot.Conflict, "the folder %s is not empty: restore into a new one, nothing is ever overwritten", dir)
	}
	return nil
}

func knownSchema(m *manifest) error {
	known := map[string]int64{}
	for _, s := range schema() {
		v, err := store.Newest(s)
		if err != nil {
			return err
		}
		known[s.Slice] = v
	}
	for slice, v := range m.Schema {
		if v > known[slice] {
			return ot.Errorf(ot.Invalid, "the snapshot was taken by a newer Skanse (%s; %s is at version %d, this program knows %d): install that version",
				ot.Printable(m.Version), ot.Printable(slice), v, known[slice])
		}
	}
	return nil
}

func canOpenKeys(m *manifest, to snapshotTarget) error {
	sealed := slices.ContainsFunc(m.Members, func(x member) bool { return strings.HasSuffix(x.Name, sealedSuffix) })
	if sealed && len(to.open) == 0 && !to.withoutKeys {
		return ot.Errorf(ot.Invalid, "the keys in the snapshot are sealed: give the recovery kit with --kit, or --without-keys to go on with new ones")
	}
	return nil
}

type restorer struct {
	ctx context.Context //nolint:containedctx // lives for one restore
	to  snapshotTarget
	dir Folder // being built
	m   *manifest

	db     *store.DB // open while tables are filled
	begun  bool      // a database that was given holds something of ours
	tables []store.Table
}

func (r *restorer) close() error {
	if r.db == nil {
		return nil
	}
	db := r.db
	r.db = nil
	return db.Close()
}

// openDatabase makes the tables as they were when the snapshot was taken. An SQLite
// copy for an SQLite file needs none: the file is the database.
func (r *restorer) openDatabase() error {
	if r.to.database == "" && r.m.Engine == string(store.SQLite) {
		return nil
	}
	url := r.to.database
	if url == "" {
		url = r.dir.database()
	}
	db, err := store.Open(r.ctx, store.Config{URL: url})
	if err != nil {
		return err
	}
	r.db = db
	if r.tables, err = tablesOf(r.ctx, db); err != nil {
		return err
	}
	if len(r.tables) > 0 {
		return ot.Errorf(ot.Conflict, "the database holds tables already: restore into an empty one, nothing is ever overwritten")
	}
	r.begun = r.to.database != ""
	then := schema()
	for i := range then {
		then[i].To = r.m.Schema[then[i].Slice]
	}
	then = slices.DeleteFunc(then, func(m store.Migrations) bool { return m.To == 0 }) // a slice that is newer than the snapshot
	if err := db.Migrate(r.ctx, then); err != nil {
		return err
	}
	if r.tables, err = tablesOf(r.ctx, db); err != nil {
		return err
	}
	return db.Update(r.ctx, func(tx *store.Tx) error { // what migrations themselves wrote is in the snapshot too
		for _, t := range slices.Backward(r.tables) {
			if _, err := tx.Exec(r.ctx, "DELETE FROM "+t.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

func tablesOf(ctx context.Context, db *store.DB) (ts []store.Table, err error) {
	err = db.View(ctx, func(r store.Reader) error { ts, err = store.Tables(ctx, r); return err })
	return ts, err
}

// member puts one part of the snapshot in its place. The file was verified before, and
// the walk accepts only plain names.
func (r *restorer) member(name string, _ int64, in io.Reader) error {
	switch {
	case name == databaseName:
		return r.write(databaseName, in)
	case strings.HasPrefix(name, tableDir):
		return r.part(in)
	case r.to.noFiles && !strings.HasSuffix(name, ".pub"):
		return nil
	case strings.HasSuffix(name, sealedSuffix):
		if r.to.withoutKeys {
			return nil
		}
		secret, err := unseal(in, r.to.open)
		if err != nil {
			return ot.Errorf(ot.Invalid, "the recovery kit does not open the keys of this snapshot: it was sealed to %s", ot.Printable(r.m.Sealed))
		}
		return r.write(strings.TrimSuffix(name, sealedSuffix), bytes.NewReader(secret))
	case r.to.withoutKeys && strings.HasSuffix(name, ".pub"):
		// The next start makes a new key; the old public half still verifies the old checkpoints.
		return r.write(strings.TrimSuffix(name, ".pub")+".old.pub", in)
	}
	return r.write(name, in)
}

func (r *restorer) write(name string, in io.Reader) error {
	path := r.dir.join(filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, in)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// finish brings an SQLite copy into another engine, sets counters, and checks the database.
func (r *restorer) finish() error {
	if r.db == nil {
		return checkFile(r.ctx, r.dir.database())
	}
	if r.m.Engine == string(store.SQLite) {
		if err := r.copyFile(); err != nil {
			return err
		}
	}
	err := r.db.Update(r.ctx, func(tx *store.Tx) error {
		if r.db.Engine() == store.PostgreSQL {
			for _, t := range r.tables {
				if err := store.AfterCopy(r.ctx, tx, t); err != nil {
					return err
				}
			}
		}
		return bus.Restored(r.ctx, tx)
	})
	if err != nil {
		return err
	}
	return r.close()
}

// checkFile asks SQLite whether every page of a restored file is sound.
func checkFile(ctx context.Context, url string) error {
	db, err := store.Open(ctx, store.Config{URL: url, ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }() // read-only: nothing can be lost
	return db.View(ctx, func(r store.Reader) error {
		said, err := store.One[string](ctx, r, "PRAGMA quick_check(1)")
		if err == nil && said != "ok" {
			err = ot.Errorf(ot.Damaged, "the database in the snapshot is damaged: %s", ot.Printable(said))
		}
		return err
	})
}
