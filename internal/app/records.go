package app

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// RecordFlags say how attachments of records are looked at.
type RecordFlags struct {
	Clamd string `env:"SKANSE_CLAMD" placeholder:"ADDRESS" help:"Socket of a ClamAV daemon that scans attachments, and files that pass by a sensor of this machine: unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310. Without one they are marked as not scanned."`
}

// openRecords puts the records together with what they may be linked to: things of
// the slices above them, which they know by name only.
func (s *server) openRecords(cat *comply.Catalogue) (err error) {
	kinds := cat.Kinds()
	for kind, lookup := range map[string]record.Lookup{"asset": assetsByID, "conversation": conversationsByID, "event": eventsByID} {
		kinds[kind] = lookup
	}
	s.records, err = record.New(s.db, record.Config{
		Dir: s.opts.Data.attachments(), Clock: s.opts.Clock, Log: s.log, Clamd: s.opts.Clamd,
		Behaviours: append(record.Own(), cat.Behaviours()...),
		Find:       map[string]record.Finder{"asset": assetsByName},
		Kinds:      kinds,
	})
	return err
}

func (f Folder) attachments() string { return f.join(attachmentFolder) }

func assetsByID(ctx context.Context, r store.Reader, scope auth.Scope, ids []string) (map[string]record.Thing, error) {
	type row struct {
		ID     string `db:"asset_id"`
		Name   string `db:"name"`
		Model  string `db:"model"`
		State  string `db:"state"`
		SiteNo int64  `db:"site_no"`
		ZoneNo int64  `db:"zone_no"`
	}
	rows, err := store.All[row](ctx, r, "SELECT asset_id, name, model, state, site_no, zone_no FROM asset_asset WHERE asset_id IN (?) AND ?", ids, scope.Where("site_no", "zone_no"))
	out := make(map[string]record.Thing, len(rows))
	for _, x := range rows {
		label := x.Name
		if label == "" {
			label = x.Model
		}
		if label == "" {
			label = x.ID
		}
		out[x.ID] = record.Thing{Label: label, State: x.State, SiteNo: x.SiteNo, ZoneNo: x.ZoneNo}
	}
	return out, err
}

// assetsByName finds what a list of records calls by name or serial number.
func assetsByName(ctx context.Context, r store.Reader, scope auth.Scope, siteID, text string) ([]string, error) {
	return store.All[string](ctx, r, `SELECT asset_id FROM asset_asset WHERE (lower(name) = lower(?) OR serial <> '' AND serial = ?) AND ?
		AND (CAST(? AS TEXT) = '' OR site_no IN (SELECT site_no FROM org_site WHERE site_id = ?)) LIMIT 3`, text, text, scope.Where("site_no", "zone_no"), siteID, siteID)
}

// recordJobs are what comes round for records.
func (s *server) recordJobs() []job.Job {
	return []job.Job{
		{Name: "record-upgrade", Every: 10 * time.Minute, Do: s.records.Upgrade},
		{Name: "record-reminders", Every: time.Hour, Do: s.records.Remind},
		{Name: "attachment-scan", Every: 5 * time.Minute, Do: s.records.Rescan},
		{Name: "attachment-sweep", Every: 24 * time.Hour, Do: s.records.Sweep},
	}
}

// numbered reads ids of the form site.number; others are nobody's.
func numbered(ids []string) (sites, numbers []int64, by map[[2]int64]string) {
	by = map[[2]int64]string{}
	for _, id := range ids {
		a, b, _ := strings.Cut(id, ".")
		site, err := strconv.ParseInt(a, 10, 64)
		no, err2 := strconv.ParseInt(b, 10, 64)
		if err == nil && err2 == nil {
			sites, numbers = append(sites, site), append(numbers, no)
			by[[2]int64{site, no}] = id
		}
	}
	return sites, numbers, by
}

func conversationsByID(ctx context.Context, r store.Reader, scope auth.Scope, ids []string) (map[string]record.Thing, error) {
	return numberedThings(ctx, r, scope, ids, `SELECT c.site_no, c.conv_no AS no, CASE WHEN c.client_ip = '' THEN c.client_mac ELSE c.client_ip END || ' → ' || CASE WHEN c.server_ip = '' THEN c.server_mac ELSE c.server_ip END || ' ' || c.protocol AS label
		FROM network_conversation c WHERE c.site_no IN (?) AND c.conv_no IN (?) AND `, conversationScope)
}

// conversationScope is that of the site: a conversation has two ends, so no one zone.
func conversationScope(scope auth.Scope) ot.SQL { return scope.Where("c.site_no", "") }

func eventsByID(ctx context.Context, r store.Reader, scope auth.Scope, ids []string) (map[string]record.Thing, error) {
	return numberedThings(ctx, r, scope, ids, `SELECT c.site_no, c.event_no AS no, c.protocol || ' ' || c.name AS label FROM network_event c WHERE c.site_no IN (?) AND c.event_no IN (?) AND `, conversationScope)
}

func numberedThings(ctx context.Context, r store.Reader, scope auth.Scope, ids []string, text string, where func(auth.Scope) ot.SQL) (map[string]record.Thing, error) {
	type row struct {
		SiteNo int64  `db:"site_no"`
		No     int64  `db:"no"`
		Label  string `db:"label"`
	}
	sites, numbers, by := numbered(ids)
	rows, err := store.All[row](ctx, r, text+"?", sites, numbers, where(scope))
	out := make(map[string]record.Thing, len(rows))
	for _, x := range rows {
		if id, ok := by[[2]int64{x.SiteNo, x.No}]; ok {
			out[id] = record.Thing{Label: x.Label, SiteNo: x.SiteNo}
		}
	}
	return out, err
}
