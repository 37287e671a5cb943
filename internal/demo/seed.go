package demo

import (
	"context"
	"fmt"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/store"
)

// Seed enters the company with its sites, realms, zones and address ranges, as
// a person would on the settings page.
func (c *Company) Seed(ctx context.Context, db *store.DB, tree *org.Service) error {
	everything := auth.Scope{All: true}
	for _, s := range c.Sites {
		var prefixes []org.Prefix
		err := db.Update(ctx, func(tx *store.Tx) error {
			prefixes = nil
			if c.ID == "" {
				e, err := tree.AddEntity(ctx, tx, org.Entity{Name: c.Name, Profile: c.Profile})
				if err != nil {
					return err
				}
				c.ID = e.ID
			}
			weight := 1.0
			if s.Critical {
				weight = 2
			}
			site, err := tree.AddSite(ctx, tx, org.Site{EntityID: c.ID, Name: s.Name, Country: s.Country, TZ: s.TZ, Critical: s.Critical, Weight: weight})
			if err != nil {
				return err
			}
			s.No, s.ID, s.Realms = site.No, site.ID, map[string]int64{}
			if s.RealmNo, err = org.DefaultRealm(ctx, tx, s.No); err != nil {
				return err
			}
			for _, z := range s.Zones {
				p, err := s.seedZone(ctx, tx, tree, z)
				if err != nil {
					return fmt.Errorf("zone %s: %w", z.Name, err)
				}
				prefixes = append(prefixes, p)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("enter the example site %s: %w", s.Name, err)
		}
		if err := tree.ReplaceSubnets(ctx, everything, s.ID, prefixes); err != nil {
			return fmt.Errorf("enter the address ranges of %s: %w", s.Name, err)
		}
	}
	return nil
}

func (s *Site) seedZone(ctx context.Context, tx *store.Tx, tree *org.Service, z *Zone) (org.Prefix, error) {
	p := org.Prefix{Prefix: z.Prefix}
	if z.Realm != "" {
		realm, err := tree.AddRealm(ctx, tx, s.No, z.Realm)
		if err != nil {
			return p, err
		}
		s.Realms[z.Realm], p.RealmID = realm.No, realm.ID
	}
	zone, err := tree.AddZone(ctx, tx, s.No, org.Zone{Name: z.Name, Level: z.Level, OT: z.OT, SLT: z.SLT, Critical: z.Critical, External: z.External, Gateway: z.Gateway})
	p.ZoneID = zone.ID
	return p, err
}
