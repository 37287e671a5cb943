// Package bus tells the other parts of a centre what changed. An event is a row in
// the transaction of the change; a consumer gets each at least once, in order a
// site, and moves its durable cursor in the transaction of its own work. Events
// name what changed and carry no state.
package bus

import (
	"context"
	"embed"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Event says that something changed.
type Event struct {
	Seq    int64
	Topic  ot.Topic
	SiteNo int64 // 0: not of one site
	Refs   []ot.Ref
	At     time.Time
}

// maxRefs bounds what one event names; more would be state. A consumer takes a full
// list as "many, look for yourself".
const maxRefs = 100

// Publish writes events in the transaction of the change. Seq is given by the database.
func Publish(ctx context.Context, tx *store.Tx, events ...Event) error {
	now := store.At(time.Now())
	for _, e := range events {
		if e.Topic == "" {
			return fmt.Errorf("publish: an event without topic")
		}
		at := now
		if !e.At.IsZero() {
			at = store.At(e.At)
		}
		refs := e.Refs[:min(len(e.Refs), maxRefs)]
		if _, err := tx.Exec(ctx, "INSERT INTO bus_event (topic, site_no, refs, at) VALUES (?, ?, ?, ?)",
			e.Topic, e.SiteNo, store.AsJSON(refs), at); err != nil {
			return fmt.Errorf("publish %s: %w", e.Topic, err)
		}
	}
	return nil
}

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "bus", FS: migrations} }
