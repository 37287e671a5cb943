package asset

import (
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

var (
	everywhere = auth.Scope{All: true}
	ada        = Person{ID: "u1", Name: "Ada"}
)

func (p *plant) patch(id string, x Patch) error {
	return p.s.Update(p.t.Context(), everywhere, ada, id, x, "*")
}

func TestAPersonsWordStands(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		z := p.zone("Cell 9", "1", "10.9.0.0/24")
		h := host(macA, "192.168.0.10")
		p.take((&talk{}).heard(h, 1, 9, 64, true).says(h, "s7comm.order_code", "6ES7 315-2EH14-0AB0").says(h, "s7comm.plc_name", "CPU"))
		id := p.at("192.168.0.10").ID
		if err := p.patch(id, Patch{
			Name: new("Pump 7"), Role: new("safety"), Zone: new(z.ID), Criticality: new(int64(4)), Owner: new("Line 2"), State: new(StateAccepted),
			EndOfSupport: new("2027-12-31"), Spare: new("held"), Reason: "walk-down",
		}); err != nil {
			t.Fatal(err)
		}
		check := func(when string) {
			t.Helper()
			a := p.at("192.168.0.10")
			if a.Name != "Pump 7" || a.Role != "safety" || a.RoleReason != "set by Ada: walk-down" || a.ZoneNo != z.No || a.Criticality != 4 || a.CriticalityAt.IsZero() ||
				a.Owner != "Line 2" || a.State != StateAccepted || dateText(a.EndOfSupport) != "2027-12-31" || a.Spare != "held" {
				t.Errorf("%s: %+v", when, a)
			}
			if a.OrderCode != "6ES7 315-2EH14-0AB0" {
				t.Errorf("%s: the measured order code went", when)
			}
		}
		check("at once")
		p.take((&talk{}).heard(h, 10, 19, 64, true).saysAt(h, "s7comm.plc_name", "CPU new", 90000).says(h, "s7comm.firmware", "3.2.6"))
		check("after new facts")
		if err := p.patch(id, Patch{Name: new(""), Role: new("")}); err != nil {
			t.Fatal(err)
		}
		if a := p.at("192.168.0.10"); a.Name != "CPU new" || a.Role != "plc" || a.ZoneNo != z.No {
			t.Errorf("withdrawn: %q %q", a.Name, a.Role)
		}
		if n := all[int64](p, "SELECT count(*) FROM asset_change WHERE asset_id = ? AND decided_by = 'Ada'", id); n[0] < 8 {
			t.Errorf("%d entries of Ada in the history", n[0])
		}
	})
}

func TestPatchRefuses(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), allSlices()))
	p.take((&talk{}).heard(host(macA, "192.168.0.10"), 1, 9, 64, true))
	a := p.at("192.168.0.10")
	for name, x := range map[string]Patch{
		"role": {Role: new("boss")}, "level": {Level: new("9")}, "zone": {Zone: new("x")}, "state": {State: new("gone")}, "criticality": {Criticality: new(int64(5))},
		"date": {EndOfSale: new("tomorrow")},
	} {
		if err := p.patch(a.ID, x); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := p.s.Update(t.Context(), everywhere, ada, a.ID, Patch{Name: new("x")}, `"old"`); err == nil {
		t.Error("an old version was accepted")
	}
	for _, scope := range []auth.Scope{{}, {Sites: []int64{999}}, {Zones: []int64{999}}} {
		if err := p.s.Update(t.Context(), scope, ada, a.ID, Patch{Name: new("x")}, "*"); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("scope %+v: %v", scope, err)
		}
	}
}

func TestMergeAndSplitByHand(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		m, n := host(macA, "192.168.0.10"), host(macB, "172.16.0.10")
		heard := func(at int64) {
			p.take((&talk{}).heard(m, at, at+5, 64, true).heard(n, at, at+5, 64, true).heard(host(macB, "172.16.0.11"), at, at+5, 64, true))
		}
		heard(1)
		a, b := p.at("192.168.0.10"), p.at("172.16.0.10")
		if err := p.s.Merge(t.Context(), everywhere, ada, a.ID, []string{b.ID}, "one cabinet"); err != nil {
			t.Fatal(err)
		}
		one := func(when string) {
			t.Helper()
			if got := p.assets(); len(got) != 1 || got[0].ID != a.ID || len(got[0].IPs.V) != 3 {
				t.Fatalf("%s: %d assets, %+v", when, len(got), got[0])
			}
		}
		one("merged")
		heard(10)
		one("heard again")
		made, err := p.s.Split(t.Context(), everywhere, ada, a.ID, "172.16.0.11", "it is the neighbour")
		if err != nil {
			t.Fatal(err)
		}
		two := func(when string) {
			t.Helper()
			if got := p.assets(); len(got) != 2 || p.at("172.16.0.11").ID != made || p.at("172.16.0.10").ID != a.ID {
				t.Fatalf("%s: %d assets", when, len(got))
			}
		}
		two("split")
		heard(20)
		p.take((&talk{}).heard(n, 30, 31, 64, true).says(n, "s7comm.serial", "S C-1234").says(host(macB, "172.16.0.11"), "s7comm.serial", "S C-1234"))
		two("heard again, with one serial number")
		if _, err := p.s.Split(t.Context(), everywhere, ada, made, "172.16.0.11", ""); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("splitting the only address: %v", err)
		}
		if _, err := p.s.Split(t.Context(), everywhere, ada, made, "nonsense", ""); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("splitting nonsense: %v", err)
		}
	})
}

// A controller speaks with an address and, below it, without: both leave together.
func TestSplitTakesTheMACAlong(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), allSlices()))
	talk := func(at int64) {
		p.take((&talk{}).heard(host(macA, "192.168.0.10"), at, at+5, 64, true).heard(host(macB, "192.168.0.11"), at, at+5, 64, true).heard(host(macB, ""), at, at+5, 0, false))
	}
	talk(1)
	a, b := p.at("192.168.0.10"), p.at("192.168.0.11")
	if err := p.s.Merge(t.Context(), everywhere, ada, a.ID, []string{b.ID}, ""); err != nil {
		t.Fatal(err)
	}
	made, err := p.s.Split(t.Context(), everywhere, ada, a.ID, "192.168.0.11", "")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if old, now := p.at(macA), p.at(macB); old.ID != a.ID || now.ID != made || p.at("192.168.0.11").ID != made {
			t.Errorf("MACs: %s %s", old.ID, now.ID)
		}
		talk(20)
	}
}
