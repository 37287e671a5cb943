package app

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// pymodbus is what a sensor says of the recorded conversation between two programs of
// pymodbus, as if it were heard now.
func pymodbus(t *testing.T) *sensor.Summary {
	t.Helper()
	return heard(t, "../../test/peers/modbus_pymodbus.pcap")
}

// heard is what a sensor that follows some tags says of a recorded conversation.
func heard(t *testing.T, path string, follow ...sensor.Element) *sensor.Summary {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	src, err := sensor.Read(f, "recorded", size)
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := shippedRules()
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := sensorConfig("", slog.New(slog.DiscardHandler), shipped)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Sensor, cfg.Epoch, cfg.Live = "edge-1", "boot", true
	cfg.Follow = sensor.NewFollowed(cfg.Protocols)
	cfg.Follow.Set(follow)
	var all sensor.Gathering
	if err := sensor.Run(t.Context(), src, cfg, func(s *sensor.Summary) error {
		if !all.Add(s) {
			t.Error("a summary does not fit")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all.Sum()
}

// A value in recorded packets changes the state of the plant, a capture does not, and a
// person's word stands above it.
func TestPlantFromTag(t *testing.T) {
	storetest.Each(t, schema(), func(t *testing.T, db *store.DB) {
		i, d := newIngest(t, db)
		i.plant = &plantTags{}
		recs, err := record.New(db, record.Config{Dir: t.TempDir(), Behaviours: record.Own(), Find: map[string]record.Finder{"asset": assetsByName}, Kinds: map[string]record.Lookup{"asset": assetsByID}})
		if err != nil {
			t.Fatal(err)
		}
		sum := pymodbus(t)
		d.Source, d.Received = "edge-1", time.Unix(0, sum.To).Add(time.Second)
		if _, err := i.take(t.Context(), d, sum); err != nil {
			t.Fatal(err)
		}
		var site, server string
		if err := db.View(t.Context(), func(r store.Reader) (err error) {
			if site, err = store.One[string](t.Context(), r, "SELECT site_id FROM org_site WHERE site_no = ?", d.SiteNo); err != nil {
				return err
			}
			server, err = store.One[string](t.Context(), r, "SELECT asset_id FROM asset_binding WHERE kind = 'ip' AND address = '10.99.0.2'")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		begin := time.Unix(0, sum.From).Add(-time.Hour).UTC()
		make := func(data map[string]any) *record.Record {
			t.Helper()
			var rec *record.Record
			if err := db.Update(t.Context(), func(tx *store.Tx) (err error) {
				if rec, err = recs.Create(t.Context(), tx, auth.System(), record.Draft{Type: "plant-state", Title: "From the wire", Site: site, Data: data, ValidFrom: begin}); err != nil {
					return err
				}
				rec, err = recs.Transition(t.Context(), tx, auth.System(), rec.ID, record.Move{Transition: "activate", Patch: record.Patch{Version: rec.Version}})
				return err
			}); err != nil {
				t.Fatal(err)
			}
			i.plant.forget()
			return rec
		}
		at := func() record.Plant {
			t.Helper()
			var p record.Plant
			if err := db.View(t.Context(), func(r store.Reader) (err error) {
				p, err = record.PlantAt(t.Context(), r, d.SiteNo, 0, time.Unix(0, sum.To))
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return p
		}
		again := func(live bool) {
			t.Helper()
			sum.Live = live
			sum.Seq++ // another delivery
			if err := db.Update(t.Context(), func(tx *store.Tx) error { return i.plant.take(t.Context(), tx, d, sum) }); err != nil {
				t.Fatal(err)
			}
		}
		tag := map[string]any{"mode": "cleaning", "source": "tag", "tag_asset": server, "tag_protocol": "modbus", "tag_address": "unit 1 holding 40041", "tag_op": "eq", "tag_value": 1234.0, "tag_hold": 0.0}
		make(tag)
		wrong := map[string]any{}
		for k, v := range tag {
			wrong[k] = v
		}
		wrong["mode"], wrong["tag_address"] = "turnaround", "holding 40042"
		make(wrong)
		again(false)
		if p := at(); p.Source != "" || p.Mode != record.Production {
			t.Errorf("a capture of some day: %+v", p)
		}
		again(true)
		p := at()
		if p.Mode != "cleaning" || p.Source != "tag" || p.Value == nil || *p.Value != 1234 || p.Since.Time.Before(time.Unix(0, sum.From)) {
			t.Fatalf("register 40 was written 1234: %+v", p)
		}
		again(true) // delivered twice
		count := func(query string) (n int64) {
			t.Helper()
			if err := db.View(t.Context(), func(r store.Reader) (err error) {
				n, err = store.One[int64](context.Background(), r, query)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := count("SELECT count(*) FROM audit_entry WHERE action = 'plant.begin' AND actor = 'system'"); n != 1 {
			t.Errorf("%d audit entries of one change", n)
		}
		if n := count("SELECT count(*) FROM bus_event WHERE topic = '" + string(ot.TopicRecord) + "'"); n < 5 {
			t.Errorf("%d events of records: the change of the state was not published", n)
		}
		make(map[string]any{"mode": "standstill", "source": "hand"})
		if p := at(); p.Mode != "standstill" || p.Source != "hand" {
			t.Errorf("a person says standstill: %+v", p)
		}
	})
}

// A Micro800 whose tag other people's programs only read tells the plant's state; the capture is
// of an HMI and a controller that are none of ours.
func TestPlantFromTagThatIsRead(t *testing.T) {
	const capture = "../../../shared/corpus/captures/enip/emre__cip_cotp_proces.pcap"
	if _, err := os.Stat(capture); err != nil {
		t.Skip("the public captures are not here")
	}
	storetest.Each(t, schema(), func(t *testing.T, db *store.DB) {
		i, d := newIngest(t, db)
		i.plant = &plantTags{}
		recs, err := record.New(db, record.Config{Dir: t.TempDir(), Behaviours: record.Own(), Find: map[string]record.Finder{"asset": assetsByName}, Kinds: map[string]record.Lookup{"asset": assetsByID}})
		if err != nil {
			t.Fatal(err)
		}
		first := heard(t, capture)
		d.Source, d.Received = "edge-1", time.Unix(0, first.To).Add(time.Second)
		if _, err := i.take(t.Context(), d, first); err != nil {
			t.Fatal(err)
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			site, err := store.One[string](t.Context(), tx, "SELECT site_id FROM org_site WHERE site_no = ?", d.SiteNo)
			if err != nil {
				return err
			}
			server, err := store.One[string](t.Context(), tx, "SELECT b.asset_id FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id WHERE b.kind = 'ip' AND b.address = '192.168.1.11'")
			if err != nil {
				return err
			}
			rec, err := recs.Create(t.Context(), tx, auth.System(), record.Draft{Type: "plant-state", Title: "From the wire", Site: site, ValidFrom: time.Unix(0, first.From).Add(-time.Hour).UTC(), Data: map[string]any{
				"mode": "cleaning", "source": "tag", "tag_asset": server, "tag_protocol": "enip", "tag_address": "_IO_EM_DI_03", "tag_op": "eq", "tag_value": 1.0, "tag_hold": 0.0,
			}})
			if err != nil {
				return err
			}
			if _, err = recs.Transition(t.Context(), tx, auth.System(), rec.ID, record.Move{Transition: "activate", Patch: record.Patch{Version: rec.Version}}); err != nil {
				return err
			}
			i.plant.forget() // as the change of the record makes it
			rules, err := record.TagRules(t.Context(), tx)
			if err != nil {
				return err
			}
			again := heard(t, capture, elementsOf(rules, nil)...) // as the sensors are told
			again.Seq++
			if err := i.plant.take(t.Context(), tx, d, again); err != nil {
				return err
			}
			p, err := record.PlantAt(t.Context(), tx, d.SiteNo, 0, time.Unix(0, again.To))
			if err != nil {
				return err
			}
			if p.Mode != "cleaning" || p.Source != "tag" || p.Value == nil || *p.Value != 1 {
				t.Errorf("the tag was read and was 1: %+v", p)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	})
}
