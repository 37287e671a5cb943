package admin

import (
	"context"
	"strconv"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Sheet is a new sheet of codes, to print and seal.
type Sheet struct {
	MadeAt store.Time `json:"made_at"`
	Codes  []string   `json:"codes" nullable:"false" doc:"Shown once: only their hashes are kept"`
}

func (s *Service) breakGlassRoutes(r *rest.Router) {
	const tag = "Users"
	rest.Register(r, rest.Op{ID: "get-break-glass", Method: "GET", Path: "/break-glass", Permission: auth.UserRead, Tag: tag, Summary: "How many printed codes are left"},
		func(ctx context.Context, _ *struct{}) (*one[auth.SheetState], error) {
			if err := overall(auth.From(ctx), auth.UserRead); err != nil {
				return nil, err
			}
			x, err := s.cfg.Auth.SheetState(ctx)
			return &one[auth.SheetState]{x}, err
		})
	rest.Register(r, rest.Op{ID: "print-break-glass", Method: "POST", Path: "/break-glass", Permission: auth.UserWrite, Tag: tag, Audit: "break_glass.print", Status: 201, Summary: "Make a sheet of one-time codes to seal in an envelope; an older sheet stops working"},
		func(ctx context.Context, in *struct {
			Body struct {
				Codes int `json:"codes,omitempty" minimum:"1" maximum:"50" doc:"How many; 10 if absent"`
			}
		},
		) (*one[Sheet], error) {
			p := auth.From(ctx)
			// The codes open everything: only who may do everything prints them.
			if err := s.mayGive(ctx, auth.Administrator); err != nil {
				return nil, err
			}
			x, err := s.cfg.Auth.PrintSheet(ctx, p, in.Body.Codes)
			if err != nil {
				return nil, err
			}
			return &one[Sheet]{Sheet{store.At(x.MadeAt), x.Codes}}, nil
		})
	rest.Register(r, rest.Op{ID: "break-glass-sign-in", Method: "POST", Path: "/session/break-glass", Public: true, Tag: tag, Audit: "session.break_glass", Status: 200, Summary: "Sign in with a printed code, once; administrators and the security officer are told"},
		func(ctx context.Context, in *struct {
			Body struct {
				Code string `json:"code" maxLength:"60"`
				Name string `json:"name" maxLength:"120" doc:"Who uses it"`
				Why  string `json:"why" maxLength:"500"`
			}
		},
		) (*stateOut, error) {
			rest.Detail(ctx, "address", client(ctx).Address)
			rest.Detail(ctx, "said", in.Body.Name)
			rest.Detail(ctx, "why", in.Body.Why)
			signed, err := s.cfg.Auth.UseSheetCode(ctx, in.Body.Code, in.Body.Name, in.Body.Why, client(ctx))
			if err != nil {
				return nil, s.refused(ctx, "break-glass: "+in.Body.Name, err)
			}
			rest.Detail(ctx, "ends", strconv.FormatInt(signed.EndAt.Unix(), 10))
			rest.Target(ctx, "", ot.Ref{Kind: "session", ID: signed.SessionID})
			return s.signed(ctx, signed)
		})
}
