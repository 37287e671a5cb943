package store

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// rowsPerStatement: 50 rows a VALUES list give three times the rows a second of
// single statements on PostgreSQL; more gives little, and SQLite parses longer text.
const rowsPerStatement = 50

// Upsert writes rows (structs with `db` tags, every tagged field a column). A row
// whose key exists has the columns in set replaced; an empty set leaves it as it
// is, an empty key makes any clash an error. An entry of set may be a whole
// assignment that sees the table and excluded: "bytes = t.bytes + excluded.bytes".
// One call must not hold two rows with the same key: PostgreSQL refuses that.
func Upsert[T any](ctx context.Context, tx *Tx, table string, rows []T, key, set []string) error {
	return upsert(ctx, tx, table, reflect.ValueOf(rows), key, set)
}

func upsert(ctx context.Context, tx *Tx, table string, rows reflect.Value, key, set []string) error {
	t := rows.Type().Elem()
	if t.Kind() != reflect.Struct {
		return fmt.Errorf("upsert into %s: %s is not a struct", table, t)
	}
	var names []string
	var index [][]int
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("db"); name != "" && name != "-" && f.IsExported() {
			names = append(names, name)
			index = append(index, f.Index)
		}
	}
	if len(names) == 0 {
		return fmt.Errorf("upsert into %s: %s has no db tags", table, t)
	}
	args := make([]any, 0, min(rows.Len(), rowsPerStatement)*len(names))
	text, of := "", 0
	for at := 0; at < rows.Len(); {
		n := portion(tx.s.db.engine, rows.Len()-at)
		args = args[:0]
		for i := range n {
			v := rows.Index(at + i)
			for _, ix := range index {
				args = append(args, clean(v.FieldByIndex(ix).Interface()))
			}
		}
		if n != of {
			text, of = upsertText(tx.s.db.engine, table, names, n, key, set), n
		}
		if _, err := tx.exec(ctx, text, args); err != nil {
			return err
		}
		at += n
	}
	return nil
}

// portion says how many rows the next statement takes. On SQLite a few sizes take turns,
// so that the texts are always the same and stay prepared; a round trip costs nothing there.
func portion(e Engine, rows int) int {
	if e == SQLite {
		for _, n := range [...]int{rowsPerStatement, 16, 4} {
			if rows >= n {
				return n
			}
		}
		return 1
	}
	return min(rows, rowsPerStatement)
}

func upsertText(e Engine, table string, names []string, rows int, key, set []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(names, ","))
	for n := range rows * len(names) {
		switch {
		case n == 0:
			b.WriteByte('(')
		case n%len(names) == 0:
			b.WriteString("),(")
		default:
			b.WriteByte(',')
		}
		if e == PostgreSQL {
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n + 1))
		} else {
			b.WriteByte('?')
		}
	}
	b.WriteByte(')')
	if len(key) == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, " ON CONFLICT (%s) DO ", strings.Join(key, ","))
	if len(set) == 0 {
		b.WriteString("NOTHING")
		return b.String()
	}
	b.WriteString("UPDATE SET ")
	for i, s := range set {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(s)
		if !strings.Contains(s, "=") {
			b.WriteString("=excluded." + s)
		}
	}
	return b.String()
}
