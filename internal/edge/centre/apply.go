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
	applyRows  = 1900 // of a transaction, by the steps' own estimate
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

// job is work with the batches that it is of.
type job struct {
	Work
	rows []batchRow
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
		more = more || len(rows) == applyBatch
		rows, err = s.marked(ctx, r, rows)
		return err
	})
	if err != nil {
		return false, err
	}
	jobs, err := s.plan(ctx, rows)
	if err != nil {
		return false, err
	}
	return more, s.doJobs(ctx, st, jobs)
}

// marked empties batches whose message was applied before: an edge that begins its
// chain anew sends again what it does not know to be confirmed. A message names
// itself, so that the same bytes are the same message.
func (s *Service) marked(ctx context.Context, r store.Reader, rows []batchRow) ([]batchRow, error) {
	digests := make([][]byte, len(rows))
	for i := range rows {
		digests[i] = rows[i].Digest
	}
	if len(rows) == 0 {
		return rows, nil
	}
	done, err := store.All[[]byte](ctx, r, "SELECT digest FROM edge_batch WHERE edge_id = ? AND done AND error = '' AND digest IN (?)", rows[0].EdgeID, digests)
	if err != nil {
		return nil, err
	}
	known := map[[32]byte]bool{}
	for _, d := range done {
		known[[32]byte(d)] = true
	}
	for i := range rows {
		d := [32]byte(rows[i].Digest)
		if known[d] {
			rows[i].State = int64(edge.Dropped)
		}
		known[d] = true
	}
	return rows, nil
}

// plan turns batches into jobs, runs of one kind at a time.
func (s *Service) plan(ctx context.Context, rows []batchRow) ([]job, error) {
	var out []job
	for lo := 0; lo < len(rows); {
		if rows[lo].State == int64(edge.Dropped) { // counted in the edge's health, or known
			out = append(out, job{Work{Items: 1}, rows[lo : lo+1]})
			lo++
			continue
		}
		var items []Item
		hi, bad := lo, error(nil)
		for ; hi < len(rows) && rows[hi].Kind == rows[lo].Kind && rows[hi].State != int64(edge.Dropped); hi++ {
			it, err := s.item(&rows[hi])
			if err != nil {
				bad = err
				break
			}
			items = append(items, it)
		}
		if do, ok := s.plans[rows[lo].Kind]; !ok && len(items) > 0 {
			bad = ot.Errorf(ot.Invalid, "messages of kind %q are not known here: this centre is older than its edge", ot.Printable(rows[lo].Kind))
			hi = lo
		} else if len(items) > 0 {
			works, err := do(ctx, items)
			if err != nil {
				return nil, err
			}
			for _, w := range works {
				out = append(out, job{w, rows[lo : lo+w.Items]})
				lo += w.Items
			}
		}
		if bad != nil {
			out = append(out, job{Work{Items: 1, Err: bad}, rows[hi : hi+1]})
			lo = hi + 1
		}
	}
	return out, nil
}

func (s *Service) item(r *batchRow) (Item, error) {
	b := edge.Batch{Seq: r.Seq, State: edge.State(r.State), Raw: int(r.Raw), Body: r.Body, Digest: [32]byte(r.Digest)}
	raw, err := s.codec.Open(&b)
	if err != nil {
		return Item{}, err
	}
	it := Item{EdgeID: r.EdgeID, Kind: r.Kind, Body: raw, Received: r.Received.Time}
	if r.Skew != nil {
		it.Skew = new(time.Duration(*r.Skew) * time.Microsecond)
	}
	return it, nil
}

// doJobs does jobs in transactions of a bounded size.
func (s *Service) doJobs(ctx context.Context, st streamRow, jobs []job) error {
	for len(jobs) > 0 {
		switch j := jobs[0]; {
		case j.Err != nil:
			if err := s.setAside(ctx, st, j.rows[0].Seq, j.Err); err != nil {
				return err
			}
			jobs = jobs[1:]
			continue
		case !Fits(j.Rows) && len(j.rows) == 1:
			if err := s.doLong(ctx, st, j); err != nil {
				return err
			}
			jobs = jobs[1:]
			continue
		}
		n, rows := 0, 0
		for n < len(jobs) && jobs[n].Err == nil && (n == 0 || Fits(rows+jobs[n].Rows)) {
			rows += jobs[n].Rows
			n++
		}
		if err := s.doTogether(ctx, st, jobs[:n]); err != nil {
			return err
		}
		jobs = jobs[n:]
	}
	return nil
}

// doTogether does jobs in one transaction with the mark that they are done. Where
// that fails, each is tried alone: one batch's trouble must not be another's.
func (s *Service) doTogether(ctx context.Context, st streamRow, jobs []job) error {
	var steps []Step
	var seqs []int64
	for _, j := range jobs {
		steps = append(steps, j.Steps...)
		for i := range j.rows {
			seqs = append(seqs, j.rows[i].Seq)
		}
	}
	alone := len(seqs) == 1
	err := s.try(ctx, alone, func(tx *store.Tx) error {
		if err := doSteps(ctx, tx, steps); err != nil {
			return err
		}
		return s.advance(ctx, tx, st, seqs)
	})
	switch {
	case err == nil || patient(ctx, err):
		return err
	case alone:
		return s.setAside(ctx, st, seqs[0], err)
	}
	for _, j := range jobs {
		for i := range j.rows {
			one, err := s.plan(ctx, j.rows[i:i+1])
			if err == nil {
				err = s.doJobs(ctx, st, one)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// doLong does one batch that is more than a transaction, step by step.
func (s *Service) doLong(ctx context.Context, st streamRow, j job) error {
	for lo := 0; lo < len(j.Steps); {
		hi, rows := lo, 0
		for hi < len(j.Steps) && (hi == lo || Fits(rows+j.Steps[hi].Rows)) {
			rows += j.Steps[hi].Rows
			hi++
		}
		err := s.try(ctx, true, func(tx *store.Tx) error {
			if err := doSteps(ctx, tx, j.Steps[lo:hi]); err != nil || hi < len(j.Steps) {
				return err
			}
			return s.advance(ctx, tx, st, []int64{j.rows[0].Seq})
		})
		switch {
		case err == nil:
		case patient(ctx, err):
			return err
		default:
			return s.setAside(ctx, st, j.rows[0].Seq, err)
		}
		lo = hi
	}
	return nil
}

func doSteps(ctx context.Context, tx *store.Tx, steps []Step) error {
	last := map[string]int{}
	for i := range steps {
		if steps[i].Once != "" {
			last[steps[i].Once] = i
		}
	}
	for i := range steps {
		if steps[i].Once != "" && last[steps[i].Once] != i {
			continue
		}
		if err := steps[i].Do(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// patient says that an error is waited for, however long.
func patient(ctx context.Context, err error) bool {
	code := ot.CodeOf(err)
	return ctx.Err() != nil || code == ot.Full || code == ot.Busy
}

// try runs a transaction, a few times where it is the batch's last chance.
func (s *Service) try(ctx context.Context, again bool, fn func(*store.Tx) error) error {
	for n := 1; ; n++ {
		err := s.db.Update(ctx, fn)
		if err == nil || !again || n == applyTries || patient(ctx, err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(n) * 200 * time.Millisecond):
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
	s.log.Error("a batch cannot be taken in and is set aside", "edge", st.EdgeID, "batch", seq, "error", why)
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
