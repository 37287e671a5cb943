// Package detect makes alerts of what rules found, and keeps them as alarms: a few,
// each with a story, a state, somebody who answers for it, and a way to the packets.
// It judges at the centre what a sensor alone cannot. It does not block anything.
package detect

import (
	"context"
	"embed"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skanse/skanse/internal/detect/sigma"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this slice.
func Migrations() store.Migrations { return store.Migrations{Slice: "detect", FS: migrations} }

// Scope is what part of the plant the asking person sees; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
	Reach(siteCol string) ot.SQL
}

// The states of an alert, as ISA-18.2 has them for an alarm.
const (
	StateNew          = "new"          // nobody has seen it yet
	StateAcknowledged = "acknowledged" // somebody has, and it may go on
	StateReturned     = "returned"     // it is over, and nobody had seen it
	StateShelved      = "shelved"      // out of sight until a time, with a reason
	StateClosed       = "closed"       // with a reason
)

// Config is what the slice needs from outside.
type Config struct {
	Rules     *rule.Set
	Names     rule.Names // of protocols: dissect.Set is one
	Plant     Plant      // nil: nothing is known
	Catalogue Counted    // own rules are checked against it
	Past      Past       // nil: nothing can be played again
	// Reload makes what runs that which is kept; it is called when own rules were changed. nil: nothing does.
	Reload     func(ctx context.Context) error
	Exceptions bool // the records' tables are there: what was excepted keeps quiet
	Techniques []Technique
	Clock      func() time.Time // nil: the time of day
	Log        *slog.Logger
}

// Service is the slice: it owns the tables detect_*.
type Service struct {
	db  *store.DB
	cfg Config

	mu     sync.RWMutex
	rules  *rule.Set
	judge  *Judge
	wanted atomic.Pointer[wanted] // indicators in force

	lines    Lines                        // nil: nobody keeps any
	logRules atomic.Pointer[[]sigma.Rule] // that are switched on
}

// New makes the slice on a migrated database.
func New(db *store.DB, cfg Config) *Service {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Service{db: db, cfg: cfg, rules: cfg.Rules, judge: NewJudge(cfg.Rules, cfg.Names)}
}

// UseRules makes another set the one that runs from the next summary on.
func (s *Service) UseRules(set *rule.Set) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules, s.judge = set, NewJudge(set, s.cfg.Names)
}

// Rules is the set that runs.
func (s *Service) Rules() *rule.Set {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rules
}

func (s *Service) now() time.Time { return s.cfg.Clock() }

// Plant says what the rest of the centre knows. It reads in the caller's transaction.
type Plant interface {
	// Who gives what is known of the hosts of a site; one that nobody knows is missing.
	Who(ctx context.Context, r store.Reader, siteNo int64, hosts []Host) (map[Host]Party, error)
	// Planned gives the approved maintenance windows and changes of a site that touch a time.
	Planned(ctx context.Context, r store.Reader, siteNo int64, from, to time.Time) ([]Window, error)
	// Talks finds conversations; one that nobody knows is missing.
	Talks(ctx context.Context, r store.Reader, siteNo int64, keys []TalkKey) (map[TalkKey]Talk, error)
}

// Host is an address in its realm. Of a host with an IP the MAC is left out.
type Host struct {
	RealmNo int64
	MAC, IP string
}

// TalkKey names a conversation.
type TalkKey struct {
	RealmNo        int64
	Client, Server ot.Host
	Transport      string
	Port           uint16
	Protocol       string
}

// Talk is where a conversation is kept.
type Talk struct {
	No           int64
	ServerZoneNo int64
}

// Party is one side of what happened, as the inventory knows it.
type Party struct {
	Asset       string // id; empty: none
	Name        string
	Role        string // as the inventory writes it: plc, engineering …
	Level       string // Purdue: 0 to 5; empty: not known
	ZoneNo      int64
	Zone        string
	OT          bool // its zone is one of the plant
	Programming bool // a person said that it programs controllers
	Internet    bool
}

// Window is planned work that was approved.
type Window struct {
	Record   string // id
	Title    string
	From, To time.Time
	Assets   []string // empty: the whole site
}
