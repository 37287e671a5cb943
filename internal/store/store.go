// Package store opens the database, SQLite or PostgreSQL, and runs one SQL text
// on both: transactions, typed reading, many-row writes and migrations. It knows
// no table of its own; every slice owns its tables and its SQL.
//
// Rules of the common SQL, each with a case in storetest:
//
//   - ? marks an argument on both engines; ?? is a literal question mark (the
//     jsonb operators). A slice expands in IN (?), an empty one matches nothing.
//     An argument of type ot.SQL is spliced in with its own arguments.
//   - Text arguments lose NUL and bad UTF-8 on the way in; PostgreSQL refuses both.
//   - Times are BIGINT µs UTC: Go type Time, column {{.Time}}.
//   - Tables end in {{.Strict}}; text columns are {{.Text}} (COLLATE "C", so that
//     both engines order alike); NULLS LAST or NOT NULL in each ordered column;
//     CAST(? AS BIGINT) where a type is not clear; CAST(sum(x) AS BIGINT).
//   - The primary key of a table that grows begins with (site_no, …).
//   - Transactions stay below 2,000 rows, so that no import holds the one writer long.
package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/skanse/skanse/internal/ot"
)

// Engine is the database program behind a DB.
type Engine string

// The two engines. SQL is one text for both; the few places that must differ ask for it.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// Config says which database to open.
type Config struct {
	URL string // sqlite:/folder/file.db or postgres://user@host/database

	// ReadOnly opens beside a running server: no lock, no writer, no migration.
	ReadOnly bool
}

// DB is an open database. It is safe for use by many goroutines.
type DB struct {
	engine Engine
	path   string // SQLite only: the file
	read   *sql.DB
	write  *sql.DB // nil when read-only; one connection on SQLite
	lock   *Lock
	plans  sync.Map // planKey → *plan

	mu      sync.Mutex
	changed chan struct{} // closed by the next commit; nil: nobody waits
}

// Open opens the database and creates an SQLite file that is missing. An SQLite
// file belongs to one process: a second one gets ot.Busy. The caller closes.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	switch {
	case strings.HasPrefix(cfg.URL, "sqlite:"):
		return openSQLite(ctx, strings.TrimPrefix(cfg.URL, "sqlite:"), cfg.ReadOnly)
	case strings.HasPrefix(cfg.URL, "postgres:"), strings.HasPrefix(cfg.URL, "postgresql:"):
		return openPostgres(ctx, cfg.URL, cfg.ReadOnly)
	}
	return nil, ot.Errorf(ot.Invalid, "database %q: give sqlite:/folder/file.db or postgres://user@host/database", withoutPassword(cfg.URL))
}

// Engine says which database program is behind the DB.
func (db *DB) Engine() Engine { return db.engine }

// Path is the database file of SQLite, empty on PostgreSQL.
func (db *DB) Path() string { return db.path }

// Close waits for running statements, closes all connections and gives the lock back.
func (db *DB) Close() error {
	var errs []error
	if db.read != nil {
		errs = append(errs, db.read.Close())
	}
	if db.write != nil && db.write != db.read {
		errs = append(errs, db.write.Close())
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Release())
	}
	return errors.Join(errs...)
}

// Ping says whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	return explain(db.read.PingContext(ctx), db)
}

// Optimize lets SQLite look at tables that changed much, so that it chooses the right
// index; call it once a day. PostgreSQL does it by itself.
func (db *DB) Optimize(ctx context.Context) error {
	if db.engine != SQLite || db.write == nil {
		return nil
	}
	_, err := db.write.ExecContext(ctx, "PRAGMA optimize")
	return explain(err, db)
}

// Changed returns a channel that closes when this process next commits a change. It
// only wakes: read first what you wait for, then wait on a channel taken before.
func (db *DB) Changed() <-chan struct{} {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.changed == nil {
		db.changed = make(chan struct{})
	}
	return db.changed
}

func (db *DB) wake() {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.changed != nil {
		close(db.changed)
		db.changed = nil
	}
}

// NewID returns a public id: a UUIDv7, so that ids sort by the time of their making.
func NewID() string { return uuid.Must(uuid.NewV7()).String() }

// withoutPassword cuts the person out of an address, also where it is no address at all.
func withoutPassword(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if at := strings.LastIndexByte(rest, '@'); ok && at >= 0 {
		return scheme + "://…" + rest[at:]
	}
	return raw
}
