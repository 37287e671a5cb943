package app

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/job"
)

// openInbox makes the people's side of the inbox.
func (s *server) openInbox() {
	s.inbox = inbox.New(s.db, inbox.Config{Clock: s.opts.Clock})
}

// inboxJobs carry on what is overdue.
func (s *server) inboxJobs() []job.Job {
	return []job.Job{
		{Name: "inbox-escalate", Every: time.Minute, Do: s.inbox.Escalate},
		{Name: "newcomers", Every: time.Minute, Do: s.assets.Watch},
		{Name: "silent-sources", Every: time.Minute, Do: func(ctx context.Context) error { return s.network.WatchSources(ctx, s.now()) }},
	}
}

// now is the time of what people and the plant do: the demo plays its past by a clock of its own.
func (s *server) now() time.Time {
	if s.opts.Clock != nil {
		return s.opts.Clock()
	}
	return time.Now()
}
