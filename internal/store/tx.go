package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/skanse/skanse/internal/ot"
)

// Reader is what Select, All and One read from: a snapshot inside View, or a *Tx.
// It is used by one goroutine at a time.
type Reader interface {
	Engine() Engine
	session() *session
}

// Tx is a transaction that may write. It ends when the function given to Update returns.
type Tx struct{ s session }

// Engine says which database program runs the transaction.
func (tx *Tx) Engine() Engine { return tx.s.db.engine }

func (tx *Tx) session() *session { return &tx.s }

type snapshot struct{ s session }

func (r *snapshot) Engine() Engine    { return r.s.db.engine }
func (r *snapshot) session() *session { return &r.s }

type session struct {
	db       *DB
	tx       *sql.Tx
	rows     querier // tx, or the pool itself
	reading  bool    // a Select is being iterated: PostgreSQL has one cursor a connection
	conflict bool    // the engine gave up this transaction; it must be run again
}

var errNested = errors.New("a second statement while the rows of a Select are read: collect them with All first")

func (s *session) query(ctx context.Context, text string, args []any) (*sql.Rows, error) {
	if s.reading {
		return nil, errNested
	}
	text, args, err := bind(s.db.engine, text, args)
	if err != nil {
		return nil, err
	}
	rows, err := s.rows.QueryContext(ctx, text, args...)
	return rows, s.note(err)
}

// note translates an engine's error and remembers a conflict, even if the caller drops the error.
func (s *session) note(err error) error {
	if err == nil {
		return nil
	}
	if isConflict(err) {
		s.conflict = true
	}
	return explain(err, s.db)
}

// Exec runs a statement and returns the number of rows that it changed.
func (tx *Tx) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	text, args, err := bind(tx.s.db.engine, query, args)
	if err != nil {
		return 0, err
	}
	return tx.exec(ctx, text, args)
}

// exec runs the engine's own text with clean arguments.
func (tx *Tx) exec(ctx context.Context, text string, args []any) (int64, error) {
	if tx.s.reading {
		return 0, errNested
	}
	res, err := tx.s.tx.ExecContext(ctx, text, args...)
	if err != nil {
		return 0, tx.s.note(err)
	}
	n, err := res.RowsAffected()
	return n, tx.s.note(err)
}

// View runs fn on one snapshot of the database; nothing can be written.
func (db *DB) View(ctx context.Context, fn func(Reader) error) error {
	opt := &sql.TxOptions{ReadOnly: true}
	if db.engine == PostgreSQL {
		opt.Isolation = sql.LevelRepeatableRead
	}
	tx, err := begin(ctx, db.read, opt)
	if err != nil {
		return explain(err, db)
	}
	defer func() { _ = tx.Rollback() }() // nothing to keep
	return fn(&snapshot{session{db: db, tx: tx, rows: tx}})
}

// Glance is View for a page whose statements need not see one and the same moment: on
// PostgreSQL it costs two round trips less, the beginning and the end of a transaction.
func (db *DB) Glance(ctx context.Context, fn func(Reader) error) error {
	if db.engine == SQLite {
		return db.View(ctx, fn)
	}
	one := &oneConn{pool: db.read}
	defer one.close()
	return fn(&snapshot{session{db: db, rows: one}})
}

// begin starts a transaction.
func begin(ctx context.Context, pool *sql.DB, opt *sql.TxOptions) (*sql.Tx, error) {
	return alive(func() (*sql.Tx, error) { return pool.BeginTx(ctx, opt) })
}

// querier is a transaction or a pool.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// oneConn keeps to one connection: its statements are prepared there, and another one's may not be.
type oneConn struct {
	pool *sql.DB
	conn *sql.Conn // nil: none yet, or the last one died
}

// QueryContext is only for statements that read: one that met a dead connection is asked again.
func (o *oneConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return alive(func() (*sql.Rows, error) {
		if o.conn == nil {
			conn, err := o.pool.Conn(ctx)
			if err != nil {
				return nil, err
			}
			o.conn = conn
		}
		rows, err := o.conn.QueryContext(ctx, query, args...)
		if err != nil && kind(err) == lost {
			o.close()
		}
		return rows, err
	})
}

func (o *oneConn) close() {
	if o.conn != nil {
		_ = o.conn.Close() // it goes back to the pool
		o.conn = nil
	}
}

// alive repeats what meets connections that died while they idled, as all do when PostgreSQL
// restarts: they are dropped on the way, and nothing has been done on them yet.
func alive[T any](fn func() (T, error)) (T, error) {
	for range maxIdle {
		v, err := fn()
		if _, fresh := errors.AsType[*pgconn.ConnectError](err); err == nil || fresh || kind(err) != lost {
			return v, err
		}
	}
	return fn()
}

// maxAttempts bounds the retries of a transaction that others keep getting in the way of.
const maxAttempts = 12

// Update runs fn in a serialisable transaction and commits when it returns nil.
// fn may run again after a conflict, so it does nothing but use tx and set
// variables that it sets anew on every run. It does not call Update or View: on
// SQLite there is one writer, and it would wait for itself.
func (db *DB) Update(ctx context.Context, fn func(*Tx) error) error {
	if db.write == nil {
		return ot.Errorf(ot.Forbidden, "the database is open for reading only")
	}
	for attempt := 1; ; attempt++ {
		conflict, err := db.attempt(ctx, fn)
		if !conflict {
			return err
		}
		if attempt == maxAttempts {
			return ot.Errorf(ot.Busy, "the database is busy with other changes (%d attempts): try again", attempt)
		}
		wait := time.Duration(1<<min(attempt, 7)) * time.Millisecond
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait/2 + rand.N(wait)):
		}
	}
}

func (db *DB) attempt(ctx context.Context, fn func(*Tx) error) (conflict bool, err error) {
	opt := &sql.TxOptions{}
	if db.engine == PostgreSQL {
		opt.Isolation = sql.LevelSerializable
	}
	stx, err := begin(ctx, db.write, opt)
	if err != nil {
		return isConflict(err), explain(err, db)
	}
	tx := &Tx{session{db: db, tx: stx, rows: stx}}
	defer func() { _ = stx.Rollback() }() // does nothing after Commit; gives the writer back after a panic
	if err := fn(tx); err != nil {
		return tx.s.conflict, err
	}
	hooks := hooksOf(ctx)
	for _, h := range hooks {
		if err := h.BeforeCommit(ctx, tx); err != nil {
			return tx.s.conflict, err
		}
	}
	if tx.s.conflict {
		return true, nil
	}
	if err := stx.Commit(); err != nil {
		return isConflict(err), explain(fmt.Errorf("commit: %w", err), db)
	}
	for _, h := range hooks {
		h.AfterCommit()
	}
	db.wake()
	return false, nil
}

// Hook takes part in every Update that runs under a context: rest hangs the audit
// entry of a request into the request's own transaction with it.
type Hook interface {
	// BeforeCommit runs in the transaction after fn; it may run again after a conflict.
	BeforeCommit(ctx context.Context, tx *Tx) error
	// AfterCommit runs once the transaction is durable.
	AfterCommit()
}

type hookKey struct{}

// WithHook returns a context under which every Update calls h.
func WithHook(ctx context.Context, h Hook) context.Context {
	old := hooksOf(ctx)
	return context.WithValue(ctx, hookKey{}, append(old[:len(old):len(old)], h))
}

// WithoutHooks returns a context under which Update calls no hook: for what must be
// written although the request fails.
func WithoutHooks(ctx context.Context) context.Context {
	return context.WithValue(ctx, hookKey{}, []Hook(nil))
}

func hooksOf(ctx context.Context) []Hook {
	hooks, _ := ctx.Value(hookKey{}).([]Hook)
	return hooks
}
