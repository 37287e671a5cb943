package view

import (
	"context"
	"net/http"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
)

type talksOut struct{ Body rest.Page[Talk] }

// Routes mounts conversations and events.
func (s *Conversations) Routes(r *rest.Router) {
	s.programRoutes(r)
	const tag = "Conversations"
	rest.Register(r, rest.Op{ID: "list-conversations", Method: http.MethodGet, Path: "/conversations", Summary: "Who talks to whom, the last heard first", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			Site     string `query:"site"`
			Asset    string `query:"asset"`
			FromZone string `query:"from_zone" doc:"Of the client: a zone's id, internet, unknown or level-<n>"`
			ToZone   string `query:"to_zone" doc:"Of the server"`
			Protocol string `query:"protocol"`
			Class    string `query:"class" doc:"It holds messages of this class"`
			Q        string `query:"q" maxLength:"200"`
			AsOf     string `query:"as_of" doc:"A day, as 2026-11-20: as seen by its end (UTC); empty: now"`
			Cursor   string `query:"cursor"`
			Limit    int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*talksOut, error) {
			at, err := rest.AsOf(in.AsOf, time.Now())
			if err != nil {
				return nil, err
			}
			page, err := s.List(ctx, auth.From(ctx).Scope, TalkFilter{in.Site, in.Asset, in.FromZone, in.ToZone, in.Protocol, in.Class, in.Q, in.Cursor, in.Limit, at})
			return &talksOut{page}, err
		})
	rest.Register(r, rest.Op{ID: "list-asset-conversations", Method: http.MethodGet, Path: "/assets/{id}/conversations", Summary: "The conversations of one asset", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID     string `path:"id"`
			AsOf   string `query:"as_of" doc:"A day, as 2026-11-20; empty: now"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*talksOut, error) {
			at, err := rest.AsOf(in.AsOf, time.Now())
			if err != nil {
				return nil, err
			}
			page, err := s.List(ctx, auth.From(ctx).Scope, TalkFilter{Asset: in.ID, Cursor: in.Cursor, Limit: in.Limit, AsOf: at})
			return &talksOut{page}, err
		})
	rest.Register(r, rest.Op{ID: "get-conversation", Method: http.MethodGet, Path: "/conversations/{id}", Summary: "One conversation, what was said and the proof", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{ Body TalkDetail }, error) {
			d, err := s.Detail(ctx, auth.From(ctx).Scope, in.ID)
			return &struct{ Body TalkDetail }{d}, err
		})
	rest.Register(r, rest.Op{ID: "list-events", Method: http.MethodGet, Path: "/events", Summary: "Messages outside a plant's cycle: programs, control, firmware, sign-ins, detections", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			Site   string `query:"site"`
			Asset  string `query:"asset"`
			Class  string `query:"class" doc:"One or more, with commas between"`
			Rule   string `query:"rule"`
			AsOf   string `query:"as_of" doc:"A day, as 2026-11-20: those seen by its end (UTC); empty: now"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body rest.Page[Event] }, error) {
			at, err := rest.AsOf(in.AsOf, time.Now())
			if err != nil {
				return nil, err
			}
			page, err := s.Events(ctx, auth.From(ctx).Scope, EventFilter{in.Site, in.Asset, in.Class, in.Rule, in.Cursor, in.Limit, at})
			return &struct{ Body rest.Page[Event] }{page}, err
		})
}
