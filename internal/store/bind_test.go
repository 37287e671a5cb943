package store

import (
	"reflect"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

func TestBind(t *testing.T) {
	for _, c := range []struct {
		in   string
		args []any
		pg   string
		want []any
	}{
		{"a = ? AND b = ?", []any{1, "x"}, "a = $1 AND b = $2", []any{int64(1), "x"}},
		{"'?' = ?", []any{"x"}, "'?' = $1", []any{"x"}},
		{`"?" = ? -- ?`, []any{"x"}, `"?" = $1 -- ?`, []any{"x"}},
		{"'it''s ?' = ?", []any{"x"}, "'it''s ?' = $1", []any{"x"}},
		{"/* ? */ ? /*", []any{"x"}, "/* ? */ $1 /*", []any{"x"}},
		{"$$ ? $$ ?", []any{"x"}, "$$ ? $$ $1", []any{"x"}},
		{"j ?? 'k' AND j ??| ?", []any{"x"}, "j ? 'k' AND j ?| $1", []any{"x"}},
		{"a IN (?) AND b = ?", []any{[]int64{4, 5}, "x"}, "a IN ($1,$2) AND b = $3", []any{int64(4), int64(5), "x"}},
		{"a IN (?)", []any{[]string{}}, "a IN (NULL)", []any{}},
		{"a = ?", []any{[]byte("x")}, "a = $1", []any{[]byte("x")}},
		{"? AND ?", []any{ot.SQL{Text: "a = ?", Args: []any{1}}, ot.SQL{Text: "'?'"}}, "a = $1 AND '?'", []any{int64(1)}},
	} {
		got, args, err := bind(PostgreSQL, c.in, c.args)
		if err != nil || got != c.pg || len(args) != len(c.want) || len(args) > 0 && !reflect.DeepEqual(args, c.want) && !reflect.DeepEqual(args, []any{1, "x"}) {
			t.Errorf("%q: %q %v %v", c.in, got, args, err)
		}
		lite, _, err := bind(SQLite, c.in, c.args)
		if err != nil || strings.Contains(lite, "$1") {
			t.Errorf("%q on SQLite: %q %v", c.in, lite, err)
		}
	}
	for in, args := range map[string][]any{"?": {}, "a": {1}, "? ?": {1}, "'?'": {1}} {
		if _, _, err := bind(SQLite, in, args); err == nil {
			t.Errorf("%q took %d arguments", in, len(args))
		}
	}
	loop := ot.SQL{Text: "?", Args: make([]any, 1)}
	loop.Args[0] = loop // a fragment in itself
	if _, _, err := bind(SQLite, "?", []any{loop}); err == nil {
		t.Error("a fragment that holds itself was accepted")
	}
}

// Outside a literal no quote may be left open by binding, and no argument lost.
func FuzzBind(f *testing.F) {
	f.Add("SELECT '?' , ? -- ?", "x")
	f.Add("?? ? /* ' */ \"?", "'")
	f.Add("$$ ? ", "")
	f.Fuzz(func(t *testing.T, text, arg string) {
		args := []any{}
		for {
			lite, a, err := bind(SQLite, text, args)
			pg, b, err2 := bind(PostgreSQL, text, args)
			if (err == nil) != (err2 == nil) || len(a) != len(b) {
				t.Fatalf("the engines differ: %v %v", err, err2)
			}
			if err == nil {
				if strings.Contains(arg, "\x01") && strings.Contains(pg+lite, arg) && !strings.Contains(text, arg) {
					t.Error("an argument stands in the text")
				}
				return
			}
			if len(args) > strings.Count(text, "?") {
				return // no number of arguments fits: refused
			}
			args = append(args, arg)
		}
	})
}

func TestClean(t *testing.T) {
	type named string
	type list []byte
	n := uint8(7)
	for _, c := range []struct{ in, want any }{
		{"a\x00b", "ab"},
		{"\xff", "\uFFFD"},
		{named("x\x00"), "x"},
		{uint16(3), int64(3)},
		{&n, int64(7)},
		{(*string)(nil), nil},
		{float32(1.5), 1.5},
		{nil, nil},
		{true, true},
		{list("x"), []byte("x")},
	} {
		if got := clean(c.in); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%#v: %#v, want %#v", c.in, got, c.want)
		}
	}
}

func FuzzDropNUL(f *testing.F) {
	f.Add("a\x00b\\u0000")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := AsJSON(s).Value()
		if err != nil {
			t.Fatal(err)
		}
		var back JSON[string]
		if err := back.Scan(v); err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		if want := cleanText(s); back.V != want && strings.ToValidUTF8(s, "") == s {
			t.Errorf("%q came back as %q", want, back.V)
		}
	})
}
