package store

import (
	"container/list"
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"modernc.org/sqlite"
)

// How much text a connection keeps prepared. A statement takes about forty times its
// text, so that a writer's stay below 4 MB and a reader's below 2 MB.
const (
	keptWriter = 96 << 10
	keptReader = 48 << 10
)

// prepared opens SQLite connections that keep what they prepared: translating a
// statement takes longer than running it. PostgreSQL's driver does the same by itself.
type prepared struct {
	driver.Connector
	room int // bytes of text
}

func newPrepared(dsn string, room int) (*prepared, error) {
	c, err := sqlite.NewConnector(dsn)
	return &prepared{c, room}, err
}

// Connect implements driver.Connector.
func (p *prepared) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	lite, ok := c.(liteConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("the SQLite driver's connection is a %T, which cannot do what it must", c)
	}
	return &keeper{liteConn: lite, room: p.room, at: map[string]*list.Element{}}, nil
}

// liteConn is what the driver's connection can do.
type liteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

// liteStmt is what the driver's statement can do.
type liteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// keeper is a connection with the statements that it prepared, the latest used in
// front. One that runs is taken out meanwhile, so that nobody else runs it. Like every
// connection it is used by one goroutine at a time.
type keeper struct {
	liteConn
	room int
	used int
	last list.List // of *kept
	at   map[string]*list.Element
}

type kept struct {
	text string
	stmt liteStmt
}

// lasting says whether a text is worth keeping: a statement that reads or writes rows,
// of a size that leaves room for others.
func (k *keeper) lasting(text string) bool {
	if len(text) > k.room/8 {
		return false
	}
	word, _, _ := strings.Cut(strings.TrimLeft(text, " \t\n"), " ")
	switch strings.ToUpper(word) {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH":
		return true
	}
	return false
}

// take gives a statement out.
func (k *keeper) take(ctx context.Context, text string) (*kept, error) {
	if e, ok := k.at[text]; ok {
		return k.remove(e), nil
	}
	s, err := k.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	lite, ok := s.(liteStmt)
	if !ok {
		_ = s.Close()
		return nil, fmt.Errorf("the SQLite driver's statement is a %T, which cannot do what it must", s)
	}
	return &kept{text, lite}, nil
}

func (k *keeper) remove(e *list.Element) *kept {
	x := k.last.Remove(e).(*kept)
	delete(k.at, x.text)
	k.used -= len(x.text)
	return x
}

// give takes a statement back, and lets those go that were not used for longest.
func (k *keeper) give(x *kept) error {
	if _, twice := k.at[x.text]; twice {
		return x.stmt.Close()
	}
	k.at[x.text] = k.last.PushFront(x)
	k.used += len(x.text)
	for k.used > k.room {
		if err := k.remove(k.last.Back()).stmt.Close(); err != nil {
			return err
		}
	}
	return nil
}

// ExecContext implements driver.ExecerContext.
func (k *keeper) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if !k.lasting(text) {
		return k.liteConn.ExecContext(ctx, text, args)
	}
	x, err := k.take(ctx, text)
	if err != nil {
		return nil, err
	}
	res, err := x.stmt.ExecContext(ctx, args)
	if err != nil {
		_ = x.stmt.Close() // whatever state it is in, it is not used again
		return nil, err
	}
	return res, k.give(x)
}

// QueryContext implements driver.QueryerContext.
func (k *keeper) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if !k.lasting(text) {
		return k.liteConn.QueryContext(ctx, text, args)
	}
	x, err := k.take(ctx, text)
	if err != nil {
		return nil, err
	}
	rows, err := x.stmt.QueryContext(ctx, args)
	if err != nil {
		_ = x.stmt.Close()
		return nil, err
	}
	return &keptRows{Rows: rows, k: k, x: x}, nil
}

// CheckNamedValue implements driver.NamedValueChecker: plain values need no look.
func (k *keeper) CheckNamedValue(v *driver.NamedValue) error {
	switch v.Value.(type) {
	case nil, int64, string, []byte, float64, bool:
		return nil
	}
	return driver.ErrSkip
}

// Close implements driver.Conn.
func (k *keeper) Close() error {
	for k.last.Len() > 0 {
		_ = k.remove(k.last.Back()).stmt.Close() // the connection takes them with it
	}
	return k.liteConn.Close()
}

// keptRows give their statement back when they end.
type keptRows struct {
	driver.Rows
	k *keeper
	x *kept
}

// Close implements driver.Rows.
func (r *keptRows) Close() error {
	x := r.x
	if x == nil {
		return nil
	}
	r.x = nil
	if err := r.Rows.Close(); err != nil {
		_ = x.stmt.Close()
		return err
	}
	return r.k.give(x)
}
