package comply

import (
	"testing"

	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// What release 0.1 wrote into a table of its own counts on as records, once.
func TestAdopt(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		q, _ := p.s.cat.Requirement("5.3")
		insert := func(id, record string, until, withdrawn store.Time) {
			p.exec(`INSERT INTO comply_declaration (declaration_id, requirement, record, entity_id, site_no, statement, attested_by, declared_by, declared_at, valid_until, withdrawn_at)
				VALUES (?, '5.3', ?, ?, ?, 'It is so.', 'Ane, DSO', 'u1', ?, ?, ?)`, id, record, p.north.EntityID, p.north.No, store.At(p.now.AddDate(0, -2, 0)), until, withdrawn)
		}
		insert("a", q.Declared[0].Record, store.At(p.now.AddDate(0, 3, 0)), store.Time{})
		insert("b", q.Declared[0].Record, store.At(p.now.AddDate(0, 3, 0)), store.At(p.now.AddDate(0, -1, 0)))
		insert("c", q.Declared[0].Record, store.At(p.now.AddDate(0, -1, 0)), store.Time{})
		insert("d", "a record that nobody asks for any more", store.At(p.now.AddDate(0, 3, 0)), store.Time{})
		for range 2 {
			if err := p.s.Adopt(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		states := map[string]int{}
		for _, d := range got(p.s.Declarations(t.Context(), everybody, "5.3"))(t) {
			states[d.State]++
			if d.DeclaredBy != "u1" || !d.DeclaredAt.Equal(p.now.AddDate(0, -2, 0)) || d.Statement != "It is so." {
				t.Errorf("%+v", d)
			}
		}
		if len(states) != 3 || states["in_force"] != 1 || states["withdrawn"] != 1 || states["expired"] != 1 {
			t.Errorf("%v", states)
		}
		p.evaluate()
		if l := p.level("5.3", p.north); l.D != 1 {
			t.Errorf("D is %v", l.D)
		}
	})
}
