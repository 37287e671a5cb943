package asset

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// plant is a site with the slice on it.
type plant struct {
	t        testing.TB
	db       *store.DB
	s        *Service
	site     org.Site
	realms   map[string]int64
	zones    map[string]org.Zone
	received time.Time
	seq      uint64
}

func allSlices() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), inbox.Migrations(), Migrations()}
}

func newPlant(t testing.TB, db *store.DB, cells ...string) *plant {
	t.Helper()
	p := &plant{t: t, db: db, s: New(db, catalogue(t)), realms: map[string]int64{}, zones: map[string]org.Zone{}, received: time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)}
	o := org.New(db, nil)
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		e, err := o.AddEntity(t.Context(), tx, org.Entity{Name: "Example"})
		if err != nil {
			return err
		}
		if p.site, err = o.AddSite(t.Context(), tx, org.Site{EntityID: e.ID, Name: "Aarhus", Country: "DK", TZ: "Europe/Copenhagen"}); err != nil {
			return err
		}
		if p.realms[""], err = org.DefaultRealm(t.Context(), tx, p.site.No); err != nil {
			return err
		}
		for _, name := range cells {
			r, err := o.AddRealm(t.Context(), tx, p.site.No, name)
			if err != nil {
				return err
			}
			p.realms[name] = r.No
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *plant) zone(name, level, prefix string, change ...func(*org.Zone)) org.Zone {
	p.t.Helper()
	z := org.Zone{Name: name, Level: level, OT: true}
	for _, c := range change {
		c(&z)
	}
	err := p.db.Update(p.t.Context(), func(tx *store.Tx) (err error) {
		if z, err = org.New(p.db, nil).AddZone(p.t.Context(), tx, p.site.No, z); err != nil {
			return err
		}
		_, err = tx.Exec(p.t.Context(), "INSERT INTO org_subnet (site_no, realm_no, prefix, zone_no) VALUES (?, ?, ?, ?)", p.site.No, p.realms[""], prefix, z.No)
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	p.zones[name] = z
	return z
}

func (p *plant) delivery() sensor.Delivery {
	return sensor.Delivery{SiteNo: p.site.No, RealmNo: p.realms[""], Realms: p.realms, Source: "sensor-1", Received: p.received}
}

// take ingests what a talk says, each batch in its own transaction.
func (p *plant) take(s *talk) (out Added) {
	p.t.Helper()
	if s.sum.Seq == 0 {
		p.seq++
		s.sum.Sensor, s.sum.Epoch, s.sum.Seq = "sensor-1", "e", p.seq
	}
	for _, b := range Batches(&s.sum) {
		var a Added
		if err := p.db.Update(p.t.Context(), func(tx *store.Tx) (err error) {
			a, err = p.s.Apply(p.t.Context(), tx, p.delivery(), b)
			return err
		}); err != nil {
			p.t.Fatal(err)
		}
		out.Assets += a.Assets
		out.Facts += a.Facts
		out.Changed = append(out.Changed, a.Changed...)
	}
	return out
}

func all[T any](p *plant, query string, args ...any) []T {
	p.t.Helper()
	var out []T
	if err := p.db.View(p.t.Context(), func(r store.Reader) (err error) {
		out, err = store.All[T](p.t.Context(), r, query, args...)
		return err
	}); err != nil {
		p.t.Fatal(err)
	}
	return out
}

func (p *plant) assets() []assetRow {
	p.t.Helper()
	return all[assetRow](p, "SELECT "+assetColumns+" FROM asset_asset ORDER BY search, asset_id")
}

// at returns the asset that has an address now.
func (p *plant) at(address string) assetRow {
	p.t.Helper()
	ids := all[string](p, "SELECT asset_id FROM asset_binding WHERE address = ? AND to_at IS NULL", address)
	if len(ids) != 1 {
		p.t.Fatalf("%d assets have %s", len(ids), address)
	}
	return all[assetRow](p, "SELECT "+assetColumns+" FROM asset_asset WHERE asset_id = ?", ids[0])[0]
}

const (
	macA, macB, macR = "00:1b:1b:00:00:0a", "00:1b:1b:00:00:0b", "00:1b:1b:00:00:01"
)

func TestIngestMakesAssets(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		cell := p.zone("Cell 1", "1", "192.168.0.0/24")
		plc, hmi := host(macA, "192.168.0.10"), host(macB, "192.168.0.20")
		s := (&talk{}).heard(plc, 1, 100, 64, true).heard(hmi, 1, 100, 128, true).asks(hmi, plc, "s7comm", 102, ot.Read, ot.Write).
			says(plc, "s7comm.order_code", "6ES7 315-2EH14-0AB0").says(plc, "s7comm.firmware", "3.2.6")
		s.sum.Live = true
		if got := p.take(s); got.Assets != 2 || got.Facts != 2 || len(got.Changed) != 2 {
			t.Errorf("added %+v", got)
		}
		a := p.at("192.168.0.10")
		if a.Vendor != "Siemens" || a.OrderCode != "6ES7 315-2EH14-0AB0" || a.Firmware != "3.2.6" || a.Role != "plc" || a.Level != "1" || a.ZoneNo != cell.No || !a.Identified ||
			a.State != StateNew || !a.Managed || a.Expected || !a.Live || a.LastAt != 100e6 || !a.LastLiveAt.Equal(p.received) || a.CriticalityHint != 3 {
			t.Errorf("%+v", a)
		}
		if b := p.at("192.168.0.20"); b.Role != "hmi" || b.Vendor != "Siemens" || b.Identified {
			t.Errorf("%+v", b)
		}
		facts := all[factRow](p, "SELECT "+factColumns+" FROM asset_fact WHERE asset_id = ? ORDER BY attr", a.ID)
		if len(facts) != 2 || facts[0].Attr != "s7comm.firmware" || facts[0].Packet == 0 || string(facts[0].Proof) != "3.2.6" || facts[0].SourceID != "sensor-1" {
			t.Errorf("facts %+v", facts)
		}
		before := p.assets()
		again := *s // the same delivery, after a lost acknowledgement
		if got := p.take(&again); got.Assets != 0 || got.Facts != 0 || !slices.EqualFunc(before, p.assets(), equalRowsAndVersion) {
			t.Errorf("a second delivery changed something: %+v", got)
		}
		if n := all[int64](p, "SELECT packets FROM asset_host WHERE mac = ?", macA); n[0] != 10 {
			t.Errorf("packets %d", n[0])
		}
	})
}

func equalRowsAndVersion(a, b assetRow) bool { return a.Version == b.Version && equalRows(a, b) }

func TestIdentityGrowsOverDeliveries(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		m, n := host(macA, "192.168.0.10"), host(macB, "172.16.0.10")
		p.take((&talk{}).heard(m, 1, 9, 64, true).heard(n, 1, 9, 64, true))
		if got := p.assets(); len(got) != 2 {
			t.Fatalf("%d assets", len(got))
		}
		first, second := p.at("192.168.0.10"), p.at("172.16.0.10")
		// The older asset stays; what a person said of the younger one goes along.
		if err := p.s.Update(t.Context(), everywhere, Person{ID: "u", Name: "Ada"}, second.ID, Patch{Owner: new("Line 2"), State: new(StateAccepted)}, "*"); err != nil {
			t.Fatal(err)
		}
		p.take((&talk{}).heard(m, 10, 19, 64, true).says(m, "s7comm.serial", "S C-B1U393142011"))
		p.take((&talk{}).heard(n, 20, 29, 64, true).says(n, "s7comm.serial", "S C-B1U393142011"))
		got := p.assets()
		if len(got) != 1 || got[0].ID != first.ID || got[0].Owner != "Line 2" || got[0].State != StateAccepted {
			t.Fatalf("%d assets, first %+v", len(got), got[0])
		}
		if a := p.at("172.16.0.10"); a.ID != first.ID {
			t.Error("the second address did not move")
		}
		if old, err := p.s.Get(t.Context(), everywhere, second.ID); err != nil || old.ID != first.ID {
			t.Errorf("the old id leads to %v, %v", old.ID, err)
		}
		if n := all[string](p, "SELECT reason FROM asset_change WHERE kind = 'merged'"); len(n) != 1 || n[0] != "they are one device: both state s7comm.serial S C-B1U393142011" {
			t.Errorf("history says %q", n)
		}
		if n := all[int64](p, "SELECT count(*) FROM asset_binding WHERE asset_id = ?", second.ID); n[0] != 0 {
			t.Errorf("%d bindings stayed behind", n[0])
		}
	})
}

func TestAddressMovesBetweenAssets(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.take((&talk{}).heard(host(macA, "192.168.0.10"), 1, 100, 64, true))
		a := p.at("192.168.0.10")
		p.take((&talk{}).heard(host(macB, "192.168.0.10"), 200, 300, 64, true))
		b := p.at("192.168.0.10")
		if a.ID == b.ID {
			t.Fatal("the new card is the old asset")
		}
		until := all[store.Time](p, "SELECT to_at FROM asset_binding WHERE asset_id = ? AND kind = 'ip'", a.ID)
		if len(until) != 1 || until[0].UnixMicro() != 200e6 {
			t.Errorf("the first holder had it until %v", until)
		}
		if old := all[assetRow](p, "SELECT "+assetColumns+" FROM asset_asset WHERE asset_id = ?", a.ID)[0]; len(old.IPs.V) != 0 || len(old.MACs.V) != 1 {
			t.Errorf("the first holder still lists %v", old.IPs.V)
		}
		// Both at once: a clash that both show.
		p.take((&talk{}).heard(host(macA, "192.168.0.10"), 310, 400, 64, true).heard(host(macB, "192.168.0.10"), 310, 400, 64, true).heard(host(macA, ""), 400, 410, 0, false))
		for _, x := range p.assets() {
			if x.Conflicts != 1 {
				t.Errorf("%v shows %d conflicts", x.MACs.V, x.Conflicts)
			}
		}
	})
}

func TestTenCellsInRealms(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		var cells []string
		for i := range 10 {
			cells = append(cells, fmt.Sprintf("cell %d", i))
		}
		p := newPlant(t, db, cells...)
		s := &talk{}
		for i, c := range cells {
			s.heard(in(c, host(fmt.Sprintf("00:1b:1b:00:%02x:01", i), "192.168.0.1")), 1, 99, 64, true).says(in(c, host(fmt.Sprintf("00:1b:1b:00:%02x:01", i), "192.168.0.1")), "s7comm.plc_name", "Packer")
		}
		p.take(s)
		if got := p.assets(); len(got) != 10 {
			t.Fatalf("%d assets", len(got))
		}
		if n := all[int64](p, "SELECT count(DISTINCT realm_no) FROM asset_binding WHERE kind = 'ip' AND address = '192.168.0.1'"); n[0] != 10 {
			t.Errorf("%d realms", n[0])
		}
	})
}

func TestRouterCrowdStaysBounded(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.take((&talk{}).heard(host(macR, "192.168.0.1"), 1, 9, 64, true).heard(host(macR, "10.1.0.1"), 1, 9, 126, false))
		for i := range 5 {
			s := &talk{}
			for j := range 6 {
				s.heard(host(macR, fmt.Sprintf("10.1.%d.%d", i+1, j)), int64(10*i), int64(10*i+9), 126, false)
			}
			p.take(s)
		}
		p.take((&talk{}).heard(host(macR, "203.0.113.5"), 90, 99, 49, false)) // the internet is no asset
		if got := p.assets(); len(got) != 32 {
			t.Errorf("%d assets", len(got))
		}
		r := p.at("192.168.0.1")
		if r.Role != "router" || r.RoleReason != "its hardware address carries the traffic of 32 other addresses" {
			t.Errorf("%s: %s", r.Role, r.RoleReason)
		}
		var c *closure
		seed := ot.Host{Realm: realmName(p.realms[""]), MAC: mac(macR), IP: netip.MustParseAddr("10.1.2.2")}
		if err := db.Update(t.Context(), func(tx *store.Tx) (err error) {
			c, err = loadClosure(t.Context(), tx, p.site.No, []ot.Host{seed})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if len(c.hosts) > 3 {
			t.Errorf("one host behind a router reads %d others", len(c.hosts)-1)
		}
	})
}

func TestGatewayZoneAndExternalZone(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.zone("DMZ", "3.5", "10.35.0.0/24", func(z *org.Zone) { z.Gateway, z.OT = true, false })
		p.zone("Office", "4", "10.4.0.0/16", func(z *org.Zone) { z.External, z.OT = true, false })
		p.take((&talk{}).heard(host(macA, "10.35.0.5"), 1, 9, 64, true).heard(host(macB, "10.4.0.5"), 1, 9, 64, true))
		if a := p.at("10.35.0.5"); a.Role != "remote-gateway" || a.Level != "3.5" {
			t.Errorf("%s %s", a.Role, a.Level)
		}
		if a := p.at("10.4.0.5"); a.Managed {
			t.Error("an office host is said to be the plant's")
		}
	})
}

func TestAClockThatJumpsBack(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newPlant(t, db)
		p.take((&talk{}).heard(host(macA, "192.168.0.10"), 1000, 2000, 64, true))
		p.take((&talk{}).heard(host(macA, "192.168.0.10"), 100, 200, 64, true))
		if a := p.at("192.168.0.10"); a.LastAt != 2000e6 || a.FirstAt != 100e6 {
			t.Errorf("first %d last %d", a.FirstAt, a.LastAt)
		}
	})
}
