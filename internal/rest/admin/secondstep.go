package admin

import (
	"context"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/qr"
	"github.com/skanse/skanse/internal/rest"
)

// Enrolment is what an authenticator app is told.
type Enrolment struct {
	Secret string `json:"secret" doc:"To type where no camera is"`
	URI    string `json:"uri"`
	SVG    string `json:"svg" doc:"The QR code of the uri"`
}

// RecoveryCodes stand in for the app when the phone is lost, each once.
type RecoveryCodes struct {
	Codes []string `json:"codes" nullable:"false" doc:"Shown once: only their hashes are kept"`
}

type codeIn struct {
	Body struct {
		Code string `json:"code" maxLength:"40"`
	}
}

func (s *Service) secondStepRoutes(r *rest.Router) {
	const tag = "Session"
	rest.Register(r, rest.Op{ID: "get-second-step", Method: "GET", Path: "/session/totp", Permission: auth.Self, Tag: tag, Summary: "How one stands with the second step of the sign-in"},
		func(ctx context.Context, _ *struct{}) (*one[auth.SecondStep], error) {
			x, err := s.cfg.Auth.SecondStep(ctx, auth.From(ctx))
			return &one[auth.SecondStep]{x}, err
		})
	rest.Register(r, rest.Op{ID: "begin-second-step", Method: "POST", Path: "/session/totp", Permission: auth.Self, Tag: tag, Audit: "second_step.begin", Summary: "Get the secret for an authenticator app; it counts once it is confirmed"},
		func(ctx context.Context, _ *struct{}) (*one[Enrolment], error) {
			p := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: p.UserID})
			e, err := s.cfg.Auth.BeginEnrolment(ctx, p)
			if err != nil {
				return nil, err
			}
			svg, err := qr.SVG(e.URI)
			return &one[Enrolment]{Enrolment{e.Secret, e.URI, svg}}, err
		})
	rest.Register(r, rest.Op{ID: "confirm-second-step", Method: "POST", Path: "/session/totp/confirm", Permission: auth.Self, Tag: tag, Audit: "second_step.on", Summary: "Turn the second step on with the app's first code; gives the recovery codes"},
		func(ctx context.Context, in *codeIn) (*one[RecoveryCodes], error) {
			p := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: p.UserID})
			codes, err := s.cfg.Auth.ConfirmEnrolment(ctx, p, in.Body.Code)
			if err != nil {
				return nil, err
			}
			return &one[RecoveryCodes]{RecoveryCodes{codes}}, nil
		})
	rest.Register(r, rest.Op{ID: "end-second-step", Method: "POST", Path: "/session/totp/off", Permission: auth.Self, Tag: tag, Audit: "second_step.off", Summary: "Turn the second step off with a code"},
		func(ctx context.Context, in *codeIn) (*struct{}, error) {
			p := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: p.UserID})
			return nil, s.cfg.Auth.TurnOff(ctx, p, in.Body.Code)
		})
	rest.Register(r, rest.Op{ID: "reset-second-step", Method: "DELETE", Path: "/users/{id}/totp", Permission: auth.UserWrite, Tag: "Users", Audit: "second_step.reset", Summary: "Take a person's second step away, when the phone is lost"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			u, err := s.cfg.Auth.User(ctx, in.ID)
			if err != nil {
				return nil, err
			}
			if err := s.mayGive(ctx, u.Role); err != nil {
				return nil, err
			}
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: in.ID})
			return nil, s.cfg.Auth.ResetSecond(ctx, in.ID)
		})
	rest.Register(r, rest.Op{ID: "require-second-step", Method: "PUT", Path: "/roles/{id}/second-step", Permission: auth.UserWrite, Tag: "Users", Audit: "role.second_step", Summary: "Say whether the people of a role must have a second step"},
		func(ctx context.Context, in *struct {
			ID   string `path:"id" maxLength:"64"`
			Body struct {
				Required bool `json:"required"`
			}
		},
		) (*struct{}, error) {
			if err := overall(auth.From(ctx), auth.UserWrite); err != nil {
				return nil, err
			}
			rest.Target(ctx, "", ot.Ref{Kind: "role", ID: in.ID})
			required := "no"
			if in.Body.Required {
				required = "yes"
			}
			rest.Detail(ctx, "required", required)
			return nil, s.cfg.Auth.RequireSecond(ctx, in.ID, in.Body.Required)
		})
}
