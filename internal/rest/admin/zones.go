package admin

import (
	"context"
	"fmt"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

type zoneIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Name     string `json:"name" maxLength:"120"`
		Level    string `json:"level" enum:"0,1,2,3,3.5,4,5" doc:"Purdue"`
		OT       bool   `json:"ot,omitempty" doc:"Part of the plant"`
		SLT      int64  `json:"sl_t,omitempty" minimum:"0" maximum:"4"`
		Critical bool   `json:"critical,omitempty"`
		External bool   `json:"external,omitempty" doc:"Office IT, internet, a vendor"`
		Gateway  bool   `json:"gateway,omitempty" doc:"Its hosts are the remote access gateway"`
	}
}

type zonePatch struct {
	ID      string `path:"id" maxLength:"64"`
	IfMatch string `header:"If-Match" doc:"The zone's etag, where what somebody else wrote meanwhile must stay; left out: only the fields given are written"`
	Body    struct {
		Name     *string `json:"name,omitempty" maxLength:"120"`
		Level    *string `json:"level,omitempty" enum:"0,1,2,3,3.5,4,5"`
		OT       *bool   `json:"ot,omitempty"`
		SLT      *int64  `json:"sl_t,omitempty" minimum:"0" maximum:"4"`
		Critical *bool   `json:"critical,omitempty"`
		External *bool   `json:"external,omitempty"`
		Gateway  *bool   `json:"gateway,omitempty"`
	}
}

// zoneOut is a zone with the version that If-Match compares.
type zoneOut struct {
	org.Zone
	ETag string `json:"etag"`
}

func shown(z org.Zone) zoneOut {
	return zoneOut{z, rest.ETag(z.ID, fmt.Sprintf("%+v", z))}
}

type realmIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Name string `json:"name" maxLength:"120"`
	}
}

type subnetsIn struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Items []org.Prefix `json:"items" maxItems:"900" nullable:"false"`
	}
}

func (s *Service) zoneRoutes(r *rest.Router) {
	const tag = "Zones"
	scope := func(ctx context.Context) auth.Scope { return auth.From(ctx).Scope }
	rest.Register(r, rest.Op{ID: "list-zones", Method: "GET", Path: "/sites/{id}/zones", Permission: auth.OrgRead, Tag: tag, Summary: "A site's zones by Purdue level"},
		func(ctx context.Context, in *byID) (*list[zoneOut], error) {
			zs, err := s.cfg.Org.Zones(ctx, scope(ctx), in.ID)
			out := make([]zoneOut, 0, len(zs))
			for _, z := range zs {
				out = append(out, shown(z))
			}
			return listOf(out), err
		})
	rest.Register(r, rest.Op{ID: "create-zone", Method: "POST", Path: "/sites/{id}/zones", Permission: auth.OrgWrite, Tag: tag, Audit: "zone.create", Status: 201, Summary: "Add a zone"},
		func(ctx context.Context, in *zoneIn) (*one[zoneOut], error) {
			b := in.Body
			id := store.NewID() // here, so that the audit entry knows it
			rest.Target(ctx, in.ID, ot.Ref{Kind: "zone", ID: id})
			rest.Detail(ctx, "zone", b.Name)
			z, err := s.cfg.Org.CreateZone(ctx, scope(ctx), in.ID, org.Zone{ID: id, Name: b.Name, Level: b.Level, OT: b.OT, SLT: b.SLT, Critical: b.Critical, External: b.External, Gateway: b.Gateway})
			return &one[zoneOut]{shown(z)}, err
		})
	rest.Register(r, rest.Op{ID: "update-zone", Method: "PATCH", Path: "/zones/{id}", Permission: auth.OrgWrite, Tag: tag, Audit: "zone.update", Summary: "Change a zone"},
		func(ctx context.Context, in *zonePatch) (*one[zoneOut], error) {
			_, at, err := s.cfg.Org.Zone(ctx, scope(ctx), in.ID)
			if err != nil {
				return nil, err
			}
			rest.Target(ctx, at.ID, ot.Ref{Kind: "zone", ID: in.ID})
			z, _, err := s.cfg.Org.UpdateZone(ctx, scope(ctx), in.ID, func(z org.Zone) (org.Zone, error) {
				if in.IfMatch != "" {
					if err := rest.IfMatch(in.IfMatch, shown(z).ETag); err != nil {
						return z, err
					}
				}
				b := in.Body
				set(&z.Name, b.Name)
				set(&z.Level, b.Level)
				set(&z.OT, b.OT)
				set(&z.SLT, b.SLT)
				set(&z.Critical, b.Critical)
				set(&z.External, b.External)
				set(&z.Gateway, b.Gateway)
				return z, nil
			})
			return &one[zoneOut]{shown(z)}, err
		})
	rest.Register(r, rest.Op{ID: "delete-zone", Method: "DELETE", Path: "/zones/{id}", Permission: auth.OrgWrite, Tag: tag, Audit: "zone.delete", Summary: "Remove a zone and its subnets"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			z, at, err := s.cfg.Org.Zone(ctx, scope(ctx), in.ID)
			if err != nil {
				return nil, err
			}
			rest.Target(ctx, at.ID, ot.Ref{Kind: "zone", ID: in.ID})
			rest.Detail(ctx, "zone", z.Name)
			_, _, err = s.cfg.Org.DeleteZone(ctx, scope(ctx), in.ID)
			return nil, err
		})
	rest.Register(r, rest.Op{ID: "list-realms", Method: "GET", Path: "/sites/{id}/realms", Permission: auth.OrgRead, Tag: tag, Summary: "A site's spaces of addresses, the default one first"},
		func(ctx context.Context, in *byID) (*list[org.Realm], error) {
			rs, err := s.cfg.Org.Realms(ctx, scope(ctx), in.ID)
			return listOf(rs), err
		})
	rest.Register(r, rest.Op{ID: "create-realm", Method: "POST", Path: "/sites/{id}/realms", Permission: auth.OrgWrite, Tag: tag, Audit: "realm.create", Status: 201, Summary: "Add a space of addresses"},
		func(ctx context.Context, in *realmIn) (*one[org.Realm], error) {
			rest.Target(ctx, in.ID, ot.Ref{Kind: "site", ID: in.ID})
			rest.Detail(ctx, "realm", in.Body.Name)
			m, err := s.cfg.Org.CreateRealm(ctx, scope(ctx), in.ID, in.Body.Name)
			return &one[org.Realm]{m}, err
		})
	rest.Register(r, rest.Op{ID: "list-subnets", Method: "GET", Path: "/sites/{id}/subnets", Permission: auth.OrgRead, Tag: tag, Summary: "Which prefix belongs to which zone"},
		func(ctx context.Context, in *byID) (*list[org.Prefix], error) {
			ps, err := s.cfg.Org.Subnets(ctx, scope(ctx), in.ID)
			return listOf(ps), err
		})
	rest.Register(r, rest.Op{ID: "replace-subnets", Method: "PUT", Path: "/sites/{id}/subnets", Permission: auth.OrgWrite, Tag: tag, Audit: "subnets.replace", Status: 200, Summary: "Set all prefixes of a site at once"},
		func(ctx context.Context, in *subnetsIn) (*list[org.Prefix], error) {
			rest.Target(ctx, in.ID, ot.Ref{Kind: "site", ID: in.ID})
			if err := s.cfg.Org.ReplaceSubnets(ctx, scope(ctx), in.ID, in.Body.Items); err != nil {
				return nil, err
			}
			ps, err := s.cfg.Org.Subnets(ctx, scope(ctx), in.ID)
			return listOf(ps), err
		})
}
