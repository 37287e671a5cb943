// Package centre is the half of an edge that stands at the centre: it enrols and
// renews, takes batches in exactly once and hands them on in their order, pushes
// configuration, and says which edge is silent, cloned, full or wrong about the
// time. It owns the tables edge_*, and does not know what a message says.
package centre

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"embed"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "edge", FS: migrations} }

// Item is a message that arrived, in its order.
type Item struct {
	EdgeID   string
	Kind     string
	Body     []byte
	Received time.Time
	Skew     *time.Duration // of the edge's clock when it was sent; nil: not known, as over a diode
}

// Step is a part of what a message changes: one transaction takes several steps.
type Step struct {
	Rows int    // about
	Once string // of steps with the same name in a transaction only the last is done; "": each
	Do   func(ctx context.Context, tx *store.Tx) error
}

// Work is what a run of messages changes. What fits into one transaction is done in
// one, together with the mark that its messages are done; more of it is done step by
// step, so that doing a step twice must change nothing more.
type Work struct {
	Items int // messages that it is of; more than one only if all of it fits into one transaction
	Rows  int // about
	Steps []Step
	Err   error // the message cannot be taken in; Items is 1
}

// Fits says whether so many rows are one transaction.
func Fits(rows int) bool { return rows <= applyRows }

// Plan says what messages of one kind change, in their order. It may put several
// into one Work; the works cover all of them.
type Plan func(ctx context.Context, items []Item) ([]Work, error)

// Proofs gives the audit log's newest checkpoint, and that it continues an older one.
type Proofs interface {
	Consistency(ctx context.Context, from int64) (c audit.Checkpoint, steps []string, err error)
	Verifier() string
}

// Config is what a Service needs.
type Config struct {
	DB        *store.DB
	Log       *slog.Logger
	Authority *Authority
	Address   string // host:port that edges dial; in tokens
	Plans     map[string]Plan
	Proofs    Proofs
	Rules     *edge.Rules // the detections that edges shall run; nil: those of their own program
	OrderKey  []byte      // 32 bytes, secret: answers of edges are sealed to it
	// Follow are the values that edges of these sites look for inside requests; nil: none.
	Follow func(ctx context.Context, r store.Reader, sites []int64) ([]edge.Element, error)
	// Configured hears of each interface that an edge shall listen to, in the same transaction; nil: nobody does.
	Configured func(ctx context.Context, tx *store.Tx, at Place, i edge.Interface, by string) error
	Now        func() time.Time // nil: time.Now
}

// Service is the centre's half.
type Service struct {
	db     *store.DB
	log    *slog.Logger
	ca     *Authority
	addr   string
	plans  map[string]Plan
	proofs Proofs
	rules  atomic.Pointer[edge.Rules]
	now    func() time.Time
	codec  *edge.Codec

	follow     func(ctx context.Context, r store.Reader, sites []int64) ([]edge.Element, error)
	configured func(ctx context.Context, tx *store.Tx, at Place, i edge.Interface, by string) error

	orderKey *ecdh.PrivateKey
	mu       sync.Mutex
	waiting  map[string]chan struct{} // edges that wait for news
}

// New makes a Service on a migrated database.
func New(cfg Config) (*Service, error) {
	codec, err := edge.NewCodec()
	if err != nil {
		return nil, err
	}
	if len(cfg.OrderKey) == 0 { // a centre that asks for nothing
		cfg.OrderKey = make([]byte, 32)
		_, _ = rand.Read(cfg.OrderKey) // never fails, says crypto/rand
	}
	key, err := orderKeyOf(cfg.OrderKey)
	if err != nil {
		return nil, err
	}
	s := &Service{db: cfg.DB, log: cfg.Log, ca: cfg.Authority, addr: cfg.Address, plans: cfg.Plans, proofs: cfg.Proofs, now: cfg.Now, codec: codec, follow: cfg.Follow, configured: cfg.Configured, orderKey: key, waiting: map[string]chan struct{}{}}
	s.rules.Store(cfg.Rules)
	if s.now == nil {
		s.now = time.Now
	}
	return s, nil
}

// UseAddress says what edges dial.
func (s *Service) UseAddress(hostport string) { s.addr = hostport }

// Authority is the centre's own.
func (s *Service) Authority() *Authority { return s.ca }

// Refusal is an error that tells an edge what to do.
type Refusal struct{ edge.Problem }

func (r *Refusal) Error() string { return r.Detail }

// Unwrap gives the code to whoever asks for it.
func (r *Refusal) Unwrap() error { return &ot.Error{Code: r.Code, Message: r.Detail} }

func refuse(code ot.Code, reason, detail string) error {
	return &Refusal{edge.Problem{Code: code, Reason: reason, Detail: detail}}
}

// The ways that batches come.
const (
	ViaTLS     = "tls"
	ViaProcess = "process"
	ViaDiode   = "diode"
	ViaStick   = "stick"
)
