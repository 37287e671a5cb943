package notify

import (
	"context"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// maxBundle bounds what one message lists; the rest is a number.
const maxBundle = 100

// turn does what is due by the clock: quiet hours that ended, digests and
// call-outs.
func (s *Service) turn(ctx context.Context) error {
	if err := s.release(ctx); err != nil {
		return err
	}
	return s.callouts(ctx)
}

// release sends what was held until now: a single one as it is, several of one person
// and way as one message. Which message carries which is written before it is sent.
func (s *Service) release(ctx context.Context) error {
	now := s.cfg.Now()
	var any int64
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		any, err = store.One[int64](ctx, r, "SELECT count(*) FROM notify_delivery WHERE state IN (?) AND due_at <= ?", []string{held, digest}, store.At(now))
		return err
	}); err != nil || any == 0 {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := store.All[delivery](ctx, tx, "SELECT "+deliveryColumns+` FROM notify_delivery d WHERE d.state IN (?) AND d.due_at <= ?
			ORDER BY d.user_id, d.channel, d.severity, d.made_at, d.delivery_id LIMIT 2000`, []string{held, digest}, store.At(now))
		if err != nil {
			return err
		}
		for len(rows) > 0 {
			n := 1
			for n < len(rows) && rows[n].UserID == rows[0].UserID && rows[n].Channel == rows[0].Channel {
				n++
			}
			if err := s.together(ctx, tx, rows[:n]); err != nil {
				return err
			}
			rows = rows[n:]
		}
		return nil
	})
}

func (s *Service) together(ctx context.Context, tx *store.Tx, rows []delivery) error {
	now := store.At(s.cfg.Now())
	if len(rows) == 1 && rows[0].State == held {
		_, err := tx.Exec(ctx, "UPDATE notify_delivery SET state = ?, due_at = ? WHERE delivery_id = ?", waiting, now, rows[0].ID)
		return err
	}
	d := delivery{
		ID: store.NewID(), What: whatBundle, Channel: rows[0].Channel, UserID: rows[0].UserID, Severity: rows[0].Severity, Token: newToken(),
		State: waiting, DueAt: now, MadeAt: now,
	}
	d.Dedupe = whatBundle + "/" + d.ID
	c := Content{Kind: "bundle", Severity: rows[0].Severity}
	ids := make([]string, 0, len(rows))
	for _, x := range rows {
		ids = append(ids, x.ID)
		if len(c.Items) < maxBundle {
			c.Items = append(c.Items, x.Body.V)
		} else {
			c.More++
		}
	}
	d.Body = store.AsJSON(c)
	if err := enqueue(ctx, tx, []delivery{d}); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "UPDATE notify_delivery SET state = ?, bundle_id = ? WHERE delivery_id IN (?)", bundled, d.ID, ids)
	return err
}

// Link is what the holder of a link in a message is shown.
type Link struct {
	What   string     `json:"what" enum:"open,done,bundle,callout,test"`
	Title  string     `json:"title" say:"true"`
	Items  []string   `json:"items" nullable:"false" doc:"Titles of a bundle" say:"true"`
	ItemID string     `json:"item_id"`
	SentAt store.Time `json:"sent_at" nullable:"true"`
	SeenAt store.Time `json:"seen_at" nullable:"true"`
}

func byToken(ctx context.Context, r store.Reader, token string) (delivery, error) {
	if strings.TrimSpace(token) == "" {
		return delivery{}, errLink()
	}
	d, err := store.One[delivery](ctx, r, "SELECT "+deliveryColumns+" FROM notify_delivery d WHERE d.token = ?", token)
	if ot.CodeOf(err) == ot.NotFound {
		err = errLink()
	}
	return d, err
}

func errLink() error {
	return ot.Errorf(ot.NotFound, "this link is not known here any more: sign in and open the inbox")
}

func (d delivery) link() Link {
	l := Link{What: d.What, Title: d.Body.V.Title, ItemID: d.ItemID, SentAt: d.EndedAt, SeenAt: d.SeenAt, Items: []string{}}
	for _, i := range d.Body.V.Items {
		l.Items = append(l.Items, i.Title)
	}
	return l
}

// seen notes that whoever was told has confirmed it; of a call-out, that the person answered.
func (s *Service) seen(ctx context.Context, token string) (l Link, err error) {
	now := store.At(s.cfg.Now())
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		d, err := byToken(ctx, tx, token)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE notify_delivery SET seen_at = ? WHERE (delivery_id = ? OR bundle_id = ?) AND seen_at IS NULL", now, d.ID, d.ID); err != nil {
			return err
		}
		if d.SeenAt.IsZero() {
			d.SeenAt = now
		}
		l = d.link()
		if d.What == whatCallout {
			return s.answer(ctx, tx, d.ItemID, d.UserID)
		}
		return nil
	})
	return l, err
}
