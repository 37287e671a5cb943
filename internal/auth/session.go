package auth

import (
	"context"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Session is a signed-in browser or program.
type Session struct {
	ID        string     `db:"session_id" json:"id"`
	UserID    string     `db:"user_id" json:"user_id"`
	UserName  string     `db:"name" json:"user_name"`
	CreatedAt store.Time `db:"created_at" json:"created_at"`
	SeenAt    store.Time `db:"seen_at" json:"seen_at"`
	EndAt     store.Time `db:"end_at" json:"end_at"`
	Address   string     `db:"address" json:"address"`
	Agent     string     `db:"agent" json:"agent"`
	How       How        `db:"how" json:"how" enum:"password,link,setup,passkey,oidc,ldap,break-glass"`
	Said      string     `db:"said" json:"said" doc:"Break-glass: the name that the person gave"`
}

// How is the way by which a session began.
type How string

// The ways in.
const (
	ByPassword   How = "password"
	ByLink       How = "link"
	BySetup      How = "setup"
	ByPasskey    How = "passkey"
	ByOIDC       How = "oidc"
	ByLDAP       How = "ldap"
	ByBreakGlass How = "break-glass"
)

// entry is what a new session stands on.
type entry struct {
	how      How
	factors  int64
	provider string
	said     string
	life     time.Duration // 0: the usual
}

// Client is where a sign-in comes from.
type Client struct{ Address, Agent string }

// Signed is what a sign-in gives: the token goes to the client and is nowhere kept.
type Signed struct {
	Token     string
	EndAt     time.Time
	User      User
	SessionID string
}

// SignIn is SignInCode for who has no second step.
func (s *Service) SignIn(ctx context.Context, email, password string, from Client) (Signed, error) {
	return s.SignInCode(ctx, email, password, "", from)
}

// SignInCode checks a password and the code of the second step, and starts a session.
// The error is SecondStepError where the password is right and a code is missing.
func (s *Service) SignInCode(ctx context.Context, email, password, code string, from Client) (Signed, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	now := s.clock.now()
	if err := s.limit.take(now, "address "+from.Address, perAddress); err != nil {
		return Signed{}, err
	}
	forget, err := s.takeAccount(ctx, email, from)
	if err != nil {
		return Signed{}, err
	}
	type found struct {
		ID       string `db:"user_id"`
		Password string `db:"password"`
	}
	var u found
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		u, err = store.One[found](ctx, r, "SELECT user_id, password FROM auth_user WHERE email = ? AND NOT disabled", email)
		return err
	})
	if err != nil && ot.CodeOf(err) != ot.NotFound {
		return Signed{}, err
	}
	hashed := password
	if len(hashed) > maxPassword {
		hashed = "" // never set, and not worth hashing
	}
	ok, err := s.hasher.matches(ctx, u.Password, hashed)
	if err != nil {
		return Signed{}, err
	}
	if !ok { // who has no password here, or another one, may be known to a directory
		out, err := s.signInDirectory(ctx, email, password, code, from)
		if err == nil {
			forget()
		}
		return out, err
	}
	var out Signed
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		factors, err := s.passSecond(ctx, tx, u.ID, code)
		if err != nil {
			return err
		}
		out, err = s.start(ctx, tx, u.ID, from, entry{how: ByPassword, factors: factors})
		return err
	})
	if err == nil {
		forget()
	}
	return out, err
}

// start writes a session; the user is there and not disabled, or the answer is errSignIn.
func (s *Service) start(ctx context.Context, tx *store.Tx, userID string, from Client, e entry) (Signed, error) {
	u, err := anyUser(ctx, tx, userID)
	if err != nil {
		return Signed{}, err
	}
	if u.Disabled || s.ended(u) {
		return Signed{}, errSignIn()
	}
	noteSubject(ctx, userID)
	token, hash := newToken()
	now := s.clock.now()
	end := now.Add(s.cfg.Absolute)
	if e.life > 0 {
		end = now.Add(min(e.life, s.cfg.Absolute))
	}
	id := store.NewID()
	_, err = tx.Exec(ctx, `INSERT INTO auth_session (session_id, token_hash, user_id, created_at, seen_at, idle_at, end_at, address, agent, how, factors, provider_id, said)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, id, hash, userID, store.At(now), store.At(now), store.At(now.Add(s.cfg.Idle)), store.At(end),
		short(from.Address), short(from.Agent), e.how, e.factors, e.provider, e.said)
	if err != nil {
		return Signed{}, err
	}
	return Signed{Token: token, EndAt: end, User: u, SessionID: id}, s.clock.save(ctx, tx, now)
}

func short(s string) string {
	s = ot.Printable(s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "")
	}
	return s
}

// keepAlive is how often a session that is used is written: once a minute is enough
// for a limit of hours, and a page asks many times a second.
const keepAlive = time.Minute

type live struct {
	SessionID   string                   `db:"session_id"`
	UserID      string                   `db:"user_id"`
	SeenAt      store.Time               `db:"seen_at"`
	IdleAt      store.Time               `db:"idle_at"`
	EndAt       store.Time               `db:"end_at"`
	Name        string                   `db:"name"`
	Email       string                   `db:"email"`
	Role        string                   `db:"role"`
	SeesAll     bool                     `db:"sees_all"`
	Permissions store.JSON[[]Permission] `db:"permissions"`
	How         How                      `db:"how"`
	Factors     int64                    `db:"factors"`
	Said        string                   `db:"said"`
	Language    string                   `db:"language"`
	Needs       bool                     `db:"needs"`   // the role asks for a second step
	Code        bool                     `db:"code"`    // the person has an app
	Passkey     bool                     `db:"passkey"` // or a passkey
}

// Authenticate says whose token it is; nobody if it is unknown or ran out.
func (s *Service) Authenticate(ctx context.Context, token string) (Principal, error) {
	now := s.clock.now()
	if IsAccessToken(token) {
		return s.authenticateToken(ctx, token, now)
	}
	var l live
	var p Principal
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		l, err = store.One[live](ctx, r, `SELECT x.session_id, x.user_id, x.seen_at, x.idle_at, x.end_at, u.name, u.email, u.role, u.sees_all, g.permissions,
				x.how, x.factors, x.said, u.language, `+secondColumns+`
			FROM auth_session x JOIN auth_user u ON u.user_id = x.user_id JOIN auth_role g ON g.role = u.role
			WHERE x.token_hash = ? AND x.ended_at IS NULL AND NOT u.disabled AND (u.end_at IS NULL OR u.end_at > ?)`, hashToken(token), store.At(now))
		if err != nil {
			return err
		}
		p = Principal{
			UserID: l.UserID, Name: l.Name, Email: l.Email, Role: l.Role, SessionID: l.SessionID, Permissions: Grant(append(l.Permissions.V, Self)...),
			How: l.How, Language: l.Language, EndAt: l.EndAt.Time,
		}
		if p.BreakGlass() {
			p.Name = l.Said + " (break-glass)"
			delete(p.Permissions, RecordApprove) // whose eyes are these
		}
		p.MustStep = l.Factors < 2 && (l.Code || l.Needs && l.Passkey)
		p.MustEnrol = l.Factors < 2 && l.Needs && !l.Code && !l.Passkey
		if p.MustEnrol || p.MustStep {
			p.Permissions = Grant(Self)
			return nil
		}
		p.Scope, err = scopeOf(ctx, r, l.UserID, l.SeesAll)
		return err
	})
	if ot.CodeOf(err) == ot.NotFound {
		return Principal{}, nil
	}
	if err != nil {
		return Principal{}, err
	}
	if !now.Before(l.IdleAt.Time) || !now.Before(l.EndAt.Time) {
		return Principal{}, s.end(ctx, l.SessionID) // for good, whatever the clock says later
	}
	if now.Sub(l.SeenAt.Time) >= keepAlive {
		// A full disk must not lock people out of reading: the session is then only not prolonged.
		_ = s.db.Update(ctx, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, "UPDATE auth_session SET seen_at = ?, idle_at = ? WHERE session_id = ?", store.At(now), store.At(now.Add(s.cfg.Idle)), l.SessionID); err != nil {
				return err
			}
			return s.clock.save(ctx, tx, now)
		})
	}
	return p, nil
}

func scopeOf(ctx context.Context, r store.Reader, userID string, all bool) (Scope, error) {
	if all {
		return Scope{All: true}, nil
	}
	entities, err := store.All[string](ctx, r, "SELECT ref FROM auth_scope WHERE user_id = ? AND kind = 'entity' ORDER BY ref", userID)
	if err != nil {
		return Scope{}, err
	}
	sites, err := store.All[int64](ctx, r, "SELECT s.site_no FROM auth_scope a JOIN org_site s ON s.site_id = a.ref WHERE a.user_id = ? AND a.kind = 'site' ORDER BY s.site_no", userID)
	if err != nil {
		return Scope{}, err
	}
	zones, err := store.All[int64](ctx, r, "SELECT z.zone_no FROM auth_scope a JOIN org_zone z ON z.zone_id = a.ref WHERE a.user_id = ? AND a.kind = 'zone' ORDER BY z.zone_no", userID)
	return Scope{Entities: entities, Sites: sites, Zones: zones}, err
}

func (s *Service) end(ctx context.Context, sessionID string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		now := s.clock.now()
		if _, err := tx.Exec(ctx, "UPDATE auth_session SET ended_at = ? WHERE session_id = ? AND ended_at IS NULL", store.At(now), sessionID); err != nil {
			return err
		}
		return s.clock.save(ctx, tx, now)
	})
}

func (s *Service) endAll(ctx context.Context, tx *store.Tx, userID string) error {
	_, err := tx.Exec(ctx, "UPDATE auth_session SET ended_at = ? WHERE user_id = ? AND ended_at IS NULL", store.At(s.clock.now()), userID)
	return err
}

// SignOut ends the session of the request.
func (s *Service) SignOut(ctx context.Context, p Principal) error {
	if p.SessionID == "" {
		return nil
	}
	return s.end(ctx, p.SessionID)
}

// Sessions lists live sessions: a person's own, or with all everybody's.
func (s *Service) Sessions(ctx context.Context, p Principal, all bool) (out []Session, err error) {
	now := store.At(s.clock.now())
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.All[Session](ctx, r, `SELECT x.session_id, x.user_id, u.name, x.created_at, x.seen_at, x.end_at, x.address, x.agent, x.how, x.said
			FROM auth_session x JOIN auth_user u ON u.user_id = x.user_id
			WHERE x.ended_at IS NULL AND x.idle_at > ? AND x.end_at > ? AND (CAST(? AS BIGINT) = 1 OR x.user_id = ?) ORDER BY x.seen_at DESC, x.session_id LIMIT 1000`,
			now, now, flag(all), p.UserID)
		return err
	})
	return out, err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Revoke ends a session: one's own, or with all anybody's.
func (s *Service) Revoke(ctx context.Context, p Principal, sessionID string, all bool) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(ctx, "UPDATE auth_session SET ended_at = ? WHERE session_id = ? AND ended_at IS NULL AND (CAST(? AS BIGINT) = 1 OR user_id = ?)",
			store.At(s.clock.now()), sessionID, flag(all), p.UserID)
		if err == nil && n == 0 {
			err = ot.Errorf(ot.NotFound, "there is no such session")
		}
		return err
	})
}

// Clean removes sessions, access tokens and links that ended longer ago than keep.
func (s *Service) Clean(ctx context.Context, keep time.Duration) error {
	before := store.At(s.clock.now().Add(-keep))
	return s.db.Update(ctx, func(tx *store.Tx) error {
		for _, q := range []string{
			"DELETE FROM auth_session WHERE session_id IN (SELECT session_id FROM auth_session WHERE end_at < ? ORDER BY end_at LIMIT 900)",
			"DELETE FROM auth_token WHERE token_id IN (SELECT token_id FROM auth_token WHERE end_at < ? ORDER BY end_at LIMIT 900)",
			"DELETE FROM auth_link WHERE link_id IN (SELECT link_id FROM auth_link WHERE end_at < ? ORDER BY end_at LIMIT 900)",
		} {
			if _, err := tx.Exec(ctx, q, before); err != nil {
				return err
			}
		}
		return nil
	})
}
