package centre

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// The states of an edge.
const (
	Active      = "active"
	Quarantined = "quarantined"
	Revoked     = "revoked"
)

// edgeRow is edge_edge.
type edgeRow struct {
	ID            string                        `db:"edge_id"`
	Name          string                        `db:"name"`
	State         string                        `db:"state"`
	Why           string                        `db:"why"`
	InProcess     bool                          `db:"in_process"`
	Source        string                        `db:"source"`
	Capabilities  store.JSON[[]edge.Capability] `db:"capabilities"`
	KeyHash       string                        `db:"key_hash"`
	PublicKey     []byte                        `db:"public_key"`
	CertUntil     store.Time                    `db:"cert_until"`
	EnrolledAt    store.Time                    `db:"enrolled_at"`
	EnrolledBy    string                        `db:"enrolled_by"`
	Epoch         string                        `db:"epoch"`
	BootNo        int64                         `db:"boot_no"`
	Boot          string                        `db:"boot"`
	HeardAt       store.Time                    `db:"heard_at"`
	Via           string                        `db:"via"`
	Skew          *int64                        `db:"skew"`
	Health        store.JSON[edge.Health]       `db:"health"`
	ConfigVersion int64                         `db:"config_version"`
	ConfigApplied int64                         `db:"config_applied"`
	ConfigError   string                        `db:"config_error"`
	ConfigAt      store.Time                    `db:"config_at"`
	Witness       int64                         `db:"witness"`
	Told          store.JSON[map[string]bool]   `db:"told"`
	FileNo        int64                         `db:"file_no"`
}

const edgeColumns = "edge_id, name, state, why, in_process, source, capabilities, key_hash, public_key, cert_until, enrolled_at, enrolled_by, epoch, boot_no, boot, heard_at, via, skew, health, config_version, config_applied, config_error, config_at, witness, told, file_no"

func (s *Service) row(ctx context.Context, r store.Reader, id string) (edgeRow, error) {
	e, err := store.One[edgeRow](ctx, r, "SELECT "+edgeColumns+" FROM edge_edge WHERE edge_id = ?", id)
	if ot.CodeOf(err) == ot.NotFound {
		err = refuse(ot.NotFound, edge.ReasonUnknown, "this centre knows no such edge: enrol it")
	}
	return e, err
}

// active is an edge that may speak.
func (s *Service) active(ctx context.Context, r store.Reader, id string) (edgeRow, error) {
	e, err := s.row(ctx, r, id)
	switch {
	case err != nil:
	case e.State == Revoked:
		err = refuse(ot.Forbidden, edge.ReasonRevoked, "this edge was revoked at the centre: "+e.Why)
	case e.State == Quarantined:
		err = refuse(ot.Forbidden, edge.ReasonQuarantined, "this edge is in quarantine until somebody at the centre decides: "+e.Why)
	}
	return e, err
}

// heard notes that an edge spoke. A silence that ends is told; that it goes on is
// written at most every few seconds.
func (s *Service) heard(ctx context.Context, tx *store.Tx, e edgeRow, via string, skew *int64) error {
	now := s.now()
	if skew == nil {
		skew = e.Skew
	}
	if e.Via == via && now.Sub(e.HeardAt.Time) < heardEvery && now.After(e.HeardAt.Time) && !e.Told.V["silent"] {
		return nil
	}
	if _, err := tx.Exec(ctx, "UPDATE edge_edge SET heard_at = ?, via = ?, skew = ? WHERE edge_id = ?", store.At(now), via, skew, e.ID); err != nil {
		return err
	}
	if !e.Told.V["silent"] {
		return nil
	}
	return s.tell(ctx, tx, &e, "silent", false, inbox.Item{})
}

const heardEvery = 3 * time.Second

// announce says on the bus that an edge is not as it was.
func (s *Service) announce(ctx context.Context, tx *store.Tx, id string) error {
	sites, err := store.All[int64](ctx, tx, "SELECT site_no FROM edge_site WHERE edge_id = ? ORDER BY site_no", id)
	if err != nil {
		return err
	}
	for _, no := range append(sites, 0)[:max(1, len(sites))] {
		if err := bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicEdge, SiteNo: no, Refs: []ot.Ref{{Kind: "edge", ID: id}}}); err != nil {
			return err
		}
	}
	return nil
}

// ask puts an item about an edge into the inbox of its first site.
func (s *Service) ask(ctx context.Context, tx *store.Tx, e edgeRow, it inbox.Item) error {
	type place struct {
		No     int64  `db:"site_no"`
		Entity string `db:"entity_id"`
	}
	at, err := store.All[place](ctx, tx, "SELECT s.site_no, s.entity_id FROM edge_site e JOIN org_site s ON s.site_no = e.site_no WHERE e.edge_id = ? ORDER BY s.site_no LIMIT 1", e.ID)
	if err != nil {
		return err
	}
	it.Role, it.Ref = auth.SiteOTLead, ot.Ref{Kind: "edge", ID: e.ID}
	if len(at) > 0 {
		it.SiteNo, it.EntityID = at[0].No, at[0].Entity
	} else {
		it.Role = auth.Administrator
	}
	return inbox.Put(ctx, tx, s.now(), it)
}

// tell asks in the inbox when something becomes true of an edge and answers it when
// it is not any more, once each.
func (s *Service) tell(ctx context.Context, tx *store.Tx, e *edgeRow, what string, on bool, it inbox.Item) error {
	if e.Told.V[what] == on {
		return nil
	}
	told := map[string]bool{}
	for k, v := range e.Told.V {
		told[k] = v
	}
	it.Key = "edge." + what + ":" + e.ID
	if on {
		told[what] = true
		it.Kind = "edge-" + what
		if err := s.ask(ctx, tx, *e, it); err != nil {
			return err
		}
	} else {
		delete(told, what)
		if err := inbox.Done(ctx, tx, s.now(), "", "gone", it.Key); err != nil {
			return err
		}
	}
	e.Told = store.AsJSON(told)
	if _, err := tx.Exec(ctx, "UPDATE edge_edge SET told = ? WHERE edge_id = ?", e.Told, e.ID); err != nil {
		return err
	}
	return s.announce(ctx, tx, e.ID)
}
