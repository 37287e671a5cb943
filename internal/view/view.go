// Package view answers questions that need several slices at once: the map of
// a plant, search. It only reads, and owns no table.
package view

import (
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Service reads across slices.
type Service struct{ db *store.DB }

// New makes a Service.
func New(db *store.DB) *Service { return &Service{db: db} }

// Scope is what the asking person may see; auth.Scope is one.
type Scope interface {
	Where(siteCol, zoneCol string) ot.SQL
	Reach(siteCol string) ot.SQL // over org_site: sites that may be named
}
