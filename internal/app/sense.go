package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/live"
	"golang.org/x/sync/errgroup"
)

const (
	senseInterval = 10 * time.Second
	// senseWaiting is how many summaries may wait for the database before the
	// sensor waits too, and the kernel counts what it loses.
	senseWaiting = 6
	retryFirst   = time.Second
	retryLast    = 30 * time.Second
	// deliverTries bounds the tries of a summary that the store does not take for
	// a reason of its own; a full disk or a busy database is waited for.
	deliverTries = 5
)

// hearing hears interfaces and gives what they say to emit: that of the server's
// own edge, or of an edge at a distant site. It knows neither site nor database.
type hearing struct {
	log  *slog.Logger
	cfg  sensor.Config
	emit func(context.Context, *sensor.Summary) error // keeps a summary; what it returned from survives a crash
}

// sense hears an interface until ctx ends. One that goes down, is unplugged or
// vanishes is said once and tried again; it never ends the server.
func (s hearing) sense(ctx context.Context, e ear) error {
	log := s.log.With("interface", e.iface)
	told, wait := "", retryFirst
	for {
		err := s.hear(ctx, e, func() {
			log.Info("listening", "sensor", e.delivery.Source)
			told, wait = "", retryFirst
		})
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = errors.New("the interface gave no reason")
		}
		if why := err.Error(); why != told {
			log.Error("nothing is heard; trying again until it works", "why", why)
			told = why
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait, retryLast)
	}
}

// hear runs the sensor over the interface once. Packets go on being read while
// the database is busy.
func (s hearing) hear(ctx context.Context, e ear, opened func()) error {
	src, err := live.Open(ctx, e.iface, live.Options{})
	if err != nil {
		return err
	}
	defer src.Close()
	opened()
	cfg := s.cfg
	cfg.Sensor, cfg.Epoch = e.delivery.Source, time.Now().UTC().Format(time.RFC3339Nano)
	cfg.Live, cfg.Interval = true, int64(e.every)
	var lost string
	var g errgroup.Group
	waiting := make(chan *sensor.Summary, senseWaiting)
	g.Go(func() error {
		for sum := range waiting {
			s.deliver(ctx, e, sum)
		}
		return nil
	})
	// The source itself ends with ctx, so that the last summary is still given.
	err = sensor.Run(context.WithoutCancel(ctx), src, cfg, func(sum *sensor.Summary) error {
		lost = sum.Health.Cut
		waiting <- sum
		return nil
	})
	close(waiting)
	_ = g.Wait() // it has no error to give
	if err == nil && lost != "" {
		err = errors.New(lost)
	}
	return err
}

// deliver gives a summary to the outbox, again and again while that cannot take it.
func (s hearing) deliver(ctx context.Context, e ear, sum *sensor.Summary) {
	wait := retryFirst
	for try := 1; ; try++ {
		at, cancel, last := ctx, context.CancelFunc(func() {}), ctx.Err() != nil
		if last {
			at, cancel = context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
		}
		err := s.emit(at, sum)
		cancel()
		if err == nil {
			return
		}
		patient := ot.CodeOf(err) == ot.Full || ot.CodeOf(err) == ot.Busy
		if last || try >= deliverTries && !patient {
			s.log.Error("what an interface heard is lost", "interface", e.iface, "from", time.Unix(0, sum.From), "to", time.Unix(0, sum.To), "error", err)
			return
		}
		if ctx.Err() == nil {
			s.log.Warn("what an interface heard cannot be kept yet", "interface", e.iface, "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, retryLast)
	}
}
