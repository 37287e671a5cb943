package app

import (
	"context"
	"fmt"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// ingest takes summaries into the slices: import, upload, demo and live alike.
type ingest struct {
	db      *store.DB
	assets  *asset.Service
	network *network.Service
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
	err = i.db.Update(ctx, func(tx *store.Tx) error {
		source := []ot.Ref{{Kind: "source", ID: d.Source}}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicNetwork, SiteNo: d.SiteNo, Refs: source}, bus.Event{Topic: ot.TopicSource, SiteNo: d.SiteNo, Refs: source})
	})
	return gain, err
}

// follow keeps the zones of assets and conversations true when sites, zones or
// subnets change, until ctx ends. Its position is durable.
func (i *ingest) follow(ctx context.Context, b *bus.Bus) error {
	return b.Run(ctx, "zones", []ot.Topic{ot.TopicOrg}, func(ctx context.Context, tx *store.Tx, events []bus.Event) error {
		done := map[int64]bool{}
		for _, e := range events {
			if done[e.SiteNo] || e.SiteNo == 0 {
				continue
			}
			done[e.SiteNo] = true
			if err := i.rezone(ctx, tx, e.SiteNo); err != nil {
				return err
			}
		}
		return nil
	})
}

// rezone walks a site in one transaction: the event's cursor moves only when all
// of it is done. Zones change rarely, and most rows stay as they are.
func (i *ingest) rezone(ctx context.Context, tx *store.Tx, siteNo int64) (err error) {
	for last := ""; ; {
		if last, err = i.assets.Rezone(ctx, tx, siteNo, last); err != nil || last == "" {
			break
		}
	}
	for last := int64(0); err == nil; {
		if last, err = i.network.Rezone(ctx, tx, siteNo, last); last == 0 {
			break
		}
	}
	return err
}
