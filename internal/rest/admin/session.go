package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Person is who is signed in, as a page needs to know it.
type Person struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Email       string            `json:"email"`
	Role        string            `json:"role"`
	Permissions []auth.Permission `json:"permissions" nullable:"false"`
	MustEnrol   bool              `json:"must_enrol" doc:"The role asks for a second step: nothing else is allowed until it is on"`
	MustStep    bool              `json:"must_step" doc:"The session stands on one factor: nothing else is allowed until the second was given"`
	How         auth.How          `json:"how" enum:"password,link,setup,passkey,oidc,ldap,break-glass" doc:"Empty: a program, or the demo"`
	EndAt       store.Time        `json:"end_at" nullable:"true" doc:"When the session ends in any case"`
	Language    string            `json:"language" doc:"en, da or de; empty: as the browser asks"`
	Scope       PersonScope       `json:"scope"`
}

// PersonScope is what part of the tree a person sees.
type PersonScope struct {
	All      bool     `json:"all"`
	Entities []string `json:"entities" nullable:"false"`
	Sites    []int64  `json:"sites" nullable:"false" doc:"Site numbers"`
	Zones    []int64  `json:"zones" nullable:"false" doc:"Zone numbers: only what stands in them"`
}

// State is what a page asks first.
type State struct {
	User        *Person `json:"user" doc:"null: nobody is signed in"`
	SetupNeeded bool    `json:"setup_needed"`
	Demo        bool    `json:"demo"`
	Version     string  `json:"version"`

	Ways *auth.Ways `json:"ways,omitempty" doc:"Ways in besides a password, for who is not signed in"`
}

// OpenSession is a session as its list shows it.
type OpenSession struct {
	auth.Session
	Current bool `json:"current" doc:"The one that asks"`
}

type stateOut struct {
	SetCookie []http.Cookie `header:"Set-Cookie"`
	Body      State
}

func (s *Service) state(ctx context.Context, p auth.Principal) (State, error) {
	need, err := s.cfg.Auth.SetupNeeded(ctx)
	if err != nil {
		return State{}, err
	}
	out := State{SetupNeeded: need && p.Nobody(), Demo: s.cfg.Demo, Version: s.cfg.Version}
	if !p.Nobody() {
		sc := PersonScope{All: p.Scope.All, Entities: p.Scope.Entities, Sites: p.Scope.Sites, Zones: p.Scope.Zones}
		if sc.Entities == nil {
			sc.Entities = []string{}
		}
		if sc.Sites == nil {
			sc.Sites = []int64{}
		}
		if sc.Zones == nil {
			sc.Zones = []int64{}
		}
		out.User = &Person{ID: p.UserID, Name: p.Name, Email: p.Email, Role: p.Role, Permissions: p.Permissions.List(), MustEnrol: p.MustEnrol, MustStep: p.MustStep, How: p.How, EndAt: store.At(p.EndAt), Language: p.Language, Scope: sc}
		return out, nil
	}
	ways, err := s.cfg.Auth.Ways(ctx)
	out.Ways = &ways
	return out, err
}

// signed answers a sign-in: the cookie, and the state as the new person sees it.
func (s *Service) signed(ctx context.Context, in auth.Signed) (*stateOut, error) {
	p, err := s.cfg.Auth.Authenticate(ctx, in.Token)
	if err != nil {
		return nil, err
	}
	st, err := s.state(ctx, p)
	return &stateOut{SetCookie: []http.Cookie{cookie(ctx, in.Token, in.EndAt)}, Body: st}, err
}

// refused writes down that a sign-in failed, and passes the failure on. What the
// rate limit turned away is not written: a flood must not fill the log.
func (s *Service) refused(ctx context.Context, who string, err error) error {
	if step, ok := errors.AsType[auth.SecondStepError](err); ok { // half a sign-in is none, and no failure
		code := ot.Code("second_step")
		if step.Passkey {
			code = "passkey"
		}
		return &rest.Problem{Type: "about:blank", Title: http.StatusText(http.StatusUnauthorized), Status: http.StatusUnauthorized, Detail: err.Error(), Code: code}
	}
	if ot.CodeOf(err) != ot.SignIn {
		return err
	}
	// Not under the request's own entry, which is for what succeeded.
	werr := s.cfg.DB.Update(store.WithoutHooks(context.WithoutCancel(ctx)), func(tx *store.Tx) error {
		return audit.Append(ctx, tx, audit.Entry{Actor: "nobody", Action: "session.refused", Detail: map[string]string{"who": who, "address": client(ctx).Address}})
	})
	if werr != nil {
		return werr
	}
	return err
}

func (s *Service) sessionRoutes(r *rest.Router) {
	const tag = "Session"
	rest.Register(r, rest.Op{ID: "get-session", Method: "GET", Path: "/session", Public: true, Tag: tag, Summary: "Who is signed in, and whether the first set-up is due"},
		func(ctx context.Context, _ *struct{}) (*stateOut, error) {
			st, err := s.state(ctx, auth.From(ctx))
			return &stateOut{Body: st}, err
		})
	rest.Register(r, rest.Op{ID: "sign-in", Method: "POST", Path: "/session", Public: true, Tag: tag, Audit: "session.create", Status: 200, Summary: "Sign in with a password"}, s.signIn)
	rest.Register(r, rest.Op{ID: "sign-out", Method: "DELETE", Path: "/session", Permission: auth.Self, Tag: tag, Audit: "session.end", Status: 200, Summary: "Sign out"},
		func(ctx context.Context, _ *struct{}) (*signedOut, error) {
			p := auth.From(ctx)
			err := s.cfg.Auth.SignOut(ctx, p)
			return &signedOut{cookie(ctx, "", time.Unix(1, 0)), SignedOut{s.cfg.Auth.LogoutAddress(p)}}, err
		})
	rest.Register(r, rest.Op{ID: "set-up", Method: "POST", Path: "/setup", Public: true, Tag: tag, Audit: "setup", Status: 200, Summary: "Make the first administrator, company and site"}, s.setUp)
	rest.Register(r, rest.Op{ID: "use-link", Method: "POST", Path: "/session/link", Public: true, Tag: tag, Audit: "session.link", Status: 200, Summary: "Sign in by a one-time link, and set a password"}, s.useLink)
	rest.Register(r, rest.Op{ID: "set-password", Method: "PUT", Path: "/session/password", Permission: auth.Self, Tag: tag, Audit: "user.password", Summary: "Change one's own password; other sessions end"},
		func(ctx context.Context, in *struct {
			Body struct {
				Old      string `json:"old" maxLength:"1024"`
				Password string `json:"password" maxLength:"1024"`
			}
		},
		) (*struct{}, error) {
			p := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: p.UserID})
			return nil, s.cfg.Auth.SetPassword(ctx, p, in.Body.Old, in.Body.Password)
		})
	rest.Register(r, rest.Op{ID: "list-sessions", Method: "GET", Path: "/sessions", Permission: auth.Self, Tag: tag, Summary: "One's own sessions, or everybody's"},
		func(ctx context.Context, in *struct {
			All bool `query:"all" doc:"Everybody's; for administrators"`
		},
		) (*list[OpenSession], error) {
			p := auth.From(ctx)
			if in.All {
				if err := overall(p, auth.UserRead); err != nil {
					return nil, err
				}
			}
			items, err := s.cfg.Auth.Sessions(ctx, p, in.All)
			out := make([]OpenSession, 0, len(items))
			for _, x := range items {
				out = append(out, OpenSession{x, x.ID == p.SessionID})
			}
			return listOf(out), err
		})
	rest.Register(r, rest.Op{ID: "end-session", Method: "DELETE", Path: "/sessions/{id}", Permission: auth.Self, Tag: tag, Audit: "session.revoke", Summary: "End a session"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			p := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "session", ID: in.ID})
			return nil, s.cfg.Auth.Revoke(ctx, p, in.ID, overall(p, auth.UserWrite) == nil)
		})
}

// SignedOut says where a session at a provider ends too.
type SignedOut struct {
	Provider string `json:"provider,omitempty" doc:"An address to send the browser to: the person is signed in there still"`
}

type signedOut struct {
	SetCookie http.Cookie `header:"Set-Cookie"`
	Body      SignedOut
}

type signInIn struct {
	Body struct {
		Email    string `json:"email" maxLength:"254" doc:"Or the name in a directory"`
		Password string `json:"password" maxLength:"1024"`
		Code     string `json:"code,omitempty" maxLength:"40" doc:"Of the authenticator app, or a recovery code, when the answer was second_step"`
	}
}

func (s *Service) signIn(ctx context.Context, in *signInIn) (*stateOut, error) {
	rest.Detail(ctx, "address", client(ctx).Address)
	signed, err := s.cfg.Auth.SignInCode(ctx, in.Body.Email, in.Body.Password, in.Body.Code, client(ctx))
	if err != nil {
		return nil, s.refused(ctx, in.Body.Email, err)
	}
	return s.signed(ctx, signed)
}

type linkIn struct {
	Body struct {
		Token    string `json:"token" maxLength:"100"`
		Password string `json:"password,omitempty" maxLength:"1024" doc:"Becomes the user's own"`
		Code     string `json:"code,omitempty" maxLength:"40" doc:"Of the authenticator app, or a recovery code, when the answer was second_step"`
	}
}

func (s *Service) useLink(ctx context.Context, in *linkIn) (*stateOut, error) {
	rest.Detail(ctx, "address", client(ctx).Address)
	signed, err := s.cfg.Auth.UseLinkCode(ctx, in.Body.Token, in.Body.Password, in.Body.Code, client(ctx))
	if err != nil {
		return nil, s.refused(ctx, "link", err)
	}
	return s.signed(ctx, signed)
}

type setUpIn struct {
	Body struct {
		Token    string `json:"token" maxLength:"100" doc:"The server prints it when it starts"`
		Name     string `json:"name" maxLength:"120"`
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"1024"`
		Company  string `json:"company" maxLength:"120"`
		Profile  string `json:"profile,omitempty" enum:"essential,important"`
		Site     string `json:"site" maxLength:"120"`
		Country  string `json:"country,omitempty" maxLength:"2"`
		TZ       string `json:"tz,omitempty" maxLength:"64"`
	}
}

func (s *Service) setUp(ctx context.Context, in *setUpIn) (*stateOut, error) {
	b := in.Body
	signed, err := s.cfg.Auth.Setup(ctx, b.Token, auth.User{Name: b.Name, Email: b.Email}, b.Password, client(ctx), func(ctx context.Context, tx *store.Tx) error {
		e, err := s.cfg.Org.AddEntity(ctx, tx, org.Entity{Name: b.Company, Profile: b.Profile})
		if err != nil {
			return err
		}
		at, err := s.cfg.Org.AddSite(ctx, tx, org.Site{EntityID: e.ID, Name: b.Site, Country: b.Country, TZ: b.TZ})
		rest.Target(ctx, at.ID, ot.Ref{Kind: "site", ID: at.ID})
		return err
	})
	if err != nil {
		return nil, s.refused(ctx, "set-up", err)
	}
	return s.signed(ctx, signed)
}
