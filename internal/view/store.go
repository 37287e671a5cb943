package view

import (
	"context"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

type siteRow struct {
	No   int64  `db:"site_no"`
	ID   string `db:"site_id"`
	Name string `db:"name"`
}

// Plant draws one site, now or, when at is not zero, as it was then.
func (s *Service) Plant(ctx context.Context, scope Scope, siteID string, now, at time.Time) (out Plant, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		site, err := store.One[siteRow](ctx, r, `SELECT s.site_no, s.site_id, s.name FROM org_site s WHERE s.site_id = ? AND ?`, siteID, scope.Reach("s.site_no"))
		if err != nil {
			return err
		}
		zones, err := store.All[zoneRow](ctx, r, `SELECT zone_no, zone_id, name, level, ot, sl_t, critical, external, gateway FROM org_zone WHERE site_no = ? AND ? ORDER BY zone_no`, site.No, scope.Where("site_no", "zone_no"))
		if err != nil {
			return err
		}
		groups, err := store.All[groupRow](ctx, r, plantGroups, asset.AsOf(at), site.No, scope.Where("a.site_no", "a.scope_zone_no"))
		if err != nil {
			return err
		}
		talks, err := store.All[talkRow](ctx, r, plantTalks, volume("packets", at), volume("bytes", at), rollups(site.No, at), site.No, heardBy(at), scope.Where("c.site_no", "c.client_zone_no"), scope.Where("c.site_no", "c.server_zone_no"))
		if err != nil {
			return err
		}
		if !at.IsZero() {
			now = at
			for i := range talks {
				talks[i].Last, talks[i].Live = min(talks[i].Last, at.UnixMicro()), min(talks[i].Live, at.UnixMicro())
			}
		}
		out = Plant{Site: site.ID, Name: site.Name}
		out.Zones, out.Conduits = drawPlant(zones, groups, talks, now)
		var heard int64
		for _, z := range out.Zones {
			out.Assets += z.Assets
			heard = max(heard, z.heard)
		}
		out.HeardAt = moment(heard)
		return nil
	})
	return out, err
}

// An asset without a zone whose address is outside the plant belongs to the
// internet or another network; managed says which.
const plantGroups = `
SELECT a.zone_no, CASE WHEN a.zone_no = 0 THEN a.level ELSE '' END AS level, a.role,
       a.model AS label,
       (a.zone_no = 0 AND NOT a.managed) AS outside,
       COUNT(*) AS n, CAST(SUM(CASE WHEN a.state = 'new' THEN 1 ELSE 0 END) AS BIGINT) AS fresh
FROM ? a
WHERE a.site_no = ? AND a.state NOT IN ('rejected', 'retired') AND ?
GROUP BY 1, 2, 3, 4, 5`

// The level of an asset is asked only for ends that stand in no zone.
const plantTalks = `
SELECT c.client_zone_no, c.server_zone_no, c.client_internet, c.server_internet,
       CASE WHEN c.client_zone_no = 0 THEN COALESCE((SELECT MIN(a.level) FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id
         WHERE b.site_no = c.site_no AND b.realm_no = c.realm_no AND b.to_at IS NULL
           AND b.kind = CASE WHEN c.client_ip <> '' THEN 'ip' ELSE 'mac' END AND b.address = CASE WHEN c.client_ip <> '' THEN c.client_ip ELSE c.client_mac END), '') ELSE '' END AS client_level,
       CASE WHEN c.server_zone_no = 0 THEN COALESCE((SELECT MIN(a.level) FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id
         WHERE b.site_no = c.site_no AND b.realm_no = c.realm_no AND b.to_at IS NULL
           AND b.kind = CASE WHEN c.server_ip <> '' THEN 'ip' ELSE 'mac' END AND b.address = CASE WHEN c.server_ip <> '' THEN c.server_ip ELSE c.server_mac END), '') ELSE '' END AS server_level,
       CASE WHEN c.protocol <> '' THEN c.protocol WHEN c.guess <> '' THEN c.guess ELSE c.transport END AS protocol,
       COUNT(*) AS n, CAST(SUM(?) AS BIGINT) AS packets, CAST(SUM(?) AS BIGINT) AS bytes,
       MIN(c.first_at) AS first_at, MAX(c.last_at) AS last_at, COALESCE(MAX(c.last_live_at), 0) AS live_at
FROM network_conversation c ?
WHERE c.site_no = ? AND ? AND c.server_ip <> '255.255.255.255' AND c.transport <> 'ether' AND (? OR ?)
GROUP BY 1, 2, 3, 4, 5, 6, 7`

// Found is one hit of the search.
type Found struct {
	Kind   string `json:"kind" enum:"asset,zone,site,requirement"`
	ID     string `json:"id"`
	Label  string `json:"label"`
	Detail string `json:"detail"`
	SiteID string `json:"site_id,omitempty"`
}

type foundRow struct {
	ID     string `db:"id"`
	Label  string `db:"label"`
	Detail string `db:"detail"`
	SiteID string `db:"site_id"`
}

const perKind = 8

// Search finds assets, zones and sites by part of a name, code or address.
func (s *Service) Search(ctx context.Context, scope Scope, text string) (out []Found, err error) {
	text = strings.ToLower(strings.TrimSpace(text))
	out = []Found{}
	if text == "" {
		return out, nil
	}
	like := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
	queries := []struct {
		kind, text string
		scope      ot.SQL
	}{
		{"asset", `SELECT a.asset_id AS id, CASE WHEN a.name <> '' THEN a.name WHEN a.model <> '' THEN a.model ELSE a.role END AS label,
		   a.vendor || ' ' || a.model || ' ' || a.order_code || ' ' || a.serial AS detail, s.site_id FROM asset_asset a JOIN org_site s ON s.site_no = a.site_no
		   WHERE a.search LIKE ? ESCAPE '\' AND a.state <> 'retired' AND ? ORDER BY 2, 1 LIMIT ?`, scope.Where("a.site_no", "a.zone_no")},
		// The serial of a module in a rack leads to the rack.
		{"asset", `SELECT a.asset_id AS id, CASE WHEN a.name <> '' THEN a.name WHEN a.model <> '' THEN a.model ELSE a.role END AS label,
		   m.module || ': ' || m.model || ' ' || m.serial AS detail, s.site_id FROM asset_module m JOIN asset_asset a ON a.asset_id = m.asset_id JOIN org_site s ON s.site_no = a.site_no
		   WHERE lower(m.serial) LIKE ? ESCAPE '\' AND a.state <> 'retired' AND ? ORDER BY 2, 1 LIMIT ?`, scope.Where("a.site_no", "a.zone_no")},
		{"zone", `SELECT z.zone_id AS id, z.name AS label, s.name AS detail, s.site_id FROM org_zone z JOIN org_site s ON s.site_no = z.site_no
		   WHERE lower(z.name) LIKE ? ESCAPE '\' AND ? ORDER BY 2, 1 LIMIT ?`, scope.Where("z.site_no", "z.zone_no")},
		{"site", `SELECT s.site_id AS id, s.name AS label, s.country AS detail, s.site_id FROM org_site s WHERE lower(s.name) LIKE ? ESCAPE '\' AND ? ORDER BY 2, 1 LIMIT ?`, scope.Reach("s.site_no")},
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		for _, q := range queries {
			rows, err := store.All[foundRow](ctx, r, q.text, like, q.scope, perKind)
			if err != nil {
				return err
			}
			for _, f := range rows {
				out = append(out, Found{Kind: q.kind, ID: f.ID, Label: f.Label, Detail: strings.Join(strings.Fields(f.Detail), " "), SiteID: f.SiteID})
			}
		}
		return nil
	})
	return out, err
}

// Overview is what a list of sites shows beside their names.
type Overview struct {
	SiteNo  int64      `db:"site_no"`
	Assets  int64      `db:"assets"`
	HeardAt store.Time `db:"heard_at"` // when the centre last heard a live sensor; zero: never
	Live    bool       `db:"live"`     // there is a live sensor
}

// Sites counts and dates every site in scope.
func (s *Service) Sites(ctx context.Context, scope Scope) (out []Overview, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.All[Overview](ctx, r, `
SELECT s.site_no,
       (SELECT COUNT(*) FROM asset_asset a WHERE a.site_no = s.site_no AND a.managed AND a.state NOT IN ('rejected', 'retired') AND ?) AS assets,
       (SELECT MAX(n.received_at) FROM network_source n WHERE n.site_no = s.site_no AND n.live) AS heard_at,
       EXISTS (SELECT 1 FROM network_source n WHERE n.site_no = s.site_no AND n.live) AS live
FROM org_site s WHERE ? ORDER BY s.site_no`, scope.Where("a.site_no", "a.zone_no"), scope.Reach("s.site_no"))
		return err
	})
	return out, err
}
