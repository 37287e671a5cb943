package view

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/vuln"
	"github.com/skanse/skanse/internal/vuln/match"
)

// Inventory gives the assets to whoever matches them with advisories, with how far
// observed conversations reach them.
type Inventory struct{}

// Stated implements vuln.Inventory.
func (Inventory) Stated(ctx context.Context, r store.Reader, after string, limit int) ([]vuln.Asset, error) {
	type row struct {
		ID          string `db:"asset_id"`
		SiteNo      int64  `db:"site_no"`
		ZoneNo      int64  `db:"zone_no"`
		Name        string `db:"name"`
		Vendor      string `db:"vendor"`
		Model       string `db:"model"`
		OrderCode   string `db:"order_code"`
		Firmware    string `db:"firmware"`
		Serial      string `db:"serial"`
		Criticality int64  `db:"criticality"`
	}
	rows, err := store.All[row](ctx, r, `SELECT a.asset_id, a.site_no, a.zone_no, CASE WHEN a.name <> '' THEN a.name WHEN a.model <> '' THEN a.model WHEN a.vendor <> '' THEN a.vendor || ' device' ELSE 'device without a name' END AS name,
  a.vendor, a.model, a.order_code, a.firmware, a.serial, CASE WHEN a.criticality > 0 THEN a.criticality ELSE a.criticality_hint END AS criticality
FROM asset_asset a LEFT JOIN org_zone z ON z.zone_no = a.zone_no
WHERE a.managed AND a.state IN ('new', 'accepted') AND (z.zone_no IS NULL OR NOT z.external) AND a.asset_id > ? ORDER BY a.asset_id LIMIT ?`, after, limit)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	out := make([]vuln.Asset, 0, len(rows))
	at := make(map[string]int, len(rows))
	for _, x := range rows {
		at[x.ID] = len(out)
		out = append(out, vuln.Asset{
			ID: x.ID, SiteNo: x.SiteNo, ZoneNo: x.ZoneNo, Name: x.Name, Criticality: x.Criticality,
			Stated: match.Asset{Vendor: x.Vendor, Model: x.Model, OrderCode: x.OrderCode, Version: x.Firmware, Serial: x.Serial},
		})
	}
	type module struct {
		AssetID   string `db:"asset_id"`
		Module    string `db:"module"`
		Name      string `db:"name"`
		Vendor    string `db:"vendor"`
		Model     string `db:"model"`
		OrderCode string `db:"order_code"`
		Firmware  string `db:"firmware"`
		Serial    string `db:"serial"`
	}
	modules, err := store.All[module](ctx, r, `SELECT asset_id, module, name, vendor, model, order_code, firmware, serial FROM asset_module
WHERE asset_id >= ? AND asset_id <= ? AND (model <> '' OR order_code <> '') ORDER BY asset_id, module`, rows[0].ID, rows[len(rows)-1].ID)
	if err != nil {
		return nil, err
	}
	for _, m := range modules {
		n, ok := at[m.AssetID]
		if !ok {
			continue
		}
		a := &out[n]
		if m.Vendor == "" {
			m.Vendor = a.Stated.Vendor
		}
		if m.OrderCode == a.Stated.OrderCode && m.Model == a.Stated.Model && m.Firmware == a.Stated.Version { // the module is the asset's own head
			continue
		}
		name := m.Name
		if name == "" {
			name = m.Module
		}
		a.Parts = append(a.Parts, vuln.Part{ID: m.Module, Name: name, Stated: match.Asset{Vendor: m.Vendor, Model: m.Model, OrderCode: m.OrderCode, Version: m.Firmware, Serial: m.Serial}})
	}
	return out, nil
}

// Reaches implements vuln.Inventory: open is a talk with the internet, controlled one from another zone, small one within the zone.
func (Inventory) Reaches(ctx context.Context, r store.Reader, since time.Time) (map[string]vuln.Reach, error) {
	type row struct {
		AssetID string `db:"asset_id"`
		Far     int64  `db:"far"`
	}
	out := map[string]vuln.Reach{}
	for x, err := range store.Select[row](ctx, r, `SELECT b.asset_id, MAX(CASE WHEN c.client_internet THEN 3 WHEN cz.external THEN 2 WHEN c.client_zone_no <> c.server_zone_no AND c.client_zone_no <> 0 THEN 1 ELSE 0 END) AS far
FROM network_conversation c JOIN asset_binding b ON b.site_no = c.site_no AND b.realm_no = c.realm_no AND b.kind = 'ip' AND b.address = c.server_ip AND b.to_at IS NULL
LEFT JOIN org_zone cz ON cz.zone_no = c.client_zone_no WHERE c.last_at >= ? AND c.server_ip <> '' GROUP BY b.asset_id`, since.UnixMicro()) {
		if err != nil {
			return nil, err
		}
		switch x.Far {
		case 3:
			out[x.AssetID] = vuln.Reach{Level: "open", Why: "the internet talks to it"}
		case 2:
			out[x.AssetID] = vuln.Reach{Level: "controlled", Why: "somebody outside the plant's zones talks to it"}
		case 1:
			out[x.AssetID] = vuln.Reach{Level: "controlled", Why: "another zone talks to it"}
		default:
			out[x.AssetID] = vuln.Reach{Level: "small", Why: "only its own zone talks to it"}
		}
	}
	return out, nil
}
