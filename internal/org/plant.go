package org

import (
	"context"

	"github.com/skanse/skanse/internal/store"
)

// PlantNetworks are the subnets of a site's OT zones in these address realms: what is
// said there is the plant's own.
func PlantNetworks(ctx context.Context, r store.Reader, siteNo int64, realms []int64) ([]string, error) {
	if len(realms) == 0 {
		return nil, nil
	}
	return store.All[string](ctx, r, `SELECT DISTINCT x.prefix FROM org_subnet x JOIN org_zone z ON z.zone_no = x.zone_no
		WHERE x.site_no = ? AND z.ot AND x.realm_no IN (?) ORDER BY x.prefix`, siteNo, realms)
}
