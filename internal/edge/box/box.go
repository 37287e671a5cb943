package box

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/sync/errgroup"
)

// Link is the way to the centre: TLS, or a call inside the same process.
type Link interface {
	Hello(ctx context.Context, h edge.Hello) (edge.Welcome, error)
	// Send gives batches in their order; sent is the time by the edge's clock, µs.
	Send(ctx context.Context, sent int64, batches []byte) (edge.Ack, error)
}

// Refused is an answer of the centre that says what to do.
type Refused struct{ edge.Problem }

func (r *Refused) Error() string { return r.Detail }

// Unwrap gives the code to whoever asks for it.
func (r *Refused) Unwrap() error { return &ot.Error{Code: r.Code, Message: r.Detail} }

// Config is what a Box needs.
type Config struct {
	Outbox *Outbox
	Link   Link
	Log    *slog.Logger
	// Health says how this machine is; the Box adds its queue.
	Health func(ctx context.Context) edge.Health
	// Apply makes a configuration true. It returns when that is so, or why it cannot be.
	Apply func(ctx context.Context, c edge.Config) error
	// Order does what the centre asks of this edge: the head and the body of the answer.
	// nil: nothing is done here.
	Order func(ctx context.Context, o *edge.Order) (head any, body []byte, err error)
	// Rules makes a bundle of detections run, or says why it cannot: the one before it
	// then runs on. nil: this edge takes none.
	Rules func(r edge.Rules) error
	// Key checks what the centre signed; nil where the link itself is the centre.
	Key   func() []byte
	Every time.Duration // between two hellos; 0: edge.HelloEvery
	Most  int           // bytes of one request; 0: 256 KB
}

// Box runs an edge.
type Box struct {
	cfg Config
	log *slog.Logger

	began time.Time

	mu      sync.Mutex
	spent   float64 // seconds of CPU at the last look
	looked  time.Time
	applied int64
	failed  int64
	why     string
	contact time.Time
	trouble string
	norules string // hash of the bundle that could not be taken
	whyno   string
	hurry   chan struct{}
}

// New makes a Box.
func New(cfg Config) *Box {
	if cfg.Every == 0 {
		cfg.Every = edge.HelloEvery
	}
	if cfg.Most == 0 {
		cfg.Most = sendBytes
	}
	return &Box{cfg: cfg, log: cfg.Log, began: time.Now(), looked: time.Now(), spent: cpu(), hurry: make(chan struct{}, 1)}
}

// Bounds of one request, and of the wait after a failure.
const (
	sendBytes = 256 << 10
	waitFirst = 500 * time.Millisecond
	waitLast  = 30 * time.Second
)

// Start makes the configuration true that the edge had last, also while no centre answers.
func (b *Box) Start(ctx context.Context) error {
	if err := b.startRules(ctx); err != nil {
		return err
	}
	raw, err := b.cfg.Outbox.Get(ctx, "config")
	if err != nil || raw == "" {
		return err
	}
	var c edge.Config
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		return ot.Errorf(ot.Damaged, "the edge's kept configuration cannot be read: %w", err)
	}
	b.apply(ctx, c)
	return nil
}

// Run talks to the centre until ctx ends: a hello every few seconds, and whatever
// waits, in its order.
func (b *Box) Run(ctx context.Context) error {
	var g errgroup.Group
	defer func() { _ = g.Wait() }() // it has no error to give
	g.Go(func() error { b.wait(ctx); return nil })
	wait := waitFirst
	clean := time.Now()
	for {
		err := b.round(ctx)
		if ctx.Err() != nil {
			return nil
		}
		b.note(err)
		pause := b.cfg.Every
		if err != nil {
			pause, wait = wait, min(2*wait, waitLast)
		} else {
			wait = waitFirst
		}
		if time.Since(clean) > time.Hour {
			clean = time.Now()
			if err := b.cfg.Outbox.Clean(ctx, Keep); err != nil && ctx.Err() == nil {
				b.log.Error("the outbox could not be cleaned", "error", err)
			}
		}
		if err == nil {
			err = b.stream(ctx, pause)
			if ctx.Err() != nil {
				return nil
			}
			b.note(err)
			if err == nil {
				continue
			}
			pause, wait = wait, min(2*wait, waitLast)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// note remembers how the connection is, and says what changed.
func (b *Box) note(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	why := ""
	if err != nil {
		why = err.Error()
	} else {
		b.contact = b.cfg.Outbox.Clock().Now()
	}
	if why == b.trouble {
		return
	}
	b.trouble = why
	_ = b.cfg.Outbox.Set(context.Background(), map[string]string{"trouble": ot.Printable(why)}) // only for status
	if err != nil {
		b.log.Warn("the centre is not reached; what is heard waits here", "why", ot.Printable(why))
		return
	}
	b.log.Info("the centre answers")
}

// Trouble says why the centre is not reached, empty if it is, and when it was last.
func (b *Box) Trouble() (string, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trouble, b.contact
}

// round is one hello.
func (b *Box) round(ctx context.Context) error {
	h, err := b.hello(ctx)
	if err != nil {
		return err
	}
	if raw, err := json.Marshal(h.Health); err == nil { // for skanse edge status, which asks the disk
		if err := b.cfg.Outbox.Set(ctx, map[string]string{"health": string(raw), "health_at": strconv.FormatInt(b.cfg.Outbox.Clock().Now().UnixMicro(), 10)}); err != nil {
			return err
		}
	}
	w, err := b.cfg.Link.Hello(ctx, h)
	if err != nil {
		return err
	}
	if w.Proof == nil && h.Witness > 0 {
		w.Proof = &edge.Proof{} // a centre that proves nothing any more has something to hide
	}
	return b.Welcome(ctx, w)
}

func (b *Box) hello(ctx context.Context) (edge.Hello, error) {
	oldest, newest, _, epoch, err := b.cfg.Outbox.Position(ctx)
	if err != nil {
		return edge.Hello{}, err
	}
	size, err := b.cfg.Outbox.witnessed(ctx)
	if err != nil {
		return edge.Hello{}, err
	}
	health, err := b.Health(ctx)
	if err != nil {
		return edge.Hello{}, err
	}
	boot := b.cfg.Outbox.Boot()
	b.mu.Lock()
	defer b.mu.Unlock()
	// The machine's own clock, not the mended one: the centre shall see how wrong it is.
	return edge.Hello{
		Sent: b.cfg.Outbox.Clock().Wall().UnixMicro(), BootNo: boot.No, Boot: boot.Nonce, Epoch: epoch.String(), Oldest: oldest, Newest: newest, Health: health,
		Config: b.applied, Failed: b.failed, Error: b.why, Witness: size,
	}, nil
}

// Health is the edge's, with its queue and what it knows of the centre's audit log.
func (b *Box) Health(ctx context.Context) (edge.Health, error) {
	h := edge.Health{Ports: []edge.Port{}, Can: []edge.Capability{}}
	if b.cfg.Health != nil {
		h = b.cfg.Health(ctx)
	}
	b.mu.Lock()
	now, spent := time.Now(), cpu()
	if d := now.Sub(b.looked).Seconds(); d > 0.1 {
		h.CPU = max(0, spent-b.spent) / d
		b.looked, b.spent = now, spent
	}
	b.mu.Unlock()
	h.UptimeS = int64(now.Sub(b.began).Seconds())
	var err error
	if h.Queue, err = b.cfg.Outbox.Queue(ctx); err != nil {
		return h, err
	}
	b.mu.Lock()
	h.Rules.Failed, h.Rules.Error = b.norules, b.whyno
	b.mu.Unlock()
	h.Witness, err = b.cfg.Outbox.Alarm(ctx)
	return h, err
}

// Welcome takes what the centre says, by connection or by file.
func (b *Box) Welcome(ctx context.Context, w edge.Welcome) error {
	if w.Now != 0 {
		floor := b.cfg.Outbox.Clock().Heard(time.UnixMicro(w.Now))
		if err := b.cfg.Outbox.Set(ctx, map[string]string{"floor": strconv.FormatInt(floor.UnixMicro(), 10), "contact": strconv.FormatInt(w.Now, 10)}); err != nil {
			return err
		}
	}
	if w.Proof != nil {
		if err := b.cfg.Outbox.Witness(ctx, w.Proof); err != nil {
			b.log.Error("the centre's audit log is not the one that this edge saw before", "why", err)
		}
	}
	if w.Rechain {
		b.log.Warn("the centre asks for a new chain; what waits is sent again")
		b.Hurry()
		return b.cfg.Outbox.Rechain(ctx)
	}
	if w.Received >= 0 {
		if err := b.cfg.Outbox.Acked(ctx, w.Received); err != nil {
			return err
		}
	}
	if w.Rules != nil { // first: a new interface is then heard with them at once
		if err := b.takeRules(ctx, w.Rules); err != nil {
			return err
		}
	}
	if w.Config != nil {
		if err := b.configure(ctx, w.Config); err != nil {
			return err
		}
	}
	return b.answer(ctx, w.Orders)
}

// signed is what the centre said to this edge, if it did.
func (b *Box) signed(s *edge.Signed, what string) ([]byte, error) {
	if b.cfg.Key == nil {
		return s.Body, nil
	}
	return s.Verify(b.cfg.Key(), what+" "+b.cfg.Outbox.ID().String())
}

// configure takes a configuration that the centre signed.
func (b *Box) configure(ctx context.Context, s *edge.Signed) error {
	body, err := b.signed(s, "config")
	if err != nil {
		return err
	}
	var c edge.Config
	if err := json.Unmarshal(body, &c); err != nil {
		return ot.Errorf(ot.Invalid, "the centre's configuration cannot be read: %w", err)
	}
	b.mu.Lock()
	old := b.applied
	b.mu.Unlock()
	if c.Version <= old {
		return nil // an old one that was replayed
	}
	if b.apply(ctx, c) {
		if err := b.cfg.Outbox.Set(ctx, map[string]string{"config": string(body)}); err != nil {
			return err
		}
	}
	b.Hurry()
	return nil
}

func (b *Box) apply(ctx context.Context, c edge.Config) bool {
	err := b.cfg.Outbox.SetBudget(ctx, c.OutboxBytes)
	if err == nil && b.cfg.Apply != nil {
		err = b.cfg.Apply(ctx, c)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.failed, b.why = c.Version, ot.Printable(err.Error())
		b.log.Error("a configuration could not be applied; the one before it stays", "version", c.Version, "error", err)
		return false
	}
	b.applied, b.failed, b.why = c.Version, 0, ""
	b.log.Info("configured", "version", c.Version, "interfaces", len(c.Interfaces))
	return true
}

// Hurry makes the next hello come now.
func (b *Box) Hurry() {
	select {
	case b.hurry <- struct{}{}:
	default:
	}
}

// stream sends what waits, and then what comes, until it is time for the next hello.
func (b *Box) stream(ctx context.Context, until time.Duration) error {
	end := time.NewTimer(until)
	defer end.Stop()
	for {
		if err := b.drain(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-end.C:
			return nil
		case <-b.hurry:
			return nil
		case <-b.cfg.Outbox.Wake():
		}
	}
}

// drain sends until nothing waits.
func (b *Box) drain(ctx context.Context) error {
	_, newest, acked, _, err := b.cfg.Outbox.Position(ctx)
	if err != nil || acked >= newest {
		return err
	}
	began := time.Now()
	for ctx.Err() == nil && time.Since(began) < edge.HelloEvery {
		list, err := b.cfg.Outbox.Next(ctx, acked, b.cfg.Most)
		if err != nil || len(list) == 0 {
			return err
		}
		var raw []byte
		for i := range list {
			raw = list[i].Append(raw)
		}
		ack, err := b.cfg.Link.Send(ctx, b.cfg.Outbox.Clock().Wall().UnixMicro(), raw)
		if r, ok := errors.AsType[*Refused](err); ok && r.Reason == edge.ReasonGap {
			acked = r.Received
			if err := b.cfg.Outbox.Acked(ctx, acked); err != nil {
				return err
			}
			if have, err := b.cfg.Outbox.Next(ctx, acked, 1); err != nil || len(have) == 0 || have[0].Seq != acked+1 {
				b.Hurry() // the hello says what is gone
				return err
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("send %d batches: %w", len(list), err)
		}
		if ack.Received <= acked && ack.Received < list[len(list)-1].Seq {
			return ot.Errorf(ot.Internal, "the centre confirmed batch %d after batch %d was sent", ack.Received, list[len(list)-1].Seq)
		}
		acked = ack.Received
		if err := b.cfg.Outbox.Acked(ctx, acked); err != nil {
			return err
		}
	}
	return nil
}

// Flush says hello and sends what waits, once, for a program that is about to end.
func (b *Box) Flush(ctx context.Context) error {
	if err := b.round(ctx); err != nil {
		return err
	}
	return b.drain(ctx)
}

// parseID is for what crossed as text.
func parseID(s string) (uuid.UUID, error) {
	id, err := uuid.Parse(s)
	if err != nil {
		return id, ot.Errorf(ot.Invalid, "%q is no id of an edge", ot.Printable(s))
	}
	return id, nil
}
