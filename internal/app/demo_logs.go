package app

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/demo"
	"github.com/skanse/skanse/internal/logs"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// logDemo plays what the example's devices say of themselves, and writes down its boundaries.
func (s *server) logDemo(ctx context.Context, company *demo.Company, from, present time.Time) error {
	if err := s.logs.Open(ctx); err != nil {
		return err
	}
	assets := map[string]string{} // by device
	for _, l := range company.LogSources() {
		asset, err := s.assetAt(ctx, l.Site.No, l.Address)
		if err != nil {
			return err
		}
		assets[l.Device] = asset
		if l.Expected {
			want := logs.Want{Name: l.Device, Asset: asset, Kind: l.Kind, Address: l.Address, Interval: int64(l.Interval / time.Second), Retention: l.Retention}
			if _, _, err := s.logs.Expect(auth.With(ctx, auth.System()), auth.Scope{All: true}, "Anna Holm", l.Site.ID, want); err != nil {
				return fmt.Errorf("log source %s: %w", l.Device, err)
			}
		}
		l.Lines(from, present, func(at time.Time, line string) {
			s.logs.Take(demoLine(l, at, line))
		})
		if err := s.logs.Flush(ctx, true); err != nil {
			return err
		}
	}
	err := s.db.Update(ctx, func(tx *store.Tx) error { // they were registered when the example began
		_, err := tx.Exec(ctx, "UPDATE logs_source SET created_at = ?", store.At(from))
		return err
	})
	if err != nil {
		return err
	}
	if err := s.logs.Seal(ctx); err != nil {
		return err
	}
	return s.boundaryDemo(ctx, present, assets)
}

func demoLine(l demo.LogSource, at time.Time, line string) logs.Arrival {
	return logs.Arrival{SiteNo: l.Site.No, RealmNo: l.Site.RealmNo, From: netip.MustParseAddr(l.Address), By: "udp", Raw: []byte(line), At: at}
}

// assetAt is whose an address of a site is; empty: nobody's.
func (s *server) assetAt(ctx context.Context, siteNo int64, address string) (id string, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		all, err := store.All[string](ctx, r, "SELECT asset_id FROM asset_binding WHERE site_no = ? AND address = ? AND to_at IS NULL ORDER BY asset_id", siteNo, address)
		if len(all) > 0 {
			id = all[0]
		}
		return err
	})
	return id, err
}

// boundaryDemo writes down where the example's sites meet their offices. Gdańsk has not begun.
func (s *server) boundaryDemo(ctx context.Context, present time.Time, assets map[string]string) error {
	type zone struct {
		SiteID   string `db:"site_id"`
		Site     string `db:"site"`
		Inside   string `db:"inside"`
		External string `db:"zone_id"`
		Name     string `db:"name"`
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		zones, err := store.All[zone](ctx, tx, `SELECT o.site_id, o.name AS site, z.zone_id, z.name, (SELECT MIN(i.zone_id) FROM org_zone i WHERE i.site_no = z.site_no AND i.level = '3') AS inside
 FROM org_zone z JOIN org_site o ON o.site_no = z.site_no WHERE z.external AND o.name IN ('Aarhus', 'Esbjerg') ORDER BY o.name, z.name`)
		if err != nil {
			return err
		}
		day := func(ago int) string { return present.AddDate(0, 0, -ago).Format(time.DateOnly) }
		for _, z := range zones {
			data := map[string]any{"near": z.Inside, "far": z.External, "filters": "allow", "storm_control": "yes", "rate_limit": "20 Mbit/s to the plant", "rules_reviewed_on": day(70), "islanded_on": day(110), "island_result": "passed", "island_how": "Pull the yellow cable at the top of rack 2; the shift leader may, and says so to the office."}
			device, since := assets["Remote gateway"], 100
			if z.Site == "Esbjerg" {
				device, since = assets["ESB-RTR1"], 400 // nobody has looked at it for over a year
				maps.Copy(data, map[string]any{"storm_control": "no", "rate_limit": "none", "rules_reviewed_on": day(430), "islanded_on": day(500), "island_result": "partly"})
			}
			if device != "" {
				data["device"] = device
			}
			n := record.Draft{Type: "boundary", Title: z.Site + ": " + z.Name, Site: z.SiteID, Owner: "demo:anna", Data: data, ValidFrom: present.AddDate(0, 0, -since)}
			if _, err := s.records.Adopt(auth.With(ctx, auth.System()), tx, n, record.Past{State: "in_use", By: "demo:anna", At: present.AddDate(0, 0, -since)}); err != nil {
				return fmt.Errorf("boundary of %s: %w", z.Site, err)
			}
		}
		return nil
	})
}

// logLive goes on with what the example's devices say, in real time, until ctx ends.
func (s *server) logLive(ctx context.Context, company *demo.Company) error {
	tick := time.NewTicker(7 * time.Second)
	defer tick.Stop()
	all := company.LogSources()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if l := all[n%len(all)]; !l.Quiet() {
			at := time.Now()
			s.logs.Take(demoLine(l, at, l.Next(5000+n, at)))
		}
	}
}
