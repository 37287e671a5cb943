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
		{Name: "inbox-escalate", Every: time.Minute, Do: func(ctx context.Context) error { return s.inbox.Escalate(ctx) }},
	}
}
