package comply

import (
	"context"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
)

// sightRoutes mounts "could we have seen it?".
func (s *Service) sightRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "get-asset-sight", Method: http.MethodGet, Path: "/assets/{id}/sight", Summary: "Whether a change of this asset would have been seen, and why not", Tag: "Assets", Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id" maxLength:"64"`
		},
		) (*body[AssetSight], error) {
			return answerWith(s.Sight(ctx, auth.From(ctx).Scope, in.ID))
		})
	rest.Register(r, rest.Op{ID: "list-sight", Method: http.MethodGet, Path: "/sight", Summary: "Of how many controllers a change would have been seen, by site and question", Tag: "Assets", Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			Site string `query:"site" maxLength:"64"`
		},
		) (*body[rest.Page[SightShare]], error) {
			items, err := s.SightShares(ctx, auth.From(ctx).Scope, in.Site)
			return answerWith(rest.Page[SightShare]{Items: items}, err)
		})
}
