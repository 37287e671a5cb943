package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/demo"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// Enter takes the registers of the example over as they stood, as a company does that kept them elsewhere before.
func (d desk) Enter(ctx context.Context, present time.Time, entries []demo.Entry) error {
	type place struct {
		Name     string `db:"name"`
		SiteID   string `db:"site_id"`
		EntityID string `db:"entity_id"`
	}
	return d.s.db.Update(ctx, func(tx *store.Tx) error {
		places, err := store.All[place](ctx, tx, "SELECT name, site_id, entity_id FROM org_site")
		if err != nil {
			return err
		}
		made := map[string]string{}
		for _, e := range entries {
			n := record.Draft{Type: e.Type, Title: e.Title, Data: maps.Clone(e.Data), ValidFrom: present.AddDate(0, 0, -e.Days)}
			if e.Owner != "" {
				n.Owner = "demo:" + strings.ToLower(strings.Fields(e.Owner)[0])
			}
			if e.Until != 0 {
				n.ValidUntil = present.AddDate(0, 0, e.Until)
			}
			if e.Due != 0 {
				n.DueAt = present.AddDate(0, 0, e.Due)
			}
			if i := slices.IndexFunc(places, func(p place) bool { return p.Name == e.Site }); i >= 0 {
				n.Site = places[i].SiteID
			} else if len(places) > 0 {
				n.Entity = places[0].EntityID
			}
			for _, rel := range slices.Sorted(maps.Keys(e.Links)) {
				n.Links = append(n.Links, record.NewLink{Rel: rel, Kind: "record", ID: made[e.Links[rel]]})
			}
			by := "demo:" + strings.ToLower(strings.Fields(e.By)[0])
			rec, err := d.s.records.Adopt(auth.With(ctx, auth.System()), tx, n, record.Past{State: e.State, By: by, At: present.AddDate(0, 0, -e.Days)})
			if err != nil {
				return fmt.Errorf("%s %q: %w", e.Type, e.Title, err)
			}
			if e.Key != "" {
				made[e.Key] = rec.ID
			}
		}
		return nil
	})
}
