package asset

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func engineeringFile(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile("../plan/engineering/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (p *plant) load(name string, raw []byte, dry bool) ListReport {
	p.t.Helper()
	rep, err := p.s.ImportProject(p.t.Context(), everywhere, ada, p.site.ID, name, raw, dry)
	if err != nil {
		p.t.Fatal(err)
	}
	return rep
}

func (p *plant) line(rep ListReport, name string) ListLine {
	p.t.Helper()
	i := slices.IndexFunc(rep.Lines, func(l ListLine) bool { return l.Name == name })
	if i < 0 {
		p.t.Fatalf("no line of %s in %+v", name, rep.Lines)
	}
	return rep.Lines[i]
}

func (p *plant) planned(name string) assetRow {
	p.t.Helper()
	rows := all[assetRow](p, "SELECT a."+strings.ReplaceAll(assetColumns, ", ", ", a.")+" FROM asset_asset a JOIN asset_planned i ON i.asset_id = a.asset_id WHERE i.name = ?", name)
	if len(rows) != 1 {
		p.t.Fatalf("%d assets are planned as %s", len(rows), name)
	}
	return rows[0]
}

// A project's devices are there before anybody heard them; what is heard is bound to
// them, what is other than planned is told, and what agrees again is told no more.
func TestProject(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.zone("Line 3", "1", "10.20.3.0/24")
		cpu := host(macA, "10.20.3.10")
		p.take((&talk{}).heard(cpu, 1, 9, 64, true).says(cpu, "enip.product_name", "1756-L83ES/B").says(cpu, "enip.revision", "33.11"))
		l5x := engineeringFile(t, "filler.L5X")

		dry := p.load("filler.L5X", l5x, true)
		if dry.New != 4 || dry.Known != 1 || dry.Parts != 1 || dry.Problems != 0 || dry.Differs != 0 || dry.Format != "Rockwell L5X project" || dry.Project != "Filler3" || len(p.assets()) != 1 || len(all[string](p, "SELECT project_id FROM asset_project")) != 0 {
			t.Fatalf("dry run %+v, %d assets", dry, len(p.assets()))
		}
		if l := p.line(dry, "Filler3"); l.Why != "ip" || l.ID == "" || !slices.Equal(l.Sets, []string{"name", "state"}) {
			t.Errorf("%+v", l)
		}
		p.load("filler.L5X", l5x, false)
		if got := p.assets(); len(got) != 5 {
			t.Fatalf("%d assets", len(got))
		}
		a := p.planned("Filler3")
		if a.Planned != PlannedAgrees || a.Name != "Filler3" || a.State != StateAccepted || a.OrderCode != "1756-L83ES/B" || !a.Expected {
			t.Errorf("heard and planned: %+v", a)
		}
		gate := p.planned("Gate_Safety")
		if gate.Planned != PlannedUnseen || gate.Seen || gate.OrderCode != "1791ES-IB8XOBV4/A" || gate.Firmware != "1.9" || gate.Role != "io" || gate.Level != "1" || gate.ZoneNo == 0 || gate.LastAt != 0 || !slices.Equal(gate.IPs.V, []string{"10.20.3.21"}) {
			t.Errorf("planned, not seen: %+v", gate)
		}
		if items := p.asked(); len(items) != 0 {
			t.Errorf("asked %+v", items)
		}

		// The gate speaks up with an older firmware: the same asset, and a contradiction.
		h := host(macB, "10.20.3.21")
		p.take((&talk{}).heard(h, 20, 29, 64, true).says(h, "enip.product_name", "1791ES-IB8XOBV4").says(h, "enip.revision", "1.3"))
		now := p.at("10.20.3.21")
		if now.ID != gate.ID || !now.Seen || now.Planned != PlannedDiffers || now.Firmware != "1.3" || now.Name != "Gate_Safety" {
			t.Errorf("heard: %+v", now)
		}
		items := p.asked()
		if len(items) != 1 || items[0].Title != "Other than planned at Aarhus: Gate_Safety" || items[0].Detail != "Gate_Safety: 1.3 ≠ 1.9" || items[0].Kind != "other-than-planned" {
			t.Errorf("asked %+v", items)
		}
		d, _, err := p.s.Detail(t.Context(), everywhere, now.ID, time.Time{})
		if err != nil || len(d.Plans) != 1 || !slices.Equal(d.Plans[0].Differs, []Difference{{"firmware", "1.9", "1.3"}}) || d.Fields["name"].Source != "project" || d.Fields["name"].Reason != "Filler3" || d.Fields["firmware"].Source != "measured" {
			t.Errorf("%+v %+v, %v", d.Plans, d.Fields["name"], err)
		}

		// It gets the planned firmware: nothing is asked any more.
		fixed := (&talk{}).heard(h, 40, 49, 64, true)
		fixed.saysAt(h, "enip.revision", "1.9", 45)
		p.take(fixed)
		if now := p.at("10.20.3.21"); now.Planned != PlannedAgrees || now.Firmware != "1.9" || len(p.asked()) != 0 {
			t.Errorf("mended: %+v, asked %+v", now, p.asked())
		}

		// The same file again: the same assets. Another drive in it: told before it is written.
		if rep := p.load("filler.L5X", l5x, false); rep.New != 0 || rep.Known != 5 || len(p.assets()) != 5 {
			t.Errorf("again: %+v, %d assets", rep, len(p.assets()))
		}
		if projects := all[string](p, "SELECT project_id FROM asset_project"); len(projects) != 1 {
			t.Errorf("%d projects", len(projects))
		}
		other := strings.ReplaceAll(string(l5x), "10.20.3.10", "10.20.3.99") // the controller moved in the project only
		if l := p.line(p.load("filler.L5X", []byte(other), true), "Filler3"); l.Result != "known" || l.Why != "project" || !slices.Equal(l.Differs, []Difference{{"ip", "10.20.3.99", "10.20.3.10"}}) {
			t.Errorf("moved: %+v", l)
		}

		// Without the drive: it is retired, as nobody heard it. Withdrawn: the others, too.
		from, to := strings.Index(other, `<Module Name="Drive_1"`), strings.Index(other, `<Module Name="Festo_Valves"`)
		p.load("filler.L5X", []byte(other[:from]+other[to:]), false)
		if states := all[string](p, "SELECT state FROM asset_asset WHERE name = 'Drive_1'"); !slices.Equal(states, []string{StateRetired}) {
			t.Errorf("%v", states)
		}
		if a := p.at("10.20.3.10"); a.Planned != PlannedDiffers {
			t.Errorf("%+v", a)
		}
		id := all[string](p, "SELECT project_id FROM asset_project")[0]
		if err := p.s.Withdraw(t.Context(), everywhere, ada, id); err != nil {
			t.Fatal(err)
		}
		if a := p.at("10.20.3.10"); a.Planned != "" || a.Name != "" || a.State != StateAccepted || len(p.asked()) != 0 {
			t.Errorf("withdrawn: %+v, asked %+v", a, p.asked())
		}
		if n := all[int64](p, "SELECT COUNT(*) FROM asset_planned"); n[0] != 0 {
			t.Errorf("%d rows stay", n[0])
		}
	})
}

// A device that is planned without an address is found by its serial number or its name; one
// that two are called by is nobody.
func TestProjectByName(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), allSlices()))
	plan := "project: Line\ndevices:\n- {name: panel-7, serial: S-77, model: KTP}\n- {name: mixer-1, macs: ['00:1b:1b:00:00:98']}\n"
	if rep := p.load("line.yaml", []byte(plan), false); rep.New != 2 || rep.Format != "project.yaml" {
		t.Fatalf("%+v", rep)
	}
	h := host(macA, "10.0.0.7")
	p.take((&talk{}).heard(h, 1, 9, 64, true).says(h, "s7comm.serial", "S-77"))
	if a := p.at("10.0.0.7"); a.Planned != PlannedAgrees || a.Name != "panel-7" || a.Model != "KTP" || len(p.assets()) != 2 {
		t.Errorf("by serial: %+v", a)
	}
	m := host(macB, "10.0.0.8")
	p.take((&talk{}).heard(m, 11, 19, 64, true).says(m, "pn_dcp.name_of_station", "mixer-1"))
	a := p.at("10.0.0.8")
	if a.Planned != PlannedDiffers || len(p.assets()) != 2 { // another card than planned
		t.Errorf("by name: %+v", a)
	}
	if items := p.asked(); !slices.ContainsFunc(items, func(x asked) bool { return strings.Contains(x.Detail, "mixer-1: "+macB+" ≠ 00:1b:1b:00:00:98") }) {
		t.Errorf("%+v", items)
	}
}

// A maker's description names what states the numbers of its kind, and says less than the device itself.
func TestTypes(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		h, q, v := host(macA, "10.0.0.1"), host(macB, "10.0.0.2"), host("00:1b:1b:00:00:97", "10.0.0.3")
		say := func(h ot.Host, name string) *talk {
			k := (&talk{}).heard(h, 1, 9, 64, true).says(h, "enip.vendor_id", "1").says(h, "enip.device_type", "12").says(h, "enip.product_code", "166")
			if name != "" {
				k.says(h, "enip.product_name", name)
			}
			return k
		}
		p.take(say(h, ""))
		rep := p.load("adapter.eds", engineeringFile(t, "adapter.eds"), false)
		if rep.Types != 1 || rep.Lines[0].Is != "1" || rep.Lines[0].Name != "Rockwell Automation 1756-EN2T/D" {
			t.Fatalf("%+v", rep)
		}
		if a := p.at("10.0.0.1"); a.Model != "1756-EN2T/D" || a.Vendor != "Rockwell Automation" || a.OrderCode != "1756-EN2T/D" || !a.Identified {
			t.Errorf("heard before: %+v", a)
		}
		p.take(say(q, "My bridge"))
		if a := p.at("10.0.0.2"); a.Model != "My bridge" || a.Vendor != "Rockwell Automation" {
			t.Errorf("heard after: %+v", a)
		}
		d, _, err := p.s.Detail(t.Context(), everywhere, p.at("10.0.0.1").ID, time.Time{})
		if err != nil || d.Fields["model"].Source != "measured" || len(d.Fields["model"].Facts) != 3 {
			t.Errorf("%+v, %v", d.Fields["model"], err)
		}
		p.load("v.xml", engineeringFile(t, "GSDML-V2.35-Acme-Valve-20260302.xml"), false)
		p.take((&talk{}).heard(v, 1, 9, 64, true).says(v, "pn_dcp.vendor_id", "0x0493").says(v, "pn_dcp.device_id", "0x0002"))
		if a := p.at("10.0.0.3"); a.Model != "Valve block 16" || a.Vendor != "Acme" || a.OrderCode != "V-16" {
			t.Errorf("PROFINET: %+v", a)
		}
		for _, id := range all[string](p, "SELECT project_id FROM asset_project") {
			if err := p.s.Withdraw(t.Context(), everywhere, ada, id); err != nil {
				t.Fatal(err)
			}
		}
		if n := all[int64](p, "SELECT COUNT(*) FROM asset_type"); n[0] != 0 {
			t.Errorf("%d descriptions stay", n[0])
		}
	})
}
