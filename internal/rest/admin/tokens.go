package admin

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Token is an access token as its list shows it.
type Token struct {
	ID          string            `json:"id"`
	UserID      string            `json:"user_id"`
	UserName    string            `json:"user_name"`
	Name        string            `json:"name"`
	Permissions []auth.Permission `json:"permissions" nullable:"false"`
	SeesAll     bool              `json:"sees_all" doc:"All that its owner sees"`
	Entities    []string          `json:"entities" nullable:"false" doc:"Companies, by id"`
	Sites       []string          `json:"sites" nullable:"false" doc:"Sites, by id"`
	CreatedAt   store.Time        `json:"created_at"`
	EndAt       store.Time        `json:"end_at"`
	UsedAt      store.Time        `json:"used_at" nullable:"true" doc:"Last use, to the hour; null: never"`
}

// MadeToken is a new access token with its text.
type MadeToken struct {
	Token
	Secret string `json:"token" doc:"Shown once: only its hash is kept. Send it as Authorization: Bearer"`
}

func tokenOf(t auth.AccessToken) Token {
	return Token{
		ID: t.ID, UserID: t.UserID, UserName: t.UserName, Name: t.Name, Permissions: t.Permissions.V, SeesAll: t.SeesAll,
		Entities: t.Entities.V, Sites: t.Sites.V, CreatedAt: t.CreatedAt, EndAt: t.EndAt, UsedAt: t.UsedAt,
	}
}

type tokenIn struct {
	Body struct {
		Name        string            `json:"name" maxLength:"120" doc:"Which program uses it"`
		Permissions []auth.Permission `json:"permissions" maxItems:"100"`
		SeesAll     bool              `json:"sees_all,omitempty" doc:"All that its owner sees, at the time of use"`
		Entities    []string          `json:"entities,omitempty" maxItems:"500"`
		Sites       []string          `json:"sites,omitempty" maxItems:"500"`
		EndAt       time.Time         `json:"end_at" doc:"At most a year from now"`
	}
}

// tokenRoutes need Self, which no access token has: a token makes no tokens.
func (s *Service) tokenRoutes(r *rest.Router) {
	const tag = "Access tokens"
	rest.Register(r, rest.Op{ID: "list-tokens", Method: "GET", Path: "/tokens", Permission: auth.Self, Tag: tag, Summary: "One's own access tokens, or everybody's"},
		func(ctx context.Context, in *struct {
			All bool `query:"all" doc:"Everybody's; for administrators"`
		},
		) (*list[Token], error) {
			p := auth.From(ctx)
			if in.All {
				if err := overall(p, auth.UserWrite); err != nil {
					return nil, err
				}
			}
			items, err := s.cfg.Auth.Tokens(ctx, p, in.All)
			out := make([]Token, 0, len(items))
			for _, x := range items {
				out = append(out, tokenOf(x))
			}
			return listOf(out), err
		})
	rest.Register(r, rest.Op{ID: "create-token", Method: "POST", Path: "/tokens", Permission: auth.Self, Tag: tag, Audit: "token.create", Status: 201, Summary: "Let a program act in one's name"},
		func(ctx context.Context, in *tokenIn) (*one[MadeToken], error) {
			b := in.Body
			id := store.NewID() // here, so that the audit entry knows it
			rest.Target(ctx, "", ot.Ref{Kind: "token", ID: id})
			rest.Detail(ctx, "name", b.Name)
			rest.Detail(ctx, "end_at", b.EndAt.UTC().Format(time.RFC3339))
			secret, t, err := s.cfg.Auth.CreateToken(ctx, auth.From(ctx), auth.NewAccessToken{
				ID: id, Name: b.Name, Permissions: b.Permissions, SeesAll: b.SeesAll, Entities: b.Entities, Sites: b.Sites, EndAt: b.EndAt,
			})
			if err != nil {
				return nil, err
			}
			return &one[MadeToken]{MadeToken{tokenOf(t), secret}}, nil
		})
	rest.Register(r, rest.Op{ID: "revoke-token", Method: "DELETE", Path: "/tokens/{id}", Permission: auth.Self, Tag: tag, Audit: "token.revoke", Summary: "Revoke an access token"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			p := auth.From(ctx)
			rest.Target(ctx, "", ot.Ref{Kind: "token", ID: in.ID})
			return nil, s.cfg.Auth.RevokeToken(ctx, p, in.ID, overall(p, auth.UserWrite) == nil)
		})
}
