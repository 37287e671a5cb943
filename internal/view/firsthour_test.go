package view

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func TestNetworksOf(t *testing.T) {
	row := func(realm int64, address, role, level, zone string) heardRow {
		return heardRow{RealmNo: realm, RealmID: "r", Realm: "default", Address: address, Role: role, Level: level, ZoneID: zone, Zone: zone}
	}
	got := networksOf([]heardRow{
		row(1, "10.1.0.5", "plc", "1", "Cell"), row(1, "10.1.0.6", "plc", "1", "Cell"), row(1, "10.1.0.7", "hmi", "2", ""),
		row(1, "10.2.0.5", "server", "3", ""), row(2, "10.2.0.5", "plc", "1", ""), row(2, "10.2.0.6", "plc", "1", ""),
		row(1, "203.0.113.5", "it", "5", ""), row(1, "not an address", "it", "", ""), row(1, "fd00::5", "plc", "", ""),
	})
	want := []struct {
		prefix, level, zone, role string
		assets                    int64
	}{
		{"10.2.0.0/24", "1", "", "plc", 2}, {"10.2.0.0/24", "3", "", "server", 1}, {"fd00::/64", "", "", "plc", 1}, {"10.1.0.0/24", "1", "Cell", "plc", 3},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i, w := range want {
		if g := got[i]; g.Prefix != w.prefix || g.Level != w.level || g.Zone != w.zone || g.Assets != w.assets || g.Roles[0].Value != w.role {
			t.Errorf("%d: %+v, want %+v", i, g, w)
		}
	}
}

func TestFirstHour(t *testing.T) {
	storetest.Each(t, slicesOfView(), func(t *testing.T, db *store.DB) {
		p := newTalkPlant(t, db)
		s := New(db)
		got, err := s.FirstHour(t.Context(), sees)
		if err != nil || len(got.Sites) != 1 || got.Done {
			t.Fatalf("%+v %v", got, err)
		}
		if x := got.Sites[0]; x.Name != "Aarhus" || x.Live+x.Captures == 0 || x.Zones != 1 || x.Placed != 1 || x.Assets < 2 || x.Leads != 0 {
			t.Errorf("%+v", x)
		}
		nets, err := s.Networks(t.Context(), sees, p.site.ID)
		if err != nil || len(nets) != 2 || nets[0].Prefix != "192.168.9.0/24" || nets[0].ZoneID != "" || nets[1].Zone != "Cell 1" {
			t.Errorf("%+v %v", nets, err)
		}
		if got.Eyes {
			t.Error("nobody has chosen how many eyes look")
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), "INSERT INTO record_profile (entity_id, profile, set_at, set_by) SELECT entity_id, 'small', ?, 'lena' FROM org_entity", store.At(time.Now()))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if got, err = s.FirstHour(t.Context(), sees); err != nil || !got.Eyes {
			t.Errorf("chosen: %+v %v", got, err)
		}
		foreign := auth.Scope{Sites: []int64{77}}
		if got, err = s.FirstHour(t.Context(), foreign); err != nil || len(got.Sites) != 0 || got.Done {
			t.Errorf("foreign: %+v %v", got, err)
		}
		if _, err := s.Networks(t.Context(), foreign, p.site.ID); ot.CodeOf(err) != ot.NotFound {
			t.Errorf("foreign networks: %v", err)
		}
	})
}
