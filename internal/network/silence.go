package network

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// A live sensor that was not heard for silentAfter is silent; one that was not heard
// for forgottenAfter was taken away, and asks for nobody any more.
const (
	silentAfter    = 15 * time.Minute
	forgottenAfter = 30 * 24 * time.Hour
)

// WatchSources asks somebody to look after live sensors that are silent, and takes the
// question back when they are heard again. For a job.
func (s *Service) WatchSources(ctx context.Context, now time.Time) error {
	type silent struct {
		ID     string `db:"source_id"`
		SiteNo int64  `db:"site_no"`
		Name   string `db:"name"`
		Site   string `db:"site"`
		At     int64  `db:"received_at"`
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := store.All[silent](ctx, tx, `SELECT n.source_id, n.site_no, n.name, s.name AS site, n.received_at FROM network_source n JOIN org_site s ON s.site_no = n.site_no
 WHERE n.live AND n.received_at < ? AND n.received_at > ? ORDER BY n.source_id`, store.At(now.Add(-silentAfter)), store.At(now.Add(-forgottenAfter)))
		if err != nil {
			return err
		}
		items := make([]inbox.Item, 0, len(rows))
		for _, x := range rows {
			name := x.Name
			if name == "" {
				name = x.ID
			}
			last := store.Micros(x.At)
			items = append(items, inbox.Item{
				Key: "source.silent:" + x.ID, Kind: "sensor-silent", SiteNo: x.SiteNo, Role: auth.SiteOTLead, Severity: inbox.Today, Action: inbox.ActionLook,
				Title: name + " at " + x.Site + " is silent", Detail: fmt.Sprintf("Last heard %s UTC. Nothing of what it listens to is measured meanwhile.", last.UTC().Format("2006-01-02 15:04")),
				Ref: ot.Ref{Kind: "source", ID: x.ID}, Due: last.Add(silentAfter + 4*time.Hour),
			})
		}
		return inbox.Keep(ctx, tx, now, "source.silent:", "heard again", items)
	})
}

// failedItem tells who gave a capture that it could not be read.
func failedItem(ctx context.Context, tx *store.Tx, now time.Time, row captureRow, why string) error {
	return inbox.Put(ctx, tx, now, inbox.Item{
		Key: "capture.failed:" + row.ID, Kind: "capture-failed", SiteNo: row.SiteNo, UserID: row.UploadedBy, Role: auth.SiteOTLead, Severity: inbox.ThisWeek, Action: inbox.ActionLook,
		Title: "The capture " + row.Name + " could not be read", Detail: why, Ref: ot.Ref{Kind: "capture", ID: row.ID}, Due: now.Add(7 * 24 * time.Hour),
	})
}
