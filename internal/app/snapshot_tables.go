package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// partRows and partBytes bound one part of a table, and so the memory and the
// transaction of the restore.
const (
	partRows  = 1500
	partBytes = 4 << 20
)

// tablePart is the first line of a part; a line a row follows.
type tablePart struct {
	Table   string         `json:"table"`
	Columns []store.Column `json:"columns"`
}

// addTables adds every table as JSON lines, all from one snapshot of the database.
func (w *snapshotWriter) addTables(ctx context.Context, db *store.DB) error {
	return db.View(ctx, func(r store.Reader) error {
		tables, err := store.Tables(ctx, r)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if err := w.addTable(ctx, r, t); err != nil {
				return fmt.Errorf("table %s: %w", t.Name, err)
			}
		}
		return nil
	})
}

func (w *snapshotWriter) addTable(ctx context.Context, r store.Reader, t store.Table) error {
	head, err := json.Marshal(tablePart{t.Name, t.Columns})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	rows, part, all := 0, 0, int64(0)
	defer func() {
		if w.m.Rows == nil {
			w.m.Rows = map[string]int64{}
		}
		w.m.Rows[t.Name] = all
	}()
	flush := func() error {
		part++
		err := w.addBytes(ctx, fmt.Sprintf("%s%s/%06d", tableDir, t.Name, part), b.Bytes())
		b.Reset()
		rows = 0
		return err
	}
	for row, err := range store.Values(ctx, r, selectTable(t)) {
		if err != nil {
			return err
		}
		if rows == 0 {
			b.Write(head)
			b.WriteByte('\n')
		}
		line, err := json.Marshal(encodeRow(t, row))
		if err != nil {
			return err
		}
		b.Write(line)
		b.WriteByte('\n')
		all++
		if rows++; rows == partRows || b.Len() > partBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if rows > 0 {
		return flush()
	}
	return nil
}

func selectTable(t store.Table) string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = `"` + c.Name + `"`
	}
	return "SELECT " + strings.Join(names, ", ") + " FROM " + t.Name
}

func encodeRow(t store.Table, row []any) []any {
	for i, v := range row {
		if b, ok := v.([]byte); ok {
			if t.Columns[i].Kind == store.KindBlob {
				row[i] = base64.StdEncoding.EncodeToString(b)
			} else {
				row[i] = string(b)
			}
		}
	}
	return row
}

// part fills one part of a table.
func (r *restorer) part(in io.Reader) error {
	br := bufio.NewReaderSize(in, 1<<16)
	dec := json.NewDecoder(br)
	dec.UseNumber()
	var head tablePart
	if err := dec.Decode(&head); err != nil {
		return fmt.Errorf("read a table: %w", err)
	}
	rows := func(yield func([]any, error) bool) {
		for {
			var row []any
			err := dec.Decode(&row)
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
	return r.fill(store.Table{Name: head.Table, Columns: head.Columns}, rows)
}

// fill writes rows of a table in transactions of at most partRows.
func (r *restorer) fill(from store.Table, rows iter.Seq2[[]any, error]) error {
	i := slices.IndexFunc(r.tables, func(t store.Table) bool { return t.Name == from.Name })
	if i < 0 {
		return ot.Errorf(ot.Damaged, "the snapshot holds a table %s that this program does not know", ot.Printable(from.Name))
	}
	kinds := make([]store.Kind, len(from.Columns))
	names := make([]string, len(from.Columns))
	for n, c := range from.Columns {
		j := slices.IndexFunc(r.tables[i].Columns, func(x store.Column) bool { return x.Name == c.Name })
		if j < 0 {
			return ot.Errorf(ot.Damaged, "the snapshot holds a column %s.%s that this program does not know", ot.Printable(from.Name), ot.Printable(c.Name))
		}
		kinds[n], names[n] = r.tables[i].Columns[j].Kind, `"`+c.Name+`"`
	}
	insert := "INSERT INTO " + from.Name + " (" + strings.Join(names, ", ") + ") VALUES "
	one := "(" + strings.Repeat("?, ", len(names)-1) + "?)"
	var args []any
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		batch, count := args, n
		args, n = nil, 0
		return r.db.Update(r.ctx, func(tx *store.Tx) error {
			for count > 0 { // 50 rows a statement, as Upsert
				k := min(count, 50)
				if _, err := tx.Exec(r.ctx, insert+strings.Repeat(one+", ", k-1)+one, batch[:k*len(names)]...); err != nil {
					return fmt.Errorf("fill %s: %w", from.Name, err)
				}
				batch, count = batch[k*len(names):], count-k
			}
			return nil
		})
	}
	for row, err := range rows {
		if err != nil {
			return fmt.Errorf("read %s: %w", from.Name, err)
		}
		if len(row) != len(kinds) {
			return ot.Errorf(ot.Damaged, "a row of %s has %d values for %d columns", from.Name, len(row), len(kinds))
		}
		for c, v := range row {
			x, err := asKind(kinds[c], from.Columns[c].Kind, v)
			if err != nil {
				return ot.Errorf(ot.Damaged, "column %s.%s: %w", from.Name, from.Columns[c].Name, err)
			}
			args = append(args, x)
		}
		if n++; n == partRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// asKind makes a value of a snapshot what a column of this engine holds.
func asKind(want, was store.Kind, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	if b, ok := v.([]byte); ok && want != store.KindBlob {
		v = string(b)
	}
	switch want {
	case store.KindInt, store.KindBool:
		n, err := number(v)
		if err != nil || want == store.KindInt {
			return n, err
		}
		return n != 0, nil
	case store.KindFloat:
		switch v := v.(type) {
		case json.Number:
			return v.Float64()
		case float64:
			return v, nil
		case int64:
			return float64(v), nil
		}
	case store.KindBlob:
		if s, ok := v.(string); ok && was == store.KindBlob {
			return base64.StdEncoding.DecodeString(s)
		}
		if b, ok := v.([]byte); ok {
			return b, nil
		}
	case store.KindText, store.KindJSON:
		if s, ok := v.(string); ok {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%T is not a %s", v, want)
}

func number(v any) (int64, error) {
	switch v := v.(type) {
	case json.Number:
		return v.Int64()
	case int64:
		return v, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	}
	return 0, fmt.Errorf("%T is not a number", v)
}

// copyFile moves the tables of the SQLite copy into PostgreSQL.
func (r *restorer) copyFile() error {
	path := r.dir.join(databaseName)
	src, err := store.Open(r.ctx, store.Config{URL: "sqlite:" + path, ReadOnly: true})
	if err != nil {
		return err
	}
	err = src.View(r.ctx, func(rd store.Reader) error {
		tables, err := store.Tables(r.ctx, rd)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if err := r.fill(t, store.Values(r.ctx, rd, selectTable(t))); err != nil {
				return err
			}
		}
		return nil
	})
	if cerr := src.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
