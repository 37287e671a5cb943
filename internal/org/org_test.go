package org_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// scope is what auth.Scope is to the program.
type scope struct {
	all      bool
	entities []string
	sites    []int64
}

func (s scope) Entity(id string) bool {
	return s.all || id != "" && strings.Contains(strings.Join(s.entities, ","), id)
}

func (s scope) Reach(site string) ot.SQL { return s.Where(site, "") }

func (s scope) Where(site, _ string) ot.SQL {
	if s.all {
		return ot.SQL{Text: "1 = 1"}
	}
	return ot.SQL{Text: "(" + site + " IN (?) OR " + site + " IN (SELECT site_no FROM org_site WHERE entity_id IN (?)))", Args: []any{s.sites, s.entities}}
}

var everything = scope{all: true}

func each(t *testing.T, fn func(t *testing.T, s *org.Service, db *store.DB, heard *[]string)) {
	storetest.Each(t, []store.Migrations{org.Migrations()}, func(t *testing.T, db *store.DB) {
		var heard []string
		fn(t, org.New(db, func(_ context.Context, _ *store.Tx, no int64, refs ...ot.Ref) error {
			heard = append(heard, fmt.Sprint(no, " ", refs[0].Kind))
			return nil
		}), db, &heard)
	})
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestTree(t *testing.T) {
	each(t, func(t *testing.T, s *org.Service, db *store.DB, heard *[]string) {
		ctx := t.Context()
		a := must[org.Entity](t)(s.CreateEntity(ctx, everything, org.Entity{Name: " Nordvand A/S ", Profile: "essential"}))
		b := must[org.Entity](t)(s.CreateEntity(ctx, everything, org.Entity{Name: "Other"}))
		if a.Name != "Nordvand A/S" || b.Profile != "important" {
			t.Errorf("%+v %+v", a, b)
		}
		one := must[org.Site](t)(s.CreateSite(ctx, everything, org.Site{EntityID: a.ID, Name: "Aarhus", Country: "dk", TZ: "Europe/Copenhagen", Critical: true}))
		two := must[org.Site](t)(s.CreateSite(ctx, scope{entities: []string{b.ID}}, org.Site{EntityID: b.ID, Name: "Bergen"}))
		if one.No == two.No || one.Country != "DK" || one.Weight != 1 || two.TZ != "UTC" {
			t.Errorf("%+v %+v", one, two)
		}
		rs := must[[]org.Realm](t)(s.Realms(ctx, everything, one.ID))
		if len(rs) != 1 || !rs[0].Default {
			t.Fatalf("a new site's realms: %+v", rs)
		}
		cell := must[org.Realm](t)(s.CreateRealm(ctx, everything, one.ID, "Cell 7"))
		plant := must[org.Zone](t)(s.CreateZone(ctx, everything, one.ID, org.Zone{Name: "Filter hall", Level: "1", OT: true, SLT: 2}))
		office := must[org.Zone](t)(s.CreateZone(ctx, everything, one.ID, org.Zone{Name: "Office", Level: "4", External: true}))
		err := s.ReplaceSubnets(ctx, everything, one.ID, []org.Prefix{
			{Prefix: "10.0.0.0/8", ZoneID: office.ID}, {Prefix: "10.1.2.99/24", ZoneID: plant.ID}, {Prefix: "10.1.2.0/24", RealmID: cell.ID, ZoneID: plant.ID}, {Prefix: "fd00::/8", ZoneID: plant.ID},
		})
		if err != nil {
			t.Fatal(err)
		}
		var r *org.Resolver
		if err := db.View(ctx, func(rd store.Reader) (err error) { r, err = org.LoadResolver(ctx, rd); return err }); err != nil {
			t.Fatal(err)
		}
		for addr, want := range map[string]int64{"10.1.2.7": plant.No, "10.1.3.7": office.No, "::ffff:10.1.2.7": plant.No, "fd00::1": plant.No, "192.168.0.1": 0, "fe80::1%eth0": 0} {
			if got := r.Zone(one.No, rs[0].No, netip.MustParseAddr(addr)); got != want {
				t.Errorf("%s in zone %d, want %d", addr, got, want)
			}
		}
		if got := r.Zone(one.No, cell.No, netip.MustParseAddr("10.1.3.7")); got != 0 {
			t.Errorf("another realm's address in zone %d", got)
		}
		up, _, err := s.UpdateZone(ctx, everything, plant.ID, func(z org.Zone) (org.Zone, error) { z.Name, z.SLT, z.No = "Filters", 3, 999; return z, nil })
		if err != nil || up.Name != "Filters" || up.No != plant.No {
			t.Errorf("%+v %v", up, err)
		}
		if _, _, err := s.DeleteZone(ctx, everything, plant.ID); err != nil {
			t.Fatal(err)
		}
		again := must[org.Zone](t)(s.CreateZone(ctx, everything, one.ID, org.Zone{Name: "Filters", Level: "1"}))
		if again.No <= office.No {
			t.Errorf("zone number %d was given before", again.No)
		}
		if ps := must[[]org.Prefix](t)(s.Subnets(ctx, everything, one.ID)); len(ps) != 1 || ps[0].Prefix != "10.0.0.0/8" {
			t.Errorf("subnets after the zone went: %+v", ps)
		}
		if len(*heard) != 13 { // every change above, once
			t.Errorf("heard %d changes: %v", len(*heard), *heard)
		}
	})
}

// Whoever asks for a thing outside the scope learns nothing, not even that it exists.
func TestForeign(t *testing.T) {
	each(t, func(t *testing.T, s *org.Service, _ *store.DB, _ *[]string) {
		ctx := t.Context()
		e := must[org.Entity](t)(s.CreateEntity(ctx, everything, org.Entity{Name: "A"}))
		mine := must[org.Site](t)(s.CreateSite(ctx, everything, org.Site{EntityID: e.ID, Name: "Mine"}))
		theirs := must[org.Site](t)(s.CreateSite(ctx, everything, org.Site{EntityID: e.ID, Name: "Theirs"}))
		z := must[org.Zone](t)(s.CreateZone(ctx, everything, theirs.ID, org.Zone{Name: "Z", Level: "1"}))
		me := scope{sites: []int64{mine.No}}
		if got := must[[]org.Site](t)(s.Sites(ctx, me)); len(got) != 1 || got[0].ID != mine.ID {
			t.Errorf("sites %+v", got)
		}
		if got := must[[]org.Site](t)(s.Sites(ctx, scope{})); len(got) != 0 {
			t.Errorf("an empty scope sees %+v", got)
		}
		if got := must[[]org.Site](t)(s.Sites(ctx, scope{entities: []string{e.ID}})); len(got) != 2 {
			t.Errorf("an entity's sites %+v", got)
		}
		same := func(z org.Zone) (org.Zone, error) { return z, nil }
		for what, err := range map[string]error{
			"site":         second(s.Site(ctx, me, theirs.ID)),
			"zones":        second(s.Zones(ctx, me, theirs.ID)),
			"realms":       second(s.Realms(ctx, me, theirs.ID)),
			"subnets":      second(s.Subnets(ctx, me, theirs.ID)),
			"create zone":  second(s.CreateZone(ctx, me, theirs.ID, org.Zone{Name: "X", Level: "1"})),
			"create realm": second(s.CreateRealm(ctx, me, theirs.ID, "X")),
			"replace":      s.ReplaceSubnets(ctx, me, theirs.ID, nil),
			"update site":  second(s.UpdateSite(ctx, me, theirs.ID, func(x org.Site) (org.Site, error) { return x, nil })),
			"zone":         third(s.Zone(ctx, me, z.ID)),
			"update zone":  third(s.UpdateZone(ctx, me, z.ID, same)),
			"delete zone":  third(s.DeleteZone(ctx, me, z.ID)),
			"create site":  second(s.CreateSite(ctx, me, org.Site{EntityID: e.ID, Name: "New"})),
		} {
			if ot.CodeOf(err) != ot.NotFound {
				t.Errorf("%s: %v, want not_found", what, err)
			}
		}
		if _, err := s.CreateEntity(ctx, me, org.Entity{Name: "B"}); ot.CodeOf(err) != ot.Forbidden {
			t.Errorf("create entity: %v", err)
		}
	})
}

func second[T any](_ T, err error) error        { return err }
func third[T, U any](_ T, _ U, err error) error { return err }

func TestWrongInput(t *testing.T) {
	each(t, func(t *testing.T, s *org.Service, _ *store.DB, _ *[]string) {
		ctx := t.Context()
		e := must[org.Entity](t)(s.CreateEntity(ctx, everything, org.Entity{Name: "A"}))
		at := must[org.Site](t)(s.CreateSite(ctx, everything, org.Site{EntityID: e.ID, Name: "S"}))
		z := must[org.Zone](t)(s.CreateZone(ctx, everything, at.ID, org.Zone{Name: "Z", Level: "1"}))
		put := func(ps ...org.Prefix) error { return s.ReplaceSubnets(ctx, everything, at.ID, ps) }
		for what, c := range map[string]struct {
			err  error
			code ot.Code
			says string
		}{
			"no name":         {second(s.CreateEntity(ctx, everything, org.Entity{Name: " \x00"})), ot.Invalid, "needs a name"},
			"name taken":      {second(s.CreateEntity(ctx, everything, org.Entity{Name: "A"})), ot.Conflict, "choose another"},
			"long name":       {second(s.CreateEntity(ctx, everything, org.Entity{Name: strings.Repeat("å", 121)})), ot.Invalid, "longer than 120"},
			"profile":         {second(s.CreateEntity(ctx, everything, org.Entity{Name: "B", Profile: "tiny"})), ot.Invalid, "essential and important"},
			"time zone":       {second(s.CreateSite(ctx, everything, org.Site{EntityID: e.ID, Name: "T", TZ: "Mars/Base"})), ot.Invalid, "IANA"},
			"country":         {second(s.CreateSite(ctx, everything, org.Site{EntityID: e.ID, Name: "T", Country: "D1"})), ot.Invalid, "two letters"},
			"site name taken": {second(s.CreateSite(ctx, everything, org.Site{EntityID: e.ID, Name: "S"})), ot.Conflict, "choose another"},
			"no company":      {second(s.CreateSite(ctx, everything, org.Site{EntityID: "x", Name: "T"})), ot.NotFound, "company"},
			"level":           {second(s.CreateZone(ctx, everything, at.ID, org.Zone{Name: "Y", Level: "6"})), ot.Invalid, "Purdue"},
			"sl-t":            {second(s.CreateZone(ctx, everything, at.ID, org.Zone{Name: "Y", Level: "1", SLT: 5})), ot.Invalid, "1 to 4"},
			"ot outside":      {second(s.CreateZone(ctx, everything, at.ID, org.Zone{Name: "Y", Level: "1", OT: true, External: true})), ot.Invalid, "not both"},
			"zone taken":      {second(s.CreateZone(ctx, everything, at.ID, org.Zone{Name: "Z", Level: "1"})), ot.Conflict, "choose another"},
			"prefix":          {put(org.Prefix{Prefix: "10.0.0.1", ZoneID: z.ID}), ot.Invalid, "line 1"},
			"mapped":          {put(org.Prefix{Prefix: "::ffff:10.0.0.0/104", ZoneID: z.ID}), ot.Invalid, "IPv4 written as IPv6"},
			"realm":           {put(org.Prefix{Prefix: "10.0.0.0/8", RealmID: "x", ZoneID: z.ID}), ot.Invalid, "realm"},
			"zone":            {put(org.Prefix{Prefix: "10.0.0.0/8", ZoneID: "x"}), ot.Invalid, "zone"},
			"twice":           {put(org.Prefix{Prefix: "10.0.0.0/8", ZoneID: z.ID}, org.Prefix{Prefix: "10.9.9.9/8", ZoneID: z.ID}), ot.Invalid, "line 2"},
			"too many":        {put(make([]org.Prefix, 901)...), ot.TooMany, "at most 900"},
		} {
			if ot.CodeOf(c.err) != c.code || !strings.Contains(c.err.Error(), c.says) {
				t.Errorf("%s: %v (%s), want %s with %q", what, c.err, ot.CodeOf(c.err), c.code, c.says)
			}
		}
	})
}

func FuzzPrefix(f *testing.F) {
	f.Add("10.1.2.0/24", "10.1.2.3")
	f.Add("::ffff:10.0.0.0/104", "::1")
	f.Add("fe80::%1/64", "")
	f.Fuzz(func(t *testing.T, prefix, addr string) {
		rows, err := org.Plan(1, []org.Realm{{No: 1, Default: true}}, []org.Zone{{No: 7, ID: "z"}}, []org.Prefix{{Prefix: prefix, ZoneID: "z"}})
		if err != nil {
			if ot.CodeOf(err) != ot.Invalid {
				t.Error(err)
			}
			return
		}
		r, err := org.NewResolver(rows)
		if err != nil {
			t.Fatalf("a prefix that was accepted cannot be used: %v", err)
		}
		p := netip.MustParsePrefix(rows[0].Prefix)
		if r.Zone(1, 1, p.Addr()) != 7 {
			t.Errorf("%s does not hold its own first address", p)
		}
		if a, err := netip.ParseAddr(addr); err == nil {
			r.Zone(1, 1, a)
		}
	})
}
