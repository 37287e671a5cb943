// Package asset keeps the inventory: which hosts are one device, what the
// device is, how we know, and what people decided about it. The pure part
// (Identify) turns what a sensor heard into devices; the slice keeps them, their
// addresses over time and every fact with its proof. It knows nothing of
// conversations beyond what a host serves and asks.
package asset

import (
	"context"
	"embed"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this slice.
func Migrations() store.Migrations { return store.Migrations{Slice: "asset", FS: migrations} }

// Service is the slice: it owns the tables asset_*.
type Service struct {
	db       *store.DB
	cat      *Catalogue
	sources  SourceNames
	now      func() time.Time // of decisions
	findings Findings
}

// New makes the slice on a migrated database.
func New(db *store.DB, cat *Catalogue) *Service {
	return &Service{db: db, cat: cat, now: time.Now}
}

// UseClock dates what people decide by another clock than the machine's: the
// demo has its own. Call it before the first request.
func (s *Service) UseClock(now func() time.Time) { s.now = now }

// AskSources says who names the sources of facts; without it they stay nameless.
// Call it before the first request.
func (s *Service) AskSources(names SourceNames) { s.sources = names }

// The states of an asset.
const (
	StateNew      = "new"
	StateAccepted = "accepted"
	StateRejected = "rejected"
	StateRetired  = "retired"
)

// assetRow is asset_asset.
type assetRow struct {
	ID                string               `db:"asset_id"`
	SiteNo            int64                `db:"site_no"`
	ZoneNo            int64                `db:"zone_no"`
	Name              string               `db:"name"`
	Vendor            string               `db:"vendor"`
	Model             string               `db:"model"`
	OrderCode         string               `db:"order_code"`
	Firmware          string               `db:"firmware"`
	Serial            string               `db:"serial"`
	Role              string               `db:"role"`
	Level             string               `db:"level"`
	RoleReason        string               `db:"role_reason"`
	LevelReason       string               `db:"level_reason"`
	Criticality       int64                `db:"criticality"`
	CriticalityHint   int64                `db:"criticality_hint"`
	CriticalityReason string               `db:"criticality_reason"`
	CriticalityAt     store.Time           `db:"criticality_at"`
	Owner             string               `db:"owner"`
	State             string               `db:"state"`
	Managed           bool                 `db:"managed"`
	Expected          bool                 `db:"expected"`
	Seen              bool                 `db:"seen"`
	Live              bool                 `db:"live"`
	FirstAt           int64                `db:"first_at"`
	LastAt            int64                `db:"last_at"`
	LastLiveAt        store.Time           `db:"last_live_at"`
	EndOfSale         store.Time           `db:"end_of_sale"`
	EndOfSupport      store.Time           `db:"end_of_support"`
	Spare             string               `db:"spare"`
	Conflicts         int64                `db:"conflicts"`
	Planned           string               `db:"planned"` // PlannedAgrees …; empty: in no project
	Modules           int64                `db:"modules"`
	Identified        bool                 `db:"identified"`
	IPs               store.JSON[[]string] `db:"ips"`
	MACs              store.JSON[[]string] `db:"macs"`
	Search            string               `db:"search"`
	CreatedAt         store.Time           `db:"created_at"`
	DecidedAt         store.Time           `db:"decided_at"`
	Version           int64                `db:"version"`
}

const assetColumns = "asset_id, site_no, zone_no, name, vendor, model, order_code, firmware, serial, role, level, role_reason, level_reason, criticality, criticality_hint, criticality_reason, criticality_at, owner, state, managed, expected, seen, live, first_at, last_at, last_live_at, end_of_sale, end_of_support, spare, conflicts, modules, identified, ips, macs, search, created_at, decided_at, version, planned"

// assetSet is what an upsert replaces: all but the key and what never changes.
func assetSet() []string {
	return []string{
		"zone_no", "name", "vendor", "model", "order_code", "firmware", "serial", "role", "level", "role_reason", "level_reason",
		"criticality", "criticality_hint", "criticality_reason", "criticality_at", "owner", "state", "managed", "expected", "seen", "live", "first_at", "last_at",
		"last_live_at", "end_of_sale", "end_of_support", "spare", "conflicts", "modules", "identified", "ips", "macs", "search", "decided_at", "version", "planned",
	}
}

// column returns one of the readable fields of a row, by name.
func (a *assetRow) column(field string) *string {
	switch field {
	case "name":
		return &a.Name
	case "vendor":
		return &a.Vendor
	case "model":
		return &a.Model
	case "order_code":
		return &a.OrderCode
	case "firmware":
		return &a.Firmware
	case "serial":
		return &a.Serial
	case "role":
		return &a.Role
	case "level":
		return &a.Level
	}
	return nil
}

// label is what a person calls the asset when it has no name.
func (a *assetRow) label() string {
	switch {
	case a.Name != "":
		return a.Name
	case len(a.IPs.V) > 0:
		return a.IPs.V[0]
	case len(a.MACs.V) > 0:
		return a.MACs.V[0]
	}
	return a.ID
}

type bindingRow struct {
	SiteNo  int64      `db:"site_no"`
	RealmNo int64      `db:"realm_no"`
	Kind    string     `db:"kind"`
	Address string     `db:"address"`
	AssetID string     `db:"asset_id"`
	FromAt  int64      `db:"from_at"`
	ToAt    store.Time `db:"to_at"`
	Person  bool       `db:"person"`
}

type overrideRow struct {
	AssetID   string     `db:"asset_id"`
	Field     string     `db:"field"`
	Value     string     `db:"value"`
	DecidedBy string     `db:"decided_by"`
	DecidedAt store.Time `db:"decided_at"`
	Reason    string     `db:"reason"`
}

type changeRow struct {
	ID        string     `db:"change_id"`
	AssetID   string     `db:"asset_id"`
	SiteNo    int64      `db:"site_no"`
	At        store.Time `db:"at"`
	Kind      string     `db:"kind"`
	Field     string     `db:"field"`
	Before    string     `db:"before"`
	After     string     `db:"after"`
	DecidedBy string     `db:"decided_by"`
	Reason    string     `db:"reason"`
}

func realmName(no int64) string { return strconv.FormatInt(no, 10) }

func realmNo(name string) int64 {
	no, _ := strconv.ParseInt(name, 10, 64) // written by realmName
	return no
}

// micros turns packet time into the tables' µs.
func micros(ns int64) int64 { return ns / 1000 }

// find returns an asset that the scope lets see; old ids of merged assets work.
func find(ctx context.Context, r store.Reader, scope Scope, id string) (assetRow, error) {
	a, err := store.One[assetRow](ctx, r, "SELECT "+assetColumns+" FROM asset_asset WHERE asset_id = ? AND ?", id, scope.Where("site_no", "zone_no"))
	if ot.CodeOf(err) != ot.NotFound {
		return a, err
	}
	now, err := store.One[string](ctx, r, "SELECT asset_id FROM asset_alias WHERE old_id = ?", id)
	if err == nil {
		a, err = store.One[assetRow](ctx, r, "SELECT "+assetColumns+" FROM asset_asset WHERE asset_id = ? AND ?", now, scope.Where("site_no", "zone_no"))
	}
	if ot.CodeOf(err) == ot.NotFound {
		err = ot.Errorf(ot.NotFound, "there is no asset %s", id)
	}
	return a, err
}

// Scope is what part of the plant the asking person sees; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
}
