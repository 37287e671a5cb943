package admin

import (
	"context"
	"fmt"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// ProviderBody is a provider as it is given; the secret is never told back.
type ProviderBody struct {
	Kind    string             `json:"kind" enum:"oidc,ldap"`
	Name    string             `json:"name" maxLength:"60"`
	Enabled bool               `json:"enabled"`
	OIDC    *auth.OIDCSettings `json:"oidc,omitempty"`
	LDAP    *auth.LDAPSettings `json:"ldap,omitempty"`
	Unknown string             `json:"unknown" enum:"refuse,create"`
	Rules   []auth.Rule        `json:"rules" maxItems:"100"`
	Secret  *string            `json:"secret,omitempty" maxLength:"2000" doc:"Client secret or bind password, kept sealed; absent: as it was, empty: none"`
}

type providerIn struct{ Body ProviderBody }

type providerPut struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		ProviderBody
		Version int64 `json:"version" doc:"As it was read; another one is refused"`
	}
}

// providerRoutes decide who gets in, so they are for who manages users: a person, as
// no access token carries user:write.
func (s *Service) providerRoutes(r *rest.Router) {
	const tag = "Users"
	rest.Register(r, rest.Op{ID: "list-providers", Method: "GET", Path: "/providers", Permission: auth.UserRead, Tag: tag, Summary: "OpenID Connect providers and LDAP directories"},
		func(ctx context.Context, _ *struct{}) (*list[auth.Provider], error) {
			if err := overall(auth.From(ctx), auth.UserRead); err != nil {
				return nil, err
			}
			items, err := s.cfg.Auth.Providers(ctx)
			return listOf(items), err
		})
	rest.Register(r, rest.Op{ID: "create-provider", Method: "POST", Path: "/providers", Permission: auth.UserWrite, Tag: tag, Audit: "provider.create", Status: 201, Summary: "Add a provider or directory"},
		func(ctx context.Context, in *providerIn) (*one[auth.Provider], error) {
			return s.saveProvider(ctx, store.NewID(), 0, in.Body)
		})
	rest.Register(r, rest.Op{ID: "update-provider", Method: "PUT", Path: "/providers/{id}", Permission: auth.UserWrite, Tag: tag, Audit: "provider.update", Summary: "Change a provider or directory, or turn it off: its sessions end"},
		func(ctx context.Context, in *providerPut) (*one[auth.Provider], error) {
			old, err := s.cfg.Auth.Provider(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			if err := s.mayGiveAll(ctx, old.Rules); err != nil {
				return nil, err
			}
			return s.saveProvider(ctx, in.ID, in.Body.Version, in.Body.ProviderBody)
		})
	rest.Register(r, rest.Op{ID: "delete-provider", Method: "DELETE", Path: "/providers/{id}", Permission: auth.UserWrite, Tag: tag, Audit: "provider.delete", Summary: "Remove a provider that no account comes from"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			old, err := s.cfg.Auth.Provider(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			if err := s.mayGiveAll(ctx, old.Rules); err != nil {
				return nil, err
			}
			rest.Target(ctx, "", ot.Ref{Kind: "provider", ID: in.ID})
			rest.Detail(ctx, "name", old.Name)
			return nil, s.cfg.Auth.DeleteProvider(ctx, in.ID)
		})
	rest.Register(r, rest.Op{ID: "try-provider", Method: "POST", Path: "/providers/{id}/try", Permission: auth.UserWrite, Tag: tag, Audit: "provider.try", Status: 204, Summary: "Ask a provider or directory whether it answers and takes our account"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			if err := overall(auth.From(ctx), auth.UserWrite); err != nil {
				return nil, err
			}
			rest.Target(ctx, "", ot.Ref{Kind: "provider", ID: in.ID})
			return nil, s.cfg.Auth.TryProvider(ctx, in.ID)
		})
}

func (s *Service) mayGiveAll(ctx context.Context, rules []auth.Rule) error {
	if err := overall(auth.From(ctx), auth.UserWrite); err != nil {
		return err
	}
	for _, x := range rules {
		if err := s.mayGive(ctx, x.Role); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) saveProvider(ctx context.Context, id string, version int64, b ProviderBody) (*one[auth.Provider], error) {
	if err := s.mayGiveAll(ctx, b.Rules); err != nil {
		return nil, err
	}
	if b.Rules == nil {
		b.Rules = []auth.Rule{}
	}
	rest.Target(ctx, "", ot.Ref{Kind: "provider", ID: id})
	rest.Detail(ctx, "name", b.Name)
	rest.Detail(ctx, "enabled", fmt.Sprint(b.Enabled))
	rest.Detail(ctx, "unknown", b.Unknown)
	for i, x := range b.Rules {
		rest.Detail(ctx, fmt.Sprintf("rule_%d", i+1), x.Group+" → "+x.Role)
	}
	p, err := s.cfg.Auth.SaveProvider(ctx, auth.Provider{
		ID: id, Kind: b.Kind, Name: b.Name, Enabled: b.Enabled, OIDC: b.OIDC, LDAP: b.LDAP, Unknown: b.Unknown, Rules: b.Rules, Version: version,
	}, b.Secret)
	return &one[auth.Provider]{p}, err
}
