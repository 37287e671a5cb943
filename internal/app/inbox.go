package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/view"
)

// openInbox makes the people's side of the inbox, and the page of what happened since.
func (s *server) openInbox() {
	s.digest = view.NewDigest(s.db, s.comply, s.opts.Clock)
	s.inbox = inbox.New(s.db, inbox.Config{Clock: s.opts.Clock, Picture: s.shiftPicture})
}

// inboxJobs look anew at what no transaction tells of: time that passes.
func (s *server) inboxJobs() []job.Job {
	return []job.Job{
		{Name: "inbox-escalate", Every: time.Minute, Do: s.inbox.Escalate},
		{Name: "newcomers", Every: time.Minute, Do: s.assets.Watch},
		{Name: "silent-sources", Every: time.Minute, Do: func(ctx context.Context) error { return s.network.WatchSources(ctx, s.now()) }},
		{Name: "ending", Every: time.Hour, Do: s.askEnding},
	}
}

// askEnding asks somebody to renew what ends within 14 days.
func (s *server) askEnding(ctx context.Context) error {
	items, err := s.digest.Ending(ctx)
	if err != nil {
		return fmt.Errorf("look for what ends soon: %w", err)
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		return inbox.Keep(ctx, tx, s.now(), "ending:", "renewed, or over", items)
	})
}

// shiftPicture is what a shift's paper shows: what happened, what waits, who is on call.
func (s *server) shiftPicture(ctx context.Context, scope auth.Scope, siteID string, from, to time.Time) (json.RawMessage, error) {
	p := auth.System()
	p.Scope = scope
	since, err := s.digest.Since(ctx, p, view.SinceFilter{Since: from.UTC().Format(time.RFC3339Nano), To: to, Site: siteID})
	if err != nil {
		return nil, err
	}
	since.SignIns = view.Part[view.SignIn]{Items: []view.SignIn{}} // not the shift's business
	waits, err := s.inbox.List(ctx, p, inbox.Filter{Whose: "all", Site: siteID, Limit: 50})
	if err != nil {
		return nil, err
	}
	rota, err := s.inbox.Rota(ctx, scope, siteID, 2)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]any{"since": since, "inbox": waits.Items, "on_call": rota.OnCall, "gaps": rota.Gaps})
}

// now is the time of what people and the plant do: the demo plays its past by a clock of its own.
func (s *server) now() time.Time {
	if s.opts.Clock != nil {
		return s.opts.Clock()
	}
	return time.Now()
}
