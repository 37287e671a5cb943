package record

import (
	"context"
	"slices"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

const maxLinks = 500 // of one record and rel; more is a list of its own

type link struct {
	ID     string     `db:"link_id"`
	FromID string     `db:"from_id"`
	Rel    string     `db:"rel"`
	ToKind string     `db:"to_kind"`
	ToID   string     `db:"to_id"`
	MadeAt store.Time `db:"made_at"`
	MadeBy string     `db:"made_by"`
}

// Link joins a record to a thing. A link that is there already stays.
func (s *Service) Link(ctx context.Context, tx *store.Tx, who auth.Principal, id string, l NewLink) (string, error) {
	rec, t, err := s.forWriting(ctx, tx, who, id, 0)
	if err != nil {
		return "", err
	}
	linkID, err := s.link(ctx, tx, who, t, rec, l)
	if err != nil {
		return "", err
	}
	return linkID, s.tell(ctx, tx, who, rec, "record.link", map[string]string{"rel": l.Rel, "to": l.Kind + ":" + l.ID})
}

func (s *Service) link(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, rec *Record, l NewLink) (string, error) {
	rule, ok := t.Link(l.Rel)
	if !ok {
		return "", ot.Errorf(ot.Invalid, "a %s has no link %q", t.ID, ot.Printable(l.Rel))
	}
	x, ok, err := s.thing(ctx, tx, who.Scope, l.Kind, l.ID)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", ot.Errorf(ot.NotFound, "there is no such %s to link to", ot.Printable(l.Kind))
	}
	kind := l.Kind
	if kind == "record" {
		if l.ID == rec.ID {
			return "", ot.Errorf(ot.Invalid, "a record is not linked to itself")
		}
		if kind, err = store.One[string](ctx, tx, "SELECT type FROM record_record WHERE record_id = ?", l.ID); err != nil {
			return "", err
		}
	}
	if !slices.Contains(rule.To, kind) {
		return "", ot.Errorf(ot.Invalid, "%q leads to %s, not to a %s", rule.Title, join(rule.To), kind)
	}
	if x.SiteNo != 0 && rec.SiteNo != 0 && x.SiteNo != rec.SiteNo && kind != "requirement" {
		return "", ot.Errorf(ot.Invalid, "%s is on another site: link things of one site, or a record of the whole company", x.Label)
	}
	have, err := store.All[link](ctx, tx, "SELECT link_id, from_id, rel, to_kind, to_id, made_at, made_by FROM record_link WHERE from_id = ? AND rel = ?", rec.ID, l.Rel)
	if err != nil {
		return "", err
	}
	for _, h := range have {
		if h.ToKind == l.Kind && h.ToID == l.ID {
			return h.ID, nil
		}
	}
	if !rule.Many && len(have) > 0 {
		return "", ot.Errorf(ot.Conflict, "%q is there already: take the other one away first", rule.Title)
	}
	if len(have) >= maxLinks {
		return "", ot.Errorf(ot.TooMany, "%s has %d links of this kind, at most %d", rec.Ref, len(have), maxLinks)
	}
	row := link{store.NewID(), rec.ID, l.Rel, l.Kind, l.ID, store.At(s.now()), actorOf(who)}
	if err := store.Upsert(ctx, tx, "record_link", []link{row}, nil, nil); err != nil {
		return "", err
	}
	rec.Links++
	_, err = tx.Exec(ctx, "UPDATE record_record SET links = links + 1 WHERE record_id IN (?)", []string{rec.ID, l.ID})
	return row.ID, err
}

// Unlink takes a link away; a look at an earlier day still shows it.
func (s *Service) Unlink(ctx context.Context, tx *store.Tx, who auth.Principal, id, linkID string) error {
	rec, _, err := s.forWriting(ctx, tx, who, id, 0)
	if err != nil {
		return err
	}
	l, err := store.One[link](ctx, tx, "SELECT link_id, from_id, rel, to_kind, to_id, made_at, made_by FROM record_link WHERE link_id = ? AND (from_id = ? OR to_kind = 'record' AND to_id = ?)", linkID, id, id)
	if ot.CodeOf(err) == ot.NotFound {
		return ot.Errorf(ot.NotFound, "there is no such link")
	}
	if err != nil {
		return err
	}
	if l.FromID != id { // seen from its other end: who may write there may take it away
		if _, _, err := s.forWriting(ctx, tx, who, l.FromID, 0); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, "INSERT INTO record_unlinked (link_id, from_id, rel, to_kind, to_id, made_at, made_by, ended_at, ended_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		l.ID, l.FromID, l.Rel, l.ToKind, l.ToID, l.MadeAt, l.MadeBy, store.At(s.now()), actorOf(who)); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM record_link WHERE link_id = ?", linkID); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE record_record SET links = links - 1 WHERE record_id IN (?)", []string{l.FromID, l.ToID}); err != nil {
		return err
	}
	return s.tell(ctx, tx, who, rec, "record.unlink", map[string]string{"rel": l.Rel, "to": l.ToKind + ":" + l.ToID})
}
