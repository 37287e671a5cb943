package inbox

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// The bounds of putting aside: who must look now may wait for hours, not for days.
const (
	maxSnooze    = 14 * 24 * time.Hour
	maxSnoozeNow = 4 * time.Hour
)

// act finds an open item that the person may see, and audits what is done with it.
func (s *Service) act(ctx context.Context, p auth.Principal, id string, fn func(tx *store.Tx, now time.Time, x entryRow) error) error {
	now := s.now()
	return s.db.Update(ctx, func(tx *store.Tx) error {
		x, err := find(ctx, tx, p, now, id)
		if err != nil {
			return err
		}
		rest.Target(ctx, x.SiteID, ot.Ref{Kind: "inbox", ID: x.ID})
		rest.Detail(ctx, "title", x.Title)
		return fn(tx, now, x)
	})
}

func mustBeOpen(x entryRow) error {
	if !x.DoneAt.IsZero() {
		return ot.Errorf(ot.Conflict, "it was answered already (%s): load the inbox again", x.Outcome)
	}
	return nil
}

// Seen notes that the person looked at an item. The first time counts.
func (s *Service) Seen(ctx context.Context, p auth.Principal, id string) error {
	type seen struct {
		ItemID string     `db:"item_id"`
		UserID string     `db:"user_id"`
		Name   string     `db:"name"`
		At     store.Time `db:"at"`
	}
	return s.act(ctx, p, id, func(tx *store.Tx, now time.Time, x entryRow) error {
		return store.Upsert(ctx, tx, "inbox_seen", []seen{{x.ID, p.UserID, p.Called(), store.At(now)}}, []string{"item_id", "user_id"}, nil)
	})
}

// Answer closes an item for which a word is enough.
func (s *Service) Answer(ctx context.Context, p auth.Principal, id, comment string) error {
	comment = ot.Printable(comment)
	return s.act(ctx, p, id, func(tx *store.Tx, now time.Time, x entryRow) error {
		if err := mustBeOpen(x); err != nil {
			return err
		}
		switch x.Action {
		case ActionDecide, ActionApprove, ActionExplain:
			return ot.Errorf(ot.Invalid, "this asks you to %s: use that form; a word does not close it", x.Action)
		case ActionAnswer:
			if comment == "" {
				return ot.Errorf(ot.Invalid, "comment: somebody asked you a question; write the answer")
			}
		}
		if comment != "" {
			rest.Detail(ctx, "comment", comment)
		}
		if _, err := tx.Exec(ctx, "UPDATE inbox_item SET comment = ? WHERE item_id = ?", comment, x.ID); err != nil {
			return err
		}
		if err := note(ctx, tx, step{ItemID: x.ID, At: store.At(now), Kind: stepAnswered, ByID: p.UserID, ByName: p.Called(), Note: comment}); err != nil {
			return err
		}
		return Done(ctx, tx, now, p.UserID, "answered", x.Key)
	})
}

// Snooze puts an item aside until a time. It does not escalate meanwhile.
func (s *Service) Snooze(ctx context.Context, p auth.Principal, id string, until time.Time, reason string) error {
	reason = ot.Printable(reason)
	return s.act(ctx, p, id, func(tx *store.Tx, now time.Time, x entryRow) error {
		if err := mustBeOpen(x); err != nil {
			return err
		}
		most := maxSnooze
		if Severity(x.Severity) == Now {
			most = maxSnoozeNow
		}
		switch {
		case reason == "":
			return ot.Errorf(ot.Invalid, "reason: say why it can wait")
		case !until.After(now):
			return ot.Errorf(ot.Invalid, "until: choose a time to come")
		case until.After(now.Add(most)):
			return ot.Errorf(ot.Invalid, "until: this can wait until %s at most; give it to somebody else instead", now.Add(most).UTC().Format(time.RFC3339))
		}
		rest.Detail(ctx, "reason", reason)
		if _, err := tx.Exec(ctx, "UPDATE inbox_item SET snoozed_until = ? WHERE item_id = ?", store.At(until), x.ID); err != nil {
			return err
		}
		if err := note(ctx, tx, step{ItemID: x.ID, At: store.At(now), Kind: stepSnoozed, ByID: p.UserID, ByName: p.Called(), Note: reason}); err != nil {
			return err
		}
		return announce(ctx, tx, x.SiteNo, x.Key)
	})
}

// HandOver gives an item to one person, who must be able to see its site.
func (s *Service) HandOver(ctx context.Context, p auth.Principal, id, userID, why string) error {
	why = ot.Printable(why)
	return s.act(ctx, p, id, func(tx *store.Tx, now time.Time, x entryRow) error {
		if err := mustBeOpen(x); err != nil {
			return err
		}
		to, err := colleague(ctx, tx, now, userID, x.SiteNo, x.EntityID)
		if err != nil {
			return err
		}
		rest.Detail(ctx, "to", to.Name)
		if _, err := tx.Exec(ctx, "UPDATE inbox_item SET user_id = ?, handed_at = ?, snoozed_until = NULL, level = 0, next_at = NULL WHERE item_id = ?", to.UserID, store.At(now), x.ID); err != nil {
			return err
		}
		if err := note(ctx, tx, step{ItemID: x.ID, At: store.At(now), Kind: stepHanded, ByID: p.UserID, ByName: p.Called(), ToUser: to.UserID, Note: why}); err != nil {
			return err
		}
		return announce(ctx, tx, x.SiteNo, x.Key)
	})
}
