package admin

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
)

type auditIn struct {
	Cursor string `query:"cursor" maxLength:"200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Actor  string `query:"actor" maxLength:"64" doc:"User id, system or nobody"`
	Action string `query:"action" maxLength:"64" doc:"Start of the action: asset."`
	AsOf   string `query:"as_of" doc:"A day, as 2026-11-20: written by its end (UTC); empty: now"`
}

func (s *Service) auditRoutes(r *rest.Router) {
	const tag = "Audit"
	rest.Register(r, rest.Op{ID: "list-audit", Method: "GET", Path: "/audit", Permission: auth.AuditRead, Tag: tag, Summary: "Who did what, newest first"},
		func(ctx context.Context, in *auditIn) (*one[rest.Page[audit.Item]], error) {
			until, err := rest.AsOf(in.AsOf, time.Now())
			if err != nil {
				return nil, err
			}
			f := audit.Filter{Actor: in.Actor, Action: in.Action, Until: until, Limit: in.Limit + 1}
			if err := rest.DecodeCursor(in.Cursor, &f.Before); err != nil {
				return nil, err
			}
			scope := auth.From(ctx).Scope
			f.All = scope.All
			if !f.All {
				scope.Zones = nil // an entry is of a whole site
				sites, err := s.cfg.Org.Sites(ctx, scope)
				if err != nil {
					return nil, err
				}
				for _, x := range sites {
					f.Sites = append(f.Sites, x.ID)
				}
			}
			items, err := s.cfg.Audit.List(ctx, f)
			if err != nil {
				return nil, err
			}
			return &one[rest.Page[audit.Item]]{rest.Cut(items, in.Limit, func(x audit.Item) string { return rest.EncodeCursor(x.Seq) })}, nil
		})
	rest.Register(r, rest.Op{ID: "get-checkpoint", Method: "GET", Path: "/audit/checkpoint", Permission: auth.AuditRead, Tag: tag, Summary: "The last signed state of the log: keep it on another machine"},
		func(ctx context.Context, _ *struct{}) (*one[audit.Checkpoint], error) {
			c, err := s.cfg.Audit.Last(ctx)
			return &one[audit.Checkpoint]{c}, err
		})
}
