package admin

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// overall says whether a person may manage users: that takes the permission and a
// scope over everything, or a site's administrator could make one for all sites.
func overall(p auth.Principal, need auth.Permission) error {
	if !p.Permissions.Has(need) || !p.Scope.All {
		return ot.Errorf(ot.Forbidden, "users are managed by who sees the whole installation: ask an administrator")
	}
	return nil
}

type userIn struct {
	Body struct {
		Name     string   `json:"name" maxLength:"120"`
		Email    string   `json:"email" maxLength:"254"`
		Role     string   `json:"role" maxLength:"40"`
		SeesAll  bool     `json:"sees_all,omitempty"`
		Entities []string `json:"entities,omitempty" maxItems:"500"`
		Sites    []string `json:"sites,omitempty" maxItems:"500"`
		Zones    []string `json:"zones,omitempty" maxItems:"500"`

		EndAt *time.Time `json:"end_at,omitempty" doc:"Nobody signs in with the account after this"`
	}
}

type userPatch struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Name     *string   `json:"name,omitempty" maxLength:"120"`
		Email    *string   `json:"email,omitempty" maxLength:"254"`
		Role     *string   `json:"role,omitempty" maxLength:"40"`
		SeesAll  *bool     `json:"sees_all,omitempty"`
		Disabled *bool     `json:"disabled,omitempty"`
		Entities *[]string `json:"entities,omitempty" maxItems:"500"`
		Sites    *[]string `json:"sites,omitempty" maxItems:"500"`
		Zones    *[]string `json:"zones,omitempty" maxItems:"500"`

		ManagedBy *string `json:"managed_by,omitempty" maxLength:"0" doc:"Empty: an administrator gives role and scope from now on, not a provider"`

		EndAt *string `json:"end_at,omitempty" maxLength:"40" doc:"RFC 3339; empty: the account does not end"`
	}
}

// endOf reads an end date; an empty one takes it away.
func endOf(s string) (store.Time, error) {
	if s == "" {
		return store.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return store.Time{}, ot.Errorf(ot.Invalid, "end_at: %q is not a time as 2026-12-31T23:59:59Z", ot.Printable(s))
	}
	return store.At(t), nil
}

// Link is a one-time sign-in link's token.
type Link struct {
	Token string     `json:"token" doc:"Shown once: only its hash is kept"`
	EndAt store.Time `json:"end_at"`
}

func (s *Service) userRoutes(r *rest.Router) {
	const tag = "Users"
	rest.Register(r, rest.Op{ID: "list-users", Method: "GET", Path: "/users", Permission: auth.UserRead, Tag: tag, Summary: "All users"},
		func(ctx context.Context, _ *struct{}) (*list[auth.User], error) {
			if err := overall(auth.From(ctx), auth.UserRead); err != nil {
				return nil, err
			}
			us, err := s.cfg.Auth.Users(ctx)
			return listOf(us), err
		})
	rest.Register(r, rest.Op{ID: "create-user", Method: "POST", Path: "/users", Permission: auth.UserWrite, Tag: tag, Audit: "user.create", Status: 201, Summary: "Add a user, who signs in by a link first"},
		func(ctx context.Context, in *userIn) (*one[auth.User], error) {
			if err := s.mayGive(ctx, in.Body.Role); err != nil {
				return nil, err
			}
			rest.Detail(ctx, "name", in.Body.Name)
			rest.Detail(ctx, "email", in.Body.Email)
			rest.Detail(ctx, "role", in.Body.Role)
			var end time.Time
			if in.Body.EndAt != nil {
				end = *in.Body.EndAt
				rest.Detail(ctx, "end_at", end.UTC().Format(time.RFC3339))
			}
			id := store.NewID() // here, so that the audit entry knows it
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: id})
			_, err := s.cfg.Auth.CreateUser(ctx, auth.User{
				ID: id, Name: in.Body.Name, Email: in.Body.Email, Role: in.Body.Role,
				SeesAll: in.Body.SeesAll, Entities: in.Body.Entities, Sites: in.Body.Sites, Zones: in.Body.Zones, EndAt: store.At(end),
			})
			if err != nil {
				return nil, err
			}
			u, err := s.cfg.Auth.User(ctx, id)
			return &one[auth.User]{u}, err
		})
	rest.Register(r, rest.Op{ID: "update-user", Method: "PATCH", Path: "/users/{id}", Permission: auth.UserWrite, Tag: tag, Audit: "user.update", Summary: "Change or disable a user"},
		func(ctx context.Context, in *userPatch) (*one[auth.User], error) {
			old, err := s.cfg.Auth.User(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			role := old.Role
			set(&role, in.Body.Role)
			// Neither a role above one's own, nor the address of somebody who has one:
			// whoever owns the address gets the next link.
			for _, r := range []string{old.Role, role} {
				if err := s.mayGive(ctx, r); err != nil {
					return nil, err
				}
			}
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: in.ID})
			if role != old.Role {
				rest.Detail(ctx, "role", role)
			}
			var end store.Time
			if t := in.Body.EndAt; t != nil {
				if end, err = endOf(*t); err != nil {
					return nil, err
				}
				rest.Detail(ctx, "end_at", *t)
			}
			u, err := s.cfg.Auth.UpdateUser(ctx, in.ID, func(u auth.User) (auth.User, error) {
				b := in.Body
				set(&u.Name, b.Name)
				set(&u.Email, b.Email)
				set(&u.Role, b.Role)
				set(&u.SeesAll, b.SeesAll)
				set(&u.Disabled, b.Disabled)
				set(&u.Entities, b.Entities)
				set(&u.Sites, b.Sites)
				set(&u.Zones, b.Zones)
				set(&u.ManagedBy, b.ManagedBy)
				if b.EndAt != nil {
					u.EndAt = end
				}
				return u, nil
			})
			return &one[auth.User]{u}, err
		})
	rest.Register(r, rest.Op{ID: "create-link", Method: "POST", Path: "/users/{id}/link", Permission: auth.UserWrite, Tag: tag, Audit: "user.link", Status: 201, Summary: "Make a one-time sign-in link; earlier ones end"},
		func(ctx context.Context, in *byID) (*one[Link], error) {
			p := auth.From(ctx)
			u, err := s.cfg.Auth.User(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			// A link signs in as that user: it may not lead to more than its maker has.
			if err := s.mayGive(ctx, u.Role); err != nil {
				return nil, err
			}
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: in.ID})
			token, end, err := s.cfg.Auth.CreateLink(ctx, p, in.ID)
			return &one[Link]{Link{token, store.At(end)}}, err
		})
	rest.Register(r, rest.Op{ID: "list-roles", Method: "GET", Path: "/roles", Permission: auth.UserRead, Tag: tag, Summary: "The roles and what they allow"},
		func(ctx context.Context, _ *struct{}) (*list[auth.Role], error) {
			rs, err := s.cfg.Auth.Roles(ctx)
			return listOf(rs), err
		})
}

// mayGive refuses a role that allows more than the giver's own.
func (s *Service) mayGive(ctx context.Context, role string) error {
	p := auth.From(ctx)
	if err := overall(p, auth.UserWrite); err != nil {
		return err
	}
	rs, err := s.cfg.Auth.Roles(ctx)
	if err != nil {
		return err
	}
	for _, r := range rs {
		if r.ID != role {
			continue
		}
		for _, need := range r.Permissions {
			if !p.Permissions.Has(need) {
				return ot.Errorf(ot.Forbidden, "the role %s allows more than your own (%s): ask an administrator", role, need)
			}
		}
		return nil
	}
	return ot.Errorf(ot.Invalid, "there is no role %q", ot.Printable(role))
}
