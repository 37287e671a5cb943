package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Ceremony is what a browser needs to make or find a passkey.
type Ceremony struct {
	ID      string          `json:"id" doc:"Give it back with the answer"`
	Options json.RawMessage `json:"options" doc:"For navigator.credentials, as WebAuthn's JSON form"`
}

type passkeyIn struct {
	Body struct {
		ID     string         `json:"id" maxLength:"100" doc:"Of the ceremony"`
		Name   string         `json:"name" maxLength:"60" doc:"On which device it is"`
		Answer map[string]any `json:"answer" doc:"The browser's PublicKeyCredential as JSON"`
	}
}

type passkeySignIn struct {
	Body struct {
		ID     string         `json:"id" maxLength:"100" doc:"Of the ceremony"`
		Answer map[string]any `json:"answer" doc:"The browser's PublicKeyCredential as JSON"`
	}
}

type fromPage struct {
	Origin string `query:"origin" maxLength:"300" doc:"Under which address the page was opened"`
}

func ceremony(id string, options any, err error) (*one[Ceremony], error) {
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(options)
	return &one[Ceremony]{Ceremony{id, b}}, err
}

// origin accepts the page's address only if the request came to that host.
func origin(ctx context.Context, said string) (string, error) {
	u, err := url.Parse(said)
	q := rest.Request(ctx)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || q != nil && u.Hostname() != hostOf(q) {
		return "", ot.Errorf(ot.Invalid, "origin: %q is not the address under which the page was opened", ot.Printable(said))
	}
	return u.Scheme + "://" + u.Host, nil
}

func hostOf(q *http.Request) string {
	u := url.URL{Host: q.Host}
	return u.Hostname()
}

func (s *Service) passkeyRoutes(r *rest.Router) {
	const tag = "Session"
	rest.Register(r, rest.Op{ID: "begin-passkey-sign-in", Method: "GET", Path: "/session/passkey", Public: true, Tag: tag, Summary: "What a browser needs to sign in with a passkey"},
		func(ctx context.Context, in *fromPage) (*one[Ceremony], error) {
			at, err := origin(ctx, in.Origin)
			if err != nil {
				return nil, err
			}
			options, id, err := s.cfg.Auth.BeginPasskeySignIn(ctx, at, client(ctx))
			return ceremony(id, options, err)
		})
	rest.Register(r, rest.Op{ID: "passkey-sign-in", Method: "POST", Path: "/session/passkey", Public: true, Tag: tag, Audit: "session.passkey", Status: 200, Summary: "Sign in with a passkey: no name, no password"},
		func(ctx context.Context, in *passkeySignIn) (*stateOut, error) {
			rest.Detail(ctx, "address", client(ctx).Address)
			answer, err := json.Marshal(in.Body.Answer)
			if err != nil {
				return nil, err
			}
			signed, err := s.cfg.Auth.FinishPasskeySignIn(ctx, in.Body.ID, answer, client(ctx))
			if copied, ok := errors.AsType[auth.CopiedError](err); ok {
				return nil, s.copied(ctx, copied)
			}
			if err != nil {
				return nil, s.refused(ctx, "passkey", err)
			}
			return s.signed(ctx, signed)
		})
	rest.Register(r, rest.Op{ID: "list-passkeys", Method: "GET", Path: "/passkeys", Permission: auth.Self, Tag: tag, Summary: "One's own passkeys"},
		func(ctx context.Context, _ *struct{}) (*list[auth.Passkey], error) {
			items, err := s.cfg.Auth.Passkeys(ctx, auth.From(ctx))
			return listOf(items), err
		})
	rest.Register(r, rest.Op{ID: "begin-passkey", Method: "GET", Path: "/passkeys/options", Permission: auth.Self, Tag: tag, Summary: "What a browser needs to make a passkey"},
		func(ctx context.Context, in *fromPage) (*one[Ceremony], error) {
			at, err := origin(ctx, in.Origin)
			if err != nil {
				return nil, err
			}
			options, id, err := s.cfg.Auth.BeginPasskey(ctx, auth.From(ctx), at)
			return ceremony(id, options, err)
		})
	rest.Register(r, rest.Op{ID: "create-passkey", Method: "POST", Path: "/passkeys", Permission: auth.Self, Tag: tag, Audit: "passkey.create", Status: 201, Summary: "Keep a passkey that the browser made"},
		func(ctx context.Context, in *passkeyIn) (*one[auth.Passkey], error) {
			p := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "user", ID: p.UserID})
			rest.Detail(ctx, "passkey", in.Body.Name)
			answer, err := json.Marshal(in.Body.Answer)
			if err != nil {
				return nil, err
			}
			k, err := s.cfg.Auth.FinishPasskey(ctx, p, in.Body.ID, in.Body.Name, answer)
			return &one[auth.Passkey]{k}, err
		})
	rest.Register(r, rest.Op{ID: "remove-passkey", Method: "DELETE", Path: "/passkeys/{id}", Permission: auth.Self, Tag: tag, Audit: "passkey.remove", Summary: "Take one of one's own passkeys away"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			rest.Target(ctx, "", ot.Ref{Kind: "passkey", ID: in.ID})
			return nil, s.cfg.Auth.RemovePasskey(ctx, auth.From(ctx), in.ID)
		})
}

// copied writes down that a passkey's counter went back, under the name of its owner.
func (s *Service) copied(ctx context.Context, e auth.CopiedError) error {
	err := s.cfg.DB.Update(store.WithoutHooks(context.WithoutCancel(ctx)), func(tx *store.Tx) error {
		return audit.Append(ctx, tx, audit.Entry{
			Actor: e.UserID, Action: "passkey.copied", Target: ot.Ref{Kind: "passkey", ID: e.PasskeyID},
			Detail: map[string]string{"address": client(ctx).Address, "what": "the counter of signatures went back: there may be a copy"},
		})
	})
	if err != nil {
		return err
	}
	return ot.Errorf(ot.SignIn, "%w", e)
}
