package comply

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// ItemsAt pages what failed a check on a day, from the evidence of that day or the
// last before it. Only failing items are kept as evidence; their names are today's.
func (s *Service) ItemsAt(ctx context.Context, scope auth.Scope, check, siteID string, asOf time.Time, cursor string, limit int) (rest.Page[Item], error) {
	limit = max(limit, 1)
	out := rest.Page[Item]{Items: []Item{}}
	if _, _, ok := s.cat.Check(check); !ok {
		return out, ot.Errorf(ot.NotFound, "there is no check %q", ot.Printable(check))
	}
	skip := 0
	if err := rest.DecodeCursor(cursor, &skip); err != nil {
		return out, err
	}
	type held struct {
		SiteID string `db:"site_id"`
		Reason string `db:"reason"`
		Hash   string `db:"items_hash"`
		Body   []byte `db:"body"`
	}
	where := sqlf("?", scope.Where("e.site_no", ""))
	if siteID != "" {
		where = sqlf("? AND e.site_id = ?", where, siteID)
	}
	err := s.db.View(ctx, func(r store.Reader) error {
		sets, err := store.All[held](ctx, r, `SELECT e.site_id, e.reason, e.items_hash, i.body FROM comply_evidence e JOIN comply_items i ON i.hash = e.items_hash
			WHERE (e.site_no, e.check_id, e.at) IN (SELECT site_no, check_id, MAX(at) FROM comply_evidence WHERE check_id = ? AND at <= ? GROUP BY site_no, check_id)
			AND ? ORDER BY e.site_no`, check, store.At(endOf(asOf)), where)
		if err != nil {
			return err
		}
		n := 0
		for _, set := range sets {
			body, err := s.zip.unpack(set.Body)
			if err != nil {
				return err
			}
			for line := range strings.Lines(string(body)) {
				if n++; n <= skip {
					continue
				}
				if len(out.Items) == limit {
					out.Next = rest.EncodeCursor(skip + limit)
					return named(ctx, r, out.Items)
				}
				kind, id, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				out.Items = append(out.Items, Item{SiteID: set.SiteID, Ref: ot.Ref{Kind: kind, ID: id}, Label: ot.Printable(id), Verdict: Fail, Reason: sentence(set.Reason)})
			}
		}
		return named(ctx, r, out.Items)
	})
	if err != nil {
		return out, fmt.Errorf("items of %s as of %s: %w", check, day(asOf), err)
	}
	return out, nil
}

// named gives items the names that their things have today; what is gone keeps its id.
func named(ctx context.Context, r store.Reader, items []Item) error {
	type row struct {
		ID   string `db:"id"`
		Name string `db:"name"`
	}
	for kind, query := range map[string]string{
		"asset": "SELECT asset_id AS id, CASE WHEN name <> '' THEN name WHEN model <> '' THEN model ELSE role END AS name FROM asset_asset WHERE asset_id IN (?)",
		"zone":  "SELECT zone_id AS id, name FROM org_zone WHERE zone_id IN (?)",
		"site":  "SELECT site_id AS id, name FROM org_site WHERE site_id IN (?)",
	} {
		var ids []string
		for _, i := range items {
			if i.Ref.Kind == kind {
				ids = append(ids, i.Ref.ID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		rows, err := store.All[row](ctx, r, query, ids)
		if err != nil {
			return err
		}
		for _, x := range rows {
			for i := range items {
				if items[i].Ref.Kind == kind && items[i].Ref.ID == x.ID {
					items[i].Label = ot.Printable(x.Name)
				}
			}
		}
	}
	return nil
}
