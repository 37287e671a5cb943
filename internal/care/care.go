// Package care looks after the installation itself: snapshots on a schedule, how long
// each class of rows is kept, and how the program and its machine are. It knows no
// plant. What only the whole program can do, such as writing a snapshot of every
// table, is handed in by app.
package care

import (
	"context"
	"embed"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "care", FS: migrations} }

// Config is what Service needs of the rest of the program.
type Config struct {
	Folder   string // the data folder: its disk is watched, and snapshots are built in it
	Version  string
	Started  time.Time
	Archive  Archive
	Kit      Kit
	Dial     func(ctx context.Context, network, address string) (net.Conn, error) // the one way out
	Expire   map[string]Expire                                                    // by class: where more than rows must go
	Gauges   []Gauge                                                              // what other parts tell of themselves
	Checks   []func(ctx context.Context) ([]Problem, error)                       // what other parts find wrong
	Clock    func() time.Time                                                     // the machine's
	LastTime func() time.Time                                                     // never goes back: shows a clock that did
	Log      *slog.Logger
}

// Archive writes snapshots and brings them back; app has one.
type Archive interface {
	// Create writes a whole, readable snapshot to a new file.
	Create(ctx context.Context, path string, captures bool) (Made, error)
	// Try restores the database of a snapshot into an empty folder, counts its rows and
	// verifies its audit log against what Create said. It leaves the folder to the caller.
	Try(ctx context.Context, path, folder string, made Made) error
	// Seal encrypts a file to the recovery kit while it streams.
	Seal(ctx context.Context, from, to string) error
}

// Made says what a snapshot holds.
type Made struct {
	Rows  int64  // of all tables
	Audit string // the last checkpoint of the audit log
}

// Kit is the recovery kit: its public half is here, its key on paper.
type Kit interface {
	// Recipient is the public half, empty while there is no kit.
	Recipient() (string, error)
	// Make makes a kit; replace also where there is one, which older snapshots still need.
	Make(replace bool) (KitSheet, error)
}

// KitSheet is the recovery kit to be printed: shown once, kept nowhere.
type KitSheet struct {
	MadeAt    time.Time `json:"made_at"`
	Recipient string    `json:"recipient"`
	Key       string    `json:"key"`
	Lines     []KitLine `json:"lines" nullable:"false"`
	QR        string    `json:"qr" doc:"The key as SVG"`
}

// KitLine is one line to be typed by hand; its word finds a slip in it.
type KitLine struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
	Word   string `json:"word"`
}

// Expire removes what is older than before, in small steps, and says how much went.
type Expire func(ctx context.Context, before time.Time) (int64, error)

// Gauge is a number that other parts tell of themselves.
type Gauge struct {
	Name  string // "notify_queue": also its name for Prometheus, after skanse_
	Title string
	Unit  string // "rows", "bytes", "seconds"
	Read  func(ctx context.Context) (float64, error)
}

// Service cares for one installation.
type Service struct {
	db  *store.DB
	cfg Config

	mu      sync.Mutex
	writeMS float64 // a small change, at the last self-check
	busy    string  // what the snapshot job is doing; empty: nothing
}

// New makes a Service.
func New(db *store.DB, cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.LastTime == nil {
		cfg.LastTime = cfg.Clock
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Started.IsZero() {
		cfg.Started = cfg.Clock()
	}
	if cfg.Dial == nil {
		cfg.Dial = func(context.Context, string, string) (net.Conn, error) {
			return nil, ot.Errorf(ot.Forbidden, "this program has no way out of its machine")
		}
	}
	return &Service{db: db, cfg: cfg}
}

func (s *Service) now() time.Time { return s.cfg.Clock().UTC() }

// Jobs is the scheduled work of this package.
func (s *Service) Jobs() []job.Job {
	return []job.Job{
		{Name: "snapshot", Every: 20 * time.Second, Do: s.Snapshots}, // looks whether one is due or wanted
		{Name: "retention", Every: 24 * time.Hour, Do: func(ctx context.Context) error { _, err := s.Retain(ctx); return err }},
		{Name: "measure", Every: 6 * time.Hour, Do: s.Measure},
		{Name: "self-check", Every: 5 * time.Minute, Do: s.Check},
	}
}
