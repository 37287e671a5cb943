package centre

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

type streamRow struct {
	EdgeID   string `db:"edge_id"`
	Epoch    string `db:"epoch"`
	Received int64  `db:"received"`
	Head     []byte `db:"head"`
	Applied  int64  `db:"applied"`
	Lost     int64  `db:"lost"`
}

type batchRow struct {
	EdgeID   string     `db:"edge_id"`
	Epoch    string     `db:"epoch"`
	Seq      int64      `db:"seq"`
	Made     int64      `db:"made"`
	Received store.Time `db:"received_at"`
	Skew     *int64     `db:"skew"`
	Via      string     `db:"via"`
	Kind     string     `db:"kind"`
	State    int64      `db:"state"`
	Prev     []byte     `db:"prev"`
	Link     []byte     `db:"link"`
	Digest   []byte     `db:"digest"`
	Raw      int64      `db:"raw"`
	Body     []byte     `db:"body"`
	Done     bool       `db:"done"`
	Error    string     `db:"error"`
}

const batchColumns = "edge_id, epoch, seq, made, received_at, skew, via, kind, state, prev, link, digest, raw, body, done, error"

// Delivery is batches on their way in.
type Delivery struct {
	EdgeID string
	Via    string
	Sent   int64 // µs by the edge's clock; 0: not known
	Raw    []byte
}

// maxWaiting bounds what is received and not yet applied: beyond it the edge keeps its own.
const maxWaiting = 20_000

// ahead bounds how far batches that came by file may be ahead of a gap.
const ahead = 200_000

// Receive keeps batches. When it returns they are on disk and will be applied, in
// their order and once. A batch that is known already changes nothing; one that
// does not fit its edge's chain puts the edge into quarantine.
func (s *Service) Receive(ctx context.Context, d Delivery) (edge.Ack, error) {
	list, err := edge.ReadBatches(d.Raw)
	if err != nil {
		return edge.Ack{}, err
	}
	for i := range list {
		b := &list[i]
		if b.Edge.String() != d.EdgeID {
			return edge.Ack{}, ot.Errorf(ot.Forbidden, "batch %d is of edge %s, and comes from edge %s: it is refused", b.Seq, b.Edge, d.EdgeID)
		}
		if b.Epoch != list[0].Epoch {
			return edge.Ack{}, ot.Errorf(ot.Invalid, "the batches of one delivery are of several outboxes: they are refused")
		}
		if b.State != edge.Dropped { // a damaged one must never get a place in the chain
			if _, err := s.codec.Open(b); err != nil {
				return edge.Ack{}, err
			}
		}
	}
	now := s.now()
	var ack edge.Ack
	var e edgeRow
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		ack = edge.Ack{Now: now.UnixMicro()}
		var err error
		if e, err = s.active(ctx, tx, d.EdgeID); err != nil {
			return err
		}
		var skew *int64
		if d.Sent != 0 {
			skew = new(d.Sent - now.UnixMicro())
		}
		if err := s.heard(ctx, tx, e, d.Via, skew); err != nil || len(list) == 0 {
			return err
		}
		in := &intake{s: s, tx: tx, d: d, now: now, skew: skew}
		ack.Received, ack.New, err = in.take(ctx, list)
		return err
	})
	if f, ok := errors.AsType[*forkError](err); ok {
		if err := s.db.Update(ctx, func(tx *store.Tx) error { return s.quarantine(ctx, tx, e, f.why) }); err != nil {
			return ack, err
		}
		return ack, refuse(ot.Forbidden, edge.ReasonQuarantined, f.why)
	}
	return ack, err
}

type forkError struct{ why string }

func (f *forkError) Error() string { return f.why }

// intake is one delivery in its transaction.
type intake struct {
	s      *Service
	tx     *store.Tx
	d      Delivery
	now    time.Time
	skew   *int64
	stream streamRow
}

func (in *intake) take(ctx context.Context, list []edge.Batch) (received int64, fresh int, err error) {
	epoch := list[0].Epoch.String()
	rows, err := store.All[streamRow](ctx, in.tx, "SELECT edge_id, epoch, received, head, applied, lost FROM edge_stream WHERE edge_id = ? AND epoch = ?", in.d.EdgeID, epoch)
	if err != nil {
		return 0, 0, err
	}
	in.stream = streamRow{EdgeID: in.d.EdgeID, Epoch: epoch, Head: make([]byte, 32)}
	if len(rows) > 0 {
		in.stream = rows[0]
	}
	st := &in.stream
	waiting, err := store.One[int64](ctx, in.tx, "SELECT COUNT(*) FROM (SELECT 1 FROM edge_batch WHERE edge_id = ? AND epoch = ? AND NOT done LIMIT ?) w", st.EdgeID, st.Epoch, maxWaiting)
	if err != nil {
		return 0, 0, err
	}
	if waiting >= maxWaiting {
		return 0, 0, ot.Errorf(ot.Busy, "%d batches of this edge wait to be taken in: send the next ones later", waiting)
	}
	byFile := byFile(in.d.Via)
	var keep []batchRow
	for i := range list {
		b := &list[i]
		link := b.Link()
		switch {
		case b.Seq <= st.Received:
			if err := in.known(ctx, b, link); err != nil {
				return 0, 0, err
			}
			continue
		case b.Seq > st.Received+1 && !byFile:
			if len(keep) == 0 {
				return 0, 0, &Refusal{edge.Problem{
					Code: ot.Conflict, Reason: edge.ReasonGap, Received: st.Received,
					Detail: fmt.Sprintf("batch %d came, but %d is next: send again from there", b.Seq, st.Received+1),
				}}
			}
			return 0, 0, ot.Errorf(ot.Invalid, "batch %d stands behind batch %d in one delivery", b.Seq, list[i-1].Seq)
		case b.Seq > st.Received+ahead:
			return 0, 0, ot.Errorf(ot.TooMany, "batch %d is too far ahead of %d, the last without a gap before it", b.Seq, st.Received)
		case b.Seq == st.Received+1 && !follows(b.Prev[:], st.Head):
			return 0, 0, &forkError{fmt.Sprintf("batch %d does not continue what this edge told before: a second machine speaks with its data, or it was set back to an older copy", b.Seq)}
		}
		if b.Seq == st.Received+1 {
			st.Received, st.Head = b.Seq, append([]byte(nil), link[:]...)
		}
		keep = append(keep, in.row(b, link))
	}
	n, err := in.insert(ctx, keep)
	if err != nil {
		return 0, 0, err
	}
	if byFile {
		if err := in.close(ctx); err != nil {
			return 0, 0, err
		}
	}
	err = store.Upsert(ctx, in.tx, "edge_stream", []streamRow{*st}, []string{"edge_id", "epoch"}, []string{"received", "head"})
	return st.Received, n, err
}

func (in *intake) row(b *edge.Batch, link [32]byte) batchRow {
	r := batchRow{
		EdgeID: in.d.EdgeID, Epoch: b.Epoch.String(), Seq: b.Seq, Made: b.Made, Received: store.At(in.now), Skew: in.skew, Via: in.d.Via, Kind: b.Kind, State: int64(b.State),
		Prev: b.Prev[:], Link: link[:], Digest: b.Digest[:], Raw: int64(b.Raw), Body: b.Body,
	}
	return r
}

func (in *intake) insert(ctx context.Context, rows []batchRow) (int, error) {
	fresh := 0
	for i := range rows {
		n, err := in.tx.Exec(ctx, "INSERT INTO edge_batch ("+batchColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (edge_id, epoch, seq) DO NOTHING",
			rows[i].EdgeID, rows[i].Epoch, rows[i].Seq, rows[i].Made, rows[i].Received, rows[i].Skew, rows[i].Via, rows[i].Kind, rows[i].State, rows[i].Prev, rows[i].Link, rows[i].Digest, rows[i].Raw, rows[i].Body, rows[i].Done, rows[i].Error)
		if err != nil {
			return 0, err
		}
		if n == 0 { // by file, ahead of a gap, and again
			if err := in.same(ctx, rows[i].Seq, rows[i].Link); err != nil {
				return 0, err
			}
		}
		fresh += int(n)
	}
	return fresh, nil
}

// known compares a batch that came before with what came then.
func (in *intake) known(ctx context.Context, b *edge.Batch, link [32]byte) error {
	if b.Seq == in.stream.Received && !follows(link[:], in.stream.Head) {
		return &forkError{fmt.Sprintf("batch %d came before with another content: a second machine speaks with this edge's data", b.Seq)}
	}
	return in.same(ctx, b.Seq, link[:])
}

func (in *intake) same(ctx context.Context, seq int64, link []byte) error {
	have, err := store.All[[]byte](ctx, in.tx, "SELECT link FROM edge_batch WHERE edge_id = ? AND epoch = ? AND seq = ?", in.d.EdgeID, in.stream.Epoch, seq)
	if err != nil {
		return err
	}
	if len(have) > 0 && !bytes.Equal(have[0], link) {
		return &forkError{fmt.Sprintf("batch %d came before with another content: a second machine speaks with this edge's data", seq)}
	}
	return nil
}

// close moves the end of what is whole over batches that came by file before their turn.
func (in *intake) close(ctx context.Context) error {
	st := &in.stream
	type next struct {
		Seq  int64  `db:"seq"`
		Prev []byte `db:"prev"`
		Link []byte `db:"link"`
	}
	for {
		rows, err := store.All[next](ctx, in.tx, "SELECT seq, prev, link FROM edge_batch WHERE edge_id = ? AND epoch = ? AND seq > ? ORDER BY seq LIMIT 1000", st.EdgeID, st.Epoch, st.Received)
		if err != nil {
			return err
		}
		moved := false
		for _, r := range rows {
			if r.Seq != st.Received+1 {
				return nil
			}
			if !follows(r.Prev, st.Head) {
				return &forkError{fmt.Sprintf("batch %d does not continue what this edge told before: a second machine speaks with its data", r.Seq)}
			}
			st.Received, st.Head, moved = r.Seq, r.Link, true
		}
		if !moved {
			return nil
		}
	}
}

// quarantine stops an edge whose data speaks with two tongues, until a person says which is right.
func (s *Service) quarantine(ctx context.Context, tx *store.Tx, e edgeRow, why string) error {
	if _, err := tx.Exec(ctx, "UPDATE edge_edge SET state = 'quarantined', why = ? WHERE edge_id = ?", why, e.ID); err != nil {
		return err
	}
	s.log.Error("an edge is in quarantine", "edge", e.Name, "why", why)
	if err := s.announce(ctx, tx, e.ID); err != nil {
		return err
	}
	return s.ask(ctx, tx, e, inbox.Item{
		Key: "edge.clone:" + e.ID, Kind: "edge-clone", Severity: inbox.Now, Action: "decide",
		Title:  "Sensor " + e.Name + " seems to run on two machines",
		Detail: "What it sends is kept out until somebody decides. " + why + ". Find the second machine (a copied disk, a restored virtual machine), stop it, and release the sensor; or revoke it and enrol it anew.",
	})
}

// follows says whether a link fits; nothing is known of one behind a loss.
func follows(link, head []byte) bool { return len(head) == 0 || bytes.Equal(link, head) }

func byFile(via string) bool { return via == ViaDiode || via == ViaStick }
