package comply

import (
	"context"
	"fmt"

	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// Adopt turns the declarations of release 0.1, which had a table of their own, into
// records, before the first page is asked for. A person's word of then counts on:
// that release knew no second pair of eyes.
func (s *Service) Adopt(ctx context.Context) error {
	type old struct {
		ID          string     `db:"declaration_id"`
		Requirement string     `db:"requirement"`
		Record      string     `db:"record"`
		EntityID    string     `db:"entity_id"`
		SiteID      string     `db:"site_id"`
		Statement   string     `db:"statement"`
		AttestedBy  string     `db:"attested_by"`
		DeclaredBy  string     `db:"declared_by"`
		DeclaredAt  store.Time `db:"declared_at"`
		ValidUntil  store.Time `db:"valid_until"`
		WithdrawnAt store.Time `db:"withdrawn_at"`
	}
	for {
		n := 0
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			rows, err := store.All[old](ctx, tx, `SELECT d.declaration_id, d.requirement, d.record, d.entity_id, COALESCE(x.site_id, '') AS site_id, d.statement, d.attested_by, d.declared_by, d.declared_at, d.valid_until, d.withdrawn_at
				FROM comply_declaration d LEFT JOIN org_site x ON x.site_no = d.site_no ORDER BY d.declared_at, d.declaration_id LIMIT 100`)
			if err != nil {
				return err
			}
			n = len(rows)
			for _, d := range rows {
				past := record.Past{State: "in_force", By: d.DeclaredBy, At: d.DeclaredAt.Time}
				switch {
				case !d.WithdrawnAt.IsZero():
					past.State, past.Ended = "withdrawn", d.WithdrawnAt.Time
				case !d.ValidUntil.After(s.clock()):
					past.State, past.Ended = "expired", d.ValidUntil.Time
				}
				if _, _, err := s.cat.declared(d.Requirement, d.Record); err != nil {
					s.log.Warn("a declaration of an earlier release is for a record that the catalogue no longer asks for: left out", "requirement", d.Requirement, "record", d.Record, "statement", d.Statement)
				} else if _, err := s.records.Adopt(ctx, tx, record.Draft{
					Type: "declaration", Title: d.Requirement + " " + d.Record, Entity: d.EntityID, Site: d.SiteID, ValidUntil: d.ValidUntil.Time,
					Data: map[string]any{"requirement": d.Requirement, "record": d.Record, "statement": d.Statement, "attested_by": d.AttestedBy},
				}, past); err != nil {
					return fmt.Errorf("take over the declaration of %s: %w", d.Requirement, err)
				}
				if _, err := tx.Exec(ctx, "DELETE FROM comply_declaration WHERE declaration_id = ?", d.ID); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
