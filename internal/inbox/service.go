package inbox

import (
	"context"
	"encoding/json"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/store"
)

// Config is what a Service may be given. The zero value works.
type Config struct {
	Clock func() time.Time // nil: the machine's; the demo has its own

	// Picture draws what a shift hands over: how the site stands and what happened
	// between from and to. nil: nothing.
	Picture func(ctx context.Context, scope auth.Scope, siteID string, from, to time.Time) (json.RawMessage, error)
}

// Service is the people's side of the inbox.
type Service struct {
	db  *store.DB
	cfg Config
	now func() time.Time
}

// New makes a Service.
func New(db *store.DB, cfg Config) *Service {
	s := &Service{db: db, cfg: cfg, now: cfg.Clock}
	if s.now == nil {
		s.now = time.Now
	}
	return s
}
