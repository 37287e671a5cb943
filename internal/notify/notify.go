// Package notify tells people outside the page: by mail, by SMS, to webhooks and to
// syslog. It follows the inbox; what is to be told is a row in the transaction in
// which it heard of it, and stays one until a receiver has taken it or days have
// gone by. It decides who is told, not what is asked.
package notify

import (
	"log/slog"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/egress"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/seal"
	"github.com/skanse/skanse/internal/store"
)

// Config is what a Service needs of the rest of the program.
type Config struct {
	Egress  *egress.Dialer
	Box     *seal.Box
	Log     *slog.Logger
	Version string
	Off     bool             // tell nobody: the demo
	Now     func() time.Time // nil: the machine's
}

// Service keeps receivers, people's wishes and the queue.
type Service struct {
	db  *store.DB
	cfg Config
}

// New makes a Service; nothing is sent until Run.
func New(db *store.DB, cfg Config) *Service {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{db: db, cfg: cfg}
}

// Routes mounts everything.
func (s *Service) Routes(r *rest.Router) {
	s.egressRoutes(r)
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
