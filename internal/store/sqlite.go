package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// applicationID marks our files in the SQLite header, so that another program's
// database is refused before a table is made in it. "SKAN".
const applicationID = 0x534b414e

func openSQLite(ctx context.Context, path string, readOnly bool) (_ *DB, err error) {
	path = strings.TrimPrefix(path, "//")
	if path == "" || strings.HasPrefix(path, ":") {
		return nil, ot.Errorf(ot.Invalid, "the database needs a file: sqlite:/folder/file.db")
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("database file: %w", err)
	}
	db := &DB{engine: SQLite, path: path}
	defer func() {
		if err != nil {
			_ = db.Close()
		}
	}()
	if readOnly {
		if _, err := os.Stat(path); err != nil {
			return nil, ot.Errorf(ot.NotFound, "there is no database at %s: %w", path, err)
		}
	} else {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, ot.Errorf(ot.Invalid, "make the data folder: %w", err)
		}
		if db.lock, err = TakeLock(path + ".lock"); err != nil {
			return nil, err
		}
		// SQLite gives its side files the mode of the database file.
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "open the database file: %w", err)
		}
		_ = f.Close()
		// synchronous=FULL: losing nothing beats being fast. 8 MB of page cache for the
		// writer and 2 MB a reader keep an idle server inside its memory budget. A new file
		// can give space back (auto_vacuum; it says nothing to a file that has tables).
		conns, err := newPrepared(sqliteDSN(path, "immediate",
			"busy_timeout(10000)", "auto_vacuum(2)", "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)", "cache_size(-8192)", "journal_size_limit(67108864)"), keptWriter)
		if err != nil {
			return nil, err
		}
		db.write = sql.OpenDB(conns)
		db.write.SetMaxOpenConns(1)
		if err := db.stamp(ctx); err != nil {
			return nil, explain(err, db)
		}
	}
	conns, err := newPrepared(sqliteDSN(path, "deferred",
		"busy_timeout(10000)", "query_only(1)", "foreign_keys(1)", "cache_size(-2048)"), keptReader)
	if err != nil {
		return nil, err
	}
	db.read = sql.OpenDB(conns)
	db.read.SetMaxOpenConns(4)
	db.read.SetMaxIdleConns(4)
	var tables int
	if err := db.read.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return nil, explain(err, db)
	}
	return db, nil
}

// tempInMemory says where SQLite keeps what a statement may have to undo. In memory it
// costs a fifth less of each insert of many rows; only where a statement may change all
// of a table, as in a migration or VACUUM, it goes to a file.
func (db *DB) tempInMemory(ctx context.Context, yes bool) error {
	if db.engine != SQLite {
		return nil
	}
	where := "default"
	if yes {
		where = "memory"
	}
	_, err := db.write.ExecContext(ctx, "PRAGMA temp_store = "+where)
	return explain(err, db)
}

// stamp marks a new file as ours and refuses another program's.
func (db *DB) stamp(ctx context.Context) error {
	var id, tables int
	if err := db.write.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return err
	}
	if id == applicationID {
		return nil
	}
	if err := db.write.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&tables); err != nil {
		return err
	}
	if tables > 0 {
		return ot.Errorf(ot.Invalid, "%s is the database of another program: choose another file", db.path)
	}
	_, err := db.write.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id=%d", applicationID))
	return err
}

func sqliteDSN(path, txlock string, pragmas ...string) string {
	v := url.Values{"_txlock": {txlock}, "_pragma": pragmas}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: v.Encode()}
	return u.String()
}
