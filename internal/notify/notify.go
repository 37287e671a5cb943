// Package notify tells people outside the page: by mail, by SMS, to webhooks and to
// syslog. It follows the inbox; what is to be told is a row in the transaction in
// which it heard of it, and stays one until a receiver has taken it or days have
// gone by. It decides who is told by which way, not what is asked.
package notify

import (
	"context"
	"embed"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/egress"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/seal"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/translate"
	"golang.org/x/sync/errgroup"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "notify", FS: migrations} }

// Config is what a Service needs of the rest of the program.
type Config struct {
	Egress  *egress.Dialer
	Box     *seal.Box
	Log     *slog.Logger
	Version string
	Say     *translate.Book // puts what is told into the person's language; nil: English
	Off     bool            // tell nobody: the demo
	// Fields says for machines what an item is about; nil: nothing but its words.
	Fields func(ctx context.Context, r store.Reader, ref ot.Ref) (map[string]string, error)
	Now    func() time.Time // nil: the machine's
	Retry  time.Duration    // after a first failure; 30 s
	Reply  time.Duration    // how often replies by SMS are looked for while any may come; 20 s
}

// Service keeps receivers, people's wishes and the queue.
type Service struct {
	db      *store.DB
	cfg     Config
	words   *words
	address atomic.Pointer[string] // of the pages, as this server knows it
	wake    chan struct{}
	radio   line // the modem: the queue and a test take turns

	listeners streams       // who follows the bell
	ended     chan struct{} // closed when Run is over: nobody is told any more
	end       sync.Once
}

// New makes a Service; nothing is sent until Run.
func New(db *store.DB, cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Retry == 0 {
		cfg.Retry = 30 * time.Second
	}
	if cfg.Reply == 0 {
		cfg.Reply = replyEvery
	}
	w, err := loadWords()
	if err != nil {
		return nil, err
	}
	return &Service{db: db, cfg: cfg, words: w, wake: make(chan struct{}, 1), ended: make(chan struct{})}, nil
}

// UseAddress says under which address people reach the pages, where the settings do not.
func (s *Service) UseAddress(url string) { s.address.Store(&url) }

// Run follows the inbox and empties the queue until ctx ends.
func (s *Service) Run(ctx context.Context, b *bus.Bus) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { // at once, not when the last way has ended: a server that stops waits for open streams
		<-ctx.Done()
		s.end.Do(func() { close(s.ended) })
		return nil
	})
	g.Go(func() error { return b.Run(ctx, "notify", []ot.Topic{ot.TopicInbox}, s.follow) })
	g.Go(func() error { return s.dispatch(ctx) })
	g.Go(func() error { return s.replies(ctx) })
	return g.Wait()
}

// Routes mounts everything.
func (s *Service) Routes(r *rest.Router) {
	s.egressRoutes(r)
	s.receiverRoutes(r)
	s.queueRoutes(r)
	s.personRoutes(r)
	s.pageRoutes(r)
	s.settingRoutes(r)
}

const tag = "Notices"

type one[T any] struct{ Body T }

type byID struct {
	ID string `path:"id" maxLength:"64"`
}

func listOf[T any](items []T) *one[rest.Page[T]] {
	if items == nil {
		items = []T{}
	}
	n := int64(len(items))
	return &one[rest.Page[T]]{rest.Page[T]{Items: items, Total: &n}}
}

// overall refuses who does not see the whole installation: what is set here is of all sites.
func overall(p auth.Principal) error {
	if p.Scope.All {
		return nil
	}
	return ot.Errorf(ot.Forbidden, "this is of the whole installation, and you see a part of it: ask an administrator")
}
