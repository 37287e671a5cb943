package store

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Space is what a database takes on its disk.
type Space struct {
	Bytes int64 // all of it
	Free  int64 // inside the file of SQLite: was used, is given back by GiveBack; 0 on PostgreSQL, which cares for itself
}

// Space measures the database.
func (db *DB) Space(ctx context.Context) (s Space, err error) {
	if db.engine == PostgreSQL {
		err = db.read.QueryRowContext(ctx, "SELECT pg_database_size(current_database())").Scan(&s.Bytes)
		return s, explain(err, db)
	}
	var size, free int64
	if err := db.read.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size); err != nil {
		return s, explain(err, db)
	}
	if err := db.read.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
		return s, explain(err, db)
	}
	for _, suffix := range []string{"", "-wal"} {
		if st, err := os.Stat(db.path + suffix); err == nil {
			s.Bytes += st.Size()
		}
	}
	s.Free = size * free
	return s, nil
}

// TableSizes says how many bytes each table takes with its indexes. It reads every
// page of an SQLite file once.
func (db *DB) TableSizes(ctx context.Context) (map[string]int64, error) {
	q := `SELECT s.tbl_name, CAST(SUM(d.pgsize) AS INTEGER) FROM dbstat('main', 1) d JOIN sqlite_schema s ON s.name = d.name GROUP BY s.tbl_name`
	if db.engine == PostgreSQL {
		q = `SELECT c.relname::text, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE c.relkind = 'r' AND n.nspname = current_schema()`
	}
	rows, err := db.read.QueryContext(ctx, q)
	if err != nil {
		return nil, explain(fmt.Errorf("measure the tables: %w", err), db)
	}
	defer func() { _ = rows.Close() }() // the error is in rows.Err
	out := map[string]int64{}
	for rows.Next() {
		var name string
		var n int64
		if err := rows.Scan(&name, &n); err != nil {
			return nil, explain(err, db)
		}
		out[name] = n
	}
	return out, explain(rows.Err(), db)
}

// givePages is how much one step gives back: 2 MiB, so that the one writer is free again soon.
const givePages = 512

// GiveBack returns the pages of an SQLite file that deleted rows left behind to the
// disk, step by step beside the server, and says how many bytes that were. PostgreSQL
// reuses its own.
func (db *DB) GiveBack(ctx context.Context) (int64, error) {
	if db.engine != SQLite || db.write == nil {
		return 0, nil
	}
	before, err := db.Space(ctx)
	if err != nil {
		return 0, err
	}
	for {
		now, err := db.Space(ctx)
		if err != nil || now.Free == 0 {
			return before.Free - now.Free, err
		}
		if _, err := db.write.ExecContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", givePages)); err != nil {
			return 0, explain(fmt.Errorf("give space back: %w", err), db)
		}
		then, err := db.Space(ctx)
		if err != nil {
			return 0, err
		}
		if then.Free >= now.Free { // nothing more to be had
			break
		}
		select {
		case <-ctx.Done():
			return before.Free - then.Free, context.Cause(ctx)
		case <-time.After(5 * time.Millisecond): // others write too
		}
	}
	// The log beside the file holds the old pages until it is folded in.
	if _, err := db.write.ExecContext(ctx, "PRAGMA wal_checkpoint(PASSIVE)"); err != nil {
		return 0, explain(err, db)
	}
	after, err := db.Space(ctx)
	return before.Free - after.Free, err
}

// incremental makes an SQLite file that can give space back. One that was made before
// Skanse 0.2 is rewritten once, which takes about its own size of room for a while.
func (db *DB) incremental(ctx context.Context) error {
	if db.engine != SQLite {
		return nil
	}
	var mode int
	if err := db.write.QueryRowContext(ctx, "PRAGMA auto_vacuum").Scan(&mode); err != nil || mode == 2 {
		return explain(err, db)
	}
	st, err := os.Stat(db.path)
	if err != nil {
		return err
	}
	if free, ok := freeBytes(db.path); ok && free < 2*st.Size() {
		return nil // it works as it is: deleted rows' room is used again, only not given back
	}
	if _, err := db.write.ExecContext(ctx, "PRAGMA auto_vacuum = 2"); err != nil {
		return explain(err, db)
	}
	if _, err := db.write.ExecContext(ctx, "VACUUM"); err != nil {
		return explain(fmt.Errorf("rewrite the database so that it can give space back: %w", err), db)
	}
	return nil
}

// roomFor refuses a copy that cannot fit before its first byte is written.
func (db *DB) roomFor(path string) error {
	st, err := os.Stat(db.path)
	if err != nil {
		return err
	}
	need := st.Size()
	if w, err := os.Stat(db.path + "-wal"); err == nil {
		need += w.Size()
	}
	if free, ok := freeBytes(path); ok && free < need {
		return ot.Errorf(ot.Full, "a copy of the database needs %d MB and the disk under %s has %d MB left: make room and start again", need/1e6+1, path, free/1e6)
	}
	return nil
}
