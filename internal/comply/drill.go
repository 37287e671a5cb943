package comply

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Item is one thing that a check watches.
type Item struct {
	SiteID  string   `json:"site_id"`
	Ref     ot.Ref   `json:"ref"`
	Label   string   `json:"label"`
	Verdict Verdict  `json:"verdict" enum:"pass,fail,unknown,excepted"`
	Value   *float64 `json:"value"`
	Reason  string   `json:"reason" say:"true"`
	PartOf  string   `json:"part_of,omitempty" doc:"Id of the failing row above that counts this one; it is no row of its own in the check's numbers"`
}

type itemRow struct {
	Row
	SiteID string `db:"site_id"`
	Rank   int64  `db:"rank"`
	PartOf string `db:"part_of"`
	Whole  string `db:"whole"` // the row, or what it is part of
	Part   int64  `db:"part"`
}

type itemCursor struct {
	Rank  int64  `json:"r"`
	Site  int64  `json:"s"`
	Whole string `json:"w"`
	Part  int64  `json:"p"`
	Kind  string `json:"k"`
	Ref   string `json:"i"`
	Label string `json:"l"`
}

// Items pages the rows of a check as they are now: failing ones first, and below a failing
// zone the conversations that it counts.
func (s *Service) Items(ctx context.Context, scope auth.Scope, check, siteID string, verdict Verdict, cursor string, limit int) (rest.Page[Item], error) {
	limit = max(limit, 1)
	k, _, ok := s.cat.Check(check)
	if !ok {
		return rest.Page[Item]{}, ot.Errorf(ot.NotFound, "there is no check %q", ot.Printable(check))
	}
	var rel relation
	for _, x := range relations() {
		if x.id == check {
			rel = x
		}
	}
	if rel.items == nil {
		return rest.Page[Item]{Items: []Item{}}, nil
	}
	now := s.clock().UTC()
	const columns = "site_no, kind, ref, label, verdict, value, reason, "
	rows := sqlf("SELECT "+columns+"'' AS part_of FROM (?) a", rel.rows(k, now, true))
	if rel.behind != nil {
		rows = sqlf("? UNION ALL SELECT "+columns+"part_of FROM (?) b", rows, rel.behind(k, now))
	}
	var at itemCursor
	if err := rest.DecodeCursor(cursor, &at); err != nil {
		return rest.Page[Item]{}, err
	}
	where := sqlf("?", scope.Where("i.site_no", ""))
	if siteID != "" {
		where = sqlf("? AND i.site_id = ?", where, siteID)
	}
	if verdict != "" {
		where = sqlf("? AND i.verdict = ?", where, string(verdict))
	}
	if cursor != "" {
		where = sqlf("? AND (i.rank, i.site_no, i.whole, i.part, i.kind, i.ref, i.label) > (?, ?, ?, ?, ?, ?, ?)", where, at.Rank, at.Site, at.Whole, at.Part, at.Kind, at.Ref, at.Label)
	}
	var got []itemRow
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		got, err = store.All[itemRow](ctx, r, `SELECT i.site_no, i.kind, i.ref, i.label, i.verdict, i.value, i.reason, i.site_id, i.rank, i.part_of, i.whole, i.part FROM (
  SELECT t.site_no, t.kind, t.ref, t.label, t.verdict, t.value, t.reason, o.site_id, t.part_of,
    CASE WHEN t.part_of = '' THEN t.ref ELSE t.part_of END AS whole, CASE WHEN t.part_of = '' THEN 0 ELSE 1 END AS part,
    CASE t.verdict WHEN 'fail' THEN 0 WHEN 'unknown' THEN 1 WHEN 'excepted' THEN 2 ELSE 3 END AS rank
  FROM (?) t JOIN org_site o ON o.site_no = t.site_no) i
WHERE ? ORDER BY i.rank, i.site_no, i.whole, i.part, i.kind, i.ref, i.label LIMIT ?`, rows, where, limit+1)
		return err
	})
	if err != nil {
		return rest.Page[Item]{}, fmt.Errorf("items of %s: %w", check, err)
	}
	page := rest.Cut(got, limit, func(x itemRow) string {
		return rest.EncodeCursor(itemCursor{x.Rank, x.SiteNo, x.Whole, x.Part, x.Kind, x.Ref, x.Label})
	})
	out := rest.Page[Item]{Items: []Item{}, Next: page.Next}
	for _, x := range page.Items {
		out.Items = append(out.Items, Item{x.SiteID, ot.Ref{Kind: x.Kind, ID: x.Ref}, ot.Printable(x.Label), x.Verdict, x.Value, sentence(x.Reason), x.PartOf})
	}
	return out, nil
}

// Evidence is an answer as it was.
type Evidence struct {
	EvidenceRow
	HashOf string `json:"hash" db:"-"`
	Root   string `json:"root" db:"-"`
}

type evidenceCursor struct {
	At    int64  `json:"a"`
	Site  int64  `json:"s"`
	Check string `json:"c"`
}

const evidenceColumns = "site_no, month, check_id, at, site_id, cause, status, value, population, judged, passed, failed, unknown, excepted, observed, collected_at, window_from, reason, items_hash, run_id, position, hash"

// EvidenceOf pages the history of a check's answers, newest first; asOf leaves out what came after a day.
func (s *Service) EvidenceOf(ctx context.Context, scope auth.Scope, check, siteID string, asOf time.Time, cursor string, limit int) (rest.Page[Evidence], error) {
	limit = max(limit, 1)
	var at evidenceCursor
	if err := rest.DecodeCursor(cursor, &at); err != nil {
		return rest.Page[Evidence]{}, err
	}
	where := sqlf("?", scope.Where("site_no", ""))
	if check != "" {
		where = sqlf("? AND check_id = ?", where, check)
	}
	if siteID != "" {
		where = sqlf("? AND site_id = ?", where, siteID)
	}
	if !asOf.IsZero() {
		where = sqlf("? AND at <= ?", where, store.At(endOf(asOf)))
	}
	if cursor != "" {
		where = sqlf("? AND (at < ? OR at = ? AND (site_no, check_id) > (?, ?))", where, at.At, at.At, at.Site, at.Check)
	}
	out := rest.Page[Evidence]{}
	err := s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[EvidenceRow](ctx, r, "SELECT "+evidenceColumns+" FROM comply_evidence WHERE ? ORDER BY at DESC, site_no, check_id LIMIT ?", where, limit+1)
		if err != nil {
			return fmt.Errorf("read evidence: %w", err)
		}
		page := rest.Cut(rows, limit, func(e EvidenceRow) string {
			return rest.EncodeCursor(evidenceCursor{e.At.UnixMicro(), e.SiteNo, e.CheckID})
		})
		out = rest.Page[Evidence]{Items: []Evidence{}, Next: page.Next}
		roots := map[string]string{}
		for _, e := range page.Items {
			root, ok := roots[e.RunID]
			if !ok {
				if root, err = store.One[string](ctx, r, "SELECT root FROM comply_run WHERE run_id = ?", e.RunID); err != nil {
					return fmt.Errorf("read the run of evidence: %w", err)
				}
				roots[e.RunID] = root
			}
			out.Items = append(out.Items, Evidence{e, e.Hash, root})
		}
		return nil
	})
	return out, err
}
