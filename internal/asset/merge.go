package asset

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Merge makes assets one, because a person says so. Their addresses move; the
// history stays where it was told, and old ids keep working.
func (s *Service) Merge(ctx context.Context, scope Scope, who Person, into string, from []string, reason string) error {
	if len(from) == 0 || len(from) > 50 || slices.Contains(from, into) {
		return ot.Errorf(ot.Invalid, "name 1 to 50 other assets to merge into this one")
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		target, err := s.target(ctx, tx, scope, into)
		if err != nil {
			return err
		}
		ids := []string{target.ID}
		for _, id := range from {
			a, err := find(ctx, tx, scope, id)
			if err != nil {
				return err
			}
			if a.SiteNo != target.SiteNo {
				return ot.Errorf(ot.Invalid, "%s stands at another site: assets of two sites are never one", a.label())
			}
			if a.ID == target.ID {
				continue
			}
			if !a.Seen {
				if err := absorb(ctx, tx, &target, &a, who, reason); err != nil {
					return err
				}
				continue
			}
			ids = append(ids, a.ID)
		}
		target.Version++
		if err := store.Upsert(ctx, tx, "asset_asset", []assetRow{target}, []string{"asset_id"}, assetSet()); err != nil {
			return err
		}
		hosts, err := store.All[hostRow](ctx, tx, "SELECT "+hostColumns+" FROM asset_host WHERE asset_id IN (?)", ids)
		if err != nil {
			return err
		}
		if err := pinAll(ctx, tx, hosts, func(*hostRow) string { return target.ID }); err != nil {
			return err
		}
		if !target.Seen && len(ids) > 1 { // a list entry and what was heard: the hosts bring it to life
			if _, err := tx.Exec(ctx, "UPDATE asset_host SET asset_id = ? WHERE asset_id IN (?)", target.ID, ids[1:2]); err != nil {
				return err
			}
		}
		if err := s.again(ctx, tx, target.SiteNo, because{who.Name, reason}, ids...); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAsset, SiteNo: target.SiteNo, Refs: []ot.Ref{{Kind: "asset", ID: target.ID}}})
	})
}

// target finds the asset that a request changes and names it in the audit entry.
func (s *Service) target(ctx context.Context, tx *store.Tx, scope Scope, id string) (assetRow, error) {
	a, err := find(ctx, tx, scope, id)
	if err != nil {
		return a, err
	}
	siteID, err := store.One[string](ctx, tx, "SELECT site_id FROM org_site WHERE site_no = ?", a.SiteNo)
	if err != nil {
		return a, err
	}
	rest.Target(ctx, siteID, ot.Ref{Kind: "asset", ID: a.ID})
	return a, nil
}

// absorb takes in an asset that stands only in a list.
func absorb(ctx context.Context, tx *store.Tx, into, from *assetRow, who Person, reason string) error {
	inherit(into, from)
	for _, q := range []ot.SQL{
		{Text: "UPDATE asset_binding SET asset_id = ? WHERE asset_id = ?", Args: []any{into.ID, from.ID}},
		{Text: "UPDATE asset_override SET asset_id = ? WHERE asset_id = ? AND field NOT IN (SELECT field FROM asset_override WHERE asset_id = ?)", Args: []any{into.ID, from.ID, into.ID}},
		{Text: "DELETE FROM asset_override WHERE asset_id = ?", Args: []any{from.ID}},
		{Text: "UPDATE asset_alias SET asset_id = ? WHERE asset_id = ?", Args: []any{into.ID, from.ID}},
		{Text: "UPDATE asset_planned SET asset_id = ? WHERE asset_id = ?", Args: []any{into.ID, from.ID}},
		{Text: "INSERT INTO asset_alias (old_id, asset_id) VALUES (?, ?)", Args: []any{from.ID, into.ID}},
		{Text: "DELETE FROM asset_asset WHERE asset_id = ?", Args: []any{from.ID}},
	} {
		if _, err := tx.Exec(ctx, q.Text, q.Args...); err != nil {
			return err
		}
	}
	return store.Upsert(ctx, tx, "asset_change", []changeRow{{
		ID: store.NewID(), AssetID: into.ID, SiteNo: into.SiteNo, At: store.At(time.Now()), Kind: "merged",
		Before: from.label(), After: into.label(), DecidedBy: who.Name, Reason: reason,
	}}, nil, nil)
}

// pinAll writes, for each host, the asset that a person gave it: by MAC where
// the MAC is its own, by IP behind a router.
func pinAll(ctx context.Context, tx *store.Tx, hosts []hostRow, to func(*hostRow) string) error {
	type at struct {
		realm         int64
		kind, address string
	}
	pins := map[at]pinRow{}
	for i := range hosts {
		h := &hosts[i]
		k := at{h.RealmNo, "mac", h.MAC}
		if h.Behind || h.MAC == "" {
			k.kind, k.address = "ip", h.IP
		} else if h.IP != "" {
			if _, err := tx.Exec(ctx, "DELETE FROM asset_pin WHERE site_no = ? AND realm_no = ? AND kind = 'ip' AND address = ?", h.SiteNo, h.RealmNo, h.IP); err != nil {
				return err
			}
		}
		pins[k] = pinRow{SiteNo: h.SiteNo, RealmNo: k.realm, Kind: k.kind, Address: k.address, AssetID: to(h)}
	}
	rows := make([]pinRow, 0, len(pins))
	for _, p := range pins {
		rows = append(rows, p)
	}
	return store.Upsert(ctx, tx, "asset_pin", rows, []string{"site_no", "realm_no", "kind", "address"}, []string{"asset_id"})
}

// Split takes one address out of an asset: it becomes an asset of its own, and
// the rules never join the two again.
func (s *Service) Split(ctx context.Context, scope Scope, who Person, id, address, reason string) (made string, err error) {
	ip, ipErr := netip.ParseAddr(address)
	var mac ot.MAC
	if macErr := mac.UnmarshalText([]byte(address)); ipErr != nil && (macErr != nil || address == "") {
		return "", ot.Errorf(ot.Invalid, "%q is neither a MAC nor an IP address", ot.Printable(address))
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		a, err := s.target(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		hosts, err := store.All[hostRow](ctx, tx, "SELECT "+hostColumns+" FROM asset_host WHERE asset_id = ?", a.ID)
		if err != nil {
			return err
		}
		mine := func(h *hostRow) bool { return h.MAC == mac.String() }
		if ipErr == nil {
			mine = goes(hosts, ip.String())
		}
		n := 0
		for i := range hosts {
			if mine(&hosts[i]) {
				n++
			}
		}
		if n == 0 {
			return ot.Errorf(ot.NotFound, "%s has no address %s", a.label(), ot.Printable(address))
		}
		if n == len(hosts) {
			return ot.Errorf(ot.Invalid, "%s is the asset's only address: there is nothing to split", ot.Printable(address))
		}
		made = store.NewID()
		if err := pinAll(ctx, tx, hosts, func(h *hostRow) string {
			if mine(h) {
				return made
			}
			return a.ID
		}); err != nil {
			return err
		}
		if err := pinApart(ctx, tx, hosts, mine, made, a.ID, ipErr == nil); err != nil {
			return err
		}
		if err := s.again(ctx, tx, a.SiteNo, because{who.Name, reason}, a.ID); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "asset_change", []changeRow{{
			ID: store.NewID(), AssetID: a.ID, SiteNo: a.SiteNo, At: store.At(time.Now()), Kind: "split",
			Before: ot.Printable(address), After: made, DecidedBy: who.Name, Reason: reason,
		}}, nil, nil); err != nil {
			return err
		}
		return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAsset, SiteNo: a.SiteNo, Refs: []ot.Ref{{Kind: "asset", ID: a.ID}, {Kind: "asset", ID: made}}})
	})
	return made, err
}

// goes picks the hosts that leave with an IP address: its own, and what its MAC
// said without an address, unless another address that stays has the same MAC.
func goes(hosts []hostRow, ip string) func(*hostRow) bool {
	type at struct {
		realm int64
		mac   string
	}
	stays, leaves := map[at]bool{}, map[at]bool{}
	for i := range hosts {
		h := &hosts[i]
		switch k := (at{h.RealmNo, h.MAC}); {
		case h.MAC == "" || h.Behind || h.IP == "":
		case h.IP == ip:
			leaves[k] = true
		default:
			stays[k] = true
		}
	}
	return func(h *hostRow) bool {
		k := at{h.RealmNo, h.MAC}
		return h.IP == ip || h.IP == "" && leaves[k] && !stays[k]
	}
}

// pinApart settles a MAC that holds both an address that goes and one that
// stays: the MAC stays, the addresses are pinned one by one.
func pinApart(ctx context.Context, tx *store.Tx, hosts []hostRow, mine func(*hostRow) bool, made, old string, byIP bool) error {
	if !byIP {
		return nil
	}
	var rows []pinRow
	for i := range hosts {
		h := &hosts[i]
		if h.IP == "" {
			continue
		}
		to := old
		if mine(h) {
			to = made
		}
		rows = append(rows, pinRow{h.SiteNo, h.RealmNo, "ip", h.IP, to})
		shared := slices.ContainsFunc(hosts, func(o hostRow) bool { return o.MAC == h.MAC && o.RealmNo == h.RealmNo && mine(&o) != mine(h) })
		if shared && !h.Behind && h.MAC != "" {
			rows = append(rows, pinRow{h.SiteNo, h.RealmNo, "mac", h.MAC, old})
		}
	}
	return store.Upsert(ctx, tx, "asset_pin", uniquePins(rows), []string{"site_no", "realm_no", "kind", "address"}, []string{"asset_id"})
}

func uniquePins(rows []pinRow) []pinRow {
	var out []pinRow
	for _, r := range rows {
		if !slices.ContainsFunc(out, func(o pinRow) bool { return o.RealmNo == r.RealmNo && o.Kind == r.Kind && o.Address == r.Address }) {
			out = append(out, r)
		}
	}
	return out
}
