package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// versions returns a slice with its first n migrations.
func versions(n int) []store.Migrations {
	m := fstest.MapFS{}
	for i := 1; i <= n; i++ {
		m[fmt.Sprintf("migrations/%04d_step.sql", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, "CREATE TABLE m_t%d (v {{.Text}} NOT NULL) {{.Strict}};\nINSERT INTO m_t%d VALUES ('a;b');", i, i)}
	}
	return []store.Migrations{{Slice: "m", FS: m}}
}

func open(t *testing.T, url string) (*store.DB, error) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: url})
	if err == nil {
		t.Cleanup(func() { _ = db.Close() })
	}
	return db, err
}

func mustOpen(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := open(t, url)
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func wantError(t *testing.T, err error, code ot.Code, says string) {
	t.Helper()
	if ot.CodeOf(err) != code || !strings.Contains(err.Error(), says) {
		t.Errorf("%v (%s), want %s with %q", err, ot.CodeOf(err), code, says)
	}
}

func TestMigrations(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := mustOpen(t, url)
		ctx := t.Context()
		if err := db.Migrate(ctx, versions(1)); err != nil {
			t.Fatal(err)
		}
		wantError(t, db.CheckSchema(ctx, versions(2)), ot.Invalid, "older than this program")
		third := versions(3)
		third[0].To = 2
		if err := db.Migrate(ctx, third); err != nil {
			t.Fatal(err)
		}
		if v, err := db.Versions(ctx, third); err != nil || v["m"] != 2 {
			t.Errorf("asked for version 2: %v %v", v, err)
		}
		for range 2 { // twice is once
			if err := db.Migrate(ctx, versions(3)); err != nil {
				t.Fatal(err)
			}
		}
		err := db.View(ctx, func(r store.Reader) error {
			n, err := store.One[int64](ctx, r, "SELECT (SELECT count(*) FROM m_t1) + (SELECT count(*) FROM m_t3)")
			if n != 2 {
				t.Errorf("%d rows", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, db.Migrate(ctx, versions(2)), ot.Invalid, "newer Skanse (m is at version 3, this program knows 2)")
		wantError(t, db.CheckSchema(ctx, versions(2)), ot.Invalid, "newer Skanse")
		bad := versions(4)
		bad[0].FS.(fstest.MapFS)["migrations/0004_step.sql"].Data = []byte("CREATE TABLE m_t4 (v {{.Text}}) {{.Strict}}; SELECT nonsense;")
		if err := db.Migrate(ctx, bad); err == nil || !strings.Contains(err.Error(), "tables of m") {
			t.Errorf("a broken migration: %v", err)
		}
		if v, err := db.Versions(ctx, bad); err != nil || v["m"] != 3 {
			t.Errorf("after a broken migration: %v %v", v, err)
		}
		if err := db.Migrate(ctx, versions(4)); err != nil {
			t.Errorf("half a migration stayed: %v", err)
		}
	})
}

func TestTemplateMistakesAreFound(t *testing.T) {
	db := mustOpen(t, storetest.SQLite(t))
	for _, text := range []string{"CREATE TABLE x (a {{.Txt}});", "{{"} {
		err := db.Migrate(t.Context(), []store.Migrations{{Slice: "x", FS: fstest.MapFS{"0001_x.sql": {Data: []byte(text)}}}})
		if err == nil || !strings.Contains(err.Error(), "migrations of x") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestCopyBeforeMigration(t *testing.T) {
	url := storetest.SQLite(t)
	path := strings.TrimPrefix(url, "sqlite:")
	db := mustOpen(t, url)
	for n := 1; n <= 5; n++ {
		if err := db.Migrate(t.Context(), versions(n)); err != nil {
			t.Fatal(err)
		}
	}
	copies, err := filepath.Glob(path + ".before-*")
	if err != nil || len(copies) != 2 {
		t.Fatalf("copies %v %v", copies, err)
	}
	old, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + copies[1], ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = old.Close() }()
	if v, err := old.Versions(t.Context(), versions(5)); err != nil || v["m"] != 4 {
		t.Errorf("the last copy is at %v, %v", v, err)
	}
	if st, err := os.Stat(copies[0]); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
}

func TestSecondServer(t *testing.T) {
	url := storetest.SQLite(t)
	first := mustOpen(t, url)
	_, err := open(t, url)
	wantError(t, err, ot.Busy, fmt.Sprintf("process %d", os.Getpid()))
	ro, err := store.Open(t.Context(), store.Config{URL: url, ReadOnly: true})
	if err != nil {
		t.Fatalf("reading beside a server: %v", err)
	}
	wantError(t, ro.Update(t.Context(), func(*store.Tx) error { return nil }), ot.Forbidden, "reading only")
	if err := ro.Close(); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, url); err != nil {
		t.Errorf("after the first ended: %v", err)
	}
}

func TestWrongAddresses(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	db := mustOpen(t, "sqlite:"+foreign)
	if err := db.Migrate(t.Context(), versions(1)); err != nil {
		t.Fatal(err)
	}
	_ = db.Update(t.Context(), func(tx *store.Tx) error { return nil })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(foreign)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[68:72], []byte{0, 0, 0, 9}) // another program's application id
	if err := os.WriteFile(foreign, b, 0o600); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("this is not a database\n"), 400), 0o600); err != nil {
		t.Fatal(err)
	}
	for url, c := range map[string]struct {
		code ot.Code
		says string
	}{
		"mysql://x":                  {ot.Invalid, "sqlite:/folder/file.db or postgres://"},
		"sqlite:":                    {ot.Invalid, "needs a file"},
		"sqlite::memory:":            {ot.Invalid, "needs a file"},
		"sqlite:" + text:             {ot.Damaged, "restore the last snapshot"},
		"sqlite:" + foreign:          {ot.Invalid, "another program"},
		"sqlite:/dev/null/x/y.db":    {ot.Invalid, "data folder"},
		"postgres://u:secret@%zz/db": {ot.Invalid, "not usable"},
		"postgres://u:secret@/db?host=" + dir + "&port=1": {ot.Busy, "does not answer"},
	} {
		_, err := open(t, url)
		wantError(t, err, c.code, c.says)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a password in the message: %v", err)
		}
	}
	if _, err := store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(dir, "none.db"), ReadOnly: true}); ot.CodeOf(err) != ot.NotFound {
		t.Errorf("reading a file that is not there: %v", err)
	}
	for _, odd := range []string{"with space", "per%20cent", "quest?ion", "ha#sh"} {
		db := mustOpen(t, "sqlite:"+filepath.Join(dir, odd, "x.db"))
		if err := db.Migrate(t.Context(), versions(1)); err != nil {
			t.Errorf("%s: %v", odd, err)
		}
		if _, err := os.Stat(filepath.Join(dir, odd, "x.db")); err != nil {
			t.Error(err)
		}
	}
}

func TestDiskFull(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), versions(1))
	ctx := t.Context()
	big := strings.Repeat("x", 4000)
	if err := db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "INSERT INTO m_t1 VALUES ('saved before')")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	err := db.Update(ctx, func(tx *store.Tx) error { // SQLite's own limit answers as a full disk does
		_, err := tx.Exec(ctx, "PRAGMA max_page_count = 20")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(ctx, func(tx *store.Tx) error {
		for range 100 {
			if _, err := tx.Exec(ctx, "INSERT INTO m_t1 VALUES (?)", big); err != nil {
				return err
			}
		}
		return nil
	})
	wantError(t, err, ot.Full, "free some space")
	got := count(t, db)
	if got != 2 {
		t.Errorf("%d rows after the disk was full, want the 2 saved before", got)
	}
}

func count(t *testing.T, db *store.DB) (n int64) {
	t.Helper()
	if err := db.View(t.Context(), func(r store.Reader) (err error) {
		n, err = store.One[int64](t.Context(), r, "SELECT count(*) FROM m_t1")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDamagedFile(t *testing.T) {
	url := storetest.SQLite(t)
	path := strings.TrimPrefix(url, "sqlite:")
	db := mustOpen(t, url)
	if err := db.Migrate(t.Context(), versions(1)); err != nil {
		t.Fatal(err)
	}
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		for i := range 400 {
			if _, err := tx.Exec(t.Context(), "INSERT INTO m_t1 VALUES (?)", fmt.Sprint(i, strings.Repeat("x", 500))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil { // the last to close brings the log into the file
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 3 * 4096; i < len(b); i++ {
		b[i] ^= 0x5a
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := open(t, url)
	if err == nil {
		err = again.View(t.Context(), func(r store.Reader) error {
			_, err := store.All[string](t.Context(), r, "SELECT v FROM m_t1 ORDER BY v")
			return err
		})
	}
	wantError(t, err, ot.Damaged, "restore the last snapshot")
}

func TestLostDatabase(t *testing.T) {
	url := storetest.Postgres(t)
	db := storetest.Open(t, url, versions(1))
	ctx := t.Context()
	other := mustOpen(t, url)
	kill := func() {
		t.Helper()
		err := other.View(ctx, func(r store.Reader) error {
			_, err := store.All[bool](ctx, r, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	runs := 0
	err := db.Update(ctx, func(tx *store.Tx) error {
		runs++
		if _, err := tx.Exec(ctx, "INSERT INTO m_t1 VALUES ('x')"); err != nil {
			return err
		}
		kill()
		_, err := tx.Exec(ctx, "INSERT INTO m_t1 VALUES ('y')")
		return err
	})
	wantError(t, err, ot.Busy, "goes on when it is back")
	if runs != 1 {
		t.Errorf("a transaction whose end nobody knows ran %d times", runs)
	}
	if got := count(t, db); got != 1 { // and it is back
		t.Errorf("%d rows", got)
	}
}

func TestUpdateEndsWithItsContext(t *testing.T) {
	db := storetest.Open(t, storetest.SQLite(t), versions(1))
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Update(ctx, func(*store.Tx) error {
		waiting, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- db.Update(waiting, func(*store.Tx) error { return nil }) }() // waits for the one writer
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("a writer that gave up: %v", err)
		}
		cancel()
		return nil
	})
	if err == nil {
		t.Error("committed after its end")
	}
}

// A glance reads like a view, from what is committed, one statement at a time.
func TestGlance(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		db := mustOpen(t, url)
		if err := db.Migrate(t.Context(), versions(1)); err != nil {
			t.Fatal(err)
		}
		if err := db.Glance(t.Context(), func(r store.Reader) error {
			for range store.Select[int64](t.Context(), r, "SELECT 1 UNION ALL SELECT 2") {
				if _, err := store.One[int64](t.Context(), r, "SELECT 3"); err == nil {
					t.Error("a second statement while rows are read")
				}
			}
			n, err := store.One[int64](t.Context(), r, "SELECT CAST(? AS BIGINT)", int64(7))
			if n != 7 {
				t.Errorf("read %d", n)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	})
}
