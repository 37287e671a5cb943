package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Bus delivers events to consumers of this process.
type Bus struct {
	db  *store.DB
	log *slog.Logger
}

// New makes a Bus; it does nothing until Run.
func New(db *store.DB, log *slog.Logger) *Bus { return &Bus{db: db, log: log} }

// batch bounds what a consumer gets at once, and so its transaction.
const batch = 200

// Waiting times: after a failure, and between looks when nothing wakes us. Only
// another process on the same PostgreSQL commits without waking us.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = time.Minute
	pollLocal  = 10 * time.Second
	pollShared = time.Second
)

// Run hands a consumer its events until ctx ends, then returns nil. fn works in
// tx, in which the cursor moves too: an event whose fn failed comes again, after a
// pause, before any later one. fn must be idempotent, since a conflict repeats it.
// A consumer's name is its durable position; two Runs of one name share the work
// without order, so give each consumer one.
func (b *Bus) Run(ctx context.Context, consumer string, topics []ot.Topic, fn func(ctx context.Context, tx *store.Tx, events []Event) error) error {
	poll := pollLocal
	if b.db.Engine() == store.PostgreSQL {
		poll = pollShared
	}
	retry := firstRetry
	for {
		changed := b.db.Changed() // before the look, so that nothing falls between
		more, err := b.step(ctx, consumer, topics, fn)
		if ctx.Err() != nil {
			return nil
		}
		wait := poll
		switch {
		case err != nil:
			b.log.Error("a consumer of events failed; it tries again", "consumer", consumer, "error", err, "in", retry)
			wait, changed = retry, nil
			retry = min(2*retry, lastRetry)
		case more:
			retry = firstRetry
			continue
		default:
			retry = firstRetry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(wait):
		}
	}
}

type position struct {
	TxID int64 `db:"txid"`
	Seq  int64 `db:"seq"`
}

type row struct {
	position
	Topic  ot.Topic             `db:"topic"`
	SiteNo int64                `db:"site_no"`
	Refs   store.JSON[[]ot.Ref] `db:"refs"`
	At     store.Time           `db:"at"`
}

// errMoved: somebody else moved the cursor between our look and our work.
var errMoved = errors.New("the cursor moved")

// step delivers one batch and says whether there is more.
func (b *Bus) step(ctx context.Context, consumer string, topics []ot.Topic, fn func(context.Context, *store.Tx, []Event) error) (more bool, err error) {
	var at position
	var rows []row
	// The look has a snapshot of its own: inside the work's transaction it would
	// collide with every commit that publishes.
	err = b.db.View(ctx, func(r store.Reader) (err error) {
		if at, err = cursor(ctx, r, consumer); err != nil {
			return err
		}
		rows, err = pending(ctx, r, at)
		return err
	})
	if err != nil || len(rows) == 0 {
		return false, err
	}
	var events []Event
	for _, e := range rows {
		if slices.Contains(topics, e.Topic) {
			events = append(events, Event{Seq: e.Seq, Topic: e.Topic, SiteNo: e.SiteNo, Refs: e.Refs.V, At: e.At.Time})
		}
	}
	err = b.db.Update(ctx, func(tx *store.Tx) error {
		now, err := cursor(ctx, tx, consumer)
		if err != nil {
			return err
		}
		if now != at {
			return errMoved
		}
		if len(events) > 0 {
			if err := fn(ctx, tx, events); err != nil {
				return err
			}
		}
		last := rows[len(rows)-1].position
		_, err = tx.Exec(ctx, `INSERT INTO bus_cursor (consumer, txid, seq) VALUES (?, ?, ?)
			ON CONFLICT (consumer) DO UPDATE SET txid = excluded.txid, seq = excluded.seq`, consumer, last.TxID, last.Seq)
		return err
	})
	if errors.Is(err, errMoved) {
		return true, nil
	}
	return len(rows) == batch, err
}

func cursor(ctx context.Context, r store.Reader, consumer string) (position, error) {
	at, err := store.One[position](ctx, r, "SELECT txid, seq FROM bus_cursor WHERE consumer = ?", consumer)
	if ot.CodeOf(err) == ot.NotFound {
		return position{}, nil
	}
	return at, err
}

// pending reads what follows a position. On PostgreSQL a transaction with a lower
// number may still be running: only rows below the oldest running one are final.
func pending(ctx context.Context, r store.Reader, at position) ([]row, error) {
	final := ot.SQL{Text: "1 = 1"}
	if r.Engine() == store.PostgreSQL {
		final.Text = "txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
	}
	rows, err := store.All[row](ctx, r, `SELECT seq, txid, topic, site_no, refs, at FROM bus_event
		WHERE (txid > ? OR (txid = ? AND seq > ?)) AND ? ORDER BY txid, seq LIMIT ?`, at.TxID, at.TxID, at.Seq, final, batch)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return rows, nil
}

// Clean removes events older than keep that every consumer has had, and any that
// are older than ten times keep, so that a consumer that is no more holds nothing.
func (b *Bus) Clean(ctx context.Context, keep time.Duration) error {
	now := time.Now()
	for {
		var n int64
		err := b.db.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(ctx, `DELETE FROM bus_event WHERE seq IN (SELECT e.seq FROM bus_event e WHERE e.at < ? AND (e.at < ? OR NOT EXISTS (
				SELECT 1 FROM bus_cursor c WHERE c.txid < e.txid OR (c.txid = e.txid AND c.seq < e.seq))) ORDER BY e.txid, e.seq LIMIT 1000)`,
				store.At(now.Add(-keep)), store.At(now.Add(-10*keep)))
			return err
		})
		if err != nil || n < 1000 {
			return err
		}
	}
}

// Restored makes the events of a snapshot deliverable in a database that counts
// transactions anew: every consumer gets the kept events again.
func Restored(ctx context.Context, tx *store.Tx) error {
	if _, err := tx.Exec(ctx, "UPDATE bus_event SET txid = 0"); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DELETE FROM bus_cursor")
	return err
}

// Announcer is Publish for a package that stands below the bus and names only what changed.
func Announcer(topic ot.Topic) func(ctx context.Context, tx *store.Tx, siteNo int64, refs ...ot.Ref) error {
	return func(ctx context.Context, tx *store.Tx, siteNo int64, refs ...ot.Ref) error {
		return Publish(ctx, tx, Event{Topic: topic, SiteNo: siteNo, Refs: refs})
	}
}
