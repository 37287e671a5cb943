package box

import (
	"context"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Clean removes confirmed batches that are old enough.
func (o *Outbox) Clean(ctx context.Context, keep time.Duration) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.remove(ctx, "made < ?", o.clock.Now().Add(-keep).UnixMicro())
}

// remove deletes confirmed batches, a page at a time, so that a big outbox is not one big transaction.
func (o *Outbox) remove(ctx context.Context, where string, args ...any) error {
	for {
		var n, freed int64
		err := o.db.Update(ctx, func(tx *store.Tx) (err error) {
			seqs, err := store.All[row](ctx, tx, "SELECT seq, made, kind, state, prev, digest, raw, size, NULL AS body FROM box_batch WHERE seq <= ? AND "+where+" ORDER BY seq LIMIT ?",
				append(append([]any{o.acked}, args...), pageRows)...)
			if err != nil || len(seqs) == 0 {
				n = 0
				return err
			}
			freed = 0
			for _, r := range seqs {
				freed += r.Size + rowBytes
			}
			n, err = tx.Exec(ctx, "DELETE FROM box_batch WHERE seq <= ? AND seq >= ? AND "+where, append([]any{seqs[len(seqs)-1].Seq, seqs[0].Seq}, args...)...)
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		o.bytes -= freed
	}
}

const pageRows = 1000

// makeRoom keeps the outbox below its budget with more bytes to come: confirmed
// batches go first, then the counters of the oldest ones, then, and counted apart,
// the oldest batches whole. Facts and events are never the first to go.
func (o *Outbox) makeRoom(ctx context.Context, more int64) error {
	if o.bytes+more <= o.budget {
		return nil
	}
	goal := o.budget - o.budget/20 - more // a little more than asked, so that not every message pays for it
	if err := o.removeUntil(ctx, goal); err != nil {
		return err
	}
	for _, step := range []edge.State{edge.Whole, edge.Cut} {
		for o.bytes > goal {
			n, err := o.shrink(ctx, step)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
	if o.bytes > goal { // marks of what was dropped take room too: the hello says from where on there is something
		if err := o.removeMarks(ctx, goal); err != nil {
			return err
		}
	}
	if o.bytes+more > o.budget && more > 0 {
		return ot.Errorf(ot.Full, "the outbox is full: %d bytes, and one message needs %d; give it more with the centre's configuration", o.bytes, more)
	}
	return nil
}

// removeUntil removes confirmed batches, the oldest first.
func (o *Outbox) removeUntil(ctx context.Context, goal int64) error {
	for o.bytes > goal {
		var n, freed int64
		err := o.db.Update(ctx, func(tx *store.Tx) error {
			n, freed = 0, 0
			rows, err := store.All[row](ctx, tx, "SELECT seq, made, kind, state, prev, digest, raw, size, NULL AS body FROM box_batch WHERE seq <= ? ORDER BY seq LIMIT ?", o.acked, pageRows)
			if err != nil {
				return err
			}
			var to int64
			for _, r := range rows {
				if o.bytes-freed <= goal {
					break
				}
				freed, to, n = freed+r.Size+rowBytes, r.Seq, n+1
			}
			_, err = tx.Exec(ctx, "DELETE FROM box_batch WHERE seq <= ?", to)
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		o.bytes -= freed
	}
	return nil
}

// removeMarks removes the oldest batches of which nothing is left.
func (o *Outbox) removeMarks(ctx context.Context, goal int64) error {
	n := (o.bytes-goal)/rowBytes + 1
	removed := int64(0)
	err := o.db.Update(ctx, func(tx *store.Tx) (err error) {
		removed, err = tx.Exec(ctx, "DELETE FROM box_batch WHERE seq IN (SELECT seq FROM box_batch WHERE state = ? ORDER BY seq LIMIT ?)", int64(edge.Dropped), n)
		return err
	})
	if err == nil {
		o.bytes -= removed * rowBytes
	}
	return err
}

// shrinkRows is how many batches one step makes smaller.
const shrinkRows = 50

// shrink takes one step down with the oldest batches of a state: whole to cut, cut to dropped.
func (o *Outbox) shrink(ctx context.Context, from edge.State) (int, error) {
	count, freed, lost := 0, int64(0), Lost{}
	err := o.db.Update(ctx, func(tx *store.Tx) error {
		freed, lost = 0, o.lost
		rows, err := store.All[row](ctx, tx, "SELECT seq, made, kind, state, prev, digest, raw, size, body FROM box_batch WHERE state = ? ORDER BY seq LIMIT ?", int64(from), shrinkRows)
		if err != nil {
			return err
		}
		count = len(rows)
		for i := range rows {
			r := &rows[i]
			before := r.Size
			if err := o.smaller(r, from, &lost); err != nil {
				return err
			}
			freed += before - r.Size
			lost.Bytes += before - r.Size
			if _, err := tx.Exec(ctx, "UPDATE box_batch SET state = ?, raw = ?, size = ?, body = ? WHERE seq = ?", r.State, r.Raw, r.Size, r.Body, r.Seq); err != nil {
				return err
			}
		}
		for name, n := range map[string]int64{"lost_bulk": lost.Bulk, "lost_whole": lost.Whole, "lost_bytes": lost.Bytes} {
			if err := setState(ctx, tx, name, strconv.FormatInt(n, 10)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	o.bytes -= freed
	o.lost = lost
	return count, nil
}

func (o *Outbox) smaller(r *row, from edge.State, lost *Lost) error {
	r.State = int64(from) + 1
	if from == edge.Cut {
		r.Body, r.Raw, r.Size = nil, 0, 0
		lost.Whole++
		return nil
	}
	b := o.batch(*r)
	b.State = from
	raw, err := o.codec.Open(&b)
	if err != nil || o.reduce == nil {
		return err
	}
	core, left, ok := o.reduce(r.Kind, raw)
	if !ok {
		return nil // nothing can go: it waits for the next step
	}
	body, err := o.codec.Pack(core)
	if err != nil {
		return err
	}
	r.Body, r.Raw, r.Size = body, int64(len(core)), int64(len(body))
	lost.Bulk += int64(left)
	return nil
}
