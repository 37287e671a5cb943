package detect

import (
	"context"
	"net/http"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
)

const tag = "Alerts"

func byWhom(ctx context.Context) Person {
	p := auth.From(ctx)
	name := p.Name
	if name == "" {
		name = p.Email
	}
	return Person{p.UserID, name}
}

type loads struct {
	Items []Load `json:"items" nullable:"false"`
}

type detections struct {
	Items      []Detection `json:"items" nullable:"false"`
	Techniques []Technique `json:"techniques" nullable:"false"`
}

type detail struct {
	ETag string `header:"ETag"`
	Body Alert
}

// Routes mounts the slice.
func (s *Service) Routes(r *rest.Router) {
	read, write := auth.NetworkRead, auth.RecordWrite
	rest.Register(r, rest.Op{ID: "list-alerts", Method: http.MethodGet, Path: "/alerts", Summary: "Alerts: what nobody has seen first, then the most urgent", Tag: tag, Permission: read},
		func(ctx context.Context, in *struct {
			Site     string    `query:"site"`
			State    string    `query:"state" enum:"open,all,new,acknowledged,returned,shelved,closed," doc:"open, and when empty: new, acknowledged and returned"`
			Severity string    `query:"severity" enum:"critical,high,medium,low,info,"`
			Rule     string    `query:"rule"`
			Asset    string    `query:"asset"`
			Group    string    `query:"group"`
			Text     string    `query:"q" maxLength:"200"`
			Since    time.Time `query:"since"`
			AsOf     string    `query:"as_of" doc:"A day, 2026-11-20: as it was at its end"`
			Cursor   string    `query:"cursor"`
			Limit    int       `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*struct{ Body rest.Page[Alert] }, error) {
			at, err := rest.AsOf(in.AsOf, time.Now())
			if err != nil {
				return nil, err
			}
			out, err := s.Alerts(ctx, auth.From(ctx).Scope, Filter{in.Site, in.State, in.Severity, in.Rule, in.Asset, in.Group, in.Text, in.Since, at, in.Cursor, in.Limit})
			return &struct{ Body rest.Page[Alert] }{out}, err
		})
	rest.Register(r, rest.Op{ID: "measure-alerts", Method: http.MethodGet, Path: "/alerts/load", Summary: "What people get to bear, a site, after EEMUA 191", Tag: tag, Permission: read},
		func(ctx context.Context, _ *struct{}) (*struct{ Body loads }, error) {
			out, err := s.Loads(ctx, auth.From(ctx).Scope)
			return &struct{ Body loads }{loads{out}}, err
		})
	rest.Register(r, rest.Op{ID: "get-alert", Method: http.MethodGet, Path: "/alerts/{id}", Summary: "One alert with its story", Tag: tag, Permission: read},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			AsOf string `query:"as_of" doc:"A day, 2026-11-20: as it was at its end"`
		},
		) (*detail, error) {
			at, err := rest.AsOf(in.AsOf, time.Now())
			if err != nil {
				return nil, err
			}
			a, err := s.Alert(ctx, auth.From(ctx).Scope, in.ID, at)
			return &detail{a.ETag, a}, err
		})
	rest.Register(r, rest.Op{ID: "decide-alert", Method: http.MethodPatch, Path: "/alerts/{id}", Summary: "Acknowledge, shelve, explain, close … an alert", Tag: tag, Permission: write, Audit: "alert.decide"},
		func(ctx context.Context, in *struct {
			ID      string `path:"id"`
			IfMatch string `header:"If-Match" doc:"The ETag of the version that you saw"`
			Body    Decision
		},
		) (*detail, error) {
			told(ctx, in.Body)
			scope := auth.From(ctx).Scope
			if err := s.Decide(ctx, scope, byWhom(ctx), in.ID, in.Body, in.IfMatch); err != nil {
				return nil, err
			}
			a, err := s.Alert(ctx, scope, in.ID, time.Time{})
			return &detail{a.ETag, a}, err
		})
	type many struct {
		IDs      []string `json:"ids" minItems:"1" maxItems:"200" nullable:"false"`
		Decision Decision `json:"decision"`
	}
	type done struct {
		Done int `json:"done"`
	}
	rest.Register(r, rest.Op{ID: "decide-alerts", Method: http.MethodPost, Path: "/alerts/decide", Summary: "Decide about several alerts at once", Tag: tag, Permission: write, Audit: "alert.decide"},
		func(ctx context.Context, in *struct{ Body many }) (*struct{ Body done }, error) {
			told(ctx, in.Body.Decision)
			n, err := s.DecideMany(ctx, auth.From(ctx).Scope, byWhom(ctx), in.Body.IDs, in.Body.Decision)
			return &struct{ Body done }{done{n}}, err
		})
	rest.Register(r, rest.Op{ID: "list-detections", Method: http.MethodGet, Path: "/detections", Summary: "The rules, how noisy they are, and which techniques the wire cannot show", Tag: tag, Permission: read},
		func(ctx context.Context, _ *struct{}) (*struct{ Body detections }, error) {
			out, err := s.Detections(ctx, auth.From(ctx).Scope)
			return &struct{ Body detections }{detections{out, s.cfg.Techniques}}, err
		})
	rest.Register(r, rest.Op{ID: "set-detection", Method: http.MethodPut, Path: "/sites/{site}/detections/{rule}", Summary: "How a rule is meant at a site", Tag: tag, Permission: auth.OrgWrite, Audit: "detection.set"},
		func(ctx context.Context, in *struct {
			Site string `path:"site"`
			Rule string `path:"rule"`
			Body Setting
		},
		) (*struct{}, error) {
			rest.Detail(ctx, "rule", ot.Printable(in.Rule))
			rest.Detail(ctx, "reason", ot.Printable(in.Body.Reason))
			return nil, s.Set(ctx, auth.From(ctx).Scope, byWhom(ctx), in.Site, in.Rule, in.Body)
		})
	rest.Register(r, rest.Op{ID: "unset-detection", Method: http.MethodDelete, Path: "/sites/{site}/detections/{rule}", Summary: "A rule means what it says again", Tag: tag, Permission: auth.OrgWrite, Audit: "detection.unset"},
		func(ctx context.Context, in *struct {
			Site string `path:"site"`
			Rule string `path:"rule"`
		},
		) (*struct{}, error) {
			rest.Detail(ctx, "rule", ot.Printable(in.Rule))
			return nil, s.Unset(ctx, auth.From(ctx).Scope, in.Site, in.Rule)
		})
	s.fileRoutes(r)
	s.indicatorRoutes(r)
	type budget struct {
		Alerts int64 `json:"alerts" minimum:"1" maximum:"1000"`
	}
	rest.Register(r, rest.Op{ID: "set-alert-budget", Method: http.MethodPut, Path: "/sites/{site}/alert-budget", Summary: "How many alerts a day a site wants to bear", Tag: tag, Permission: auth.OrgWrite, Audit: "alert.budget"},
		func(ctx context.Context, in *struct {
			Site string `path:"site"`
			Body budget
		},
		) (*struct{}, error) {
			return nil, s.SetBudget(ctx, auth.From(ctx).Scope, in.Site, in.Body.Alerts)
		})
	rest.Register(r, rest.Op{ID: "get-programming", Method: http.MethodGet, Path: "/assets/{id}/programming", Summary: "Whether an asset is a programming device", Tag: tag, Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{ Body Programming }, error) {
			out, err := s.IsProgramming(ctx, auth.From(ctx).Scope, in.ID)
			return &struct{ Body Programming }{out}, err
		})
	type mark struct {
		On     bool   `json:"programming"`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
	rest.Register(r, rest.Op{ID: "mark-programming", Method: http.MethodPut, Path: "/assets/{id}/programming", Summary: "Mark an asset as a programming device", Tag: tag, Permission: auth.AssetWrite, Audit: "asset.programming"},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body mark
		},
		) (*struct{}, error) {
			rest.Detail(ctx, "reason", ot.Printable(in.Body.Reason))
			return nil, s.MarkProgramming(ctx, auth.From(ctx).Scope, byWhom(ctx), in.ID, in.Body.On, in.Body.Reason)
		})
}

func told(ctx context.Context, d Decision) {
	rest.Detail(ctx, "action", d.Action)
	if d.Reason != "" {
		rest.Detail(ctx, "reason", ot.Printable(d.Reason))
	}
}
