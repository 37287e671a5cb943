package record

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

func jsonUnmarshal(b []byte, v any) error { return json.Unmarshal(b, v) }

// maxPeople bounds the list that a form offers; a search narrows it.
const maxPeople = 200

// People lists who may own a record, by name: accounts that can sign in and whose role
// reads records. Names only; who has which account is the administrator's page.
func (s *Service) People(ctx context.Context, q string) (page rest.Page[Name], err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		type row struct {
			ID          string                        `db:"user_id"`
			Name        string                        `db:"name"`
			Permissions store.JSON[[]auth.Permission] `db:"permissions"`
		}
		rows, err := store.All[row](ctx, r, `SELECT u.user_id, u.name, o.permissions FROM auth_user u JOIN auth_role o ON o.role = u.role
			WHERE u.disabled = ? AND (u.end_at IS NULL OR u.end_at > ?) AND lower(u.name) LIKE lower(?) ESCAPE '\' ORDER BY u.name, u.user_id`, false, store.At(s.now()), "%"+escapeLike(ot.Printable(q))+"%")
		if err != nil {
			return err
		}
		page.Items = []Name{}
		for _, x := range rows {
			if auth.Grant(x.Permissions.V...).Has(auth.RecordRead) && len(page.Items) < maxPeople {
				page.Items = append(page.Items, Name{x.ID, x.Name})
			}
		}
		return nil
	})
	return page, err
}

// Comment says something about a record; who sees it may.
func (s *Service) Comment(ctx context.Context, tx *store.Tx, who auth.Principal, id, text string) error {
	rec, t, err := s.load(ctx, tx, who.Scope, id)
	if err != nil {
		return err
	}
	if _, err := s.typeFor(who, t.ID, "read"); err != nil {
		return unknown()
	}
	text = multiline(text)
	if text == "" || len(text) > maxLong {
		return ot.Errorf(ot.Invalid, "a comment has 1 to %d bytes", maxLong)
	}
	if _, err := tx.Exec(ctx, "INSERT INTO record_comment (comment_id, record_id, at, by_id, text) VALUES (?, ?, ?, ?, ?)", store.NewID(), id, store.At(s.now()), actorOf(who), text); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE record_record SET comments = comments + 1 WHERE record_id = ?", id); err != nil {
		return err
	}
	return s.tell(ctx, tx, who, rec, "record.comment", nil)
}

// Profile is how many eyes a company can spare.
type Profile struct {
	EntityID string `db:"entity_id" json:"entity_id"`
	Name     string `db:"name" json:"name"`
	Profile  string `db:"profile" json:"profile" enum:"small,normal,group"`
	Chosen   bool   `db:"chosen" json:"chosen" doc:"False: nobody has chosen yet, so it is normal"`
}

// Profiles lists the companies in scope with their approval profile.
func (s *Service) Profiles(ctx context.Context, scope auth.Scope) (page rest.Page[Profile], err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		page.Items, err = store.All[Profile](ctx, r, `SELECT e.entity_id, e.name, COALESCE(p.profile, 'normal') AS profile, p.profile IS NOT NULL AS chosen FROM org_entity e LEFT JOIN record_profile p ON p.entity_id = e.entity_id
			WHERE e.entity_id IN (SELECT vs.entity_id FROM org_site vs WHERE ?) OR e.entity_id IN (?) ORDER BY e.name, e.entity_id`, scope.Where("vs.site_no", ""), entities(scope))
		return err
	})
	return page, err
}

// SetProfile changes a company's approval profile, for requests made from now on.
func (s *Service) SetProfile(ctx context.Context, who auth.Principal, entityID, profile string) error {
	if profile != SmallProfile && profile != NormalProfile && profile != GroupProfile {
		return ot.Errorf(ot.Invalid, "profile is %q: small, normal or group", ot.Printable(profile))
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM org_entity WHERE entity_id = ?", entityID)
		if err != nil {
			return err
		}
		if n == 0 || !who.Scope.Entity(entityID) {
			return ot.Errorf(ot.NotFound, "there is no such company that you answer for")
		}
		_, err = tx.Exec(ctx, `INSERT INTO record_profile (entity_id, profile, set_at, set_by) VALUES (?, ?, ?, ?)
			ON CONFLICT (entity_id) DO UPDATE SET profile = excluded.profile, set_at = excluded.set_at, set_by = excluded.set_by`, entityID, profile, store.At(s.now()), actorOf(who))
		return err
	})
}

// peopleNames gives what accounts are called.
func peopleNames(ctx context.Context, r store.Reader, ids []string) (func(id string) Name, error) {
	type row struct {
		ID   string `db:"user_id"`
		Name string `db:"name"`
	}
	var rows []row
	var err error
	if len(ids) > 0 {
		if rows, err = store.All[row](ctx, r, "SELECT user_id, name FROM auth_user WHERE user_id IN (?)", ids); err != nil {
			return nil, err
		}
	}
	names := make(map[string]string, len(rows))
	for _, x := range rows {
		names[x.ID] = x.Name
	}
	return called(names), nil
}

// called names accounts by what is known of them: who is not in names goes by the id.
func called(names map[string]string) func(id string) Name {
	return func(id string) Name {
		name := names[id]
		if name == "" {
			name = id
			if id == "system" {
				name = "Skanse"
			}
		}
		return Name{id, strings.TrimSpace(name)}
	}
}
