package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"reflect"

	"github.com/skanse/skanse/internal/ot"
)

// Select yields the rows of a query, one at a time. T is a struct whose fields
// carry `db:"column"`, or a single value. The rows end at the first error. While
// they are read, the same Reader takes no other statement.
func Select[T any](ctx context.Context, r Reader, query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var v T
		if err := each(ctx, r, reflect.TypeFor[T](), query, args, func(fill func(reflect.Value) error) (bool, error) {
			var zero T
			v = zero
			if err := fill(reflect.ValueOf(&v).Elem()); err != nil {
				return false, err
			}
			return yield(v, nil), nil
		}); err != nil {
			var zero T
			yield(zero, err)
		}
	}
}

// All collects the rows of a query; none gives an empty slice, not nil.
func All[T any](ctx context.Context, r Reader, query string, args ...any) ([]T, error) {
	out := []T{}
	if err := each(ctx, r, reflect.TypeFor[T](), query, args, func(fill func(reflect.Value) error) (bool, error) {
		var zero T
		out = append(out, zero)
		return true, fill(reflect.ValueOf(&out[len(out)-1]).Elem())
	}); err != nil {
		return nil, err
	}
	return out, nil
}

// One returns the first row, or ot.NotFound if there is none.
func One[T any](ctx context.Context, r Reader, query string, args ...any) (v T, err error) {
	found := false
	if err := each(ctx, r, reflect.TypeFor[T](), query, args, func(fill func(reflect.Value) error) (bool, error) {
		found = true
		return false, fill(reflect.ValueOf(&v).Elem())
	}); err != nil {
		var zero T
		return zero, err
	}
	if !found {
		return v, ot.Errorf(ot.NotFound, "there is no such entry: %w", sql.ErrNoRows)
	}
	return v, nil
}

// each calls row for each row of a query until it says no; fill reads the row into a value of
// type t. It is all of a query that needs no type at compile time: there are some 500 types of rows.
func each(ctx context.Context, r Reader, t reflect.Type, query string, args []any, row func(fill func(reflect.Value) error) (bool, error)) error {
	s := r.session()
	rows, err := s.query(ctx, query, args)
	if err != nil {
		return err
	}
	s.reading = true
	defer func() {
		s.reading = false
		_ = rows.Close() // the error is in rows.Err
	}()
	cols, err := rows.Columns()
	if err != nil {
		return err
	}
	p, err := s.db.plan(t, cols)
	if err != nil {
		return err
	}
	dst := make([]any, len(cols))
	fill := func(v reflect.Value) error {
		p.into(v, dst)
		if err := rows.Scan(dst...); err != nil {
			return s.note(fmt.Errorf("read a row: %w", err))
		}
		return nil
	}
	for rows.Next() {
		if more, err := row(fill); err != nil || !more {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return s.note(err)
	}
	return nil
}

// plan says where the columns of one query go in a struct. index nil: T is a single value.
type plan struct{ index [][]int }

type planKey struct {
	t    reflect.Type
	cols string
}

func (p *plan) into(v reflect.Value, dst []any) {
	if p.index == nil {
		dst[0] = v.Addr().Interface()
		return
	}
	for i, ix := range p.index {
		dst[i] = v.FieldByIndex(ix).Addr().Interface()
	}
}

func (db *DB) plan(t reflect.Type, cols []string) (*plan, error) {
	key := planKey{t, fmt.Sprint(cols)}
	if p, ok := db.plans.Load(key); ok {
		return p.(*plan), nil
	}
	p, err := newPlan(t, cols)
	if err == nil {
		db.plans.Store(key, p)
	}
	return p, err
}

func newPlan(t reflect.Type, cols []string) (*plan, error) {
	if t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[sql.Scanner]()) {
		if len(cols) != 1 {
			return nil, fmt.Errorf("%s takes one column, the query gives %v", t, cols)
		}
		return &plan{}, nil
	}
	fields := columns(t)
	p := &plan{index: make([][]int, 0, len(cols))}
	for _, c := range cols {
		ix, ok := fields[c]
		if !ok {
			return nil, fmt.Errorf("%s has no field for column %q", t, c)
		}
		p.index = append(p.index, ix)
	}
	return p, nil
}

// columns maps `db` tags to fields, embedded structs included.
func columns(t reflect.Type) map[string][]int {
	m := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		if name := f.Tag.Get("db"); name != "" && name != "-" && f.IsExported() {
			m[name] = f.Index
		}
	}
	return m
}
