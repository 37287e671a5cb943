package detect

import (
	"context"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// NoteRules keeps since when the set that runs is known here, and which techniques its
// rules show: checks judge by both.
func (s *Service) NoteRules(ctx context.Context) error {
	type version struct {
		Version string `db:"version"`
		At      int64  `db:"at"`
	}
	type shows struct {
		Rule      string `db:"rule"`
		Technique string `db:"technique"`
	}
	set := s.Rules()
	var rows []shows
	for _, r := range set.All() {
		rows = append(rows, shows{r.ID, r.Technique})
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if err := store.Upsert(ctx, tx, "detect_ruleset", []version{{set.Version(), s.now().UnixMicro()}}, []string{"version"}, nil); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "detect_rule", rows, []string{"rule"}, []string{"technique"}); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAlert})
	})
}
