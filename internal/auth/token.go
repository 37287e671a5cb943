package auth

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// AccessToken is a person's leave for a program to act in the person's name.
type AccessToken struct {
	ID          string                   `db:"token_id"`
	UserID      string                   `db:"user_id"`
	UserName    string                   `db:"user_name"`
	Name        string                   `db:"name"`
	Permissions store.JSON[[]Permission] `db:"permissions"`
	SeesAll     bool                     `db:"sees_all"` // All that its owner sees
	Entities    store.JSON[[]string]     `db:"entities"` // Companies, by id
	Sites       store.JSON[[]string]     `db:"sites"`    // Sites, by id
	CreatedAt   store.Time               `db:"created_at"`
	EndAt       store.Time               `db:"end_at"`
	UsedAt      store.Time               `db:"used_at"` // Last use, to the hour
}

// NewAccessToken is what a person asks for.
type NewAccessToken struct {
	ID          string // kept if set
	Name        string
	Permissions []Permission
	SeesAll     bool     // all that its owner sees, or:
	Entities    []string // ids
	Sites       []string // ids
	EndAt       time.Time
}

const (
	tokenPrefix = "skanse_" // so that a person, and a scanner of repositories, knows one
	tokenLife   = 366 * 24 * time.Hour
	maxTokens   = 50
	tokenUse    = time.Hour // how coarse the time of the last use is
)

// IsAccessToken says whether the text is an access token and not a session's.
func IsAccessToken(token string) bool { return strings.HasPrefix(token, tokenPrefix) }

// forProgram says whether a token may carry p. One that could make users, links or
// tokens would outlive itself; one that reached sessions and passwords would be a person.
func forProgram(p Permission) bool { return p != Self && p != UserWrite }

// CreateToken makes an access token. The text is told once; its hash is kept.
func (s *Service) CreateToken(ctx context.Context, p Principal, in NewAccessToken) (token string, out AccessToken, err error) {
	if p.TokenID != "" || p.SessionID == "" || p.BreakGlass() {
		return "", out, ot.Errorf(ot.Forbidden, "access tokens are made by a person who is signed in")
	}
	now := s.clock.now()
	if in, err = checkToken(p, in, now); err != nil {
		return "", out, err
	}
	if in.ID == "" {
		in.ID = store.NewID()
	}
	secret, _ := newToken()
	token = tokenPrefix + secret
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_token WHERE user_id = ? AND revoked_at IS NULL AND end_at > ?", p.UserID, store.At(now))
		if err != nil {
			return err
		}
		if n >= maxTokens {
			return ot.Errorf(ot.TooMany, "you have %d access tokens: revoke those that nothing uses", n)
		}
		if !in.SeesAll {
			if err := withinScope(ctx, tx, p.Scope, in.Entities, in.Sites); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `INSERT INTO auth_token (token_id, token_hash, user_id, name, permissions, sees_all, entities, sites, created_at, end_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, in.ID, hashToken(token), p.UserID, in.Name, store.AsJSON(in.Permissions), in.SeesAll,
			store.AsJSON(in.Entities), store.AsJSON(in.Sites), store.At(now), store.At(in.EndAt)); err != nil {
			return err
		}
		out, err = store.One[AccessToken](ctx, tx, tokenSelect+" WHERE t.token_id = ?", in.ID)
		return err
	})
	return token, out, err
}

const tokenSelect = `SELECT t.token_id, t.user_id, u.name AS user_name, t.name, t.permissions, t.sees_all, t.entities, t.sites, t.created_at, t.end_at, t.used_at
	FROM auth_token t JOIN auth_user u ON u.user_id = t.user_id`

func checkToken(p Principal, in NewAccessToken, now time.Time) (NewAccessToken, error) {
	in.Name = ot.Printable(strings.TrimSpace(in.Name))
	if in.Name == "" || len([]rune(in.Name)) > 120 {
		return in, ot.Errorf(ot.Invalid, "an access token needs a name of at most 120 characters: say which program uses it")
	}
	if !in.EndAt.After(now) || in.EndAt.Sub(now) > tokenLife {
		return in, ot.Errorf(ot.Invalid, "an access token ends within a year from now")
	}
	in.Permissions = slices.Compact(slices.Sorted(slices.Values(in.Permissions)))
	if len(in.Permissions) == 0 {
		return in, ot.Errorf(ot.Invalid, "an access token needs at least one permission")
	}
	for _, x := range in.Permissions {
		switch {
		case !forProgram(x):
			return in, ot.Errorf(ot.Forbidden, "%s is for people: no access token has it", ot.Printable(string(x)))
		case !p.Permissions.Has(x):
			return in, ot.Errorf(ot.Forbidden, "your role (%s) does not allow %s: an access token may not do more than you", p.Role, ot.Printable(string(x)))
		}
	}
	if in.Entities == nil || in.SeesAll {
		in.Entities = []string{}
	}
	if in.Sites == nil || in.SeesAll {
		in.Sites = []string{}
	}
	switch n := len(in.Entities) + len(in.Sites); {
	case n == 0 && !in.SeesAll:
		return in, ot.Errorf(ot.Invalid, "say which sites the access token sees")
	case n > 500:
		return in, ot.Errorf(ot.TooMany, "a scope names at most 500 companies and sites")
	}
	return in, nil
}

// withinScope refuses a company or site that the person does not see, with the same
// words as one that does not exist.
func withinScope(ctx context.Context, r store.Reader, own Scope, entities, sites []string) error {
	for _, id := range entities {
		n, err := store.One[int64](ctx, r, "SELECT count(*) FROM org_entity WHERE entity_id = ?", id)
		if err != nil {
			return err
		}
		if n == 0 || !own.Entity(id) {
			return ot.Errorf(ot.Invalid, "the scope names a company that you do not see")
		}
	}
	for _, id := range sites {
		n, err := store.One[int64](ctx, r, "SELECT count(*) FROM org_site WHERE site_id = ? AND ?", id, own.Reach("site_no"))
		if err != nil {
			return err
		}
		if n == 0 {
			return ot.Errorf(ot.Invalid, "the scope names a site that you do not see")
		}
	}
	return nil
}

// Tokens lists the access tokens that still work: a person's own, or with all everybody's.
func (s *Service) Tokens(ctx context.Context, p Principal, all bool) (out []AccessToken, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.All[AccessToken](ctx, r, tokenSelect+` WHERE t.revoked_at IS NULL AND t.end_at > ? AND (CAST(? AS BIGINT) = 1 OR t.user_id = ?)
			ORDER BY t.created_at DESC, t.token_id LIMIT 1000`, store.At(s.clock.now()), flag(all), p.UserID)
		return err
	})
	return out, err
}

// RevokeToken ends an access token: one's own, or with all anybody's.
func (s *Service) RevokeToken(ctx context.Context, p Principal, id string, all bool) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		now := s.clock.now()
		n, err := tx.Exec(ctx, "UPDATE auth_token SET revoked_at = ? WHERE token_id = ? AND revoked_at IS NULL AND (CAST(? AS BIGINT) = 1 OR user_id = ?)",
			store.At(now), id, flag(all), p.UserID)
		if err == nil && n == 0 {
			return ot.Errorf(ot.NotFound, "there is no such access token")
		}
		if err != nil {
			return err
		}
		return s.clock.save(ctx, tx, now)
	})
}

type liveToken struct {
	AccessToken
	Email string                   `db:"email"`
	Role  string                   `db:"role"`
	Sees  bool                     `db:"owner_sees"`
	May   store.JSON[[]Permission] `db:"owner_may"`
	Must  bool                     `db:"must"`
}

// tokenMust is true of an owner u whose role asks for a second step that the person
// has neither here nor at a provider that vouched for one.
const tokenMust = `CASE WHEN EXISTS (SELECT 1 FROM auth_second f WHERE f.role = u.role)
	AND NOT EXISTS (SELECT 1 FROM auth_totp z WHERE z.user_id = u.user_id AND z.confirmed_at IS NOT NULL)
	AND NOT EXISTS (SELECT 1 FROM auth_passkey k WHERE k.user_id = u.user_id)
	AND NOT EXISTS (SELECT 1 FROM auth_identity i WHERE i.user_id = u.user_id AND i.strong_at IS NOT NULL) THEN 1 ELSE 0 END = 1 AS must`

// authenticateToken says what a program may do now: what the token carries, and of
// that only what its owner still may and still sees.
func (s *Service) authenticateToken(ctx context.Context, token string, now time.Time) (Principal, error) {
	var t liveToken
	var p Principal
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		t, err = store.One[liveToken](ctx, r, `SELECT t.token_id, t.user_id, u.name AS user_name, t.name, t.permissions, t.sees_all, t.entities, t.sites, t.used_at,
				u.email, u.role, u.sees_all AS owner_sees, g.permissions AS owner_may,
				`+tokenMust+`
			FROM auth_token t JOIN auth_user u ON u.user_id = t.user_id JOIN auth_role g ON g.role = u.role
			WHERE t.token_hash = ? AND t.revoked_at IS NULL AND t.end_at > ? AND NOT u.disabled AND (u.end_at IS NULL OR u.end_at > ?)`,
			hashToken(token), store.At(now), store.At(now))
		if err != nil {
			return err
		}
		owner := Grant(t.May.V...)
		p = Principal{UserID: t.UserID, Name: t.UserName, Email: t.Email, Role: t.Role, TokenID: t.ID, TokenName: t.Name, Permissions: Permissions{}}
		for _, x := range t.Permissions.V {
			if owner.Has(x) && forProgram(x) && !t.Must {
				p.Permissions[x] = struct{}{}
			}
		}
		if p.Scope, err = scopeOf(ctx, r, t.UserID, t.Sees); err != nil || t.SeesAll {
			return err
		}
		p.Scope, err = narrow(ctx, r, p.Scope, t.Entities.V, t.Sites.V)
		return err
	})
	if ot.CodeOf(err) == ot.NotFound {
		return Principal{}, nil
	}
	if err != nil {
		return Principal{}, err
	}
	if now.Sub(t.UsedAt.Time) >= tokenUse {
		// As with a session: a full disk must not stop a program that only reads.
		_ = s.db.Update(store.WithoutHooks(ctx), func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, "UPDATE auth_token SET used_at = ? WHERE token_id = ?", store.At(now.Truncate(tokenUse)), t.ID); err != nil {
				return err
			}
			return s.clock.save(ctx, tx, now)
		})
	}
	return p, nil
}

// narrow is what is both in own and named by entities and sites.
func narrow(ctx context.Context, r store.Reader, own Scope, entities, sites []string) (Scope, error) {
	var out Scope
	for _, id := range entities {
		if own.Entity(id) {
			out.Entities = append(out.Entities, id)
		}
	}
	named := []string{""} // no id is empty; IN () is no SQL
	named = append(named, sites...)
	companies := append([]string{""}, entities...)
	// Sites that the token names and the owner sees, and sites that the owner has
	// one by one of a company that the token names.
	var err error
	out.Sites, err = store.All[int64](ctx, r, "SELECT site_no FROM org_site WHERE (site_id IN (?) OR entity_id IN (?)) AND ? ORDER BY site_no",
		named, companies, own.Where("site_no", ""))
	if err != nil || len(own.Zones) == 0 {
		return out, err
	}
	out.Zones, err = store.All[int64](ctx, r, `SELECT z.zone_no FROM org_zone z JOIN org_site s ON s.site_no = z.site_no
		WHERE (s.site_id IN (?) OR s.entity_id IN (?)) AND z.zone_no IN (?) ORDER BY z.zone_no`, named, companies, own.Zones)
	return out, err
}
