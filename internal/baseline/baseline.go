// Package baseline knows what is normal in a plant: which conversations, with which
// functions, ranges, rates and hours, one baseline for each zone and plant state. It
// learns from summaries, lets people review what it learned in groups, and says what
// departs from it. It keeps no alerts (package detect does) and no packets.
package baseline

import (
	"context"
	"embed"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this slice.
func Migrations() store.Migrations { return store.Migrations{Slice: "baseline", FS: migrations} }

// Scope is what part of the plant the asking person sees; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
	Reach(siteCol string) ot.SQL
}

// End is an address inside a realm: an IP, or a MAC where there is none.
type End struct {
	RealmNo int64
	Address string
}

// Place is what the plant knows of an address.
type Place struct {
	ZoneNo int64 // 0: in none; Internet: outside
	Role   string
}

// Internet is the zone of public addresses that no zone of the site holds.
const Internet int64 = -1

// Plant tells where addresses stand and what the plant does. Its methods read in the
// caller's transaction.
type Plant interface {
	// Places gives the place of each address; one that nothing is known of is missing.
	Places(ctx context.Context, r store.Reader, siteNo int64, ends []End) (map[End]Place, error)
	// Names gives the asset that has each address.
	Names(ctx context.Context, r store.Reader, siteNo int64, ends []End) (map[End]Named, error)
	// Aliases gives all addresses that the asset of each address has or had; one that is
	// no asset's is missing.
	Aliases(ctx context.Context, r store.Reader, siteNo int64, ends []End) (map[End][]string, error)
	// State gives the plant's state at a moment, as a function of the zone.
	State(ctx context.Context, r store.Reader, siteNo int64, at time.Time) (func(zoneNo int64) string, error)
}

// Raiser turns hits into alerts in the caller's transaction.
type Raiser interface {
	Raise(ctx context.Context, tx *store.Tx, hits ...rule.Hit) error
}

// Config is what the slice needs from outside.
type Config struct {
	Plant  Plant
	Raiser Raiser           // nil: nobody is told
	Clock  func() time.Time // nil: the time of day
}

// Service is the slice: it owns the tables baseline_*.
type Service struct {
	db     *store.DB
	cfg    Config
	memory memory
}

// New makes the slice on a migrated database.
func New(db *store.DB, cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Service{db: db, cfg: cfg}
}

// Tell says who turns what departs into alerts. It is called before anything runs.
func (s *Service) Tell(r Raiser) { s.cfg.Raiser = r }

func (s *Service) now() time.Time { return s.cfg.Clock() }

// The states of a plant, as records name them.
func States() []string {
	return []string{"production", "turnaround", "commissioning", "cleaning", "standstill"}
}

// What is thought of a conversation or a function.
const (
	Learned  = "learned"  // heard while learning; nobody decided
	Fresh    = "new"      // heard since the zone protects; nobody decided
	Approved = "approved" //
	Denied   = "denied"   //
	Expired  = "expired"  // its time ran out: the next time is new again
)

// What a baseline does.
const (
	Learning      = "learning"
	Protecting    = "protecting"
	Commissioning = "commissioning" // what is new is kept for review and nobody is told
)
