package asset

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Bounds of a decision on many assets.
const (
	maxDecided   = 1000
	decidedPerTx = 500 // two rows each
)

// Decided says what a decision on many assets did.
type Decided struct {
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged" doc:"They stood so already"`
}

// DecideMany puts many assets into one state. An id that the scope does not let
// see refuses all of them before the first is changed.
func (s *Service) DecideMany(ctx context.Context, scope Scope, who Person, ids []string, state, reason string) (out Decided, err error) {
	if !slices.Contains([]string{StateNew, StateAccepted, StateRejected, StateRetired}, state) {
		return out, ot.Errorf(ot.Invalid, "state: there is no state %q; one of new, accepted, rejected, retired", ot.Printable(state))
	}
	if len(ids) == 0 || len(ids) > maxDecided {
		return out, ot.Errorf(ot.Invalid, "ids: name 1 to %d assets", maxDecided)
	}
	var whole []string
	var sites []string
	err = s.db.View(ctx, func(r store.Reader) error {
		if whole, err = present(ctx, r, scope, ids); err != nil {
			return err
		}
		sites, err = store.All[string](ctx, r, "SELECT DISTINCT s.site_id FROM asset_asset a JOIN org_site s ON s.site_no = a.site_no WHERE a.asset_id IN (?)", whole)
		return err
	})
	if err != nil {
		return out, err
	}
	if len(sites) == 1 {
		rest.Target(ctx, sites[0], ot.Ref{Kind: "site", ID: sites[0]})
	}
	rest.Detail(ctx, "assets", strconv.Itoa(len(whole)))
	rest.Detail(ctx, "state", state)
	reasonDetail(ctx, reason)
	for part := range slices.Chunk(whole, decidedPerTx) {
		n := 0
		if err := s.db.Update(ctx, func(tx *store.Tx) (err error) {
			n, err = s.decidePart(ctx, tx, scope, who, part, state, reason)
			return err
		}); err != nil {
			return out, err
		}
		out.Changed += n
		out.Unchanged += len(part) - n
	}
	return out, nil
}

// present resolves ids, those of merged assets too, to assets that the scope lets see.
func present(ctx context.Context, r store.Reader, scope Scope, ids []string) ([]string, error) {
	type alias struct {
		Old string `db:"old_id"`
		Now string `db:"asset_id"`
	}
	aliases, err := store.All[alias](ctx, r, "SELECT old_id, asset_id FROM asset_alias WHERE old_id IN (?)", ids)
	if err != nil {
		return nil, err
	}
	now := map[string]string{}
	for _, a := range aliases {
		now[a.Old] = a.Now
	}
	wanted := slices.Clone(ids)
	for i, id := range wanted {
		if to, ok := now[id]; ok {
			wanted[i] = to
		}
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	seen, err := store.All[string](ctx, r, "SELECT asset_id FROM asset_asset WHERE asset_id IN (?) AND ?", wanted, scope.Where("site_no", "zone_no"))
	if err != nil {
		return nil, err
	}
	for _, id := range wanted {
		if !slices.Contains(seen, id) {
			return nil, ot.Errorf(ot.NotFound, "there is no asset %s; nothing was changed", ot.Printable(id))
		}
	}
	return wanted, nil
}

func (s *Service) decidePart(ctx context.Context, tx *store.Tx, scope Scope, who Person, ids []string, state, reason string) (int, error) {
	type row struct {
		ID     string `db:"asset_id"`
		SiteNo int64  `db:"site_no"`
		State  string `db:"state"`
	}
	rows, err := store.All[row](ctx, tx, "SELECT asset_id, site_no, state FROM asset_asset WHERE asset_id IN (?) AND state <> ? AND ? ORDER BY site_no, asset_id",
		ids, state, scope.Where("site_no", "zone_no"))
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	now := store.At(s.now())
	changes := make([]changeRow, 0, len(rows))
	changed := make([]string, 0, len(rows))
	refs := map[int64][]ot.Ref{}
	for _, a := range rows {
		changes = append(changes, changeRow{ID: store.NewID(), AssetID: a.ID, SiteNo: a.SiteNo, At: now, Kind: "state", Field: "state", Before: a.State, After: state, DecidedBy: who.Name, Reason: reason})
		changed = append(changed, a.ID)
		refs[a.SiteNo] = append(refs[a.SiteNo], ot.Ref{Kind: "asset", ID: a.ID})
	}
	if _, err := tx.Exec(ctx, "UPDATE asset_asset SET state = ?, decided_at = ?, version = version + 1 WHERE asset_id IN (?)", state, now, changed); err != nil {
		return 0, err
	}
	if err := store.Upsert(ctx, tx, "asset_change", changes, nil, nil); err != nil {
		return 0, err
	}
	if err := s.askAgain(ctx, tx, who, state, slices.Collect(maps.Keys(refs))...); err != nil {
		return 0, err
	}
	var events []bus.Event
	for siteNo, of := range refs {
		events = append(events, bus.Event{Topic: ot.TopicAsset, SiteNo: siteNo, Refs: of})
	}
	return len(rows), bus.Publish(ctx, tx, events...)
}
