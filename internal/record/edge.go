package record

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Edge is a link as seen from one of its ends.
type Edge struct {
	ID      string     `json:"id"`
	Rel     string     `json:"rel"`
	Title   string     `json:"title"`
	Inverse bool       `json:"inverse" doc:"The record is the end that is pointed at"`
	To      EdgeEnd    `json:"to"`
	MadeAt  store.Time `json:"made_at"`
}

// EdgeEnd is what a link leads to.
type EdgeEnd struct {
	Kind  string `json:"kind"`
	ID    string `json:"id"`
	Label string `json:"label"`
	State string `json:"state"`
	Type  string `json:"type,omitempty" doc:"Of a record"`
}

func (s *Service) fillEdges(ctx context.Context, r store.Reader, who auth.Principal, t *Type, id string, asOf time.Time, out *Detail) error {
	type row struct {
		link
		FromType string `db:"from_type"`
	}
	source := ot.SQL{Text: "record_link"}
	if !asOf.IsZero() {
		source = ot.SQL{
			Text: `(SELECT link_id, from_id, rel, to_kind, to_id, made_at, made_by FROM record_link WHERE made_at <= ?
			UNION ALL SELECT link_id, from_id, rel, to_kind, to_id, made_at, made_by FROM record_unlinked WHERE made_at <= ? AND ended_at > ?)`,
			Args: []any{store.At(asOf), store.At(asOf), store.At(asOf)},
		}
	}
	rows, err := store.All[row](ctx, r, `SELECT l.link_id, l.from_id, l.rel, l.to_kind, l.to_id, l.made_at, l.made_by, f.type AS from_type FROM ? l JOIN record_record f ON f.record_id = l.from_id
		WHERE l.from_id = ? OR l.to_kind = 'record' AND l.to_id = ? ORDER BY l.rel, l.made_at, l.link_id LIMIT 1000`, source, id, id)
	if err != nil {
		return err
	}
	ids := map[string][]string{}
	for _, x := range rows {
		kind, other := x.ToKind, x.ToID
		if x.FromID != id {
			kind, other = "record", x.FromID
		}
		ids[kind] = append(ids[kind], other)
	}
	names := map[string]map[string]Thing{}
	types := map[string]string{}
	for kind, list := range ids {
		if l := s.kinds[kind]; l != nil {
			if names[kind], err = l(ctx, r, who.Scope, list); err != nil {
				return err
			}
		}
	}
	if len(ids["record"]) > 0 {
		type typed struct {
			ID   string `db:"record_id"`
			Type string `db:"type"`
		}
		all, err := store.All[typed](ctx, r, "SELECT record_id, type FROM record_record WHERE record_id IN (?)", ids["record"])
		if err != nil {
			return err
		}
		for _, x := range all {
			types[x.ID] = x.Type
		}
	}
	out.Links = []Edge{}
	for _, x := range rows {
		e := Edge{ID: x.ID, Rel: x.Rel, MadeAt: x.MadeAt, To: EdgeEnd{Kind: x.ToKind, ID: x.ToID}}
		rule, _ := t.Link(x.Rel)
		e.Title = rule.Title
		if x.FromID != id {
			e.Inverse, e.To = true, EdgeEnd{Kind: "record", ID: x.FromID}
			if from := s.types.Type(x.FromType); from != nil {
				rule, _ = from.Link(x.Rel)
			}
			e.Title = rule.Inverse
		}
		thing, ok := names[e.To.Kind][e.To.ID]
		if !ok {
			continue // out of the person's scope, or gone
		}
		e.To.Label, e.To.State, e.To.Type = thing.Label, thing.State, types[e.To.ID]
		if to := s.types.Type(e.To.Type); to != nil && (e.To.Kind != "record" || !who.Permissions.Has(to.Read)) {
			continue
		}
		out.Links = append(out.Links, e)
	}
	return nil
}
