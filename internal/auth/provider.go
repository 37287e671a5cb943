package auth

import (
	"context"
	"net"
	"strings"

	"github.com/skanse/skanse/internal/auth/directory"
	"github.com/skanse/skanse/internal/auth/sso"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Kinds of a Provider.
const (
	OIDC = "oidc"
	LDAP = "ldap"
)

// Provider is a place besides this installation where people are known.
type Provider struct {
	ID        string        `json:"id"`
	Kind      string        `json:"kind" enum:"oidc,ldap"`
	Name      string        `json:"name" maxLength:"60" doc:"What people read on the sign-in page"`
	Enabled   bool          `json:"enabled"`
	OIDC      *OIDCSettings `json:"oidc,omitempty"`
	LDAP      *LDAPSettings `json:"ldap,omitempty"`
	Unknown   string        `json:"unknown" enum:"refuse,create" doc:"What happens to a person whom this Skanse does not know: refused, or an account by the first rule that fits"`
	Rules     []Rule        `json:"rules" nullable:"false" maxItems:"100" doc:"The first that fits gives role and scope to people whose account comes from here"`
	HasSecret bool          `json:"has_secret"`
	Version   int64         `json:"version"`
	ChangedAt store.Time    `json:"changed_at"`
}

// Rule gives a role and a scope to the people of a group.
type Rule struct {
	Group    string   `json:"group" maxLength:"500" doc:"Name, or a distinguished name; * fits everybody"`
	Role     string   `json:"role" maxLength:"40"`
	SeesAll  bool     `json:"sees_all,omitempty"`
	Entities []string `json:"entities,omitempty" maxItems:"100"`
	Sites    []string `json:"sites,omitempty" maxItems:"100"`
	Zones    []string `json:"zones,omitempty" maxItems:"100"`
}

// OIDCSettings are an OpenID Connect provider's.
type OIDCSettings struct {
	Issuer      string   `json:"issuer" maxLength:"500"`
	ClientID    string   `json:"client_id" maxLength:"200"`
	Scopes      []string `json:"scopes,omitempty" maxItems:"20" doc:"Besides openid, profile and email"`
	CA          string   `json:"ca,omitempty" maxLength:"100000" doc:"PEM; empty: what the machine trusts"`
	GroupsClaim string   `json:"groups_claim,omitempty" maxLength:"200" doc:"Empty: groups. A path as realm_access.roles too"`
	TrustEmail  bool     `json:"trust_email,omitempty" doc:"The provider says no email_verified, but nobody there chooses an address of their own"`
	StrongACR   []string `json:"strong_acr,omitempty" maxItems:"20" doc:"Values of acr that mean two factors; asked for at sign-in too"`
	StrongAMR   []string `json:"strong_amr,omitempty" maxItems:"20" doc:"Values of amr that mean two factors; empty: mfa"`
}

// LDAPSettings are a directory's.
type LDAPSettings struct {
	URL      string `json:"url" maxLength:"300" doc:"ldaps://host, or ldap://host with start_tls"`
	StartTLS bool   `json:"start_tls,omitempty"`
	CA       string `json:"ca,omitempty" maxLength:"100000" doc:"PEM; empty: what the machine trusts"`
	Mode     string `json:"mode" enum:"search,upn" doc:"search: bind with an account, search, bind as the person; upn: bind as name@domain (Active Directory)"`
	BindDN   string `json:"bind_dn,omitempty" maxLength:"500"`
	Domain   string `json:"domain,omitempty" maxLength:"200"`
	BaseDN   string `json:"base_dn" maxLength:"500"`
	Filter   string `json:"filter,omitempty" maxLength:"1000" doc:"{login} is what was typed, escaped"`
	GroupDN  string `json:"group_dn,omitempty" maxLength:"500"`
	Nested   bool   `json:"nested,omitempty" doc:"Groups of groups count too"`
}

type providerConfig struct {
	OIDC    *OIDCSettings `json:"oidc,omitempty"`
	LDAP    *LDAPSettings `json:"ldap,omitempty"`
	Unknown string        `json:"unknown"`
	Rules   []Rule        `json:"rules"`
}

type providerRow struct {
	ID        string                     `db:"provider_id"`
	Kind      string                     `db:"kind"`
	Name      string                     `db:"name"`
	Enabled   bool                       `db:"enabled"`
	Config    store.JSON[providerConfig] `db:"config"`
	Secret    []byte                     `db:"secret"`
	Version   int64                      `db:"version"`
	MadeAt    store.Time                 `db:"made_at"`
	ChangedAt store.Time                 `db:"changed_at"`
}

const providerColumns = "provider_id, kind, name, enabled, config, secret, version, made_at, changed_at"

func (r providerRow) public() Provider {
	c := r.Config.V
	if c.Rules == nil {
		c.Rules = []Rule{}
	}
	return Provider{r.ID, r.Kind, r.Name, r.Enabled, c.OIDC, c.LDAP, c.Unknown, c.Rules, len(r.Secret) > 0, r.Version, r.ChangedAt}
}

// maxProviders is more than any company has; every one is asked at a wrong password.
const maxProviders = 10

// Providers lists them by name.
func (s *Service) Providers(ctx context.Context) ([]Provider, error) {
	rows, err := s.providers(ctx, "1 = 1")
	out := make([]Provider, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.public())
	}
	return out, err
}

func (s *Service) providers(ctx context.Context, where string, args ...any) (rows []providerRow, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err = store.All[providerRow](ctx, r, "SELECT "+providerColumns+" FROM auth_provider WHERE "+where+" ORDER BY name", args...)
		return err
	})
	return rows, err
}

func (s *Service) provider(ctx context.Context, id string) (providerRow, error) {
	rows, err := s.providers(ctx, "provider_id = ?", id)
	if err == nil && len(rows) == 0 {
		err = ot.Errorf(ot.NotFound, "there is no such provider")
	}
	if err != nil {
		return providerRow{}, err
	}
	return rows[0], nil
}

// Provider returns one.
func (s *Service) Provider(ctx context.Context, id string) (Provider, error) {
	r, err := s.provider(ctx, id)
	return r.public(), err
}

// SaveProvider adds one (Version 0), or changes it if Version is still the present one.
// secret nil keeps what is there; empty takes it away.
func (s *Service) SaveProvider(ctx context.Context, in Provider, secret *string) (Provider, error) {
	in.Name = ot.Printable(strings.TrimSpace(in.Name))
	if n := len([]rune(in.Name)); n == 0 || n > 60 {
		return in, ot.Errorf(ot.Invalid, "a provider needs a name of at most 60 characters: people read it on the sign-in page")
	}
	now := store.At(s.clock.now())
	row := providerRow{ID: in.ID, Kind: in.Kind, Name: in.Name, Enabled: in.Enabled, Version: in.Version + 1, MadeAt: now, ChangedAt: now}
	row.Config = store.AsJSON(providerConfig{in.OIDC, in.LDAP, in.Unknown, in.Rules})
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		old, err := store.One[providerRow](ctx, tx, "SELECT "+providerColumns+" FROM auth_provider WHERE provider_id = ?", in.ID)
		switch missing := ot.CodeOf(err) == ot.NotFound; {
		case err != nil && !missing:
			return err
		case missing && in.Version != 0:
			return ot.Errorf(ot.NotFound, "there is no such provider")
		case !missing && old.Version != in.Version:
			return ot.Errorf(ot.Conflict, "somebody else changed this provider meanwhile: load it again")
		case !missing && old.Kind != in.Kind:
			return ot.Errorf(ot.Invalid, "a provider stays what it is: add another one")
		case !missing:
			row.MadeAt, row.Secret = old.MadeAt, old.Secret
			// Who could point a known secret at a host of their own would be sent it.
			if secret == nil && len(old.Secret) > 0 && target(old.Config.V) != target(row.Config.V) {
				return ot.Errorf(ot.Invalid, "the address changed: give the secret again, it is not sent to another place by itself")
			}
		}
		if secret != nil {
			row.Secret = nil
			if *secret != "" {
				if row.Secret, err = s.seal(*secret, "provider "+in.ID); err != nil {
					return err
				}
			}
		}
		if err := s.checkProvider(ctx, tx, row); err != nil {
			return err
		}
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_provider WHERE provider_id <> ?", in.ID)
		if err == nil && n >= maxProviders {
			err = ot.Errorf(ot.TooMany, "there are %d providers already", n)
		}
		if err != nil {
			return err
		}
		err = store.Upsert(ctx, tx, "auth_provider", []providerRow{row}, []string{"provider_id"}, []string{"name", "enabled", "config", "secret", "version", "changed_at"})
		if ot.CodeOf(err) == ot.Conflict {
			err = ot.Errorf(ot.Conflict, "there is a provider %s already", in.Name)
		}
		if err != nil || in.Enabled {
			return err
		}
		// Off means out: nobody stays in by what it said.
		_, err = tx.Exec(ctx, "UPDATE auth_session SET ended_at = ? WHERE provider_id = ? AND ended_at IS NULL", now, in.ID)
		return err
	})
	return row.public(), err
}

// target is where a secret is sent.
func target(c providerConfig) string {
	switch {
	case c.OIDC != nil:
		return c.OIDC.Issuer
	case c.LDAP != nil:
		return c.LDAP.URL
	}
	return ""
}

func (s *Service) checkProvider(ctx context.Context, tx *store.Tx, r providerRow) error {
	c := r.Config.V
	switch {
	case r.Kind == OIDC && c.OIDC != nil && c.LDAP == nil:
		if err := s.ssoConfig(r, "").Check(); err != nil {
			return err
		}
	case r.Kind == LDAP && c.LDAP != nil && c.OIDC == nil:
		secret := ""
		if len(r.Secret) > 0 {
			secret = "sealed" // that there is one is all that matters here
		}
		if err := s.directoryConfig(r, secret).Check(); err != nil {
			return err
		}
	default:
		return ot.Errorf(ot.Invalid, "give the settings of the provider's own kind (%s)", r.Kind)
	}
	if c.Unknown != "refuse" && c.Unknown != "create" {
		return ot.Errorf(ot.Invalid, "an unknown person is refused or gets an account (create)")
	}
	if c.Unknown == "create" && len(c.Rules) == 0 {
		return ot.Errorf(ot.Invalid, "accounts are made by rules: add one, * fits everybody")
	}
	for i, rule := range c.Rules {
		if strings.TrimSpace(rule.Group) == "" {
			return ot.Errorf(ot.Invalid, "rule %d names no group", i+1)
		}
		if endsAlways(rule.Role) {
			return ot.Errorf(ot.Invalid, "rule %d: an account of the role %s needs an end date, so a person makes it", i+1, rule.Role)
		}
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_role WHERE role = ?", rule.Role)
		if err != nil {
			return err
		}
		if n == 0 {
			return ot.Errorf(ot.Invalid, "rule %d: there is no role %q", i+1, ot.Printable(rule.Role))
		}
		if _, err := scopeRows(ctx, tx, rule.user("")); err != nil {
			return err
		}
	}
	return nil
}

func (r Rule) user(id string) User {
	return User{ID: id, Role: r.Role, SeesAll: r.SeesAll, Entities: r.Entities, Sites: r.Sites, Zones: r.Zones}
}

// DeleteProvider removes one that gave no account; else it can be turned off.
func (s *Service) DeleteProvider(ctx context.Context, id string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		n, err := store.One[int64](ctx, tx, "SELECT count(*) FROM auth_user WHERE managed_by = ?", id)
		if err != nil {
			return err
		}
		if n > 0 {
			return ot.Errorf(ot.Conflict, "%d accounts come from this provider: turn it off instead, or hand these accounts to an administrator first", n)
		}
		now := store.At(s.clock.now())
		if _, err := tx.Exec(ctx, "UPDATE auth_session SET ended_at = ? WHERE provider_id = ? AND ended_at IS NULL", now, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM auth_identity WHERE provider_id = ?", id); err != nil {
			return err
		}
		n, err = tx.Exec(ctx, "DELETE FROM auth_provider WHERE provider_id = ?", id)
		if err == nil && n == 0 {
			err = ot.Errorf(ot.NotFound, "there is no such provider")
		}
		return err
	})
}

// TryProvider asks it whether it is there and takes our account; for the settings page.
func (s *Service) TryProvider(ctx context.Context, id string) error {
	r, err := s.provider(ctx, id)
	if err != nil {
		return err
	}
	secret, err := s.secretOf(r)
	if err != nil {
		return err
	}
	if r.Kind == OIDC {
		err = s.ssoConfig(r, secret).Try(ctx)
	} else {
		err = s.directoryConfig(r, secret).Try(ctx)
	}
	if err != nil {
		return ot.Errorf(ot.Invalid, "%s", ot.Printable(err.Error()))
	}
	return nil
}

func (s *Service) secretOf(r providerRow) (string, error) {
	if len(r.Secret) == 0 {
		return "", nil
	}
	return s.unseal(r.Secret, "provider "+r.ID, ot.Errorf(ot.Conflict, "the secret of %s cannot be read, its key is another one: give it again in the settings", r.Name))
}

func (s *Service) ssoConfig(r providerRow, secret string) sso.Config {
	c := r.Config.V.OIDC
	return sso.Config{
		Issuer: c.Issuer, ClientID: c.ClientID, Secret: secret, Scopes: c.Scopes, CA: c.CA,
		GroupsClaim: c.GroupsClaim, TrustEmail: c.TrustEmail, StrongACR: c.StrongACR, StrongAMR: c.StrongAMR, Dial: s.dial,
	}
}

func (s *Service) directoryConfig(r providerRow, secret string) directory.Config {
	c := r.Config.V.LDAP
	return directory.Config{
		URL: c.URL, StartTLS: c.StartTLS, CA: c.CA, Mode: c.Mode, BindDN: c.BindDN, Password: secret, Domain: c.Domain,
		BaseDN: c.BaseDN, Filter: c.Filter, GroupDN: c.GroupDN, Nested: c.Nested, Dial: s.dial,
	}
}

// dial goes where the installation lets outgoing connections go.
func (s *Service) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.cfg.Dial != nil {
		return s.cfg.Dial(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}
