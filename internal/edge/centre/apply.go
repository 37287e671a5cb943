package centre

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

const (
	applyRows  = 1500 // of a transaction, by the steps' own estimate
	applyBatch = 200  // batches looked at together
	applyBytes = 8 << 20
	applyTries = 5
	applyRest  = 5 * time.Second
)

// Run hands on what was received, in order, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		changed := s.db.Changed()
		more, err := s.applyWaiting(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			s.log.Error("what edges delivered cannot be taken in yet; trying again", "error", err)
			changed = nil
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(applyRest):
		}
	}
}

// applyWaiting hands on one round of every edge.
func (s *Service) applyWaiting(ctx context.Context) (more bool, err error) {
	var streams []streamRow
	err = s.db.View(ctx, func(r store.Reader) error {
		streams, err = store.All[streamRow](ctx, r, `SELECT edge_id, epoch, received, head, applied, lost FROM edge_stream s
			WHERE EXISTS (SELECT 1 FROM edge_batch b WHERE b.edge_id = s.edge_id AND b.epoch = s.epoch AND NOT b.done) ORDER BY edge_id, epoch`)
		return err
	})
	if err != nil {
		return false, err
	}
	for _, st := range streams {
		full, aerr := s.applyStream(ctx, st)
		if aerr != nil {
			err = fmt.Errorf("edge %s: %w", st.EdgeID, aerr)
			continue // one edge's trouble is not another's
		}
		more = more || full
	}
	return more, err
}

// piece is a step of a batch; end marks the batch's last one.
type piece struct {
	Step
	seq int64
	end bool
}

// applyStream hands on a stream's next batches, in order: also those that came by
// file ahead of a gap, as what is missing may never come. It says whether there is more.
func (s *Service) applyStream(ctx context.Context, st streamRow) (more bool, err error) {
	var rows []batchRow
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, more = nil, false
		size := 0
		for x, err := range store.Select[batchRow](ctx, r, "SELECT "+batchColumns+" FROM edge_batch WHERE edge_id = ? AND epoch = ? AND NOT done ORDER BY seq LIMIT ?", st.EdgeID, st.Epoch, applyBatch) {
			if err != nil {
				return err
			}
			if size += int(x.Raw); len(rows) > 0 && size > applyBytes {
				more = true
				return nil
			}
			rows = append(rows, x)
		}
		more = len(rows) == applyBatch
		return nil
	})
	if err != nil {
		return false, err
	}
	var pieces []piece
	for i := range rows {
		steps, err := s.plan(ctx, &rows[i])
		if err != nil {
			if err := s.flush(ctx, st, &pieces); err != nil {
				return false, err
			}
			if code := ot.CodeOf(err); code != ot.Invalid && code != ot.Forbidden || ctx.Err() != nil { // nothing that time mends
				return false, err
			}
			if err := s.setAside(ctx, st, rows[i].Seq, err); err != nil {
				return false, err
			}
			continue
		}
		for k := range steps {
			pieces = append(pieces, piece{Step: steps[k], seq: rows[i].Seq, end: k == len(steps)-1})
		}
		if len(steps) == 0 {
			pieces = append(pieces, piece{seq: rows[i].Seq, end: true})
		}
		if total(pieces) >= applyRows {
			if err := s.flush(ctx, st, &pieces); err != nil {
				return false, err
			}
		}
	}
	return more, s.flush(ctx, st, &pieces)
}

func total(pieces []piece) (n int) {
	for _, p := range pieces {
		n += p.Rows
	}
	return n
}

func (s *Service) plan(ctx context.Context, r *batchRow) ([]Step, error) {
	if r.State == int64(edge.Dropped) {
		return nil, nil // counted in the edge's health
	}
	do, ok := s.plans[r.Kind]
	if !ok {
		return nil, ot.Errorf(ot.Invalid, "messages of kind %q are not known here: this centre is older than its edge", ot.Printable(r.Kind))
	}
	b := edge.Batch{Seq: r.Seq, State: edge.State(r.State), Raw: int(r.Raw), Body: r.Body, Digest: [32]byte(r.Digest)}
	raw, err := s.codec.Open(&b)
	if err != nil {
		return nil, err
	}
	it := Item{EdgeID: r.EdgeID, Kind: r.Kind, Body: raw, Received: r.Received.Time}
	if r.Skew != nil {
		it.Skew = new(time.Duration(*r.Skew) * time.Microsecond)
	}
	return do(ctx, it)
}

// flush does pieces in transactions of a bounded size. A batch is done in the
// transaction of its last piece.
func (s *Service) flush(ctx context.Context, st streamRow, pieces *[]piece) error {
	list := *pieces
	*pieces = nil
	for len(list) > 0 {
		n, rows := 0, 0
		for n < len(list) && (n == 0 || rows+list[n].Rows <= applyRows) {
			rows += list[n].Rows
			n++
		}
		if err := s.doPieces(ctx, st, list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

func (s *Service) doPieces(ctx context.Context, st streamRow, list []piece) error {
	for try := 1; ; try++ {
		failed := int64(0)
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			var ended []int64
			last := map[string]int{}
			for i, p := range list {
				if p.Once != "" {
					last[p.Once] = i
				}
			}
			for i, p := range list {
				if p.Do != nil && (p.Once == "" || last[p.Once] == i) {
					if err := p.Do(ctx, tx); err != nil {
						failed = p.seq
						return err
					}
				}
				if p.end {
					ended = append(ended, p.seq)
				}
			}
			return s.advance(ctx, tx, st, ended)
		})
		if err == nil {
			return nil
		}
		code := ot.CodeOf(err)
		if ctx.Err() != nil || code == ot.Full || code == ot.Busy {
			return err // waited for, however long
		}
		switch {
		case list[0].seq != list[len(list)-1].seq: // one batch's trouble must not be another's: one at a time
			for lo := 0; lo < len(list); {
				hi := lo + 1
				for hi < len(list) && list[hi].seq == list[lo].seq {
					hi++
				}
				if err := s.doPieces(ctx, st, list[lo:hi]); err != nil {
					return err
				}
				lo = hi
			}
			return nil
		case try < applyTries:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(try) * 200 * time.Millisecond):
			}
		default:
			s.log.Error("a batch cannot be taken in and is set aside", "edge", st.EdgeID, "batch", failed, "error", err)
			return s.setAside(ctx, st, list[0].seq, err)
		}
	}
}

// advance notes that batches are applied, and lets their bodies go.
func (s *Service) advance(ctx context.Context, tx *store.Tx, st streamRow, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, "UPDATE edge_batch SET done = ?, body = NULL WHERE edge_id = ? AND epoch = ? AND seq IN (?) AND NOT done", true, st.EdgeID, st.Epoch, seqs); err != nil {
		return err
	}
	last := seqs[len(seqs)-1]
	_, err := tx.Exec(ctx, "UPDATE edge_stream SET applied = ? WHERE edge_id = ? AND epoch = ? AND applied < ?", last, st.EdgeID, st.Epoch, last)
	return err
}

// setAside keeps a batch that cannot be applied, says so, and goes on.
func (s *Service) setAside(ctx context.Context, st streamRow, seq int64, why error) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, "UPDATE edge_batch SET done = ?, error = ? WHERE edge_id = ? AND epoch = ? AND seq = ? AND NOT done", true, ot.Printable(why.Error()), st.EdgeID, st.Epoch, seq); err != nil {
			return err
		}
		e, err := s.row(ctx, tx, st.EdgeID)
		if err != nil {
			return err
		}
		if err := s.ask(ctx, tx, e, inbox.Item{
			Key: "edge.refused:" + e.ID, Kind: "edge-refused", Severity: inbox.Today, Action: "look", Title: "What sensor " + e.Name + " told could not be taken in",
			Detail: fmt.Sprintf("Batch %d is set aside and kept: %v", seq, why),
		}); err != nil {
			return err
		}
		return s.advance(ctx, tx, st, []int64{seq})
	})
}

// keepBatches is how long the trace of an applied batch stays: by it a batch that
// comes again with another content is known.
const keepBatches = 14 * 24 * time.Hour

// Clean removes old traces, a page at a time.
func (s *Service) Clean(ctx context.Context) error {
	before := store.At(s.now().Add(-keepBatches))
	for {
		var n int64
		err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(ctx, "DELETE FROM edge_batch WHERE (edge_id, epoch, seq) IN (SELECT edge_id, epoch, seq FROM edge_batch WHERE done AND error = '' AND received_at < ? LIMIT 1000)", before)
			return err
		})
		if err != nil || n == 0 {
			return err
		}
	}
}
