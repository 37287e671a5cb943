package comply

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// expireAction is the audit entry that says from which day on evidence is no longer
// kept: without it a missing answer is damage.
const expireAction = "evidence.expire"

// Expire removes the answers of whole runs older than before, run by run, and the sets
// of items that nothing names any more. The runs themselves stay with their roots, so
// that nobody can say they never were.
func (s *Service) Expire(ctx context.Context, before time.Time) (total int64, err error) {
	said := false
	for {
		var runs []string
		err := s.db.View(ctx, func(r store.Reader) error {
			runs, err = store.All[string](ctx, r, `SELECT r.run_id FROM comply_run r WHERE r.at < ?
				AND EXISTS (SELECT 1 FROM comply_evidence e WHERE e.run_id = r.run_id) ORDER BY r.at, r.run_id LIMIT 20`, store.At(before))
			return err
		})
		if err != nil {
			return total, fmt.Errorf("find old evidence: %w", err)
		}
		for _, run := range runs {
			var n int64
			err := s.db.Update(ctx, func(tx *store.Tx) error {
				if !said {
					e := audit.Entry{Actor: "system", Action: expireAction, Target: ot.Ref{Kind: "evidence-before", ID: before.UTC().Format(time.RFC3339)}}
					if err := audit.Append(ctx, tx, e); err != nil {
						return err
					}
				}
				n, err = tx.Exec(ctx, "DELETE FROM comply_evidence WHERE run_id = ?", run)
				return err
			})
			if err != nil {
				return total, fmt.Errorf("remove old evidence: %w", err)
			}
			said = true
			total += n
		}
		if len(runs) == 0 {
			break
		}
	}
	for {
		var n int64
		err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(ctx, `DELETE FROM comply_items WHERE hash IN (SELECT i.hash FROM comply_items i
				WHERE NOT EXISTS (SELECT 1 FROM comply_evidence e WHERE e.items_hash = i.hash)
				AND NOT EXISTS (SELECT 1 FROM comply_answer a WHERE a.items_hash = i.hash) ORDER BY i.hash LIMIT 200)`)
			return err
		})
		if err != nil {
			return total, fmt.Errorf("remove sets of items that nothing names: %w", err)
		}
		total += n
		if n < 200 {
			return total, nil
		}
	}
}

// expiredBefore is up to when evidence was removed for its age; zero: never.
func expiredBefore(ctx context.Context, r store.Reader) (time.Time, error) {
	last, err := store.One[*string](ctx, r, "SELECT MAX(target_id) FROM audit_entry WHERE action = ? AND target_kind = 'evidence-before'", expireAction)
	if err != nil || last == nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, *last)
}
