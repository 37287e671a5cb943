package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/wire"
	"golang.org/x/sync/errgroup"
)

// outlet is where what a machine hears goes: into the outbox of its edge, whether
// the centre is in the same process or behind a diode.
type outlet struct{ outbox *box.Outbox }

// emit keeps a summary. When it returns the summary is on disk and will arrive, once.
// It is the emit of sensor.Run.
func (o outlet) emit(ctx context.Context, sum *sensor.Summary) error {
	sum.Move(o.outbox.Clock().Mend(sum.To))
	var list []edge.Message
	for _, part := range wire.Split(sum) {
		list = append(list, edge.Message{Kind: kindSummary, Body: wire.Encode(part)})
	}
	return o.outbox.Append(ctx, list...)
}

// reduce is what may go of a message when the outbox is full.
func reduce(kind string, raw []byte) (core []byte, left int, ok bool) {
	if kind != kindSummary {
		return nil, 0, false
	}
	sum, err := wire.Decode(raw)
	if err != nil {
		return nil, 0, false
	}
	small, left := wire.Core(sum)
	return wire.Encode(small), left, true
}

// localEdge is the edge inside this process. It speaks to the centre by the same
// messages as one at a distant site, and keeps its own outbox: what it heard
// survives whatever happens to the database.
type localEdge struct {
	outlet
	box *box.Box
}

// openLocalEdge makes the edge of this machine, which hears these places.
func (s *server) openLocalEdge(ctx context.Context, host string, sensors []centre.Local) (*localEdge, error) {
	dir := s.opts.Data.join("edge")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, ot.Errorf(ot.Invalid, "make the folder of this machine's own sensor: %w", err)
	}
	outbox, err := box.OpenOutbox(ctx, dir, reduce, time.Now)
	if err != nil {
		return nil, err
	}
	id := outbox.ID()
	if id == uuid.Nil {
		id = uuid.Must(uuid.NewV7())
	}
	if err := s.edges.EnsureLocal(ctx, id.String(), host, sensors); err != nil {
		return nil, errors.Join(err, outbox.Close())
	}
	if err := outbox.Bind(ctx, id); err != nil {
		return nil, errors.Join(err, outbox.Close())
	}
	l := &localEdge{outlet: outlet{outbox}}
	l.box = box.New(box.Config{
		Outbox: outbox, Log: s.log.With("edge", host), Link: inProcess{s.edges, id.String()},
		Health: func(context.Context) edge.Health {
			h := machine(host, dir)
			h.Rules = s.runningRules()
			return h
		},
	})
	return l, nil
}

// listen runs the ears and the edge that they speak through, until ctx ends; what
// was heard last is then delivered.
func (s *server) listen(ctx context.Context, l *localEdge, ears []ear) error {
	defer func() { _ = l.outbox.Close() }()
	late := context.WithoutCancel(ctx)
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.box.Run(gctx) })
	s.hearRules(ears)
	for _, e := range ears {
		g.Go(func() error {
			return hearing{s.log, s.sensing, l.emit, s.guard}.sense(gctx, e)
		})
	}
	err := g.Wait()
	s.endListening(ears)
	late, cancel := context.WithTimeout(late, shutdownGrace)
	defer cancel()
	if ferr := l.box.Flush(late); ferr != nil {
		s.log.Warn("what was heard last waits for the next start", "why", ferr)
	}
	s.edges.Drain(late, shutdownGrace)
	return err
}

// inProcess is the way to a centre in the same process: the same handlers, without the network.
type inProcess struct {
	centre *centre.Service
	id     string
}

// Hello implements box.Link.
func (p inProcess) Hello(ctx context.Context, h edge.Hello) (edge.Welcome, error) {
	w, err := p.centre.Hello(ctx, p.id, centre.ViaProcess, h)
	return w, refused(err)
}

// Send implements box.Link.
func (p inProcess) Send(ctx context.Context, sent int64, batches []byte) (edge.Ack, error) {
	ack, err := p.centre.Receive(ctx, centre.Delivery{EdgeID: p.id, Via: centre.ViaProcess, Sent: sent, Raw: batches})
	return ack, refused(err)
}

func refused(err error) error {
	if r, ok := errors.AsType[*centre.Refusal](err); ok {
		return &box.Refused{Problem: r.Problem}
	}
	return err
}

// machine says how this machine and program are.
func machine(host, dir string) edge.Health {
	h := box.Machine(filepath.Clean(dir))
	h.Version, h.Host = Version, host
	return h
}
