package store

import (
	"context"
	"fmt"
	"reflect"
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
	t := reflect.TypeFor[T]()
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
	for len(rows) > 0 {
		n := min(len(rows), rowsPerStatement)
		args := make([]any, 0, n*len(names))
		for _, r := range rows[:n] {
			v := reflect.ValueOf(r)
			for _, ix := range index {
				args = append(args, v.FieldByIndex(ix).Interface())
			}
		}
		if _, err := tx.Exec(ctx, upsertText(table, names, n, key, set), args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

func upsertText(table string, names []string, rows int, key, set []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", table, strings.Join(names, ","))
	one := "(" + strings.Repeat("?,", len(names)-1) + "?)"
	b.WriteString(one)
	for range rows - 1 {
		b.WriteByte(',')
		b.WriteString(one)
	}
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
