package admin

import (
	"context"
	"strings"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
)

// RoleBody is a role as it is given.
type RoleBody struct {
	Title       string            `json:"title" maxLength:"60"`
	Permissions []auth.Permission `json:"permissions" maxItems:"100"`
}

func (s *Service) roleRoutes(r *rest.Router) {
	const tag = "Users"
	said := func(ctx context.Context, id string, b RoleBody) {
		rest.Target(ctx, "", ot.Ref{Kind: "role", ID: id})
		rest.Detail(ctx, "title", b.Title)
		var ps []string
		for _, p := range b.Permissions {
			ps = append(ps, string(p))
		}
		rest.Detail(ctx, "permissions", strings.Join(ps, " "))
	}
	rest.Register(r, rest.Op{ID: "create-role", Method: "POST", Path: "/roles", Permission: auth.UserWrite, Tag: tag, Audit: "role.create", Status: 201, Summary: "Make a role of permissions, none above one's own"},
		func(ctx context.Context, in *struct {
			Body struct {
				ID string `json:"id" maxLength:"40" doc:"Small letters, digits and dashes"`
				RoleBody
			}
		},
		) (*one[auth.Role], error) {
			return s.saveRole(ctx, in.Body.ID, in.Body.RoleBody, true, said)
		})
	rest.Register(r, rest.Op{ID: "update-role", Method: "PUT", Path: "/roles/{id}", Permission: auth.UserWrite, Tag: tag, Audit: "role.update", Summary: "Change what a role allows, none above one's own"},
		func(ctx context.Context, in *struct {
			ID   string `path:"id" maxLength:"64"`
			Body RoleBody
		},
		) (*one[auth.Role], error) {
			return s.saveRole(ctx, in.ID, in.Body, false, said)
		})
	rest.Register(r, rest.Op{ID: "delete-role", Method: "DELETE", Path: "/roles/{id}", Permission: auth.UserWrite, Tag: tag, Audit: "role.delete", Summary: "Remove a role that nobody has"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			if err := overall(auth.From(ctx), auth.UserWrite); err != nil {
				return nil, err
			}
			rest.Target(ctx, "", ot.Ref{Kind: "role", ID: in.ID})
			return nil, s.cfg.Auth.DeleteRole(ctx, in.ID)
		})
	rest.Register(r, rest.Op{ID: "list-permissions", Method: "GET", Path: "/permissions", Permission: auth.UserRead, Tag: tag, Summary: "What a role can allow"},
		func(ctx context.Context, _ *struct{}) (*list[auth.Permission], error) {
			var out []auth.Permission
			for _, p := range auth.All() {
				if p != auth.Self {
					out = append(out, p)
				}
			}
			return listOf(out), nil
		})
}

func (s *Service) saveRole(ctx context.Context, id string, b RoleBody, fresh bool, said func(context.Context, string, RoleBody)) (*one[auth.Role], error) {
	p := auth.From(ctx)
	if err := overall(p, auth.UserWrite); err != nil {
		return nil, err
	}
	said(ctx, id, b)
	if err := s.cfg.Auth.MakeRole(ctx, p, auth.Role{ID: id, Title: b.Title, Permissions: b.Permissions}, fresh); err != nil {
		return nil, err
	}
	rs, err := s.cfg.Auth.Roles(ctx)
	if err != nil {
		return nil, err
	}
	for _, x := range rs {
		if x.ID == id {
			return &one[auth.Role]{x}, nil
		}
	}
	return nil, ot.Errorf(ot.NotFound, "there is no such role")
}
