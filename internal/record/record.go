// Package record keeps what people write down and answer for: findings, actions,
// exceptions, changes, maintenance windows, declarations and the like. A type is
// YAML in catalog/records; the engine gives every type versions, links, states,
// approvals, reviews, attachments, import and export. Logic that YAML cannot say is
// a Behaviour. It is not for what comes in thousands an hour (asset, conversation,
// alert): those own their tables and are linked to.
package record

import (
	"context"
	"embed"
	"io/fs"
	"log/slog"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record/clamd"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "record", FS: migrations} }

// Thing is what a link or a field points at, as people know it.
type Thing struct {
	Label  string
	State  string
	SiteNo int64 // 0: of no single site
	ZoneNo int64
}

// Lookup says what things of another part are called, by id. What does not exist or
// is out of scope is left out of the answer.
type Lookup func(ctx context.Context, r store.Reader, scope auth.Scope, ids []string) (map[string]Thing, error)

// Finder finds things of another part by name, in scope; siteID may be empty.
type Finder func(ctx context.Context, r store.Reader, scope auth.Scope, siteID, text string) ([]string, error)

// Config is what a Service needs of the rest of the program.
type Config struct {
	Files fs.FS  // holds the folder "records"; nil: what is embedded
	Dir   string // of attachments; empty: none are taken
	Clamd string // unix:/run/clamav/clamd.ctl or tcp:host:port; empty: attachments stay unscanned

	// Kinds are the things outside records that links and fields may name: asset,
	// requirement, check, conversation, event. Records, zones, sites and people are known here.
	Kinds map[string]Lookup

	// Find gives the ids of things that an import names by what people call them: asset.
	Find map[string]Finder

	// Behaviours add logic to types, one a type.
	Behaviours []Behaviour

	Clock func() time.Time // nil: the machine's
	Log   *slog.Logger
}

// Service reads and changes records.
type Service struct {
	db         *store.DB
	cfg        Config
	types      *Types
	kinds      map[string]Lookup
	behaviours map[string]Behaviour
	files      *folder        // nil: no attachments
	clamd      *clamd.Scanner // nil: nothing is scanned
}

// New reads the types and makes a Service.
func New(db *store.DB, cfg Config) (*Service, error) {
	if cfg.Files == nil {
		cfg.Files = catalog.Files
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{db: db, cfg: cfg, kinds: ownKinds(), behaviours: map[string]Behaviour{}}
	for kind, l := range cfg.Kinds {
		s.kinds[kind] = l
	}
	var err error
	if s.clamd, err = clamd.New(cfg.Clamd); err != nil {
		return nil, err
	}
	if s.files, err = openFolder(cfg.Dir); err != nil {
		return nil, err
	}
	guards := map[string][]string{}
	for _, b := range cfg.Behaviours {
		if _, twice := s.behaviours[b.Type()]; twice {
			return nil, ot.Errorf(ot.Internal, "two behaviours for the record type %s", b.Type())
		}
		s.behaviours[b.Type()] = b
		for name := range b.Guards() {
			guards[b.Type()] = append(guards[b.Type()], name)
		}
	}
	if s.types, err = ReadTypes(cfg.Files, guards); err != nil {
		return nil, err
	}
	for id := range s.behaviours {
		if s.types.Type(id) == nil {
			return nil, ot.Errorf(ot.Internal, "a behaviour for the record type %s, which catalog/records does not have", id)
		}
	}
	return s, nil
}

// Types are the record types that this installation knows.
func (s *Service) Types() *Types { return s.types }

func (s *Service) now() time.Time { return s.cfg.Clock().UTC().Truncate(time.Microsecond) }
