package care

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Problem is something about the installation that a person must look at.
type Problem struct {
	ID     string `json:"id"` // "disk", "snapshot": stays the same while the problem does
	Urgent bool   `json:"urgent"`
	Title  string `json:"title" say:"true"`
	Detail string `json:"detail" doc:"What to do" say:"true"`
}

// The limits. Each is a round number that a person can remember.
const (
	diskLow     = 0.10                // of the disk
	diskSoon    = 30.0                // days
	behindLong  = 15 * time.Minute    // a consumer of events
	jobLate     = 10 * time.Minute    // behind its turn
	jobGone     = 30 * 24 * time.Hour // a job that this version does not have any more
	snapshotOld = 48 * time.Hour
	slowWrite   = 500.0 // ms
	clockBack   = time.Minute
)

func memoryLimit() int64 { return debug.SetMemoryLimit(-1) } // a negative number only asks

// problems judges what Look measured.
func (s *Service) problems(ctx context.Context, at System) ([]Problem, error) {
	out := judge(at)
	if back := s.cfg.LastTime().Sub(s.cfg.Clock()); back > clockBack {
		out = append(out, Problem{
			"clock", true, "The clock of this machine was set back",
			fmt.Sprintf("Skanse has acted on a time that is %s ahead of the clock. Set the clock right (NTP); sign-ins and links stay ended.", back.Round(time.Second)),
		})
	}
	if built, ok := builtAt(); ok && at.Now.Before(built.Add(-24*time.Hour)) {
		out = append(out, Problem{"clock", true, "The clock of this machine is wrong", "It shows a time before this program was built. Set the clock right (NTP)."})
	}
	plan, err := s.Plan(ctx)
	if err != nil {
		return nil, err
	}
	out = append(out, snapshotProblems(plan, at)...)
	for _, check := range s.cfg.Checks {
		more, err := check(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	slices.SortStableFunc(out, func(a, b Problem) int {
		switch {
		case a.Urgent == b.Urgent:
			return 0
		case a.Urgent:
			return -1
		}
		return 1
	})
	return slices.CompactFunc(out, func(a, b Problem) bool { return a.ID == b.ID }), nil
}

// judge is what can be said from the figures alone.
func judge(at System) []Problem {
	out := []Problem{}
	if at.Disk.Known && float64(at.Disk.Free) < diskLow*float64(at.Disk.Size) {
		out = append(out, Problem{"disk", true, "The disk is nearly full", fmt.Sprintf("%.1f GB of %.1f GB are left. Make room, or let Skanse keep less (Settings, This installation).", float64(at.Disk.Free)/1e9, float64(at.Disk.Size)/1e9)})
	} else if at.FullInDays != nil && *at.FullInDays < diskSoon {
		out = append(out, Problem{"disk", false, fmt.Sprintf("The disk is full in about %.0f days", *at.FullInDays), "Give it more room, or let Skanse keep less (Settings, This installation)."})
	}
	if at.Database.WriteMS > slowWrite {
		out = append(out, Problem{"slow", false, "The disk is slow", fmt.Sprintf("A small change took %.0f ms until it was safe. Look at what else uses the disk, and at its health.", at.Database.WriteMS)})
	}
	for _, q := range at.Queues {
		if !q.OldestAt.IsZero() && at.Now.Sub(q.OldestAt.Time) > behindLong && at.Now.Sub(at.StartedAt) > behindLong {
			out = append(out, Problem{"queue." + q.Name, false, fmt.Sprintf("Events wait: %s is behind", q.Name), fmt.Sprintf("%d events, the oldest of %s. The log says why.", q.Behind, q.OldestAt.Format("2006-01-02 15:04 UTC"))})
		}
	}
	for _, j := range at.Jobs {
		switch {
		case j.Error != "" && j.Name != "snapshot": // which has a problem of its own
			out = append(out, Problem{"job." + j.Name, false, "A scheduled job fails: " + j.Name, ot.Printable(j.Error)})
		case !j.Running && at.Now.Sub(j.NextAt.Time) > jobLate && at.Now.Sub(j.NextAt.Time) < jobGone && at.Now.Sub(at.StartedAt) > jobLate:
			out = append(out, Problem{"job." + j.Name, false, "A scheduled job does not run: " + j.Name, "It was due at " + j.NextAt.Format("2006-01-02 15:04 UTC") + ". The log says why."})
		}
	}
	return out
}

func snapshotProblems(plan Plan, at System) []Problem {
	switch {
	case !plan.On:
		return []Problem{{"snapshot", false, "No snapshots are made", "If this machine breaks, everything is lost. Say where snapshots go (Settings, This installation)."}}
	case at.Snapshot != nil && at.Snapshot.Error != "":
		return []Problem{{"snapshot", true, "The last snapshot failed", at.Snapshot.Error}}
	case at.Whole == nil && at.Now.Sub(at.StartedAt) > snapshotOld, at.Whole != nil && at.Now.Sub(at.Whole.At.Time) > snapshotOld:
		return []Problem{{"snapshot", true, "There is no fresh snapshot", "The newest that was tried and read back is older than two days."}}
	}
	return nil
}

// builtAt is when the sources of this program were committed.
func builtAt() (time.Time, bool) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}, false
	}
	for _, x := range info.Settings {
		if x.Key == "vcs.time" {
			t, err := time.Parse(time.RFC3339, x.Value)
			return t, err == nil
		}
	}
	return time.Time{}, false
}

// itemKind is what the inbox calls a problem of the installation.
const itemKind = "installation"

// Check looks at the installation, times a small write, and brings its problems to the
// administrators' inbox; what is over is answered there.
func (s *Service) Check(ctx context.Context) error {
	began := time.Now()
	err := s.db.Update(ctx, func(tx *store.Tx) error { return set(ctx, tx, s.now(), "self-check", "system", s.now()) })
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.writeMS = float64(time.Since(began).Microseconds()) / 1000
	s.mu.Unlock()
	at, err := s.Look(ctx)
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		// An item of the whole installation hangs on its first company.
		entities, err := store.All[string](ctx, tx, "SELECT entity_id FROM org_entity ORDER BY entity_id LIMIT 1")
		if err != nil || len(entities) == 0 {
			return err // nobody is there yet to be asked
		}
		type open struct {
			Key    string `db:"item_key"`
			Title  string `db:"title"`
			Detail string `db:"detail"`
		}
		rows, err := store.All[open](ctx, tx, "SELECT item_key, title, detail FROM inbox_item WHERE kind = ? AND done_at IS NULL", itemKind)
		if err != nil {
			return err
		}
		asked := map[string]open{}
		for _, o := range rows {
			asked[o.Key] = o
		}
		for _, p := range at.Problems {
			key := itemKind + ":" + p.ID
			o, there := asked[key]
			delete(asked, key)
			if there && o.Title == p.Title && (o.Detail == p.Detail || !p.Urgent) {
				continue // the same question is not asked twice
			}
			severity := inbox.ThisWeek
			if p.Urgent {
				severity = inbox.Today
			}
			err := inbox.Put(ctx, tx, s.now(), inbox.Item{
				Key: key, Kind: itemKind, EntityID: entities[0], Role: auth.Administrator, Severity: severity,
				Title: p.Title, Detail: p.Detail, Ref: ot.Ref{Kind: "installation", ID: p.ID}, Action: "look",
			})
			if err != nil {
				return err
			}
		}
		for key := range asked {
			if !strings.HasPrefix(key, itemKind+":") {
				continue
			}
			if err := inbox.Done(ctx, tx, s.now(), "", "over", key); err != nil {
				return err
			}
		}
		return nil
	})
}
