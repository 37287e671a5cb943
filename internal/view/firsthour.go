package view

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/store"
)

// FirstHour says how far a new installation has come: what a person would set up
// in the first hour, each step read from what is there and never ticked by hand.
type FirstHour struct {
	Sites          []SiteStart `json:"sites" nullable:"false"`
	People         int64       `json:"people" doc:"Accounts that can sign in"`
	Administrators int64       `json:"administrators" doc:"Two, or nobody lets the second one in again"`
	Eyes           bool        `json:"eyes" doc:"Each company has chosen how many eyes it can spare"`
	Done           bool        `json:"done"`
}

// SiteStart is how far one site has come.
type SiteStart struct {
	SiteID   string `json:"site_id" db:"site_id"`
	Name     string `json:"name" db:"name"`
	Live     int64  `json:"live" db:"live" doc:"Sensors that listen"`
	Captures int64  `json:"captures" db:"captures" doc:"Captures that were read"`
	Assets   int64  `json:"assets" db:"assets"`
	Placed   int64  `json:"placed" db:"placed" doc:"Assets in a zone"`
	Zones    int64  `json:"zones" db:"zones"`
	Leads    int64  `json:"leads" db:"leads" doc:"People with the role of its OT lead"`
}

// begun: the share of assets in a zone from which on a site counts as drawn.
const begun = .8

func (s SiteStart) done() bool {
	return s.Live+s.Captures > 0 && s.Assets > 0 && s.Zones > 0 && float64(s.Placed) >= begun*float64(s.Assets) && s.Leads > 0
}

// FirstHour reads it.
func (s *Service) FirstHour(ctx context.Context, scope Scope) (out FirstHour, err error) {
	type people struct {
		All    int64 `db:"n"`
		Admins int64 `db:"admins"`
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		out = FirstHour{}
		if out.Sites, err = store.All[SiteStart](ctx, r, `
SELECT s.site_id, s.name,
 (SELECT COUNT(*) FROM network_source n WHERE n.site_no = s.site_no AND n.kind = 'sensor' AND n.live) AS live,
 (SELECT COUNT(*) FROM network_source n WHERE n.site_no = s.site_no AND n.kind = 'capture') AS captures,
 (SELECT COUNT(*) FROM asset_asset a WHERE a.site_no = s.site_no AND a.managed AND a.state NOT IN ('rejected', 'retired')) AS assets,
 (SELECT COUNT(*) FROM asset_asset a WHERE a.site_no = s.site_no AND a.managed AND a.zone_no <> 0 AND a.state NOT IN ('rejected', 'retired')) AS placed,
 (SELECT COUNT(*) FROM org_zone z WHERE z.site_no = s.site_no AND z.ot) AS zones,
 (SELECT COUNT(*) FROM auth_user u WHERE u.role = 'site-ot-lead' AND NOT u.disabled AND (u.sees_all OR EXISTS (
   SELECT 1 FROM auth_scope c WHERE c.user_id = u.user_id AND (c.kind = 'site' AND c.ref = s.site_id OR c.kind = 'entity' AND c.ref = s.entity_id)))) AS leads
FROM org_site s WHERE ? ORDER BY s.name, s.site_no`, scope.Where("s.site_no", "")); err != nil {
			return err
		}
		p, err := store.One[people](ctx, r, "SELECT COUNT(*) AS n, COALESCE(SUM(CASE WHEN role = 'administrator' THEN 1 ELSE 0 END), 0) AS admins FROM auth_user WHERE NOT disabled")
		if err != nil {
			return err
		}
		out.People, out.Administrators = p.All, p.Admins
		open, err := store.One[int64](ctx, r, "SELECT COUNT(DISTINCT s.entity_id) FROM org_site s WHERE ? AND NOT EXISTS (SELECT 1 FROM record_profile p WHERE p.entity_id = s.entity_id)", scope.Where("s.site_no", ""))
		out.Eyes = open == 0
		return err
	})
	out.Done = len(out.Sites) > 0 && out.Administrators > 1 && out.Eyes && !slices.ContainsFunc(out.Sites, func(x SiteStart) bool { return !x.done() })
	return out, err
}

// Network is a block of addresses in which devices were heard.
type Network struct {
	RealmID string  `json:"realm_id"`
	Realm   string  `json:"realm"`
	Prefix  string  `json:"prefix" doc:"A /24 or /64 that holds the addresses"`
	Assets  int64   `json:"assets"`
	Roles   []Count `json:"roles" nullable:"false" doc:"The most frequent first"`
	Level   string  `json:"level" doc:"Purdue level of most of its assets; empty: not known"`
	ZoneID  string  `json:"zone_id" doc:"Of the zone that has it already; empty: none has"`
	Zone    string  `json:"zone"`
}

// Count counts one value.
type Count struct {
	Value string `json:"value"`
	Count int64  `json:"count"`
}

type heardRow struct {
	RealmNo int64  `db:"realm_no"`
	RealmID string `db:"realm_id"`
	Realm   string `db:"realm"`
	Address string `db:"address"`
	Role    string `db:"role"`
	Level   string `db:"level"`
	ZoneID  string `db:"zone_id"`
	Zone    string `db:"zone"`
}

// Networks gathers a site's heard addresses into blocks, those without a zone
// first: what a person draws zones from.
func (s *Service) Networks(ctx context.Context, scope Scope, siteID string) (out []Network, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		site, err := store.One[siteRow](ctx, r, `SELECT s.site_no, s.site_id, s.name FROM org_site s WHERE s.site_id = ? AND ?`, siteID, scope.Where("s.site_no", ""))
		if err != nil {
			return err
		}
		rows, err := store.All[heardRow](ctx, r, `SELECT b.realm_no, m.realm_id, m.name AS realm, b.address, a.role, a.level, COALESCE(z.zone_id, '') AS zone_id, COALESCE(z.name, '') AS zone
FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id JOIN org_realm m ON m.realm_no = b.realm_no LEFT JOIN org_zone z ON z.zone_no = a.zone_no
WHERE b.site_no = ? AND b.kind = 'ip' AND b.to_at IS NULL AND a.state NOT IN ('rejected', 'retired') AND ?`, site.No, scope.Where("a.site_no", "a.zone_no"))
		out = networksOf(rows)
		return err
	})
	return out, err
}

// networksOf groups addresses; what is no address of a plant (public, multicast, link-local) is left out.
func networksOf(rows []heardRow) []Network {
	type key struct {
		realm  int64
		prefix netip.Prefix
	}
	type block struct {
		Network
		roles, levels map[string]int64
		zones         map[[2]string]int64
	}
	blocks := map[key]*block{}
	for _, h := range rows {
		a, err := netip.ParseAddr(h.Address)
		if err != nil || !a.IsPrivate() {
			continue
		}
		bits := 24
		if a.Is6() {
			bits = 64
		}
		p, err := a.Prefix(bits)
		if err != nil {
			continue
		}
		k := key{h.RealmNo, p}
		b := blocks[k]
		if b == nil {
			b = &block{Network: Network{RealmID: h.RealmID, Realm: h.Realm, Prefix: p.String()}, roles: map[string]int64{}, levels: map[string]int64{}, zones: map[[2]string]int64{}}
			blocks[k] = b
		}
		b.Assets++
		b.roles[h.Role]++
		if h.Level != "" {
			b.levels[h.Level]++
		}
		b.zones[[2]string{h.ZoneID, h.Zone}]++
	}
	out := make([]Network, 0, len(blocks))
	for _, b := range blocks {
		b.Roles = counted(b.roles)
		if l := counted(b.levels); len(l) > 0 {
			b.Level = l[0].Value
		}
		most := int64(0)
		for z, n := range b.zones {
			if n > most || n == most && z[1] < b.Zone {
				most, b.ZoneID, b.Zone = n, z[0], z[1]
			}
		}
		out = append(out, b.Network)
	}
	slices.SortFunc(out, func(a, b Network) int {
		free := func(n Network) int {
			if n.ZoneID == "" {
				return 0
			}
			return 1
		}
		return cmp.Or(free(a)-free(b), cmp.Compare(b.Assets, a.Assets), strings.Compare(a.Realm+a.Prefix, b.Realm+b.Prefix))
	})
	return out
}

func counted(m map[string]int64) []Count {
	out := make([]Count, 0, len(m))
	for v, n := range m {
		out = append(out, Count{v, n})
	}
	slices.SortFunc(out, func(a, b Count) int { return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Value, b.Value)) })
	return out
}
