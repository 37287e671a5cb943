package asset

import (
	"slices"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// What stood in the list on a day comes back, whatever was measured, decided or bound since.
func TestAsOf(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		clock := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
		at := func(day int) time.Time { return time.Date(2026, 11, day, 10, 0, 0, 0, time.UTC) }
		p.s.UseClock(func() time.Time { return clock })
		tick := func(day int) { clock, p.received = at(day), at(day) }
		first := p.zone("Cell 1", "1", "10.1.0.0/16")
		second := p.zone("Cell 2", "1", "10.2.0.0/16")
		h := host(macA, "192.168.0.10")

		tick(2)
		p.take((&talk{}).heard(h, 1, 9, 64, true).says(h, "s7comm.cpu_type", "CPU 315-2 PN/DP").says(h, "s7comm.firmware", "3.2.6"))
		id := p.at("192.168.0.10").ID
		tick(4)
		if err := p.patch(id, Patch{Name: new("Pump 7"), Zone: new(first.ID), Criticality: new(int64(3)), State: new(StateAccepted), Owner: new("Filling")}); err != nil {
			t.Fatal(err)
		}
		tick(6)
		p.take((&talk{}).heard(h, 10, 19, 64, true).saysAt(h, "s7comm.firmware", "3.3.19", 90000))
		p.take((&talk{}).heard(host(macB, "192.168.0.20"), 10, 19, 64, true))
		tick(8)
		if err := p.patch(id, Patch{Name: new("Pump 8"), Zone: new(second.ID), Criticality: new(int64(0)), State: new(StateRetired)}); err != nil {
			t.Fatal(err)
		}

		for day, want := range map[int]Asset{
			3: {Name: "192.168.0.10", Firmware: "3.2.6", State: StateNew},
			5: {Name: "Pump 7", Firmware: "3.2.6", State: StateAccepted, Owner: "Filling", Zone: &ZoneRef{Name: "Cell 1"}, Criticality: new(int64(3))},
			7: {Name: "Pump 7", Firmware: "3.3.19", State: StateAccepted, Owner: "Filling", Zone: &ZoneRef{Name: "Cell 1"}, Criticality: new(int64(3))},
			9: {Name: "Pump 8", Firmware: "3.3.19", State: StateRetired, Owner: "Filling", Zone: &ZoneRef{Name: "Cell 2"}},
		} {
			page, err := p.s.List(t.Context(), everywhere, Filter{AsOf: at(day), Sort: "first_at"})
			if err != nil {
				t.Fatal(err)
			}
			assets := 2
			if day < 6 {
				assets = 1
			}
			if len(page.Items) != assets || int(*page.Total) != assets {
				t.Errorf("day %d: %d assets of %d, want %d", day, len(page.Items), *page.Total, assets)
				continue
			}
			i := slices.IndexFunc(page.Items, func(a Asset) bool { return a.ID == id })
			same := func(got Asset, from string) {
				t.Helper()
				zone, wanted := "", ""
				if got.Zone != nil {
					zone = got.Zone.Name
				}
				if want.Zone != nil {
					wanted = want.Zone.Name
				}
				crit, wantCrit := int64(0), int64(0)
				if got.Criticality != nil {
					crit = *got.Criticality
				}
				if want.Criticality != nil {
					wantCrit = *want.Criticality
				}
				if got.Name != want.Name || got.Firmware != want.Firmware || got.State != want.State || got.Owner != want.Owner || zone != wanted || crit != wantCrit {
					t.Errorf("day %d, %s: %q %q %q %q zone %q criticality %d, want %+v in %q", day, from, got.Name, got.Firmware, got.State, got.Owner, zone, crit, want, wanted)
				}
			}
			same(page.Items[i], "list")
			d, _, err := p.s.Detail(t.Context(), everywhere, id, at(day))
			if err != nil {
				t.Fatal(err)
			}
			same(d.Asset, "detail")
			f, err := p.s.Facets(t.Context(), everywhere, Filter{AsOf: at(day), State: []string{want.State}})
			if err != nil || !slices.ContainsFunc(f["state"], func(x Facet) bool { return x.Value == want.State }) {
				t.Errorf("day %d: facets %+v %v", day, f["state"], err)
			}
		}
		if _, _, err := p.s.Detail(t.Context(), everywhere, id, at(1)); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("before it was known: %v", err)
		}
	})
}
