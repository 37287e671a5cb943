package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func tables() []store.Migrations {
	return []store.Migrations{{Slice: "thing", FS: fstest.MapFS{"0001_thing.sql": {Data: []byte(`
CREATE TABLE thing_thing (
	site_no {{.Int}} NOT NULL,
	id      {{.Text}} NOT NULL,
	n       {{.Int}},
	at      {{.Time}},
	ok      {{.Bool}} NOT NULL,
	f       {{.Float}},
	b       {{.Blob}},
	j       {{.JSON}} NOT NULL,
	PRIMARY KEY (site_no, id)
) {{.NoRow}};
CREATE INDEX thing_json ON thing_thing ((j->>'k'));
CREATE TABLE thing_child (id {{.Serial}}, site_no {{.Int}} NOT NULL, parent {{.Text}} NOT NULL, FOREIGN KEY (site_no, parent) REFERENCES thing_thing (site_no, id)) {{.Strict}};
`)}}}}
}

type thing struct {
	SiteNo int64                      `db:"site_no"`
	ID     string                     `db:"id"`
	N      *int64                     `db:"n"`
	At     store.Time                 `db:"at"`
	OK     bool                       `db:"ok"`
	F      *float64                   `db:"f"`
	B      []byte                     `db:"b"`
	J      store.JSON[map[string]any] `db:"j"`
}

func put(t *testing.T, db *store.DB, rows ...thing) {
	t.Helper()
	for i := range rows {
		if rows[i].J.V == nil {
			rows[i].J.V = map[string]any{}
		}
	}
	if err := db.Update(t.Context(), func(tx *store.Tx) error { return store.Upsert(t.Context(), tx, "thing_thing", rows, nil, nil) }); err != nil {
		t.Fatal(err)
	}
}

func get[T any](t *testing.T, db *store.DB, query string, args ...any) []T {
	t.Helper()
	var out []T
	if err := db.View(t.Context(), func(r store.Reader) (err error) { out, err = store.All[T](t.Context(), r, query, args...); return err }); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return out
}

func exec(t *testing.T, db *store.DB, query string, args ...any) (n int64, err error) {
	t.Helper()
	err = db.Update(t.Context(), func(tx *store.Tx) (err error) { n, err = tx.Exec(t.Context(), query, args...); return err })
	return n, err
}

func p[T any](v T) *T { return &v }

// Each rule of the common SQL has a case here; both engines must agree.
func TestRules(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 30, 0, 123456789, time.FixedZone("X", 3600))
	rules := map[string]func(t *testing.T, db *store.DB){
		"values come back as they went": func(t *testing.T, db *store.DB) {
			in := thing{1, "a", p(int64(math.MaxInt64)), store.At(at), true, p(1.5), []byte{0, 255}, store.AsJSON(map[string]any{"k": "æ", "n": 1.0})}
			put(t, db, in)
			got := get[thing](t, db, "SELECT * FROM thing_thing")[0]
			if *got.N != *in.N || !got.At.Equal(at.Truncate(time.Microsecond)) || got.At.Location() != time.UTC || !got.OK || *got.F != 1.5 || string(got.B) != "\x00\xff" || got.J.V["k"] != "æ" {
				t.Errorf("%+v", got)
			}
		},
		"NULL comes back as nothing": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "a"})
			got := get[thing](t, db, "SELECT * FROM thing_thing")[0]
			if got.N != nil || !got.At.IsZero() || got.OK || got.F != nil || got.B != nil {
				t.Errorf("%+v", got)
			}
		},
		"NUL and bad UTF-8 go on the way in": func(t *testing.T, db *store.DB) {
			type named string
			put(t, db, thing{ID: "a\x00b\xff", J: store.AsJSON(map[string]any{"k": "x\x00y\\u0000"})})
			if got := get[string](t, db, "SELECT id FROM thing_thing WHERE id = ?", named("a\x00b\xff")); len(got) != 1 || got[0] != "ab\uFFFD" {
				t.Errorf("%q", got)
			}
			if got := get[string](t, db, "SELECT j->>'k' FROM thing_thing"); got[0] != `xy\u0000` {
				t.Errorf("%q", got)
			}
		},
		"numbers above the range are the largest": func(t *testing.T, db *store.DB) {
			if got := get[int64](t, db, "SELECT CAST(? AS BIGINT)", uint64(math.MaxUint64)); got[0] != math.MaxInt64 {
				t.Error(got)
			}
		},
		"a wrong type is refused": func(t *testing.T, db *store.DB) {
			if _, err := exec(t, db, "INSERT INTO thing_thing (site_no, id, ok, j) VALUES ('x', 'a', TRUE, '{}')"); err == nil {
				t.Error("text in a number column")
			}
		},
		"text is ordered by bytes": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "b"}, thing{ID: "B"}, thing{ID: "a"}, thing{ID: "å"}, thing{ID: "_"}, thing{ID: "Z"})
			if got := strings.Join(get[string](t, db, "SELECT id FROM thing_thing ORDER BY id"), ""); got != "BZ_abå" {
				t.Error(got)
			}
			if got := strings.Join(get[string](t, db, "SELECT id FROM thing_thing WHERE id > ? ORDER BY id", "a"), ""); got != "bå" {
				t.Error(got)
			}
		},
		"NULLS LAST": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "a"}, thing{ID: "b", N: p(int64(2))}, thing{ID: "c", N: p(int64(1))})
			for order, want := range map[string]string{"n NULLS LAST": "cba", "n DESC NULLS LAST": "bca"} {
				if got := strings.Join(get[string](t, db, "SELECT id FROM thing_thing ORDER BY "+order), ""); got != want {
					t.Errorf("%s: %s", order, got)
				}
			}
		},
		"CAST makes the type of an argument clear": func(t *testing.T, db *store.DB) {
			if got := get[int64](t, db, "SELECT CAST(? AS BIGINT) + 1", 41); got[0] != 42 {
				t.Error(got)
			}
			if got := get[string](t, db, "SELECT CAST(? AS TEXT) || 'b'", "a"); got[0] != "ab" {
				t.Error(got)
			}
			if got := get[float64](t, db, "SELECT CAST(? AS DOUBLE PRECISION) / 2", 1); got[0] != 0.5 {
				t.Error(got)
			}
		},
		"sums are cast to BIGINT": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "a", N: p(int64(2))}, thing{ID: "b", N: p(int64(3))})
			if got := get[int64](t, db, "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM thing_thing"); got[0] != 5 {
				t.Error(got)
			}
		},
		"slices expand, an empty one matches nothing": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "a"}, thing{ID: "b"}, thing{ID: "c"})
			for _, c := range []struct {
				ids  []string
				want int
			}{{[]string{"a", "c"}, 2}, {[]string{"x"}, 0}, {nil, 0}} {
				if got := get[string](t, db, "SELECT id FROM thing_thing WHERE id IN (?) AND site_no = ?", c.ids, 0); len(got) != c.want {
					t.Errorf("%v: %v", c.ids, got)
				}
			}
		},
		"an ot.SQL argument is spliced in": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "a"}, thing{ID: "b"})
			inner := ot.SQL{Text: "id IN (?)", Args: []any{[]string{"b"}}}
			if got := get[string](t, db, "SELECT id FROM thing_thing WHERE site_no = ? AND ? AND id <> ?", 0, ot.SQL{Text: "(? OR 1 = 0)", Args: []any{inner}}, "x"); len(got) != 1 || got[0] != "b" {
				t.Error(got)
			}
		},
		"a question mark in a literal is one": func(t *testing.T, db *store.DB) {
			if got := get[string](t, db, `SELECT '?' || 'it''s ?' || CAST(? AS TEXT) -- why?
				/* ? */`, "x"); got[0] != "?it's ?x" {
				t.Error(got)
			}
			if db.Engine() == store.PostgreSQL {
				if got := get[bool](t, db, `SELECT '{"a":1}'::jsonb ?? CAST(? AS TEXT)`, "a"); !got[0] {
					t.Error("?? is not jsonb's operator")
				}
			}
		},
		"JSON fields": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "a", J: store.AsJSON(map[string]any{"k": "v"})}, thing{ID: "b"})
			if got := get[string](t, db, "SELECT id FROM thing_thing WHERE j->>'k' = ?", "v"); len(got) != 1 || got[0] != "a" {
				t.Error(got)
			}
		},
		"RETURNING, CTE, window, FILTER": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "a", N: p(int64(1))}, thing{ID: "b", N: p(int64(2)), OK: true})
			got := get[string](t, db, `WITH x AS (SELECT id, ok, ROW_NUMBER() OVER (ORDER BY n DESC) AS r FROM thing_thing)
				SELECT (SELECT id FROM x WHERE r = 1) || CAST(COUNT(*) FILTER (WHERE ok) AS TEXT) FROM x`)
			if got[0] != "b1" {
				t.Error(got)
			}
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				n, err := store.One[int64](t.Context(), tx, "UPDATE thing_thing SET n = n + 1 WHERE id = ? RETURNING n", "a")
				if n != 2 {
					t.Error(n)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		},
		"upsert": func(t *testing.T, db *store.DB) {
			var rows []thing
			for i := range 230 {
				rows = append(rows, thing{ID: fmt.Sprintf("%03d", i), N: p(int64(i)), J: store.AsJSON(map[string]any{})})
			}
			for range 2 {
				err := db.Update(t.Context(), func(tx *store.Tx) error {
					return store.Upsert(t.Context(), tx, "thing_thing AS t", rows, []string{"site_no", "id"}, []string{"ok", "n = t.n + excluded.n"})
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			if got := get[int64](t, db, "SELECT n FROM thing_thing ORDER BY id"); len(got) != 230 || got[229] != 458 {
				t.Error(len(got), got[229])
			}
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				if err := store.Upsert(t.Context(), tx, "thing_thing", rows[:1], []string{"site_no", "id"}, nil); err != nil {
					return err
				}
				return store.Upsert(t.Context(), tx, "thing_thing", rows[:1], nil, nil)
			})
			if ot.CodeOf(err) != ot.Conflict {
				t.Errorf("a clash without a key: %v", err)
			}
		},
		"a reference that is missing is a conflict": func(t *testing.T, db *store.DB) {
			if _, err := exec(t, db, "INSERT INTO thing_child (site_no, parent) VALUES (1, 'nobody')"); ot.CodeOf(err) != ot.Conflict {
				t.Error(err)
			}
		},
		"lower() is how case is ignored": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "Pump"})
			if got := get[string](t, db, "SELECT id FROM thing_thing WHERE lower(id) LIKE lower(?)", "%PUM%"); len(got) != 1 {
				t.Error(got)
			}
		},
		"one row or not found": func(t *testing.T, db *store.DB) {
			err := db.View(t.Context(), func(r store.Reader) error {
				_, err := store.One[thing](t.Context(), r, "SELECT * FROM thing_thing")
				return err
			})
			if ot.CodeOf(err) != ot.NotFound {
				t.Error(err)
			}
		},
		"a view cannot write": func(t *testing.T, db *store.DB) {
			err := db.View(t.Context(), func(r store.Reader) error {
				_, err := store.All[int64](t.Context(), r, "INSERT INTO thing_thing (site_no, id, ok, j) VALUES (1, 'a', TRUE, '{}') RETURNING site_no")
				return err
			})
			if err == nil || len(get[thing](t, db, "SELECT * FROM thing_thing")) != 0 {
				t.Errorf("a view wrote: %v", err)
			}
		},
		"a view is one snapshot": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "a"})
			err := db.View(t.Context(), func(r store.Reader) error {
				if _, err := store.All[thing](t.Context(), r, "SELECT * FROM thing_thing"); err != nil {
					return err
				}
				put(t, db, thing{ID: "b"})
				got, err := store.All[thing](t.Context(), r, "SELECT * FROM thing_thing")
				if len(got) != 1 {
					t.Errorf("%d rows in an older snapshot", len(got))
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		},
		"one statement at a time": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "a"}, thing{ID: "b"})
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				for _, err := range store.Select[thing](t.Context(), tx, "SELECT * FROM thing_thing") {
					if err != nil {
						return err
					}
					_, err := tx.Exec(t.Context(), "DELETE FROM thing_thing")
					return err
				}
				return nil
			})
			if err == nil || !strings.Contains(err.Error(), "All") {
				t.Error(err)
			}
		},
		"an error, a panic, a cancelled request roll back": func(t *testing.T, db *store.DB) {
			boom := errors.New("boom")
			insert := func(tx *store.Tx) {
				if _, err := tx.Exec(t.Context(), "INSERT INTO thing_thing (site_no, id, ok, j) VALUES (1, 'a', TRUE, '{}')"); err != nil {
					t.Error(err)
				}
			}
			if err := db.Update(t.Context(), func(tx *store.Tx) error { insert(tx); return boom }); !errors.Is(err, boom) {
				t.Error(err)
			}
			func() {
				defer func() { _ = recover() }()
				_ = db.Update(t.Context(), func(tx *store.Tx) error { insert(tx); panic("boom") })
			}()
			ctx, cancel := context.WithCancel(t.Context())
			if err := db.Update(ctx, func(tx *store.Tx) error { insert(tx); cancel(); return nil }); err == nil {
				t.Error("committed after the request ended")
			}
			if got := get[thing](t, db, "SELECT * FROM thing_thing"); len(got) != 0 {
				t.Error(got)
			}
		},
		"counting together loses nothing": func(t *testing.T, db *store.DB) {
			put(t, db, thing{ID: "a", N: p(int64(0))})
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for range 10 {
						err := db.Update(t.Context(), func(tx *store.Tx) error {
							n, err := store.One[int64](t.Context(), tx, "SELECT n FROM thing_thing WHERE id = 'a'")
							if err != nil {
								return err
							}
							_, err = tx.Exec(t.Context(), "UPDATE thing_thing SET n = ? WHERE id = 'a'", n+1)
							return err
						})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			if got := get[int64](t, db, "SELECT n FROM thing_thing"); got[0] != 40 {
				t.Errorf("%d of 40", got[0])
			}
		},
		"two that read each other's rows do not both win": func(t *testing.T, db *store.DB) { // write skew
			put(t, db, thing{ID: "a", OK: true}, thing{ID: "b", OK: true})
			gate := make(chan struct{})
			var once sync.Once
			var wg sync.WaitGroup
			for _, id := range []string{"a", "b"} {
				wg.Go(func() {
					err := db.Update(t.Context(), func(tx *store.Tx) error {
						n, err := store.One[int64](t.Context(), tx, "SELECT count(*) FROM thing_thing WHERE ok")
						if err != nil {
							return err
						}
						if db.Engine() == store.PostgreSQL { // let both read before one writes
							go once.Do(func() { time.Sleep(50 * time.Millisecond); close(gate) })
							<-gate
						}
						if n < 2 {
							return nil // the other one went first: somebody must stay
						}
						_, err = tx.Exec(t.Context(), "UPDATE thing_thing SET ok = ? WHERE id = ?", false, id)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if got := get[string](t, db, "SELECT id FROM thing_thing WHERE ok"); len(got) != 1 {
				t.Errorf("left: %v", got)
			}
		},
		"a swallowed conflict is still run again": func(t *testing.T, db *store.DB) {
			if db.Engine() != store.PostgreSQL {
				return // one writer: no conflict to swallow
			}
			put(t, db, thing{ID: "a", N: p(int64(0))})
			runs := 0
			err := db.Update(t.Context(), func(tx *store.Tx) error {
				runs++
				if _, err := store.One[int64](t.Context(), tx, "SELECT n FROM thing_thing WHERE id = 'a'"); err != nil {
					return err
				}
				if runs == 1 {
					if _, err := exec(t, db, "UPDATE thing_thing SET n = 7 WHERE id = 'a'"); err != nil {
						return err
					}
				}
				_, _ = tx.Exec(t.Context(), "UPDATE thing_thing SET n = n + 1 WHERE id = 'a'") // dropped on purpose
				return nil
			})
			if err != nil || runs != 2 || get[int64](t, db, "SELECT n FROM thing_thing")[0] != 8 {
				t.Errorf("%d runs, %v", runs, err)
			}
		},
		"hooks take part in the transaction": func(t *testing.T, db *store.DB) {
			h := &hook{}
			ctx := store.WithHook(t.Context(), h)
			err := db.Update(ctx, func(*store.Tx) error { return errors.New("no") })
			if err == nil || h.before != 0 || h.after != 0 {
				t.Error("a hook ran for what failed")
			}
			if err := db.Update(ctx, func(*store.Tx) error { return nil }); err != nil {
				t.Error(err)
			}
			h.fail = true
			if err := db.Update(ctx, func(tx *store.Tx) error { _, err := tx.Exec(ctx, "DELETE FROM thing_thing"); return err }); err == nil {
				t.Error("committed although a hook refused")
			}
			if h.before != 2 || h.after != 1 || len(get[thing](t, db, "SELECT * FROM thing_thing")) != 1 {
				t.Errorf("%+v", h)
			}
			if err := db.Update(store.WithoutHooks(ctx), func(*store.Tx) error { return nil }); err != nil || h.before != 2 {
				t.Error("WithoutHooks has hooks")
			}
		},
		"a commit wakes, a failure does not": func(t *testing.T, db *store.DB) {
			c := db.Changed()
			_ = db.Update(t.Context(), func(*store.Tx) error { return errors.New("no") })
			select {
			case <-c:
				t.Error("woken by nothing")
			default:
			}
			put(t, db, thing{ID: "a"})
			<-c
		},
		"tables in the order of their references": func(t *testing.T, db *store.DB) {
			err := db.View(t.Context(), func(r store.Reader) error {
				ts, err := store.Tables(t.Context(), r)
				var names []string
				for _, x := range ts {
					names = append(names, x.Name)
				}
				if !slices.Equal(names, []string{"thing_thing", "thing_child"}) || len(ts[0].Columns) != 8 || ts[0].Columns[1] != (store.Column{Name: "id", Kind: store.KindText}) {
					t.Errorf("%+v", ts)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		},
	}
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		for name, rule := range rules {
			if _, err := exec(t, db, "DELETE FROM thing_thing"); err != nil {
				t.Fatal(err)
			}
			t.Run(name, func(t *testing.T) { rule(t, db) })
		}
	})
}

type hook struct {
	before, after int
	fail          bool
}

func (h *hook) BeforeCommit(ctx context.Context, tx *store.Tx) error {
	h.before++
	if h.fail {
		return errors.New("refused")
	}
	_, err := tx.Exec(ctx, "INSERT INTO thing_thing (site_no, id, ok, j) VALUES (1, 'hook', TRUE, '{}')")
	return err
}

func (h *hook) AfterCommit() { h.after++ }

func TestConform(t *testing.T) { storetest.Conform(t, tables()) }
