package app

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/ring"
	"github.com/skanse/skanse/internal/store"
)

// far reaches the rings of edges at other sites: listen.Far by orders of the centre.
type far struct {
	edges     func() *centre.Service // made after listening
	db        *store.DB
	listening func() *listen.Service

	mu      sync.Mutex
	waiting map[centre.Order]chan found // a person waits for a packet
}

// found is a packet that came from afar, or why none did.
type found struct {
	piece ring.Piece
	err   error
}

// packetWait is how long a person waits for a packet of another machine.
const packetWait = 20 * time.Second

// Reach implements listen.Far.
func (f *far) Reach(ctx context.Context, r store.Reader, sources []string) (map[string]bool, error) {
	at, err := f.edges().Reach(ctx, r, sources)
	out := map[string]bool{}
	for source := range at {
		out[source] = true
	}
	return out, err
}

func (f *far) edge(ctx context.Context, r store.Reader, source string) (centre.Reachable, error) {
	at, err := f.edges().Reach(ctx, r, []string{source})
	if err != nil {
		return centre.Reachable{}, err
	}
	to, ok := at[source]
	if !ok {
		return to, ot.Errorf(ot.NotFound, "no sensor listens there any more")
	}
	return to, nil
}

// Cut implements listen.Far.
func (f *far) Cut(ctx context.Context, tx *store.Tx, source, cutID string, sel listen.Selection, comment string) (time.Time, error) {
	to, err := f.edge(ctx, tx, source)
	if err != nil {
		return time.Time{}, err
	}
	o, err := f.edges().Ask(ctx, tx, to, orderCut, cutID, cutOrder{source, sel.From, sel.To, sel.Pairs, comment})
	return o.Until, err
}

// Sent implements listen.Far.
func (f *far) Sent(source string) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second) // only hurries: the next hello comes in any case
	defer cancel()
	_ = f.db.View(ctx, func(r store.Reader) error {
		to, err := f.edge(ctx, r, source)
		if err == nil {
			f.edges().Nudge(to.EdgeID)
		}
		return err
	})
}

// Packet implements listen.Far.
func (f *far) Packet(ctx context.Context, source string, number uint64, seen time.Time) (ring.Piece, error) {
	var o centre.Order
	var to centre.Reachable
	if err := f.db.Update(ctx, func(tx *store.Tx) (err error) {
		if to, err = f.edge(ctx, tx, source); err != nil {
			return err
		}
		if to.ByFile {
			return ot.Errorf(ot.Busy, "packet %d lies in the ring of a sensor behind a data diode: cut packets of that time, and carry the reply file there", number)
		}
		o, err = f.edges().Ask(ctx, tx, to, orderPacket, "", packetOrder{source, number, seen.UnixNano()})
		return err
	}); err != nil {
		return ring.Piece{}, err
	}
	key := centre.Order{EdgeID: o.EdgeID, No: o.No}
	got := make(chan found, 1)
	f.mu.Lock()
	f.waiting[key] = got
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.waiting, key)
		f.mu.Unlock()
	}()
	f.edges().Nudge(to.EdgeID)
	end := time.NewTimer(packetWait)
	defer end.Stop()
	select {
	case x := <-got:
		return x.piece, x.err
	case <-end.C:
		return ring.Piece{}, ot.Errorf(ot.Busy, "the sensor that may keep packet %d did not answer within %s: is it connected, and has it caught up?", number, packetWait)
	case <-ctx.Done():
		return ring.Piece{}, ctx.Err()
	}
}

// Apply implements listen.Far: as the next version of the edge's configuration.
func (f *far) Apply(ctx context.Context, tx *store.Tx, source, by string, s listen.Settings) error {
	return f.edges().Retune(ctx, tx, source, by, func(i *edge.Interface) {
		i.Filter, i.Ring, i.RingBytes, i.DiskMiB, i.Beyond = s.Filter, s.Ring, s.MemoryMiB<<20, s.DiskMiB, s.Beyond
	})
}

// configured keeps the page's settings as the edge's configuration says.
func (f *far) configured(ctx context.Context, tx *store.Tx, at centre.Place, i edge.Interface, by string) error {
	d := sensor.Delivery{SiteNo: at.SiteNo, RealmNo: at.RealmNo, Source: i.Sensor, Name: at.Name}
	return f.listening().Wanted(ctx, tx, d, settingsOf(i), by)
}

// plan says what answers of edges change.
func (f *far) plan(ctx context.Context, items []centre.Item) ([]centre.Work, error) {
	var out []centre.Work
	for _, it := range items {
		w, err := f.answered(ctx, it)
		if code := ot.CodeOf(err); err != nil && code != ot.Invalid && code != ot.Forbidden {
			return nil, err
		}
		w.Items, w.Err = 1, err
		out = append(out, w)
	}
	return out, nil
}

func (f *far) answered(ctx context.Context, it centre.Item) (centre.Work, error) {
	o, a, body, fresh, err := f.edges().Answered(ctx, it.EdgeID, it.Body)
	if err != nil || !fresh {
		return centre.Work{Rows: 1}, err
	}
	var why error
	if a.Error != "" {
		why = &ot.Error{Code: a.Code, Message: a.Error}
	}
	done := centre.Step{Rows: 1, Do: func(ctx context.Context, tx *store.Tx) error { return f.edges().Done(ctx, tx, o) }}
	switch o.Kind {
	case orderCut:
		var h cutHead
		if why == nil {
			if err := json.Unmarshal(a.Head, &h); err != nil {
				return centre.Work{}, ot.Errorf(ot.Invalid, "the answer to order %d cannot be read: %w", o.No, err)
			}
		}
		return centre.Work{Rows: 3, Steps: []centre.Step{{Rows: 2, Do: func(ctx context.Context, tx *store.Tx) error {
			asked, err := f.edges().Asked(ctx, tx, o)
			if err != nil {
				return err
			}
			var c cutOrder
			if err := json.Unmarshal(asked, &c); err != nil {
				return err
			}
			return f.listening().Arrived(ctx, tx, o.Subject, c.Source, listen.Arrival{File: body, Got: h.Got, Err: why})
		}}, done}}, nil
	case orderSelftest:
		return centre.Work{Rows: 6, Steps: []centre.Step{{Rows: 5, Do: func(ctx context.Context, tx *store.Tx) error {
			asked, err := f.edges().Asked(ctx, tx, o)
			if err != nil {
				return err
			}
			return f.tested(ctx, tx, asked, body, why)
		}}, done}}, nil
	case orderPacket:
		x := found{err: why}
		if why == nil {
			var h packetHead
			if err := json.Unmarshal(a.Head, &h); err != nil {
				return centre.Work{}, ot.Errorf(ot.Invalid, "the answer to order %d cannot be read: %w", o.No, err)
			}
			x.piece = ring.Piece{Packet: sensor.Packet{Number: h.Number, At: h.At, Wire: h.Wire, Link: h.Link, Data: body}, How: h.How}
		}
		f.mu.Lock()
		if c, ok := f.waiting[centre.Order{EdgeID: o.EdgeID, No: o.No}]; ok {
			select {
			case c <- x:
			default:
			}
		}
		f.mu.Unlock()
	}
	return centre.Work{Rows: 1, Steps: []centre.Step{done}}, nil
}

// orderKey is what answers of edges are sealed to.
func orderKey(key []byte) ([]byte, error) {
	k, err := hkdf.Key(sha256.New, key, nil, "skanse edge orders", 32)
	if err != nil {
		return nil, ot.Errorf(ot.Internal, "derive the key of orders: %w", err)
	}
	return k, nil
}
