package asset

import (
	"fmt"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// heardOf makes n assets with an address each.
func heardOf(p *plant, n int) []string {
	talk := &talk{}
	for i := range n {
		talk.heard(host(fmt.Sprintf("00:1b:1b:00:%02x:%02x", i/256, i%256), fmt.Sprintf("10.3.%d.%d", i/200, 1+i%200)), 1, 9, 64, true)
	}
	p.take(talk)
	return all[string](p, "SELECT asset_id FROM asset_asset ORDER BY asset_id")
}

func TestDecideMany(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		ids := heardOf(p, decidedPerTx+20) // more than one transaction
		if err := p.patch(ids[0], Patch{State: new(StateAccepted)}); err != nil {
			t.Fatal(err)
		}
		got, err := p.s.DecideMany(t.Context(), everywhere, ada, append(ids, ids[3]), StateAccepted, "walk-down of the line")
		if err != nil || got.Changed != len(ids)-1 || got.Unchanged != 1 {
			t.Fatalf("%+v %v", got, err)
		}
		for _, a := range p.assets() {
			if a.State != StateAccepted || a.DecidedAt.IsZero() || a.Version < 2 {
				t.Fatalf("left out: %+v", a)
			}
		}
		h, err := p.s.History(t.Context(), everywhere, ids[3], "", 10)
		if err != nil || h.Items[0].Kind != "state" || h.Items[0].Before != StateNew || h.Items[0].After != StateAccepted || h.Items[0].By != "Ada" || h.Items[0].Reason != "walk-down of the line" {
			t.Errorf("history: %+v %v", h.Items, err)
		}
		if n := all[int64](p, "SELECT count(*) FROM asset_change WHERE kind = 'state'")[0]; n != int64(len(ids)) {
			t.Errorf("%d entries in the histories", n)
		}
	})
}

func TestDecideManyRefuses(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), allSlices()))
	ids := heardOf(p, 3)
	none := "00000000-0000-7000-8000-000000000000"
	for name, x := range map[string]struct {
		scope auth.Scope
		ids   []string
		state string
		want  ot.Code
	}{
		"a state that is none": {everywhere, ids, "gone", ot.Invalid},
		"no id":                {everywhere, nil, StateAccepted, ot.Invalid},
		"too many":             {everywhere, make([]string, maxDecided+1), StateAccepted, ot.Invalid},
		"one is not there":     {everywhere, append([]string{none}, ids...), StateAccepted, ot.NotFound},
		"another's":            {auth.Scope{Sites: []int64{999}}, ids, StateAccepted, ot.NotFound},
	} {
		if _, err := p.s.DecideMany(t.Context(), x.scope, ada, x.ids, x.state, ""); ot.CodeOf(err) != x.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, a := range p.assets() {
		if a.State != StateNew {
			t.Error("a refused request changed something")
		}
	}
}

func TestDecideManyIsOneAuditEntry(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), allSlices()))
	ids := heardOf(p, decidedPerTx+2)
	people := resttest.People{
		"editor": resttest.Person("editor", everywhere, auth.AssetRead, auth.AssetWrite),
		"reader": resttest.Person("reader", everywhere, auth.AssetRead),
	}
	r := rest.New(rest.Config{DB: p.db, Auth: people})
	p.s.Routes(r)
	body := `{"ids":["` + strings.Join(ids, `","`) + `"],"state":"rejected","reason":"not ours"}`
	if w := resttest.Do(t, r.Handler(), "POST", "/api/v1/assets/decide", "reader", body); w.Code != 403 {
		t.Errorf("reader: %d", w.Code)
	}
	if w := resttest.Do(t, r.Handler(), "POST", "/api/v1/assets/decide", "editor", body); w.Code != 200 || !strings.Contains(w.Body.String(), fmt.Sprintf(`"changed":%d`, len(ids))) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got := all[string](p, "SELECT action FROM audit_entry"); len(got) != 1 || got[0] != "asset.decide" {
		t.Errorf("audit entries: %v", got)
	}
}

func TestHistoryNamesZonesAndSplits(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), allSlices()))
	z := p.zone("Cell 9", "1", "10.9.0.0/24")
	p.take((&talk{}).heard(host(macA, "192.168.0.10"), 1, 9, 64, true).heard(host(macB, "172.16.0.10"), 1, 9, 64, true))
	a := p.at("192.168.0.10")
	if err := p.patch(a.ID, Patch{Zone: new(z.ID)}); err != nil {
		t.Fatal(err)
	}
	if err := p.s.Merge(t.Context(), everywhere, ada, a.ID, []string{p.at("172.16.0.10").ID}, "one cabinet"); err != nil {
		t.Fatal(err)
	}
	made, err := p.s.Split(t.Context(), everywhere, ada, a.ID, "172.16.0.10", "two after all")
	if err != nil {
		t.Fatal(err)
	}
	h, err := p.s.History(t.Context(), everywhere, a.ID, "", 20)
	if err != nil {
		t.Fatal(err)
	}
	var zone, split bool
	for _, c := range h.Items {
		zone = zone || c.Kind == "decided" && c.Field == "zone" && c.Before == "" && c.After == "Cell 9"
		split = split || c.Kind == "split" && c.Other == made && c.Before == "172.16.0.10" && !strings.Contains(c.After, made)
	}
	if !zone || !split {
		t.Errorf("history: %+v", h.Items)
	}
}
