// Package vuln says which published vulnerabilities really affect this plant,
// and keeps what people do about them. It takes in advisories, matches them
// with the identities that assets state, and follows each finding from the
// first sight to the proof that it is gone. It does not scan: it judges by
// what is known.
package vuln

import (
	"context"
	"embed"
	"log/slog"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/vuln/match"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this slice.
func Migrations() store.Migrations { return store.Migrations{Slice: "vuln", FS: migrations} }

// Scope is what part of the plant the asking person sees; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
	Reach(siteCol string) ot.SQL
}

// Asset is what the inventory says of one asset, as far as matching and priority need it.
type Asset struct {
	ID          string
	SiteNo      int64
	ZoneNo      int64
	Name        string
	Criticality int64 // 1 to 4; 0: nobody said
	Stated      match.Asset
	Parts       []Part // modules in the rack, software on it
}

// Part is a module or a software of an asset.
type Part struct {
	ID     string
	Name   string
	Stated match.Asset
}

// Reach is how far away somebody may be who talks to an asset.
type Reach struct {
	Level string // small, controlled, open
	Why   string
}

// Inventory gives the assets. Both methods read in the caller's transaction.
type Inventory interface {
	// Stated gives the managed assets by id, after one and at most limit.
	Stated(ctx context.Context, r store.Reader, after string, limit int) ([]Asset, error)
	// Reaches gives how far observed conversations reach each asset; one that nobody talks to is missing.
	Reaches(ctx context.Context, r store.Reader, since time.Time) (map[string]Reach, error)
}

// Config is what the slice needs from outside.
type Config struct {
	Tables    *match.Tables
	Inventory Inventory
	Clock     func() time.Time // nil: the time of day
	Log       *slog.Logger
}

// Service is the slice: it owns the tables vuln_*.
type Service struct {
	db  *store.DB
	cfg Config

	sweeping sync.Mutex // one evaluation at a time

	mu      sync.Mutex // the fields below
	corpus  *match.Corpus
	seq     int64    // advisories up to this one are in the corpus
	seqs    []int64  // of each advisory, by its number in the corpus
	ids     []string // ids, by number
	docs    map[string]*brief
	facts   map[string]known
	factGen int64
	reaches map[string]Reach
	reachAt time.Time
}

// New makes the slice on a migrated database.
func New(db *store.DB, cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Service{db: db, cfg: cfg, corpus: cfg.Tables.NewCorpus(), docs: map[string]*brief{}, facts: map[string]known{}, factGen: -1}
}

func (s *Service) now() store.Time { return store.At(s.cfg.Clock()) }
