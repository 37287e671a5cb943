package centre

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// sensorRow is edge_sensor: what one interface of an edge speaks of.
type sensorRow struct {
	Sensor  string                       `db:"sensor"`
	EdgeID  string                       `db:"edge_id"`
	Iface   string                       `db:"iface"`
	SiteNo  int64                        `db:"site_no"`
	RealmNo int64                        `db:"realm_no"`
	Realms  store.JSON[map[string]int64] `db:"realms"`
	Name    string                       `db:"name"`
	Wanted  bool                         `db:"wanted"`
}

// Place is where what a sensor tells belongs.
type Place struct {
	SiteNo, RealmNo int64
	Realms          map[string]int64
	Name            string
}

// Place says where a sensor of an edge belongs. An edge speaks only for sensors that
// the centre configured on it.
func (s *Service) Place(ctx context.Context, edgeID, sensor string) (p Place, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[sensorRow](ctx, r, "SELECT sensor, edge_id, iface, site_no, realm_no, realms, name, wanted FROM edge_sensor WHERE sensor = ? AND edge_id = ?", sensor, edgeID)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ot.Errorf(ot.Forbidden, "this edge has no sensor %q: it may only speak for interfaces that were configured here", ot.Printable(sensor))
		}
		p = Place{rows[0].SiteNo, rows[0].RealmNo, rows[0].Realms.V, rows[0].Name}
		return nil
	})
	return p, err
}

// SensorID is what a source is called: with the site in it, as an interface that
// moves to another site is another source.
func SensorID(source, iface string, siteNo int64) string {
	return fmt.Sprintf("%s-%s-%d", source, iface, siteNo)
}

// Local is an interface of the edge inside this process.
type Local struct {
	Iface           string
	SiteNo, RealmNo int64
	Realms          map[string]int64
	Name            string
}

// EnsureLocal writes the edge that runs inside this process, and its sensors.
func (s *Service) EnsureLocal(ctx context.Context, id, host string, sensors []Local) error {
	now := s.now()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		e := edgeRow{
			ID: id, Name: host, State: Active, InProcess: true, Source: host, Capabilities: store.AsJSON([]edge.Capability{edge.Sense}), EnrolledAt: store.At(now), EnrolledBy: "system",
			HeardAt: store.At(now), Via: ViaProcess, Health: store.AsJSON(edge.Health{Ports: []edge.Port{}, Can: []edge.Capability{edge.Sense}}), Told: store.AsJSON(map[string]bool{}),
		}
		if err := store.Upsert(ctx, tx, "edge_edge", []edgeRow{e}, []string{"edge_id"}, []string{"name", "source", "in_process"}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM edge_site WHERE edge_id = ?", id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE edge_sensor SET wanted = ? WHERE edge_id = ?", false, id); err != nil {
			return err
		}
		var sites []siteRow
		var rows []sensorRow
		seen := map[int64]bool{}
		for _, l := range sensors {
			if !seen[l.SiteNo] {
				seen[l.SiteNo] = true
				sites = append(sites, siteRow{id, l.SiteNo})
			}
			realms := l.Realms
			if realms == nil {
				realms = map[string]int64{}
			}
			rows = append(rows, sensorRow{SensorID(host, l.Iface, l.SiteNo), id, l.Iface, l.SiteNo, l.RealmNo, store.AsJSON(realms), cmp.Or(l.Name, l.Iface+" on "+host), true})
		}
		if err := store.Upsert(ctx, tx, "edge_site", sites, []string{"edge_id", "site_no"}, nil); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "edge_sensor", rows, []string{"sensor"}, []string{"edge_id", "realm_no", "realms", "name", "wanted"}); err != nil {
			return err
		}
		return s.announce(ctx, tx, id)
	})
}

type siteRow struct {
	EdgeID string `db:"edge_id"`
	SiteNo int64  `db:"site_no"`
}

// vlanName is what a sensor calls a VLAN's realm in its summaries.
func vlanName(vlan int) string { return "vlan" + strconv.Itoa(vlan) }

// Drain applies what waits, until nothing does or the time is over: what was heard
// before the server stops is then already where people look.
func (s *Service) Drain(ctx context.Context, most time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for {
		if more, err := s.applyWaiting(ctx); err != nil || !more {
			return
		}
	}
}
