package detect

import (
	"context"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/detect/indicator"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
)

// indicatorRoutes mounts what others say is bad.
func (s *Service) indicatorRoutes(r *rest.Router) {
	type sources struct {
		Items []IndicatorSource `json:"items" nullable:"false"`
	}
	rest.Register(r, rest.Op{ID: "list-indicator-sources", Method: http.MethodGet, Path: "/indicator-sources", Summary: "Files of indicators that were imported", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, _ *struct{}) (*struct{ Body sources }, error) {
			out, err := s.Sources(ctx)
			return &struct{ Body sources }{sources{out}}, err
		})
	rest.Register(r, rest.Op{ID: "list-indicators", Method: http.MethodGet, Path: "/indicators", Summary: "Indicators: what was met last, first", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			Source string `query:"source"`
			Text   string `query:"q" maxLength:"200"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body rest.Page[Indicator] }, error) {
			out, err := s.Indicators(ctx, in.Source, in.Text, in.Cursor, in.Limit)
			return &struct{ Body rest.Page[Indicator] }{out}, err
		})
	type file struct {
		Name string `json:"name,omitempty" maxLength:"200" doc:"Whose they are, named in alerts; empty: as the file says. A name that there is: it takes that one's place"`
		Days int64  `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"How long what names no end is in force; 0: 180"`
		Text string `json:"text" doc:"A STIX 2.1 bundle, a MISP event (JSON), or one address, domain or hash a line"`
	}
	type made struct {
		ID string `json:"id"`
	}
	rest.Register(r, rest.Op{ID: "import-indicators", Method: http.MethodPost, Path: "/indicator-sources", Summary: "Import indicators", Tag: tag, Permission: auth.OrgWrite, Audit: "indicator.import", Status: http.StatusCreated, MaxBody: 2 * indicator.MaxFile},
		func(ctx context.Context, in *struct{ Body file }) (*struct{ Body made }, error) {
			if err := everywhere(ctx); err != nil {
				return nil, err
			}
			id, err := s.Import(ctx, byWhom(ctx), NewSource{in.Body.Name, in.Body.Days, []byte(in.Body.Text)})
			rest.Detail(ctx, "source", id)
			rest.Detail(ctx, "name", ot.Printable(in.Body.Name))
			return &struct{ Body made }{made{id}}, err
		})
	rest.Register(r, rest.Op{ID: "drop-indicator-source", Method: http.MethodDelete, Path: "/indicator-sources/{id}", Summary: "Remove a source and its indicators; alerts stay", Tag: tag, Permission: auth.OrgWrite, Audit: "indicator.remove"},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{}, error) {
			rest.Detail(ctx, "source", ot.Printable(in.ID))
			if err := everywhere(ctx); err != nil {
				return nil, err
			}
			return nil, s.DropSource(ctx, in.ID)
		})
}
