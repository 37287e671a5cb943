package centre

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Hello takes an edge's health and says what it should know.
func (s *Service) Hello(ctx context.Context, edgeID, via string, h edge.Hello) (edge.Welcome, error) {
	if err := checkHello(&h); err != nil {
		return edge.Welcome{}, err
	}
	now := s.now()
	var w edge.Welcome
	var e edgeRow
	forked := ""
	err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
		w, forked = edge.Welcome{Now: now.UnixMicro()}, ""
		if e, err = s.active(ctx, tx, edgeID); err != nil {
			return err
		}
		if forked = cloned(&e, &h, byFile(via)); forked != "" {
			return nil
		}
		if err := s.heard(ctx, tx, e, via, nil); err != nil {
			return err
		}
		if e.Told.V["rechain"] {
			if w.Rechain = e.Epoch == h.Epoch; !w.Rechain {
				if err := s.forget(ctx, tx, &e, "rechain"); err != nil {
					return err
				}
			}
		}
		if err := s.takeHello(ctx, tx, &e, via, h, now); err != nil {
			return err
		}
		if w.Received, err = s.position(ctx, tx, &e, via, h); err != nil {
			return err
		}
		if e.ConfigVersion > h.Config && (e.ConfigVersion != h.Failed || e.ConfigVersion == 0) {
			if w.Config, err = s.signedConfig(ctx, tx, &e); err != nil {
				return err
			}
		}
		if w.Rules, err = s.signedRules(&e); err != nil {
			return err
		}
		w.Orders, err = s.signedOrders(ctx, tx, e.ID)
		return err
	})
	if err == nil && forked != "" {
		if err := s.db.Update(ctx, func(tx *store.Tx) error { return s.quarantine(ctx, tx, e, forked) }); err != nil {
			return w, err
		}
		return w, refuse(ot.Forbidden, edge.ReasonQuarantined, forked)
	}
	if err != nil || s.proofs == nil || via != ViaTLS {
		return w, err
	}
	w.Proof, err = s.proof(ctx, h.Witness)
	return w, err
}

func checkHello(h *edge.Hello) error {
	switch {
	case len(h.Boot) > 64 || len(h.Epoch) > 64 || len(h.Health.Ports) > 200 || h.Oldest < 0 || h.Newest < 0 || h.BootNo < 0:
		return ot.Errorf(ot.Invalid, "the hello is not one of an edge of ours")
	}
	h.Error, h.Health.Witness = ot.Printable(h.Error), ot.Printable(h.Health.Witness)
	h.Health.Version, h.Health.Host = ot.Printable(h.Health.Version), ot.Printable(h.Health.Host)
	r := &h.Health.Rules
	for _, text := range []*string{&r.Bundle, &r.Version, &r.Failed, &r.Error} {
		*text = ot.Printable((*text)[:min(len(*text), 1000)])
	}
	for i := range h.Health.Ports {
		p := &h.Health.Ports[i]
		p.Name, p.Error = ot.Printable(p.Name), ot.Printable(p.Error)
	}
	if h.Health.Ports == nil {
		h.Health.Ports = []edge.Port{}
	}
	if h.Health.Can == nil {
		h.Health.Can = []edge.Capability{}
	}
	return nil
}

// cloned says why an edge cannot be the one that spoke before. Each start of its
// data has the next number and a nonce: a copy starts with the same number and
// another nonce, or speaks on after the original started again.
func cloned(e *edgeRow, h *edge.Hello, file bool) string {
	switch {
	case e.Epoch != h.Epoch || e.Boot == "":
		return "" // enrolled anew: its batches tell
	case h.BootNo == e.BootNo && h.Boot != e.Boot:
		return fmt.Sprintf("its start number %d happened twice, on two machines", h.BootNo)
	case h.BootNo < e.BootNo && !file: // files overtake each other
		return fmt.Sprintf("it speaks from its start number %d after it had spoken from number %d: a copy, or set back to an older one", h.BootNo, e.BootNo)
	}
	return ""
}

func (s *Service) takeHello(ctx context.Context, tx *store.Tx, e *edgeRow, via string, h edge.Hello, now time.Time) error {
	skew := e.Skew
	if h.Sent != 0 && (via == ViaTLS || via == ViaProcess) {
		skew = new(h.Sent - now.UnixMicro())
	}
	if _, err := tx.Exec(ctx, `UPDATE edge_edge SET epoch = ?, boot_no = ?, boot = ?, skew = ?, health = ?, config_applied = ?, config_error = ?, config_at = ?, witness = ? WHERE edge_id = ?`,
		h.Epoch, h.BootNo, h.Boot, skew, store.AsJSON(h.Health), h.Config, h.Error, store.At(now), h.Witness, e.ID); err != nil {
		return err
	}
	if e.ConfigApplied != h.Config || e.ConfigError != h.Error {
		if err := s.announce(ctx, tx, e.ID); err != nil {
			return err
		}
	}
	e.Epoch, e.BootNo, e.Boot, e.Skew, e.Health, e.ConfigApplied, e.ConfigError = h.Epoch, h.BootNo, h.Boot, skew, store.AsJSON(h.Health), h.Config, h.Error
	return s.judge(ctx, tx, e)
}

// judge asks in the inbox for what a hello shows.
func (s *Service) judge(ctx context.Context, tx *store.Tx, e *edgeRow) error {
	h := &e.Health.V
	off := time.Duration(0)
	if e.Skew != nil {
		off = (time.Duration(*e.Skew) * time.Microsecond).Abs()
	}
	limit := edge.MaxSkew
	if e.Told.V["skew"] {
		limit /= 2 // a clock at the limit must not ask every minute
	}
	for _, t := range []struct {
		what string
		on   bool
		item inbox.Item
	}{
		{"skew", off > limit, inbox.Item{
			Severity: inbox.ThisWeek, Action: "look", Title: fmt.Sprintf("The clock of sensor %s is wrong by %s", e.Name, off.Round(100*time.Millisecond)),
			Detail: "What it sees carries its own time. Give the machine a time server (or a clock that lasts without power); NTP inside the plant is enough.",
		}},
		{"witness", h.Witness != "", inbox.Item{
			Severity: inbox.Now, Action: "look", Title: "Sensor " + e.Name + " says that this centre's audit log was rewritten",
			Detail: h.Witness + ". Run skanse verify audit with the checkpoint that skanse edge status prints on the sensor.",
		}},
		{"dropped", h.Queue.DroppedWhole > 0, inbox.Item{
			Severity: inbox.Today, Action: "look", Title: "Sensor " + e.Name + " ran out of disk and dropped facts and events",
			Detail: fmt.Sprintf("%d batches are lost whole, and %d counters. Give its outbox more disk, or mend the connection.", h.Queue.DroppedWhole, h.Queue.DroppedBulk),
		}},
		{"config", e.ConfigError != "", inbox.Item{
			Severity: inbox.Today, Action: "look", Title: "Sensor " + e.Name + " could not take its configuration", Detail: e.ConfigError,
		}},
		{"rules", h.Rules.Error != "", inbox.Item{
			Severity: inbox.Today, Action: "look", Title: "Sensor " + e.Name + " could not take the detections of this centre",
			Detail: h.Rules.Error + ". It goes on with those that it had. Is its program older than this centre's?",
		}},
	} {
		if err := s.tell(ctx, tx, e, t.what, t.on, t.item); err != nil {
			return err
		}
	}
	return nil
}

// position says what the centre has of the edge's outbox, and gives up what the
// edge has not any more: both said so, and neither waits for the other.
func (s *Service) position(ctx context.Context, tx *store.Tx, e *edgeRow, via string, h edge.Hello) (int64, error) {
	rows, err := store.All[streamRow](ctx, tx, "SELECT edge_id, epoch, received, head, applied, lost FROM edge_stream WHERE edge_id = ? AND epoch = ?", e.ID, h.Epoch)
	if err != nil {
		return 0, err
	}
	st := streamRow{EdgeID: e.ID, Epoch: h.Epoch, Head: make([]byte, 32)}
	if len(rows) > 0 {
		st = rows[0]
	}
	if byFile(via) {
		return st.Received, nil // files may be on their way: a person gives a gap up
	}
	gone := h.Oldest - 1 // what the edge cannot send again
	if h.Oldest == 0 {
		gone = h.Newest
	}
	if gone <= st.Received {
		return st.Received, nil
	}
	// A centre that was restored from an older copy than the edge keeps. The next
	// batch begins the chain anew.
	lost := gone - st.Received
	s.log.Error("batches of an edge are lost: neither it nor this centre has them", "edge", e.Name, "from", st.Received+1, "to", gone)
	st.Received, st.Head, st.Lost = gone, []byte{}, st.Lost+lost
	if err := store.Upsert(ctx, tx, "edge_stream", []streamRow{st}, []string{"edge_id", "epoch"}, []string{"received", "head", "lost"}); err != nil {
		return 0, err
	}
	return st.Received, s.ask(ctx, tx, *e, inbox.Item{
		Key: "edge.lost:" + e.ID, Kind: "edge-lost", Severity: inbox.Today, Action: "look", Title: fmt.Sprintf("%d deliveries of sensor %s are lost", lost, e.Name),
		Detail: "This centre does not have them, and the sensor does not keep them any more. Was the centre restored from an older snapshot?",
	})
}

func (s *Service) signedConfig(ctx context.Context, r store.Reader, e *edgeRow) (*edge.Signed, error) {
	data, err := store.One[store.JSON[edge.Config]](ctx, r, "SELECT data FROM edge_config WHERE edge_id = ? AND version = ?", e.ID, e.ConfigVersion)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(data.V)
	if err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return edge.Sign(s.ca.key, "config "+e.ID, body), nil
}

func (s *Service) proof(ctx context.Context, from int64) (*edge.Proof, error) {
	c, steps, err := s.proofs.Consistency(ctx, from)
	if err != nil || c.Size == 0 {
		return nil, err
	}
	return &edge.Proof{From: from, Note: c.Note, Steps: steps, Key: s.proofs.Verifier()}, nil
}

// forget takes a mark off an edge.
func (s *Service) forget(ctx context.Context, tx *store.Tx, e *edgeRow, what string) error {
	told := map[string]bool{}
	for k, v := range e.Told.V {
		if k != what {
			told[k] = v
		}
	}
	e.Told = store.AsJSON(told)
	_, err := tx.Exec(ctx, "UPDATE edge_edge SET told = ? WHERE edge_id = ?", e.Told, e.ID)
	return err
}
