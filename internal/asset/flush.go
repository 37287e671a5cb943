package asset

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// diff notes in the history how an asset's fields changed.
func (w *writer) diff(a *assetRow) (different bool) {
	was, ok := w.before[a.ID]
	if !ok {
		w.change(a.ID, "appeared", "", "", a.label(), w.why.by, w.why.reason)
		return true
	}
	for _, name := range [...]string{"name", "vendor", "model", "order_code", "firmware", "serial", "role", "level"} {
		before, after := *was.column(name), *a.column(name)
		if before != after && was.Seen {
			reason := ""
			if name == "role" {
				reason = a.RoleReason
			} else if name == "level" {
				reason = a.LevelReason
			}
			w.change(a.ID, "field", name, before, after, "", reason)
		}
	}
	if was.ZoneNo != a.ZoneNo && was.Seen {
		w.change(a.ID, "field", "zone", w.pl.zones[was.ZoneNo].Name, w.pl.zones[a.ZoneNo].Name, "", "")
	}
	x, y := was, *a
	x.IPs.V, x.MACs.V, y.IPs.V, y.MACs.V = nil, nil, nil, nil
	return !equalRows(x, y) || !slices.Equal(was.IPs.V, a.IPs.V) || !slices.Equal(was.MACs.V, a.MACs.V)
}

func equalRows(x, y assetRow) bool {
	x.Version, y.Version = 0, 0
	for _, p := range []*store.Time{&x.CriticalityAt, &x.LastLiveAt, &x.EndOfSale, &x.EndOfSupport, &x.CreatedAt, &x.DecidedAt, &y.CriticalityAt, &y.LastLiveAt, &y.EndOfSale, &y.EndOfSupport, &y.CreatedAt, &y.DecidedAt} {
		if !p.IsZero() {
			*p = store.Time{Time: time.UnixMicro(p.UnixMicro()).UTC()}
		}
	}
	return assetKey(x) == assetKey(y)
}

// assetKey is a comparable copy of a row without its lists.
func assetKey(a assetRow) any {
	type flat struct {
		zone, crit, hint, first, last, conflicts, modules int64
		text                                              string
		critAt, live, sale, support, created, decided     time.Time
		managed, expected, seen, liveB, identified        bool
	}
	return flat{
		a.ZoneNo, a.Criticality, a.CriticalityHint, a.FirstAt, a.LastAt, a.Conflicts, a.Modules,
		strings.Join([]string{a.Name, a.Vendor, a.Model, a.OrderCode, a.Firmware, a.Serial, a.Role, a.Level, a.RoleReason, a.LevelReason, a.CriticalityReason, a.Owner, a.State, a.Spare, a.Search, a.Planned}, "\x00"),
		a.CriticalityAt.Time, a.LastLiveAt.Time, a.EndOfSale.Time, a.EndOfSupport.Time, a.CreatedAt.Time, a.DecidedAt.Time,
		a.Managed, a.Expected, a.Seen, a.Live, a.Identified,
	}
}

// flush writes everything, in an order that never shows an asset without its row.
func (w *writer) flush(ctx context.Context, ev *Evidence) error {
	var rows []assetRow
	for _, id := range sortedKeys(w.assets) {
		if a := w.assets[id]; w.diff(a) {
			a.Version++
			rows = append(rows, *a)
		} else {
			delete(w.assets, id)
		}
	}
	if err := store.Upsert(ctx, w.tx, "asset_asset", rows, []string{"asset_id"}, assetSet()); err != nil {
		return err
	}
	if err := w.dropMerged(ctx); err != nil {
		return err
	}
	for _, b := range w.unbound {
		if _, err := w.tx.Exec(ctx, "DELETE FROM asset_binding WHERE site_no = ? AND realm_no = ? AND kind = ? AND address = ? AND asset_id = ? AND from_at = ?",
			b.SiteNo, b.RealmNo, b.Kind, b.Address, b.AssetID, b.FromAt); err != nil {
			return err
		}
	}
	if err := store.Upsert(ctx, w.tx, "asset_binding", dedup(w.bindings), []string{"site_no", "realm_no", "kind", "address", "asset_id", "from_at"}, []string{"to_at", "person"}); err != nil {
		return err
	}
	for _, id := range sortedKeys(w.modules) {
		if _, err := w.tx.Exec(ctx, "DELETE FROM asset_module WHERE asset_id = ?", id); err != nil {
			return err
		}
		if err := store.Upsert(ctx, w.tx, "asset_module", w.modules[id], nil, nil); err != nil {
			return err
		}
	}
	if err := store.Upsert(ctx, w.tx, "asset_host", w.hosts, []string{"site_no", "realm_no", "mac", "ip"}, []string{"asset_id", "behind"}); err != nil {
		return err
	}
	for _, id := range sortedKeys(w.factsTo) {
		if _, err := w.tx.Exec(ctx, "UPDATE asset_fact SET asset_id = ? WHERE fact_id IN (?)", id, w.factsTo[id]); err != nil {
			return err
		}
	}
	if err := w.flushRouters(ctx, ev); err != nil {
		return err
	}
	return store.Upsert(ctx, w.tx, "asset_change", w.changes, nil, nil)
}

func dedup(rows []bindingRow) []bindingRow {
	type k struct {
		realm             int64
		kind, address, id string
		from              int64
	}
	at := map[k]int{}
	var out []bindingRow
	for _, r := range rows {
		key := k{r.RealmNo, r.Kind, r.Address, r.AssetID, r.FromAt}
		if i, ok := at[key]; ok {
			out[i] = r
			continue
		}
		at[key] = len(out)
		out = append(out, r)
	}
	return out
}

// dropMerged removes assets that went into others; their ids keep working.
func (w *writer) dropMerged(ctx context.Context) error {
	for _, old := range sortedKeys(w.moved) {
		into := w.moved[old]
		if _, ok := w.before[old]; !ok {
			continue
		}
		for _, q := range []ot.SQL{
			{Text: "UPDATE asset_alias SET asset_id = ? WHERE asset_id = ?", Args: []any{into, old}},
			{Text: "INSERT INTO asset_alias (old_id, asset_id) VALUES (?, ?) ON CONFLICT (old_id) DO UPDATE SET asset_id = excluded.asset_id", Args: []any{old, into}},
			{Text: "DELETE FROM asset_asset WHERE asset_id = ?", Args: []any{old}},
			{Text: "DELETE FROM asset_module WHERE asset_id = ?", Args: []any{old}},
			{Text: "DELETE FROM asset_override WHERE asset_id = ?", Args: []any{old}},
			{Text: "UPDATE asset_pin SET asset_id = ? WHERE asset_id = ?", Args: []any{into, old}},
			{Text: "UPDATE asset_planned SET asset_id = ? WHERE asset_id = ?", Args: []any{into, old}},
			{Text: "UPDATE asset_fact SET asset_id = ? WHERE asset_id = ?", Args: []any{into, old}},
			{Text: "UPDATE asset_host SET asset_id = ? WHERE asset_id = ?", Args: []any{into, old}},
		} {
			if _, err := w.tx.Exec(ctx, q.Text, q.Args...); err != nil {
				return err
			}
		}
		for _, o := range w.overrides[into] {
			if err := store.Upsert(ctx, w.tx, "asset_override", []overrideRow{o}, []string{"asset_id", "field"}, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// flushRouters remembers MACs that carry a crowd.
func (w *writer) flushRouters(ctx context.Context, ev *Evidence) error {
	behind := map[ot.Host]int{}
	for i := range ev.Sightings {
		if s := &ev.Sightings[i]; s.Behind && !virtual(s.MAC) {
			behind[linkOf(s.Host)]++
		}
	}
	type row struct {
		SiteNo  int64  `db:"site_no"`
		RealmNo int64  `db:"realm_no"`
		MAC     string `db:"mac"`
		Hosts   int64  `db:"hosts"`
	}
	var rows []row
	for link, n := range behind {
		if known := w.c.routers[link]; known > 0 {
			n = known // as read, plus those just born
		} else if n <= crowd {
			continue
		}
		rows = append(rows, row{w.d.SiteNo, realmNo(link.Realm), link.MAC.String(), int64(n)})
	}
	return store.Upsert(ctx, w.tx, "asset_router", rows, []string{"site_no", "realm_no", "mac"}, []string{"hosts"})
}
