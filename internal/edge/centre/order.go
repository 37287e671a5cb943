package centre

import (
	"context"
	"crypto/ecdh"
	"encoding/json"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// orderRow is edge_order.
type orderRow struct {
	EdgeID  string                      `db:"edge_id"`
	No      int64                       `db:"no"`
	Kind    string                      `db:"kind"`
	Subject string                      `db:"subject"`
	Body    store.JSON[json.RawMessage] `db:"body"`
	MadeAt  store.Time                  `db:"made_at"`
	Until   store.Time                  `db:"until"`
	DoneAt  store.Time                  `db:"done_at"`
}

const orderColumns = "edge_id, no, kind, subject, body, made_at, until, done_at"

// Order is something that was asked of an edge.
type Order struct {
	EdgeID  string
	No      int64
	Kind    string
	Subject string // what it is for
	Until   time.Time
}

// Reachable is an edge that can be asked for what it hears.
type Reachable struct {
	EdgeID  string
	ByFile  bool // only by files that somebody carries
	Version int64
}

// Reach finds the edge that listens for each of these sources: an active one of another machine.
func (s *Service) Reach(ctx context.Context, r store.Reader, sources []string) (map[string]Reachable, error) {
	out := map[string]Reachable{}
	if len(sources) == 0 {
		return out, nil
	}
	type found struct {
		Sensor  string `db:"sensor"`
		EdgeID  string `db:"edge_id"`
		Via     string `db:"via"`
		Version int64  `db:"config_version"`
	}
	rows, err := store.All[found](ctx, r, `SELECT x.sensor, x.edge_id, e.via, e.config_version FROM edge_sensor x JOIN edge_edge e ON e.edge_id = x.edge_id
		WHERE x.wanted AND NOT e.in_process AND e.state = 'active' AND x.sensor IN (?)`, sources)
	for _, x := range rows {
		out[x.Sensor] = Reachable{x.EdgeID, byFile(x.Via), x.Version}
	}
	return out, err
}

// Ask asks an edge for something, in the caller's transaction; Nudge it afterwards. The edge has
// until then to answer; over a diode until somebody carried it there and back.
func (s *Service) Ask(ctx context.Context, tx *store.Tx, to Reachable, kind, subject string, body any) (Order, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return Order{}, fmt.Errorf("write an order: %w", err)
	}
	last, err := store.One[int64](ctx, tx, "SELECT COALESCE(MAX(no), 0) FROM edge_order WHERE edge_id = ?", to.EdgeID)
	if err != nil {
		return Order{}, err
	}
	no := max(last+1, s.now().UnixMicro()) // also after a restored snapshot a number that the edge has not seen
	life := edge.OrderLife
	if to.ByFile {
		life = edge.OrderByDay
	}
	o := Order{to.EdgeID, no, kind, subject, s.now().Add(life)}
	row := orderRow{EdgeID: to.EdgeID, No: no, Kind: kind, Subject: subject, Body: store.AsJSON(json.RawMessage(raw)), MadeAt: store.At(s.now()), Until: store.At(o.Until)}
	return o, store.Upsert(ctx, tx, "edge_order", []orderRow{row}, nil, nil)
}

// maxOrders bounds one answer to a hello.
const maxOrders = 20

// signedOrders are those that an edge has not answered.
func (s *Service) signedOrders(ctx context.Context, r store.Reader, edgeID string) ([]*edge.Signed, error) {
	rows, err := store.All[orderRow](ctx, r, "SELECT "+orderColumns+" FROM edge_order WHERE edge_id = ? AND done_at IS NULL AND until > ? ORDER BY no LIMIT ?", edgeID, store.At(s.now()), maxOrders)
	if err != nil {
		return nil, err
	}
	var out []*edge.Signed
	for _, x := range rows {
		body, err := json.Marshal(edge.Order{No: x.No, Kind: x.Kind, Until: x.Until.UnixMicro(), Key: s.orderKey.PublicKey().Bytes(), Body: x.Body.V})
		if err != nil {
			return nil, fmt.Errorf("write an order: %w", err)
		}
		out = append(out, edge.Sign(s.ca.key, "order "+edgeID, body))
	}
	return out, nil
}

// Answered opens an answer of an edge: only one that was asked, and of this edge. fresh
// says that nobody had it before.
func (s *Service) Answered(ctx context.Context, edgeID string, raw []byte) (o Order, a edge.Answer, body []byte, fresh bool, err error) {
	a, sealed, err := edge.ReadAnswer(raw)
	if err != nil {
		return o, a, nil, false, err
	}
	var rows []orderRow
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		rows, err = store.All[orderRow](ctx, r, "SELECT "+orderColumns+" FROM edge_order WHERE edge_id = ? AND no = ?", edgeID, a.No)
		return err
	}); err != nil {
		return o, a, nil, false, err
	}
	if len(rows) == 0 {
		return o, a, nil, false, ot.Errorf(ot.Forbidden, "this edge answers order %d, which nobody gave it", a.No)
	}
	x := rows[0]
	body, err = edge.OpenAnswer(s.orderKey, edgeID, a.No, sealed)
	return Order{x.EdgeID, x.No, x.Kind, x.Subject, x.Until.Time}, a, body, x.DoneAt.IsZero(), err
}

// Asked is what was asked with an order.
func (s *Service) Asked(ctx context.Context, r store.Reader, o Order) (json.RawMessage, error) {
	body, err := store.One[store.JSON[json.RawMessage]](ctx, r, "SELECT body FROM edge_order WHERE edge_id = ? AND no = ?", o.EdgeID, o.No)
	return body.V, err
}

// Done notes that an order was answered.
func (s *Service) Done(ctx context.Context, tx *store.Tx, o Order) error {
	_, err := tx.Exec(ctx, "UPDATE edge_order SET done_at = ? WHERE edge_id = ? AND no = ? AND done_at IS NULL", store.At(s.now()), o.EdgeID, o.No)
	return err
}

// Nudge tells an edge that waits that there is something for it.
func (s *Service) Nudge(edgeID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.waiting[edgeID]; ok {
		close(c)
		delete(s.waiting, edgeID)
	}
}

// NudgeAll lets go all edges that wait: the listener is about to end.
func (s *Service) NudgeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, c := range s.waiting {
		close(c)
		delete(s.waiting, id)
	}
}

// waitMost is how long an edge waits in one request: below what proxies and the listener allow.
const waitMost = 50 * time.Second

// Wait returns when there is something new for an edge, or after a while.
func (s *Service) Wait(ctx context.Context, edgeID string, w edge.Waiting) (edge.News, error) {
	s.mu.Lock()
	c, ok := s.waiting[edgeID]
	if !ok {
		c = make(chan struct{})
		s.waiting[edgeID] = c
	}
	s.mu.Unlock()
	news := false
	err := s.db.View(ctx, func(r store.Reader) error { // after the channel: what is told from now on closes it
		e, err := s.active(ctx, r, edgeID)
		if err != nil {
			return err
		}
		n, err := store.One[int64](ctx, r, "SELECT COUNT(*) FROM edge_order WHERE edge_id = ? AND no > ? AND done_at IS NULL AND until > ?", edgeID, w.Order, store.At(s.now()))
		news = n > 0 || e.ConfigVersion > w.Config
		return err
	})
	if err != nil || news {
		return edge.News{News: news}, err
	}
	end := time.NewTimer(waitMost)
	defer end.Stop()
	select {
	case <-c:
		return edge.News{News: true}, nil
	case <-end.C:
	case <-ctx.Done():
	}
	return edge.News{}, nil
}

// orderKeyOf makes the key that answers are sealed to.
func orderKeyOf(secret []byte) (*ecdh.PrivateKey, error) {
	k, err := ecdh.X25519().NewPrivateKey(secret)
	if err != nil {
		return nil, fmt.Errorf("the key of orders: %w", err)
	}
	return k, nil
}
