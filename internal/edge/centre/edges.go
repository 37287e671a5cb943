package centre

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Scope is what part of the plant the asking person sees; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
}

// Edge is an edge as people see it.
type Edge struct {
	ID            string            `json:"id"`
	Name          string            `json:"name"`
	State         string            `json:"state" enum:"active,quarantined,revoked"`
	Why           string            `json:"why" say:"true"`
	InProcess     bool              `json:"in_process" doc:"It runs inside this server"`
	Sites         []Site            `json:"sites" nullable:"false" doc:"That it may speak of, and that you see"`
	Capabilities  []edge.Capability `json:"capabilities" nullable:"false"`
	EnrolledAt    store.Time        `json:"enrolled_at"`
	CertUntil     store.Time        `json:"cert_until" doc:"Null: it needs none"`
	HeardAt       store.Time        `json:"heard_at"`
	Silent        bool              `json:"silent" doc:"Not heard of for two minutes; over a diode for longer than its files usually take"`
	Via           string            `json:"via" enum:"tls,process,diode,stick,"`
	SkewSeconds   *float64          `json:"skew_seconds" doc:"How far its clock is ahead of ours; null: not known"`
	Health        edge.Health       `json:"health"`
	ConfigVersion int64             `json:"config_version"`
	ConfigApplied int64             `json:"config_applied"`
	ConfigError   string            `json:"config_error"`
	RulesWanted   string            `json:"rules_wanted" doc:"Hash of the detections that this centre wants to run there; health.rules says which do"`
	ConfigAt      store.Time        `json:"config_at" doc:"When the edge last said which configuration it has"`
	Received      int64             `json:"received" doc:"Last delivery without a gap before it"`
	Waiting       int64             `json:"waiting" doc:"Received and not yet taken in"`
	Lost          int64             `json:"lost" doc:"Deliveries that neither the edge nor this centre has"`
	Refused       int64             `json:"refused" doc:"Deliveries that were set aside"`
	Gaps          []edge.Range      `json:"gaps" nullable:"false" doc:"Deliveries that are missing between others, as over a diode; at most 100"`
}

// Site names a site.
type Site struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// visible limits edges to those that speak of a site in scope.
func visible(scope Scope) ot.SQL {
	w := scope.Where("x.site_no", "")
	return ot.SQL{Text: "EXISTS (SELECT 1 FROM edge_site x WHERE x.edge_id = e.edge_id AND ?)", Args: []any{w}}
}

// mine is an edge that the asking person may change: all of its sites are in scope.
func (s *Service) mine(ctx context.Context, r store.Reader, scope Scope, id string) (edgeRow, error) {
	e, err := store.One[edgeRow](ctx, r, "SELECT "+edgeColumns+" FROM edge_edge e WHERE edge_id = ? AND ?", id, visible(scope))
	if ot.CodeOf(err) == ot.NotFound {
		return e, ot.Errorf(ot.NotFound, "there is no such sensor")
	}
	if err != nil {
		return e, err
	}
	out, err := store.One[int64](ctx, r, "SELECT COUNT(*) FROM edge_site x WHERE x.edge_id = ? AND NOT ?", id, scope.Where("x.site_no", ""))
	if err == nil && out > 0 {
		err = ot.Errorf(ot.Forbidden, "this sensor speaks of sites that are not yours too: somebody who answers for all of them must change it")
	}
	return e, err
}

// List returns edges by name.
func (s *Service) List(ctx context.Context, scope Scope, siteID, cursor string, limit int) (page rest.Page[Edge], err error) {
	type position struct {
		Name string `json:"n"`
		ID   string `json:"i"`
	}
	q, args := "SELECT "+edgeColumns+" FROM edge_edge e WHERE ?", []any{visible(scope)}
	if siteID != "" {
		q += " AND EXISTS (SELECT 1 FROM edge_site y JOIN org_site o ON o.site_no = y.site_no WHERE y.edge_id = e.edge_id AND o.site_id = ? AND ?)"
		args = append(args, siteID, scope.Where("y.site_no", ""))
	}
	if cursor != "" {
		var pos position
		if err := rest.DecodeCursor(cursor, &pos); err != nil {
			return page, err
		}
		q += " AND (e.name > ? OR e.name = ? AND e.edge_id > ?)"
		args = append(args, pos.Name, pos.Name, pos.ID)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[edgeRow](ctx, r, q+" ORDER BY e.name, e.edge_id LIMIT ?", append(args, limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(x edgeRow) string { return rest.EncodeCursor(position{x.Name, x.ID}) })
		page = rest.Page[Edge]{Items: make([]Edge, 0, len(cut.Items)), Next: cut.Next}
		for i := range cut.Items {
			e, err := s.show(ctx, r, scope, &cut.Items[i])
			if err != nil {
				return err
			}
			page.Items = append(page.Items, e)
		}
		return nil
	})
	return page, err
}

// Get returns one edge with the configuration that is wanted.
func (s *Service) Get(ctx context.Context, scope Scope, id string) (e Edge, c edge.Config, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		row, err := store.One[edgeRow](ctx, r, "SELECT "+edgeColumns+" FROM edge_edge e WHERE edge_id = ? AND ?", id, visible(scope))
		if ot.CodeOf(err) == ot.NotFound {
			return ot.Errorf(ot.NotFound, "there is no such sensor")
		}
		if err != nil {
			return err
		}
		if e, err = s.show(ctx, r, scope, &row); err != nil {
			return err
		}
		c, err = s.config(ctx, r, scope, &row)
		return err
	})
	return e, c, err
}

// config is the wanted configuration; of the edge in this process, what it listens to.
func (s *Service) config(ctx context.Context, r store.Reader, scope Scope, e *edgeRow) (edge.Config, error) {
	c := edge.DefaultConfig()
	if e.ConfigVersion > 0 {
		data, err := store.One[store.JSON[edge.Config]](ctx, r, "SELECT data FROM edge_config WHERE edge_id = ? AND version = ?", e.ID, e.ConfigVersion)
		if err != nil {
			return c, err
		}
		c = data.V
	}
	type seen struct {
		Sensor string `db:"sensor"`
		Iface  string `db:"iface"`
		SiteID string `db:"site_id"`
		Site   string `db:"name"`
	}
	rows, err := store.All[seen](ctx, r, "SELECT x.sensor, x.iface, o.site_id, o.name FROM edge_sensor x JOIN org_site o ON o.site_no = x.site_no WHERE x.edge_id = ? AND x.wanted AND ? ORDER BY x.iface", e.ID, scope.Where("x.site_no", ""))
	if err != nil {
		return c, err
	}
	inScope := map[string]seen{}
	for _, x := range rows {
		inScope[x.Sensor] = x
	}
	if e.InProcess {
		for _, x := range rows {
			c.Interfaces = append(c.Interfaces, edge.Interface{Name: x.Iface, SiteID: x.SiteID, Sensor: x.Sensor, Site: x.Site})
		}
		return c, nil
	}
	kept := []edge.Interface{}
	for _, i := range c.Interfaces {
		if _, ok := inScope[i.Sensor]; ok {
			kept = append(kept, i)
		}
	}
	c.Interfaces = kept
	return c, nil
}

func (s *Service) show(ctx context.Context, r store.Reader, scope Scope, e *edgeRow) (Edge, error) {
	out := Edge{
		ID: e.ID, Name: e.Name, State: e.State, Why: e.Why, InProcess: e.InProcess, Capabilities: e.Capabilities.V, EnrolledAt: e.EnrolledAt, CertUntil: e.CertUntil, HeardAt: e.HeardAt,
		Silent: e.Told.V["silent"], Via: e.Via, Health: e.Health.V, ConfigVersion: e.ConfigVersion, ConfigApplied: e.ConfigApplied, ConfigError: e.ConfigError, ConfigAt: e.ConfigAt,
		RulesWanted: s.wantedRules(), Sites: []Site{}, Gaps: []edge.Range{},
	}
	if out.Health.Ports == nil {
		out.Health.Ports = []edge.Port{}
	}
	if out.Health.Can == nil {
		out.Health.Can = []edge.Capability{}
	}
	if out.Capabilities == nil {
		out.Capabilities = []edge.Capability{}
	}
	if e.Skew != nil {
		out.SkewSeconds = new(float64(*e.Skew) / 1e6)
	}
	type site struct {
		ID   string `db:"site_id"`
		Name string `db:"name"`
	}
	sites, err := store.All[site](ctx, r, "SELECT o.site_id, o.name FROM edge_site x JOIN org_site o ON o.site_no = x.site_no WHERE x.edge_id = ? AND ? ORDER BY o.name", e.ID, scope.Where("x.site_no", ""))
	if err != nil {
		return out, err
	}
	for _, x := range sites {
		out.Sites = append(out.Sites, Site(x))
	}
	streams, err := store.All[streamRow](ctx, r, "SELECT edge_id, epoch, received, head, applied, lost FROM edge_stream WHERE edge_id = ?", e.ID)
	if err != nil {
		return out, err
	}
	for _, st := range streams {
		out.Lost += st.Lost
		if st.Epoch == e.Epoch || len(streams) == 1 {
			out.Received = st.Received
			if out.Gaps, err = gaps(ctx, r, st); err != nil {
				return out, err
			}
		}
	}
	if out.Waiting, err = store.One[int64](ctx, r, "SELECT COUNT(*) FROM edge_batch WHERE edge_id = ? AND NOT done", e.ID); err != nil {
		return out, err
	}
	out.Refused, err = store.One[int64](ctx, r, "SELECT COUNT(*) FROM edge_batch WHERE edge_id = ? AND error <> ''", e.ID)
	return out, err
}

// maxGaps bounds what a page and a request file say.
const maxGaps = 100

// gaps are the runs that are missing between what is whole and what came ahead.
func gaps(ctx context.Context, r store.Reader, st streamRow) ([]edge.Range, error) {
	out := []edge.Range{}
	last := st.Received
	for seq, err := range store.Select[int64](ctx, r, "SELECT seq FROM edge_batch WHERE edge_id = ? AND epoch = ? AND seq > ? ORDER BY seq", st.EdgeID, st.Epoch, st.Received) {
		if err != nil {
			return nil, err
		}
		if seq > last+1 {
			if out = append(out, edge.Range{From: last + 1, To: seq - 1}); len(out) == maxGaps {
				return out, nil
			}
		}
		last = seq
	}
	return out, nil
}

// Rename gives an edge another name.
func (s *Service) Rename(ctx context.Context, scope Scope, id, name string) error {
	if name = ot.Printable(name); name == "" || len(name) > 100 {
		return ot.Errorf(ot.Invalid, "give the sensor a name of at most 100 characters")
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := s.mine(ctx, tx, scope, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE edge_edge SET name = ? WHERE edge_id = ?", name, id); err != nil {
			return err
		}
		return s.announce(ctx, tx, id)
	})
}

// Revoke ends an edge for good: from its next request on it is refused.
func (s *Service) Revoke(ctx context.Context, scope Scope, id, why, by string) error {
	if why = ot.Printable(why); why == "" || len(why) > 500 {
		return ot.Errorf(ot.Invalid, "say in a sentence why the sensor is revoked: it stays in the audit log")
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		e, err := s.mine(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if e.State == Revoked {
			return ot.Errorf(ot.Conflict, "the sensor is revoked already")
		}
		if e.InProcess {
			return ot.Errorf(ot.Conflict, "the sensor inside this server cannot be revoked: start the server without --sense")
		}
		if _, err := tx.Exec(ctx, "UPDATE edge_edge SET state = 'revoked', why = ? WHERE edge_id = ?", why, id); err != nil {
			return err
		}
		keys := []string{}
		for _, what := range []string{"silent", "skew", "witness", "dropped", "config", "rules", "clone", "refused", "lost", "cert"} {
			keys = append(keys, "edge."+what+":"+id)
		}
		if err := inbox.Done(ctx, tx, s.now(), by, "revoked", keys...); err != nil {
			return err
		}
		return s.announce(ctx, tx, id)
	})
}

// Release lets an edge out of quarantine: somebody found the second machine. The
// next start that speaks is the right one.
func (s *Service) Release(ctx context.Context, scope Scope, id, by string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		e, err := s.mine(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if e.State != Quarantined {
			return ot.Errorf(ot.Conflict, "the sensor is not in quarantine")
		}
		// Where the right one goes on is not known: it sends what waits in a chain of
		// its own, and what came before changes nothing when it comes again.
		told := map[string]bool{"rechain": true}
		for k, v := range e.Told.V {
			told[k] = v
		}
		if _, err := tx.Exec(ctx, "UPDATE edge_edge SET state = 'active', why = '', boot = '', boot_no = 0, told = ? WHERE edge_id = ?", store.AsJSON(told), id); err != nil {
			return err
		}
		if err := inbox.Done(ctx, tx, s.now(), by, "released", "edge.clone:"+id); err != nil {
			return err
		}
		return s.announce(ctx, tx, id)
	})
}

// Watch asks in the inbox for edges that fell silent and certificates that end. It is
// a job; once a minute is enough.
func (s *Service) Watch(ctx context.Context) error {
	now := s.now()
	var rows []edgeRow
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		rows, err = store.All[edgeRow](ctx, r, "SELECT "+edgeColumns+" FROM edge_edge WHERE state = 'active'")
		return err
	}); err != nil {
		return err
	}
	for i := range rows {
		id := rows[i].ID
		if err := s.db.Update(ctx, func(tx *store.Tx) error {
			e, err := s.row(ctx, tx, id)
			if err != nil || e.State != Active {
				return err
			}
			after := edge.SilentFor
			if e.Via == ViaDiode || e.Via == ViaStick {
				after = silentByFile
			}
			silent := now.Sub(e.HeardAt.Time) > after
			if err := s.tell(ctx, tx, &e, "silent", silent, inbox.Item{
				Severity: inbox.Today, Action: "look", Title: "Sensor " + e.Name + " is silent",
				Detail: fmt.Sprintf("Nothing came from it since %s. What it hears meanwhile waits on its own disk. Is its machine up, and may it reach this server?", e.HeardAt.UTC().Format("2 January 15:04 UTC")),
			}); err != nil {
				return err
			}
			ending := !e.CertUntil.IsZero() && e.CertUntil.Sub(now) < certSoon
			return s.tell(ctx, tx, &e, "cert", ending, inbox.Item{
				Severity: inbox.ThisWeek, Action: "renew", Title: "The certificate of sensor " + e.Name + " ends soon", Due: e.CertUntil.Time,
				Detail: fmt.Sprintf("It ends on %s and was not renewed by itself. It can be renewed for 90 days after that; then the sensor must be enrolled anew.", e.CertUntil.UTC().Format(time.DateOnly)),
			})
		}); err != nil {
			return err
		}
	}
	return nil
}

const (
	silentByFile = 24 * time.Hour
	certSoon     = 5 * 24 * time.Hour // renewal at two thirds leaves ten
)
