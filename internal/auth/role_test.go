package auth_test

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

func TestMakeRole(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		setUp(t, s)
		boss := auth.System()
		some := auth.Principal{UserID: "x", Role: "some", Permissions: auth.Grant(auth.AssetRead, auth.UserWrite), Scope: auth.Scope{All: true}}
		night := auth.Role{ID: "night-watch", Title: "Night watch", Permissions: []auth.Permission{auth.AssetRead, auth.NetworkRead}}
		wantCode(t, "above one's own", s.MakeRole(ctx, some, night, true), ot.Forbidden)
		wantCode(t, "made", s.MakeRole(ctx, boss, night, true), "")
		wantCode(t, "made again", s.MakeRole(ctx, boss, night, true), ot.Conflict)
		wantCode(t, "taking from a role above", s.MakeRole(ctx, some, auth.Role{ID: night.ID, Title: "x", Permissions: []auth.Permission{auth.AssetRead}}, false), ot.Forbidden)
		for what, bad := range map[string]auth.Role{
			"no title":             {ID: "abc", Permissions: night.Permissions},
			"an id with a blank":   {ID: "a b", Title: "x"},
			"unknown permission":   {ID: "abc", Title: "x", Permissions: []auth.Permission{"all:write"}},
			"everybody's own":      {ID: "abc", Title: "x", Permissions: []auth.Permission{auth.Self}},
			"markup in the id":     {ID: "<b>", Title: "x"},
			"id longer than forty": {ID: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", Title: "x"},
		} {
			wantCode(t, what, s.MakeRole(ctx, boss, bad, true), ot.Invalid)
		}
		wantCode(t, "the administrator's", s.MakeRole(ctx, boss, auth.Role{ID: auth.Administrator, Title: "x"}, false), ot.Conflict)
		wantCode(t, "missing", s.MakeRole(ctx, boss, auth.Role{ID: "nobody", Title: "x"}, false), ot.NotFound)
		if _, err := s.CreateUser(ctx, auth.User{Name: "Bo", Email: "bo@example.com", Role: night.ID}); err != nil {
			t.Fatal(err)
		}
		wantCode(t, "delete one in use", s.DeleteRole(ctx, night.ID), ot.Conflict)
		wantCode(t, "delete one of ours", s.DeleteRole(ctx, auth.Reader), ot.Conflict)
		_, err := s.CreateUser(ctx, auth.User{Name: "Vera", Email: "vera@vendor.example", Role: auth.Vendor})
		wantCode(t, "a vendor without an end", err, ot.Invalid)
		_, err = s.CreateUser(ctx, auth.User{Name: "Vera", Email: "vera@vendor.example", Role: auth.Vendor, EndAt: store.At(w.now().Add(time.Hour))})
		wantCode(t, "a vendor with an end", err, "")
	})
}

// A person of one zone gets that zone, and may know the site's name and nothing more of it.
func TestZoneScope(t *testing.T) {
	each(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		setUp(t, s)
		all := auth.Scope{All: true}
		tree := org.New(db, nil)
		e, err := tree.CreateEntity(ctx, all, org.Entity{Name: "Nordvand"})
		if err != nil {
			t.Fatal(err)
		}
		site, err := tree.CreateSite(ctx, all, org.Site{EntityID: e.ID, Name: "Aarhus"})
		if err != nil {
			t.Fatal(err)
		}
		other, err := tree.CreateSite(ctx, all, org.Site{EntityID: e.ID, Name: "Malmo"})
		if err != nil {
			t.Fatal(err)
		}
		var zones []org.Zone
		for _, name := range []string{"Line 1", "Line 2"} {
			z, err := tree.CreateZone(ctx, all, site.ID, org.Zone{Name: name, Level: "1", OT: true})
			if err != nil {
				t.Fatal(err)
			}
			zones = append(zones, z)
		}
		u, err := s.CreateUser(ctx, auth.User{Name: "Bo", Email: "bo@example.com", Role: auth.OTEngineer, Zones: []string{zones[0].ID}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.CreateUser(ctx, auth.User{Name: "Cy", Email: "cy@example.com", Role: auth.Reader, Zones: []string{store.NewID()}})
		wantCode(t, "a zone that is not", err, ot.Invalid)
		link, _, err := s.CreateLink(ctx, auth.System(), u.ID)
		if err != nil {
			t.Fatal(err)
		}
		in, err := s.UseLink(ctx, link, good, auth.Client{})
		if err != nil {
			t.Fatal(err)
		}
		p := who(t, s, in.Token)
		if len(p.Scope.Zones) != 1 || p.Scope.Zones[0] != zones[0].No || !p.Scope.OnlyZones() {
			t.Fatalf("scope %+v", p.Scope)
		}
		sites, err := tree.Sites(ctx, p.Scope)
		if err != nil || len(sites) != 1 || sites[0].ID != site.ID {
			t.Errorf("sites %v %v", sites, err)
		}
		zs, err := tree.Zones(ctx, p.Scope, site.ID)
		if err != nil || len(zs) != 1 || zs[0].ID != zones[0].ID {
			t.Errorf("zones %v %v", zs, err)
		}
		_, _, err = tree.Zone(ctx, p.Scope, zones[1].ID)
		wantCode(t, "the other zone", err, ot.NotFound)
		_, err = tree.Zones(ctx, p.Scope, other.ID)
		wantCode(t, "the other site", err, ot.NotFound)
		_, err = tree.Subnets(ctx, p.Scope, site.ID)
		wantCode(t, "the site's address plan", err, ot.NotFound)
		_, err = tree.CreateZone(ctx, p.Scope, site.ID, org.Zone{Name: "Line 3", Level: "1"})
		wantCode(t, "a new zone of the site", err, ot.NotFound)
		// A program of that person sees the zone too, and no more where it names the site.
		token, _, err := s.CreateToken(ctx, p, auth.NewAccessToken{Name: "x", Permissions: []auth.Permission{auth.AssetRead}, Sites: []string{site.ID}, EndAt: w.now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if q := who(t, s, token); len(q.Scope.Sites) != 0 || len(q.Scope.Zones) != 1 || q.Scope.Zones[0] != zones[0].No {
			t.Errorf("the token's scope %+v", q.Scope)
		}
	})
}
