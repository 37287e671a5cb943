package app

import (
	"log/slog"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// What a project plans is unknown until a live sensor hears it, at target when it is as
// planned, and broken when the wire says another firmware; so is what nobody planned.
func TestAsPlanned(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	s, err := openServer(ctx, serverOptions{Data: Folder(dir), URL: Folder(dir).database()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	all := auth.Scope{All: true}
	e, err := s.org.CreateEntity(ctx, all, org.Entity{Name: "Bryggeriet"})
	if err != nil {
		t.Fatal(err)
	}
	site, err := s.org.CreateSite(ctx, all, org.Site{EntityID: e.ID, Name: "Linje 3"})
	if err != nil {
		t.Fatal(err)
	}
	var seq uint64
	hear := func(live bool, ip string, facts map[ot.Attr]string) {
		t.Helper()
		seq++
		now := time.Now()
		h := ot.Host{IP: netip.MustParseAddr(ip), MAC: ot.MAC{0, 0x1b, 0x1b, 0, 0, netip.MustParseAddr(ip).As4()[3]}}
		sum := &sensor.Summary{Sensor: "box-eth1", Epoch: "1", Seq: seq, From: now.Add(-time.Second).UnixNano(), To: now.UnixNano(), Live: live, Health: sensor.Health{Packets: 1}}
		sum.Hosts = []sensor.HostDelta{{Host: h, First: sum.From, Last: sum.To, FirstPacket: seq, Packets: 3, Bytes: 300, ARP: true, TTLMin: 64, TTLMax: 64}}
		for attr, value := range facts {
			sum.Facts = append(sum.Facts, sensor.Fact{Attr: attr, Value: value, About: h, By: h, Protocol: "enip", Ref: ot.PacketRef{Source: "box-eth1", Number: seq, Seen: sum.To}})
		}
		if _, err := s.ingest.take(ctx, sensor.Delivery{SiteNo: site.No, RealmNo: 1, Source: "box-eth1", Name: "eth1 on box", Received: now}, sum); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(step, want string) {
		t.Helper()
		if _, err := s.comply.Evaluate(ctx, time.Now()); err != nil {
			t.Fatal(err)
		}
		var got []string
		err := s.db.View(ctx, func(r store.Reader) (err error) {
			got, err = store.All[string](ctx, r, "SELECT status FROM comply_answer WHERE check_id = 'cfg.as_planned' AND site_no = ?", site.No)
			return err
		})
		if err != nil || len(got) != 1 || got[0] != want {
			t.Fatalf("%s: %v, %v; want %s", step, got, err, want)
		}
	}
	expect("no project", "unknown")
	l5x, err := os.ReadFile("../plan/engineering/testdata/filler.L5X")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.assets.ImportProject(ctx, all, asset.Person{Name: "Eva"}, site.ID, "filler.L5X", l5x, false); err != nil {
		t.Fatal(err)
	}
	expect("planned, and nobody listens", "unknown")
	bridge := func(firmware string) map[ot.Attr]string {
		return map[ot.Attr]string{"enip.product_name": "1756-EN2T", "enip.revision": firmware}
	}
	hear(true, "10.20.3.10", nil)
	hear(true, "10.20.3.11", bridge("10.10"))
	hear(true, "10.20.3.21", nil)
	hear(true, "10.20.3.31", nil)
	hear(true, "10.20.3.40", map[ot.Attr]string{"pn_dcp.name_of_station": "Festo_Valves"}) // planned under a name only
	expect("all of it is heard", "pass")
	hear(true, "10.20.3.11", bridge("5.28"))
	expect("an older bridge", "fail")
	items := func() (n int64) {
		if err := s.db.View(ctx, func(r store.Reader) (err error) {
			n, err = store.One[int64](ctx, r, "SELECT COUNT(*) FROM inbox_item WHERE kind = 'other-than-planned' AND done_at IS NULL")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if items() != 1 {
		t.Errorf("%d items in the inbox", items())
	}
	hear(true, "10.20.3.11", bridge("10.11"))
	expect("it was mended", "pass")
	if items() != 0 {
		t.Errorf("%d items stay in the inbox", items())
	}
	hear(true, "10.20.3.66", map[ot.Attr]string{"s7comm.order_code": "6ES7 315-2EH14-0AB0", "s7comm.cpu_type": "CPU 315-2 PN/DP"})
	expect("a controller that nobody planned", "fail")
}
