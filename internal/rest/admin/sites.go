package admin

import (
	"context"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Site is a site with what the other parts know of it.
type Site struct {
	ID       string     `json:"id"`
	No       int64      `json:"no"`
	Name     string     `json:"name"`
	Entity   string     `json:"entity" doc:"The company's name"`
	EntityID string     `json:"entity_id"`
	Country  string     `json:"country"`
	TZ       string     `json:"tz"`
	Critical bool       `json:"critical"`
	Weight   float64    `json:"weight"`
	Assets   *int64     `json:"assets" doc:"null: not known"`
	Zones    int64      `json:"zones"`
	HeardAt  store.Time `json:"heard_at" nullable:"true" doc:"Last received from a live sensor; null: never"`
	Live     bool       `json:"live" doc:"A sensor is listening"`
}

type siteIn struct {
	Body struct {
		EntityID string  `json:"entity_id" maxLength:"64"`
		Name     string  `json:"name" maxLength:"120"`
		Country  string  `json:"country,omitempty" maxLength:"2"`
		TZ       string  `json:"tz,omitempty" maxLength:"64"`
		Critical bool    `json:"critical,omitempty"`
		Weight   float64 `json:"weight,omitempty"`
	}
}

type sitePatch struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Name     *string  `json:"name,omitempty" maxLength:"120"`
		Country  *string  `json:"country,omitempty" maxLength:"2"`
		TZ       *string  `json:"tz,omitempty" maxLength:"64"`
		Critical *bool    `json:"critical,omitempty"`
		Weight   *float64 `json:"weight,omitempty"`
	}
}

type entityIn struct {
	Body struct {
		Name    string `json:"name" maxLength:"120"`
		Profile string `json:"profile,omitempty" enum:"essential,important"`
	}
}

func (s *Service) siteRoutes(r *rest.Router) {
	const tag = "Sites"
	rest.Register(r, rest.Op{ID: "list-entities", Method: "GET", Path: "/entities", Permission: auth.OrgRead, Tag: tag, Summary: "The companies in scope"},
		func(ctx context.Context, _ *struct{}) (*list[org.Entity], error) {
			es, err := s.cfg.Org.Entities(ctx, auth.From(ctx).Scope)
			return listOf(es), err
		})
	rest.Register(r, rest.Op{ID: "create-entity", Method: "POST", Path: "/entities", Permission: auth.OrgWrite, Tag: tag, Audit: "entity.create", Status: 201, Summary: "Add a company"},
		func(ctx context.Context, in *entityIn) (*one[org.Entity], error) {
			id := store.NewID() // here, so that the audit entry knows it
			rest.Target(ctx, "", ot.Ref{Kind: "entity", ID: id})
			rest.Detail(ctx, "name", in.Body.Name)
			e, err := s.cfg.Org.CreateEntity(ctx, auth.From(ctx).Scope, org.Entity{ID: id, Name: in.Body.Name, Profile: in.Body.Profile})
			return &one[org.Entity]{e}, err
		})
	rest.Register(r, rest.Op{ID: "list-sites", Method: "GET", Path: "/sites", Permission: auth.OrgRead, Tag: tag, Summary: "The sites in scope"},
		func(ctx context.Context, _ *struct{}) (*list[Site], error) {
			out, err := s.sites(ctx, "")
			return listOf(out), err
		})
	rest.Register(r, rest.Op{ID: "get-site", Method: "GET", Path: "/sites/{id}", Permission: auth.OrgRead, Tag: tag, Summary: "One site"},
		func(ctx context.Context, in *byID) (*one[Site], error) { return s.site(ctx, in.ID) })
	rest.Register(r, rest.Op{ID: "create-site", Method: "POST", Path: "/sites", Permission: auth.OrgWrite, Tag: tag, Audit: "site.create", Status: 201, Summary: "Add a site with its default realm"},
		func(ctx context.Context, in *siteIn) (*one[Site], error) {
			b := in.Body
			id := store.NewID()
			rest.Target(ctx, id, ot.Ref{Kind: "site", ID: id})
			rest.Detail(ctx, "name", b.Name)
			_, err := s.cfg.Org.CreateSite(ctx, auth.From(ctx).Scope, org.Site{
				ID: id, EntityID: b.EntityID, Name: b.Name, Country: b.Country, TZ: b.TZ, Critical: b.Critical, Weight: b.Weight,
			})
			if err != nil {
				return nil, err
			}
			return s.site(ctx, id)
		})
	rest.Register(r, rest.Op{ID: "update-site", Method: "PATCH", Path: "/sites/{id}", Permission: auth.OrgWrite, Tag: tag, Audit: "site.update", Summary: "Change a site"},
		func(ctx context.Context, in *sitePatch) (*one[Site], error) {
			rest.Target(ctx, in.ID, ot.Ref{Kind: "site", ID: in.ID})
			_, err := s.cfg.Org.UpdateSite(ctx, auth.From(ctx).Scope, in.ID, func(x org.Site) (org.Site, error) {
				b := in.Body
				set(&x.Name, b.Name)
				set(&x.Country, b.Country)
				set(&x.TZ, b.TZ)
				set(&x.Critical, b.Critical)
				set(&x.Weight, b.Weight)
				return x, nil
			})
			if err != nil {
				return nil, err
			}
			return s.site(ctx, in.ID)
		})
}

func (s *Service) site(ctx context.Context, id string) (*one[Site], error) {
	out, err := s.sites(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, ot.Errorf(ot.NotFound, "there is no such site")
	}
	return &one[Site]{out[0]}, nil
}

// sites lists the sites in scope, or the one with an id.
func (s *Service) sites(ctx context.Context, id string) ([]Site, error) {
	scope := auth.From(ctx).Scope
	rows, err := s.cfg.Org.Sites(ctx, scope)
	if err != nil {
		return nil, err
	}
	es, err := s.cfg.Org.Entities(ctx, scope)
	if err != nil {
		return nil, err
	}
	zones, err := s.cfg.Org.ZoneCounts(ctx, scope)
	if err != nil {
		return nil, err
	}
	var known map[int64]Overview
	if s.cfg.Overview != nil {
		if known, err = s.cfg.Overview(ctx, scope); err != nil {
			return nil, err
		}
	}
	company := map[string]string{}
	for _, e := range es {
		company[e.ID] = e.Name
	}
	out := []Site{}
	for _, x := range rows {
		if id != "" && x.ID != id {
			continue
		}
		o := known[x.No]
		out = append(out, Site{
			ID: x.ID, No: x.No, Name: x.Name, Entity: company[x.EntityID], EntityID: x.EntityID, Country: x.Country, TZ: x.TZ,
			Critical: x.Critical, Weight: x.Weight, Assets: o.Assets, Zones: zones[x.No], HeardAt: o.HeardAt, Live: o.Live,
		})
	}
	return out, nil
}
