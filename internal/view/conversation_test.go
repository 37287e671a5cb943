package view

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// talkPlant is a site with a cell, an engineering station that programs its PLC,
// and a PLC that reaches the internet; the same summary through both slices.
type talkPlant struct {
	db   *store.DB
	site org.Site
	cell org.Zone
	take func(sum *sensor.Summary, received time.Time)
}

func (p *talkPlant) plcID(t *testing.T) (id string) {
	t.Helper()
	if err := p.db.View(t.Context(), func(r store.Reader) (err error) {
		id, err = store.One[string](t.Context(), r, "SELECT asset_id FROM asset_binding WHERE address = '192.168.0.10' AND to_at IS NULL")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return id
}

func newTalkPlant(t *testing.T, db *store.DB) *talkPlant {
	t.Helper()
	p := &talkPlant{db: db}
	ctx := t.Context()
	cat, err := asset.LoadCatalogue(nil)
	if err != nil {
		t.Fatal(err)
	}
	assets := asset.New(db, cat)
	net := network.New(db, assets)
	o := org.New(db, nil)
	var realm int64
	update := func(fn func(*store.Tx) error) {
		t.Helper()
		if err := db.Update(ctx, fn); err != nil {
			t.Fatal(err)
		}
	}
	update(func(tx *store.Tx) error {
		e, err := o.AddEntity(ctx, tx, org.Entity{Name: "Example"})
		if err != nil {
			return err
		}
		if p.site, err = o.AddSite(ctx, tx, org.Site{EntityID: e.ID, Name: "Aarhus", Country: "DK", TZ: "UTC"}); err != nil {
			return err
		}
		if realm, err = org.DefaultRealm(ctx, tx, p.site.No); err != nil {
			return err
		}
		if p.cell, err = o.AddZone(ctx, tx, p.site.No, org.Zone{Name: "Cell 1", Level: "1", OT: true}); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "INSERT INTO org_subnet (site_no, realm_no, prefix, zone_no) VALUES (?, ?, '192.168.0.0/28', ?)", p.site.No, realm, p.cell.No)
		return err
	})
	host := func(n byte, ip string) ot.Host {
		return ot.Host{MAC: ot.MAC{0, 0x1b, 0x1b, 0, 0, n}, IP: netip.MustParseAddr(ip)}
	}
	plc, eng, out := host(10, "192.168.0.10"), host(20, "192.168.9.20"), host(1, "203.0.113.5")
	base := noon.Add(-time.Hour).UnixNano()
	sum := &sensor.Summary{Sensor: "s", Epoch: "e", Seq: 1, From: base, To: base + int64(time.Hour)}
	for _, h := range []ot.Host{plc, eng} {
		sum.Hosts = append(sum.Hosts, sensor.HostDelta{Host: h, First: base, Last: base + 9e9, Packets: 5, TTLMin: 64, TTLMax: 64, ARP: true})
	}
	sum.Hosts = append(sum.Hosts, sensor.HostDelta{Host: out, First: base, Last: base, Packets: 1, TTLMin: 50, TTLMax: 50})
	flow := func(c, s ot.Host, protocol string, port uint16, at int64) sensor.FlowKey {
		sum.Flows = append(sum.Flows, sensor.FlowDelta{
			Client: c, Server: s, ClientBy: sensor.BySYN, Transport: "tcp", Port: port, Protocol: protocol, First: base, Last: base + at, ClientPackets: 4, ServerPackets: 4,
			FirstRef: ot.PacketRef{Source: "s", Number: 3, Seen: base, Offset: 24}, Proof: []byte{0xca, 0xfe},
		})
		return sensor.FlowKey{Client: c, Server: s, Transport: "tcp", Port: port, Protocol: protocol}
	}
	program := flow(eng, plc, "s7comm", 102, 5e9)
	flow(plc, out, "tls", 443, 7e9)
	for i := range 5 {
		flow(eng, host(byte(100+i), fmt.Sprintf("192.168.9.%d", 100+i)), "http", 80, int64(i)*1e9)
	}
	sum.Tuples = []sensor.TupleDelta{{Flow: program, Protocol: "s7comm", Kind: "function", Dir: "request", Code: 26, Name: "Request Download", Class: "program_download", Count: 1, First: base, Last: base, FirstRef: ot.PacketRef{Number: 4, Seen: base}}}
	sum.Events = []sensor.Event{{Flow: program, Ref: ot.PacketRef{Source: "s", Number: 4, Seen: base + 1e9}, Protocol: "s7comm", Kind: "function", Code: 26, Name: "Request Download", Class: "program_download", Object: "DB1", Rules: []string{"ot.program"}, Proof: []byte{1}}}
	p.take = func(sum *sensor.Summary, received time.Time) {
		d := sensor.Delivery{SiteNo: p.site.No, RealmNo: realm, Source: "s", Name: "night.pcap", Received: received}
		for _, b := range asset.Batches(sum) {
			update(func(tx *store.Tx) error { _, err := assets.Apply(ctx, tx, d, b); return err })
		}
		for _, b := range network.Batches(sum) {
			update(func(tx *store.Tx) error { _, err := net.Apply(ctx, tx, d, b); return err })
		}
	}
	p.take(sum, noon)
	return p
}

func slicesOfView() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), inbox.Migrations(), network.Migrations(), asset.Migrations(), listen.Migrations(), record.Migrations(), comply.Migrations()}
}

var sees = auth.Scope{All: true}

func TestConversations(t *testing.T) {
	storetest.Each(t, slicesOfView(), func(t *testing.T, db *store.DB) {
		p := newTalkPlant(t, db)
		s := NewConversations(db)
		plc := p.plcID(t)
		for _, c := range []struct {
			name   string
			filter TalkFilter
			want   int64
		}{
			{"all", TalkFilter{}, 7},
			{"site", TalkFilter{Site: p.site.ID}, 7},
			{"another site", TalkFilter{Site: "x"}, 0},
			{"of the PLC", TalkFilter{Asset: plc}, 2},
			{"into the cell", TalkFilter{ToZone: p.cell.ID}, 1},
			{"to the internet", TalkFilter{ToZone: "internet"}, 1},
			{"from the cell to the internet", TalkFilter{FromZone: p.cell.ID, ToZone: "internet"}, 1},
			{"S7", TalkFilter{Protocol: "s7comm"}, 1},
			{"programs", TalkFilter{Class: "program_download"}, 1},
			{"an address", TalkFilter{Q: "9.20 192.168.0.10"}, 1},
			{"from level 2 without a zone", TalkFilter{FromZone: "level-2"}, 6},
			{"to nowhere known", TalkFilter{ToZone: "unknown"}, 5},
			{"a percent sign", TalkFilter{Q: "%"}, 0},
		} {
			page, err := s.List(t.Context(), sees, c.filter)
			if err != nil || *page.Total != c.want || int64(len(page.Items)) != c.want {
				t.Errorf("%s: %d of %v, want %d; %v", c.name, len(page.Items), page.Total, c.want, err)
			}
		}
		page, err := s.List(t.Context(), sees, TalkFilter{Limit: 3})
		if err != nil || len(page.Items) != 3 || page.Next == "" || page.Items[0].Protocol != "tls" || page.Items[0].Server.Zone != "Internet" || page.Items[0].Client.AssetID != plc || page.Items[0].Client.Zone != "Cell 1" {
			t.Fatalf("%+v %v", page, err)
		}
		seen := map[string]bool{}
		for cursor := ""; ; {
			page, err := s.List(t.Context(), sees, TalkFilter{Limit: 3, Cursor: cursor})
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range page.Items {
				seen[i.ID] = true
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if len(seen) != 7 {
			t.Errorf("paging shows %d of 7", len(seen))
		}
		program, err := s.List(t.Context(), sees, TalkFilter{Protocol: "s7comm"})
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.Detail(t.Context(), sees, program.Items[0].ID)
		if err != nil || len(d.Tuples) != 1 || d.Tuples[0].Code != "26" || len(d.Events) != 1 || d.Proof == nil || d.Proof.Hex != "cafe" || d.Proof.Ref.Number != 3 || d.Proof.Ref.Offset != 24 ||
			d.Proof.Ref.SourceName != "night.pcap" || len(d.Hours) != 1 || d.Hours[0].Packets != 8 {
			t.Errorf("%+v %v", d, err)
		}
		for _, f := range []EventFilter{{}, {Class: "program_download,firmware"}, {Rule: "ot.program"}, {Asset: plc}, {Site: p.site.ID}} {
			if page, err := s.Events(t.Context(), sees, f); err != nil || len(page.Items) != 1 || page.Items[0].Object != "DB1" || page.Items[0].Conversation != d.ID {
				t.Errorf("events %+v: %+v %v", f, page.Items, err)
			}
		}
		if page, err := s.Events(t.Context(), sees, EventFilter{Class: "firmware"}); err != nil || len(page.Items) != 0 {
			t.Errorf("firmware: %+v %v", page.Items, err)
		}
	})
}

func TestConversationsInScope(t *testing.T) {
	p := newTalkPlant(t, storetest.Open(t, storetest.SQLite(t), slicesOfView()))
	s := NewConversations(p.db)
	cell := auth.Scope{Zones: []int64{p.cell.No}}
	page, err := s.List(t.Context(), cell, TalkFilter{})
	if err != nil || *page.Total != 2 {
		t.Errorf("who sees the cell sees %v conversations: one end lies in it of 2; %v", page.Total, err)
	}
	people := resttest.People{"reader": resttest.Person("reader", sees, auth.NetworkRead, auth.AssetRead), "foreign": resttest.Person("foreign", auth.Scope{Sites: []int64{77}}, auth.NetworkRead), "nothing": resttest.Person("nothing", sees)}
	r := rest.New(rest.Config{DB: p.db, Auth: people})
	s.Routes(r)
	resttest.Deny(t, r, people, "1.999")
	for _, path := range []string{"/conversations", "/events"} {
		if w := resttest.Do(t, r.Handler(), "GET", "/api/v1"+path, "foreign", ""); w.Code != 200 || strings.Contains(w.Body.String(), "192.168") {
			t.Errorf("foreign %s: %d %s", path, w.Code, w.Body)
		}
	}
	for _, path := range []string{"/conversations/1.1", "/assets/" + p.plcID(t) + "/conversations", "/conversations/x"} {
		if w := resttest.Do(t, r.Handler(), "GET", "/api/v1"+path, "foreign", ""); w.Code != 404 {
			t.Errorf("foreign %s: %d", path, w.Code)
		}
	}
}
