package org

import (
	"context"
	"net/netip"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

const (
	zoneColumns  = "zone_no, zone_id, site_no, name, level, ot, sl_t, critical, external, gateway"
	realmColumns = "realm_no, realm_id, site_no, name, is_default"
	maxSubnets   = 900 // a site: replacing them all stays one transaction below 2,000 rows
)

// Zones lists a site's zones in scope, from the process upwards.
func (s *Service) Zones(ctx context.Context, scope Scope, siteID string) (out []Zone, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		at, err := reached(ctx, r, scope, siteID)
		if err != nil {
			return err
		}
		out, err = store.All[Zone](ctx, r, "SELECT "+zoneColumns+" FROM org_zone WHERE site_no = ? AND ? ORDER BY level, name, zone_no", at.No, scope.Where("site_no", "zone_no"))
		return err
	})
	return out, err
}

// Zone returns one zone with its site, ot.NotFound if it is outside the scope.
func (s *Service) Zone(ctx context.Context, scope Scope, id string) (z Zone, at Site, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		z, at, err = zone(ctx, r, scope, id)
		return err
	})
	return z, at, err
}

func zone(ctx context.Context, r store.Reader, scope Scope, id string) (z Zone, at Site, err error) {
	z, err = store.One[Zone](ctx, r, "SELECT "+zoneColumns+" FROM org_zone WHERE zone_id = ? AND ?", id, scope.Where("site_no", "zone_no"))
	if err != nil {
		return z, at, missing(err, "zone")
	}
	at, err = store.One[Site](ctx, r, "SELECT "+siteColumns+" FROM org_site WHERE site_no = ?", z.SiteNo)
	return z, at, err
}

// CreateZone adds a zone to a site.
func (s *Service) CreateZone(ctx context.Context, scope Scope, siteID string, in Zone) (Zone, error) {
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		at, err := site(ctx, tx, scope, siteID)
		if err != nil {
			return err
		}
		in, err = s.AddZone(ctx, tx, at.No, in)
		return err
	})
	return in, err
}

// AddZone is CreateZone inside a transaction, for the demo. An ID that is set is kept.
func (s *Service) AddZone(ctx context.Context, tx *store.Tx, siteNo int64, in Zone) (Zone, error) {
	in, err := checkZone(in)
	if err != nil {
		return in, err
	}
	in.SiteNo = siteNo
	if in.ID == "" {
		in.ID = store.NewID()
	}
	if in.No, err = number(ctx, tx, "zone"); err != nil {
		return in, err
	}
	if err := store.Upsert(ctx, tx, "org_zone", []Zone{in}, nil, nil); err != nil {
		return in, taken(err, "a zone", in.Name)
	}
	return in, s.announce(ctx, tx, siteNo, ot.Ref{Kind: "zone", ID: in.ID})
}

func checkZone(in Zone) (Zone, error) {
	var err error
	if in.Name, err = name("zone", in.Name); err != nil {
		return in, err
	}
	if !slices.Contains([]string{"0", "1", "2", "3", "3.5", "4", "5"}, in.Level) {
		return in, ot.Errorf(ot.Invalid, "level %q: the Purdue levels are 0, 1, 2, 3, 3.5, 4 and 5", ot.Printable(in.Level))
	}
	if in.SLT < 0 || in.SLT > 4 {
		return in, ot.Errorf(ot.Invalid, "security level target %d: write 1 to 4, or 0 for not set", in.SLT)
	}
	if in.OT && in.External {
		return in, ot.Errorf(ot.Invalid, "a zone is either part of the plant or outside it, not both")
	}
	return in, nil
}

// UpdateZone changes a zone: change gets it as it is and returns it as it shall be.
func (s *Service) UpdateZone(ctx context.Context, scope Scope, id string, change func(Zone) (Zone, error)) (out Zone, at Site, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		var old Zone
		if old, at, err = zone(ctx, tx, scope, id); err != nil {
			return err
		}
		if out, err = change(old); err != nil {
			return err
		}
		if out, err = checkZone(out); err != nil {
			return err
		}
		out.No, out.ID, out.SiteNo = old.No, old.ID, old.SiteNo
		if _, err := tx.Exec(ctx, "UPDATE org_zone SET name = ?, level = ?, ot = ?, sl_t = ?, critical = ?, external = ?, gateway = ? WHERE zone_no = ?",
			out.Name, out.Level, out.OT, out.SLT, out.Critical, out.External, out.Gateway, out.No); err != nil {
			return taken(err, "a zone", out.Name)
		}
		return s.announce(ctx, tx, out.SiteNo, ot.Ref{Kind: "zone", ID: out.ID})
	})
	return out, at, err
}

// DeleteZone removes a zone and its subnets; what stood in it stands in none.
func (s *Service) DeleteZone(ctx context.Context, scope Scope, id string) (z Zone, at Site, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if z, at, err = zone(ctx, tx, scope, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM org_subnet WHERE zone_no = ?", z.No); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM org_zone WHERE zone_no = ?", z.No); err != nil {
			return err
		}
		return s.announce(ctx, tx, z.SiteNo, ot.Ref{Kind: "zone", ID: z.ID})
	})
	return z, at, err
}

// Realms lists a site's realms, the default one first.
func (s *Service) Realms(ctx context.Context, scope Scope, siteID string) (out []Realm, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		at, err := site(ctx, r, scope, siteID)
		if err != nil {
			return err
		}
		out, err = realms(ctx, r, at.No)
		return err
	})
	return out, err
}

func realms(ctx context.Context, r store.Reader, siteNo int64) ([]Realm, error) {
	return store.All[Realm](ctx, r, "SELECT "+realmColumns+" FROM org_realm WHERE site_no = ? ORDER BY CASE WHEN is_default THEN 0 ELSE 1 END, name, realm_no", siteNo)
}

// CreateRealm adds a space of addresses to a site.
func (s *Service) CreateRealm(ctx context.Context, scope Scope, siteID, realm string) (out Realm, err error) {
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		at, err := site(ctx, tx, scope, siteID)
		if err != nil {
			return err
		}
		out, err = s.AddRealm(ctx, tx, at.No, realm)
		return err
	})
	return out, err
}

// AddRealm is CreateRealm inside a transaction, for the demo and for imports.
func (s *Service) AddRealm(ctx context.Context, tx *store.Tx, siteNo int64, realm string) (Realm, error) {
	return s.addRealm(ctx, tx, siteNo, realm, false)
}

func (s *Service) addRealm(ctx context.Context, tx *store.Tx, siteNo int64, realm string, first bool) (out Realm, err error) {
	out = Realm{ID: store.NewID(), SiteNo: siteNo, Default: first}
	if out.Name, err = name("realm", realm); err != nil {
		return out, err
	}
	if out.No, err = number(ctx, tx, "realm"); err != nil {
		return out, err
	}
	if err := store.Upsert(ctx, tx, "org_realm", []Realm{out}, nil, nil); err != nil {
		return out, taken(err, "a realm", out.Name)
	}
	return out, s.announce(ctx, tx, siteNo, ot.Ref{Kind: "realm", ID: out.ID})
}

// DefaultRealm returns the number of a site's default realm.
func DefaultRealm(ctx context.Context, r store.Reader, siteNo int64) (int64, error) {
	return store.One[int64](ctx, r, "SELECT realm_no FROM org_realm WHERE site_no = ? AND is_default", siteNo)
}

// Prefix is a subnet as people write it.
type Prefix struct {
	Prefix  string `db:"prefix" json:"prefix"`
	RealmID string `db:"realm_id" json:"realm_id,omitempty" doc:"Empty: the site's default realm"`
	ZoneID  string `db:"zone_id" json:"zone_id"`
}

// Subnets lists which prefix of a site belongs to which zone.
func (s *Service) Subnets(ctx context.Context, scope Scope, siteID string) (out []Prefix, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		at, err := site(ctx, r, scope, siteID)
		if err != nil {
			return err
		}
		out, err = store.All[Prefix](ctx, r, `SELECT n.prefix, m.realm_id, z.zone_id FROM org_subnet n JOIN org_realm m ON m.realm_no = n.realm_no
			JOIN org_zone z ON z.zone_no = n.zone_no WHERE n.site_no = ? ORDER BY m.realm_no, n.prefix`, at.No)
		return err
	})
	return out, err
}

// ReplaceSubnets sets all prefixes of a site at once.
func (s *Service) ReplaceSubnets(ctx context.Context, scope Scope, siteID string, in []Prefix) error {
	if len(in) > maxSubnets {
		return ot.Errorf(ot.TooMany, "%d prefixes: a site holds at most %d", len(in), maxSubnets)
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		at, err := site(ctx, tx, scope, siteID)
		if err != nil {
			return err
		}
		rs, err := realms(ctx, tx, at.No)
		if err != nil {
			return err
		}
		zs, err := store.All[Zone](ctx, tx, "SELECT "+zoneColumns+" FROM org_zone WHERE site_no = ?", at.No)
		if err != nil {
			return err
		}
		rows, err := Plan(at.No, rs, zs, in)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM org_subnet WHERE site_no = ?", at.No); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "org_subnet", rows, nil, nil); err != nil {
			return err
		}
		return s.announce(ctx, tx, at.No, ot.Ref{Kind: "site", ID: at.ID})
	})
}

// Plan checks prefixes against a site's realms and zones and makes the rows of org_subnet.
func Plan(siteNo int64, realms []Realm, zones []Zone, in []Prefix) ([]Subnet, error) {
	realmNo := map[string]int64{}
	for _, r := range realms {
		realmNo[r.ID] = r.No
		if r.Default {
			realmNo[""] = r.No
		}
	}
	zoneNo := map[string]int64{}
	for _, z := range zones {
		zoneNo[z.ID] = z.No
	}
	rows := make([]Subnet, 0, len(in))
	type key struct {
		realm  int64
		prefix string
	}
	seen := map[key]bool{}
	for i, p := range in {
		prefix, err := netip.ParsePrefix(p.Prefix)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "line %d: %q is not a prefix: write it as 10.1.2.0/24", i+1, ot.Printable(p.Prefix))
		}
		if prefix.Addr().Is4In6() {
			return nil, ot.Errorf(ot.Invalid, "line %d: %s is IPv4 written as IPv6: write it as 10.1.2.0/24", i+1, prefix)
		}
		row := Subnet{SiteNo: siteNo, Prefix: prefix.Masked().String()}
		var ok bool
		if row.RealmNo, ok = realmNo[p.RealmID]; !ok {
			return nil, ot.Errorf(ot.Invalid, "line %d: %s stands in a realm that this site does not have", i+1, row.Prefix)
		}
		if row.ZoneNo, ok = zoneNo[p.ZoneID]; !ok {
			return nil, ot.Errorf(ot.Invalid, "line %d: %s belongs to a zone that this site does not have", i+1, row.Prefix)
		}
		k := key{row.RealmNo, row.Prefix}
		if seen[k] {
			return nil, ot.Errorf(ot.Invalid, "line %d: %s stands twice in one realm", i+1, row.Prefix)
		}
		seen[k] = true
		rows = append(rows, row)
	}
	return rows, nil
}
