package inbox

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
)

type out[T any] struct{ Body T }

type idIn struct {
	ID string `path:"id"`
}

// Routes mounts the inbox. To read takes the right to see the plant's tree, which every
// role has; which items come is said by scope, role and person. To answer is a person's own act.
func (s *Service) Routes(r *rest.Router) {
	s.itemRoutes(r)
	s.peopleRoutes(r)
	s.rotaRoutes(r)
	s.handoverRoutes(r)
}

func (s *Service) itemRoutes(r *rest.Router) {
	const tag = "Inbox"
	rest.Register(r, rest.Op{ID: "list-inbox", Method: http.MethodGet, Path: "/inbox", Summary: "What asks for a person: the most severe first", Tag: tag, Permission: auth.OrgRead},
		func(ctx context.Context, in *struct {
			Whose    string `query:"whose" enum:",mine,me,role,all" doc:"mine: asked of you or your role (the default); me; role; all: all that you may see"`
			Site     string `query:"site"`
			Kind     string `query:"kind" maxLength:"64"`
			Severity string `query:"severity" enum:",now,today,this-week,information"`
			Due      string `query:"due" enum:",overdue,today,week"`
			State    string `query:"state" enum:",open,snoozed,done,any"`
			Ref      string `query:"ref" maxLength:"200" doc:"What it is about: asset:<id>"`
			Cursor   string `query:"cursor"`
			Limit    int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*out[rest.Page[Entry]], error) {
			f := Filter{Whose: in.Whose, Site: in.Site, Kind: in.Kind, Severity: in.Severity, Due: in.Due, State: in.State, Cursor: in.Cursor, Limit: in.Limit}
			f.Ref.Kind, f.Ref.ID, _ = strings.Cut(in.Ref, ":")
			page, err := s.List(ctx, auth.From(ctx), f)
			return &out[rest.Page[Entry]]{page}, err
		})
	rest.Register(r, rest.Op{ID: "count-inbox", Method: http.MethodGet, Path: "/inbox/counts", Summary: "How much waits, of whom, where", Tag: tag, Permission: auth.OrgRead},
		func(ctx context.Context, _ *struct{}) (*out[Counts], error) {
			c, err := s.Count(ctx, auth.From(ctx))
			return &out[Counts]{c}, err
		})
	rest.Register(r, rest.Op{ID: "get-inbox-item", Method: http.MethodGet, Path: "/inbox/{id}", Summary: "One item: whom it reached, who saw it", Tag: tag, Permission: auth.OrgRead},
		func(ctx context.Context, in *idIn) (*out[Detail], error) {
			d, err := s.Detail(ctx, auth.From(ctx), in.ID)
			return &out[Detail]{d}, err
		})
	rest.Register(r, rest.Op{ID: "see-inbox-item", Method: http.MethodPost, Path: "/inbox/{id}/seen", Summary: "Note that you saw it", Tag: tag, Permission: auth.Self, Audit: "inbox.seen", Status: http.StatusNoContent},
		func(ctx context.Context, in *idIn) (*struct{}, error) {
			return nil, s.Seen(ctx, auth.From(ctx), in.ID)
		})
	rest.Register(r, rest.Op{ID: "answer-inbox-item", Method: http.MethodPost, Path: "/inbox/{id}/answer", Summary: "Answer what a word is enough for", Tag: tag, Permission: auth.Self, Audit: "inbox.answer", Status: http.StatusNoContent},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body struct {
				Comment string `json:"comment,omitempty" maxLength:"2000"`
			}
		},
		) (*struct{}, error) {
			return nil, s.Answer(ctx, auth.From(ctx), in.ID, in.Body.Comment)
		})
	rest.Register(r, rest.Op{ID: "snooze-inbox-item", Method: http.MethodPost, Path: "/inbox/{id}/snooze", Summary: "Put it aside until a time", Tag: tag, Permission: auth.Self, Audit: "inbox.snooze", Status: http.StatusNoContent},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body struct {
				Until  time.Time `json:"until"`
				Reason string    `json:"reason" minLength:"1" maxLength:"500"`
			}
		},
		) (*struct{}, error) {
			return nil, s.Snooze(ctx, auth.From(ctx), in.ID, in.Body.Until, in.Body.Reason)
		})
	rest.Register(r, rest.Op{ID: "hand-over-inbox-item", Method: http.MethodPost, Path: "/inbox/{id}/hand-over", Summary: "Give it to one person", Tag: tag, Permission: auth.Self, Audit: "inbox.hand_over", Status: http.StatusNoContent},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body struct {
				User string `json:"user"`
				Note string `json:"note,omitempty" maxLength:"500"`
			}
		},
		) (*struct{}, error) {
			return nil, s.HandOver(ctx, auth.From(ctx), in.ID, in.Body.User, in.Body.Note)
		})
}

func (s *Service) peopleRoutes(r *rest.Router) {
	const tag = "People"
	type people struct {
		Items []Colleague `json:"items" nullable:"false"`
	}
	rest.Register(r, rest.Op{ID: "list-people", Method: http.MethodGet, Path: "/people", Summary: "Who can be asked: the people who see what you see, or one site", Tag: tag, Permission: auth.RecordRead},
		func(ctx context.Context, in *struct {
			Site string `query:"site"`
		},
		) (*out[people], error) {
			list, err := s.People(ctx, auth.From(ctx).Scope, in.Site)
			return &out[people]{people{list}}, err
		})
	rest.Register(r, rest.Op{ID: "get-away", Method: http.MethodGet, Path: "/away", Summary: "Your deputy, your absences, for whom you stand in", Tag: tag, Permission: auth.OrgRead},
		func(ctx context.Context, _ *struct{}) (*out[Away], error) {
			a, err := s.Away(ctx, auth.From(ctx))
			return &out[Away]{a}, err
		})
	type made struct {
		ID string `json:"id"`
	}
	rest.Register(r, rest.Op{ID: "add-absence", Method: http.MethodPost, Path: "/away/absences", Summary: "Say that you are away, and who stands in", Tag: tag, Permission: auth.Self, Audit: "absence.add", Status: http.StatusCreated},
		func(ctx context.Context, in *struct{ Body NewAbsence }) (*out[made], error) {
			id, err := s.AddAbsence(ctx, auth.From(ctx), in.Body)
			return &out[made]{made{id}}, err
		})
	rest.Register(r, rest.Op{ID: "end-absence", Method: http.MethodDelete, Path: "/away/absences/{id}", Summary: "Call it off, or say that you are back", Tag: tag, Permission: auth.Self, Audit: "absence.end"},
		func(ctx context.Context, in *idIn) (*struct{}, error) {
			return nil, s.EndAbsence(ctx, auth.From(ctx), in.ID)
		})
	rest.Register(r, rest.Op{ID: "set-deputy", Method: http.MethodPut, Path: "/away/deputy", Summary: "Say who is asked when you do not answer in time", Tag: tag, Permission: auth.Self, Audit: "deputy.set", Status: http.StatusNoContent},
		func(ctx context.Context, in *struct {
			Body struct {
				User string `json:"user" doc:"Empty: nobody"`
			}
		},
		) (*struct{}, error) {
			return nil, s.SetDeputy(ctx, auth.From(ctx), in.Body.User)
		})
}

func (s *Service) rotaRoutes(r *rest.Router) {
	const tag = "On call"
	rest.Register(r, rest.Op{ID: "get-rota", Method: http.MethodGet, Path: "/rota", Summary: "Who is on call at a site, and when nobody is", Tag: tag, Permission: auth.OrgRead},
		func(ctx context.Context, in *struct {
			Site string `query:"site" required:"true"`
			Days int    `query:"days" minimum:"0" maximum:"366" doc:"How far to look for gaps; 0: 14"`
		},
		) (*out[Rota], error) {
			rota, err := s.Rota(ctx, auth.From(ctx).Scope, in.Site, in.Days)
			return &out[Rota]{rota}, err
		})
	rest.Register(r, rest.Op{ID: "plan-rota", Method: http.MethodPost, Path: "/rota", Summary: "Plan turns on call", Tag: tag, Permission: auth.OrgWrite, Audit: "rota.plan", Status: http.StatusNoContent},
		func(ctx context.Context, in *struct{ Body Turns }) (*struct{}, error) {
			return nil, s.AddTurns(ctx, auth.From(ctx), in.Body)
		})
	rest.Register(r, rest.Op{ID: "drop-turn", Method: http.MethodDelete, Path: "/rota/{id}", Summary: "Take one turn out", Tag: tag, Permission: auth.OrgWrite, Audit: "rota.drop"},
		func(ctx context.Context, in *idIn) (*struct{}, error) {
			return nil, s.DropTurn(ctx, auth.From(ctx), in.ID)
		})
}

func (s *Service) handoverRoutes(r *rest.Router) {
	const tag = "Shift"
	rest.Register(r, rest.Op{ID: "list-handovers", Method: http.MethodGet, Path: "/handovers", Summary: "Shift hand-overs, newest first", Tag: tag, Permission: auth.RecordRead},
		func(ctx context.Context, in *struct {
			Site   string `query:"site"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"200"`
		},
		) (*out[rest.Page[Handover]], error) {
			page, err := s.Handovers(ctx, auth.From(ctx).Scope, in.Site, in.Cursor, in.Limit)
			return &out[rest.Page[Handover]]{page}, err
		})
	rest.Register(r, rest.Op{ID: "preview-handover", Method: http.MethodGet, Path: "/handovers/preview", Summary: "What a hand-over of the last hours would show", Tag: tag, Permission: auth.RecordRead},
		func(ctx context.Context, in *struct {
			Site  string `query:"site" required:"true"`
			Hours int    `query:"hours" minimum:"0" maximum:"24" doc:"0: 8"`
		},
		) (*out[Handover], error) {
			h, err := s.Preview(ctx, auth.From(ctx), in.Site, time.Duration(in.Hours)*time.Hour)
			return &out[Handover]{h}, err
		})
	rest.Register(r, rest.Op{ID: "get-handover", Method: http.MethodGet, Path: "/handovers/{id}", Summary: "One hand-over as it was signed", Tag: tag, Permission: auth.RecordRead},
		func(ctx context.Context, in *idIn) (*out[Handover], error) {
			h, err := s.Handover(ctx, auth.From(ctx).Scope, in.ID)
			return &out[Handover]{h}, err
		})
	rest.Register(r, rest.Op{ID: "give-shift", Method: http.MethodPost, Path: "/handovers", Summary: "Sign the hand-over of a shift", Tag: tag, Permission: auth.RecordWrite, Audit: "handover.give", Status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			Body struct {
				Site  string `json:"site"`
				Hours int    `json:"hours" minimum:"1" maximum:"24"`
				Notes string `json:"notes" maxLength:"8000"`
			}
		},
		) (*out[Handover], error) {
			p := auth.From(ctx)
			id, err := s.HandOverShift(ctx, p, in.Body.Site, time.Duration(in.Body.Hours)*time.Hour, in.Body.Notes)
			if err != nil {
				return nil, err
			}
			h, err := s.Handover(ctx, p.Scope, id)
			return &out[Handover]{h}, err
		})
	rest.Register(r, rest.Op{ID: "take-shift", Method: http.MethodPost, Path: "/handovers/{id}/take", Summary: "Sign that you take the shift over", Tag: tag, Permission: auth.RecordWrite, Audit: "handover.take"},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body struct {
				Remark string `json:"remark,omitempty" maxLength:"2000"`
			}
		},
		) (*out[Handover], error) {
			p := auth.From(ctx)
			if err := s.TakeShift(ctx, p, in.ID, in.Body.Remark); err != nil {
				return nil, err
			}
			h, err := s.Handover(ctx, p.Scope, in.ID)
			return &out[Handover]{h}, err
		})
}
