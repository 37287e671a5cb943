package admin

import (
	"context"
	"net/http"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
)

const (
	ssoCookie = "skanse_sso"
	ssoReturn = "/sso" // the page that the provider sends the browser back to
)

// Away is where a sign-in goes on.
type Away struct {
	URL string `json:"url" doc:"Send the browser there; it comes back to /sso"`
}

type awayOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      Away
}

type ssoIn struct {
	Cookie string `cookie:"skanse_sso" maxLength:"100"`
	Body   struct {
		State string `json:"state" maxLength:"200"`
		Code  string `json:"code" maxLength:"4000"`
	}
}

func (s *Service) ssoRoutes(r *rest.Router) {
	const tag = "Session"
	begin := func(ctx context.Context, id, said string, p auth.Principal) (*awayOut, error) {
		at, err := origin(ctx, said)
		if err != nil {
			return nil, err
		}
		url, browser, err := s.cfg.Auth.BeginSSO(ctx, p, id, at+ssoReturn, client(ctx))
		if err != nil {
			return nil, err
		}
		c := cookie(ctx, browser, time.Now().Add(10*time.Minute))
		c.Name, c.Path = ssoCookie, rest.Prefix
		return &awayOut{c, Away{url}}, nil
	}
	type beginIn struct {
		ID     string `path:"id" maxLength:"64"`
		Origin string `query:"origin" maxLength:"300" doc:"Under which address the page was opened"`
	}
	rest.Register(r, rest.Op{ID: "begin-sso", Method: "GET", Path: "/session/sso/{id}", Public: true, Tag: tag, Summary: "Where to send the browser to sign in at a provider"},
		func(ctx context.Context, in *beginIn) (*awayOut, error) {
			return begin(ctx, in.ID, in.Origin, auth.Principal{})
		})
	rest.Register(r, rest.Op{ID: "finish-sso", Method: "POST", Path: "/session/sso", Public: true, Tag: tag, Audit: "session.sso", Status: 200, Summary: "Sign in with what the provider sent back"},
		func(ctx context.Context, in *ssoIn) (*stateOut, error) {
			rest.Detail(ctx, "address", client(ctx).Address)
			signed, err := s.cfg.Auth.FinishSSO(ctx, auth.Principal{}, in.Body.State, in.Body.Code, in.Cookie, client(ctx))
			if err != nil {
				return nil, s.refused(ctx, "provider", err)
			}
			return s.signed(ctx, signed)
		})
	rest.Register(r, rest.Op{ID: "begin-join", Method: "GET", Path: "/identities/{id}", Permission: auth.Self, Tag: tag, Summary: "Where to send the browser to join one's account at a provider with this one"},
		func(ctx context.Context, in *beginIn) (*awayOut, error) {
			return begin(ctx, in.ID, in.Origin, auth.From(ctx))
		})
	rest.Register(r, rest.Op{ID: "join-identity", Method: "POST", Path: "/identities", Permission: auth.Self, Tag: tag, Audit: "user.join", Status: 204, Summary: "Join one's account at a provider with this one"},
		func(ctx context.Context, in *ssoIn) (*struct{}, error) {
			p := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: p.UserID})
			_, err := s.cfg.Auth.FinishSSO(ctx, p, in.Body.State, in.Body.Code, in.Cookie, client(ctx))
			if ot.CodeOf(err) == ot.SignIn { // the person is signed in here all the same
				err = ot.Errorf(ot.Invalid, "%w", err)
			}
			return nil, err
		})
	rest.Register(r, rest.Op{ID: "list-identities", Method: "GET", Path: "/identities", Permission: auth.Self, Tag: tag, Summary: "Where else one is known, and could be"},
		func(ctx context.Context, _ *struct{}) (*list[auth.Known], error) {
			items, err := s.cfg.Auth.Identities(ctx, auth.From(ctx))
			return listOf(items), err
		})
	rest.Register(r, rest.Op{ID: "step-up", Method: "POST", Path: "/session/step", Permission: auth.Self, Tag: tag, Audit: "session.step", Status: 204, Summary: "Give the second step in a session that began at a provider"},
		func(ctx context.Context, in *codeIn) (*struct{}, error) {
			p := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: p.UserID})
			return nil, s.cfg.Auth.StepUp(ctx, p, in.Body.Code)
		})
	rest.Register(r, rest.Op{ID: "update-profile", Method: "PATCH", Path: "/session", Permission: auth.Self, Tag: tag, Audit: "user.profile", Status: 204, Summary: "Choose one's language"},
		func(ctx context.Context, in *struct {
			Body struct {
				Language string `json:"language" enum:",en,da,de" doc:"Empty: as the browser asks"`
			}
		},
		) (*struct{}, error) {
			p := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: p.UserID})
			rest.Detail(ctx, "language", in.Body.Language)
			return nil, s.cfg.Auth.SetLanguage(ctx, p, in.Body.Language)
		})
}
