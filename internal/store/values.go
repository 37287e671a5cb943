package store

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// Time is a time in a {{.Time}} column: BIGINT µs UTC. The zero Time is NULL, so
// that "never" is never mistaken for 1970.
type Time struct{ time.Time }

// At makes a Time; what the column cannot hold (below 1 µs, a zone) goes.
func At(t time.Time) Time {
	if t.IsZero() {
		return Time{}
	}
	return Time{t.UTC().Truncate(time.Microsecond)}
}

// Micros makes a Time from the column's number.
func Micros(us int64) Time { return Time{time.UnixMicro(us).UTC()} }

// Value implements driver.Valuer.
func (t Time) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil
	}
	return t.UnixMicro(), nil
}

// Scan implements sql.Scanner.
func (t *Time) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t = Time{}
	case int64:
		*t = Micros(v)
	default:
		return fmt.Errorf("a time column holds %T, not microseconds", v)
	}
	return nil
}

// MarshalJSON writes RFC 3339, null for "never".
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.Time.MarshalJSON()
}

// JSON is a value in a {{.JSON}} column. NULL reads as the zero value.
type JSON[T any] struct{ V T }

// AsJSON wraps a value for a {{.JSON}} column.
func AsJSON[T any](v T) JSON[T] { return JSON[T]{V: v} }

// Value implements driver.Valuer. PostgreSQL's jsonb refuses an escaped NUL, so it goes.
func (j JSON[T]) Value() (driver.Value, error) {
	b, err := json.Marshal(j.V)
	if err != nil {
		return nil, fmt.Errorf("write JSON column: %w", err)
	}
	return dropNUL(b), nil
}

// Scan implements sql.Scanner.
func (j *JSON[T]) Scan(v any) error {
	var zero T
	j.V = zero
	var b []byte
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		b = []byte(v)
	case []byte:
		b = v
	default:
		return fmt.Errorf("a JSON column holds %T", v)
	}
	if err := json.Unmarshal(b, &j.V); err != nil {
		return fmt.Errorf("read JSON column: %w", err)
	}
	return nil
}

// MarshalJSON writes the value itself.
func (j JSON[T]) MarshalJSON() ([]byte, error) { return json.Marshal(j.V) }

// UnmarshalJSON reads the value itself.
func (j *JSON[T]) UnmarshalJSON(b []byte) error { return json.Unmarshal(b, &j.V) }

// dropNUL removes \u0000 escapes, but not an escaped backslash followed by u0000.
func dropNUL(b []byte) string {
	if !bytes.Contains(b, []byte(`\u0000`)) {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			out = append(out, b[i])
			continue
		}
		if bytes.HasPrefix(b[i:], []byte(`\u0000`)) {
			i += 5
			continue
		}
		out = append(out, b[i], b[i+1]) // json.Marshal never ends in a lone backslash
		i++
	}
	return string(out)
}
