package view

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// Watched says what the centre knows around what a detection met.
type Watched struct{}

// Who implements detect.Plant.
func (Watched) Who(ctx context.Context, r store.Reader, siteNo int64, hosts []detect.Host) (map[detect.Host]detect.Party, error) {
	type row struct {
		RealmNo int64  `db:"realm_no"`
		Kind    string `db:"kind"`
		Address string `db:"address"`
		Asset   string `db:"asset_id"`
		Name    string `db:"name"`
		Role    string `db:"role"`
		Level   string `db:"level"`
		ZoneNo  int64  `db:"zone_no"`
		Managed bool   `db:"managed"`
		Program bool   `db:"programming"`
	}
	type zone struct {
		No    int64  `db:"zone_no"`
		Name  string `db:"name"`
		Level string `db:"level"`
		OT    bool   `db:"ot"`
	}
	out := make(map[detect.Host]detect.Party, len(hosts))
	if len(hosts) == 0 {
		return out, nil
	}
	subnets, err := store.All[org.Subnet](ctx, r, "SELECT site_no, realm_no, prefix, zone_no FROM org_subnet WHERE site_no = ?", siteNo)
	if err != nil {
		return nil, err
	}
	resolver, err := org.NewResolver(subnets)
	if err != nil {
		return nil, err
	}
	zones := map[int64]zone{}
	for z, err := range store.Select[zone](ctx, r, "SELECT zone_no, name, level, ot FROM org_zone WHERE site_no = ?", siteNo) {
		if err != nil {
			return nil, err
		}
		zones[z.No] = z
	}
	known := map[detect.Host]row{}
	for part := range slices.Chunk(hosts, 400) {
		addresses := make([]string, 0, len(part))
		for _, h := range part {
			addresses = append(addresses, h.IP+h.MAC)
		}
		rows, err := store.All[row](ctx, r, `SELECT b.realm_no, b.kind, b.address, a.asset_id, CASE WHEN a.name <> '' THEN a.name WHEN a.model <> '' THEN a.model ELSE '' END AS name,
  a.role, a.level, a.zone_no, a.managed, CASE WHEN EXISTS (SELECT 1 FROM detect_programming p WHERE p.asset_id = a.asset_id) THEN TRUE ELSE FALSE END AS programming
FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id WHERE b.site_no = ? AND b.address IN (?) AND b.to_at IS NULL ORDER BY b.from_at`, siteNo, addresses)
		if err != nil {
			return nil, err
		}
		for _, x := range rows {
			h := detect.Host{RealmNo: x.RealmNo}
			if x.Kind == "ip" {
				h.IP = x.Address
			} else {
				h.MAC = x.Address
			}
			known[h] = x
		}
	}
	for _, h := range hosts {
		x, have := known[h]
		p := detect.Party{Asset: x.Asset, Name: x.Name, Role: x.Role, Level: x.Level, ZoneNo: x.ZoneNo, Programming: x.Program}
		if ip, err := netip.ParseAddr(h.IP); err == nil {
			if no := resolver.Zone(siteNo, h.RealmNo, ip); no != 0 {
				p.ZoneNo = no
			}
			p.Internet = p.ZoneNo == 0 && detect.Public(ip) && !(have && x.Managed)
		}
		if z, ok := zones[p.ZoneNo]; ok {
			p.Zone, p.OT = z.Name, z.OT
			if p.Level == "" {
				p.Level = z.Level
			}
		}
		if have || p.ZoneNo != 0 || p.Internet {
			out[h] = p
		}
	}
	return out, nil
}

// Planned implements detect.Plant.
func (Watched) Planned(ctx context.Context, r store.Reader, siteNo int64, from, to time.Time) ([]detect.Window, error) {
	times, err := record.PlannedWork(ctx, r, siteNo, from, to)
	if err != nil {
		return nil, err
	}
	out := make([]detect.Window, len(times))
	for i, t := range times {
		out[i] = detect.Window{Record: t.ID, Title: t.Ref + " " + t.Title, From: t.From, To: t.To, Assets: t.Assets}
	}
	return out, nil
}

// Talks implements detect.Plant.
func (Watched) Talks(ctx context.Context, r store.Reader, siteNo int64, keys []detect.TalkKey) (map[detect.TalkKey]detect.Talk, error) {
	type row struct {
		No     int64  `db:"conv_no"`
		Key    string `db:"conv_key"`
		ZoneNo int64  `db:"server_zone_no"`
	}
	out := make(map[detect.TalkKey]detect.Talk, len(keys))
	for part := range slices.Chunk(keys, 400) {
		by := map[string][]detect.TalkKey{}
		names := make([]string, 0, len(part))
		for _, k := range part {
			name := network.Key(k.RealmNo, k.Client, k.Server, k.Transport, k.Port, k.Protocol)
			by[name] = append(by[name], k)
			names = append(names, name)
		}
		rows, err := store.All[row](ctx, r, "SELECT conv_no, conv_key, server_zone_no FROM network_conversation WHERE site_no = ? AND conv_key IN (?)", siteNo, names)
		if err != nil {
			return nil, err
		}
		for _, x := range rows {
			for _, k := range by[x.Key] {
				out[k] = detect.Talk{No: x.No, ServerZoneNo: x.ZoneNo}
			}
		}
	}
	return out, nil
}
