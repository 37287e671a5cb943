package auth

import (
	"context"
	"errors"
	"time"

	"github.com/skanse/skanse/internal/auth/sso"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// ssoLife is how long a person may take at the provider.
const ssoLife = 10 * time.Minute

type ssoPending struct {
	provider string
	browser  string // hash of the cookie that began it
	linkTo   string // the signed-in person who wants to be known there; empty: a sign-in
	begun    sso.Begun
}

// BeginSSO gives the address of the provider to send the browser to, and a text that
// the browser keeps: only it may end what it began. p is nobody for a sign-in; a
// person who is signed in joins the two accounts.
func (s *Service) BeginSSO(ctx context.Context, p Principal, providerID, redirect string, from Client) (address, browser string, err error) {
	if err := s.limit.take(s.clock.now(), "begin "+from.Address, perBegin); err != nil {
		return "", "", err
	}
	row, err := s.provider(ctx, providerID)
	if err == nil && (row.Kind != OIDC || !row.Enabled) {
		err = ot.Errorf(ot.NotFound, "there is no such provider")
	}
	if err != nil {
		return "", "", err
	}
	if !p.Nobody() {
		if err := byPerson(p); err != nil {
			return "", "", err
		}
	}
	secret, err := s.secretOf(row)
	if err != nil {
		return "", "", err
	}
	random := func() string { t, _ := newToken(); return t }
	b, err := s.ssoConfig(row, secret).Begin(ctx, redirect, random)
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a provider does not answer", "name", row.Name, "error", err)
		return "", "", errSSODown(row.Name)
	}
	browser, hash := newToken()
	s.begun.put(s.clock.now(), hashToken(b.State), ssoPending{row.ID, hash, p.UserID, b}, ssoLife)
	return b.URL, browser, nil
}

func errSSODown(name string) error {
	return ot.Errorf(ot.Busy, "%s does not answer: use a local account, a passkey or a printed code", name)
}

// FinishSSO takes what the provider sent back by the browser. browser is the text
// that BeginSSO gave. The session stands on one factor unless the provider vouches for two.
func (s *Service) FinishSSO(ctx context.Context, p Principal, state, code, browser string, from Client) (Signed, error) {
	if err := s.limit.take(s.clock.now(), "begin "+from.Address, perBegin); err != nil {
		return Signed{}, err
	}
	stale := ot.Errorf(ot.SignIn, "this sign-in is too old, was used, or began in another browser: begin again")
	pend, ok := s.begun.take(s.clock.now(), hashToken(state))
	if !ok || pend.browser != hashToken(browser) || pend.linkTo != p.UserID {
		return Signed{}, stale
	}
	row, err := s.provider(ctx, pend.provider)
	if err != nil {
		return Signed{}, err
	}
	if !row.Enabled {
		return Signed{}, stale
	}
	secret, err := s.secretOf(row)
	if err != nil {
		return Signed{}, err
	}
	found, err := s.ssoConfig(row, secret).Finish(ctx, pend.begun, code)
	if errors.Is(err, sso.ErrRefused) {
		s.cfg.Log.WarnContext(ctx, "a provider's answer was refused", "name", row.Name, "error", err)
		return Signed{}, ot.Errorf(ot.SignIn, "the answer of %s proves nobody: begin again; the log says what is wrong", row.Name)
	}
	if err != nil {
		s.cfg.Log.WarnContext(ctx, "a provider does not answer", "name", row.Name, "error", err)
		return Signed{}, errSSODown(row.Name)
	}
	login := found.Login
	if login == "" {
		login = found.Email
	}
	id := identity{subject: found.Subject, login: login, name: found.Name, email: found.Email, verified: found.Verified, groups: found.Groups, strong: found.Strong}
	if pend.linkTo != "" {
		return Signed{}, s.join(ctx, row, id, pend.linkTo)
	}
	var out Signed
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		userID, err := s.enterAs(ctx, tx, row, id)
		if err != nil {
			return err
		}
		factors := int64(1)
		if id.strong {
			factors = 2
		}
		out, err = s.start(ctx, tx, userID, from, entry{how: ByOIDC, factors: factors, provider: row.ID})
		return err
	})
	if err == nil && found.Logout != "" {
		s.logout.put(s.clock.now(), out.SessionID, found.Logout, s.cfg.Absolute)
	}
	return out, err
}

// join makes a provider's subject one with the person who is signed in here.
func (s *Service) join(ctx context.Context, p providerRow, id identity, userID string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		now := store.At(s.clock.now())
		other, err := store.One[string](ctx, tx, "SELECT user_id FROM auth_identity WHERE provider_id = ? AND subject = ?", p.ID, id.subject)
		switch {
		case err == nil && other == userID:
			return nil
		case err == nil:
			return ot.Errorf(ot.Conflict, "at %s you are another account of this Skanse: ask an administrator, one person has one account", p.Name)
		case ot.CodeOf(err) != ot.NotFound:
			return err
		}
		// An address that is another account's is that person's own.
		if id.email != "" {
			n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_user WHERE email = ? AND user_id <> ?", id.email, userID)
			if err != nil {
				return err
			}
			if n > 0 {
				return ot.Errorf(ot.Conflict, "your address at %s is another account of this Skanse: ask an administrator, one person has one account", p.Name)
			}
		}
		_, err = tx.Exec(ctx, "INSERT INTO auth_identity (provider_id, subject, user_id, login, linked_at, seen_at) VALUES (?, ?, ?, ?, ?, ?)",
			p.ID, id.subject, userID, short(id.login), now, now)
		if ot.CodeOf(err) == ot.Conflict {
			err = ot.Errorf(ot.Conflict, "your account is joined to somebody at %s already", p.Name)
		}
		return err
	})
}

// LogoutAddress is where the person's session at the provider ends too; empty: nowhere.
func (s *Service) LogoutAddress(p Principal) string {
	address, _ := s.logout.take(s.clock.now(), p.SessionID)
	return address
}

// Ways are the ways in besides a password, for the page before the sign-in.
type Ways struct {
	Providers   []Way `json:"providers" nullable:"false" doc:"OpenID Connect"`
	Directories bool  `json:"directories" doc:"The name of a directory account signs in too"`
	Passkeys    bool  `json:"passkeys" doc:"Somebody has one"`
	BreakGlass  bool  `json:"break_glass" doc:"A sheet of codes was printed"`
}

// Way is a provider as its button names it.
type Way struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Ways lists them.
func (s *Service) Ways(ctx context.Context) (out Ways, err error) {
	out.Providers = []Way{}
	rows, err := s.providers(ctx, "enabled")
	if err != nil {
		return out, err
	}
	for _, r := range rows {
		if r.Kind == LDAP {
			out.Directories = true
		} else {
			out.Providers = append(out.Providers, Way{r.ID, r.Name})
		}
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		n, err := store.One[int64](ctx, r, "SELECT count(*) FROM auth_passkey")
		if err != nil {
			return err
		}
		out.Passkeys = n > 0
		n, err = store.One[int64](ctx, r, "SELECT count(*) FROM auth_sheet_code c JOIN auth_sheet x ON x.sheet_id = c.sheet_id WHERE c.used_at IS NULL AND x.void_at IS NULL")
		out.BreakGlass = n > 0
		return err
	})
	return out, err
}

// Known is a provider where a person is known, or could be.
type Known struct {
	ProviderID string     `db:"provider_id" json:"provider_id"`
	Name       string     `db:"name" json:"name"`
	Kind       string     `db:"kind" json:"kind" enum:"oidc,ldap"`
	Login      string     `db:"login" json:"login" doc:"The name there; empty: not joined"`
	SeenAt     store.Time `db:"seen_at" json:"seen_at" nullable:"true"`
}

// Identities lists the providers and what a person is there.
func (s *Service) Identities(ctx context.Context, p Principal) (out []Known, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.All[Known](ctx, r, `SELECT x.provider_id, x.name, x.kind, COALESCE(i.login, '') AS login, i.seen_at
			FROM auth_provider x LEFT JOIN auth_identity i ON i.provider_id = x.provider_id AND i.user_id = ?
			WHERE x.enabled OR i.login IS NOT NULL ORDER BY x.name`, p.UserID)
		return err
	})
	return out, err
}
