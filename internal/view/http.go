package view

import (
	"context"
	"net/http"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
)

type plantOut struct{ Body Plant }

type searchOut struct {
	Body struct {
		Items []Found `json:"items" nullable:"false"`
	}
}

// Routes mounts the map and the search.
func (s *Service) Routes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "get-plant", Method: http.MethodGet, Path: "/plant", Summary: "The zones of a site and what runs between them", Tag: "Plant", Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			Site string `query:"site" required:"true" doc:"Id of the site"`
			AsOf string `query:"as_of" doc:"A day, as 2026-11-20: as it was at its end (UTC); empty: now"`
		},
		) (*plantOut, error) {
			now := time.Now()
			at, err := rest.AsOf(in.AsOf, now)
			if err != nil {
				return nil, err
			}
			p, err := s.Plant(ctx, auth.From(ctx).Scope, in.Site, now, at)
			return &plantOut{Body: p}, err
		})
	rest.Register(r, rest.Op{ID: "search", Method: http.MethodGet, Path: "/search", Summary: "Assets, zones and sites by part of a name, code or address", Tag: "Search", Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			Q string `query:"q" maxLength:"200"`
		},
		) (*searchOut, error) {
			found, err := s.Search(ctx, auth.From(ctx).Scope, in.Q)
			out := &searchOut{}
			out.Body.Items = found
			return out, err
		})
	rest.Register(r, rest.Op{ID: "get-first-hour", Method: http.MethodGet, Path: "/first-hour", Summary: "How far a new installation has come", Tag: "Plant", Permission: auth.OrgWrite},
		func(ctx context.Context, _ *struct{}) (*struct{ Body FirstHour }, error) {
			f, err := s.FirstHour(ctx, auth.From(ctx).Scope)
			return &struct{ Body FirstHour }{f}, err
		})
	rest.Register(r, rest.Op{ID: "list-networks", Method: http.MethodGet, Path: "/sites/{id}/networks", Summary: "Blocks of addresses in which devices were heard, those without a zone first", Tag: "Plant", Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{ Body rest.Page[Network] }, error) {
			nets, err := s.Networks(ctx, auth.From(ctx).Scope, in.ID)
			return &struct{ Body rest.Page[Network] }{rest.Page[Network]{Items: nets}}, err
		})
	rest.Register(r, rest.Op{ID: "list-boundaries", Method: http.MethodGet, Path: "/sites/{id}/boundaries", Summary: "Where a site's zones meet those of others or the outside, written down or not", Tag: "Plant", Permission: auth.RecordRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{ Body rest.Page[Boundary] }, error) {
			all, err := s.Boundaries(ctx, auth.From(ctx).Scope, in.ID, time.Now())
			return &struct{ Body rest.Page[Boundary] }{rest.Page[Boundary]{Items: all}}, err
		})
	NewConversations(s.db).Routes(r)
	s.traceRoutes(r)
	s.cutRoutes(r)
}
