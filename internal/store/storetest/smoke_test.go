package storetest_test

import (
	"testing"
	"testing/fstest"

	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func TestSmoke(t *testing.T) {
	m := []store.Migrations{{Slice: "x", FS: fstest.MapFS{"0001_a.sql": {Data: []byte(`CREATE TABLE x_a (id {{.Text}} NOT NULL PRIMARY KEY, n {{.Int}} NOT NULL, at {{.Time}}, ok {{.Bool}} NOT NULL, j {{.JSON}} NOT NULL) {{.Strict}};`)}}}}
	type row struct {
		ID string                     `db:"id"`
		N  int64                      `db:"n"`
		At store.Time                 `db:"at"`
		OK bool                       `db:"ok"`
		J  store.JSON[map[string]int] `db:"j"`
	}
	storetest.Each(t, m, func(t *testing.T, db *store.DB) {
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			return store.Upsert(t.Context(), tx, "x_a", []row{{ID: "a\x00b", N: 3, OK: true, J: store.AsJSON(map[string]int{"k": 1})}, {ID: "c"}}, []string{"id"}, []string{"n"})
		})
		if err != nil {
			t.Fatal(err)
		}
		err = db.View(t.Context(), func(r store.Reader) error {
			rows, err := store.All[row](t.Context(), r, "SELECT * FROM x_a WHERE id IN (?) AND ok = ? ORDER BY id", []string{"ab", "zz"}, true)
			t.Log(rows)
			if len(rows) != 1 {
				t.Errorf("got %v", rows)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
