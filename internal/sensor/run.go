package sensor

import (
	"context"
	"errors"
	"hash/maphash"
	"io"
	"time"

	"github.com/skanse/skanse/internal/dissect"
)

// Run reads a source to its end and hands out summaries: one an interval of
// packet time, and one at the end with Last set. It blocks until done. A
// source that ends inside a packet is no error of Run: Health.Cut says so. When
// ctx ends, Run stops between two packets and returns its error; what was
// emitted stays good.
func Run(ctx context.Context, src Source, cfg Config, emit func(*Summary) error) error {
	e := newEngine(&cfg)
	if cfg.Shards > 1 && cfg.Keep == nil {
		stop := e.start(min(cfg.Shards, lanes))
		defer stop()
	}
	var p Packet
	for n := 0; ; n++ {
		if n&1023 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		err := src.Next(&p)
		if err != nil && !errors.Is(err, ErrIdle) {
			return e.end(src, err, emit)
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if e.idle(p.At) {
				if err := e.flush(src, emit, "", false); err != nil {
					return err
				}
			}
			continue
		}
		if e.due(p.At) {
			if err := e.flush(src, emit, "", false); err != nil {
				return err
			}
		}
		e.take(&p)
	}
}

// engine is one run: lanes, the goroutines that serve them, and what the
// reader counts itself.
type engine struct {
	cfg    *Config
	lanes  []*lane
	merger merger
	work   *workers // nil: the caller's goroutine does everything
	walk   walker   // of the caller's goroutine
	mirror *mirror  // of a live source

	health   Health // of all packets
	from, to int64
	next     int64 // packet time of the next summary
	before   SourceStats
}

func newEngine(cfg *Config) *engine {
	if cfg.Protocols == nil {
		cfg.Protocols = &dissect.Set{}
	}
	h := newHints(cfg.Protocols)
	e := &engine{cfg: cfg}
	if cfg.Live {
		e.mirror = &mirror{}
	}
	e.merger = merger{cfg: cfg, hints: h, budget: cfg.Budget.filled(), told: map[uint64]struct{}{}, kept: map[string]struct{}{}}
	// The seed keeps others from choosing colliding flows; results do not depend on it.
	seed := maphash.MakeSeed()
	for range lanes {
		l := newLane(cfg, h, maphash.Comparable(seed, 1), seed)
		e.lanes = append(e.lanes, l)
	}
	e.walk = newWalker(e.lanes, func(int) bool { return true })
	for _, l := range e.lanes {
		l.frame = &e.walk.frame
	}
	return e
}

// take counts a packet and gives it to its lane.
func (e *engine) take(p *Packet) {
	e.health.Packets++
	e.health.Bytes += uint64(p.Wire)
	if p.Wire > len(p.Data) {
		e.health.Truncated++
	}
	if e.from == 0 || p.At < e.from {
		e.from = p.At
	}
	e.to = max(e.to, p.At)
	if e.work != nil {
		e.work.take(p)
		return
	}
	q, l := e.walk.take(p, e.mirror)
	e.store(p, q, l)
}

// store gives a packet to the Keeper as the lane decided that saw the innermost of it.
func (e *engine) store(p, q *Packet, l *lane) {
	switch {
	case e.cfg.Keep == nil:
	case l != nil && !q.joined:
		l.store(p, cap(p.Data)-cap(q.Data))
	default:
		e.cfg.Keep.Keep(p, min(len(p.Data), unparsedHead), KeptUnparsed)
	}
}

// unparsedHead is how much is kept of a frame that cannot be taken apart.
const unparsedHead = 64

// due says that a packet of that time belongs to the next interval.
func (e *engine) due(at int64) bool {
	if e.cfg.Interval <= 0 {
		return false
	}
	if e.next == 0 {
		e.next = at + e.cfg.Interval
	}
	if e.cfg.Live && at < e.next-2*e.cfg.Interval {
		// The clock was set back. To wait until it has caught up would be to
		// fall silent for as long as the step was.
		e.from, e.to, e.next = at, at, at
	}
	return at >= e.next
}

// idle notes that nothing came until then, and says whether a summary is due all the same.
func (e *engine) idle(at int64) bool {
	if e.from == 0 {
		e.from = at
	}
	due := e.due(at)
	e.to = max(e.to, at)
	return due
}

func (e *engine) flush(src Source, emit func(*Summary) error, cut string, last bool) error {
	if e.work != nil {
		e.work.wait()
	}
	if last {
		for _, l := range e.lanes {
			l.flows.all(l.finish)
			l.flows.all(func(fl *flow) { l.endTransfers(fl, false) })
		}
	}
	s := e.merger.summary(e.lanes, last)
	s.From, s.To, s.Last = e.from, e.to, last
	s.Sent = time.Now().UnixNano()
	s.Health.Packets, s.Health.Bytes = e.health.Packets, e.health.Bytes
	s.Health.Truncated = e.health.Truncated
	e.walker().tell(&s.Health)
	now := src.Stats()
	s.Health.Dropped = now.Dropped - e.before.Dropped
	s.Health.Transmitted = now.Transmitted - e.before.Transmitted
	s.Health.Cut = cut
	if e.mirror != nil {
		m := e.mirror.tell(e.lanes)
		m.TCP, m.OneSided = e.merger.tcp, e.merger.oneSided
		s.Health.Mirror = m
	}
	if p, ok := src.(ported); ok {
		s.Health.Port = p.Port()
	}
	if e.cfg.Keep != nil {
		s.Health.Ring = e.cfg.Keep.State()
	}
	e.before = now
	e.health = Health{}
	e.from = e.to
	if e.next != 0 { // over a pause, the intervals without packets are not told
		e.next += e.cfg.Interval
		if e.to >= e.next {
			e.next = e.to + e.cfg.Interval
		}
	}
	return emit(s)
}

// end flushes the last summary, unless the source could not be read at all.
func (e *engine) end(src Source, err error, emit func(*Summary) error) error {
	var cut *CutError
	switch {
	case errors.Is(err, io.EOF):
		return e.flush(src, emit, "", true)
	case errors.As(err, &cut):
		return e.flush(src, emit, cut.Error(), true)
	case e.health.Packets > 0 || e.merger.seq > 0: // damage in the middle: what came before is good
		if ferr := e.flush(src, emit, err.Error(), true); ferr != nil {
			return ferr
		}
		return nil
	}
	return err
}
