package notify

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// byPage is the way that everybody has: the bell of the page. What goes by it is there
// with the question, and nothing can hold it up.
const byPage = "page"

// Told is a notice as the person sees it under the bell.
type Told struct {
	ID       string     `db:"delivery_id" json:"id"`
	ItemID   string     `db:"item_id" json:"item_id" doc:"Of the inbox: what the notice leads to"`
	Kind     string     `db:"-" json:"kind"`
	Severity string     `db:"-" json:"severity" enum:"now,today,this-week,information"`
	Title    string     `db:"-" json:"title" say:"true"`
	SiteID   string     `db:"-" json:"site_id" doc:"Empty: the whole company or installation"`
	Site     string     `db:"-" json:"site"`
	At       store.Time `db:"made_at" json:"at" doc:"When it reached the person"`
	SeenAt   store.Time `db:"seen" json:"seen_at" nullable:"true" doc:"When the person said so, or opened the item"`
	DoneAt   store.Time `db:"done_at" json:"done_at" nullable:"true" doc:"When it was answered, by whomever"`
	Ways     []Went     `db:"-" json:"ways" nullable:"false" doc:"By which other ways it went"`

	Body store.JSON[Content] `db:"body" json:"-"`
}

// Went is a way outside the page by which the same question went to the person.
type Went struct {
	Channel string     `db:"channel" json:"channel" enum:"mail,sms"`
	State   string     `db:"state" json:"state" enum:"waiting,held,digest,bundled,sent,answered,dead"`
	At      store.Time `db:"ended_at" json:"at" nullable:"true" doc:"When it was sent, or given up"`
	ItemID  string     `db:"item_id" json:"-"`
}

// pageOf makes the notices of the page: one for each person whom an item reaches, again
// only when it becomes more urgent or is asked anew.
func (s *Service) pageOf(ctx context.Context, tx *store.Tx, now time.Time, i itemRow) ([]delivery, error) {
	people, err := inbox.Addressees(ctx, tx, now, i.Key)
	if err != nil || len(people) == 0 {
		return nil, err
	}
	type told struct {
		UserID   string `db:"user_id"`
		Severity int64  `db:"severity"`
	}
	before, err := store.All[told](ctx, tx, "SELECT user_id, MIN(severity) AS severity FROM notify_delivery WHERE item_id = ? AND channel = ? AND made_at >= ? GROUP BY user_id", i.ID, byPage, i.OpenedAt)
	if err != nil {
		return nil, err
	}
	known := map[string]int64{}
	for _, b := range before {
		known[b.UserID] = b.Severity
	}
	at := store.At(now)
	if s.cfg.Off { // the example's past is played in a minute
		at = i.OpenedAt
	}
	var out []delivery
	for _, p := range people {
		if had, ok := known[p.UserID]; ok && had <= i.Severity {
			continue
		}
		d := s.draft(now, i, whatOpen)
		d.UserID, d.Channel, d.State, d.Token = p.UserID, byPage, sent, ""
		d.MadeAt, d.DueAt, d.EndedAt = at, at, at
		d.Dedupe = fmt.Sprintf("%s/%s/%d/%d/%s/%s", whatOpen, i.ID, i.OpenedAt.UnixMicro(), i.Severity, p.UserID, byPage)
		out = append(out, d)
	}
	return out, nil
}

// seenAt is when the notice was read: here, by the link of a mail, or as the item in the inbox.
const seenAt = "COALESCE(d.seen_at, (SELECT k.at FROM inbox_seen k WHERE k.item_id = d.item_id AND k.user_id = d.user_id AND k.at >= d.made_at))"

// ofPerson are the notices of the page that went to the person. The example's visitor is
// nobody, and is shown what went to anybody, once.
func (s *Service) ofPerson(p auth.Principal) ot.SQL {
	if s.cfg.Off {
		return ot.SQL{Text: "d.channel = ? AND d.delivery_id IN (SELECT MIN(x.delivery_id) FROM notify_delivery x WHERE x.channel = ? GROUP BY x.item_id) AND ?", Args: []any{byPage, byPage, inScope(p.Scope)}}
	}
	return ot.SQL{Text: "d.channel = ? AND d.user_id = ? AND (d.site_no = 0 OR ?)", Args: []any{byPage, p.UserID, p.Scope.Where("d.site_no", "")}}
}

// Mine lists what was sent to the person, newest first.
func (s *Service) Mine(ctx context.Context, p auth.Principal, unread bool, cursor string, limit int) (page rest.Page[Told], err error) {
	var after struct {
		At int64  `json:"a"`
		ID string `json:"i"`
	}
	if err := rest.DecodeCursor(cursor, &after); err != nil {
		return page, err
	}
	where := s.ofPerson(p)
	if unread {
		where.Text += " AND " + unreadIs
	}
	if cursor != "" {
		where = ot.SQL{Text: where.Text + " AND (d.made_at < ? OR d.made_at = ? AND d.delivery_id < ?)", Args: append(where.Args, after.At, after.At, after.ID)}
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[Told](ctx, r, "SELECT d.delivery_id, d.item_id, d.made_at, "+seenAt+" AS seen, i.done_at, d.body FROM notify_delivery d LEFT JOIN inbox_item i ON i.item_id = d.item_id WHERE ? ORDER BY d.made_at DESC, d.delivery_id DESC LIMIT ?", where, limit+1)
		if err != nil {
			return err
		}
		ids := make([]string, 0, len(rows))
		for _, x := range rows {
			ids = append(ids, x.ItemID)
		}
		ways := map[string][]Went{}
		if len(ids) > 0 && !s.cfg.Off {
			others, err := store.All[Went](ctx, r, "SELECT channel, state, ended_at, item_id FROM notify_delivery WHERE user_id = ? AND item_id IN (?) AND channel <> ? AND what = ? ORDER BY made_at, delivery_id", p.UserID, ids, byPage, whatOpen)
			if err != nil {
				return err
			}
			for _, o := range others {
				ways[o.ItemID] = append(ways[o.ItemID], o)
			}
		}
		for n := range rows {
			x := &rows[n]
			c := x.Body.V
			x.Kind, x.Severity, x.Title, x.SiteID, x.Site = c.Kind, inbox.SeverityName(inbox.Severity(c.Severity)), c.Title, c.SiteID, c.Site
			if x.Ways = ways[x.ItemID]; x.Ways == nil {
				x.Ways = []Went{}
			}
		}
		page = rest.Cut(rows, limit, func(d Told) string {
			after.At, after.ID = d.At.UnixMicro(), d.ID
			return rest.EncodeCursor(after)
		})
		return nil
	})
	return page, err
}

// unreadIs holds for what nobody has read and nobody has answered: an answered question asks no more.
const unreadIs = seenAt + " IS NULL AND NOT EXISTS (SELECT 1 FROM inbox_item e WHERE e.item_id = d.item_id AND e.done_at IS NOT NULL)"

// Unread counts them; the newest says whether one came that was not there before.
type Unread struct {
	Unread int64  `db:"unread" json:"unread"`
	Newest string `db:"newest" json:"newest" doc:"Id of the newest notice, read or not; empty: none"`
}

// Unread counts the person's.
func (s *Service) Unread(ctx context.Context, p auth.Principal) (u Unread, err error) {
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		u, err = store.One[Unread](ctx, r, "SELECT COALESCE(SUM(CASE WHEN "+unreadIs+" THEN 1 ELSE 0 END), 0) AS unread, COALESCE(MAX(d.delivery_id), '') AS newest FROM notify_delivery d WHERE ?", s.ofPerson(p))
		return err
	})
	return u, err
}

// Read keeps the receipt of the person's own notices: those named, or all.
func (s *Service) Read(ctx context.Context, p auth.Principal, ids []string) error {
	now := store.At(s.cfg.Now())
	return s.db.Update(ctx, func(tx *store.Tx) error {
		where := s.ofPerson(p)
		if len(ids) > 0 {
			where = ot.SQL{Text: where.Text + " AND d.delivery_id IN (?)", Args: append(where.Args, ids)}
		}
		mine, err := store.All[string](ctx, tx, "SELECT d.delivery_id FROM notify_delivery d WHERE d.seen_at IS NULL AND ?", where)
		if err != nil || len(mine) == 0 {
			return err
		}
		rest.Target(ctx, "", ot.Ref{Kind: "user", ID: p.UserID})
		for len(mine) > 0 { // an engine takes so many arguments
			n := min(len(mine), 500)
			if _, err := tx.Exec(ctx, "UPDATE notify_delivery SET seen_at = ? WHERE delivery_id IN (?)", now, mine[:n]); err != nil {
				return err
			}
			mine = mine[n:]
		}
		return nil
	})
}
