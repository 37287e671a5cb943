// Package box is the half of an edge that stands at the site: its outbox on disk,
// its identity, the one connection that it opens to the centre, and its memory of
// the centre's audit log. It serves nothing and listens on no port.
package box

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of an edge's own database. It is none of the centre's.
func Migrations() []store.Migrations {
	return []store.Migrations{{Slice: "box", FS: migrations}}
}

// Reduce leaves of a message what is told only once, and says how much it left out;
// ok is false for a kind of which nothing can go.
type Reduce func(kind string, raw []byte) (core []byte, left int, ok bool)

// Outbox keeps what the centre has not confirmed. It is safe for many goroutines;
// what Append has returned from survives a power cut.
type Outbox struct {
	db     *store.DB
	codec  *edge.Codec
	reduce Reduce
	clock  *edge.Clock

	mu     sync.Mutex
	id     uuid.UUID // of the edge; zero: not enrolled
	epoch  uuid.UUID
	last   int64 // seq
	link   [32]byte
	acked  int64
	budget int64
	bytes  int64
	lost   Lost
	boot   Boot
	wake   chan struct{}
}

// Lost counts what a full disk cost.
type Lost struct{ Bulk, Whole, Bytes int64 }

// Boot names a start of this edge's data.
type Boot struct {
	No    int64
	Nonce string
}

// Keep is how long confirmed batches stay, for a centre that was restored from yesterday's copy.
const Keep = 48 * time.Hour

// rowBytes is what a batch takes on disk besides its body.
const rowBytes = 200

// OpenOutbox opens or makes the outbox in a folder. One process at a time has it.
func OpenOutbox(ctx context.Context, dir string, reduce Reduce, wall func() time.Time) (o *Outbox, err error) {
	db, err := store.Open(ctx, store.Config{URL: "sqlite:" + filepath.Join(dir, "outbox.db")})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = db.Close()
		}
	}()
	if err := db.Migrate(ctx, Migrations()); err != nil {
		return nil, err
	}
	o = &Outbox{db: db, reduce: reduce, budget: edge.DefaultConfig().OutboxBytes, wake: make(chan struct{}, 1)}
	if o.codec, err = edge.NewCodec(); err != nil {
		return nil, err
	}
	return o, o.load(ctx, wall)
}

func (o *Outbox) load(ctx context.Context, wall func() time.Time) error {
	nonce := uuid.NewString()
	return o.db.Update(ctx, func(tx *store.Tx) error {
		s, err := readState(ctx, tx)
		if err != nil {
			return err
		}
		o.id, o.epoch = s.uuid("edge"), s.uuid("epoch")
		o.acked = s.int("acked")
		o.lost = Lost{s.int("lost_bulk"), s.int("lost_whole"), s.int("lost_bytes")}
		o.boot = Boot{s.int("boot") + 1, nonce}
		o.clock = edge.NewClock(wall, time.UnixMicro(s.int("floor")))
		if n := s.int("budget"); n > 0 {
			o.budget = n
		}
		last, err := tail(ctx, tx, o)
		if err != nil {
			return err
		}
		o.last, o.link = max(last, o.acked), [32]byte(s.bytes("link"))
		if last > 0 {
			b, err := store.One[row](ctx, tx, "SELECT seq, made, kind, state, prev, digest, raw, size, NULL AS body FROM box_batch WHERE seq = ?", last)
			if err != nil {
				return err
			}
			bb := o.batch(b)
			o.link = bb.Link()
		}
		if o.bytes, err = store.One[int64](ctx, tx, "SELECT CAST(COALESCE(SUM(size + ?), 0) AS BIGINT) FROM box_batch", rowBytes); err != nil {
			return err
		}
		return setState(ctx, tx, "boot", strconv.FormatInt(o.boot.No, 10))
	})
}

func tail(ctx context.Context, r store.Reader, _ *Outbox) (int64, error) {
	return store.One[int64](ctx, r, "SELECT COALESCE(MAX(seq), 0) FROM box_batch")
}

// Close closes it.
func (o *Outbox) Close() error { return o.db.Close() }

// Clock is the edge's time.
func (o *Outbox) Clock() *edge.Clock { return o.clock }

// Boot says which start this is.
func (o *Outbox) Boot() Boot { return o.boot }

// ID is the edge's, zero if it is not enrolled.
func (o *Outbox) ID() uuid.UUID {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.id
}

// Bind makes the outbox that of an enrolled edge. What waits is sent under the new
// name, in a chain of its own: nothing is lost by enrolling again.
func (o *Outbox) Bind(ctx context.Context, id uuid.UUID) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.id == id {
		return nil
	}
	return o.rechain(ctx, id)
}

// Rechain begins the chain anew for what waits.
func (o *Outbox) Rechain(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.rechain(ctx, o.id)
}

func (o *Outbox) rechain(ctx context.Context, id uuid.UUID) error {
	epoch := uuid.New()
	var last, bytes int64
	var link [32]byte
	err := o.db.Update(ctx, func(tx *store.Tx) error {
		last, link, bytes = 0, [32]byte{}, 0
		if _, err := tx.Exec(ctx, "DELETE FROM box_batch WHERE seq <= ?", o.acked); err != nil {
			return err
		}
		seqs, err := store.All[int64](ctx, tx, "SELECT seq FROM box_batch ORDER BY seq")
		if err != nil {
			return err
		}
		for _, seq := range seqs {
			r, err := store.One[row](ctx, tx, "SELECT seq, made, kind, state, prev, digest, raw, size, NULL AS body FROM box_batch WHERE seq = ?", seq)
			if err != nil {
				return err
			}
			last++
			bytes += r.Size + rowBytes
			b := edge.Batch{Edge: id, Epoch: epoch, Seq: last, Made: r.Made, Kind: r.Kind, Prev: link, Digest: [32]byte(r.Digest)}
			if _, err := tx.Exec(ctx, "UPDATE box_batch SET seq = ?, prev = ? WHERE seq = ?", last, link[:], seq); err != nil {
				return err
			}
			link = b.Link()
		}
		for name, value := range map[string]string{"edge": id.String(), "epoch": epoch.String(), "acked": "0", "link": fmt.Sprintf("%x", link)} {
			if err := setState(ctx, tx, name, value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("bind the outbox to the edge: %w", err)
	}
	o.id, o.epoch, o.last, o.link, o.acked, o.bytes = id, epoch, last, link, 0, bytes
	return nil
}

type row struct {
	Seq    int64  `db:"seq"`
	Made   int64  `db:"made"`
	Kind   string `db:"kind"`
	State  int64  `db:"state"`
	Prev   []byte `db:"prev"`
	Digest []byte `db:"digest"`
	Raw    int64  `db:"raw"`
	Size   int64  `db:"size"`
	Body   []byte `db:"body"`
}

func (o *Outbox) batch(r row) edge.Batch {
	b := edge.Batch{Edge: o.id, Epoch: o.epoch, Seq: r.Seq, Made: r.Made, State: edge.State(r.State), Kind: r.Kind, Raw: int(r.Raw), Body: r.Body}
	copy(b.Prev[:], r.Prev)
	copy(b.Digest[:], r.Digest)
	return b
}

// Append keeps messages, all or none of them. When it returns they are on disk. It
// makes room by its budget first.
func (o *Outbox) Append(ctx context.Context, messages ...edge.Message) error {
	rows := make([]row, 0, len(messages))
	var size int64
	for _, m := range messages {
		body, err := o.codec.Pack(m.Body)
		if err != nil {
			return err
		}
		if m.Kind == "" || len(m.Kind) > edge.MaxKind {
			return ot.Errorf(ot.Internal, "a message of kind %q cannot be sent", m.Kind)
		}
		digest := sha256.Sum256(m.Body)
		rows = append(rows, row{Kind: m.Kind, Digest: digest[:], Raw: int64(len(m.Body)), Size: int64(len(body)), Body: body})
		size += int64(len(body)) + rowBytes
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.id == uuid.Nil {
		return ot.Errorf(ot.Invalid, "this edge is not enrolled: run skanse edge --data DIR --enrol TOKEN with a token of the centre's page Sensors")
	}
	if err := o.makeRoom(ctx, size); err != nil {
		return err
	}
	last, link := o.last, o.link
	err := o.db.Update(ctx, func(tx *store.Tx) error {
		last, link = o.last, o.link
		for i := range rows {
			last++
			rows[i].Seq, rows[i].Made, rows[i].Prev = last, o.clock.Now().UnixMicro(), append([]byte(nil), link[:]...)
			b := o.batch(rows[i])
			link = b.Link()
		}
		return store.Upsert(ctx, tx, "box_batch", rows, nil, nil)
	})
	if err != nil {
		return fmt.Errorf("keep %d messages for the centre: %w", len(rows), err)
	}
	o.last, o.link, o.bytes = last, link, o.bytes+size
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return nil
}

// Wake gives a value after Append.
func (o *Outbox) Wake() <-chan struct{} { return o.wake }

// Next returns the batches behind after, in order: as many as fit into most bytes, at
// least one if there is one.
func (o *Outbox) Next(ctx context.Context, after int64, most int) (out []edge.Batch, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	err = o.db.View(ctx, func(r store.Reader) error {
		size := 0
		for x, err := range store.Select[row](ctx, r, "SELECT seq, made, kind, state, prev, digest, raw, size, body FROM box_batch WHERE seq > ? ORDER BY seq LIMIT 2000", after) {
			if err != nil {
				return err
			}
			size += int(x.Size) + rowBytes
			if len(out) > 0 && size > most {
				return nil
			}
			out = append(out, o.batch(x))
		}
		return nil
	})
	return out, err
}

// Acked notes that the centre has everything up to seq.
func (o *Outbox) Acked(ctx context.Context, seq int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if seq == o.acked || seq > o.last {
		return nil
	}
	if err := o.db.Update(ctx, func(tx *store.Tx) error { return o.ack(ctx, tx, seq) }); err != nil {
		return err
	}
	o.acked = seq // also back, for a centre that was restored
	return nil
}

func (o *Outbox) ack(ctx context.Context, tx *store.Tx, seq int64) error {
	if err := setState(ctx, tx, "acked", strconv.FormatInt(seq, 10)); err != nil {
		return err
	}
	return setState(ctx, tx, "link", fmt.Sprintf("%x", o.link))
}

// Position says what is there: the first and last batch and the last confirmed one.
func (o *Outbox) Position(ctx context.Context) (oldest, newest, acked int64, epoch uuid.UUID, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	err = o.db.View(ctx, func(r store.Reader) error {
		oldest, err = store.One[int64](ctx, r, "SELECT COALESCE(MIN(seq), 0) FROM box_batch")
		return err
	})
	return oldest, o.last, o.acked, o.epoch, err
}

// Queue says how much waits.
func (o *Outbox) Queue(ctx context.Context) (q edge.Queue, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	type waiting struct {
		N  int64 `db:"n"`
		At int64 `db:"at"`
	}
	err = o.db.View(ctx, func(r store.Reader) error {
		w, err := store.One[waiting](ctx, r, "SELECT COUNT(*) AS n, COALESCE(MIN(made), 0) AS at FROM box_batch WHERE seq > ?", o.acked)
		q = edge.Queue{Waiting: w.N, OldestAt: w.At, Bytes: o.bytes, Budget: o.budget, DroppedBulk: o.lost.Bulk, DroppedWhole: o.lost.Whole, DroppedBytes: o.lost.Bytes}
		return err
	})
	return q, err
}

// SetBudget says how much disk may be taken.
func (o *Outbox) SetBudget(ctx context.Context, bytes int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.db.Update(ctx, func(tx *store.Tx) error { return setState(ctx, tx, "budget", strconv.FormatInt(bytes, 10)) }); err != nil {
		return err
	}
	o.budget = bytes
	return o.makeRoom(ctx, 0)
}
