package store

import (
	"database/sql/driver"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/skanse/skanse/internal/ot"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// isConflict says that the engine gave a transaction up because of another one,
// so that running it again is right.
func isConflict(err error) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return lite.Code()&0xff == sqlite3.SQLITE_BUSY || lite.Code()&0xff == sqlite3.SQLITE_LOCKED
	}
	return false
}

// explain turns an engine's error into one that says what to do. The engine's own
// words stay reachable as the cause.
func explain(err error, db *DB) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*ot.Error](err); ok {
		return err
	}
	where := "the database"
	if db.path != "" {
		where = db.path
	}
	wrap := func(code ot.Code, text string) error { return &ot.Error{Code: code, Message: text, Cause: err} }
	switch kind(err) {
	case full:
		return wrap(ot.Full, "the disk that holds "+where+" is full: free some space; what was saved before is safe")
	case damaged:
		return wrap(ot.Damaged, where+" is damaged ("+err.Error()+"): keep a copy of it and restore the last snapshot")
	case lost:
		return wrap(ot.Busy, "the database does not answer ("+err.Error()+"): Skanse goes on when it is back")
	case exists:
		return wrap(ot.Conflict, "it exists already")
	case used:
		return wrap(ot.Conflict, "something else refers to it, or what it refers to is gone")
	case readOnly:
		return wrap(ot.Forbidden, where+" can only be read: check the rights on the file and its folder")
	}
	return err
}

type errorKind int

const (
	other errorKind = iota
	full
	damaged
	lost
	exists
	used
	readOnly
)

func kind(err error) errorKind {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresKind(pg.Code)
	}
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return sqliteKind(lite.Code())
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return lost
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return lost
	}
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return full
	case pgconn.SafeToRetry(err), // "conn closed": nothing was sent any more
		errors.Is(err, driver.ErrBadConn), errors.Is(err, net.ErrClosed),
		errors.Is(err, io.ErrUnexpectedEOF): // PostgreSQL ended in the middle of its answer
		return lost
	case errors.Is(err, fs.ErrPermission), errors.Is(err, os.ErrPermission):
		return readOnly
	}
	return other
}

func postgresKind(code string) errorKind {
	switch code {
	case "53100", "53400": // disk_full, configuration_limit_exceeded (temporary file limit)
		return full
	case "XX001", "XX002":
		return damaged
	case "23505":
		return exists
	case "23503":
		return used
	case "25006":
		return readOnly
	case "57P01", "57P02", "57P03", "53300":
		return lost
	}
	if strings.HasPrefix(code, "08") || strings.HasPrefix(code, "28") {
		return lost
	}
	return other
}

func sqliteKind(code int) errorKind {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return exists
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return used
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return full
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return damaged
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN:
		return readOnly
	}
	return other
}
