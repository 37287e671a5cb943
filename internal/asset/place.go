package asset

import (
	"context"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Places says, for addresses of a site, in which zone the asset stands that has
// each now; 0: it has no zone. An address that no asset of the plant has is missing.
// Keys name the realm by its number in decimal, and either the MAC or the IP.
// Package network asks it.
func (s *Service) Places(ctx context.Context, r store.Reader, siteNo int64, addresses []string) (map[ot.Host]int64, error) {
	type row struct {
		RealmNo int64  `db:"realm_no"`
		Kind    string `db:"kind"`
		Address string `db:"address"`
		ZoneNo  int64  `db:"zone_no"`
	}
	out := map[ot.Host]int64{}
	for part := range slices.Chunk(addresses, 500) {
		rows, err := store.All[row](ctx, r, `SELECT b.realm_no, b.kind, b.address, a.zone_no FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id
			WHERE b.site_no = ? AND b.address IN (?) AND b.to_at IS NULL ORDER BY a.zone_no`, siteNo, part)
		if err != nil {
			return nil, err
		}
		for _, x := range rows {
			h := hostRow{RealmNo: x.RealmNo}
			if x.Kind == "mac" {
				h.MAC = x.Address
			} else {
				h.IP = x.Address
			}
			out[h.key()] = x.ZoneNo
		}
	}
	return out, nil
}
