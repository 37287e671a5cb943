package auth

import (
	"context"
	"net/mail"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// User is a person who may sign in.
type User struct {
	ID         string     `db:"user_id" json:"id"`
	Name       string     `db:"name" json:"name"`
	Email      string     `db:"email" json:"email"`
	Role       string     `db:"role" json:"role"`
	SeesAll    bool       `db:"sees_all" json:"sees_all" doc:"Every site, also those made later"`
	Disabled   bool       `db:"disabled" json:"disabled"`
	CreatedAt  store.Time `db:"created_at" json:"created_at"`
	EndAt      store.Time `db:"end_at" json:"end_at" nullable:"true" doc:"Nobody signs in with it after this; null: it does not end"`
	Entities   []string   `db:"-" json:"entities" doc:"Companies in scope, by id"`
	Sites      []string   `db:"-" json:"sites" doc:"Sites in scope, by id"`
	Zones      []string   `db:"-" json:"zones" doc:"Zones in scope, by id: only what stands in them"`
	Language   string     `db:"language" json:"language" doc:"en, da or de; empty: as the browser asks"`
	ManagedBy  string     `db:"managed_by" json:"managed_by" doc:"The provider whose groups give role and scope; empty: an administrator does"`
	HasPass    bool       `db:"has_pass" json:"has_password"`
	SecondStep bool       `db:"second_step" json:"second_step" doc:"Signs in with a code of an app too"`
	Passkeys   int64      `db:"passkeys" json:"passkeys"`
	SignedInAt store.Time `db:"signed_in_at" json:"signed_in_at" nullable:"true"`
}

type userRow struct {
	ID        string     `db:"user_id"`
	Name      string     `db:"name"`
	Email     string     `db:"email"`
	Password  string     `db:"password"`
	Role      string     `db:"role"`
	SeesAll   bool       `db:"sees_all"`
	Disabled  bool       `db:"disabled"`
	CreatedAt store.Time `db:"created_at"`
	EndAt     store.Time `db:"end_at"`
	Kind      string     `db:"kind"`
	ManagedBy string     `db:"managed_by"`
}

type scopeRow struct {
	UserID string `db:"user_id"`
	Kind   string `db:"kind"`
	Ref    string `db:"ref"`
}

const userColumns = `u.user_id, u.name, u.email, u.role, u.sees_all, u.disabled, u.created_at, u.end_at, u.language, u.managed_by,
	(SELECT COUNT(*) FROM auth_passkey k WHERE k.user_id = u.user_id) AS passkeys,
	CASE WHEN u.password <> '' THEN 1 ELSE 0 END = 1 AS has_pass,
	CASE WHEN EXISTS (SELECT 1 FROM auth_totp z WHERE z.user_id = u.user_id AND z.confirmed_at IS NOT NULL) THEN 1 ELSE 0 END = 1 AS second_step,
	(SELECT MAX(x.created_at) FROM auth_session x WHERE x.user_id = u.user_id) AS signed_in_at`

// Users lists all users by name.
func (s *Service) Users(ctx context.Context) (out []User, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		if out, err = store.All[User](ctx, r, "SELECT "+userColumns+" FROM auth_user u WHERE u.kind = 'person' ORDER BY u.name, u.user_id"); err != nil {
			return err
		}
		scopes, err := store.All[scopeRow](ctx, r, "SELECT user_id, kind, ref FROM auth_scope ORDER BY ref")
		if err != nil {
			return err
		}
		for i := range out {
			out[i].addScope(scopes)
		}
		return nil
	})
	return out, err
}

// User returns one user.
func (s *Service) User(ctx context.Context, id string) (u User, err error) {
	err = s.db.View(ctx, func(r store.Reader) error { u, err = user(ctx, r, id); return err })
	return u, err
}

// user is a person; the account behind printed codes is none.
func user(ctx context.Context, r store.Reader, id string) (User, error) {
	if id == breakGlassUser {
		return User{}, ot.Errorf(ot.NotFound, "there is no such user")
	}
	return anyUser(ctx, r, id)
}

func anyUser(ctx context.Context, r store.Reader, id string) (User, error) {
	u, err := store.One[User](ctx, r, "SELECT "+userColumns+" FROM auth_user u WHERE u.user_id = ?", id)
	if err != nil {
		if ot.CodeOf(err) == ot.NotFound {
			err = ot.Errorf(ot.NotFound, "there is no such user")
		}
		return u, err
	}
	scopes, err := store.All[scopeRow](ctx, r, "SELECT user_id, kind, ref FROM auth_scope WHERE user_id = ? ORDER BY ref", id)
	u.addScope(scopes)
	return u, err
}

func (u *User) addScope(rows []scopeRow) {
	u.Entities, u.Sites, u.Zones = []string{}, []string{}, []string{}
	for _, r := range rows {
		switch {
		case r.UserID != u.ID:
		case r.Kind == "entity":
			u.Entities = append(u.Entities, r.Ref)
		case r.Kind == "zone":
			u.Zones = append(u.Zones, r.Ref)
		default:
			u.Sites = append(u.Sites, r.Ref)
		}
	}
}

// CreateUser adds a person, who signs in by a link first.
func (s *Service) CreateUser(ctx context.Context, in User) (User, error) {
	err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
		in, err = s.AddUser(ctx, tx, in)
		return err
	})
	return in, err
}

// AddUser is CreateUser inside a transaction. An ID that is set is kept.
func (s *Service) AddUser(ctx context.Context, tx *store.Tx, in User) (User, error) {
	in, err := checkUser(in)
	if err != nil {
		return in, err
	}
	if in.ID == "" {
		in.ID = store.NewID()
	}
	in.CreatedAt = store.At(s.clock.now())
	row := userRow{in.ID, in.Name, in.Email, "", in.Role, in.SeesAll, false, in.CreatedAt, in.EndAt, "person", in.ManagedBy}
	if err := store.Upsert(ctx, tx, "auth_user", []userRow{row}, nil, nil); err != nil {
		if ot.CodeOf(err) == ot.Conflict {
			err = ot.Errorf(ot.Conflict, "there is a user with the address %s already, or no role %q", in.Email, in.Role)
		}
		return in, err
	}
	return in, writeScope(ctx, tx, in)
}

// UpdateUser changes a person: change gets the user as it is and returns it as it shall
// be. Somebody who is disabled or whose account has ended loses all sessions. One
// administrator without an end date stays.
func (s *Service) UpdateUser(ctx context.Context, id string, change func(User) (User, error)) (out User, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		old, err := user(ctx, tx, id)
		if err != nil {
			return err
		}
		if out, err = change(old); err != nil {
			return err
		}
		if out, err = checkUser(out); err != nil {
			return err
		}
		out.ID, out.CreatedAt = old.ID, old.CreatedAt
		if _, err := tx.Exec(ctx, "UPDATE auth_user SET name = ?, email = ?, role = ?, sees_all = ?, disabled = ?, end_at = ?, managed_by = ? WHERE user_id = ?",
			out.Name, out.Email, out.Role, out.SeesAll, out.Disabled, out.EndAt, out.ManagedBy, id); err != nil {
			if ot.CodeOf(err) == ot.Conflict {
				err = ot.Errorf(ot.Conflict, "there is a user with the address %s already, or no role %q", out.Email, out.Role)
			}
			return err
		}
		if err := writeScope(ctx, tx, out); err != nil {
			return err
		}
		if out.Disabled || s.ended(out) {
			if err := s.endAll(ctx, tx, id); err != nil {
				return err
			}
		}
		return oneAdministrator(ctx, tx)
	})
	return out, err
}

// oneAdministrator refuses a change after which nobody could undo it.
func oneAdministrator(ctx context.Context, r store.Reader) error {
	left, err := store.One[int64](ctx, r, "SELECT count(*) FROM auth_user WHERE role = ? AND kind = 'person' AND sees_all AND NOT disabled AND end_at IS NULL", Administrator)
	if err == nil && left == 0 {
		err = ot.Errorf(ot.Conflict, "this is the last administrator: make another one, without an end date, first")
	}
	return err
}

// ended says whether the account's end date has come.
func (s *Service) ended(u User) bool { return !u.EndAt.IsZero() && !s.clock.now().Before(u.EndAt.Time) }

func writeScope(ctx context.Context, tx *store.Tx, u User) error {
	if _, err := tx.Exec(ctx, "DELETE FROM auth_scope WHERE user_id = ?", u.ID); err != nil {
		return err
	}
	rows, err := scopeRows(ctx, tx, u)
	if err != nil {
		return err
	}
	return store.Upsert(ctx, tx, "auth_scope", rows, []string{"user_id", "kind", "ref"}, nil)
}

// scopeRows are a user's, each of which must exist.
func scopeRows(ctx context.Context, r store.Reader, u User) ([]scopeRow, error) {
	var rows []scopeRow
	for _, c := range []struct {
		kind, exists string
		refs         []string
	}{
		{"entity", "SELECT count(*) FROM org_entity WHERE entity_id = ?", u.Entities},
		{"site", "SELECT count(*) FROM org_site WHERE site_id = ?", u.Sites},
		{"zone", "SELECT count(*) FROM org_zone WHERE zone_id = ?", u.Zones},
	} {
		for _, ref := range c.refs {
			n, err := store.One[int64](ctx, r, c.exists, ref)
			if err != nil {
				return nil, err
			}
			if n == 0 {
				return nil, ot.Errorf(ot.Invalid, "the scope names a %s that does not exist", c.kind)
			}
			rows = append(rows, scopeRow{u.ID, c.kind, ref})
		}
	}
	return rows, nil
}

func checkUser(u User) (User, error) {
	u.Name = ot.Printable(u.Name)
	if u.Name == "" || len([]rune(u.Name)) > 120 {
		return u, ot.Errorf(ot.Invalid, "a user needs a name of at most 120 characters")
	}
	u.Email = strings.ToLower(strings.TrimSpace(u.Email))
	if a, err := mail.ParseAddress(u.Email); err != nil || a.Address != u.Email || a.Name != "" || len(u.Email) > 254 {
		return u, ot.Errorf(ot.Invalid, "%q is not an e-mail address: it is the name to sign in with", ot.Printable(u.Email))
	}
	if u.Role == "" {
		return u, ot.Errorf(ot.Invalid, "a user needs a role: the list of roles names them")
	}
	if endsAlways(u.Role) && u.EndAt.IsZero() {
		return u, ot.Errorf(ot.Invalid, "an account of the role %s needs an end date: the day after which nobody signs in with it", u.Role)
	}
	if len(u.Entities)+len(u.Sites)+len(u.Zones) > 500 {
		return u, ot.Errorf(ot.TooMany, "a scope names at most 500 companies, sites and zones")
	}
	return u, nil
}

// SetPassword changes a person's own password and ends all other sessions.
func (s *Service) SetPassword(ctx context.Context, p Principal, old, password string) error {
	if p.BreakGlass() {
		return ot.Errorf(ot.Forbidden, "a printed code has no password: the next person takes the next code")
	}
	if p.MustStep {
		return ot.Errorf(ot.Forbidden, "give the code of your second step first")
	}
	var u userRow
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		u, err = store.One[userRow](ctx, r, "SELECT user_id, name, email, password, role, sees_all, disabled, created_at, end_at, kind, managed_by FROM auth_user WHERE user_id = ?", p.UserID)
		return err
	})
	if err != nil {
		return err
	}
	if err := s.limit.take(s.clock.now(), "own "+u.ID, perPerson); err != nil {
		return err
	}
	if u.Password != "" {
		if ok, err := s.hasher.matches(ctx, u.Password, old); err != nil || !ok {
			if err == nil {
				err = ot.Errorf(ot.Invalid, "the old password is wrong")
			}
			return err
		}
	}
	s.limit.forget("own " + u.ID)
	if err := checkPassword(password, u.Name, u.Email); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE auth_user SET password = ? WHERE user_id = ?", hash, u.ID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE auth_session SET ended_at = ? WHERE user_id = ? AND ended_at IS NULL AND session_id <> ?", store.At(s.clock.now()), u.ID, p.SessionID)
		return err
	})
}
