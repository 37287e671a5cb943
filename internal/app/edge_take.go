package app

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/wire"
	"github.com/skanse/skanse/internal/store"
)

// kindSummary is the kind of messages that hold a sensor's summary.
const kindSummary = "summary"

// plausible is how far ahead of its arrival a summary may lie. One from a machine
// whose clock runs in the future would set "last heard" to a time that never comes.
const plausible = 24 * time.Hour

// planSummaries says what summaries change: the same batches as of a capture. Small
// ones that follow each other are put together, so that a backlog is caught up with
// at the price of what is new in it.
func (s *server) planSummaries(ctx context.Context, items []centre.Item) ([]centre.Work, error) {
	var out []centre.Work
	var g sensor.Gathering
	places := places{edges: s.edges, known: map[[2]string]centre.Place{}}
	var of sensor.Delivery
	flush := func() {
		if g.Len() > 0 {
			out = append(out, s.workOf(of, &g))
		}
		g = sensor.Gathering{}
	}
	for _, it := range items {
		d, sum, err := arrived(ctx, places, it)
		if code := ot.CodeOf(err); err != nil && code != ot.Invalid && code != ot.Forbidden {
			return nil, err // nothing that is wrong with the message
		}
		if err != nil {
			flush()
			out = append(out, centre.Work{Items: 1, Err: err})
			continue
		}
		if g.Len() > 0 && (d.Source != of.Source || !centre.Fits(g.Rows()+adds(sum)) || !g.Add(sum)) {
			flush()
		} else if g.Len() > 0 {
			of = d
			continue
		}
		of = d
		g.Add(sum)
	}
	flush()
	return out, nil
}

// adds is about how many rows a summary adds to others of its sensor: mostly what is told whole.
func adds(sum *sensor.Summary) int {
	return len(sum.Events) + 3*len(sum.Facts) + (len(sum.Hosts)+len(sum.Flows)+len(sum.Tuples))/8
}

// places remembers where sensors stand, for one round.
type places struct {
	edges *centre.Service
	known map[[2]string]centre.Place
}

func (p places) of(ctx context.Context, edgeID, sensorID string) (centre.Place, error) {
	key := [2]string{edgeID, sensorID}
	at, ok := p.known[key]
	if ok {
		return at, nil
	}
	at, err := p.edges.Place(ctx, edgeID, sensorID)
	if err == nil {
		p.known[key] = at
	}
	return at, err
}

// arrived reads a summary and says where it belongs.
func arrived(ctx context.Context, places places, it centre.Item) (d sensor.Delivery, sum *sensor.Summary, err error) {
	if sum, err = wire.Decode(it.Body); err != nil {
		return d, nil, err
	}
	beside, exporter, told := exporterOf(sum.Sensor)
	if told != (sum.Health.Told != nil) {
		return d, nil, ot.Errorf(ot.Forbidden, "source %q of an edge tells what it cannot know: only its exporters of flow records tell what they heard elsewhere", ot.Printable(sum.Sensor))
	}
	if !told {
		beside = sum.Sensor
	}
	at, err := places.of(ctx, it.EdgeID, beside)
	if err != nil {
		return d, nil, err
	}
	if told {
		at.Name = "flow records of " + exporter.String() + " at " + at.Name
	}
	clean(sum)
	if late := time.Unix(0, sum.To).Sub(it.Received); late > plausible {
		sum.Move(-late)
	}
	sum.Sent = 0
	if it.Skew != nil {
		sum.Sent = it.Received.Add(*it.Skew).UnixNano()
	}
	return sensor.Delivery{SiteNo: at.SiteNo, RealmNo: at.RealmNo, Realms: at.Realms, Source: sum.Sensor, Name: at.Name, Received: it.Received}, sum, nil
}

func (s *server) workOf(d sensor.Delivery, g *sensor.Gathering) centre.Work {
	sum := g.Sum()
	var batches []*network.Batch
	if g.Len() > 1 { // of one transaction in any case
		batches = []*network.Batch{network.Whole(sum)}
	} else {
		batches = network.Batches(sum)
	}
	return centre.Work{Items: g.Len(), Rows: g.Rows() + 5, Steps: s.ingest.steps(d, sum, batches)}
}

// clean makes text safe that the sensor promised to have cleaned: an edge is a
// machine at a site, and may be somebody else's by now.
func clean(sum *sensor.Summary) {
	sum.Health.Cut, sum.Health.RuleSet = ot.Printable(sum.Health.Cut), ot.Printable(sum.Health.RuleSet)
	if p := sum.Health.Port; p != nil {
		p.Name, p.Filter = ot.Printable(p.Name), ot.Printable(p.Filter)
		for _, list := range [][]string{p.Warnings, p.Offloads} {
			for i := range list {
				list[i] = ot.Printable(list[i])
			}
		}
	}
	if t := sum.Health.Told; t != nil {
		t.Kind, t.Why = ot.Printable(t.Kind), ot.Printable(t.Why)
		if x := t.Exporter; x != nil {
			x.Address, x.Version, x.Unit = ot.Printable(x.Address), ot.Printable(x.Version), ot.Printable(x.Unit)
		}
	}
	if r := sum.Health.Ring; r != nil {
		r.Problem = ot.Printable(r.Problem)
	}
	for i := range sum.Facts {
		f := &sum.Facts[i]
		f.Attr, f.Value, f.Protocol = ot.Attr(ot.Printable(string(f.Attr))), ot.Printable(f.Value), ot.Printable(f.Protocol)
	}
}

// steps are what take does, for somebody else's transactions.
func (i *ingest) steps(d sensor.Delivery, sum *sensor.Summary, batches []*network.Batch) []centre.Step {
	var out []centre.Step
	scanned := i.files.scan(context.Background(), sum) // no transaction is open yet
	for _, b := range asset.Batches(sum) {
		out = append(out, centre.Step{Rows: 300, Do: func(ctx context.Context, tx *store.Tx) error {
			got, err := i.assets.Apply(ctx, tx, d, b)
			if err != nil || len(got.Changed)+got.Facts == 0 {
				return err
			}
			return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAsset, SiteNo: d.SiteNo, Refs: got.Changed})
		}})
	}
	for _, b := range batches {
		out = append(out, centre.Step{Rows: 10 + b.Rows(), Do: func(ctx context.Context, tx *store.Tx) error {
			_, err := i.network.Apply(ctx, tx, d, b)
			return err
		}})
	}
	out = append(out, centre.Step{Rows: 2, Do: func(ctx context.Context, tx *store.Tx) error {
		return i.listening.Take(ctx, tx, d, sum)
	}})
	if i.plant != nil && sum.Live {
		out = append(out, centre.Step{Rows: 2, Do: func(ctx context.Context, tx *store.Tx) error { return i.plant.take(ctx, tx, d, sum) }})
	}
	out = append(out, centre.Step{Rows: 20, Do: func(ctx context.Context, tx *store.Tx) error { return i.watch.TakeScanned(ctx, tx, d, sum, scanned) }})
	return append(out, centre.Step{Rows: 2, Once: "told " + d.Source, Do: func(ctx context.Context, tx *store.Tx) error {
		source := []ot.Ref{{Kind: "source", ID: d.Source}}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicNetwork, SiteNo: d.SiteNo, Refs: source}, bus.Event{Topic: ot.TopicSource, SiteNo: d.SiteNo, Refs: source})
	}})
}
