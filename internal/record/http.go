package record

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Maybe is a value of a change that may be left out, or emptied by null.
type Maybe[T any] struct {
	Set bool
	V   T
}

// UnmarshalJSON notes that the value was there.
func (m *Maybe[T]) UnmarshalJSON(b []byte) error {
	m.Set = true
	if string(b) == "null" {
		return nil
	}
	return jsonUnmarshal(b, &m.V)
}

// Schema is the value's own, with null.
func (m Maybe[T]) Schema(r huma.Registry) *huma.Schema {
	s := *huma.SchemaFromType(r, reflect.TypeFor[T]())
	s.Nullable = true
	return &s
}

func (m Maybe[T]) pointer() *T {
	if !m.Set {
		return nil
	}
	return &m.V
}

// ByID names a record in a path.
type ByID struct {
	ID string `path:"id"`
}

// ListIn are the filters of a list.
type ListIn struct {
	Type   string   `query:"type"`
	State  string   `query:"state" doc:"Several with commas"`
	Site   string   `query:"site" doc:"An id, or none: the whole company"`
	Owner  string   `query:"owner" doc:"An id, me, or none"`
	Q      string   `query:"q" maxLength:"200"`
	Due    string   `query:"due" enum:"overdue,soon"`
	Filter []string `query:"filter,explode" doc:"field:value, may be given again; field: is where it is not filled"`
	Link   string   `query:"link" doc:"kind:id"`
	Sort   string   `query:"sort" doc:"A column; -column is downwards"`
	AsOf   string   `query:"as_of" doc:"A day, as 2026-11-20: as it was at its end (UTC); empty: now"`
	Cursor string   `query:"cursor"`
	Limit  int      `query:"limit" minimum:"0" maximum:"500"`
}

func (s *Service) query(in *ListIn) (Query, error) {
	asOf, err := rest.AsOf(in.AsOf, s.now())
	return Query{in.Type, in.State, in.Site, in.Owner, in.Q, in.Due, in.Filter, in.Link, in.Sort, asOf, in.Cursor, in.Limit, nil}, err
}

type newIn struct {
	Body struct {
		Type       string         `json:"type"`
		Title      string         `json:"title"`
		Entity     string         `json:"entity,omitempty" doc:"Needed for the whole company, where there are several"`
		Site       string         `json:"site,omitempty"`
		Zone       string         `json:"zone,omitempty"`
		Asset      string         `json:"asset,omitempty"`
		Owner      string         `json:"owner,omitempty"`
		Data       map[string]any `json:"data,omitempty"`
		ValidFrom  *time.Time     `json:"valid_from,omitempty" nullable:"true"`
		ValidUntil *time.Time     `json:"valid_until,omitempty" nullable:"true"`
		DueAt      *time.Time     `json:"due_at,omitempty" nullable:"true"`
		Links      []NewLink      `json:"links,omitempty"`
	}
}

// Changes are what PATCH, a transition and a bulk change may set.
type Changes struct {
	Title      Maybe[string]    `json:"title,omitempty"`
	Zone       Maybe[string]    `json:"zone,omitempty"`
	Asset      Maybe[string]    `json:"asset,omitempty"`
	Owner      Maybe[string]    `json:"owner,omitempty"`
	ValidFrom  Maybe[time.Time] `json:"valid_from,omitempty"`
	ValidUntil Maybe[time.Time] `json:"valid_until,omitempty"`
	DueAt      Maybe[time.Time] `json:"due_at,omitempty"`
	Data       map[string]any   `json:"data,omitempty" doc:"Fields that change; null empties one"`
}

func (c *Changes) patch() Patch {
	return Patch{
		Title: c.Title.pointer(), Zone: c.Zone.pointer(), Asset: c.Asset.pointer(), Owner: c.Owner.pointer(),
		ValidFrom: c.ValidFrom.pointer(), ValidUntil: c.ValidUntil.pointer(), DueAt: c.DueAt.pointer(), Data: c.Data,
	}
}

type detailOut struct {
	ETag string `header:"ETag"`
	Body Detail
}

func etag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// changed answers a change with the record as the person sees it now.
func (s *Service) changed(ctx context.Context, id string) (*detailOut, error) {
	d, err := s.Get(ctx, auth.From(ctx), id, time.Time{})
	return &detailOut{etag(d.Version), d}, err
}

// matched runs a change of one record behind its If-Match.
func (s *Service) matched(ctx context.Context, id, ifMatch string, fn func(ctx context.Context, tx *store.Tx, who auth.Principal) error) (*detailOut, error) {
	ctx, who := ownRequest(ctx), auth.From(ctx)
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		rec, t, err := s.load(ctx, tx, who.Scope, id)
		if err != nil {
			return err
		}
		if _, err := s.typeFor(who, t.ID, "read"); err != nil {
			return unknown()
		}
		if ifMatch != "-" {
			if err := rest.IfMatch(ifMatch, etag(rec.Version)); err != nil {
				return err
			}
		}
		return fn(ctx, tx, who)
	})
	if err != nil {
		return nil, err
	}
	return s.changed(ctx, id)
}

// Routes mounts the records.
func (s *Service) Routes(r *rest.Router) {
	s.readRoutes(r)
	s.writeRoutes(r)
	s.approvalRoutes(r)
	s.manyRoutes(r)
	s.fileRoutes(r)
	s.viewRoutes(r)
	s.countRoutes(r)
	s.plantRoutes(r)
}

func (s *Service) readRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "list-record-types", Method: http.MethodGet, Path: "/record-types", Summary: "The kinds of records: fields, states, buttons, words", Tag: "Records", Permission: auth.RecordRead},
		func(ctx context.Context, _ *struct{}) (*struct {
			Body struct {
				Items []*Type `json:"items" nullable:"false"`
			}
		}, error,
		) {
			out := &struct {
				Body struct {
					Items []*Type `json:"items" nullable:"false"`
				}
			}{}
			out.Body.Items = []*Type{}
			for _, t := range s.types.all {
				if auth.From(ctx).Permissions.Has(t.Read) {
					out.Body.Items = append(out.Body.Items, t)
				}
			}
			return out, nil
		})
	rest.Register(r, rest.Op{ID: "list-records", Method: http.MethodGet, Path: "/records", Summary: "Records of all types", Tag: "Records", Permission: auth.RecordRead},
		func(ctx context.Context, in *ListIn) (*struct{ Body rest.Page[Item] }, error) {
			q, err := s.query(in)
			if err != nil {
				return nil, err
			}
			page, err := s.List(ctx, auth.From(ctx), q)
			return &struct{ Body rest.Page[Item] }{page}, err
		})
	rest.Register(r, rest.Op{ID: "count-records", Method: http.MethodGet, Path: "/records/facets", Summary: "How many records have which state, site, owner", Tag: "Records", Permission: auth.RecordRead},
		func(ctx context.Context, in *ListIn) (*struct{ Body Facets }, error) {
			q, err := s.query(in)
			if err != nil {
				return nil, err
			}
			out, err := s.Facets(ctx, auth.From(ctx), q)
			return &struct{ Body Facets }{out}, err
		})
	rest.Register(r, rest.Op{ID: "get-record", Method: http.MethodGet, Path: "/records/{id}", Summary: "One record with all that hangs on it", Tag: "Records", Permission: auth.RecordRead},
		func(ctx context.Context, in *struct {
			ByID
			AsOf string `query:"as_of" doc:"A day, as 2026-11-20: as it was at its end (UTC); empty: now"`
		},
		) (*detailOut, error) {
			asOf, err := rest.AsOf(in.AsOf, s.now())
			if err != nil {
				return nil, err
			}
			d, err := s.Get(ctx, auth.From(ctx), in.ID, asOf)
			return &detailOut{etag(d.Version), d}, err
		})
	rest.Register(r, rest.Op{ID: "get-record-history", Method: http.MethodGet, Path: "/records/{id}/history", Summary: "The versions of a record and what changed, newest first", Tag: "Records", Permission: auth.RecordRead},
		func(ctx context.Context, in *struct {
			ByID
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"200"`
		},
		) (*struct{ Body rest.Page[Version] }, error) {
			page, err := s.History(ctx, auth.From(ctx), in.ID, in.Cursor, in.Limit)
			return &struct{ Body rest.Page[Version] }{page}, err
		})
	rest.Register(r, rest.Op{ID: "list-record-people", Method: http.MethodGet, Path: "/record-people", Summary: "Who may own a record", Tag: "Records", Permission: auth.RecordWrite},
		func(ctx context.Context, in *struct {
			Q string `query:"q" maxLength:"100"`
		},
		) (*struct{ Body rest.Page[Name] }, error) {
			page, err := s.People(ctx, in.Q)
			return &struct{ Body rest.Page[Name] }{page}, err
		})
}

func (s *Service) writeRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{
		ID: "create-record", Method: http.MethodPost, Path: "/records", Summary: "Write a record down", Tag: "Records",
		Permission: auth.RecordWrite, Audit: "record.create", Status: http.StatusCreated,
	},
		func(ctx context.Context, in *newIn) (*detailOut, error) {
			ctx, who, b := ownRequest(ctx), auth.From(ctx), &in.Body
			var id string
			err := s.db.Update(ctx, func(tx *store.Tx) error {
				rec, err := s.Create(ctx, tx, who, Draft{
					Type: b.Type, Title: b.Title, Entity: b.Entity, Site: b.Site, Zone: b.Zone, Asset: b.Asset, Owner: b.Owner, Data: b.Data,
					ValidFrom: orZero(b.ValidFrom), ValidUntil: orZero(b.ValidUntil), DueAt: orZero(b.DueAt), Links: b.Links,
				})
				if err == nil {
					id = rec.ID
				}
				return err
			})
			if err != nil {
				return nil, err
			}
			return s.changed(ctx, id)
		})
	rest.Register(r, rest.Op{ID: "update-record", Method: http.MethodPatch, Path: "/records/{id}", Summary: "Change what a record says", Tag: "Records", Permission: auth.RecordWrite, Audit: "record.update"},
		func(ctx context.Context, in *struct {
			ByID
			IfMatch string `header:"If-Match"`
			Body    Changes
		},
		) (*detailOut, error) {
			return s.matched(ctx, in.ID, in.IfMatch, func(ctx context.Context, tx *store.Tx, who auth.Principal) error {
				_, err := s.Update(ctx, tx, who, in.ID, in.Body.patch())
				return err
			})
		})
	rest.Register(r, rest.Op{ID: "move-record", Method: http.MethodPost, Path: "/records/{id}/transition", Summary: "Move a record to another state", Tag: "Records", Permission: auth.RecordWrite, Audit: "record.transition", Status: http.StatusOK},
		func(ctx context.Context, in *struct {
			ByID
			IfMatch string `header:"If-Match"`
			Body    struct {
				Changes
				Transition string `json:"transition"`
				Reason     string `json:"reason,omitempty"`
			}
		},
		) (*detailOut, error) {
			return s.matched(ctx, in.ID, in.IfMatch, func(ctx context.Context, tx *store.Tx, who auth.Principal) error {
				_, err := s.Transition(ctx, tx, who, in.ID, Move{in.Body.Transition, in.Body.Reason, in.Body.patch()})
				return err
			})
		})
	rest.Register(r, rest.Op{ID: "review-record", Method: http.MethodPost, Path: "/records/{id}/review", Summary: "Note that a record was looked at and still holds; the next review counts from now", Tag: "Records", Permission: auth.RecordWrite, Audit: "record.review", Status: http.StatusOK},
		func(ctx context.Context, in *struct {
			ByID
			Body struct {
				Comment string `json:"comment,omitempty"`
			}
		},
		) (*detailOut, error) {
			return s.matched(ctx, in.ID, "-", func(ctx context.Context, tx *store.Tx, who auth.Principal) error {
				_, err := s.Review(ctx, tx, who, in.ID, in.Body.Comment)
				return err
			})
		})
	rest.Register(r, rest.Op{ID: "link-record", Method: http.MethodPost, Path: "/records/{id}/links", Summary: "Link a record to a thing", Tag: "Records", Permission: auth.RecordWrite, Audit: "record.link", Status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			ByID
			Body NewLink
		},
		) (*detailOut, error) {
			return s.matched(ctx, in.ID, "-", func(ctx context.Context, tx *store.Tx, who auth.Principal) error {
				_, err := s.Link(ctx, tx, who, in.ID, in.Body)
				return err
			})
		})
	rest.Register(r, rest.Op{ID: "unlink-record", Method: http.MethodDelete, Path: "/records/{id}/links/{link}", Summary: "Take a link away", Tag: "Records", Permission: auth.RecordWrite, Audit: "record.unlink", Status: http.StatusOK},
		func(ctx context.Context, in *struct {
			ByID
			Link string `path:"link"`
		},
		) (*detailOut, error) {
			return s.matched(ctx, in.ID, "-", func(ctx context.Context, tx *store.Tx, who auth.Principal) error {
				return s.Unlink(ctx, tx, who, in.ID, in.Link)
			})
		})
	rest.Register(r, rest.Op{ID: "comment-record", Method: http.MethodPost, Path: "/records/{id}/comments", Summary: "Say something about a record", Tag: "Records", Permission: auth.RecordWrite, Audit: "record.comment", Status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			ByID
			Body struct {
				Text string `json:"text"`
			}
		},
		) (*detailOut, error) {
			return s.matched(ctx, in.ID, "-", func(ctx context.Context, tx *store.Tx, who auth.Principal) error {
				return s.Comment(ctx, tx, who, in.ID, in.Body.Text)
			})
		})
}

func (s *Service) approvalRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "decide-record", Method: http.MethodPost, Path: "/records/{id}/approval", Summary: "Approve or refuse what waits, or look a second time", Tag: "Records", Permission: auth.RecordApprove, Audit: "record.approval", Status: http.StatusOK},
		func(ctx context.Context, in *struct {
			ByID
			IfMatch string `header:"If-Match"`
			Body    struct {
				Decision string `json:"decision" enum:"approve,reject"`
				Comment  string `json:"comment,omitempty"`
				Outside  string `json:"outside,omitempty" doc:"Profile small: name and organisation of who looked at it, without an account"`
			}
		},
		) (*detailOut, error) {
			match := in.IfMatch
			if match == "" {
				match = "-" // a decision is bound to the version in any case: a changed record asks anew
			}
			return s.matched(ctx, in.ID, match, func(ctx context.Context, tx *store.Tx, who auth.Principal) error {
				_, err := s.Decide(ctx, tx, who, in.ID, Decision{Decision: in.Body.Decision, Comment: in.Body.Comment, Outside: in.Body.Outside})
				return err
			})
		})
	rest.Register(r, rest.Op{ID: "withdraw-record", Method: http.MethodDelete, Path: "/records/{id}/approval", Summary: "Take a request for approval back", Tag: "Records", Permission: auth.RecordWrite, Audit: "record.withdraw", Status: http.StatusOK},
		func(ctx context.Context, in *ByID) (*detailOut, error) {
			return s.matched(ctx, in.ID, "-", func(ctx context.Context, tx *store.Tx, who auth.Principal) error {
				_, err := s.Withdraw(ctx, tx, who, in.ID)
				return err
			})
		})
	rest.Register(r, rest.Op{ID: "list-approval-profiles", Method: http.MethodGet, Path: "/approval-profiles", Summary: "How many eyes each company can spare", Tag: "Records", Permission: auth.RecordRead},
		func(ctx context.Context, _ *struct{}) (*struct{ Body rest.Page[Profile] }, error) {
			page, err := s.Profiles(ctx, auth.From(ctx).Scope)
			return &struct{ Body rest.Page[Profile] }{page}, err
		})
	rest.Register(r, rest.Op{ID: "set-approval-profile", Method: http.MethodPut, Path: "/approval-profiles/{entity}", Summary: "Set how many eyes a company can spare", Tag: "Records", Permission: auth.OrgWrite, Audit: "record.profile"},
		func(ctx context.Context, in *struct {
			Entity string `path:"entity"`
			Body   struct {
				Profile string `json:"profile" enum:"small,normal,group"`
			}
		},
		) (*struct{}, error) {
			rest.Target(ctx, "", ot.Ref{Kind: "entity", ID: in.Entity})
			rest.Detail(ctx, "profile", in.Body.Profile)
			return &struct{}{}, s.SetProfile(ctx, auth.From(ctx), in.Entity, in.Body.Profile)
		})
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
