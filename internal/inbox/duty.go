package inbox

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Duty is a turn on call, in the site's own time.
type Duty struct {
	ID   string `json:"id"`
	From string `json:"from" doc:"The site's own time, as 2026-11-23T07:00"`
	To   string `json:"to"`
	User Who    `json:"user"`
	Role string `json:"role" doc:"Whoever has this role; empty: a person"`
	Now  bool   `json:"now"`
}

// Gap is a stretch in which nobody is on call.
type Gap struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// Rota is who is on call at a site.
type Rota struct {
	SiteID string `json:"site_id"`
	TZ     string `json:"tz"`
	Now    string `json:"now" doc:"The site's own time"`
	Duties []Duty `json:"duties" nullable:"false"`
	Gaps   []Gap  `json:"gaps" nullable:"false" doc:"Of the days asked for"`
	OnCall []Who  `json:"on_call" nullable:"false" doc:"Now; more than one where a role is on call"`
}

type dutyRow struct {
	ID     string     `db:"duty_id"`
	SiteNo int64      `db:"site_no"`
	From   string     `db:"from_local"`
	To     string     `db:"to_local"`
	UserID string     `db:"user_id"`
	Role   string     `db:"role"`
	MadeBy string     `db:"made_by"`
	MadeAt store.Time `db:"made_at"`
}

type placeRow struct {
	No   int64  `db:"site_no"`
	ID   string `db:"site_id"`
	Name string `db:"name"`
	TZ   string `db:"tz"`
}

func place(ctx context.Context, r store.Reader, scope auth.Scope, siteID string) (placeRow, error) {
	x, err := store.One[placeRow](ctx, r, "SELECT s.site_no, s.site_id, s.name, s.tz FROM org_site s WHERE s.site_id = ? AND ?", siteID, scope.Where("s.site_no", ""))
	if ot.CodeOf(err) == ot.NotFound {
		err = ot.Errorf(ot.NotFound, "there is no site %s", ot.Printable(siteID))
	}
	return x, err
}

// clock is a moment by a site's own clock; a zone that this machine does not know is UTC.
func clock(t time.Time, tz string) string {
	where, err := time.LoadLocation(tz)
	if err != nil {
		where = time.UTC
	}
	return t.In(where).Format(local)
}

// Rota shows a site's rota for the next so many days.
func (s *Service) Rota(ctx context.Context, scope auth.Scope, siteID string, days int) (out Rota, err error) {
	now := s.now()
	if days <= 0 || days > 366 {
		days = 14
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		at, err := place(ctx, r, scope, siteID)
		if err != nil {
			return err
		}
		begin, end := clock(now, at.TZ), clock(now.AddDate(0, 0, days), at.TZ)
		type row struct {
			dutyRow
			Name string `db:"name"`
		}
		rows, err := store.All[row](ctx, r, `SELECT d.duty_id, d.site_no, d.from_local, d.to_local, d.user_id, d.role, d.made_by, d.made_at, COALESCE(u.name, '') AS name
 FROM inbox_duty d LEFT JOIN auth_user u ON u.user_id = d.user_id WHERE d.site_no = ? AND d.to_local > ? ORDER BY d.from_local, d.duty_id LIMIT 500`, at.No, begin)
		if err != nil {
			return err
		}
		out = Rota{SiteID: at.ID, TZ: at.TZ, Now: begin, Duties: []Duty{}, Gaps: []Gap{}, OnCall: []Who{}}
		var spans []span
		for _, d := range rows {
			out.Duties = append(out.Duties, Duty{d.ID, d.From, d.To, Who{d.UserID, d.Name}, d.Role, d.From <= begin})
			spans = append(spans, span{d.From, d.To})
		}
		for _, g := range gaps(begin, end, spans) {
			out.Gaps = append(out.Gaps, Gap{g.from, g.to})
		}
		people, _, err := onCall(ctx, r, now, at)
		for _, a := range people {
			out.OnCall = append(out.OnCall, Who{a.UserID, a.Name})
		}
		return err
	})
	return out, err
}

// onCall are the people on call at a site now; role is set where a role is.
func onCall(ctx context.Context, r store.Reader, now time.Time, at placeRow) (people []Addressee, role string, err error) {
	t := clock(now, at.TZ)
	type row struct {
		UserID string `db:"user_id"`
		Role   string `db:"role"`
	}
	duties, err := store.All[row](ctx, r, "SELECT user_id, role FROM inbox_duty WHERE site_no = ? AND from_local <= ? AND to_local > ? ORDER BY from_local DESC, duty_id DESC", at.No, t, t)
	if err != nil || len(duties) == 0 {
		return nil, "", err
	}
	d := duties[0] // who took over last
	people, err = store.All[Addressee](ctx, r, "SELECT u.user_id, u.name, u.email, u.role FROM auth_user u JOIN (SELECT CAST(? AS BIGINT) AS site_no, CAST('' AS TEXT) AS entity_id) i ON 1 = 1 WHERE "+activeUser+" AND "+seesItem+" AND (u.user_id = ? OR CAST(? AS TEXT) <> '' AND u.role = ?) ORDER BY u.name, u.user_id",
		at.No, store.At(now), d.UserID, d.Role, d.Role)
	return people, d.Role, err
}

// AddTurns writes a plan. What stood there before stays: the later turn counts.
func (s *Service) AddTurns(ctx context.Context, p auth.Principal, t Turns) error {
	now := s.now()
	spans, err := t.lay()
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		at, err := place(ctx, tx, p.Scope, t.Site)
		if err != nil {
			return err
		}
		for _, u := range t.Users {
			if _, err := colleague(ctx, tx, now, u, at.No, ""); err != nil {
				return err
			}
		}
		if t.Role != "" {
			n, err := store.One[int64](ctx, tx, "SELECT COUNT(*) FROM auth_role WHERE role = ?", t.Role)
			if err == nil && n == 0 {
				err = ot.Errorf(ot.Invalid, "role: there is no role %q", ot.Printable(t.Role))
			}
			if err != nil {
				return err
			}
		}
		rest.Target(ctx, at.ID, ot.Ref{Kind: "site", ID: at.ID})
		rest.Detail(ctx, "from", t.From)
		rows := make([]dutyRow, len(spans))
		for i, x := range spans {
			rows[i] = dutyRow{ID: store.NewID(), SiteNo: at.No, From: x.from, To: x.to, Role: t.Role, MadeBy: p.UserID, MadeAt: store.At(now)}
			if len(t.Users) > 0 {
				rows[i].UserID = t.Users[i%len(t.Users)]
			}
		}
		return store.Upsert(ctx, tx, "inbox_duty", rows, nil, nil)
	})
}

// DropTurn takes one turn out.
func (s *Service) DropTurn(ctx context.Context, p auth.Principal, id string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		type row struct {
			SiteID string `db:"site_id"`
			From   string `db:"from_local"`
		}
		x, err := store.One[row](ctx, tx, "SELECT s.site_id, d.from_local FROM inbox_duty d JOIN org_site s ON s.site_no = d.site_no WHERE d.duty_id = ? AND ?", id, p.Scope.Where("d.site_no", ""))
		if ot.CodeOf(err) == ot.NotFound {
			return ot.Errorf(ot.NotFound, "there is no such turn")
		}
		if err != nil {
			return err
		}
		rest.Target(ctx, x.SiteID, ot.Ref{Kind: "site", ID: x.SiteID})
		rest.Detail(ctx, "from", x.From)
		_, err = tx.Exec(ctx, "DELETE FROM inbox_duty WHERE duty_id = ?", id)
		return err
	})
}
