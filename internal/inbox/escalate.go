package inbox

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// The levels of escalation.
const (
	levelAsked = iota
	levelDeputy
	levelOnCall
	levelOfficer
)

// patience is how long each step of escalation waits for an answer.
func patience(s Severity) time.Duration {
	switch s {
	case Now:
		return 15 * time.Minute
	case Today:
		return 4 * time.Hour
	}
	return 24 * time.Hour
}

// escalatedPerTurn bounds one transaction; the rest has its turn a minute later.
const escalatedPerTurn = 100

// Escalate carries what is overdue on: to who stands in for the person asked, to
// who is on call at the site, to the security officer. Each step is kept. What
// was asked of somebody who has left goes to that person's role. For a job.
func (s *Service) Escalate(ctx context.Context) error {
	now := s.now()
	t := store.At(now)
	if err := s.db.Update(ctx, func(tx *store.Tx) error { return s.returnLeft(ctx, tx, now) }); err != nil {
		return err
	}
	const columns = "i.item_id, i.item_key, i.kind, i.site_no, i.zone_no, i.entity_id, i.role, i.user_id, i.severity, i.title, i.detail, i.ref_kind, i.ref_id, i.action, i.opened_at, i.due_at, i.level"
	return s.db.Update(ctx, func(tx *store.Tx) error {
		type late struct {
			row
			Level int64 `db:"level"`
		}
		items, err := store.All[late](ctx, tx, "SELECT "+columns+` FROM inbox_item i WHERE i.done_at IS NULL AND i.level < ? AND i.severity < ?
 AND COALESCE(i.next_at, i.due_at) <= ? AND (i.snoozed_until IS NULL OR i.snoozed_until <= ?) ORDER BY i.severity, i.due_at, i.item_id LIMIT ?`,
			levelOfficer, int64(Information), t, t, escalatedPerTurn)
		if err != nil {
			return err
		}
		for _, x := range items {
			level, steps, err := s.nextLevel(ctx, tx, now, x.row, x.Level)
			if err != nil {
				return err
			}
			for _, st := range steps {
				st.ItemID, st.At = x.ID, t
				if err := note(ctx, tx, st); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(ctx, "UPDATE inbox_item SET level = ?, next_at = ? WHERE item_id = ?", level, store.At(now.Add(patience(Severity(x.Severity)))), x.ID); err != nil {
				return err
			}
			if err := announce(ctx, tx, x.SiteNo, x.Key); err != nil {
				return err
			}
		}
		return nil
	})
}

// nextLevel finds the next one whom an overdue item reaches, and says whom it did not.
func (s *Service) nextLevel(ctx context.Context, r store.Reader, now time.Time, x row, level int64) (int64, []step, error) {
	var steps []step
	if level < levelDeputy && x.UserID != "" {
		deputies, err := store.All[string](ctx, r, `SELECT COALESCE((SELECT MAX(b.deputy_id) FROM inbox_absence b WHERE b.user_id = d.user_id AND b.ended_at IS NULL AND b.from_at <= ? AND b.to_at > ?),
 (SELECT x.deputy_id FROM inbox_deputy x WHERE x.user_id = d.user_id), '') FROM auth_user d WHERE d.user_id = ?`, store.At(now), store.At(now), x.UserID)
		if err != nil {
			return 0, nil, err
		}
		if len(deputies) > 0 && deputies[0] != "" {
			if _, err := colleague(ctx, r, now, deputies[0], x.SiteNo, x.EntityID); err == nil {
				return levelDeputy, []step{{Kind: stepDeputy, ToUser: deputies[0]}}, nil
			} else if ot.CodeOf(err) != ot.Invalid {
				return 0, nil, err
			}
		}
	}
	if level < levelOnCall && x.SiteNo != 0 {
		sites, err := store.All[placeRow](ctx, r, "SELECT s.site_no, s.site_id, s.name, s.tz FROM org_site s WHERE s.site_no = ?", x.SiteNo)
		if err != nil {
			return 0, nil, err
		}
		if len(sites) > 0 {
			people, role, err := onCall(ctx, r, now, sites[0])
			if err != nil {
				return 0, nil, err
			}
			switch {
			case len(people) == 0:
				steps = append(steps, step{Kind: stepGap})
			case role != "":
				return levelOnCall, []step{{Kind: stepOnCall, ToRole: role}}, nil
			case people[0].UserID != x.UserID: // who is on call is asked already otherwise
				return levelOnCall, []step{{Kind: stepOnCall, ToUser: people[0].UserID}}, nil
			}
		}
	}
	return levelOfficer, append(steps, step{Kind: stepOfficer, ToRole: auth.DSO}), nil
}

// returnLeft gives what one person was asked, who can sign in no more, to the person's role.
func (s *Service) returnLeft(ctx context.Context, tx *store.Tx, now time.Time) error {
	t := store.At(now)
	type left struct {
		ID     string `db:"item_id"`
		Key    string `db:"item_key"`
		SiteNo int64  `db:"site_no"`
		UserID string `db:"user_id"`
		Role   string `db:"asked_role"`
	}
	items, err := store.All[left](ctx, tx, "SELECT i.item_id, i.item_key, i.site_no, i.user_id, "+askedRole+" AS asked_role FROM inbox_item i WHERE i.done_at IS NULL AND "+personLeft+" ORDER BY i.item_id LIMIT ?", t, escalatedPerTurn)
	if err != nil {
		return err
	}
	for _, x := range items {
		role := x.Role
		if role == "" {
			role = auth.DSO
		}
		if _, err := tx.Exec(ctx, "UPDATE inbox_item SET user_id = '', role = ?, handed_at = ? WHERE item_id = ?", role, t, x.ID); err != nil {
			return err
		}
		if err := note(ctx, tx, step{ItemID: x.ID, At: t, Kind: stepReturned, ToUser: x.UserID, ToRole: role}); err != nil {
			return err
		}
		if err := announce(ctx, tx, x.SiteNo, x.Key); err != nil {
			return err
		}
	}
	return nil
}
