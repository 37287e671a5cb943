package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/skanse/skanse/internal/ot"
)

// maxIdle connections stay open to PostgreSQL.
const maxIdle = 6

func openPostgres(ctx context.Context, url string, readOnly bool) (*DB, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "database address %s is not usable: write postgres://user@host/database", withoutPassword(url))
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = 10 * time.Second
	}
	// The session's own settings decide, not the server's: times and numbers
	// must not depend on who installed it.
	cfg.RuntimeParams["application_name"] = "skanse"
	cfg.RuntimeParams["timezone"] = "UTC"
	// A connection that died inside a transaction must not hold its locks for ever.
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "300000"
	pool := stdlib.OpenDB(*cfg)
	pool.SetMaxOpenConns(12)
	pool.SetMaxIdleConns(maxIdle)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db := &DB{engine: PostgreSQL, read: pool}
	if !readOnly {
		db.write = pool
	}
	if err := db.checkServer(ctx, pool); err != nil {
		_ = pool.Close()
		return nil, explain(err, db)
	}
	return db, nil
}

func (db *DB) checkServer(ctx context.Context, pool *sql.DB) error {
	var version int
	var encoding string
	err := pool.QueryRowContext(ctx, "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')").Scan(&version, &encoding)
	if err != nil {
		return err
	}
	if version < 150000 {
		return ot.Errorf(ot.Invalid, "PostgreSQL %d is too old: Skanse needs 15 or newer", version/10000)
	}
	if encoding != "UTF8" {
		return ot.Errorf(ot.Invalid, "the database is encoded in %s: create it with ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return nil
}
