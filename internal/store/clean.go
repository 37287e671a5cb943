package store

import (
	"database/sql/driver"
	"math"
	"reflect"
	"strings"
	"unicode/utf8"
)

// clean makes an argument safe for both engines: PostgreSQL refuses NUL and bad
// UTF-8 in text, where SQLite would store them. Unsigned numbers above the
// signed range wrap nowhere: they are stored as the largest number.
func clean(a any) any {
	switch v := a.(type) {
	case nil:
		return nil
	case int64, bool, float64:
		return a
	case string:
		if c := cleanText(v); c != v {
			return c
		}
		return a
	case *string:
		if v == nil {
			return nil
		}
		return cleanText(*v)
	case driver.Valuer:
		return v // JSON and Time clean themselves
	case uint64:
		return int64(min(v, math.MaxInt64))
	case []byte:
		if v == nil {
			return []byte(nil)
		}
		return v
	}
	v := reflect.ValueOf(a)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return clean(v.Elem().Interface())
	}
	switch v.Kind() { // named types: the driver of PostgreSQL knows only the plain ones
	case reflect.String:
		return cleanText(v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return int64(min(v.Uint(), math.MaxInt64))
	case reflect.Bool:
		return v.Bool()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return v.Bytes()
		}
	}
	return a
}

func cleanText(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}
