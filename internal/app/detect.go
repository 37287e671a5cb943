package app

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/record/clamd"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/view"
)

// openDetect makes the slice that turns hits into alerts.
func (s *server) openDetect(ctx context.Context) error {
	raw, err := catalog.Files.ReadFile("detections/attack/techniques.yaml")
	if err != nil {
		return fmt.Errorf("read the techniques: %w", err)
	}
	techniques, err := detect.ReadTechniques(raw)
	if err != nil {
		return err
	}
	s.detect = detect.New(s.db, detect.Config{Rules: s.sensor.Rules, Names: s.sensor.Protocols, Plant: view.Watched{}, Catalogue: s.sensor.Protocols, Past: view.Past{}, Reload: s.reloadRules, Exceptions: true, Techniques: techniques, Clock: s.opts.Clock, Log: s.log})
	s.ingest.watch = s.detect
	scanner, err := clamd.New(s.opts.Clamd)
	if err != nil {
		return err
	}
	s.ingest.files = &fileScanner{clamd: scanner, log: s.log}
	s.sensor.Passing = s.passing
	return s.detect.LoadIndicators(ctx)
}

// tellDetect makes what the baseline and the conduits find alerts.
func (s *server) tellDetect() {
	s.baseline.Tell(s.detect)
	s.conduits.Tell(s.detect)
	s.performance.Tell(s.detect)
}

// detectJobs end what is over.
func (s *server) detectJobs() []job.Job {
	return []job.Job{
		{Name: "alerts-return", Every: time.Minute, Do: s.detect.Return},
		{Name: "indicators", Every: 15 * time.Minute, Do: s.detect.LoadIndicators}, // some end
	}
}

// watcher judges what a summary tells, in the transaction of the caller.
type watcher interface {
	TakeScanned(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary, scanned detect.Scanned) error
}
