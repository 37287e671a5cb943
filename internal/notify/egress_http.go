package notify

import (
	"context"
	"fmt"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/egress"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Out is where this installation may connect to.
type Out struct {
	Off     bool             `json:"off" doc:"Nothing is connected whatever the list says: the demo"`
	Items   []egress.Allow   `json:"items" nullable:"false"`
	Refused []egress.Refusal `json:"refused" nullable:"false" doc:"What something here wanted to reach since the start, newest first"`
}

type egressIn struct {
	Body struct {
		Host   string `json:"host" minLength:"1" maxLength:"300" doc:"mail.example.com, 10.0.4.7 or 10.0.4.0/24"`
		Port   int64  `json:"port" minimum:"1" maximum:"65535"`
		Inside bool   `json:"inside,omitempty" doc:"The name may stand for a private, link-local or loopback address"`
		Note   string `json:"note,omitempty" maxLength:"400" doc:"What for"`
	}
}

func (s *Service) egressRoutes(r *rest.Router) {
	const tag = "Connections out"
	rest.Register(r, rest.Op{ID: "list-egress", Method: http.MethodGet, Path: "/egress", Permission: auth.SystemRead, Tag: tag, Summary: "Where this installation may connect to, and what was refused"},
		func(ctx context.Context, _ *struct{}) (*one[Out], error) {
			out := Out{Off: s.cfg.Egress.Off(), Items: []egress.Allow{}, Refused: []egress.Refusal{}}
			if overall(auth.From(ctx)) != nil {
				return &one[Out]{out}, nil // names of machines are not of one site
			}
			out.Refused = s.cfg.Egress.Refused()
			err := s.db.View(ctx, func(r store.Reader) (err error) { out.Items, err = egress.List(ctx, r); return err })
			return &one[Out]{out}, err
		})
	rest.Register(r, rest.Op{ID: "allow-egress", Method: http.MethodPost, Path: "/egress", Permission: auth.SystemWrite, Tag: tag, Audit: "egress.allow", Status: http.StatusCreated, Summary: "Allow connections to a host and port"},
		func(ctx context.Context, in *egressIn) (*one[egress.Allow], error) {
			p := auth.From(ctx)
			if err := overall(p); err != nil {
				return nil, err
			}
			var out egress.Allow
			err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
				out, err = egress.Add(ctx, tx, s.cfg.Now(), egress.Allow{Host: in.Body.Host, Port: in.Body.Port, Inside: in.Body.Inside, Note: in.Body.Note, MadeBy: p.UserID})
				said(ctx, out)
				return err
			})
			return &one[egress.Allow]{out}, err
		})
	rest.Register(r, rest.Op{ID: "forbid-egress", Method: http.MethodDelete, Path: "/egress/{id}", Permission: auth.SystemWrite, Tag: tag, Audit: "egress.forbid", Summary: "Take a place off the list"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			if err := overall(auth.From(ctx)); err != nil {
				return nil, err
			}
			return nil, s.db.Update(ctx, func(tx *store.Tx) error {
				was, err := egress.Remove(ctx, tx, in.ID)
				said(ctx, was)
				return err
			})
		})
}

// said tells the audit entry which place was meant.
func said(ctx context.Context, a egress.Allow) {
	rest.Target(ctx, "", ot.Ref{Kind: "egress", ID: a.ID})
	rest.Detail(ctx, "place", fmt.Sprintf("%s:%d", a.Host, a.Port))
	if a.Inside {
		rest.Detail(ctx, "inside", "yes")
	}
}
