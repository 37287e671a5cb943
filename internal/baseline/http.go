package baseline

import (
	"context"
	"net/http"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
)

const tag = "Baseline"

// Routes mounts the slice.
func (s *Service) Routes(r *rest.Router) {
	type baselines struct {
		Body struct {
			Items []Baseline `json:"items" nullable:"false"`
		}
	}
	rest.Register(r, rest.Op{ID: "list-baselines", Method: http.MethodGet, Path: "/sites/{id}/baselines", Summary: "What a site learned, a zone and plant state each", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*baselines, error) {
			all, err := s.Baselines(ctx, auth.From(ctx).Scope, in.ID)
			out := &baselines{}
			out.Body.Items = all
			return out, err
		})
	type detail struct {
		ETag string `header:"ETag"`
		Body Baseline
	}
	rest.Register(r, rest.Op{ID: "set-baseline", Method: http.MethodPut, Path: "/sites/{id}/baselines/{zone}/{state}", Summary: "Let a zone learn, protect, or be commissioned", Tag: tag, Permission: auth.AssetWrite, Audit: "baseline.set"},
		func(ctx context.Context, in *struct {
			ID      string `path:"id"`
			Zone    string `path:"zone" doc:"Id of the zone; none: hosts in no zone"`
			State   string `path:"state" enum:"production,turnaround,commissioning,cleaning,standstill"`
			IfMatch string `header:"If-Match"`
			Body    Setting
		},
		) (*detail, error) {
			b, err := s.Set(ctx, auth.From(ctx).Scope, auth.From(ctx).Called(), in.ID, in.Zone, in.State, in.Body, in.IfMatch)
			return &detail{b.ETag, b}, err
		})
	rest.Register(r, rest.Op{ID: "list-baseline-groups", Method: http.MethodGet, Path: "/baseline/groups", Summary: "Conversations by what they have in common, for review", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			Site    string `query:"site"`
			Zone    string `query:"zone"`
			State   string `query:"state"`
			Verdict string `query:"verdict" enum:",undecided,learned,new,approved,denied,expired"`
			Cursor  string `query:"cursor"`
			Limit   int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body rest.Page[Group] }, error) {
			page, err := s.Groups(ctx, auth.From(ctx).Scope, Filter{in.Site, in.Zone, in.State, in.Verdict, in.Cursor, in.Limit})
			return &struct{ Body rest.Page[Group] }{page}, err
		})
	rest.Register(r, rest.Op{ID: "list-baseline-talks", Method: http.MethodGet, Path: "/baseline/groups/{id}/talks", Summary: "The conversations of a group", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID      string `path:"id"`
			Verdict string `query:"verdict" enum:",learned,new,approved,denied,expired"`
			Cursor  string `query:"cursor"`
			Limit   int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body rest.Page[Talk] }, error) {
			page, err := s.Talks(ctx, auth.From(ctx).Scope, TalkFilter{in.ID, in.Verdict, in.Cursor, in.Limit})
			return &struct{ Body rest.Page[Talk] }{page}, err
		})
	rest.Register(r, rest.Op{ID: "get-baseline-talk", Method: http.MethodGet, Path: "/baseline/talks/{id}", Summary: "One conversation with its functions, ranges and hours", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{ Body Talk }, error) {
			t, err := s.Talk(ctx, auth.From(ctx).Scope, in.ID)
			return &struct{ Body Talk }{t}, err
		})
	rest.Register(r, rest.Op{ID: "decide-baseline", Method: http.MethodPost, Path: "/baseline/decisions", Summary: "Approve, deny, or let expire", Tag: tag, Permission: auth.AssetWrite, Audit: "baseline.decide", Status: http.StatusOK},
		func(ctx context.Context, in *struct{ Body Decision }) (*struct{ Body Decided }, error) {
			out, err := s.Decide(ctx, auth.From(ctx).Scope, auth.From(ctx).Called(), in.Body)
			return &struct{ Body Decided }{out}, err
		})
	rest.Register(r, rest.Op{ID: "get-baseline-drift", Method: http.MethodGet, Path: "/sites/{id}/baseline-drift", Summary: "What became different between two dates", Tag: tag, Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID    string `path:"id"`
			From  string `query:"from" required:"true" doc:"A day, as 2026-11-01, or a time (RFC 3339)"`
			To    string `query:"to" doc:"The same; empty: now"`
			Zone  string `query:"zone"`
			State string `query:"state"`
		},
		) (*struct{ Body Drift }, error) {
			from, err := moment("from", in.From, s.now())
			if err != nil {
				return nil, err
			}
			to, err := moment("to", in.To, s.now())
			if err != nil {
				return nil, err
			}
			d, err := s.Drift(ctx, auth.From(ctx).Scope, in.ID, in.Zone, in.State, from, to)
			return &struct{ Body Drift }{d}, err
		})
}

// moment reads a day (its end, UTC) or a time.
func moment(name, v string, now time.Time) (time.Time, error) {
	if v == "" {
		return now, nil
	}
	if at, err := time.Parse(time.DateOnly, v); err == nil {
		return at.Add(24 * time.Hour), nil
	}
	at, err := time.Parse(time.RFC3339, v)
	if err != nil {
		return at, ot.Errorf(ot.Invalid, "%s: %q is neither a day as 2026-11-01 nor a time", name, ot.Printable(v))
	}
	return at, nil
}
