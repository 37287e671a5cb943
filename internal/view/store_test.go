package view_test

import (
	"context"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
	"github.com/skanse/skanse/internal/view"
)

func TestPlantAndSearchStayInScope(t *testing.T) {
	ctx := context.Background()
	tables := []store.Migrations{org.Migrations(), asset.Migrations(), network.Migrations()}
	storetest.Each(t, tables, func(t *testing.T, db *store.DB) {
		tree := org.New(db, nil)
		all := auth.Scope{All: true}
		e, err := tree.CreateEntity(ctx, all, org.Entity{Name: "Example", Profile: "essential"})
		if err != nil {
			t.Fatal(err)
		}
		var sites []org.Site
		for _, name := range []string{"Aarhus", "Esbjerg"} {
			s, err := tree.CreateSite(ctx, all, org.Site{EntityID: e.ID, Name: name, TZ: "UTC"})
			if err != nil {
				t.Fatal(err)
			}
			sites = append(sites, s)
			if _, err := tree.CreateZone(ctx, all, s.ID, org.Zone{Name: name + " line", Level: "1", OT: true}); err != nil {
				t.Fatal(err)
			}
		}
		foreign := auth.Scope{Sites: []int64{sites[1].No}}
		p, err := view.New(db).Plant(ctx, all, sites[0].ID, time.Now(), time.Time{})
		if err != nil || len(p.Zones) != 1 || p.Zones[0].Name != "Aarhus line" || p.HeardAt != nil {
			t.Fatalf("the map of Aarhus: %+v, %v", p, err)
		}
		if _, err := view.New(db).Plant(ctx, foreign, sites[0].ID, time.Now(), time.Time{}); ot.CodeOf(err) != ot.NotFound {
			t.Fatalf("a foreign site's map answers %v, not found was due", err)
		}
		if found, err := view.New(db).Search(ctx, all, "LINE"); err != nil || len(found) != 2 {
			t.Fatalf("search for a zone: %+v, %v", found, err)
		}
		if found, err := view.New(db).Search(ctx, foreign, "aarhus"); err != nil || len(found) != 0 {
			t.Fatalf("search outside the scope finds %+v, %v", found, err)
		}
		if found, err := view.New(db).Search(ctx, all, `%_\`); err != nil || len(found) != 0 {
			t.Fatalf("wildcards are taken as text: %+v, %v", found, err)
		}
		if list, err := view.New(db).Sites(ctx, foreign); err != nil || len(list) != 1 || list[0].SiteNo != sites[1].No || list[0].Live {
			t.Fatalf("the list of sites in scope: %+v, %v", list, err)
		}
	})
}
