package detect

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// settingRow is detect_setting.
type settingRow struct {
	SiteNo    int64                `db:"site_no"`
	Rule      string               `db:"rule"`
	Off       bool                 `db:"off"`
	Severity  string               `db:"severity"`
	Threshold int64                `db:"threshold"`
	Zones     store.JSON[[]int64]  `db:"zones"`
	Hosts     store.JSON[[]string] `db:"hosts"`
	Reason    string               `db:"reason"`
	ByID      string               `db:"by_id"`
	ByName    string               `db:"by_name"`
	At        int64                `db:"at"`
}

const settingColumns = "site_no, rule, off, severity, threshold, zones, hosts, reason, by_id, by_name, at"

// Setting is how a rule is meant at a site.
type Setting struct {
	Off       bool       `json:"off" doc:"The rule makes no alerts here; what it meets is counted"`
	Severity  string     `json:"severity" enum:"critical,high,medium,low,info," doc:"Another one than the rule's; empty: the rule's"`
	Threshold int64      `json:"threshold" minimum:"0" maximum:"1000000" doc:"Hits within a day before it calls; 0: at once"`
	Zones     []string   `json:"zones" nullable:"false" maxItems:"200" doc:"Ids of zones; only there. Empty: everywhere"`
	Hosts     []string   `json:"hosts" nullable:"false" maxItems:"200" doc:"IP or MAC addresses that may do this"`
	Reason    string     `json:"reason" minLength:"1" maxLength:"500"`
	By        string     `json:"by,omitempty" readOnly:"true"`
	At        store.Time `json:"at,omitzero" readOnly:"true"`
}

// Set keeps how a rule is meant at a site.
func (s *Service) Set(ctx context.Context, scope Scope, by Person, siteID, ruleID string, in Setting) error {
	if s.Rules().Lookup(ruleID) == nil {
		return ot.Errorf(ot.NotFound, "there is no such rule")
	}
	in.Reason = ot.Printable(strings.TrimSpace(in.Reason))
	if in.Reason == "" {
		return ot.Errorf(ot.Invalid, "say in a few words why this rule is set so")
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		row, err := s.settingOf(ctx, tx, scope, by, siteID, ruleID, in)
		if err != nil {
			return err
		}
		return store.Upsert(ctx, tx, "detect_setting", []settingRow{row}, []string{"site_no", "rule"}, []string{"off", "severity", "threshold", "zones", "hosts", "reason", "by_id", "by_name", "at"})
	})
}

// settingOf is a setting as it is kept.
func (s *Service) settingOf(ctx context.Context, r store.Reader, scope Scope, by Person, siteID, ruleID string, in Setting) (row settingRow, err error) {
	hosts, zones := []string{}, []int64{}
	for _, h := range in.Hosts {
		if h = strings.ToLower(ot.Printable(strings.TrimSpace(h))); h != "" {
			hosts = append(hosts, h)
		}
	}
	siteNo, err := store.One[int64](ctx, r, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Where("o.site_no", ""))
	if err != nil {
		return row, err
	}
	if len(in.Zones) > 0 {
		if zones, err = store.All[int64](ctx, r, "SELECT zone_no FROM org_zone WHERE site_no = ? AND zone_id IN (?) ORDER BY zone_no", siteNo, in.Zones); err != nil {
			return row, err
		}
		if len(zones) != len(in.Zones) {
			return row, ot.Errorf(ot.Invalid, "one of these zones is not of this site")
		}
	}
	return settingRow{siteNo, ruleID, in.Off, in.Severity, in.Threshold, store.AsJSON(zones), store.AsJSON(hosts), in.Reason, by.ID, by.Name, s.now().UnixMicro()}, nil
}

// Unset makes a rule mean what it says again.
func (s *Service) Unset(ctx context.Context, scope Scope, siteID, ruleID string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		siteNo, err := store.One[int64](ctx, tx, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Where("o.site_no", ""))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "DELETE FROM detect_setting WHERE site_no = ? AND rule = ?", siteNo, ruleID)
		return err
	})
}

// settings reads those of a site once for a call of Raise.
func (r *raising) settings(ctx context.Context, siteNo int64) (map[string]settingRow, error) {
	if have, ok := r.means[siteNo]; ok {
		return have, nil
	}
	rows, err := store.All[settingRow](ctx, r.tx, "SELECT "+settingColumns+" FROM detect_setting WHERE site_no = ?", siteNo)
	if err != nil {
		return nil, err
	}
	out := make(map[string]settingRow, len(rows))
	for _, x := range rows {
		out[x.Rule] = x
	}
	r.means[siteNo] = out
	return out, nil
}

// exceptionRow is an exception that was approved for a rule.
type exceptionRow struct {
	Rule    string `db:"rule"`
	AssetID string `db:"asset_id"`
	ZoneNo  int64  `db:"zone_no"`
	Item    string `db:"item"`
}

// excepted reads the exceptions in force at a site: records whose check is rule:<id>.
func (r *raising) excepted(ctx context.Context, siteNo int64) ([]exceptionRow, error) {
	if have, ok := r.except[siteNo]; ok {
		return have, nil
	}
	rows, err := exceptionsOf(ctx, r.tx, siteNo, store.At(r.now))
	if err != nil {
		return nil, err
	}
	r.except[siteNo] = rows
	return rows, nil
}

func exceptionsOf(ctx context.Context, r store.Reader, siteNo int64, at store.Time) ([]exceptionRow, error) {
	return store.All[exceptionRow](ctx, r, `SELECT SUBSTR(CAST(e.data->>'check' AS TEXT), 6) AS rule, e.asset_id, e.zone_no, COALESCE(CAST(e.data->>'item' AS TEXT), '') AS item
FROM record_record e WHERE e.type = 'exception' AND e.state = 'approved' AND e.site_no IN (0, ?) AND CAST(e.data->>'check' AS TEXT) LIKE 'rule:%'
  AND (e.valid_from IS NULL OR e.valid_from <= ?) AND (e.valid_until IS NULL OR e.valid_until > ?)`, siteNo, at, at)
}

// apply is the setting, short of its threshold.
func (x *settingRow) apply(h *rule.Hit) {
	named := func(e rule.End) bool {
		return e.IP != "" && slices.Contains(x.Hosts.V, e.IP) || e.MAC != "" && slices.Contains(x.Hosts.V, e.MAC)
	}
	switch {
	case x.Off, len(x.Zones.V) > 0 && !slices.Contains(x.Zones.V, h.ZoneNo), named(h.Client), h.Client == (rule.End{}) && named(h.Server):
		h.Severity = rule.Silent
	case x.Severity != "" && h.Severity == "":
		h.Severity = ot.Severity(x.Severity)
	}
}

// meant applies what people decided about the rule: another severity, or silence.
func (r *raising) meant(ctx context.Context, h *rule.Hit) error {
	all, err := r.settings(ctx, h.SiteNo)
	if err != nil {
		return err
	}
	if x, ok := all[h.Rule]; ok {
		if x.apply(h); h.Severity == rule.Silent {
			return nil
		}
		if x.Threshold > 1 {
			hour := h.Last / int64(time.Hour)
			before, err := store.One[int64](ctx, r.tx, "SELECT CAST(COALESCE(SUM(hits), 0) AS BIGINT) FROM detect_hour WHERE site_no = ? AND rule = ? AND hour > ? AND hour <= ?", h.SiteNo, h.Rule, hour-24, hour)
			if err != nil {
				return err
			}
			for _, x := range r.hours {
				if x.SiteNo == h.SiteNo && x.Rule == h.Rule {
					before += x.Hits
				}
			}
			if before+int64(max(h.Count, 1)) < x.Threshold {
				h.Severity = rule.Silent
				return nil
			}
		}
	}
	if !r.s.cfg.Exceptions {
		return nil
	}
	list, err := r.excepted(ctx, h.SiteNo)
	if err != nil {
		return err
	}
	for _, e := range list {
		if e.Rule != h.Rule || e.ZoneNo != 0 && e.ZoneNo != h.ZoneNo || e.Item != "" && e.Item != h.Client.Name() && e.Item != h.Server.Name() {
			continue
		}
		if e.AssetID == "" {
			h.Severity = rule.Silent
			return nil
		}
		who, err := r.s.cfg.Plant.Who(ctx, r.tx, h.SiteNo, []Host{hostAt(h.RealmNo, h.Client.IP, h.Client.MAC), hostAt(h.RealmNo, h.Server.IP, h.Server.MAC)})
		if err != nil {
			return err
		}
		for _, p := range who {
			if p.Asset == e.AssetID {
				h.Severity = rule.Silent
				return nil
			}
		}
	}
	return nil
}
