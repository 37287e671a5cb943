package app

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/conduit"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/performance"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/view"
)

// openConduits makes the slice that keeps what may pass between zones.
func (s *server) openConduits() {
	s.conduits = conduit.New(s.db, conduit.Config{Traffic: crossings{s.network}, Clock: s.opts.Clock})
	s.ingest.conduits = s.conduits
	s.performance = performance.New(s.db, s.opts.Clock)
	s.ingest.pace = s.performance
}

// crossings tell package conduit what was observed.
type crossings struct{ network *network.Service }

// Crossings implements conduit.Traffic.
func (crossings) Crossings(ctx context.Context, r store.Reader, siteNo int64, since time.Time) ([]conduit.Crossing, error) {
	return view.Crossings(ctx, r, siteNo, since)
}

// Zones implements conduit.Traffic.
func (c crossings) Zones(ctx context.Context, r store.Reader, siteNo int64, addresses []string) (func(int64, string, string) int64, error) {
	where, err := c.network.Where(ctx, r, siteNo, addresses)
	return func(realmNo int64, mac, ip string) int64 {
		zone, internet := where(realmNo, mac, ip)
		if internet {
			return conduit.Internet
		}
		return zone
	}, err
}
