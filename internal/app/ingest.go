package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/baseline"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/conduit"
	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/performance"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"golang.org/x/sync/errgroup"
)

// ingest takes summaries into the slices: import, upload, demo and live alike.
type ingest struct {
	db      *store.DB
	assets  *asset.Service
	network *network.Service
	log     *slog.Logger

	listening *listen.Service
	plant     *plantTags
	baseline  *baseline.Service // nil: nothing is learned
	conduits  *conduit.Service  // nil: nothing is compared
	pace      *performance.Service
	watch     watcher
	files     *fileScanner // nil: nothing is scanned
}

// take applies one summary, batch by batch, each with its events in a
// transaction of its own: the one writer is never held long, and what a crash
// leaves half done is completed when the summary comes again. Assets come first,
// so that conversations find their zones.
func (i *ingest) take(ctx context.Context, d sensor.Delivery, sum *sensor.Summary) (gain network.Gain, err error) {
	for _, b := range asset.Batches(sum) {
		var got asset.Added
		err := i.db.Update(ctx, func(tx *store.Tx) (err error) {
			if got, err = i.assets.Apply(ctx, tx, d, b); err != nil || len(got.Changed)+got.Facts == 0 {
				return err
			}
			return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAsset, SiteNo: d.SiteNo, Refs: got.Changed})
		})
		if err != nil {
			return gain, fmt.Errorf("take in what %s heard of hosts: %w", d.Source, err)
		}
		gain.Assets += got.Assets
		gain.Facts += got.Facts
	}
	for _, b := range network.Batches(sum) {
		var got network.Brought
		err := i.db.Update(ctx, func(tx *store.Tx) (err error) {
			got, err = i.network.Apply(ctx, tx, d, b)
			return err
		})
		if err != nil {
			return gain, fmt.Errorf("take in what %s heard of conversations: %w", d.Source, err)
		}
		gain.Conversations += got.Conversations
	}
	var parts []baseline.Part
	if i.baseline != nil {
		parts = baseline.Parts(sum)
	}
	scanned := i.files.scan(ctx, sum)
	// Rules that know what they see come before the baseline, which only knows what is new
	// and yields to them.
	last := max(len(parts)-1, 0)
	if last > 0 {
		if err := i.db.Update(ctx, func(tx *store.Tx) error { return i.judge(ctx, tx, d, sum, scanned) }); err != nil {
			return gain, fmt.Errorf("judge what %s heard: %w", d.Source, err)
		}
	}
	if err := i.learn(ctx, d, parts[:last]); err != nil {
		return gain, err
	}
	err = i.db.Update(ctx, func(tx *store.Tx) error {
		if err := i.judge(ctx, tx, d, sum, scanned); err != nil { // a second time changes nothing
			return err
		}
		if err := i.compare(ctx, tx, d, sum, parts[last:]); err != nil {
			return err
		}
		if err := i.listening.Take(ctx, tx, d, sum); err != nil {
			return err
		}
		if err := i.plant.take(ctx, tx, d, sum); err != nil {
			return err
		}
		source := []ot.Ref{{Kind: "source", ID: d.Source}}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicNetwork, SiteNo: d.SiteNo, Refs: source}, bus.Event{Topic: ot.TopicSource, SiteNo: d.SiteNo, Refs: source})
	})
	return gain, err
}

func (i *ingest) judge(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary, scanned detect.Scanned) error {
	if i.watch == nil {
		return nil
	}
	return i.watch.TakeScanned(ctx, tx, d, sum, scanned)
}

// learn gives all of a summary but its last part to the baseline, once assets and
// conversations stand where they belong.
func (i *ingest) learn(ctx context.Context, d sensor.Delivery, parts []baseline.Part) error {
	for _, part := range parts {
		if err := i.db.Update(ctx, func(tx *store.Tx) error { return i.baseline.Learn(ctx, tx, d, part) }); err != nil {
			return fmt.Errorf("compare what %s heard with the baseline: %w", d.Source, err)
		}
	}
	return nil
}

// compare does the rest of it in one transaction: most summaries have one part.
func (i *ingest) compare(ctx context.Context, tx *store.Tx, d sensor.Delivery, sum *sensor.Summary, parts []baseline.Part) error {
	if i.baseline == nil {
		return nil
	}
	for _, part := range parts {
		if err := i.baseline.Learn(ctx, tx, d, part); err != nil {
			return err
		}
	}
	if err := i.conduits.Watch(ctx, tx, d, sum); err != nil {
		return err
	}
	return i.pace.Take(ctx, tx, d, sum)
}

// follow keeps the zones of assets and conversations true when sites, zones or
// subnets change, until ctx ends. What is to be done is durable; it is done in
// small transactions, so that a big site does not hold the one writer.
func (i *ingest) follow(ctx context.Context, b *bus.Bus) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return i.plant.follow(ctx, b) })
	g.Go(func() error {
		return b.Run(ctx, "zones", []ot.Topic{ot.TopicOrg}, func(ctx context.Context, tx *store.Tx, events []bus.Event) error {
			for _, e := range events {
				if e.SiteNo == 0 {
					continue
				}
				if err := i.network.RequestRezone(ctx, tx, e.SiteNo); err != nil {
					return err
				}
			}
			return nil
		})
	})
	g.Go(func() error {
		for {
			changed := i.db.Changed() // before the look, so that nothing falls between
			err := i.rezoneWaiting(ctx)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil {
				i.log.Error("the zones of a site could not be brought up to date; trying again", "error", err)
				changed = nil
			}
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
			case <-time.After(rezoneRest):
			}
		}
	})
	return g.Wait()
}

// rezoneRest is how long the worker rests when nobody wakes it: after a failure,
// or where another process wrote the request.
const rezoneRest = 10 * time.Second

func (i *ingest) rezoneWaiting(ctx context.Context) error {
	sites, err := i.network.Waiting(ctx)
	for _, w := range sites {
		if err = i.rezone(ctx, w); err != nil {
			return err
		}
	}
	return err
}

// rezone walks a site page by page.
func (i *ingest) rezone(ctx context.Context, w network.Waiting) error {
	for last, first := "", true; first || last != ""; first = false {
		if err := i.db.Update(ctx, func(tx *store.Tx) (err error) {
			last, err = i.assets.Rezone(ctx, tx, w.SiteNo, last)
			return err
		}); err != nil {
			return err
		}
	}
	for last, first := int64(0), true; first || last != 0; first = false {
		if err := i.db.Update(ctx, func(tx *store.Tx) (err error) {
			last, err = i.network.Rezone(ctx, tx, w.SiteNo, last)
			return err
		}); err != nil {
			return err
		}
	}
	return i.db.Update(ctx, func(tx *store.Tx) error {
		if err := bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicNetwork, SiteNo: w.SiteNo}); err != nil {
			return err
		}
		return i.network.Rezoned(ctx, tx, w)
	})
}
