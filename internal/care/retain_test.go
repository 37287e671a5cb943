package care_test

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/care"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

func whole() auth.Scope { return auth.Scope{All: true} }

// The test's database has only some of the tables; care asks for those of a class.
func TestKept(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		for _, c := range care.Classes() {
			if c.Fixed {
				if err := h.SetKept(ctx, "u1", c.ID, 100); ot.CodeOf(err) != ot.Invalid {
					t.Errorf("%s: %v", c.ID, err)
				}
				continue
			}
			if err := h.SetKept(ctx, "u1", c.ID, c.Min-1); ot.CodeOf(err) != ot.Invalid {
				t.Errorf("%s kept less than its least: %v", c.ID, err)
			}
			if c.Max > 0 {
				if err := h.SetKept(ctx, "u1", c.ID, c.Max+1); ot.CodeOf(err) != ot.Invalid {
					t.Errorf("%s kept longer than its most: %v", c.ID, err)
				}
			}
			if err := h.SetKept(ctx, "u1", c.ID, 0); (err == nil) != c.Forever {
				t.Errorf("%s for ever: %v", c.ID, err)
			}
			if err := h.SetKept(ctx, "u1", c.ID, c.Min); err != nil {
				t.Errorf("%s: %v", c.ID, err)
			}
			if c.Days != 0 && c.Days < c.Min {
				t.Errorf("%s: its default is less than its least", c.ID)
			}
		}
		if err := h.SetKept(ctx, "u1", "nothing", 5); ot.CodeOf(err) != ot.NotFound {
			t.Error(err)
		}
		kept, err := h.Kept(ctx)
		if err != nil || kept["inbox"] != 90 || kept["audit"] < 1825 {
			t.Errorf("%v %v", kept, err)
		}
	})
}

// What a preview counts goes, and nothing else: not what is open, not what is younger.
func TestTrim(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		now := time.Unix(0, h.clock.Load())
		if err := h.db.Update(ctx, func(tx *store.Tx) error {
			for i := range 1300 { // more than two steps
				done := store.At(now.AddDate(-3, 0, -i%7))
				if i < 100 {
					done = store.At(now.AddDate(0, -1, 0))
				}
				if i < 10 {
					done = store.Time{}
				}
				if _, err := tx.Exec(ctx, `INSERT INTO inbox_item (item_id, item_key, kind, site_no, entity_id, role, user_id, severity, title, detail, ref_kind, ref_id, action, opened_at, done_at)
					VALUES (?, ?, 'x', 1, '', '', '', 1, '', '', '', '', '', ?, ?)`, store.NewID(), store.NewID(), store.At(now.AddDate(-4, 0, 0)), done); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		gone, err := h.Preview(ctx, "inbox", 2*366)
		if err != nil || len(gone) != 1 || gone[0].Rows != 1200 || gone[0].Table != "inbox_item" || gone[0].Oldest.IsZero() {
			t.Fatalf("%+v %v", gone, err)
		}
		if err := h.Freeze(ctx, "Anna", true, "an incident is being looked into"); err != nil {
			t.Fatal(err)
		}
		if n, err := h.RetainClass(ctx, "inbox"); err != nil || n != 0 {
			t.Errorf("frozen, and %d went: %v", n, err)
		}
		if err := h.Freeze(ctx, "Anna", false, ""); err != nil {
			t.Fatal(err)
		}
		if n, err := h.RetainClass(ctx, "inbox"); err != nil || n != 1200 {
			t.Errorf("%d went: %v", n, err)
		}
		if left := ask[int64](t, h.db, "SELECT COUNT(*) FROM inbox_item"); left != 100 {
			t.Errorf("%d are left", left)
		}
		said := ask[string](t, h.db, "SELECT d.detail FROM audit_entry e JOIN audit_detail d ON d.seq = e.seq WHERE e.action = 'retention.delete' AND e.target_id = 'inbox'")
		if said == "" {
			t.Error("the audit log does not say so")
		}
	})
}

// An old entry's names go, its proof stays.
func TestEraseOldDetails(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		err := h.db.Update(ctx, func(tx *store.Tx) error {
			for range 3 {
				if err := audit.Append(ctx, tx, audit.Entry{Actor: "u1", Action: "x", Detail: map[string]string{"name": "Anna"}}); err != nil {
					return err
				}
			}
			_, err := tx.Exec(ctx, "UPDATE audit_entry SET at = ? WHERE seq = (SELECT MIN(seq) FROM audit_entry)", store.At(time.Now().AddDate(-6, 0, 0)))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		n, err := audit.New(h.db, nil, nil).EraseBefore(ctx, time.Now().AddDate(-5, 0, 0))
		if err != nil || n != 1 {
			t.Errorf("%d %v", n, err)
		}
		if n := ask[int64](t, h.db, "SELECT COUNT(*) FROM audit_detail WHERE detail = ''"); n != 1 {
			t.Error(n)
		}
		if n := ask[int64](t, h.db, "SELECT COUNT(*) FROM audit_entry"); n != 3 {
			t.Error("an entry went")
		}
	})
}
