// Package comply says, requirement by requirement and site by site, what NIS2
// asks of OT, what is true right now and how we know. It reads the slices'
// tables through checks, writes evidence and levels, and keeps declarations.
// It measures nothing itself and never writes another slice's tables.
package comply

import (
	"context"
	"embed"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/sync/errgroup"
)

// engineVersion changes when the same rows would give another answer or level.
const engineVersion = "1"

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "comply", FS: migrations} }

// Now is the Service's clock.
func (s *Service) Now() time.Time { return s.clock() }

// Config is what a Service may be given. The zero value works.
type Config struct {
	Catalogue *Catalogue       // nil: the one that ships
	Records   *record.Service  // nil: one of its own, for declarations and findings alone
	Clock     func() time.Time // nil: the machine's; the demo has its own
	Log       *slog.Logger
	Reads     ProtocolClasses // what the sensors of this release recognise; nil: nothing
}

// Service judges and keeps declarations. It is safe for use by many goroutines;
// one evaluation runs at a time.
type Service struct {
	db      *store.DB
	cat     *Catalogue
	records *record.Service
	clock   func() time.Time
	log     *slog.Logger

	reads    ProtocolClasses
	families []controller
	sightAt  time.Time // when the controllers were judged last

	zip   *packing
	quiet time.Duration // how long nothing must change before changes are judged

	running sync.Mutex   // one evaluation at a time
	heardAt time.Time    // guarded by running
	took    atomic.Int64 // of the last judging, ns

	mu    sync.Mutex
	dirty map[ot.Topic]bool
	wake  chan struct{}
}

// New makes a Service. It fails when the catalogue is broken.
func New(db *store.DB, cfg Config) (*Service, error) {
	s := &Service{db: db, quiet: debounce, cat: cfg.Catalogue, clock: cfg.Clock, log: cfg.Log, dirty: map[ot.Topic]bool{}, wake: make(chan struct{}, 1)}
	if s.cat == nil {
		c, err := ReadCatalogue(catalog.Files)
		if err != nil {
			return nil, err
		}
		s.cat = c
	}
	zip, err := newPacking()
	if err != nil {
		return nil, err
	}
	s.zip = zip
	if s.families, err = readControllers(catalog.Files); err != nil {
		return nil, err
	}
	if s.reads = cfg.Reads; s.reads == nil {
		s.reads = func(string) (ot.Class, bool) { return 0, false }
	}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.records = cfg.Records; s.records == nil {
		if s.records, err = record.New(db, record.Config{Clock: s.clock, Behaviours: append(record.Own(), s.cat.Behaviours()...), Kinds: s.cat.Kinds()}); err != nil {
			return nil, err
		}
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s, nil
}

// Catalogue is what the Service judges by.
func (s *Service) Catalogue() *Catalogue { return s.cat }

// Timing of the background: changes gather for a moment before they are judged, an
// import cannot hold judging off for longer than maxWait, and time itself (freshness,
// windows, graces) is judged every quarter of an hour.
const (
	debounce = 2 * time.Second
	maxWait  = 20 * time.Second
	every    = 15 * time.Minute
)

// Run judges what the bus says has changed, until ctx ends. The first judgement covers everything.
func (s *Service) Run(ctx context.Context, b *bus.Bus) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		topics := []ot.Topic{ot.TopicAsset, ot.TopicNetwork, ot.TopicSource, ot.TopicOrg, ot.TopicRecord}
		return b.Run(ctx, "comply", topics, func(_ context.Context, _ *store.Tx, events []bus.Event) error {
			topics := make([]ot.Topic, len(events))
			for i, e := range events {
				topics[i] = e.Topic
			}
			s.Mark(topics...)
			return nil
		})
	})
	g.Go(func() error { return s.loop(ctx) })
	return g.Wait()
}

// Took is how long the last judging took in this process; 0: none yet.
func (s *Service) Took() time.Duration { return time.Duration(s.took.Load()) }

// Mark says that what these topics name has changed; Run judges it soon.
func (s *Service) Mark(topics ...ot.Topic) {
	s.mu.Lock()
	for _, t := range topics {
		s.dirty[t] = true
	}
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Service) loop(ctx context.Context) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var pause <-chan time.Time // runs while measured changes wait for their turn
	judge := func(topics ...ot.Topic) {
		began := time.Now()
		if _, err := s.Evaluate(ctx, s.clock(), topics...); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "judge the posture", "error", err)
			s.Mark(topics...)
		}
		s.took.Store(int64(time.Since(began)))
		if len(topics) == 0 || measured(topics) {
			pause = time.After(min(breath*time.Since(began), maxPause))
		}
	}
	judge()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.take(true)
			judge()
		case <-pause:
			pause = nil
			if topics := s.take(true); len(topics) > 0 {
				judge(topics...)
			}
		case <-s.wake:
			if !s.settle(ctx) {
				return nil
			}
			// What a person declared is judged now, what sensors tell when it is its turn.
			if topics := s.take(pause == nil); len(topics) > 0 {
				judge(topics...)
			}
		}
	}
}

// Judging rests twenty times as long as it took, so that live sensors, who always have
// news, cost at most a twentieth of a processor.
const (
	breath   = 20
	maxPause = 2 * time.Minute
)

// measured says whether a topic makes checks ask again.
func measured(topics []ot.Topic) bool {
	return slices.ContainsFunc(topics, func(t ot.Topic) bool { return t == ot.TopicNetwork || t == ot.TopicSource || t == ot.TopicAsset })
}

// settle waits until nothing changed for a moment, at most maxWait. It is false when ctx ended.
func (s *Service) settle(ctx context.Context) bool {
	end := time.NewTimer(maxWait)
	defer end.Stop()
	for {
		quiet := time.NewTimer(s.quiet)
		select {
		case <-ctx.Done():
			quiet.Stop()
			return false
		case <-end.C:
			quiet.Stop()
			return true
		case <-quiet.C:
			return true
		case <-s.wake:
			quiet.Stop()
		}
	}
}

// take empties the topics that changed; without all, those that need no check to ask again.
func (s *Service) take(all bool) []ot.Topic {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []ot.Topic
	for t := range s.dirty {
		if all || !measured([]ot.Topic{t}) {
			out = append(out, t)
			delete(s.dirty, t)
		}
	}
	return out
}
