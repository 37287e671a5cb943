package record

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// Work is a time in which work on the plant was agreed: a maintenance window, or a change
// that was approved for a time.
type Work struct {
	ID, Ref, Title string
	From, To       time.Time
	Assets         []string // that it names; none: all of the site
}

// PlannedWork lists what was agreed for a site and touches a time.
func PlannedWork(ctx context.Context, r store.Reader, siteNo int64, from, to time.Time) ([]Work, error) {
	type row struct {
		Record
		TZ *string `db:"tz"`
	}
	rows, err := store.All[row](ctx, r, "SELECT "+prefixed("r", rowColumns)+`, si.tz FROM record_record r LEFT JOIN org_site si ON si.site_no = r.site_no
WHERE r.site_no = ? AND (r.type = 'maintenance-window' AND r.state IN ('agreed', 'open', 'held') OR r.type = 'change' AND r.state IN ('approved', 'scheduled', 'emergency_done', 'done', 'verified') AND r.valid_from IS NOT NULL)
  AND (r.valid_from IS NULL OR r.valid_from <= ?) AND (r.valid_until IS NULL OR r.valid_until >= ?) ORDER BY r.record_id LIMIT ?`, siteNo, store.At(to), store.At(from), maxCalendar)
	if err != nil {
		return nil, err
	}
	var out []Work
	for i := range rows {
		x := &rows[i]
		zone := "UTC"
		if x.TZ != nil && *x.TZ != "" {
			zone = *x.TZ
		}
		w := Work{ID: x.ID, Ref: x.Ref, Title: x.Title}
		if x.AssetID != "" {
			w.Assets = append(w.Assets, x.AssetID)
		}
		linked, err := store.All[string](ctx, r, "SELECT to_id FROM record_link WHERE from_id = ? AND to_kind = 'asset' AND rel IN ('touches', 'on') ORDER BY to_id", x.ID)
		if err != nil {
			return nil, err
		}
		w.Assets = append(w.Assets, linked...)
		again, err := ruleOf(&x.Record, zone)
		if err != nil {
			continue // a rule that the type's next version refuses plans nothing
		}
		if again == nil {
			if x.ValidFrom.IsZero() || x.ValidUntil.IsZero() {
				continue // no end: nobody agreed to a time
			}
			w.From, w.To = x.ValidFrom.Time, x.ValidUntil.Time
			out = append(out, w)
			continue
		}
		for _, sp := range again.between(from, to) {
			w.From, w.To = sp.From, sp.To
			out = append(out, w)
		}
	}
	return out, nil
}
