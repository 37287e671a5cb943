package app

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/ring"
)

// The kinds of orders.
const (
	orderCut    = "cut"
	orderPacket = "packet"
)

// cutOrder asks an edge for packets of one of its rings.
type cutOrder struct {
	Source  string        `json:"source"`
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"`
	Pairs   []listen.Pair `json:"pairs,omitempty"`
	Comment string        `json:"comment"` // who, when, why: stands in the file
}

// cutHead answers it; the body is a pcapng.
type cutHead struct {
	Source string      `json:"source"`
	Got    ring.Result `json:"got"`
}

// packetOrder asks an edge for one packet; the body of the answer is its bytes.
type packetOrder struct {
	Source string `json:"source"`
	Number uint64 `json:"number"`
	Seen   int64  `json:"seen"` // ns
}

type packetHead struct {
	Number uint64          `json:"number"`
	At     int64           `json:"at"`
	Wire   int             `json:"wire"`
	Link   sensor.LinkType `json:"link"`
	How    sensor.KeptHow  `json:"how"`
}

// order does what the centre asks of this edge.
func (n *edgeNode) order(ctx context.Context, o *edge.Order) (head any, body []byte, err error) {
	switch o.Kind {
	case orderCut:
		var c cutOrder
		if err := json.Unmarshal(o.Body, &c); err != nil {
			return nil, nil, ot.Errorf(ot.Invalid, "the order cannot be read: %w", err)
		}
		return n.cut(ctx, &c)
	case orderPacket:
		var p packetOrder
		if err := json.Unmarshal(o.Body, &p); err != nil {
			return nil, nil, ot.Errorf(ot.Invalid, "the order cannot be read: %w", err)
		}
		return n.packet(ctx, &p)
	case orderSelftest:
		var t selftestOrder
		if err := json.Unmarshal(o.Body, &t); err != nil {
			return nil, nil, ot.Errorf(ot.Invalid, "the order cannot be read: %w", err)
		}
		return n.selftest(ctx, &t)
	}
	return nil, nil, ot.Errorf(ot.Invalid, "orders of kind %q are not known here: this sensor's program is older than its centre's", ot.Printable(o.Kind))
}

// listener finds who listens for a source, with the interface's name.
func (n *edgeNode) listener(source string) (*listening, string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, r := range n.running {
		if r.spec.Sensor == source {
			return r.listening, name, nil
		}
	}
	return nil, "", ot.Errorf(ot.NotFound, "this sensor does not listen there any more")
}

func (n *edgeNode) cut(ctx context.Context, c *cutOrder) (any, []byte, error) {
	l, name, err := n.listener(c.Source)
	if err != nil {
		return nil, nil, err
	}
	n.log.Info("packets are cut out of the ring for the centre", "interface", name, "from", c.From, "to", c.To, "why", ot.Printable(c.Comment))
	var out bytes.Buffer
	w, err := ring.NewWriter(listen.Limited(&out, edge.MaxAnswer), "Skanse "+Version+" on "+n.host, ot.Printable(c.Comment))
	if err != nil {
		return nil, nil, err
	}
	got, err := l.Cut(ctx, listen.Selection{From: c.From, To: c.To, Pairs: c.Pairs}, w)
	if err != nil {
		return nil, nil, err
	}
	if got.Packets == 0 {
		return cutHead{c.Source, got}, nil, nil
	}
	return cutHead{c.Source, got}, out.Bytes(), nil
}

func (n *edgeNode) packet(ctx context.Context, p *packetOrder) (any, []byte, error) {
	l, name, err := n.listener(p.Source)
	if err != nil {
		return nil, nil, err
	}
	n.log.Info("a packet of the ring is shown at the centre", "interface", name, "packet", p.Number)
	x, err := l.Packet(ctx, p.Number, time.Unix(0, p.Seen))
	if err != nil {
		return nil, nil, err
	}
	return packetHead{x.Number, x.At, x.Wire, x.Link, x.How}, x.Data, nil
}
