package asset

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/plan/engineering"
	"github.com/skanse/skanse/internal/rest"
)

// ListInput is the filter of a request; exported because huma looks into exported parts only.
type ListInput struct {
	Site     []string `query:"site,explode" doc:"Site ids"`
	Zone     []string `query:"zone,explode" doc:"Zone ids; none: without a zone"`
	Role     []string `query:"role,explode"`
	Vendor   []string `query:"vendor,explode"`
	Level    []string `query:"level,explode" doc:"Purdue level; none: not known"`
	State    []string `query:"state,explode"`
	Q        string   `query:"q" maxLength:"200" doc:"Part of a name, code or address; words are joined by and"`
	Expected string   `query:"expected" enum:",true,false"`
	Live     string   `query:"live" enum:",true,false"`
	Conflict string   `query:"conflict" enum:",true,false"`
	Planned  []string `query:"planned,explode" doc:"What projects say: agrees, differs, unseen"`
	AsOf     string   `query:"as_of" doc:"A day, as 2026-11-20: as it was known at its end (UTC); empty: now"`
}

func (in *ListInput) filter(now time.Time) (Filter, error) {
	at, err := rest.AsOf(in.AsOf, now)
	tri := func(s string) *bool {
		if s == "" {
			return nil
		}
		return new(s == "true")
	}
	return Filter{
		Site: in.Site, Zone: in.Zone, Role: in.Role, Vendor: in.Vendor, Level: in.Level, State: in.State, Planned: in.Planned, Q: in.Q,
		Expected: tri(in.Expected), Live: tri(in.Live), Conflict: tri(in.Conflict), AsOf: at,
	}, err
}

type pageInput struct {
	ListInput
	Sort   string `query:"sort" doc:"name, vendor, model, role, level, zone, criticality, state, first_at, last_at …; with - downwards"`
	Cursor string `query:"cursor"`
	Limit  int    `query:"limit" minimum:"0" maximum:"500"`
}

type idInput struct {
	ID string `path:"id"`
}

type pageOf[T any] struct{ Body rest.Page[T] }

type created struct {
	Body struct {
		ID string `json:"id"`
	}
}

func person(ctx context.Context) Person {
	p := auth.From(ctx)
	name := p.Name
	if name == "" {
		name = p.Email
	}
	return Person{ID: p.UserID, Name: name}
}

// reasonDetail puts a person's reason into the audit entry.
func reasonDetail(ctx context.Context, reason string) {
	if reason != "" {
		rest.Detail(ctx, "reason", reason)
	}
}

// Routes mounts the slice.
func (s *Service) Routes(r *rest.Router) {
	s.newcomerRoutes(r)
	s.projectRoutes(r)
	const tag = "Assets"
	rest.Register(r, rest.Op{ID: "list-assets", Method: http.MethodGet, Path: "/assets", Summary: "List assets", Tag: tag, Permission: auth.AssetRead},
		func(ctx context.Context, in *pageInput) (*pageOf[Asset], error) {
			f, err := in.filter(s.now())
			if err != nil {
				return nil, err
			}
			f.Sort, f.Cursor, f.Limit = in.Sort, in.Cursor, in.Limit
			page, err := s.List(ctx, auth.From(ctx).Scope, f)
			return &pageOf[Asset]{page}, err
		})
	rest.Register(r, rest.Op{ID: "count-assets", Method: http.MethodGet, Path: "/assets/facets", Summary: "Count assets by role, vendor, zone, level and state", Tag: tag, Permission: auth.AssetRead},
		func(ctx context.Context, in *ListInput) (*struct{ Body map[string][]Facet }, error) {
			f, err := in.filter(s.now())
			if err != nil {
				return nil, err
			}
			m, err := s.Facets(ctx, auth.From(ctx).Scope, f)
			return &struct{ Body map[string][]Facet }{m}, err
		})
	type labelsInput struct {
		Body struct {
			IDs  []string `json:"ids" minItems:"1" maxItems:"500"`
			Base string   `json:"base" maxLength:"200" doc:"Address of this server as phones reach it: https://skanse.plant.example"`
		}
	}
	rest.Register(r, rest.Op{ID: "print-asset-labels", Method: http.MethodPost, Path: "/assets/labels", Summary: "Draw labels with QR codes", Tag: tag, Permission: auth.AssetRead, Audit: "asset.labels", Status: http.StatusOK},
		func(ctx context.Context, in *labelsInput) (*pageOf[Label], error) {
			labels, err := s.Labels(ctx, auth.From(ctx).Scope, in.Body.Base, in.Body.IDs)
			return &pageOf[Label]{rest.Page[Label]{Items: labels}}, err
		})
	type detailOutput struct {
		ETag string `header:"ETag"`
		Body AssetDetail
	}
	rest.Register(r, rest.Op{ID: "get-asset", Method: http.MethodGet, Path: "/assets/{id}", Summary: "One asset, and how we know", Tag: tag, Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			AsOf string `query:"as_of" doc:"A day, as 2026-11-20; empty: now"`
		},
		) (*detailOutput, error) {
			at, err := rest.AsOf(in.AsOf, s.now())
			if err != nil {
				return nil, err
			}
			d, etag, err := s.Detail(ctx, auth.From(ctx).Scope, in.ID, at)
			return &detailOutput{etag, d}, err
		})
	type patchInput struct {
		ID      string `path:"id"`
		IfMatch string `header:"If-Match" doc:"The ETag of the version that you saw"`
		Body    Patch
	}
	rest.Register(r, rest.Op{ID: "update-asset", Method: http.MethodPatch, Path: "/assets/{id}", Summary: "Say what an asset is, whose, and how it stands", Tag: tag, Permission: auth.AssetWrite, Audit: "asset.update"},
		func(ctx context.Context, in *patchInput) (*detailOutput, error) {
			scope := auth.From(ctx).Scope
			for field, v := range in.Body.words() {
				if v != nil {
					rest.Detail(ctx, field, *v)
				}
			}
			reasonDetail(ctx, in.Body.Reason)
			if err := s.Update(ctx, scope, person(ctx), in.ID, in.Body, in.IfMatch); err != nil {
				return nil, err
			}
			d, etag, err := s.Detail(ctx, scope, in.ID, time.Time{})
			return &detailOutput{etag, d}, err
		})
	type decideInput struct {
		Body struct {
			IDs    []string `json:"ids" minItems:"1" maxItems:"1000"`
			State  string   `json:"state" enum:"new,accepted,rejected,retired"`
			Reason string   `json:"reason,omitempty" maxLength:"500"`
		}
	}
	rest.Register(r, rest.Op{ID: "decide-assets", Method: http.MethodPost, Path: "/assets/decide", Summary: "Accept, reject or retire many assets", Tag: tag, Permission: auth.AssetWrite, Audit: "asset.decide", Status: http.StatusOK},
		func(ctx context.Context, in *decideInput) (*struct{ Body Decided }, error) {
			out, err := s.DecideMany(ctx, auth.From(ctx).Scope, person(ctx), in.Body.IDs, in.Body.State, in.Body.Reason)
			return &struct{ Body Decided }{out}, err
		})
	type historyInput struct {
		ID     string `path:"id"`
		Cursor string `query:"cursor"`
		Limit  int    `query:"limit" minimum:"0" maximum:"500"`
	}
	rest.Register(r, rest.Op{ID: "list-asset-history", Method: http.MethodGet, Path: "/assets/{id}/history", Summary: "What changed", Tag: tag, Permission: auth.AssetRead},
		func(ctx context.Context, in *historyInput) (*pageOf[AssetChange], error) {
			page, err := s.History(ctx, auth.From(ctx).Scope, in.ID, in.Cursor, in.Limit)
			return &pageOf[AssetChange]{page}, err
		})
	type mergeInput struct {
		Body struct {
			Into   string   `json:"into"`
			From   []string `json:"from" minItems:"1" maxItems:"50"`
			Reason string   `json:"reason,omitempty" maxLength:"500"`
		}
	}
	rest.Register(r, rest.Op{ID: "merge-assets", Method: http.MethodPost, Path: "/assets/merge", Summary: "Make several assets one", Tag: tag, Permission: auth.AssetWrite, Audit: "asset.merge", Status: http.StatusOK},
		func(ctx context.Context, in *mergeInput) (*created, error) {
			out := &created{}
			out.Body.ID = in.Body.Into
			rest.Detail(ctx, "assets", strconv.Itoa(len(in.Body.From)))
			reasonDetail(ctx, in.Body.Reason)
			return out, s.Merge(ctx, auth.From(ctx).Scope, person(ctx), in.Body.Into, in.Body.From, in.Body.Reason)
		})
	type splitInput struct {
		ID   string `path:"id"`
		Body struct {
			Address string `json:"address" doc:"The MAC or IP address that becomes an asset of its own"`
			Reason  string `json:"reason,omitempty" maxLength:"500"`
		}
	}
	rest.Register(r, rest.Op{ID: "split-asset", Method: http.MethodPost, Path: "/assets/{id}/split", Summary: "Take an address out of an asset", Tag: tag, Permission: auth.AssetWrite, Audit: "asset.split", Status: http.StatusOK},
		func(ctx context.Context, in *splitInput) (*created, error) {
			rest.Detail(ctx, "address", ot.Printable(in.Body.Address))
			reasonDetail(ctx, in.Body.Reason)
			id, err := s.Split(ctx, auth.From(ctx).Scope, person(ctx), in.ID, in.Body.Address, in.Body.Reason)
			out := &created{}
			out.Body.ID = id
			return out, err
		})
	type importInput struct {
		Site    string `query:"site" required:"true" doc:"Site id"`
		Name    string `query:"name" maxLength:"255" doc:"The file's name, for people"`
		DryRun  bool   `query:"dry_run" doc:"Only say what would happen"`
		RawBody []byte `contentType:"application/octet-stream"`
	}
	rest.Register(r, rest.Op{ID: "import-assets", Method: http.MethodPost, Path: "/assets/import", Summary: "Give a list of the assets that there should be (CSV), or what an engineering tool exported", Tag: tag, Permission: auth.AssetWrite, Audit: "asset.import", Status: http.StatusOK, MaxBody: engineering.MaxFile},
		func(ctx context.Context, in *importInput) (*struct{ Body ListReport }, error) {
			if !isList(in.Name, in.RawBody) {
				rep, err := s.ImportProject(ctx, auth.From(ctx).Scope, person(ctx), in.Site, in.Name, in.RawBody, in.DryRun)
				return &struct{ Body ListReport }{rep}, err
			}
			rep, err := s.ImportList(ctx, auth.From(ctx).Scope, person(ctx), in.Site, in.RawBody, in.DryRun)
			return &struct{ Body ListReport }{rep}, err
		})
}
