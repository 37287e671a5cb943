package centre

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/org"
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
	err := s.db.Update(ctx, func(tx *store.Tx) error {
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
	if err == nil {
		s.Nudge(id)
	}
	return err
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
	before, err := s.wanted(ctx, tx, e)
	if err != nil {
		return err
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
		if in.DiskMiB != 0 && in.DiskMiB < 16 || in.DiskMiB > 16<<20 || in.Beyond < 0 || in.Beyond > 65535 || !slices.Contains([]string{"", "memory", "disk", "off"}, in.Ring) {
			return ot.Errorf(ot.Invalid, "interface %s: its ring is memory, disk (16 MiB to 16 TiB) or off, and keeps 0 to 65535 bytes of traffic that is not the plant's own", in.Name)
		}
		in.Filter = ot.Printable(in.Filter)
		row, err := s.sensorOf(ctx, tx, e, in)
		if err != nil {
			return fmt.Errorf("interface %s: %w", in.Name, err)
		}
		sensors = append(sensors, row)
		if i := slices.IndexFunc(before, func(b edge.Interface) bool { return b.Sensor == in.Sensor }); i >= 0 && in.Ring == "" {
			b := before[i] // who says nothing of the ring changes nothing of it
			in.Ring, in.DiskMiB, in.Beyond = b.Ring, b.DiskMiB, b.Beyond
			in.RingBytes = cmp.Or(in.RingBytes, b.RingBytes)
		}
		if in.Own, err = own(ctx, tx, &row); err != nil {
			return err
		}
	}
	if c.Follow, err = s.elements(ctx, tx, e.ID); err != nil {
		return err
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
	if s.configured != nil {
		for i := range c.Interfaces {
			if err := s.configured(ctx, tx, Place{sensors[i].SiteNo, sensors[i].RealmNo, sensors[i].Realms.V, sensors[i].Name}, c.Interfaces[i], by); err != nil {
				return err
			}
		}
	}
	return s.announce(ctx, tx, e.ID)
}

// wanted are the interfaces of an edge's newest configuration.
func (s *Service) wanted(ctx context.Context, r store.Reader, e *edgeRow) ([]edge.Interface, error) {
	if e.ConfigVersion == 0 {
		return nil, nil
	}
	data, err := store.One[store.JSON[edge.Config]](ctx, r, "SELECT data FROM edge_config WHERE edge_id = ? AND version = ?", e.ID, e.ConfigVersion)
	return data.V.Interfaces, err
}

// own are the networks of the plant where a sensor listens: of all other traffic its ring keeps headers only.
func own(ctx context.Context, r store.Reader, at *sensorRow) ([]string, error) {
	realms := []int64{at.RealmNo}
	for _, no := range at.Realms.V {
		realms = append(realms, no)
	}
	return org.PlantNetworks(ctx, r, at.SiteNo, realms)
}

// elements are the values that an edge looks for inside requests.
func (s *Service) elements(ctx context.Context, r store.Reader, edgeID string) ([]edge.Element, error) {
	if s.follow == nil {
		return nil, nil
	}
	sites, err := store.All[int64](ctx, r, "SELECT site_no FROM edge_site WHERE edge_id = ? ORDER BY site_no", edgeID)
	if err != nil || len(sites) == 0 {
		return nil, err
	}
	return s.follow(ctx, r, sites)
}

// Retune changes how one source of an edge listens, in the caller's transaction, as
// the next version of the edge's configuration. Nudge the edge afterwards.
func (s *Service) Retune(ctx context.Context, tx *store.Tx, sensor, by string, change func(*edge.Interface)) error {
	found, err := store.All[sensorRow](ctx, tx, "SELECT sensor, edge_id, iface, site_no, realm_no, realms, name, wanted FROM edge_sensor WHERE sensor = ? AND wanted", sensor)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return ot.Errorf(ot.NotFound, "no sensor listens there any more")
	}
	e, err := s.row(ctx, tx, found[0].EdgeID)
	if err != nil {
		return err
	}
	data, err := store.One[store.JSON[edge.Config]](ctx, tx, "SELECT data FROM edge_config WHERE edge_id = ? AND version = ?", e.ID, e.ConfigVersion)
	if err != nil {
		return err
	}
	c := data.V
	for i := range c.Interfaces {
		if c.Interfaces[i].Sensor == sensor {
			change(&c.Interfaces[i])
		}
	}
	return s.saveConfig(ctx, tx, &e, c, by)
}

// Refresh gives edges anew what their configuration takes from elsewhere, where that
// changed: the networks of their sites' OT zones, and the tags of plant states. It is a job.
func (s *Service) Refresh(ctx context.Context) error {
	var rows []edgeRow
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		rows, err = store.All[edgeRow](ctx, r, "SELECT "+edgeColumns+" FROM edge_edge WHERE state = 'active' AND NOT in_process AND config_version > 0 ORDER BY edge_id")
		return err
	}); err != nil {
		return err
	}
	for i := range rows {
		id, changed := rows[i].ID, false
		if err := s.db.Update(ctx, func(tx *store.Tx) error {
			changed = false
			e, err := s.row(ctx, tx, id)
			if err != nil || e.State != Active {
				return err
			}
			data, err := store.One[store.JSON[edge.Config]](ctx, tx, "SELECT data FROM edge_config WHERE edge_id = ? AND version = ?", e.ID, e.ConfigVersion)
			if err != nil {
				return err
			}
			places, err := store.All[sensorRow](ctx, tx, "SELECT sensor, edge_id, iface, site_no, realm_no, realms, name, wanted FROM edge_sensor WHERE edge_id = ? AND wanted", id)
			if err != nil {
				return err
			}
			for i := range places {
				now, err := own(ctx, tx, &places[i])
				if err != nil {
					return err
				}
				for _, in := range data.V.Interfaces {
					changed = changed || in.Sensor == places[i].Sensor && !slices.Equal(in.Own, now)
				}
			}
			elements, err := s.elements(ctx, tx, id)
			if err != nil {
				return err
			}
			if changed = changed || !slices.Equal(elements, data.V.Follow); !changed {
				return nil
			}
			return s.saveConfig(ctx, tx, &e, data.V, "system")
		}); err != nil {
			return err
		}
		if changed {
			s.Nudge(id)
		}
	}
	return nil
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
