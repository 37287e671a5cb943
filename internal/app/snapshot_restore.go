package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
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
	noCaptures  bool // only to look at the database
}

// restoreSnapshot verifies the whole file, builds everything in a folder of its own
// inside the target (which may be a disk's root) and moves it up at the end, the
// database last: a restore that was cut off leaves nothing that looks done.
func restoreSnapshot(ctx context.Context, path string, to snapshotTarget) (_ *manifest, err error) {
	if err := emptyFolder(string(to.folder)); err != nil {
		return nil, err
	}
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
	case strings.HasPrefix(name, captureDir):
		if r.to.noCaptures {
			return nil
		}
		return r.write(name, in)
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

// part fills one part of a table.
func (r *restorer) part(in io.Reader) error {
	br := bufio.NewReaderSize(in, 1<<16)
	dec := json.NewDecoder(br)
	dec.UseNumber()
	var head tablePart
	if err := dec.Decode(&head); err != nil {
		return fmt.Errorf("read a table: %w", err)
	}
	rows := func(yield func([]any, error) bool) {
		for {
			var row []any
			err := dec.Decode(&row)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
	return r.fill(store.Table{Name: head.Table, Columns: head.Columns}, rows)
}

// fill writes rows of a table in transactions of at most partRows.
func (r *restorer) fill(from store.Table, rows iter.Seq2[[]any, error]) error {
	i := slices.IndexFunc(r.tables, func(t store.Table) bool { return t.Name == from.Name })
	if i < 0 {
		return ot.Errorf(ot.Damaged, "the snapshot holds a table %s that this program does not know", ot.Printable(from.Name))
	}
	kinds := make([]store.Kind, len(from.Columns))
	names := make([]string, len(from.Columns))
	for n, c := range from.Columns {
		j := slices.IndexFunc(r.tables[i].Columns, func(x store.Column) bool { return x.Name == c.Name })
		if j < 0 {
			return ot.Errorf(ot.Damaged, "the snapshot holds a column %s.%s that this program does not know", ot.Printable(from.Name), ot.Printable(c.Name))
		}
		kinds[n], names[n] = r.tables[i].Columns[j].Kind, `"`+c.Name+`"`
	}
	insert := "INSERT INTO " + from.Name + " (" + strings.Join(names, ", ") + ") VALUES "
	one := "(" + strings.Repeat("?, ", len(names)-1) + "?)"
	var args []any
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		batch, count := args, n
		args, n = nil, 0
		return r.db.Update(r.ctx, func(tx *store.Tx) error {
			for count > 0 { // 50 rows a statement, as Upsert
				k := min(count, 50)
				if _, err := tx.Exec(r.ctx, insert+strings.Repeat(one+", ", k-1)+one, batch[:k*len(names)]...); err != nil {
					return fmt.Errorf("fill %s: %w", from.Name, err)
				}
				batch, count = batch[k*len(names):], count-k
			}
			return nil
		})
	}
	for row, err := range rows {
		if err != nil {
			return fmt.Errorf("read %s: %w", from.Name, err)
		}
		if len(row) != len(kinds) {
			return ot.Errorf(ot.Damaged, "a row of %s has %d values for %d columns", from.Name, len(row), len(kinds))
		}
		for c, v := range row {
			x, err := asKind(kinds[c], from.Columns[c].Kind, v)
			if err != nil {
				return ot.Errorf(ot.Damaged, "column %s.%s: %w", from.Name, from.Columns[c].Name, err)
			}
			args = append(args, x)
		}
		if n++; n == partRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// asKind makes a value of a snapshot what a column of this engine holds.
func asKind(want, was store.Kind, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	if b, ok := v.([]byte); ok && want != store.KindBlob {
		v = string(b)
	}
	switch want {
	case store.KindInt, store.KindBool:
		n, err := number(v)
		if err != nil || want == store.KindInt {
			return n, err
		}
		return n != 0, nil
	case store.KindFloat:
		switch v := v.(type) {
		case json.Number:
			return v.Float64()
		case float64:
			return v, nil
		case int64:
			return float64(v), nil
		}
	case store.KindBlob:
		if s, ok := v.(string); ok && was == store.KindBlob {
			return base64.StdEncoding.DecodeString(s)
		}
		if b, ok := v.([]byte); ok {
			return b, nil
		}
	case store.KindText, store.KindJSON:
		if s, ok := v.(string); ok {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%T is not a %s", v, want)
}

func number(v any) (int64, error) {
	switch v := v.(type) {
	case json.Number:
		return v.Int64()
	case int64:
		return v, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	}
	return 0, fmt.Errorf("%T is not a number", v)
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

// copyFile moves the tables of the SQLite copy into PostgreSQL.
func (r *restorer) copyFile() error {
	path := r.dir.join(databaseName)
	src, err := store.Open(r.ctx, store.Config{URL: "sqlite:" + path, ReadOnly: true})
	if err != nil {
		return err
	}
	err = src.View(r.ctx, func(rd store.Reader) error {
		tables, err := store.Tables(r.ctx, rd)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if err := r.fill(t, store.Values(r.ctx, rd, selectTable(t))); err != nil {
				return err
			}
		}
		return nil
	})
	if cerr := src.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
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
