package inbox

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Absence says that a person is away and who stands in.
type Absence struct {
	ID      string     `json:"id"`
	User    Who        `json:"user"`
	Deputy  Who        `json:"deputy"`
	FromAt  store.Time `json:"from_at"`
	ToAt    store.Time `json:"to_at"`
	Note    string     `json:"note"`
	EndedAt store.Time `json:"ended_at" nullable:"true" doc:"Called off, or back earlier"`
	Now     bool       `json:"now"`
}

// NewAbsence is what a person says.
type NewAbsence struct {
	User   string    `json:"user,omitempty" doc:"Whose; empty: your own. Another person's takes the right to change users"`
	Deputy string    `json:"deputy" doc:"Who stands in"`
	FromAt time.Time `json:"from_at"`
	ToAt   time.Time `json:"to_at"`
	Note   string    `json:"note,omitempty" maxLength:"200"`
}

// maxAbsence is longer than any leave; who is away longer has left.
const maxAbsence = 400 * 24 * time.Hour

type absenceRow struct {
	ID       string     `db:"absence_id"`
	UserID   string     `db:"user_id"`
	DeputyID string     `db:"deputy_id"`
	FromAt   store.Time `db:"from_at"`
	ToAt     store.Time `db:"to_at"`
	Note     string     `db:"note"`
	MadeBy   string     `db:"made_by"`
	MadeAt   store.Time `db:"made_at"`
}

// whose decides for whom somebody may speak: oneself, or anybody with the right to change users.
func whose(p auth.Principal, userID string) (string, error) {
	switch {
	case p.MustEnrol:
		return "", ot.Errorf(ot.Forbidden, "set up your second step first")
	case userID == "" || userID == p.UserID:
		return p.UserID, nil
	case p.Permissions.Has(auth.UserWrite):
		return userID, nil
	}
	return "", ot.Errorf(ot.Forbidden, "only the person or an administrator says that somebody is away")
}

// canStandIn says whether the deputy may do so: sign in, and see every site that
// the person sees. To stand in gives no rights that one has not.
func canStandIn(ctx context.Context, r store.Reader, now time.Time, userID, deputyID string) error {
	if userID == deputyID {
		return ot.Errorf(ot.Invalid, "deputy: nobody stands in for oneself")
	}
	n, err := store.One[int64](ctx, r, "SELECT COUNT(*) FROM auth_user u WHERE u.user_id = ? AND "+activeUser, deputyID, store.At(now))
	if err != nil {
		return err
	}
	if n == 0 {
		return ot.Errorf(ot.Invalid, "deputy: nobody with this id can sign in")
	}
	of := func(col string) string {
		return `(EXISTS (SELECT 1 FROM auth_user u WHERE u.user_id = ` + col + ` AND u.sees_all) OR EXISTS (SELECT 1 FROM auth_scope z WHERE z.user_id = ` + col + ` AND (z.kind = 'site' AND z.ref = y.site_id OR z.kind = 'entity' AND z.ref = y.entity_id)))`
	}
	missing, err := store.All[string](ctx, r, "SELECT y.name FROM org_site y WHERE "+of("CAST(? AS TEXT)")+" AND NOT "+of("CAST(? AS TEXT)")+" ORDER BY y.name LIMIT 1", userID, userID, deputyID, deputyID)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return ot.Errorf(ot.Invalid, "deputy: this person does not see %s; choose somebody who does, or ask an administrator to widen what they see", missing[0])
	}
	return nil
}

// AddAbsence says that somebody is away.
func (s *Service) AddAbsence(ctx context.Context, p auth.Principal, n NewAbsence) (id string, err error) {
	now := s.now()
	user, err := whose(p, n.User)
	if err != nil {
		return "", err
	}
	switch {
	case n.Deputy == "":
		return "", ot.Errorf(ot.Invalid, "deputy: say who stands in; without one what is asked of you waits")
	case !n.ToAt.After(n.FromAt):
		return "", ot.Errorf(ot.Invalid, "to_at: the absence ends before it begins")
	case !n.ToAt.After(now):
		return "", ot.Errorf(ot.Invalid, "to_at: this is over already")
	case n.ToAt.Sub(n.FromAt) > maxAbsence:
		return "", ot.Errorf(ot.Invalid, "to_at: an absence lasts 400 days at most; give the work to somebody else")
	}
	id = store.NewID()
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if err := canStandIn(ctx, tx, now, user, n.Deputy); err != nil {
			return err
		}
		overlap, err := store.One[int64](ctx, tx, "SELECT COUNT(*) FROM inbox_absence WHERE user_id = ? AND ended_at IS NULL AND from_at < ? AND to_at > ?", user, store.At(n.ToAt), store.At(n.FromAt))
		if err != nil {
			return err
		}
		if overlap > 0 {
			return ot.Errorf(ot.Conflict, "there is an absence in this time already: end it first")
		}
		rest.Target(ctx, "", ot.Ref{Kind: "user", ID: user})
		rest.Detail(ctx, "deputy", n.Deputy)
		r := absenceRow{id, user, n.Deputy, store.At(n.FromAt), store.At(n.ToAt), ot.Printable(n.Note), p.UserID, store.At(now)}
		if err := store.Upsert(ctx, tx, "inbox_absence", []absenceRow{r}, nil, nil); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicInbox})
	})
	return id, err
}

// EndAbsence calls an absence off, or says that the person is back.
func (s *Service) EndAbsence(ctx context.Context, p auth.Principal, id string) error {
	now := s.now()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		missing := ot.Errorf(ot.NotFound, "there is no absence %s", ot.Printable(id))
		a, err := store.One[absenceRow](ctx, tx, "SELECT absence_id, user_id, deputy_id, from_at, to_at, note, made_by, made_at FROM inbox_absence WHERE absence_id = ? AND ended_at IS NULL", id)
		if ot.CodeOf(err) == ot.NotFound {
			return missing
		}
		if err != nil {
			return err
		}
		if _, err := whose(p, a.UserID); err != nil {
			return missing
		}
		rest.Target(ctx, "", ot.Ref{Kind: "user", ID: a.UserID})
		if _, err := tx.Exec(ctx, "UPDATE inbox_absence SET ended_at = ? WHERE absence_id = ?", store.At(now), id); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicInbox})
	})
}

// Away is how a person stands: the own deputy, the own absences, and for whom one stands in.
type Away struct {
	Deputy    Who       `json:"deputy" doc:"Is asked when what you are asked is overdue"`
	Absences  []Absence `json:"absences" nullable:"false" doc:"Yours, newest first; the last twenty"`
	Standing  []Absence `json:"standing_in" nullable:"false" doc:"Of those for whom you stand in, now or soon"`
	Colleague []Absence `json:"colleagues" nullable:"false" doc:"Of people whom you see, now or within two weeks"`
}

type shownAbsence struct {
	absenceRow
	Name       string     `db:"name"`
	DeputyName string     `db:"deputy_name"`
	EndedAt    store.Time `db:"ended_at"`
}

func (a shownAbsence) show(now time.Time) Absence {
	on := a.EndedAt.IsZero() && !a.FromAt.After(now) && a.ToAt.After(now)
	return Absence{a.ID, Who{a.UserID, a.Name}, Who{a.DeputyID, a.DeputyName}, a.FromAt, a.ToAt, a.Note, a.EndedAt, on}
}

// Away says how the person stands.
func (s *Service) Away(ctx context.Context, p auth.Principal) (out Away, err error) {
	now := s.now()
	t := store.At(now)
	const columns = `SELECT b.absence_id, b.user_id, b.deputy_id, b.from_at, b.to_at, b.note, b.made_by, b.made_at, b.ended_at, COALESCE(u.name, '') AS name, COALESCE(d.name, '') AS deputy_name
 FROM inbox_absence b LEFT JOIN auth_user u ON u.user_id = b.user_id LEFT JOIN auth_user d ON d.user_id = b.deputy_id WHERE `
	err = s.db.View(ctx, func(r store.Reader) error {
		list := func(where string, args ...any) ([]Absence, error) {
			rows, err := store.All[shownAbsence](ctx, r, columns+where, args...)
			shown := make([]Absence, 0, len(rows))
			for _, a := range rows {
				shown = append(shown, a.show(now))
			}
			return shown, err
		}
		if out.Absences, err = list("b.user_id = ? ORDER BY b.from_at DESC, b.absence_id LIMIT 20", p.UserID); err != nil {
			return err
		}
		if out.Standing, err = list("b.deputy_id = ? AND b.ended_at IS NULL AND b.to_at > ? ORDER BY b.from_at, b.absence_id", p.UserID, t); err != nil {
			return err
		}
		shares := ot.SQL{
			Text: `EXISTS (SELECT 1 FROM org_site y WHERE ? AND (u.sees_all OR EXISTS (SELECT 1 FROM auth_scope z WHERE z.user_id = u.user_id AND (z.kind = 'site' AND z.ref = y.site_id OR z.kind = 'entity' AND z.ref = y.entity_id))))`,
			Args: []any{p.Scope.Where("y.site_no", "")},
		}
		if out.Colleague, err = list("b.user_id <> ? AND b.ended_at IS NULL AND b.to_at > ? AND b.from_at < ? AND ? ORDER BY b.from_at, b.absence_id LIMIT 100", p.UserID, t, store.At(now.AddDate(0, 0, 14)), shares); err != nil {
			return err
		}
		type deputy struct {
			ID   string `db:"user_id"`
			Name string `db:"name"`
		}
		d, err := store.All[deputy](ctx, r, "SELECT u.user_id, u.name FROM inbox_deputy x JOIN auth_user u ON u.user_id = x.deputy_id WHERE x.user_id = ?", p.UserID)
		if len(d) > 0 {
			out.Deputy = Who{d[0].ID, d[0].Name}
		}
		return err
	})
	return out, err
}

// SetDeputy says who is asked when what this person is asked is overdue; empty: nobody.
func (s *Service) SetDeputy(ctx context.Context, p auth.Principal, deputyID string) error {
	now := s.now()
	user, err := whose(p, "")
	if err != nil {
		return err
	}
	type deputy struct {
		UserID   string `db:"user_id"`
		DeputyID string `db:"deputy_id"`
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		rest.Target(ctx, "", ot.Ref{Kind: "user", ID: user})
		rest.Detail(ctx, "deputy", deputyID)
		if deputyID == "" {
			_, err := tx.Exec(ctx, "DELETE FROM inbox_deputy WHERE user_id = ?", user)
			return err
		}
		if err := canStandIn(ctx, tx, now, user, deputyID); err != nil {
			return err
		}
		return store.Upsert(ctx, tx, "inbox_deputy", []deputy{{user, deputyID}}, []string{"user_id"}, []string{"deputy_id"})
	})
}

// DeputyOf says who stands in for a person now: while the person is away who was named
// for that time, else nobody ("").
func DeputyOf(ctx context.Context, r store.Reader, now time.Time, userID string) (string, error) {
	t := store.At(now)
	ids, err := store.All[string](ctx, r, "SELECT deputy_id FROM inbox_absence WHERE user_id = ? AND ended_at IS NULL AND from_at <= ? AND to_at > ? ORDER BY from_at DESC, absence_id", userID, t, t)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	return ids[0], nil
}
