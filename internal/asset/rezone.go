package asset

import (
	"context"
	"net/netip"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Rezone gives every asset of a site the zone that its addresses now lie in.
// app calls it when zones or subnets changed; each call takes one page of assets
// after the given id and returns the last, empty at the end.
func (s *Service) Rezone(ctx context.Context, tx *store.Tx, siteNo int64, after string) (last string, err error) {
	const pageSize = 200
	ids, err := store.All[string](ctx, tx, "SELECT asset_id FROM asset_asset WHERE site_no = ? AND asset_id > ? ORDER BY asset_id LIMIT ?", siteNo, after, pageSize)
	if err != nil || len(ids) == 0 {
		return "", err
	}
	pl, err := loadPlaces(ctx, tx, siteNo)
	if err != nil {
		return "", err
	}
	rows, err := store.All[assetRow](ctx, tx, "SELECT "+assetColumns+" FROM asset_asset WHERE asset_id IN (?)", ids)
	if err != nil {
		return "", err
	}
	bound, err := store.All[bindingRow](ctx, tx, "SELECT site_no, realm_no, kind, address, asset_id, from_at, to_at, person FROM asset_binding WHERE asset_id IN (?) AND kind = 'ip' AND to_at IS NULL ORDER BY asset_id, from_at, address", ids)
	if err != nil {
		return "", err
	}
	said, err := store.All[overrideRow](ctx, tx, "SELECT asset_id, field, value, decided_by, decided_at, reason FROM asset_override WHERE asset_id IN (?) AND field IN ('zone', 'role', 'managed')", ids)
	if err != nil {
		return "", err
	}
	place := map[string]int64{}
	for _, b := range bound {
		if ip, err := netip.ParseAddr(b.Address); err == nil && place[b.AssetID] == 0 {
			place[b.AssetID] = pl.resolver.Zone(siteNo, b.RealmNo, ip)
		}
	}
	word := map[string]map[string]string{}
	for _, o := range said {
		if word[o.AssetID] == nil {
			word[o.AssetID] = map[string]string{}
		}
		word[o.AssetID][o.Field] = o.Value
	}
	var again []string
	var refs []ot.Ref
	var changes []changeRow
	now := store.At(time.Now())
	for i := range rows {
		a := &rows[i]
		z := place[a.ID]
		if id, ok := word[a.ID]["zone"]; ok {
			z = zoneByID(pl, id)
		}
		gateway := pl.zones[z].Gateway && a.Role != "remote-gateway" && word[a.ID]["role"] == "" || !pl.zones[z].Gateway && a.Role == "remote-gateway" && word[a.ID]["role"] == ""
		managed := !pl.zones[z].External
		_, ruled := word[a.ID]["managed"]
		if z == a.ZoneNo && !gateway && (ruled || managed == a.Managed) {
			continue
		}
		if a.Seen && gateway { // its role follows; a mere move needs no new look
			again = append(again, a.ID)
		}
		if z != a.ZoneNo {
			changes = append(changes, changeRow{ID: store.NewID(), AssetID: a.ID, SiteNo: siteNo, At: now, Kind: "field", Field: "zone", Before: pl.zones[a.ZoneNo].Name, After: pl.zones[z].Name, Reason: "the site's networks changed"})
		}
		if ruled {
			managed = a.Managed
		}
		if _, err := tx.Exec(ctx, "UPDATE asset_asset SET zone_no = ?, managed = ?, version = version + 1 WHERE asset_id = ?", z, managed, a.ID); err != nil {
			return "", err
		}
		refs = append(refs, ot.Ref{Kind: "asset", ID: a.ID})
	}
	if err := store.Upsert(ctx, tx, "asset_change", changes, nil, nil); err != nil {
		return "", err
	}
	if len(again) > 0 {
		if err := s.again(ctx, tx, siteNo, because{}, again...); err != nil {
			return "", err
		}
	}
	if len(refs) > 0 {
		if err := bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAsset, SiteNo: siteNo, Refs: refs}); err != nil {
			return "", err
		}
	}
	return ids[len(ids)-1], nil
}
