package auth

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// SetupNeeded says that nobody can sign in yet.
func (s *Service) SetupNeeded(ctx context.Context) (bool, error) {
	var n int64
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		n, err = store.One[int64](ctx, r, "SELECT count(*) FROM auth_user WHERE kind = 'person'")
		return err
	})
	return n == 0, err
}

// setupLife: the token is printed at every start while nobody can sign in, so it need not live long.
const setupLife = 24 * time.Hour

// SetupToken makes the one-time token of the first set-up and takes back any
// earlier one; empty if there is a user.
func (s *Service) SetupToken(ctx context.Context) (token string, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		token = ""
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_user WHERE kind = 'person'")
		if err != nil || n > 0 {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM auth_link WHERE user_id IS NULL"); err != nil {
			return err
		}
		token, err = s.newLink(ctx, tx, nil, "system", setupLife)
		return err
	})
	return token, err
}

func (s *Service) newLink(ctx context.Context, tx *store.Tx, userID *string, by string, life time.Duration) (string, error) {
	token, hash := newToken()
	now := s.clock.now()
	_, err := tx.Exec(ctx, "INSERT INTO auth_link (link_id, token_hash, user_id, made_by, made_at, end_at) VALUES (?, ?, ?, ?, ?, ?)",
		store.NewID(), hash, userID, by, store.At(now), store.At(now.Add(life)))
	return token, err
}

type link struct {
	ID     string     `db:"link_id"`
	UserID *string    `db:"user_id"`
	EndAt  store.Time `db:"end_at"`
}

// useLink takes a link that is still good and marks it as used.
func (s *Service) useLink(ctx context.Context, tx *store.Tx, token string) (link, error) {
	l, err := store.One[link](ctx, tx, "SELECT link_id, user_id, end_at FROM auth_link WHERE token_hash = ? AND used_at IS NULL", hashToken(token))
	if ot.CodeOf(err) == ot.NotFound {
		return l, errLink()
	}
	if err != nil {
		return l, err
	}
	now := s.clock.now()
	if !now.Before(l.EndAt.Time) {
		return l, errLink()
	}
	_, err = tx.Exec(ctx, "UPDATE auth_link SET used_at = ? WHERE link_id = ?", store.At(now), l.ID)
	return l, err
}

// CheckSetup says whether a set-up token is good, before the form is filled; it stays good.
func (s *Service) CheckSetup(ctx context.Context, token string) error {
	return s.db.View(ctx, func(r store.Reader) error {
		l, err := store.One[link](ctx, r, "SELECT link_id, user_id, end_at FROM auth_link WHERE token_hash = ? AND used_at IS NULL AND user_id IS NULL", hashToken(token))
		if ot.CodeOf(err) == ot.NotFound || err == nil && !s.clock.now().Before(l.EndAt.Time) {
			return ot.Errorf(ot.SignIn, "the set-up token is not valid: the server prints one when it starts")
		}
		return err
	})
}

// Setup makes the first administrator with the token that the server printed, and
// signs in. more runs in the same transaction: the first company and site.
func (s *Service) Setup(ctx context.Context, token string, u User, password string, from Client, more func(ctx context.Context, tx *store.Tx) error) (Signed, error) {
	if err := s.limit.take(s.clock.now(), "address "+from.Address, perAddress); err != nil {
		return Signed{}, err
	}
	if err := s.CheckSetup(ctx, token); err != nil { // before the dear hash
		return Signed{}, err
	}
	u.Role, u.SeesAll, u.Entities, u.Sites = Administrator, true, nil, nil
	u, err := checkUser(u)
	if err != nil {
		return Signed{}, err
	}
	if err := checkPassword(password, u.Name, u.Email); err != nil {
		return Signed{}, err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return Signed{}, err
	}
	var out Signed
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_user WHERE kind = 'person'")
		if err != nil {
			return err
		}
		if n > 0 {
			return ot.Errorf(ot.Conflict, "Skanse is set up already: sign in")
		}
		l, err := s.useLink(ctx, tx, token)
		if err != nil {
			return err
		}
		if l.UserID != nil {
			return errLink()
		}
		made, err := s.AddUser(ctx, tx, u)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE auth_user SET password = ? WHERE user_id = ?", hash, made.ID); err != nil {
			return err
		}
		if more != nil {
			if err := more(ctx, tx); err != nil {
				return err
			}
		}
		out, err = s.start(ctx, tx, made.ID, from, entry{how: BySetup, factors: 1})
		return err
	})
	return out, err
}

// CreateLink makes a one-time sign-in link for a user and takes back earlier ones.
func (s *Service) CreateLink(ctx context.Context, by Principal, userID string) (token string, endAt time.Time, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		u, err := user(ctx, tx, userID)
		if err != nil {
			return err
		}
		if u.Disabled {
			return ot.Errorf(ot.Conflict, "%s is disabled: enable the user first", u.Name)
		}
		if s.ended(u) {
			return ot.Errorf(ot.Conflict, "the account of %s has ended: give it a later end date first", u.Name)
		}
		if _, err := tx.Exec(ctx, "DELETE FROM auth_link WHERE user_id = ? AND used_at IS NULL", userID); err != nil {
			return err
		}
		endAt = s.clock.now().Add(s.cfg.LinkLife)
		token, err = s.newLink(ctx, tx, &userID, by.UserID, s.cfg.LinkLife)
		return err
	})
	return token, endAt, err
}

// UseLink is UseLinkCode for who has no second step.
func (s *Service) UseLink(ctx context.Context, token, password string, from Client) (Signed, error) {
	return s.UseLinkCode(ctx, token, password, "", from)
}

// UseLinkCode signs in by a one-time link; a password that is given becomes the user's
// own, and ends older sessions. Who has a second step gives its code here too, or a
// link would go around it; until then the link is not used up.
func (s *Service) UseLinkCode(ctx context.Context, token, password, code string, from Client) (Signed, error) {
	if err := s.limit.take(s.clock.now(), "address "+from.Address, perAddress); err != nil {
		return Signed{}, err
	}
	type owner struct {
		ID    string `db:"user_id"`
		Name  string `db:"name"`
		Email string `db:"email"`
	}
	var u owner
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		u, err = store.One[owner](ctx, r, "SELECT u.user_id, u.name, u.email FROM auth_link l JOIN auth_user u ON u.user_id = l.user_id WHERE l.token_hash = ? AND l.used_at IS NULL", hashToken(token))
		return err
	})
	if ot.CodeOf(err) == ot.NotFound {
		return Signed{}, errLink()
	}
	if err != nil {
		return Signed{}, err
	}
	if code != "" { // guessed at with a link in hand
		if err := s.limit.take(s.clock.now(), "code "+u.ID, perPerson); err != nil {
			return Signed{}, err
		}
	}
	hash := ""
	if password != "" {
		if err := checkPassword(password, u.Name, u.Email); err != nil {
			return Signed{}, err
		}
		if hash, err = s.hasher.hash(ctx, password); err != nil {
			return Signed{}, err
		}
	}
	var out Signed
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := s.useLink(ctx, tx, token); err != nil {
			return err
		}
		factors, err := s.passSecond(ctx, tx, u.ID, code)
		if err != nil {
			return err
		}
		if hash != "" {
			if _, err := tx.Exec(ctx, "UPDATE auth_user SET password = ? WHERE user_id = ?", hash, u.ID); err != nil {
				return err
			}
			if err := s.endAll(ctx, tx, u.ID); err != nil {
				return err
			}
		}
		out, err = s.start(ctx, tx, u.ID, from, entry{how: ByLink, factors: factors})
		return err
	})
	if err == nil {
		s.forgive(u.Email)
		s.limit.forget("code " + u.ID)
	}
	return out, err
}
