package inbox

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Colleague is a person who can be asked, as every signed-in person may know: no address, no rights.
type Colleague struct {
	ID     string     `db:"user_id" json:"id"`
	Name   string     `db:"name" json:"name"`
	Role   string     `db:"role" json:"role"`
	Away   store.Time `db:"away" json:"away_until" nullable:"true" doc:"Absent until then"`
	Deputy string     `db:"deputy" json:"deputy" doc:"Name of who stands in meanwhile"`
}

// People lists who may sign in and sees something of what the asking person sees;
// with a site, who sees that site.
func (s *Service) People(ctx context.Context, scope auth.Scope, siteID string) (out []Colleague, err error) {
	now := s.now()
	t := store.At(now)
	shared := ot.SQL{
		Text: `EXISTS (SELECT 1 FROM org_site y WHERE ? AND (u.sees_all OR EXISTS (SELECT 1 FROM auth_scope z WHERE z.user_id = u.user_id AND (z.kind = 'site' AND z.ref = y.site_id OR z.kind = 'entity' AND z.ref = y.entity_id))))`,
		Args: []any{scope.Where("y.site_no", "")},
	}
	if siteID != "" {
		shared.Text = `EXISTS (SELECT 1 FROM org_site y WHERE ? AND y.site_id = ? AND (u.sees_all OR EXISTS (SELECT 1 FROM auth_scope z WHERE z.user_id = u.user_id AND (z.kind = 'site' AND z.ref = y.site_id OR z.kind = 'entity' AND z.ref = y.entity_id))))`
		shared.Args = append(shared.Args, siteID)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.All[Colleague](ctx, r, `SELECT u.user_id, u.name, u.role,
 (SELECT MAX(b.to_at) FROM inbox_absence b WHERE b.user_id = u.user_id AND b.ended_at IS NULL AND b.from_at <= ? AND b.to_at > ?) AS away,
 COALESCE((SELECT MAX(d.name) FROM inbox_absence b JOIN auth_user d ON d.user_id = b.deputy_id WHERE b.user_id = u.user_id AND b.ended_at IS NULL AND b.from_at <= ? AND b.to_at > ?), '') AS deputy
FROM auth_user u WHERE `+activeUser+` AND ? ORDER BY u.name, u.user_id LIMIT 1000`, t, t, t, t, t, shared)
		return err
	})
	return out, err
}

// colleague finds a person who may sign in and sees a site; 0: something of a company.
func colleague(ctx context.Context, r store.Reader, now time.Time, userID string, siteNo int64, entityID string) (Addressee, error) {
	a, err := store.One[Addressee](ctx, r, "SELECT u.user_id, u.name, u.email, u.role FROM auth_user u JOIN (SELECT CAST(? AS BIGINT) AS site_no, CAST(? AS TEXT) AS entity_id) i ON 1 = 1 WHERE u.user_id = ? AND "+activeUser+
		" AND (i.site_no = 0 AND i.entity_id = '' AND u.sees_all OR "+seesItem+")", siteNo, entityID, userID, store.At(now))
	if ot.CodeOf(err) == ot.NotFound {
		err = ot.Errorf(ot.Invalid, "user: nobody with this id can sign in and see the site; choose somebody else")
	}
	return a, err
}

// CanBeAsked finds a person who may sign in and sees a site, to ask them something
// there; an error for people where there is none.
func CanBeAsked(ctx context.Context, r store.Reader, now time.Time, userID string, siteNo int64) (Addressee, error) {
	return colleague(ctx, r, now, userID, siteNo, "")
}
