package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/live"
	"github.com/skanse/skanse/internal/sensor/ring"
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
	log   *slog.Logger
	cfg   func() sensor.Config                         // asked anew each time that an interface is opened
	emit  func(context.Context, *sensor.Summary) error // keeps a summary; what it returned from survives a crash
	guard *portGuard                                   // makes ports silent; nil: they are taken as they are
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
		if errors.Is(err, errSettings) {
			log.Info("listening anew: the settings were changed")
			continue
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
	var o live.Options
	var keep *ring.Ring
	var changed <-chan struct{}
	if e.listening != nil {
		var err error
		if o, keep, changed, err = e.listening.ready(ctx); err != nil {
			return err
		}
	}
	if err := s.silence(e); err != nil {
		return err
	}
	heard, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	src, err := live.Open(heard, e.iface, o)
	if err != nil {
		return err
	}
	defer src.Close()
	opened()
	cfg := s.cfg()
	if keep != nil {
		cfg.Keep = keep
	}
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
	g.Go(func() error {
		select {
		case <-changed:
			stop(errSettings)
		case <-heard.Done():
		}
		return nil
	})
	if keep != nil {
		g.Go(func() error { e.listening.follow(heard, keep); return nil })
	}
	// The source itself ends with ctx, so that the last summary is still given.
	err = sensor.Run(context.WithoutCancel(ctx), src, cfg, func(sum *sensor.Summary) error {
		lost = sum.Health.Cut
		waiting <- sum
		return nil
	})
	close(waiting)
	why := context.Cause(heard)
	stop(nil)
	_ = g.Wait() // it has no error to give
	if err == nil && errors.Is(why, errSettings) {
		return errSettings
	}
	if err == nil && lost != "" {
		err = errors.New(lost)
	}
	return err
}

// errSettings ends a source because it shall listen otherwise.
var errSettings = errors.New("the settings were changed")

// silence makes the port silent before it is opened, each time: one that was away
// comes back as the machine's network software makes it. A port that could not be
// silenced is listened to all the same, and its sentences say so; one that has an
// address of its own is not.
func (s hearing) silence(e ear) error {
	changed, err := s.guard.silence(e.iface, e.addressed)
	switch {
	case ot.CodeOf(err) == ot.Conflict:
		return err
	case err != nil && ot.CodeOf(err) != ot.NotFound:
		s.log.Warn("a capture port is not silent", "interface", e.iface, "why", err)
	case len(changed) > 0:
		s.log.Info("a capture port was made silent", "interface", e.iface, "changed", changed)
	}
	return nil
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
