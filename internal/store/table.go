package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// Kind is what a column holds, on either engine.
type Kind string

// The kinds of columns. On SQLite booleans, times and JSON are KindInt and KindText.
const (
	KindInt   Kind = "int"
	KindFloat Kind = "float"
	KindBool  Kind = "bool"
	KindText  Kind = "text"
	KindBlob  Kind = "blob"
	KindJSON  Kind = "json"
)

// Column is one column of a table.
type Column struct {
	Name     string `json:"name"`
	Kind     Kind   `json:"kind"`
	Identity bool   `json:"-"` // PostgreSQL counts it up
}

// Table is one table of the database.
type Table struct {
	Name    string
	Columns []Column
}

// Tables lists all tables but those of the migrations, what others refer to first,
// so that writing them in this order breaks no reference.
func Tables(ctx context.Context, r Reader) ([]Table, error) {
	q := `SELECT m.name AS tbl, c.name AS col, c.type AS kind, 'NO' AS ident FROM sqlite_schema m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\_%' ESCAPE '\' ORDER BY m.name, c.cid`
	if r.Engine() == PostgreSQL {
		q = `SELECT c.table_name AS tbl, c.column_name AS col, c.data_type AS kind, c.is_identity AS ident FROM information_schema.columns c
			JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name AND t.table_type = 'BASE TABLE'
			WHERE c.table_schema = current_schema() ORDER BY c.table_name, c.ordinal_position`
	}
	type row struct {
		Table string `db:"tbl"`
		Col   string `db:"col"`
		Kind  string `db:"kind"`
		Ident string `db:"ident"`
	}
	rows, err := All[row](ctx, r, q)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var out []Table
	for _, x := range rows {
		if strings.HasSuffix(x.Table, "_version") {
			continue
		}
		k, err := kindOf(x.Kind)
		if err != nil {
			return nil, fmt.Errorf("table %s, column %s: %w", x.Table, x.Col, err)
		}
		if len(out) == 0 || out[len(out)-1].Name != x.Table {
			out = append(out, Table{Name: x.Table})
		}
		t := &out[len(out)-1]
		t.Columns = append(t.Columns, Column{Name: x.Col, Kind: k, Identity: x.Ident == "YES"})
	}
	refs, err := references(ctx, r)
	if err != nil {
		return nil, err
	}
	return inOrder(out, refs)
}

func kindOf(s string) (Kind, error) {
	switch strings.ToUpper(s) {
	case "INTEGER", "BIGINT":
		return KindInt, nil
	case "REAL", "DOUBLE PRECISION":
		return KindFloat, nil
	case "BOOLEAN":
		return KindBool, nil
	case "TEXT":
		return KindText, nil
	case "BLOB", "BYTEA":
		return KindBlob, nil
	case "JSONB":
		return KindJSON, nil
	}
	return "", ot.Errorf(ot.Internal, "a column of type %s is none of ours", s)
}

type reference struct {
	From string `db:"child"`
	To   string `db:"parent"`
}

func references(ctx context.Context, r Reader) ([]reference, error) {
	q := `SELECT DISTINCT m.name AS child, f."table" AS parent FROM sqlite_schema m, pragma_foreign_key_list(m.name) f WHERE m.type = 'table'`
	if r.Engine() == PostgreSQL {
		q = `SELECT DISTINCT a.relname::text AS child, b.relname::text AS parent FROM pg_constraint c JOIN pg_class a ON a.oid = c.conrelid
			JOIN pg_class b ON b.oid = c.confrelid WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace`
	}
	refs, err := All[reference](ctx, r, q)
	if err != nil {
		return nil, fmt.Errorf("list references: %w", err)
	}
	return refs, nil
}

// inOrder sorts tables so that each stands behind those that it refers to.
func inOrder(tables []Table, refs []reference) ([]Table, error) {
	var out []Table
	done := map[string]bool{}
	for len(out) < len(tables) {
		before := len(out)
		for _, t := range tables {
			waits := slices.ContainsFunc(refs, func(f reference) bool { return f.From == t.Name && f.To != t.Name && !done[f.To] })
			if !done[t.Name] && !waits {
				done[t.Name] = true
				out = append(out, t)
			}
		}
		if len(out) == before {
			return nil, ot.Errorf(ot.Internal, "tables refer to each other in a ring")
		}
	}
	return out, nil
}

// Values yields the rows of a query as the driver gives them: int64, float64, bool,
// string, []byte, nil. It is for copying tables whole; everything else uses Select.
func Values(ctx context.Context, r Reader, query string, args ...any) iter.Seq2[[]any, error] {
	return func(yield func([]any, error) bool) {
		s := r.session()
		rows, err := s.query(ctx, query, args)
		if err != nil {
			yield(nil, err)
			return
		}
		s.reading = true
		defer func() {
			s.reading = false
			_ = rows.Close() // the error is in rows.Err
		}()
		cols, err := rows.Columns()
		if err != nil {
			yield(nil, err)
			return
		}
		for rows.Next() {
			row, dst := make([]any, len(cols)), make([]any, len(cols))
			for i := range row {
				dst[i] = &row[i]
			}
			if err := rows.Scan(dst...); err != nil {
				yield(nil, s.note(err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(nil, s.note(err))
		}
	}
}

// AfterCopy sets PostgreSQL's counters behind the highest number of a table that
// was copied in. SQLite does it by itself.
func AfterCopy(ctx context.Context, tx *Tx, t Table) error {
	for _, c := range t.Columns {
		if !c.Identity {
			continue
		}
		_, err := One[sql.NullInt64](ctx, tx, fmt.Sprintf("SELECT setval(pg_get_serial_sequence(?, ?), (SELECT COALESCE(MAX(%s), 0) + 1 FROM %s), false)", c.Name, t.Name), t.Name, c.Name)
		if err != nil {
			return fmt.Errorf("set the counter of %s: %w", t.Name, err)
		}
	}
	return nil
}
