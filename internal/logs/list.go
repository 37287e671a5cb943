package logs

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// Source is a source in the register, with how it does.
type Source struct {
	ID        string     `json:"id"`
	SiteID    string     `json:"site_id"`
	Name      string     `json:"name"`
	AssetID   string     `json:"asset_id"`
	AssetName string     `json:"asset_name"`
	Kind      string     `json:"kind"`
	Address   string     `json:"address"`
	Host      string     `json:"host"`
	Clock     string     `json:"clock"`
	Interval  int64      `json:"interval_s"`
	Retention int64      `json:"retention_days"`
	Note      string     `json:"note"`
	State     string     `json:"state" enum:"waiting,heard,silent" doc:"waiting: never heard, and not yet overdue"`
	LastAt    store.Time `json:"last_at" doc:"When its newest line was received; null: none was"`
	Lines     int64      `json:"lines"`
	NotKept   int64      `json:"not_kept" doc:"Lines that came too fast, or found no room"`
	OffsetMs  *int64     `json:"offset_ms" doc:"How far its clock is ahead of ours; null: not measured in the last day"`
	KeptDays  float64    `json:"kept_days" doc:"Age of its oldest line that is kept"`
	Since     store.Time `json:"since" doc:"When it was registered"`
	ETag      string     `json:"etag"`
}

// Stranger sends lines and is in no register: they are not kept.
type Stranger struct {
	Address   string     `json:"address"`
	Host      string     `json:"host"`
	Transport string     `json:"transport"`
	Lines     int64      `json:"lines"`
	FirstAt   store.Time `json:"first_at"`
	LastAt    store.Time `json:"last_at"`
	Sample    string     `json:"sample"`
}

// Register is the log sources of a site, and who else speaks.
type Register struct {
	Sources   []Source   `json:"sources" nullable:"false"`
	Strangers []Stranger `json:"strangers" nullable:"false"`
	KeptDays  int        `json:"kept_days" doc:"Lines are removed when they are older than this and than their source asks; 0: never"`
	Full      string     `json:"full" doc:"Why no line is kept at the moment; empty: there is room" say:"true"`
}

type listRow struct {
	sourceRow
	SiteID    string     `db:"site_id"`
	AssetName string     `db:"asset_name"`
	LastAt    store.Time `db:"last_at"`
	Lines     int64      `db:"lines"`
	NotKept   int64      `db:"not_kept"`
	OffsetUS  int64      `db:"offset_us"`
	OffsetAt  store.Time `db:"offset_at"`
	Oldest    store.Time `db:"oldest"`
}

// Register reads the register of a site.
func (s *Service) Register(ctx context.Context, scope Scope, siteID string) (out Register, err error) {
	out = Register{Sources: []Source{}, Strangers: []Stranger{}, Full: s.Full()}
	if s.cfg.Kept != nil {
		if out.KeptDays, err = s.cfg.Kept(ctx); err != nil {
			return out, err
		}
	}
	now := s.now()
	err = s.db.View(ctx, func(r store.Reader) error {
		no, err := store.One[int64](ctx, r, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Where("o.site_no", ""))
		if err != nil {
			return err
		}
		rows, err := store.All[listRow](ctx, r, "SELECT "+sourceColumns+`, o.site_id, COALESCE((SELECT CASE WHEN a.name <> '' THEN a.name ELSE a.model END FROM asset_asset a WHERE a.asset_id = s.asset_id), '') AS asset_name,
  h.last_at, COALESCE(h.lines, 0) AS lines, COALESCE(h.flooded + h.lost, 0) AS not_kept, COALESCE(h.offset_us, 0) AS offset_us, h.offset_at,
  (SELECT MIN(d.first_at) FROM logs_day d WHERE d.source_id = s.source_id AND d.gone_at IS NULL) AS oldest
FROM logs_source s JOIN org_site o ON o.site_no = s.site_no LEFT JOIN logs_heard h ON h.source_id = s.source_id WHERE s.site_no = ? AND s.removed_at IS NULL ORDER BY s.name, s.source_id`, no)
		if err != nil {
			return err
		}
		for i := range rows {
			out.Sources = append(out.Sources, rows[i].show(now))
		}
		for x, err := range store.Select[strangerRow](ctx, r, "SELECT "+strangerColumns+" FROM logs_stranger WHERE site_no = ? ORDER BY last_at DESC, address, host LIMIT 200", no) {
			if err != nil {
				return err
			}
			out.Strangers = append(out.Strangers, Stranger{x.Address, x.Host, x.Transport, x.Lines, x.FirstAt, x.LastAt, x.Sample})
		}
		return nil
	})
	return out, err
}

func (r *listRow) show(now time.Time) Source {
	x := Source{
		ID: r.ID, SiteID: r.SiteID, Name: r.Name, AssetID: r.AssetID, AssetName: r.AssetName, Kind: r.Kind, Address: r.Address, Host: r.Host, Clock: r.Clock, Interval: r.Interval, Retention: r.Retention,
		Note: r.Note, State: "heard", LastAt: r.LastAt, Lines: r.Lines, NotKept: r.NotKept, Since: r.CreatedAt, ETag: r.etag(),
	}
	last := r.LastAt
	if last.IsZero() {
		last, x.State = r.CreatedAt, "waiting"
	}
	if now.Sub(last.Time) > time.Duration(r.Interval)*time.Second {
		x.State = "silent"
	}
	if !r.OffsetAt.IsZero() && now.Sub(r.OffsetAt.Time) <= 24*time.Hour {
		x.OffsetMs = new(r.OffsetUS / 1000)
	}
	if !r.Oldest.IsZero() {
		x.KeptDays = now.Sub(r.Oldest.Time).Hours() / 24
	}
	return x
}
