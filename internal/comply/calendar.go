package comply

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/store"
)

// windowYear is how far back changes are held against windows: the longest window of a check.
const windowYear = 370 * 24 * time.Hour

// refreshWindows writes the agreed maintenance windows of the last year anew.
func (s *Service) refreshWindows(ctx context.Context, now time.Time) error {
	entries, err := s.records.Calendar(ctx, auth.System(), "maintenance-window", "", now.Add(-windowYear), now.Add(24*time.Hour))
	if err != nil {
		return err
	}
	type row struct {
		RecordID string     `db:"record_id"`
		SiteNo   int64      `db:"site_no"`
		ZoneNo   int64      `db:"zone_no"`
		FromAt   store.Time `db:"from_at"`
		ToAt     store.Time `db:"to_at"`
	}
	type place struct {
		ID     string `db:"record_id"`
		SiteNo int64  `db:"site_no"`
		ZoneNo int64  `db:"zone_no"`
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		places, err := store.All[place](ctx, tx, "SELECT record_id, site_no, zone_no FROM record_record WHERE type = 'maintenance-window' AND state IN ('agreed', 'open', 'held')")
		if err != nil {
			return err
		}
		at := map[string]place{}
		for _, p := range places {
			at[p.ID] = p
		}
		rows := make([]row, 0, len(entries))
		for _, e := range entries {
			if p, ok := at[e.ID]; ok && e.To.After(e.From.Time) {
				rows = append(rows, row{e.ID, p.SiteNo, p.ZoneNo, e.From, e.To})
			}
		}
		if _, err := tx.Exec(ctx, "DELETE FROM comply_window"); err != nil {
			return err
		}
		return store.Upsert(ctx, tx, "comply_window", rows, []string{"record_id", "from_at"}, []string{"to_at"})
	})
}
