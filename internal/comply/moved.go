package comply

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/store"
)

// Move is a level or a state that is not what it was.
type Move struct {
	SiteID      string `json:"site_id" doc:"Empty: the company's"`
	Site        string `json:"site"`
	Requirement string `json:"requirement"`
	Title       string `json:"title"`
	Before      Cell   `json:"before"`
	After       Cell   `json:"after"`
	Key         bool   `json:"key"`
	Worse       bool   `json:"worse"`
}

// Moved lists the requirements whose level or state differs from what it was on the
// day of from: what got worse first, contradictions before all. Levels are kept by
// the day, so a move within one day, there and back, is in the evidence only.
func (s *Service) Moved(ctx context.Context, scope auth.Scope, from time.Time) ([]Move, error) {
	out := []Move{}
	err := s.db.View(ctx, func(r store.Reader) error {
		now, err := s.load(ctx, r, scope, 0)
		if err != nil {
			return err
		}
		then, err := s.load(ctx, r, scope, dayOf(from))
		if err != nil || len(then.levels) == 0 {
			return err // nothing was judged then: all would be new
		}
		names := map[int64]site{}
		for _, x := range now.sites {
			names[x.No] = x
		}
		for u, l := range now.levels {
			q, ok := s.cat.Requirement(u.Requirement)
			old, known := then.levels[u]
			if !ok || !known || q.AliasOf != "" || old.Level == l.Level && old.State == l.State {
				continue
			}
			x := names[u.SiteNo]
			m := Move{SiteID: x.ID, Site: x.Name, Requirement: q.ID, Title: q.Title, Before: old.cell(), After: l.cell(), Key: q.Key}
			m.Worse = stateRank(l.State) < stateRank(old.State) || stateRank(l.State) == stateRank(old.State) && l.Level < old.Level
			out = append(out, m)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Move) int {
		switch {
		case a.Worse != b.Worse:
			return worseFirst(a.Worse)
		case stateRank(a.After.State) != stateRank(b.After.State):
			return stateRank(a.After.State) - stateRank(b.After.State)
		case a.Requirement != b.Requirement:
			return strings.Compare(a.Requirement, b.Requirement)
		}
		return strings.Compare(a.Site, b.Site)
	})
	return out, err
}

func stateRank(s State) int { return slices.Index(stateOrder[:], s) }

func worseFirst(worse bool) int {
	if worse {
		return -1
	}
	return 1
}
