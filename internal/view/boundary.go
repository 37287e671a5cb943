package view

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// Boundary is where a site meets somebody else's zone or the outside.
type Boundary struct {
	RecordID  string     `json:"record_id" doc:"Empty: nobody has written it down"`
	Ref       string     `json:"ref"`
	Title     string     `json:"title"`
	State     string     `json:"state" enum:"missing,draft,in_use"`
	NearID    string     `json:"near_id"`
	Near      string     `json:"near"`
	FarID     string     `json:"far_id" doc:"Empty: the outside"`
	Far       string     `json:"far"`
	DeviceID  string     `json:"device_id"`
	Device    string     `json:"device" doc:"That filters there"`
	Filters   string     `json:"filters" enum:",allow,deny,none"`
	LogAt     store.Time `json:"log_at" doc:"Newest line of the device's log; null: it is no log source, or was never heard"`
	Logged    bool       `json:"logged" doc:"The device stands in the register of log sources"`
	Rate      string     `json:"rate_limit"`
	Storm     string     `json:"storm_control" enum:",yes,partly,no"`
	Reviewed  string     `json:"rules_reviewed_on"`
	Islanded  string     `json:"islanded_on"`
	Result    string     `json:"island_result" enum:",passed,partly,failed"`
	ReviewAt  store.Time `json:"review_at" doc:"When it is due to be looked at again; asked for in the inbox"`
	Overdue   bool       `json:"overdue"`
	Crossings int64      `json:"crossings" doc:"Conversations over it in the last 30 days, as heard; 0 where the other side is no zone"`
}

// Boundaries lists where a site's zones meet those of others, written down or not.
func (s *Service) Boundaries(ctx context.Context, scope Scope, siteID string, now time.Time) (out []Boundary, err error) {
	type row struct {
		RecordID string     `db:"record_id"`
		Ref      string     `db:"ref"`
		Title    string     `db:"title"`
		State    string     `db:"state"`
		NearID   string     `db:"near_id"`
		Near     string     `db:"near"`
		FarID    string     `db:"far_id"`
		Far      string     `db:"far"`
		DeviceID string     `db:"device_id"`
		Device   string     `db:"device"`
		Filters  string     `db:"filters"`
		LogAt    store.Time `db:"log_at"`
		Logged   bool       `db:"logged"`
		Rate     string     `db:"rate"`
		Storm    string     `db:"storm"`
		Reviewed string     `db:"reviewed"`
		Islanded string     `db:"islanded"`
		Result   string     `db:"result"`
		ReviewAt store.Time `db:"review_at"`
		Crosses  int64      `db:"crosses"`
	}
	field := func(name string) string { return "COALESCE(CAST(r.data->>'" + name + "' AS TEXT), '')" }
	since := store.At(now.AddDate(0, 0, -30))
	err = s.db.View(ctx, func(r store.Reader) error {
		no, err := store.One[int64](ctx, r, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Where("o.site_no", ""))
		if err != nil {
			return err
		}
		rows, err := store.All[row](ctx, r, `SELECT r.record_id, r.ref, r.title, r.state, `+field("near")+` AS near_id, COALESCE(n.name, '') AS near, `+field("far")+` AS far_id, COALESCE(f.name, `+field("outside")+`) AS far,
  `+field("device")+` AS device_id, COALESCE(CASE WHEN a.name <> '' THEN a.name ELSE a.model END, '') AS device, `+field("filters")+` AS filters,
  (SELECT MAX(h.last_at) FROM logs_source l JOIN logs_heard h ON h.source_id = l.source_id WHERE l.asset_id = a.asset_id AND l.removed_at IS NULL) AS log_at,
  CASE WHEN EXISTS (SELECT 1 FROM logs_source l WHERE l.asset_id = a.asset_id AND l.removed_at IS NULL) THEN TRUE ELSE FALSE END AS logged,
  `+field("rate_limit")+` AS rate, `+field("storm_control")+` AS storm, `+field("rules_reviewed_on")+` AS reviewed, `+field("islanded_on")+` AS islanded, `+field("island_result")+` AS result, r.review_at,
  (SELECT COUNT(*) FROM network_conversation c WHERE c.site_no = r.site_no AND c.last_at >= ? AND f.zone_no IS NOT NULL
     AND (c.client_zone_no = f.zone_no AND c.server_zone_no <> f.zone_no OR c.server_zone_no = f.zone_no AND c.client_zone_no <> f.zone_no)) AS crosses
FROM record_record r LEFT JOIN org_zone n ON n.zone_id = `+field("near")+` LEFT JOIN org_zone f ON f.zone_id = `+field("far")+` LEFT JOIN asset_asset a ON a.asset_id = `+field("device")+`
WHERE r.type = 'boundary' AND r.site_no = ? AND r.state <> 'removed' ORDER BY r.title, r.record_id LIMIT 500`, since, no)
		if err != nil {
			return err
		}
		for _, x := range rows {
			out = append(out, Boundary{
				RecordID: x.RecordID, Ref: x.Ref, Title: x.Title, State: x.State, NearID: x.NearID, Near: x.Near, FarID: x.FarID, Far: x.Far, DeviceID: x.DeviceID, Device: x.Device, Filters: x.Filters, LogAt: x.LogAt, Logged: x.Logged,
				Rate: x.Rate, Storm: x.Storm, Reviewed: x.Reviewed, Islanded: x.Islanded, Result: x.Result, ReviewAt: x.ReviewAt, Overdue: !x.ReviewAt.IsZero() && x.ReviewAt.Before(now), Crossings: x.Crosses,
			})
		}
		type zone struct {
			ID      string `db:"zone_id"`
			Name    string `db:"name"`
			Crosses int64  `db:"crosses"`
		}
		missing, err := store.All[zone](ctx, r, `SELECT z.zone_id, z.name, (SELECT COUNT(*) FROM network_conversation c WHERE c.site_no = z.site_no AND c.last_at >= ? AND (c.client_zone_no = z.zone_no AND c.server_zone_no <> z.zone_no OR c.server_zone_no = z.zone_no AND c.client_zone_no <> z.zone_no)) AS crosses
FROM org_zone z WHERE z.site_no = ? AND z.external AND NOT EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'boundary' AND r.site_no = z.site_no AND r.state <> 'removed' AND (`+field("far")+` = z.zone_id OR `+field("near")+` = z.zone_id)) ORDER BY z.name, z.zone_id`, since, no)
		if err != nil {
			return err
		}
		for _, z := range missing {
			out = append(out, Boundary{State: "missing", FarID: z.ID, Far: z.Name, Crossings: z.Crosses})
		}
		return nil
	})
	if out == nil {
		out = []Boundary{}
	}
	return out, err
}
