package notify

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

func (s *Service) pageRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "list-my-notices", Method: http.MethodGet, Path: "/notices/mine", Permission: auth.Self, Tag: tag, Summary: "What was sent to oneself, newest first"},
		func(ctx context.Context, in *struct {
			Unread bool   `query:"unread" doc:"Only what was not read and not answered"`
			Cursor string `query:"cursor" maxLength:"200"`
			Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"30"`
		},
		) (*one[rest.Page[Told]], error) {
			page, err := s.Mine(ctx, auth.From(ctx), in.Unread, in.Cursor, in.Limit)
			return &one[rest.Page[Told]]{page}, err
		})
	rest.Register(r, rest.Op{ID: "read-my-notices", Method: http.MethodPost, Path: "/notices/mine/read", Permission: auth.Self, Tag: tag, Audit: "notices.seen", Summary: "Keep the receipt that one has read them: those named, or all"},
		func(ctx context.Context, in *struct {
			Body struct {
				IDs []string `json:"ids,omitempty" maxItems:"200" doc:"Left out: all"`
			}
		},
		) (*one[Unread], error) {
			p := auth.From(ctx)
			if err := s.Read(ctx, p, in.Body.IDs); err != nil {
				return nil, err
			}
			u, err := s.Unread(ctx, p)
			return &one[Unread]{u}, err
		})
	r.Raw(rest.Op{ID: "follow-my-notices", Method: http.MethodGet, Path: "/notices/live", Permission: auth.Self, Tag: tag, Summary: "How many are unread, told by server-sent events whenever it changes (Accept: text/event-stream), with an event alerts whenever an alert that one may see is new or another; asked otherwise, told once"},
		http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if err := s.live(w, q); err != nil {
				r.Fail(w, q, err)
			}
		}))
}

const (
	liveFor   = 10 * time.Minute       // then the browser asks again, and whether it is signed in still
	liveAtMin = 400 * time.Millisecond // a busy plant commits all the time; an alert stands on the page within a second
	livePulse = 25 * time.Second       // proxies drop what is silent for a minute
	liveEach  = 12                     // streams of one person: tabs, a phone, a wall
)

// streams counts who listens, so that one person cannot hold every connection.
type streams struct {
	sync.Mutex
	open map[string]int
}

func (l *streams) enter(id string) bool {
	l.Lock()
	defer l.Unlock()
	if l.open == nil {
		l.open = map[string]int{}
	}
	if l.open[id] >= liveEach {
		return false
	}
	l.open[id]++
	return true
}

func (l *streams) leave(id string) {
	l.Lock()
	defer l.Unlock()
	if l.open[id]--; l.open[id] <= 0 {
		delete(l.open, id)
	}
}

// live tells the count now and at every change of it, until the client leaves, the server
// ends or the time is over. An error comes back only before the first byte.
func (s *Service) live(w http.ResponseWriter, q *http.Request) error {
	p := auth.From(q.Context())
	follow := strings.Contains(q.Header.Get("Accept"), "text/event-stream")
	if follow {
		who := p.UserID + "/" + p.TokenID
		if !s.listeners.enter(who) {
			return ot.Errorf(ot.TooMany, "you follow your notices from %d places already: close one", liveEach)
		}
		defer s.listeners.leave(who)
	}
	changed := s.db.Changed()
	last, err := s.Unread(q.Context(), p)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("X-Accel-Buffering", "no")      // a proxy passes each on at once
	h.Set("Content-Encoding", "identity") // and nobody waits for enough to compress
	flush := http.NewResponseController(w)
	tell := func(u Unread) error {
		b, err := json.Marshal(u)
		if err == nil {
			_, err = fmt.Fprintf(w, "event: unread\ndata: %s\n\n", b)
		}
		if err == nil {
			err = flush.Flush()
		}
		return err
	}
	if tell(last) != nil || !follow {
		return nil
	}
	heard, err := s.alertsAfter(q.Context(), p, -1)
	if err != nil {
		return nil // the browser asks again
	}
	end := time.NewTimer(liveFor)
	defer end.Stop()
	pulse := time.NewTicker(livePulse)
	defer pulse.Stop()
	for {
		select {
		case <-q.Context().Done():
			return nil
		case <-s.ended:
			return nil
		case <-end.C:
			return nil
		case <-pulse.C:
			if _, err := fmt.Fprint(w, ": here\n\n"); err != nil || flush.Flush() != nil {
				return nil
			}
			continue
		case <-changed:
		}
		select { // what comes together is told once
		case <-q.Context().Done():
			return nil
		case <-s.ended:
			return nil
		case <-time.After(liveAtMin):
		}
		changed = s.db.Changed()
		now, err := s.Unread(q.Context(), p)
		if err != nil {
			return nil // the browser asks again
		}
		if now != last {
			if last = now; tell(now) != nil {
				return nil
			}
		}
		was := heard
		if heard, err = s.alertsAfter(q.Context(), p, was.seq); err != nil {
			return nil
		}
		if heard.any {
			if _, err := fmt.Fprint(w, "event: alerts\ndata: {}\n\n"); err != nil || flush.Flush() != nil {
				return nil
			}
		}
	}
}

// alertNews says up to which event somebody was told, and whether one was of an alert.
type alertNews struct {
	seq int64
	any bool
}

// alertsAfter looks for changes of alerts that a person may see after an event; below 0: from now on.
func (s *Service) alertsAfter(ctx context.Context, p auth.Principal, seq int64) (out alertNews, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		if out.seq, err = store.One[int64](ctx, r, "SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM bus_event"); err != nil || seq < 0 || out.seq <= seq || !p.Permissions.Has(auth.NetworkRead) {
			return err
		}
		n, err := store.One[int64](ctx, r, "SELECT COUNT(*) FROM bus_event e WHERE e.seq > ? AND e.seq <= ? AND e.topic = ? AND ?", seq, out.seq, string(ot.TopicAlert), p.Scope.Reach("e.site_no"))
		out.any = n > 0
		return err
	})
	out.seq = max(out.seq, seq)
	return out, err
}
