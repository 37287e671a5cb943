package app

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/skanse/skanse/internal/api"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/demo"
	"github.com/skanse/skanse/internal/sensor"
	"golang.org/x/sync/errgroup"
)

// DemoCmd serves an example company.
type DemoCmd struct {
	ListenFlag `embed:""`
	LogFlags   `embed:""`
	Data       string `type:"path" help:"Keep the example in this folder; left out: a temporary one that goes at the end."`
	Days       int    `default:"42" help:"Days of the past to play."`
}

// Help shows the command at work.
func (c *DemoCmd) Help() string {
	return `Four sites, about a hundred devices, six weeks of traffic with a story, then on in
real time. Whoever opens the page is the administrator, so it listens on this
machine only unless told otherwise.

Example:
  skanse demo
  skanse demo --listen 127.0.0.1:9000
  skanse demo --syslog 5514=Aarhus`
}

// Run plays the past and serves.
func (c *DemoCmd) Run(env *Env) error {
	folder := Folder(c.Data)
	if c.Data == "" {
		t, err := tempFolder()
		if err != nil {
			return err
		}
		defer t.remove()
		folder = t.Folder
	}
	clock := &playClock{}
	s, err := openServer(env.Ctx, serverOptions{Data: folder, URL: folder.database(), Demo: true, LogsQuota: c.LogsQuota, Clock: clock.Now}, newLog(env))
	if err != nil {
		return err
	}
	defer s.close()
	l, err := listenTCP(env.Ctx, c.Listen, c.TLSCert, c.TLSKey)
	if err != nil {
		return err
	}
	defer l.Close()
	company := demo.NewCompany()
	began := time.Now()
	present := began.Truncate(time.Second)
	if err := company.Seed(env.Ctx, s.db, s.org); err != nil {
		return err
	}
	if err := s.hire(env.Ctx, company); err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "Playing %d days at %s: %d sites, %d devices …\n", c.Days, company.Name, len(company.Sites), company.Assets())
	stage := demo.Stage{
		Sensor: s.sensing(),
		Apply: func(ctx context.Context, d sensor.Delivery, sum *sensor.Summary) error {
			_, err := s.ingest.take(ctx, d, sum)
			return err
		},
		Judge: func(ctx context.Context, now time.Time) error {
			_, err := s.comply.Evaluate(ctx, now)
			return err
		},
		Tick:     clock.set,
		Desk:     desk{s},
		Progress: func(done float64) { fmt.Fprintf(env.Stderr, "\r%3.0f %%  ", 100*done) },
	}
	if err := company.History(env.Ctx, present.AddDate(0, 0, -c.Days), present, stage); err != nil {
		return err
	}
	if err := s.logDemo(env.Ctx, company, present.AddDate(0, 0, -c.Days), present); err != nil {
		return err
	}
	if err := s.performance.WatchAt(env.Ctx, present); err != nil {
		return err
	}
	clock.set(time.Time{})
	if err := s.takeExamples(env.Ctx); err != nil {
		return err
	}
	fmt.Fprintf(env.Stdout, "\rSkanse %s shows %s at %s (played in %.1f s). Press Ctrl C to end.\n", Version, company.Name, c.address(l), time.Since(began).Seconds())
	lines, err := s.logInlets(env.Ctx, c.LogFlags, c.ListenFlag)
	if err != nil {
		return err
	}
	visitor := auth.System()
	visitor.Name = "Demo visitor"
	g, ctx := errgroup.WithContext(env.Ctx)
	s.serveLogs(ctx, g, lines)
	g.Go(func() error { return s.work(ctx) })
	g.Go(func() error { return company.Live(ctx, present, stage) })
	g.Go(func() error { return s.logLive(ctx, company) })
	g.Go(func() error { return serveHTTP(ctx, l, api.Handler(s.router(&visitor)), s.log) })
	return g.Wait()
}

// playClock is the demo's clock while it plays the past, then the machine's.
type playClock struct{ at atomic.Int64 }

func (c *playClock) set(t time.Time) {
	if t.IsZero() {
		c.at.Store(0)
		return
	}
	c.at.Store(t.UnixNano())
}

// Now is the time by the demo's clock.
func (c *playClock) Now() time.Time {
	if at := c.at.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Now()
}
