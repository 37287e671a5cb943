package app

import (
	"context"
	"log/slog"
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

// planSummary says what a summary changes: the same batches as of a capture, for
// one transaction to hold those of several summaries.
func (s *server) planSummary(ctx context.Context, it centre.Item) ([]centre.Step, error) {
	sum, err := wire.Decode(it.Body)
	if err != nil {
		return nil, err
	}
	at, err := s.edges.Place(ctx, it.EdgeID, sum.Sensor)
	if err != nil {
		return nil, err
	}
	clean(sum)
	if late := time.Unix(0, sum.To).Sub(it.Received); late > plausible {
		sum.Move(-late)
	}
	sum.Sent = 0
	if it.Skew != nil {
		sum.Sent = it.Received.Add(*it.Skew).UnixNano()
	}
	d := sensor.Delivery{SiteNo: at.SiteNo, RealmNo: at.RealmNo, Realms: at.Realms, Source: sum.Sensor, Name: at.Name, Received: it.Received}
	return s.ingest.steps(d, sum), nil
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
	if r := sum.Health.Ring; r != nil {
		r.Problem = ot.Printable(r.Problem)
	}
	for i := range sum.Facts {
		f := &sum.Facts[i]
		f.Attr, f.Value, f.Protocol = ot.Attr(ot.Printable(string(f.Attr))), ot.Printable(f.Value), ot.Printable(f.Protocol)
	}
}

// steps are what take does, for somebody else's transactions.
func (i *ingest) steps(d sensor.Delivery, sum *sensor.Summary) []centre.Step {
	var out []centre.Step
	for _, b := range asset.Batches(sum) {
		out = append(out, centre.Step{Rows: 300, Do: func(ctx context.Context, tx *store.Tx) error {
			got, err := i.assets.Apply(ctx, tx, d, b)
			if err != nil || len(got.Changed)+got.Facts == 0 {
				return err
			}
			return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAsset, SiteNo: d.SiteNo, Refs: got.Changed})
		}})
	}
	for _, b := range network.Batches(sum) {
		out = append(out, centre.Step{Rows: 10 + b.Rows(), Do: func(ctx context.Context, tx *store.Tx) error {
			_, err := i.network.Apply(ctx, tx, d, b)
			return err
		}})
	}
	out = append(out, centre.Step{Rows: 2, Do: func(ctx context.Context, tx *store.Tx) error {
		return i.listening.Take(ctx, tx, d, sum)
	}})
	return append(out, centre.Step{Rows: 2, Once: "told " + d.Source, Do: func(ctx context.Context, tx *store.Tx) error {
		source := []ot.Ref{{Kind: "source", ID: d.Source}}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicNetwork, SiteNo: d.SiteNo, Refs: source}, bus.Event{Topic: ot.TopicSource, SiteNo: d.SiteNo, Refs: source})
	}})
}

// sensorConfig is what every source is read with: protocols and rules.
func sensorConfig(log *slog.Logger) (sensor.Config, error) {
	protocols, err := protocolSet()
	if err != nil {
		return sensor.Config{}, err
	}
	rules, err := ruleSet(protocols)
	if err != nil {
		return sensor.Config{}, err
	}
	return sensor.Config{Protocols: protocols, Rules: rules, Log: log}, nil
}
