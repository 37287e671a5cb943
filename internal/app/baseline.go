package app

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/baseline"
	"github.com/skanse/skanse/internal/job"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// openBaseline makes the slice that knows what is normal.
func (s *server) openBaseline() {
	s.baseline = baseline.New(s.db, baseline.Config{Plant: surroundings{s.network}, Clock: s.opts.Clock})
	s.ingest.baseline = s.baseline
}

// baselineJobs let undecided conversations expire and look for silence.
func (s *server) baselineJobs() []job.Job {
	return []job.Job{{Name: "watch-baseline", Every: time.Minute, Do: func(ctx context.Context) error { return s.baseline.Sweep(ctx) }}}
}

// surroundings tell the baseline what the other slices and the records know.
type surroundings struct{ network *network.Service }

type boundAddress struct {
	RealmNo int64  `db:"realm_no"`
	Address string `db:"address"`
	AssetID string `db:"asset_id"`
	Name    string `db:"name"`
	Role    string `db:"role"`
}

// bound reads the assets that have addresses now, whichever the kind.
func bound(ctx context.Context, r store.Reader, siteNo int64, ends []baseline.End) (map[baseline.End]boundAddress, error) {
	var texts []string
	for _, e := range ends {
		texts = append(texts, e.Address)
	}
	slices.Sort(texts)
	out := map[baseline.End]boundAddress{}
	for part := range slices.Chunk(slices.Compact(texts), 400) {
		rows, err := store.All[boundAddress](ctx, r, `SELECT b.realm_no, b.address, a.asset_id, a.name, a.role FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id
 WHERE b.site_no = ? AND b.address IN (?) AND b.to_at IS NULL ORDER BY b.from_at`, siteNo, part)
		if err != nil {
			return nil, err
		}
		for _, x := range rows {
			out[baseline.End{RealmNo: x.RealmNo, Address: x.Address}] = x
		}
	}
	return out, nil
}

// Places implements baseline.Plant.
func (p surroundings) Places(ctx context.Context, r store.Reader, siteNo int64, ends []baseline.End) (map[baseline.End]baseline.Place, error) {
	assets, err := bound(ctx, r, siteNo, ends)
	if err != nil {
		return nil, err
	}
	var texts []string
	for _, e := range ends {
		texts = append(texts, e.Address)
	}
	where, err := p.network.Where(ctx, r, siteNo, texts)
	if err != nil {
		return nil, err
	}
	out := make(map[baseline.End]baseline.Place, len(ends))
	for _, e := range ends {
		mac, ip := e.Address, ""
		a, err := netip.ParseAddr(e.Address)
		if err == nil {
			mac, ip = "", e.Address
		}
		zone, internet := where(e.RealmNo, mac, ip)
		place := baseline.Place{ZoneNo: zone, Role: assets[e].Role}
		switch {
		case internet:
			place.ZoneNo = baseline.Internet
		case place.Role == "" && (ip != "" && a.IsMulticast() || ip == "" && group(e.Address) || ip == "255.255.255.255"):
			place.Role = "group"
		}
		out[e] = place
	}
	return out, nil
}

// group says whether a MAC is of many: the lowest bit of its first byte.
func group(mac string) bool {
	return len(mac) > 1 && (mac[1] >= '0' && mac[1] <= '9' && (mac[1]-'0')&1 == 1 || mac[1] >= 'a' && mac[1] <= 'f' && (mac[1]-'a')&1 == 1)
}

// Names implements baseline.Plant.
func (p surroundings) Names(ctx context.Context, r store.Reader, siteNo int64, ends []baseline.End) (map[baseline.End]baseline.Named, error) {
	assets, err := bound(ctx, r, siteNo, ends)
	out := make(map[baseline.End]baseline.Named, len(assets))
	for e, a := range assets {
		out[e] = baseline.Named{AssetID: a.AssetID, Name: a.Name}
	}
	return out, err
}

// Aliases implements baseline.Plant.
func (surroundings) Aliases(ctx context.Context, r store.Reader, siteNo int64, ends []baseline.End) (map[baseline.End][]string, error) {
	assets, err := bound(ctx, r, siteNo, ends)
	if err != nil || len(assets) == 0 {
		return nil, err
	}
	var ids []string
	for _, a := range assets {
		ids = append(ids, a.AssetID)
	}
	slices.Sort(ids)
	has := map[string][]string{}
	for part := range slices.Chunk(slices.Compact(ids), 400) {
		rows, err := store.All[boundAddress](ctx, r, "SELECT b.realm_no, b.address, b.asset_id, '' AS name, '' AS role FROM asset_binding b WHERE b.asset_id IN (?)", part)
		if err != nil {
			return nil, err
		}
		for _, x := range rows {
			has[x.AssetID] = append(has[x.AssetID], x.Address)
		}
	}
	out := make(map[baseline.End][]string, len(assets))
	for e, a := range assets {
		out[e] = has[a.AssetID]
	}
	return out, nil
}

// State implements baseline.Plant.
func (surroundings) State(ctx context.Context, r store.Reader, siteNo int64, at time.Time) (func(int64) string, error) {
	all, err := record.PlantsAt(ctx, r, siteNo, at)
	if err != nil {
		return nil, err
	}
	whole := record.Production
	own := map[int64]string{}
	for _, x := range all {
		if x.ZoneNo == 0 {
			whole = x.Mode
		} else {
			own[x.ZoneNo] = x.Mode
		}
	}
	return func(zoneNo int64) string {
		if m, ok := own[zoneNo]; ok {
			return m
		}
		return whole
	}, nil
}
