// Package inbox keeps what asks a person for something: one contract for
// approvals, new devices, reviews that are due, contradictions and outages. Who
// asks writes the item in the transaction of the change. The inbox says whom it
// reaches (a person, a role, who stands in, who is on call), never what to decide.
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

// The actions that have a form of their own: a plain answer does not do.
const (
	ActionDecide  = "decide"
	ActionApprove = "approve"
	ActionExplain = "explain"
	ActionAnswer  = "answer"
	ActionRenew   = "renew"
	ActionLook    = "look"
)

// Item asks somebody for something.
type Item struct {
	Key      string // who asks, about what: "asset.new:<id>"; putting it again changes the item
	Kind     string // "new-device", "approval", "review-due"; its words are texts
	SiteNo   int64  // 0: the whole entity
	ZoneNo   int64  // 0: the whole site
	EntityID string // needed where SiteNo is 0
	Role     string // who is asked: a role…
	UserID   string // …or one person
	Severity Severity
	Title    string // one sentence
	Detail   string
	Ref      ot.Ref // what a page opens
	Action   string // the one primary action: decide, approve, renew, explain, look, answer
	Due      time.Time
}

type row struct {
	ID       string     `db:"item_id"`
	Key      string     `db:"item_key"`
	Kind     string     `db:"kind"`
	SiteNo   int64      `db:"site_no"`
	ZoneNo   int64      `db:"zone_no"`
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

type kept struct {
	row
	DoneAt   store.Time `db:"done_at"`
	HandedAt store.Time `db:"handed_at"`
}

const rowColumns = "item_id, item_key, kind, site_no, zone_no, entity_id, role, user_id, severity, title, detail, ref_kind, ref_id, action, opened_at, due_at"

// Put asks, in the transaction of the change that makes it necessary. An item with
// the same key is changed; if it was answered, it is asked anew. An open item that
// says the same already is left alone and announced to nobody.
func Put(ctx context.Context, tx *store.Tx, now time.Time, items ...Item) error {
	for _, i := range items {
		if err := put(ctx, tx, now, i); err != nil {
			return err
		}
	}
	return nil
}

func put(ctx context.Context, tx *store.Tx, now time.Time, i Item) error {
	r := row{store.NewID(), i.Key, i.Kind, i.SiteNo, i.ZoneNo, i.EntityID, i.Role, i.UserID, int64(i.Severity), i.Title, i.Detail, i.Ref.Kind, i.Ref.ID, i.Action, store.At(now), store.At(i.Due)}
	old, err := store.All[kept](ctx, tx, "SELECT "+rowColumns+", done_at, handed_at FROM inbox_item WHERE item_key = ?", i.Key)
	if err != nil {
		return err
	}
	if len(old) == 0 {
		if err := store.Upsert(ctx, tx, "inbox_item", []row{r}, nil, nil); err != nil {
			return err
		}
		return announce(ctx, tx, i.SiteNo, i.Key)
	}
	was := old[0]
	r.ID = was.ID
	open := was.DoneAt.IsZero()
	if open {
		r.OpenedAt = was.OpenedAt
		if !was.HandedAt.IsZero() { // a person gave it to somebody: that stays
			r.UserID, r.Role = was.UserID, was.Role
		}
		if same(r, was.row) {
			return nil
		}
	} else {
		if _, err := tx.Exec(ctx, `UPDATE inbox_item SET done_at = NULL, done_by = '', outcome = '', comment = '', snoozed_until = NULL, handed_at = NULL, level = 0, next_at = NULL WHERE item_id = ?`, was.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM inbox_seen WHERE item_id = ?", was.ID); err != nil {
			return err
		}
		if err := note(ctx, tx, step{ItemID: was.ID, At: store.At(now), Kind: stepReopened}); err != nil {
			return err
		}
	}
	if err := store.Upsert(ctx, tx, "inbox_item", []row{r}, []string{"item_key"},
		[]string{"kind", "site_no", "zone_no", "entity_id", "role", "user_id", "severity", "title", "detail", "ref_kind", "ref_id", "action", "opened_at", "due_at"}); err != nil {
		return err
	}
	return announce(ctx, tx, i.SiteNo, i.Key)
}

func same(a, b row) bool {
	if !a.OpenedAt.Equal(b.OpenedAt.Time) || !a.DueAt.Equal(b.DueAt.Time) {
		return false
	}
	a.OpenedAt, a.DueAt, b.OpenedAt, b.DueAt = store.Time{}, store.Time{}, store.Time{}, store.Time{}
	return a == b
}

func announce(ctx context.Context, tx *store.Tx, siteNo int64, key string) error {
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicInbox, SiteNo: siteNo, Refs: []ot.Ref{{Kind: "inbox", ID: key}}})
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

// Keep makes the open items whose key begins with prefix be exactly these: what is
// missing is put, what is no more wanted is done by itself with this outcome. For
// who asks by looking anew rather than in the transaction of a change.
func Keep(ctx context.Context, tx *store.Tx, now time.Time, prefix, outcome string, want []Item) error {
	have, err := store.All[string](ctx, tx, "SELECT item_key FROM inbox_item WHERE done_at IS NULL AND item_key >= ? AND item_key < ? ORDER BY item_key", prefix, prefix+"\U0010FFFF")
	if err != nil {
		return err
	}
	wanted := make(map[string]bool, len(want))
	for _, i := range want {
		wanted[i.Key] = true
	}
	var gone []string
	for _, k := range have {
		if !wanted[k] {
			gone = append(gone, k)
		}
	}
	if len(gone) > 0 {
		if err := Done(ctx, tx, now, "", outcome, gone...); err != nil {
			return err
		}
	}
	return Put(ctx, tx, now, want...)
}
