// Package logs keeps what devices say of themselves: a register of who is expected to speak,
// their lines in files a day and source, each line chained to the one before, and who is silent,
// late or wrong about the time. It judges no line itself: who does gets each when it was written down.
package logs

import (
	"context"
	"embed"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this slice.
func Migrations() store.Migrations { return store.Migrations{Slice: "logs", FS: migrations} }

// Scope is what part of the plant the asking person sees; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
}

// Raiser turns hits into alerts in the caller's transaction.
type Raiser interface {
	Raise(ctx context.Context, tx *store.Tx, hits ...rule.Hit) error
}

// Judge says what lines meet; it keeps none of them. left is how many it had no time for.
type Judge interface {
	LogRules() bool // false: there is nothing to judge by
	JudgeLines(lines []rule.LogLine) (hits []rule.Hit, left int)
}

// RuleSilent names the alert of a source that is silent.
const RuleSilent = "log.silent"

// Limits bound what sources may send and take.
type Limits struct {
	Rate    int   // lines a second of one source, on average
	Burst   int   // lines at once
	Day     int64 // bytes a day and source
	Quota   int64 // bytes of all files; 0: the whole disk
	Reserve int64 // bytes of the disk that stay free for the rest of the program
}

// DefaultLimits are far above what a plant's devices say, and far below what fills a disk in a night.
func DefaultLimits() Limits {
	return Limits{Rate: 500, Burst: 20_000, Day: 2 << 30, Quota: 50 << 30, Reserve: 1 << 30}
}

// Config is what the slice needs from outside.
type Config struct {
	Dir    string // of the files
	Limits Limits
	Free   func(dir string) (int64, bool) // bytes free there; nil: nobody knows
	Raiser Raiser                         // nil: nobody is told
	Judge  Judge                          // nil: nobody judges lines
	Kept   func(ctx context.Context) (days int, err error)
	Clock  func() time.Time // nil: the time of day
	Log    *slog.Logger
}

// Service is the slice: it owns the tables logs_* and the files of Dir.
type Service struct {
	db  *store.DB
	cfg Config

	mu        sync.RWMutex
	streams   map[string]*stream           // by source
	senders   map[sender][]*stream         // who speaks from an address
	relays    map[place]map[string]*stream // by the host that lines behind a relay name
	gone      []*stream                    // taken out of the register; their files are closed with the next flush
	strangers map[strangerKey]*strangerRow // since the last sync
	told      map[int64]time.Time          // when a site's checks were last told of lines
	total     int64                        // bytes of all files
	full      string                       // why nothing is kept; empty: there is room

	flushing sync.Mutex // one flush at a time
	judged   judged     // of it
	ready    atomic.Bool
}

// New makes the slice on a migrated database.
func New(db *store.DB, cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = DefaultLimits()
	}
	return &Service{db: db, cfg: cfg, streams: map[string]*stream{}, strangers: map[strangerKey]*strangerRow{}, told: map[int64]time.Time{}}
}

// Tell says who turns silence into alerts. It is called before anything runs.
func (s *Service) Tell(r Raiser) { s.cfg.Raiser = r }

// UseLimits sets other bounds. It is called before anything runs.
func (s *Service) UseLimits(l Limits) { s.cfg.Limits = l }

// KeptFor asks how many days lines are kept beyond what a source asks; 0: for ever.
// It is called before anything runs.
func (s *Service) KeptFor(days func(ctx context.Context) (int, error)) { s.cfg.Kept = days }

func (s *Service) now() time.Time { return s.cfg.Clock() }

// Run writes what arrives, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	if err := s.Open(ctx); err != nil {
		return err
	}
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return s.Flush(context.WithoutCancel(ctx), true)
		case <-tick.C:
		}
		if err := s.Flush(ctx, n%syncEvery == 0); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("log lines could not be written down; they are tried again", "error", err)
		}
	}
}

const (
	flushEvery = time.Second
	syncEvery  = 5 // flushes: what a power cut may take
)
