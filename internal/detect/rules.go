package detect

import (
	"context"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// Detection is a rule as the page shows it.
type Detection struct {
	ID          string    `json:"id"`
	Title       string    `json:"title" say:"true"`
	Why         string    `json:"why" say:"true"`
	Severity    string    `json:"severity"`
	Technique   string    `json:"technique"`
	On          string    `json:"on" enum:"message,tuple,conversation,fact,window,state,log"`
	First       string    `json:"first" say:"true"`
	FalseAlarm  string    `json:"false_alarm" say:"true"`
	References  []string  `json:"references" nullable:"false"`
	When        string    `json:"when"`
	Having      string    `json:"having"`
	Own         bool      `json:"own" doc:"Uploaded here, not shipped"`
	Hits        int64     `json:"hits" doc:"Last 30 days, on all sites that you see"`
	Calls       int64     `json:"calls" doc:"Alerts that it raised, or raised again, in these days"`
	Silent      int64     `json:"silent" doc:"Hits that a planned window, a setting or an exception kept quiet"`
	FalseAlarms int64     `json:"false_alarms" doc:"Alerts of these days that were closed as false alarms"`
	Settings    []SiteSet `json:"settings" nullable:"false"`
}

// SiteSet is the setting of a rule at one site.
type SiteSet struct {
	SiteID  string  `json:"site_id"`
	Site    string  `json:"site"`
	Setting Setting `json:"setting"`
}

// noise is how far the page looks back.
const noise = 30 * 24 * time.Hour

// Detections lists the rules with how noisy they are.
func (s *Service) Detections(ctx context.Context, scope Scope) ([]Detection, error) {
	type count struct {
		Rule   string `db:"rule"`
		Hits   int64  `db:"hits"`
		Calls  int64  `db:"calls"`
		Silent int64  `db:"silent"`
	}
	type set struct {
		settingRow
		SiteID string `db:"site_id"`
		Site   string `db:"site_name"`
	}
	counts := map[string]count{}
	wrong := map[string]int64{}
	settings := map[string][]SiteSet{}
	own := map[string]bool{}
	since := s.now().Add(-noise)
	err := s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[count](ctx, r, "SELECT h.rule, CAST(SUM(h.hits) AS BIGINT) AS hits, CAST(SUM(h.calls) AS BIGINT) AS calls, CAST(SUM(h.silent) AS BIGINT) AS silent FROM detect_hour h WHERE h.hour >= ? AND ? GROUP BY h.rule", since.Unix()/3600, scope.Where("h.site_no", ""))
		if err != nil {
			return err
		}
		for _, x := range rows {
			counts[x.Rule] = x
		}
		type closed struct {
			Rule string `db:"rule"`
			N    int64  `db:"n"`
		}
		ended, err := store.All[closed](ctx, r, "SELECT a.rule, COUNT(*) AS n FROM detect_alert a WHERE a.outcome = 'false_alarm' AND a.raised_at >= ? AND ? GROUP BY a.rule", since.UnixMicro(), scope.Where("a.site_no", "a.zone_no"))
		if err != nil {
			return err
		}
		for _, x := range ended {
			wrong[x.Rule] = x.N
		}
		said, err := store.All[set](ctx, r, "SELECT d.site_no, d.rule, d.off, d.severity, d.threshold, d.zones, d.hosts, d.reason, d.by_id, d.by_name, d.at, o.site_id, o.name AS site_name FROM detect_setting d JOIN org_site o ON o.site_no = d.site_no WHERE ? ORDER BY o.name, d.rule", scope.Where("d.site_no", ""))
		if err != nil {
			return err
		}
		type zone struct {
			No int64  `db:"zone_no"`
			ID string `db:"zone_id"`
		}
		zones := map[int64]string{}
		for z, err := range store.Select[zone](ctx, r, "SELECT z.zone_no, z.zone_id FROM org_zone z WHERE ?", scope.Where("z.site_no", "z.zone_no")) {
			if err != nil {
				return err
			}
			zones[z.No] = z.ID
		}
		for _, x := range said {
			v := Setting{x.Off, x.Severity, x.Threshold, []string{}, x.Hosts.V, x.Reason, x.ByName, store.Micros(x.At)}
			for _, no := range x.Zones.V {
				v.Zones = append(v.Zones, zones[no])
			}
			if v.Hosts == nil {
				v.Hosts = []string{}
			}
			settings[x.Rule] = append(settings[x.Rule], SiteSet{x.SiteID, x.Site, v})
		}
		files, err := store.All[string](ctx, r, "SELECT text FROM detect_file")
		if err != nil {
			return err
		}
		for _, text := range files {
			for _, id := range ownIDs(text) { // what became wrong stands on the page of files
				own[id] = true
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	all := s.Rules().All()
	out := make([]Detection, 0, len(all))
	for i := range all {
		r := all[i].Rule
		d := Detection{
			ID: r.ID, Title: r.Title, Why: strings.TrimSpace(r.Why), Severity: string(r.Severity), Technique: r.Technique, On: string(r.On), First: r.First, FalseAlarm: strings.TrimSpace(r.FalseAlarm),
			References: r.References, When: r.When, Having: r.Having, Own: own[r.ID], Hits: counts[r.ID].Hits, Calls: counts[r.ID].Calls, Silent: counts[r.ID].Silent, FalseAlarms: wrong[r.ID], Settings: settings[r.ID],
		}
		if d.Own && r.On == rule.State { // own rules of the other form are never of state
			d.On = onLog
		}
		if d.References == nil {
			d.References = []string{}
		}
		if d.Settings == nil {
			d.Settings = []SiteSet{}
		}
		out = append(out, d)
	}
	return out, nil
}
