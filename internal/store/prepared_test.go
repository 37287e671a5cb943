package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
)

func openLite(t *testing.T) *sql.Conn {
	t.Helper()
	db, err := Open(t.Context(), Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c, err := db.write.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := c.ExecContext(t.Context(), "CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"); err != nil {
		t.Fatal(err)
	}
	return c
}

func keeps(t *testing.T, c *sql.Conn) (texts, bytes int) {
	t.Helper()
	if err := c.Raw(func(d any) error {
		k := d.(*keeper)
		texts, bytes = k.last.Len(), k.used
		if len(k.at) != texts {
			return fmt.Errorf("%d by text, %d in order", len(k.at), texts)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return texts, bytes
}

// What is prepared once serves again: after an error, after a change of the table,
// and after a context that ended.
func TestPreparedServesAgain(t *testing.T) {
	c := openLite(t)
	before, _ := keeps(t, c)
	const insert, read = "INSERT INTO thing (name) VALUES (?)", "SELECT * FROM thing ORDER BY id"
	for i, want := range []bool{true, false, true} {
		name := []string{"a", "a", "b"}[i]
		if _, err := c.ExecContext(t.Context(), insert, name); (err == nil) != want {
			t.Fatalf("insert %d: %v", i, err)
		}
	}
	columns := func() int {
		rows, err := c.QueryContext(t.Context(), read)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }()
		cols, err := rows.Columns()
		if err != nil || !rows.Next() {
			t.Fatal("no rows", err, rows.Err())
		}
		return len(cols)
	}
	if n := columns(); n != 2 {
		t.Fatalf("%d columns", n)
	}
	if _, err := c.ExecContext(t.Context(), "ALTER TABLE thing ADD COLUMN more TEXT"); err != nil {
		t.Fatal(err)
	}
	if n := columns(); n != 3 {
		t.Errorf("%d columns after the table changed, want 3", n)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.ExecContext(ended, insert, "c"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	if _, err := c.ExecContext(t.Context(), insert, "c"); err != nil {
		t.Error(err)
	}
	if n, _ := keeps(t, c); n != before+2 {
		t.Errorf("%d statements are kept, want 2 more than %d", n, before)
	}
}

// Two readings of the same text at once do not share a statement.
func TestPreparedTwiceAtOnce(t *testing.T) {
	c := openLite(t)
	before, _ := keeps(t, c)
	for _, name := range []string{"a", "b", "c"} {
		if _, err := c.ExecContext(t.Context(), "INSERT INTO thing (name) VALUES (?)", name); err != nil {
			t.Fatal(err)
		}
	}
	read := func() *sql.Rows {
		rows, err := c.QueryContext(t.Context(), "SELECT name FROM thing ORDER BY name")
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	next := func(rows *sql.Rows) (s string) {
		if !rows.Next() {
			t.Fatal("too few rows", rows.Err())
		}
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	x := read() //nolint:rowserrcheck // looked at below, together
	defer func() { _ = x.Close() }()
	if got := next(x); got != "a" {
		t.Errorf("%q", got)
	}
	y := read() //nolint:rowserrcheck // the same
	defer func() { _ = y.Close() }()
	if got := next(y) + next(y) + next(x) + next(y) + next(x); got != "abbcc" {
		t.Errorf("read %q, want abbcc", got)
	}
	if err := errors.Join(x.Err(), y.Err(), x.Close(), y.Close()); err != nil {
		t.Error(err)
	}
	if n, _ := keeps(t, c); n != before+2 { // the insert, and one of the two
		t.Errorf("%d statements are kept, want 2 more than %d", n, before)
	}
}

// However many texts there are, what is kept stays bounded.
func TestPreparedIsBounded(t *testing.T) {
	c := openLite(t)
	for i := range 5000 {
		var got int
		if err := c.QueryRowContext(t.Context(), fmt.Sprintf("SELECT %d + ? /* of five thousand texts */", i), 1).Scan(&got); err != nil || got != i+1 {
			t.Fatalf("%d, %v", got, err)
		}
	}
	texts, bytes := keeps(t, c)
	if bytes > keptWriter || bytes < keptWriter/2 || texts < 100 {
		t.Errorf("%d statements of %d bytes are kept, at most %d", texts, bytes, keptWriter)
	}
}
