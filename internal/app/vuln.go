package app

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/demo"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/view"
	"github.com/skanse/skanse/internal/vuln"
	"github.com/skanse/skanse/internal/vuln/match"
)

// openVuln makes the slice that matches assets with advisories.
func (s *server) openVuln() error {
	tables, err := match.Load(catalog.Files)
	if err != nil {
		return err
	}
	s.vuln = vuln.New(s.db, vuln.Config{Tables: tables, Inventory: view.Inventory{}, Clock: s.opts.Clock, Log: s.log})
	return nil
}

// vulnJobs match what changed. A sweep in which nothing did reads the inventory once.
func (s *server) vulnJobs() []job.Job {
	return []job.Job{{Name: "match-advisories", Every: 30 * time.Second, Do: func(ctx context.Context) error { return s.vuln.Sweep(ctx) }}}
}

// takeExamples gives the example company its advisories, and matches them.
func (s *server) takeExamples(ctx context.Context) error {
	docs, err := demo.Advisories()
	if err != nil {
		return err
	}
	t := s.vuln.Take("examples")
	for i, b := range docs {
		if err := t.Document(ctx, fmt.Sprintf("example-%d.json", i+1), b); err != nil {
			return err
		}
	}
	if _, err := t.Finish(ctx, "csaf", "Invented advisories of the example", "", "hand"); err != nil {
		return err
	}
	return s.vuln.Sweep(ctx)
}
