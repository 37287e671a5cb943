package centre

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// ifaceName is what Linux allows, and nothing that a shell or a log would misread.
var ifaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$`)

type configRow struct {
	EdgeID  string                  `db:"edge_id"`
	Version int64                   `db:"version"`
	Data    store.JSON[edge.Config] `db:"data"`
	MadeAt  store.Time              `db:"made_at"`
	MadeBy  string                  `db:"made_by"`
}

// Configure writes the next version of an edge's configuration.
func (s *Service) Configure(ctx context.Context, scope Scope, id string, ifVersion func(current int64) error, c edge.Config, by string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		e, err := s.mine(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if err := ifVersion(e.ConfigVersion); err != nil {
			return err
		}
		if e.State == Revoked {
			return ot.Errorf(ot.Conflict, "a revoked sensor is not configured any more")
		}
		if e.InProcess {
			return ot.Errorf(ot.Conflict, "the sensor inside this server listens to what serve --sense says: change that")
		}
		return s.saveConfig(ctx, tx, &e, c, by)
	})
}

// saveConfig checks a configuration, gives each interface its source, and keeps it.
func (s *Service) saveConfig(ctx context.Context, tx *store.Tx, e *edgeRow, c edge.Config, by string) error {
	c.Version = e.ConfigVersion + 1
	switch {
	case c.IntervalSeconds < 1 || c.IntervalSeconds > 3600:
		return ot.Errorf(ot.Invalid, "a sensor tells what it heard every 1 to 3600 seconds")
	case c.OutboxBytes < 16<<20:
		return ot.Errorf(ot.Invalid, "the outbox needs 16 MiB at least")
	case len(c.Interfaces) > 32:
		return ot.Errorf(ot.Invalid, "a sensor listens to 32 interfaces at most")
	case len(c.Interfaces) > 0 && !slices.Contains(e.Capabilities.V, edge.Sense):
		return ot.Errorf(ot.Invalid, "this edge was not enrolled to listen: enrol it anew with that")
	}
	var sensors []sensorRow
	used := map[string]bool{}
	for i := range c.Interfaces {
		in := &c.Interfaces[i]
		if !ifaceName.MatchString(in.Name) || used[in.Name] {
			return ot.Errorf(ot.Invalid, "interface %d: %q is no name of an interface, or stands twice", i+1, ot.Printable(in.Name))
		}
		used[in.Name] = true
		if in.RingBytes < 0 || in.RingBytes > 4<<30 {
			return ot.Errorf(ot.Invalid, "interface %s: the memory for waiting packets is 0 to 4 GiB", in.Name)
		}
		in.Filter = ot.Printable(in.Filter)
		row, err := s.sensorOf(ctx, tx, e, in)
		if err != nil {
			return fmt.Errorf("interface %s: %w", in.Name, err)
		}
		sensors = append(sensors, row)
	}
	if _, err := tx.Exec(ctx, "UPDATE edge_sensor SET wanted = ? WHERE edge_id = ?", false, e.ID); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "edge_sensor", sensors, []string{"sensor"}, []string{"realm_no", "realms", "name", "wanted"}); err != nil {
		return err
	}
	if err := store.Upsert(ctx, tx, "edge_config", []configRow{{e.ID, c.Version, store.AsJSON(c), store.At(s.now()), by}}, nil, nil); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE edge_edge SET config_version = ? WHERE edge_id = ?", c.Version, e.ID); err != nil {
		return err
	}
	e.ConfigVersion = c.Version
	return s.announce(ctx, tx, e.ID)
}

// sensorOf finds the site and realms of an interface: only of sites that the edge is bound to.
func (s *Service) sensorOf(ctx context.Context, tx *store.Tx, e *edgeRow, in *edge.Interface) (row sensorRow, err error) {
	type place struct {
		No   int64  `db:"site_no"`
		Name string `db:"name"`
	}
	sites, err := store.All[place](ctx, tx, "SELECT s.site_no, s.name FROM org_site s JOIN edge_site e ON e.site_no = s.site_no WHERE e.edge_id = ? AND s.site_id = ?", e.ID, in.SiteID)
	if err != nil {
		return row, err
	}
	if len(sites) == 0 {
		return row, ot.Errorf(ot.Invalid, "the sensor was not enrolled for that site")
	}
	realm := func(id string) (int64, error) {
		rows, err := store.All[int64](ctx, tx, "SELECT realm_no FROM org_realm WHERE site_no = ? AND (realm_id = ? OR is_default AND CAST(? AS TEXT) = '')", sites[0].No, id, id)
		if err == nil && len(rows) == 0 {
			err = ot.Errorf(ot.Invalid, "the site %s has no such realm", sites[0].Name)
		}
		if err != nil {
			return 0, err
		}
		return rows[0], nil
	}
	row = sensorRow{EdgeID: e.ID, Iface: in.Name, SiteNo: sites[0].No, Name: in.Name + " on " + e.Name, Wanted: true}
	if row.RealmNo, err = realm(in.RealmID); err != nil {
		return row, err
	}
	realms := map[string]int64{}
	for vlan, id := range in.VLANs {
		n, err := strconv.Atoi(vlan)
		if err != nil || n < 1 || n > 4094 {
			return row, ot.Errorf(ot.Invalid, "%q is no VLAN: 1 to 4094", ot.Printable(vlan))
		}
		if realms[vlanName(n)], err = realm(id); err != nil {
			return row, err
		}
	}
	row.Realms = store.AsJSON(realms)
	row.Sensor = SensorID(e.Source, in.Name, row.SiteNo)
	in.Sensor, in.Site = row.Sensor, sites[0].Name
	return row, nil
}
