// Package conduit keeps what may pass between zones (IEC 62443-3-2): policies that
// people decided, beside what is observed and what filters are configured to do. It
// compares traffic with them, says it when something crosses against them, and writes
// them as nftables. It filters nothing itself and draws no zones (package org does).
package conduit

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
func Migrations() store.Migrations { return store.Migrations{Slice: "conduit", FS: migrations} }

// Scope is what part of the plant the asking person sees; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
	Reach(siteCol string) ot.SQL
}

// Internet is the zone of public addresses that no zone of the site holds; None that of
// other addresses in no zone.
const (
	None     int64 = 0
	Internet int64 = -1
)

// Crossing is what was observed of one service between two zones.
type Crossing struct {
	FromZone      int64
	ToZone        int64
	Transport     string
	Port          int64
	Protocol      string // empty: not recognised
	Classes       int64
	Conversations int64
	Clients       int64
	Servers       int64
	First         int64 // µs
	Last          int64
	Live          bool
}

// Traffic gives what was observed between the zones of a site, in the caller's transaction.
type Traffic interface {
	Crossings(ctx context.Context, r store.Reader, siteNo int64, since time.Time) ([]Crossing, error)
	// Zones gives the zone of addresses of a site.
	Zones(ctx context.Context, r store.Reader, siteNo int64, addresses []string) (func(realmNo int64, mac, ip string) int64, error)
}

// Raiser turns hits into alerts in the caller's transaction.
type Raiser interface {
	Raise(ctx context.Context, tx *store.Tx, hits ...rule.Hit) error
}

// Config is what the slice needs from outside.
type Config struct {
	Traffic Traffic
	Raiser  Raiser           // nil: nobody is told
	Clock   func() time.Time // nil: the time of day
}

// Service is the slice: it owns the tables conduit_*.
type Service struct {
	db  *store.DB
	cfg Config
}

// New makes the slice on a migrated database.
func New(db *store.DB, cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	return &Service{db: db, cfg: cfg}
}

// Tell says who turns violations into alerts. It is called before anything runs.
func (s *Service) Tell(r Raiser) { s.cfg.Raiser = r }

func (s *Service) now() time.Time { return s.cfg.Clock() }

// The rules, as catalog/detections names them.
const (
	RuleViolation = "conduit.violation"
	RuleUnknown   = "conduit.unknown"
)
