package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/auth/directory"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// identity is what a provider says of somebody who just proved to it who they are.
type identity struct {
	subject  string
	login    string
	name     string
	email    string
	verified bool // the provider vouches for the address
	groups   []string
	strong   bool // two factors were shown there
}

// enterAs finds the one person here that an identity is, or makes the account where
// the provider may. A person is one user, however they come: by subject first, then
// by an address that the provider vouches for; a second identity of the same provider
// is refused, and so is an address that nobody vouches for.
func (s *Service) enterAs(ctx context.Context, tx *store.Tx, p providerRow, id identity) (userID string, err error) {
	if id.subject == "" || len(id.subject) > 500 {
		return "", ot.Errorf(ot.SignIn, "%s gives no subject for this person", p.Name)
	}
	now := store.At(s.clock.now())
	var strongAt store.Time
	if id.strong {
		strongAt = now
	}
	userID, err = store.One[string](ctx, tx, "SELECT user_id FROM auth_identity WHERE provider_id = ? AND subject = ?", p.ID, id.subject)
	switch {
	case err == nil:
		if _, err := tx.Exec(ctx, "UPDATE auth_identity SET login = ?, seen_at = ?, strong_at = COALESCE(?, strong_at) WHERE provider_id = ? AND subject = ?",
			strings.ToLower(short(id.login)), now, strongAt, p.ID, id.subject); err != nil {
			return "", err
		}
	case ot.CodeOf(err) == ot.NotFound:
		if userID, err = s.newIdentity(ctx, tx, p, id); err != nil {
			return "", err
		}
		if _, err := tx.Exec(ctx, "INSERT INTO auth_identity (provider_id, subject, user_id, login, linked_at, seen_at, strong_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
			p.ID, id.subject, userID, strings.ToLower(short(id.login)), now, now, strongAt); err != nil {
			return "", err
		}
	default:
		return "", err
	}
	return userID, s.follow(ctx, tx, p, id, userID)
}

// newIdentity says whose a subject is that was never seen.
func (s *Service) newIdentity(ctx context.Context, tx *store.Tx, p providerRow, id identity) (string, error) {
	known, err := store.One[string](ctx, tx, "SELECT user_id FROM auth_user WHERE email = ? AND kind = 'person'", id.email)
	if err != nil && ot.CodeOf(err) != ot.NotFound {
		return "", err
	}
	if err == nil {
		if !id.verified {
			return "", ot.Errorf(ot.SignIn, "%s does not vouch for the address %s, which belongs to an account here: sign in with that account, or ask an administrator", p.Name, ot.Printable(id.email))
		}
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_identity WHERE provider_id = ? AND user_id = ?", p.ID, known)
		if err != nil {
			return "", err
		}
		if n > 0 {
			return "", ot.Errorf(ot.SignIn, "the account %s here belongs to another person at %s: ask an administrator", ot.Printable(id.email), p.Name)
		}
		return known, nil
	}
	if p.Config.V.Unknown != "create" {
		return "", ot.Errorf(ot.SignIn, "%s knows you, this Skanse does not: ask an administrator for an account with your address", p.Name)
	}
	rule, ok := p.rule(id.groups)
	if !ok {
		return "", errNoRule(p)
	}
	if id.email == "" || !id.verified {
		return "", ot.Errorf(ot.SignIn, "%s gives no address of yours that it vouches for: an account here needs one", p.Name)
	}
	u := rule.user("")
	u.Name, u.Email, u.ManagedBy = id.name, id.email, p.ID
	if ot.Printable(u.Name) == "" {
		u.Name = id.email
	}
	made, err := s.AddUser(ctx, tx, u)
	return made.ID, err
}

func errNoRule(p providerRow) error {
	return ot.Errorf(ot.SignIn, "no group of yours at %s opens this Skanse: ask an administrator", p.Name)
}

// follow gives role and scope anew to a person whose account comes from the provider:
// whoever left the group loses what it gave, and whoever is in none stays out.
func (s *Service) follow(ctx context.Context, tx *store.Tx, p providerRow, id identity, userID string) error {
	u, err := user(ctx, tx, userID)
	if err != nil || u.ManagedBy != p.ID {
		return err
	}
	rule, ok := p.rule(id.groups)
	if !ok {
		return errNoRule(p)
	}
	want := rule.user(userID)
	if u.Role == want.Role && u.SeesAll == want.SeesAll && same(u.Entities, want.Entities) && same(u.Sites, want.Sites) && same(u.Zones, want.Zones) {
		return nil
	}
	if _, err := tx.Exec(ctx, "UPDATE auth_user SET role = ?, sees_all = ? WHERE user_id = ?", want.Role, want.SeesAll, userID); err != nil {
		return err
	}
	if err := writeScope(ctx, tx, want); err != nil {
		return err
	}
	return oneAdministrator(ctx, tx)
}

func same(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// rule is the first that fits one of the groups.
func (r providerRow) rule(groups []string) (Rule, bool) {
	for _, rule := range r.Config.V.Rules {
		want := strings.TrimSpace(rule.Group)
		if want == "*" || r.Kind == LDAP && directory.InGroup(groups, want) || r.Kind == OIDC && slices.Contains(groups, want) {
			return rule, true
		}
	}
	return Rule{}, false
}

// signInDirectory asks the directories, where a password is not one of ours. A
// directory that does not answer is said to be down, so that nobody at three in the
// morning looks for a typing mistake.
func (s *Service) signInDirectory(ctx context.Context, login, password, code string, from Client) (Signed, error) {
	if password == "" {
		return Signed{}, errSignIn()
	}
	rows, err := s.providers(ctx, "kind = 'ldap' AND enabled")
	if err != nil {
		return Signed{}, err
	}
	wrong := errSignIn()
	for _, p := range rows {
		secret, err := s.secretOf(p)
		if err != nil {
			return Signed{}, err
		}
		found, err := s.askDirectory(ctx, p, secret, login, password)
		if errors.Is(err, directory.ErrWrong) {
			continue
		}
		if err != nil {
			s.cfg.Log.WarnContext(ctx, "a directory does not answer", "name", p.Name, "error", err)
			wrong = ot.Errorf(ot.SignIn, "the e-mail address or the password is wrong here, and the directory %s does not answer: use a local account, a passkey or a printed code", p.Name)
			continue
		}
		var out Signed
		err = s.db.Update(ctx, func(tx *store.Tx) error {
			userID, err := s.enterAs(ctx, tx, p, identity{
				subject: found.Subject, login: login, name: found.Name, email: found.Email, verified: true, groups: found.Groups,
			})
			if err != nil {
				return err
			}
			factors, err := s.passSecond(ctx, tx, userID, code)
			if err != nil {
				return err
			}
			out, err = s.start(ctx, tx, userID, from, entry{how: ByLDAP, factors: factors, provider: p.ID})
			return err
		})
		return out, err
	}
	return Signed{}, wrong
}

// directoryAsks bounds questions under way: each holds a connection for seconds.
const directoryAsks = 8

func (s *Service) askDirectory(ctx context.Context, p providerRow, secret, login, password string) (directory.Person, error) {
	select {
	case s.asks <- struct{}{}:
		defer func() { <-s.asks }()
	case <-ctx.Done():
		return directory.Person{}, fmt.Errorf("wait for the directory: %w", context.Cause(ctx))
	}
	return s.directoryConfig(p, secret).SignIn(ctx, login, password)
}
