package asset

import (
	"context"
	"fmt"
	"slices"

	"github.com/skanse/skanse/internal/store"
)

func loadTypes(ctx context.Context, r store.Reader, siteNo int64) (types, error) {
	rows, err := store.All[typeRow](ctx, r, "SELECT site_no, type_key, project_id, vendor, model, order_code, revision FROM asset_type WHERE site_no = ?", siteNo)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	t := make(types, len(rows))
	for _, x := range rows {
		t[x.Key] = x
	}
	return t, nil
}

// loadPlanned reads what projects say of assets.
func (w *writer) loadPlanned(ctx context.Context, ids []string) error {
	w.planned, w.plannedWas = map[string][]*plannedRow{}, map[*plannedRow]string{}
	rows, err := store.All[plannedRow](ctx, w.tx, "SELECT "+plannedColumns+" FROM asset_planned WHERE asset_id IN (?) ORDER BY project_id DESC, item", ids)
	if err != nil {
		return err
	}
	for i := range rows {
		p := &rows[i]
		id := p.AssetID
		if into := w.moved[id]; into != "" {
			id = into
		}
		w.planned[id] = append(w.planned[id], p)
		w.plannedWas[p] = differsText(p.Differs.V)
	}
	return nil
}

// adoptPlanned finds, for devices without an asset, the one that a project planned
// under the serial number or the name that they state, where nobody else has it.
func (w *writer) adoptPlanned(ctx context.Context, devices []Device, ids []string) error {
	serials, names := map[string][]int{}, map[string][]int{}
	for n := range devices {
		if ids[n] != "" || !devices[n].Seen {
			continue
		}
		if v := devices[n].Field("serial"); v != "" {
			serials[v] = append(serials[v], n)
		}
		if v := devices[n].Field("name"); v != "" {
			names[v] = append(names[v], n)
		}
	}
	if len(serials)+len(names) == 0 {
		return nil
	}
	type row struct {
		ID      string               `db:"asset_id"`
		Name    string               `db:"name"`
		Aliases store.JSON[[]string] `db:"aliases"`
		Serial  string               `db:"serial"`
	}
	rows, err := store.All[row](ctx, w.tx, `SELECT p.asset_id, p.name, p.aliases, p.serial FROM asset_planned p JOIN asset_asset a ON a.asset_id = p.asset_id
		WHERE p.site_no = ? AND NOT a.seen AND a.state IN ('new', 'accepted') ORDER BY p.asset_id LIMIT 2000`, w.d.SiteNo)
	if err != nil {
		return err
	}
	take := func(found []int, id string) {
		if len(found) == 1 && ids[found[0]] == "" && !slices.Contains(ids, id) {
			ids[found[0]] = id
		}
	}
	for _, p := range rows {
		if p.Serial != "" {
			take(serials[p.Serial], p.ID)
		}
	}
	of := map[string][]string{} // a name may be planned once only
	for _, p := range rows {
		for _, name := range append([]string{p.Name}, p.Aliases.V...) {
			of[name] = append(of[name], p.ID)
		}
	}
	for _, name := range sortedKeys(names) {
		if assets := of[name]; len(assets) == 1 {
			take(names[name], assets[0])
		}
	}
	return nil
}

// replan holds what changed against what is planned, and says whether an answer changed.
func (w *writer) replan(ctx context.Context) (changed bool, err error) {
	for _, id := range sortedKeys(w.planned) {
		a := w.assets[id]
		if a == nil {
			continue
		}
		for _, p := range w.planned[id] {
			if w.plannedWas[p] == differsText(p.Differs.V) && p.AssetID == id {
				continue
			}
			changed, p.AssetID = true, id
			if err := store.Upsert(ctx, w.tx, "asset_planned", []plannedRow{*p}, []string{"project_id", "item"}, []string{"asset_id", "bound_by", "differs"}); err != nil {
				return changed, err
			}
		}
	}
	return changed, nil
}

func differsText(list []Difference) string { return fmt.Sprint(list) }
