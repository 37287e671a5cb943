package storetest

import (
	"testing"

	"github.com/skanse/skanse/internal/store"
)

// Conform checks the tables of slices by the rules of the common SQL that a reader
// of a migration misses: every table is STRICT on SQLite, every text column is
// compared by bytes on PostgreSQL, every number has 64 bits, and every table
// carries its slice's name.
func Conform(t *testing.T, slices []store.Migrations) {
	t.Helper()
	Each(t, slices, func(t *testing.T, db *store.DB) {
		bad := map[string]string{
			"table without STRICT": `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0
				AND name NOT LIKE '%\_version' ESCAPE '\' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`,
		}
		if db.Engine() == store.PostgreSQL {
			bad = map[string]string{
				`text column that is not {{.Text}}`: `SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = current_schema()
					AND data_type IN ('text', 'character varying') AND COALESCE(collation_name, '') <> 'C' AND table_name NOT LIKE '%\_version'`,
				"number of less than 64 bits": `SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = current_schema()
					AND data_type IN ('integer', 'smallint', 'real', 'numeric') AND table_name NOT LIKE '%\_version'`,
				"time that is not {{.Time}}": `SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = current_schema()
					AND data_type LIKE 'timestamp%' AND table_name NOT LIKE '%\_version'`,
			}
		}
		err := db.View(t.Context(), func(r store.Reader) error {
			for what, query := range bad {
				names, err := store.All[string](t.Context(), r, query)
				if err != nil {
					return err
				}
				for _, n := range names {
					t.Errorf("%s: %s", what, n)
				}
			}
			tables, err := store.Tables(t.Context(), r)
			if err != nil {
				return err
			}
			for _, x := range tables {
				if !owned(x.Name, slices) {
					t.Errorf("table %s carries no slice's name", x.Name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func owned(table string, slices []store.Migrations) bool {
	for _, m := range slices {
		if len(table) > len(m.Slice) && table[:len(m.Slice)+1] == m.Slice+"_" {
			return true
		}
	}
	return false
}
