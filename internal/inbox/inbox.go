// Package inbox keeps what asks a person for something: one contract for
// approvals, new devices, reviews that are due, contradictions and outages. Who
// asks writes the item in the transaction of the change; the inbox decides nothing.
package inbox

import (
	"context"
	"embed"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "inbox", FS: migrations} }

// Severity says how soon somebody must look.
type Severity int

// The severities.
const (
	Now Severity = iota + 1
	Today
	ThisWeek
	Information
)

// Item asks somebody for something.
type Item struct {
	Key      string // who asks, about what: "asset.new:<id>"; putting it again changes the item
	Kind     string // "new-device", "approval", "review-due"; its words are texts
	SiteNo   int64  // 0: the whole entity
	EntityID string // needed where SiteNo is 0
	Role     string // who is asked: a role…
	UserID   string // …or one person
	Severity Severity
	Title    string // one sentence
	Detail   string
	Ref      ot.Ref // what a page opens
	Action   string // the one primary action: decide, approve, renew, explain, look
	Due      time.Time
}

type row struct {
	ID       string     `db:"item_id"`
	Key      string     `db:"item_key"`
	Kind     string     `db:"kind"`
	SiteNo   int64      `db:"site_no"`
	EntityID string     `db:"entity_id"`
	Role     string     `db:"role"`
	UserID   string     `db:"user_id"`
	Severity int64      `db:"severity"`
	Title    string     `db:"title"`
	Detail   string     `db:"detail"`
	RefKind  string     `db:"ref_kind"`
	RefID    string     `db:"ref_id"`
	Action   string     `db:"action"`
	OpenedAt store.Time `db:"opened_at"`
	DueAt    store.Time `db:"due_at"`
}

// Put asks, in the transaction of the change that makes it necessary. An item with
// the same key is changed; if it was answered, it is asked anew.
func Put(ctx context.Context, tx *store.Tx, now time.Time, items ...Item) error {
	for _, i := range items {
		r := row{store.NewID(), i.Key, i.Kind, i.SiteNo, i.EntityID, i.Role, i.UserID, int64(i.Severity), i.Title, i.Detail, i.Ref.Kind, i.Ref.ID, i.Action, store.At(now), store.At(i.Due)}
		if err := store.Upsert(ctx, tx, "inbox_item", []row{r}, []string{"item_key"},
			[]string{"kind", "site_no", "entity_id", "role", "user_id", "severity", "title", "detail", "ref_kind", "ref_id", "action", "due_at"}); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "UPDATE inbox_item SET done_at = NULL, done_by = '', outcome = '', opened_at = ? WHERE item_key = ? AND done_at IS NOT NULL", store.At(now), i.Key); err != nil {
			return err
		}
		if err := bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicInbox, SiteNo: i.SiteNo, Refs: []ot.Ref{{Kind: "inbox", ID: i.Key}}}); err != nil {
			return err
		}
	}
	return nil
}

// Done answers what is open under these keys. by is a user id, empty where the
// question went away by itself; outcome says how: "approved", "withdrawn".
func Done(ctx context.Context, tx *store.Tx, now time.Time, by, outcome string, keys ...string) error {
	n, err := tx.Exec(ctx, "UPDATE inbox_item SET done_at = ?, done_by = ?, outcome = ? WHERE item_key IN (?) AND done_at IS NULL", store.At(now), by, outcome, keys)
	if err != nil || n == 0 {
		return err
	}
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicInbox})
}
