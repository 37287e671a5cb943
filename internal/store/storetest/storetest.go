// Package storetest gives tests a database of each engine, and holds the cases
// of the common SQL that every statement of Skanse relies on.
package storetest

import (
	"path/filepath"
	"testing"

	"github.com/skanse/skanse/internal/store"
)

// Each runs fn on a fresh, migrated SQLite database and on a PostgreSQL one. Without
// PostgreSQL's programs the second is skipped, and fails under SKANSE_REQUIRE=postgres.
func Each(t *testing.T, slices []store.Migrations, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) { fn(t, Open(t, url, slices)) })
}

// EachURL runs fn with the address of an empty database of each engine.
func EachURL(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Postgres(t)) })
}

// SQLite returns the address of an SQLite file that does not exist yet.
func SQLite(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "skanse.db") }

// Open opens and migrates a database and closes it with the test.
func Open(t testing.TB, url string, slices []store.Migrations) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	if err := db.Migrate(t.Context(), slices); err != nil {
		t.Fatal(err)
	}
	return db
}
