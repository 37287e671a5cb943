package asset

import (
	"context"

	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// AssetChange is one entry of an asset's history.
type AssetChange struct {
	ID     string     `json:"id"`
	At     store.Time `json:"at"`
	Kind   string     `json:"kind" enum:"appeared,field,address,merged,split,state,decided"`
	Field  string     `json:"field"`
	Before string     `json:"before"`
	After  string     `json:"after"`
	By     string     `json:"by" doc:"Empty: the rules"`
	Reason string     `json:"reason"`
	Other  string     `json:"other,omitempty" doc:"Id of the asset that a split made"`
}

// History returns an asset's changes, newest first, those of assets merged into it included.
func (s *Service) History(ctx context.Context, scope Scope, id, cursor string, limit int) (page rest.Page[AssetChange], err error) {
	if limit <= 0 || limit > 500 {
		limit = 100
	}
	last := "~" // after every id
	if err := rest.DecodeCursor(cursor, &last); err != nil {
		return page, err
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		a, err := find(ctx, r, scope, id)
		if err != nil {
			return err
		}
		ids, err := store.All[string](ctx, r, "SELECT old_id FROM asset_alias WHERE asset_id = ?", a.ID)
		if err != nil {
			return err
		}
		rows, err := store.All[changeRow](ctx, r, "SELECT change_id, asset_id, site_no, at, kind, field, before, after, decided_by, reason FROM asset_change WHERE asset_id IN (?) AND change_id < ? ORDER BY change_id DESC LIMIT ?",
			append(ids, a.ID), last, limit+1)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(c changeRow) string { return rest.EncodeCursor(c.ID) })
		page = rest.Page[AssetChange]{Items: make([]AssetChange, 0, len(cut.Items)), Next: cut.Next}
		for _, c := range cut.Items {
			page.Items = append(page.Items, AssetChange{ID: c.ID, At: c.At, Kind: c.Kind, Field: c.Field, Before: c.Before, After: c.After, By: c.DecidedBy, Reason: c.Reason})
		}
		return nameChanges(ctx, r, page.Items)
	})
	return page, err
}

// nameChanges puts names where a change holds ids: of the zone that a person
// chose, and of the asset that a split made.
func nameChanges(ctx context.Context, r store.Reader, items []AssetChange) error {
	var zones, made []string
	for i := range items {
		switch c := &items[i]; {
		case c.Kind == "decided" && c.Field == "zone":
			zones = append(zones, c.Before, c.After)
		case c.Kind == "split":
			c.Other = c.After
			made = append(made, c.After)
		}
	}
	if len(zones)+len(made) == 0 {
		return nil
	}
	type named struct {
		ID   string `db:"id"`
		Name string `db:"name"`
	}
	called := map[string]string{}
	rows, err := store.All[named](ctx, r, "SELECT zone_id AS id, name FROM org_zone WHERE zone_id IN (?)", append(zones, ""))
	if err != nil {
		return err
	}
	for _, z := range rows {
		called[z.ID] = z.Name
	}
	others, err := store.All[assetRow](ctx, r, "SELECT "+assetColumns+" FROM asset_asset WHERE asset_id IN (?)", append(made, ""))
	if err != nil {
		return err
	}
	for i := range others {
		called[others[i].ID] = others[i].label()
	}
	name := func(id, gone string) string {
		if n, ok := called[id]; ok || id == "" {
			return n
		}
		return gone
	}
	for i := range items {
		switch c := &items[i]; {
		case c.Kind == "decided" && c.Field == "zone":
			c.Before, c.After = name(c.Before, "a zone that is gone"), name(c.After, "a zone that is gone")
		case c.Kind == "split":
			c.After = name(c.After, "another asset")
		}
	}
	return nil
}
