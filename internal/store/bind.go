package store

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// bind turns the common text into the engine's: ? becomes $n on PostgreSQL,
// slices and ot.SQL arguments expand. It is pure.
func bind(e Engine, text string, args []any) (string, []any, error) {
	b := binder{engine: e, args: make([]any, 0, len(args))}
	b.text.Grow(len(text) + 64)
	if err := b.add(text, args, 0); err != nil {
		return "", nil, err
	}
	return b.text.String(), b.args, nil
}

type binder struct {
	engine Engine
	text   strings.Builder
	args   []any
}

// maxDepth bounds fragments inside fragments. The deepest real one, the drill-down of
// conversations between zones with exceptions taken off, has ten.
const maxDepth = 12

func (b *binder) add(text string, args []any, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("SQL fragments nested deeper than %d", maxDepth)
	}
	used := 0
	for i := 0; i < len(text); {
		n := plain(text[i:])
		n += skip(text[i+n:])
		if n > 0 {
			b.text.WriteString(text[i : i+n])
			i += n
			continue
		}
		if text[i] != '?' {
			b.text.WriteByte(text[i])
			i++
			continue
		}
		if strings.HasPrefix(text[i:], "??") {
			b.text.WriteByte('?')
			i += 2
			continue
		}
		if used == len(args) {
			return fmt.Errorf("%d arguments for more question marks in %q", len(args), text)
		}
		if err := b.arg(args[used], depth); err != nil {
			return err
		}
		used++
		i++
	}
	if used != len(args) {
		return fmt.Errorf("%d arguments for %d question marks in %q", len(args), used, text)
	}
	return nil
}

func (b *binder) arg(a any, depth int) error {
	if q, ok := a.(ot.SQL); ok {
		return b.add(q.Text, q.Args, depth+1)
	}
	list, ok := elements(a)
	if !ok {
		b.place(a)
		return nil
	}
	if list.Len() == 0 {
		b.text.WriteString("NULL") // x IN (NULL) is never true
		return nil
	}
	for i := range list.Len() {
		if i > 0 {
			b.text.WriteByte(',')
		}
		b.place(list.Index(i).Interface())
	}
	return nil
}

func (b *binder) place(a any) {
	b.args = append(b.args, clean(a))
	if b.engine == PostgreSQL {
		b.text.WriteByte('$')
		b.text.WriteString(strconv.Itoa(len(b.args)))
		return
	}
	b.text.WriteByte('?')
}

// elements says whether an argument is a list for IN: a slice that is neither
// bytes nor a type that knows its own column value.
func elements(a any) (reflect.Value, bool) {
	switch a.(type) {
	case nil, string, int64, int, bool, float64, []byte, driver.Valuer:
		return reflect.Value{}, false
	}
	v := reflect.ValueOf(a)
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() == reflect.Uint8 {
		return reflect.Value{}, false
	}
	return v, true
}

// plain returns the length of what stands before anything that skip or a question mark may begin with.
func plain(s string) int {
	for i := range len(s) {
		switch s[i] {
		case '?', '\'', '"', '-', '/', '$':
			return i
		}
	}
	return len(s)
}

// skip returns the length of a literal, quoted name or comment at the start of s,
// in which a question mark means itself; 0 if there is none.
func skip(s string) int {
	switch {
	case s == "":
		return 0
	case s[0] == '\'' || s[0] == '"':
		for i := 1; i < len(s); i++ {
			if s[i] != s[0] {
				continue
			}
			if i+1 < len(s) && s[i+1] == s[0] {
				i++ // a doubled quote is a quote
				continue
			}
			return i + 1
		}
		return len(s)
	case strings.HasPrefix(s, "--"):
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			return i + 1
		}
		return len(s)
	case strings.HasPrefix(s, "/*"):
		if i := strings.Index(s[2:], "*/"); i >= 0 {
			return i + 4
		}
		return len(s)
	case strings.HasPrefix(s, "$$"):
		if i := strings.Index(s[2:], "$$"); i >= 0 {
			return i + 4
		}
		return len(s)
	}
	return 0
}
