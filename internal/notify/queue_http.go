package notify

import (
	"context"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Delivery is one notice on its way.
type Delivery struct {
	ID       string     `db:"delivery_id" json:"id"`
	What     string     `db:"what" json:"what" enum:"open,done,bundle,callout"`
	Channel  string     `db:"channel" json:"channel" enum:"mail,sms,webhook,syslog"`
	To       string     `db:"told" json:"to" doc:"Name of the person or the receiver"`
	Title    string     `db:"-" json:"title" say:"true"`
	Items    int64      `db:"-" json:"items" doc:"In a bundle"`
	Severity int64      `db:"severity" json:"severity"`
	State    string     `db:"state" json:"state" enum:"waiting,held,digest,bundled,sent,answered,dead"`
	MadeAt   store.Time `db:"made_at" json:"made_at"`
	DueAt    store.Time `db:"due_at" json:"due_at" doc:"Not sent before"`
	TriedAt  store.Time `db:"tried_at" json:"tried_at" nullable:"true"`
	EndedAt  store.Time `db:"ended_at" json:"ended_at" nullable:"true"`
	Attempts int64      `db:"attempts" json:"attempts"`
	Error    string     `db:"error" json:"error" doc:"Of the last attempt" say:"true"`
	Answer   string     `db:"answer" json:"answer" doc:"What the other side said"`
	SeenAt   store.Time `db:"seen" json:"seen_at" nullable:"true" doc:"The person confirmed the link, or opened the item in the inbox"`
	SiteNo   int64      `db:"site_no" json:"-"`

	Body store.JSON[Content] `db:"body" json:"-"`
}

type queueIn struct {
	State   string `query:"state" enum:"open,waiting,held,digest,bundled,sent,answered,dead" doc:"open: waiting, held or for the digest"`
	Channel string `query:"channel" enum:"mail,sms,webhook,syslog"`
	Cursor  string `query:"cursor" maxLength:"200"`
	Limit   int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

// Deliveries lists the queue and what became of it, newest first. Those of no site are
// for who sees everything.
func (s *Service) Deliveries(ctx context.Context, scope auth.Scope, in queueIn) (page rest.Page[Delivery], err error) {
	var after struct {
		At int64  `json:"a"`
		ID string `json:"i"`
	}
	if err := rest.DecodeCursor(in.Cursor, &after); err != nil {
		return page, err
	}
	where := ot.SQL{Text: "d.channel <> ? AND ?", Args: []any{byPage, inScope(scope)}}
	if in.State == "open" {
		where = ot.SQL{Text: where.Text + " AND d.state IN (?)", Args: append(where.Args, []string{waiting, held, digest})}
	} else if in.State != "" {
		where = ot.SQL{Text: where.Text + " AND d.state = ?", Args: append(where.Args, in.State)}
	}
	if in.Channel != "" {
		where = ot.SQL{Text: where.Text + " AND d.channel = ?", Args: append(where.Args, in.Channel)}
	}
	if in.Cursor != "" {
		where = ot.SQL{Text: where.Text + " AND (d.made_at < ? OR d.made_at = ? AND d.delivery_id < ?)", Args: append(where.Args, after.At, after.At, after.ID)}
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[Delivery](ctx, r, `SELECT d.delivery_id, d.what, d.channel, COALESCE(u.name, q.name, '') AS told, d.severity, d.state, d.made_at, d.due_at, d.tried_at, d.ended_at, d.attempts, d.error, d.answer, d.site_no, d.body,
			COALESCE(d.seen_at, (SELECT k.at FROM inbox_seen k WHERE k.item_id = d.item_id AND k.user_id = d.user_id AND k.at >= d.made_at)) AS seen
			FROM notify_delivery d LEFT JOIN auth_user u ON u.user_id = d.user_id LEFT JOIN notify_receiver q ON q.receiver_id = d.receiver_id
			WHERE ? ORDER BY d.made_at DESC, d.delivery_id DESC LIMIT ?`, where, in.Limit+1)
		if err != nil {
			return err
		}
		for i := range rows {
			c := rows[i].Body.V
			rows[i].Title, rows[i].Items = c.Title, int64(len(c.Items)+c.More)
			if rows[i].To == "" {
				rows[i].To = "?"
			}
		}
		page = rest.Cut(rows, in.Limit, func(d Delivery) string {
			after.At, after.ID = d.MadeAt.UnixMicro(), d.ID
			return rest.EncodeCursor(after)
		})
		return nil
	})
	return page, err
}

func inScope(scope auth.Scope) ot.SQL {
	if scope.All {
		return ot.SQL{Text: "1 = 1"}
	}
	return ot.SQL{Text: "(d.site_no <> 0 AND ?)", Args: []any{scope.Where("d.site_no", "")}}
}

func (s *Service) queueRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "list-deliveries", Method: http.MethodGet, Path: "/notices/deliveries", Permission: auth.NotifyWrite, Tag: tag, Summary: "The queue, and what became of what was in it"},
		func(ctx context.Context, in *queueIn) (*one[rest.Page[Delivery]], error) {
			page, err := s.Deliveries(ctx, auth.From(ctx).Scope, *in)
			return &one[rest.Page[Delivery]]{page}, err
		})
	rest.Register(r, rest.Op{ID: "retry-delivery", Method: http.MethodPost, Path: "/notices/deliveries/{id}/retry", Permission: auth.NotifyWrite, Tag: tag, Audit: "delivery.retry", Summary: "Send it at the next moment: one that waits, is held, or was given up"},
		func(ctx context.Context, in *byID) (*struct{}, error) {
			now := store.At(s.cfg.Now())
			err := s.db.Update(ctx, func(tx *store.Tx) error {
				states, err := store.All[string](ctx, tx, "SELECT d.state FROM notify_delivery d WHERE d.delivery_id = ? AND ?", in.ID, inScope(auth.From(ctx).Scope))
				if err != nil {
					return err
				}
				if len(states) == 0 {
					return ot.Errorf(ot.NotFound, "there is no such notice")
				}
				rest.Target(ctx, "", ot.Ref{Kind: "delivery", ID: in.ID})
				// The days begin anew for one that was given up.
				n, err := tx.Exec(ctx, "UPDATE notify_delivery SET state = ?, due_at = ?, made_at = CASE WHEN state = 'dead' THEN ? ELSE made_at END, ended_at = NULL WHERE delivery_id = ? AND state IN (?)",
					waiting, now, now, in.ID, []string{waiting, held, digest, dead})
				if err == nil && n == 0 {
					err = ot.Errorf(ot.Conflict, "it is %s: there is nothing to send", states[0])
				}
				return err
			})
			s.nudge()
			return nil, err
		})
	rest.Register(r, rest.Op{ID: "look-at-link", Method: http.MethodPost, Path: "/notices/link", Public: true, Tag: tag, Audit: "notice.look", Summary: "What a link in a message is about"},
		func(ctx context.Context, in *noticeLinkIn) (*one[Link], error) {
			var l Link
			err := s.db.View(ctx, func(r store.Reader) error {
				d, err := byToken(ctx, r, in.Body.Token)
				l = d.link()
				rest.Target(ctx, "", ot.Ref{Kind: "delivery", ID: d.ID})
				return err
			})
			return &one[Link]{l}, err
		})
	rest.Register(r, rest.Op{ID: "confirm-link", Method: http.MethodPost, Path: "/notices/seen", Public: true, Tag: tag, Audit: "notice.seen", Summary: "Say that one has seen it, or that one is there: whoever holds the link of the message"},
		func(ctx context.Context, in *noticeLinkIn) (*one[Link], error) {
			l, err := s.seen(ctx, in.Body.Token)
			return &one[Link]{l}, err
		})
}

type noticeLinkIn struct {
	Body struct {
		Token string `json:"token" maxLength:"64"`
	}
}
