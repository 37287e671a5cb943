package comply

import (
	"context"
	"net/http"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// body wraps an answer as huma wants it.
type body[T any] struct{ Body T }

func answerWith[T any](v T, err error) (*body[T], error) {
	if err != nil {
		return nil, err
	}
	return &body[T]{v}, nil
}

// Routes mounts what this package offers.
func (s *Service) Routes(r *rest.Router) {
	s.explainRoutes(r)
	s.sightRoutes(r)
	read := func(id, path, summary string) rest.Op {
		return rest.Op{ID: id, Method: http.MethodGet, Path: path, Summary: summary, Tag: "posture", Permission: auth.PostureRead}
	}
	rest.Register(r, read("get-posture", "/posture", "What NIS2 asks, area by area and site by site"), func(ctx context.Context, in *struct {
		AsOf string `query:"as_of" doc:"A day, as 2026-11-20; empty: now"`
	},
	) (*body[Posture], error) {
		at, err := rest.AsOf(in.AsOf, s.clock())
		if err != nil {
			return nil, err
		}
		return answerWith(s.Posture(ctx, auth.From(ctx).Scope, at))
	})
	rest.Register(r, read("list-requirements", "/requirements", "The catalogue with its levels"), func(ctx context.Context, in *struct {
		Area int    `query:"area" minimum:"0" maximum:"99"`
		Site string `query:"site" maxLength:"64"`
		AsOf string `query:"as_of" doc:"A day, as 2026-11-20; empty: now"`
	},
	) (*body[rest.Page[RequirementItem]], error) {
		at, err := rest.AsOf(in.AsOf, s.clock())
		if err != nil {
			return nil, err
		}
		items, err := s.Requirements(ctx, auth.From(ctx).Scope, in.Area, in.Site, at)
		return answerWith(rest.Page[RequirementItem]{Items: items}, err)
	})
	rest.Register(r, read("get-requirement", "/requirements/{id}", "One requirement: checks, levels, declarations, findings"), func(ctx context.Context, in *struct {
		ID   string `path:"id" maxLength:"64"`
		AsOf string `query:"as_of" doc:"A day, as 2026-11-20; empty: now"`
	},
	) (*body[RequirementDetail], error) {
		at, err := rest.AsOf(in.AsOf, s.clock())
		if err != nil {
			return nil, err
		}
		return answerWith(s.Requirement(ctx, auth.From(ctx).Scope, in.ID, at))
	})
	rest.Register(r, read("list-check-items", "/checks/{id}/items", "What a check watches, failing items first"), func(ctx context.Context, in *struct {
		ID      string `path:"id" maxLength:"64"`
		Site    string `query:"site" maxLength:"64"`
		Verdict string `query:"verdict" enum:"pass,fail,unknown,excepted"`
		AsOf    string `query:"as_of" doc:"A day, as 2026-11-20: what failed then, as evidence has it; empty: now"`
		Paging
	},
	) (*body[rest.Page[Item]], error) {
		at, err := rest.AsOf(in.AsOf, s.clock())
		if err != nil {
			return nil, err
		}
		if !at.IsZero() {
			return answerWith(s.ItemsAt(ctx, auth.From(ctx).Scope, in.ID, in.Site, at, in.Cursor, in.Limit))
		}
		return answerWith(s.Items(ctx, auth.From(ctx).Scope, in.ID, in.Site, Verdict(in.Verdict), in.Cursor, in.Limit))
	})
	rest.Register(r, read("list-evidence", "/evidence", "Answers of checks as they were, newest first"), func(ctx context.Context, in *struct {
		Check string `query:"check" maxLength:"64"`
		Site  string `query:"site" maxLength:"64"`
		AsOf  string `query:"as_of" doc:"A day, as 2026-11-20: written by its end; empty: now"`
		Paging
	},
	) (*body[rest.Page[Evidence]], error) {
		at, err := rest.AsOf(in.AsOf, s.clock())
		if err != nil {
			return nil, err
		}
		return answerWith(s.EvidenceOf(ctx, auth.From(ctx).Scope, in.Check, in.Site, at, in.Cursor, in.Limit))
	})
	rest.Register(r, read("list-declarations", "/declarations", "What people declared, newest first"), func(ctx context.Context, in *struct {
		Requirement string `query:"requirement" maxLength:"64"`
	},
	) (*body[rest.Page[DeclarationItem]], error) {
		return answerWith(s.declarationItems(ctx, auth.From(ctx).Scope, in.Requirement))
	})
	rest.Register(r, rest.Op{
		ID: "make-declaration", Method: http.MethodPost, Path: "/declarations", Summary: "Declare a record of a requirement", Tag: "posture",
		Permission: auth.DeclareWrite, Audit: "declaration.make", Status: http.StatusCreated,
	}, func(ctx context.Context, in *body[declarationInput]) (*body[DeclarationItem], error) {
		n := NewDeclaration{Requirement: in.Body.Requirement, Record: in.Body.Record, Entity: in.Body.Entity, Statement: in.Body.Statement, AttestedBy: in.Body.AttestedBy}
		if in.Body.Site != nil {
			n.Site = *in.Body.Site
		}
		if in.Body.ValidUntil != nil {
			n.ValidUntil = *in.Body.ValidUntil
		}
		d, err := s.Declare(record.InRequest(ctx), auth.From(ctx).Scope, s.clock().UTC(), n)
		return answerWith(declarationItem(d, n.Site, s.clock()), err)
	})
	rest.Register(r, rest.Op{
		ID: "withdraw-declaration", Method: http.MethodDelete, Path: "/declarations/{id}", Summary: "Withdraw a declaration; it stays in the history", Tag: "posture",
		Permission: auth.DeclareWrite, Audit: "declaration.withdraw",
	}, func(ctx context.Context, in *struct {
		ID string `path:"id" maxLength:"64"`
	},
	) (*struct{}, error) {
		return nil, s.Withdraw(record.InRequest(ctx), auth.From(ctx).Scope, in.ID)
	})
}

// Paging is how a list is paged.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"2000"`
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type declarationInput struct {
	Requirement string     `json:"requirement" maxLength:"64"`
	Record      string     `json:"record" maxLength:"200"`
	Site        *string    `json:"site,omitempty" nullable:"true" doc:"Site id; null: for the whole company"`
	Entity      string     `json:"entity,omitempty" doc:"Company id; needed when there are several and no site"`
	Statement   string     `json:"statement"`
	AttestedBy  string     `json:"attested_by"`
	ValidUntil  *time.Time `json:"valid_until,omitempty" nullable:"true" doc:"null: the longest the catalogue allows"`
}

// dayAsked is the day of a moment as histories count days; 0: now.
func dayAsked(asOf time.Time) int64 {
	if asOf.IsZero() {
		return 0
	}
	return dayOf(asOf)
}

// endOf is the last moment of the moment's day, in UTC.
func endOf(asOf time.Time) time.Time {
	return time.Unix((dayOf(asOf)+1)*86400, 0).UTC().Add(-time.Microsecond)
}

func (s *Service) declarationItems(ctx context.Context, scope auth.Scope, requirement string) (rest.Page[DeclarationItem], error) {
	now := s.clock()
	all, err := s.Declarations(ctx, scope, requirement)
	if err != nil {
		return rest.Page[DeclarationItem]{}, err
	}
	ids := map[int64]string{}
	err = s.db.View(ctx, func(r store.Reader) error {
		sites, err := sitesOf(ctx, r)
		for _, x := range sites {
			ids[x.No] = x.ID
		}
		return err
	})
	out := rest.Page[DeclarationItem]{Items: []DeclarationItem{}}
	for _, d := range all {
		out.Items = append(out.Items, declarationItem(d, ids[d.SiteNo], now))
	}
	return out, err
}
