package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/rest/resttest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func allSlices() []store.Migrations {
	return []store.Migrations{org.Migrations(), audit.Migrations(), bus.Migrations(), auth.Migrations(), inbox.Migrations(), Migrations()}
}

var everywhere = auth.Scope{All: true}

// hour0 is a full hour, so that a test's hours are where it puts them.
var hour0 = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)

const second = int64(1e9)

// inventory stands in for package asset.
type inventory map[string]int64

func (v inventory) Places(_ context.Context, _ store.Reader, _ int64, addresses []string) (map[ot.Host]int64, error) {
	out := map[ot.Host]int64{}
	for _, a := range addresses {
		if zone, ok := v[a]; ok {
			if ip, err := netip.ParseAddr(a); err == nil {
				out[ot.Host{Realm: "1", IP: ip}] = zone
			}
		}
	}
	return out, nil
}

type site struct {
	t     testing.TB
	db    *store.DB
	s     *Service
	org   org.Site
	realm int64
	zones map[string]int64
	known inventory
	seq   uint64
}

func newSite(t testing.TB, db *store.DB) *site {
	t.Helper()
	p := &site{t: t, db: db, known: inventory{}, zones: map[string]int64{}}
	p.s = New(db, p.known)
	o := org.New(db, nil)
	p.update(func(tx *store.Tx) error {
		e, err := o.AddEntity(t.Context(), tx, org.Entity{Name: "Example"})
		if err != nil {
			return err
		}
		if p.org, err = o.AddSite(t.Context(), tx, org.Site{EntityID: e.ID, Name: "Aarhus", Country: "DK", TZ: "Europe/Copenhagen"}); err != nil {
			return err
		}
		p.realm, err = org.DefaultRealm(t.Context(), tx, p.org.No)
		return err
	})
	return p
}

func (p *site) update(fn func(*store.Tx) error) {
	p.t.Helper()
	if err := p.db.Update(p.t.Context(), fn); err != nil {
		p.t.Fatal(err)
	}
}

func (p *site) zone(name, level, prefix string) {
	p.t.Helper()
	p.update(func(tx *store.Tx) error {
		z, err := org.New(p.db, nil).AddZone(p.t.Context(), tx, p.org.No, org.Zone{Name: name, Level: level, OT: true})
		if err != nil {
			return err
		}
		p.zones[name] = z.No
		_, err = tx.Exec(p.t.Context(), "INSERT INTO org_subnet (site_no, realm_no, prefix, zone_no) VALUES (?, ?, ?, ?)", p.org.No, p.realm, prefix, z.No)
		return err
	})
}

func (p *site) delivery() sensor.Delivery {
	return sensor.Delivery{SiteNo: p.org.No, RealmNo: p.realm, Source: "sensor-1", Name: "Line 1", Received: hour0.Add(time.Hour)}
}

func (p *site) take(sum sensor.Summary) (out Brought) {
	p.t.Helper()
	if sum.Seq == 0 {
		p.seq++
		sum.Sensor, sum.Epoch, sum.Seq = "sensor-1", "e", p.seq
	}
	for _, b := range Batches(&sum) {
		var got Brought
		p.update(func(tx *store.Tx) (err error) {
			got, err = p.s.Apply(p.t.Context(), tx, p.delivery(), b)
			return err
		})
		out.Conversations += got.Conversations
		out.Events += got.Events
	}
	return out
}

func all[T any](p *site, query string, args ...any) []T {
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

func (p *site) convs() []convRow {
	return all[convRow](p, "SELECT "+convColumns+" FROM network_conversation ORDER BY conv_no")
}

func host(mac, ip string) (h ot.Host) {
	_ = h.MAC.UnmarshalText([]byte(mac))
	if ip != "" {
		h.IP = netip.MustParseAddr(ip)
	}
	return h
}

func at(sec int64) int64 { return hour0.UnixNano() + sec*second }

func flow(client, server ot.Host, by sensor.ClientBy, protocol string, port uint16, from, to int64) sensor.FlowDelta {
	return sensor.FlowDelta{
		Client: client, Server: server, ClientBy: by, Transport: "tcp", Port: port, Protocol: protocol, First: at(from), Last: at(to), Sessions: 1,
		ClientPackets: 3, ClientBytes: 300, ServerPackets: 2, ServerBytes: 2000, FirstRef: ot.PacketRef{Source: "sensor-1", Number: 7, Seen: at(from), Offset: 99}, Proof: []byte{1, 2},
	}
}

func keyFor(f sensor.FlowDelta) sensor.FlowKey {
	return sensor.FlowKey{Realm: f.Realm, Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol}
}

var (
	hmi = host("00:1b:1b:00:00:0b", "192.168.0.20")
	plc = host("00:1b:1b:00:00:0a", "192.168.0.10")
)

func TestIngest(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newSite(t, db)
		p.zone("Cell 1", "1", "192.168.0.0/28")
		f := flow(hmi, plc, sensor.BySYN, "s7comm", 102, 10, 4000)
		sum := sensor.Summary{Flows: []sensor.FlowDelta{f}, From: at(0), To: at(4000)}
		for _, class := range []string{"read", "program_download"} {
			sum.Tuples = append(sum.Tuples, sensor.TupleDelta{
				Flow: keyFor(f), Protocol: "s7comm", Kind: "function", Dir: "request", Code: 4, Text: class, Class: class, Count: 5, Refused: 1, FirstItem: 10, LastItem: 20,
				First: at(10), Last: at(20), FirstRef: ot.PacketRef{Number: 9, Seen: at(10)},
			})
		}
		sum.Events = []sensor.Event{{Flow: keyFor(f), Ref: ot.PacketRef{Number: 12, Seen: at(11)}, Protocol: "s7comm", Kind: "function", Class: "program_download", Name: "download", Object: "DB1\x1b[2J", Rules: []string{"ot.program"}, Proof: []byte{3}}}
		sum.Health = sensor.Health{Packets: 50, Bytes: 5000, BudgetHit: map[string]uint64{"flows": 2}, OneSided: 0.25}
		if got := p.take(sum); got != (Brought{1, 1}) {
			t.Errorf("brought %+v", got)
		}
		sum.Seq, sum.Sensor, sum.Epoch = 1, "sensor-1", "e"
		if got := p.take(sum); got != (Brought{}) {
			t.Errorf("a second delivery brought %+v", got)
		}
		c := p.convs()[0]
		if c.ConvNo != 1 || c.ClientIP != "192.168.0.20" || c.ClientPackets != 3 || c.ServerBytes != 2000 || c.ServerZoneNo != p.zones["Cell 1"] || c.ClientZoneNo != 0 || c.Live ||
			c.FirstPacket != 7 || c.FirstOffset != 99 || c.Classes != int64(ot.Read|ot.ProgramDownload) || !c.Established || c.FirstAt != micros(at(10)) {
			t.Errorf("%+v", c)
		}
		// The same again, later: counters grow, the first packet stays.
		sum.Seq = 2
		sum.Flows[0].First, sum.Flows[0].Last = at(5000), at(5001)
		sum.Tuples[0].First, sum.Tuples[0].Last, sum.Tuples[0].LastItem = at(5000), at(5001), 40
		p.take(sum)
		c = p.convs()[0]
		if c.ClientPackets != 6 || c.LastAt != micros(at(5001)) || c.FirstPacket != 7 || c.Sessions != 2 {
			t.Errorf("grown: %+v", c)
		}
		tuples := all[tupleRow](p, "SELECT "+tupleColumns+" FROM network_tuple ORDER BY text DESC")
		if len(tuples) != 2 || tuples[0].Count != 10 || tuples[0].Refused != 2 || tuples[0].FirstItem != 10 || tuples[0].LastItem != 40 || tuples[0].FirstPacket != 9 || tuples[0].FirstAt != micros(at(10)) || tuples[0].LastAt != micros(at(5001)) {
			t.Errorf("tuples %+v", tuples)
		}
		hours := all[rollupRow](p, "SELECT site_no, month, conv_no, hour, packets, bytes FROM network_rollup ORDER BY hour")
		if len(hours) != 2 || hours[0].Hour != hour0.Unix()/3600 || hours[1].Hour != hour0.Unix()/3600+1 || hours[0].Packets != 5 || hours[0].Month != 2026*12+10 {
			t.Errorf("hours %+v", hours)
		}
		events := all[eventRow](p, "SELECT "+eventColumns+" FROM network_event ORDER BY event_no")
		if len(events) != 2 || events[1].EventNo != 2 || events[0].Object != "DB1�[2J" || events[0].ServerIP != "192.168.0.10" || !slices.Equal(events[0].Rules.V, []string{"ot.program"}) {
			t.Errorf("events %+v", events)
		}
		page, err := p.s.Sources(t.Context(), everywhere, p.org.ID, "", 0)
		if err != nil || len(page.Items) != 1 {
			t.Fatal(err)
		}
		if s := page.Items[0]; s.Packets != 100 || s.Budget["flows"] != 4 || s.Live || s.Kind != KindCapture || s.Name != "Line 1" || s.OneSided != 0.25 || s.SkewSeconds != nil {
			t.Errorf("source %+v", s)
		}
		if n := all[int64](p, "SELECT count(*) FROM network_listen"); n[0] != 0 {
			t.Error("a capture counts as listening")
		}
	})
}

func TestTheClientMayBeRevised(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newSite(t, db)
		guess := flow(plc, hmi, sensor.ByGuess, "modbus", 502, 1, 2) // the wrong way round
		p.take(sensor.Summary{Flows: []sensor.FlowDelta{guess}})
		p.take(sensor.Summary{Flows: []sensor.FlowDelta{flow(hmi, plc, sensor.BySYN, "modbus", 502, 3, 4)}})
		p.take(sensor.Summary{Flows: []sensor.FlowDelta{flow(plc, hmi, sensor.ByPort, "modbus", 502, 5, 6)}}) // knows less
		got := p.convs()
		if len(got) != 1 {
			t.Fatalf("%d conversations", len(got))
		}
		// The PLC sent 3 as the guessed client, 2 as the server, 3 as the client of the third.
		if c := got[0]; c.ClientIP != "192.168.0.20" || c.ClientBy != "syn" || c.ServerPackets != 3+2+3 || c.ClientPackets != 2+3+2 || c.ServerMAC != plc.MAC.String() {
			t.Errorf("%+v", c)
		}
	})
}

func TestZonesAndTheInternet(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newSite(t, db)
		p.zone("Site", "3", "10.0.0.0/8")
		p.zone("Cell", "1", "10.1.0.0/16")
		p.known["141.81.0.10"], p.known["10.99.0.1"] = 0, 77 // an asset with a public address; the subnet says more than the asset
		client := func(ip string) ot.Host { return host("00:1b:1b:00:00:0b", ip) }
		var flows []sensor.FlowDelta
		for _, ip := range []string{"10.1.2.3", "10.2.0.1", "192.168.5.5", "8.8.8.8", "141.81.0.10", "10.99.0.1", "100.64.3.3", "224.0.0.5", "2001:db8::1"} {
			flows = append(flows, flow(client(ip), plc, sensor.BySYN, "", 80, 1, 2))
		}
		p.take(sensor.Summary{Flows: flows})
		want := map[string]string{"10.1.2.3": "Cell", "10.2.0.1": "Site", "192.168.5.5": "", "8.8.8.8": "internet", "141.81.0.10": "", "10.99.0.1": "Site", "100.64.3.3": "", "224.0.0.5": "", "2001:db8::1": "internet"}
		check := func() {
			t.Helper()
			for _, c := range p.convs() {
				got := ""
				for name, no := range p.zones {
					if no == c.ClientZoneNo {
						got = name
					}
				}
				if c.ClientInternet {
					got = "internet"
				}
				if got != want[c.ClientIP] {
					t.Errorf("%s stands in %q, want %q", c.ClientIP, got, want[c.ClientIP])
				}
			}
		}
		check()
		p.zone("Office", "4", "192.168.5.0/24")
		p.zone("Partner", "5", "8.8.0.0/16")
		want["192.168.5.5"], want["8.8.8.8"] = "Office", "Partner"
		var last int64
		p.update(func(tx *store.Tx) (err error) {
			last, err = p.s.Rezone(t.Context(), tx, p.org.No, 0)
			return err
		})
		if last != 9 {
			t.Errorf("rezone stopped at %d", last)
		}
		check()
	})
}

func TestListening(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newSite(t, db)
		p.zone("Cell", "1", "192.168.0.0/24")
		sum := func(from, to int64) sensor.Summary {
			return sensor.Summary{Live: true, From: at(from), To: at(to), Sent: hour0.Add(time.Hour + 3*time.Second).UnixNano(), Hosts: []sensor.HostDelta{{Host: plc, First: at(from), Last: at(to)}, {Host: host("00:1b:1b:00:00:01", "8.8.8.8")}}}
		}
		p.take(sum(3000, 4200)) // 600 s in each of two hours
		p.take(sum(4200, 4800))
		p.take(sum(4000, 7200)) // overlaps: never more than an hour
		silence := sum(7200, 7800)
		silence.Hosts = nil
		p.take(silence) // the sensor listened, and no zone was heard
		p.take(sum(100, 90*24*3600))
		type row struct {
			Zone    int64 `db:"zone_no"`
			Hour    int64 `db:"hour"`
			Seconds int64 `db:"seconds"`
		}
		got := all[row](p, "SELECT zone_no, hour, seconds FROM network_listen ORDER BY zone_no, hour")
		h := hour0.Unix() / 3600
		if want := []row{{0, h, 600}, {0, h + 1, 3600}, {0, h + 2, 600}, {p.zones["Cell"], h, 600}, {p.zones["Cell"], h + 1, 3600}}; !slices.Equal(got, want) {
			t.Errorf("listened %v, want %v", got, want)
		}
		page, err := p.s.Sources(t.Context(), everywhere, "", "", 0)
		if err != nil || len(page.Items) != 1 || page.Items[0].Kind != KindSensor || !page.Items[0].Live || page.Items[0].SkewSeconds == nil || *page.Items[0].SkewSeconds != 3 {
			t.Errorf("source %+v, %v", page.Items, err)
		}
	})
}

func TestBigSummaryIsCut(t *testing.T) {
	p := newSite(t, storetest.Open(t, storetest.SQLite(t), allSlices()))
	var sum sensor.Summary
	for i := range 700 {
		f := flow(host("00:1b:1b:00:00:0b", fmt.Sprintf("10.0.%d.%d", i/200, i%200)), plc, sensor.BySYN, "modbus", 502, 1, 2)
		sum.Flows = append(sum.Flows, f)
		for code := range 10 {
			sum.Tuples = append(sum.Tuples, sensor.TupleDelta{Flow: keyFor(f), Protocol: "modbus", Kind: "function", Code: uint32(code), Class: "read", Count: 1, First: at(1), Last: at(2)})
		}
	}
	for _, b := range Batches(&sum) {
		if rows := len(b.flows)*2 + len(b.tuples) + len(b.events); rows > 2000 {
			t.Errorf("batch %d would write %d rows", b.No, rows)
		}
	}
	p.take(sum)
	if n := all[int64](p, "SELECT CAST(sum(count) AS BIGINT) FROM network_tuple"); n[0] != 7000 {
		t.Errorf("%d messages counted of 7000", n[0])
	}
	if n := all[int64](p, "SELECT count(*) FROM network_conversation WHERE classes = ?", int64(ot.Read)); n[0] != 700 {
		t.Errorf("%d of 700 conversations know what they hold", n[0])
	}
}

func TestSourcesRoute(t *testing.T) {
	p := newSite(t, storetest.Open(t, storetest.SQLite(t), allSlices()))
	p.take(sensor.Summary{Health: sensor.Health{Packets: 1}})
	people := resttest.People{"reader": resttest.Person("reader", everywhere, auth.NetworkRead), "foreign": resttest.Person("foreign", auth.Scope{Sites: []int64{77}}, auth.NetworkRead), "nothing": resttest.Person("nothing", everywhere)}
	r := rest.New(rest.Config{DB: p.db, Auth: people})
	p.s.Routes(r)
	resttest.Deny(t, r, people, "x")
	if w := resttest.Do(t, r.Handler(), "GET", "/api/v1/sources?site="+p.org.ID, "reader", ""); w.Code != 200 || !strings.Contains(w.Body.String(), "sensor-1") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := resttest.Do(t, r.Handler(), "GET", "/api/v1/sources", "foreign", ""); w.Code != 200 || strings.Contains(w.Body.String(), "sensor-1") {
		t.Errorf("foreign: %d %s", w.Code, w.Body)
	}
}

// A transfer that goes on from one summary to the next stays one event, also where the next one comes twice.
func TestTransferStaysOneEvent(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newSite(t, db)
		f := flow(hmi, plc, sensor.BySYN, "cip", 44818, 10, 4000)
		event := func(packet, began uint64, n, bytes uint64, from, to int64) sensor.Event {
			return sensor.Event{
				Flow: keyFor(f), Ref: ot.PacketRef{Number: packet, Seen: at(from)}, Protocol: "cip", Kind: "object-service", Dir: "request", Code: 41293, Class: "firmware",
				Name: "Firmware Transfer", Proof: []byte{3}, Repeats: n - 1, Bytes: bytes, Until: at(to), Began: began,
			}
		}
		refused := event(40, 12, 1, 5, 14, 14)
		refused.Refused = true
		deliver := func(seq uint64, events ...sensor.Event) {
			sum := sensor.Summary{Sensor: "sensor-1", Epoch: "e", Seq: seq, Flows: []sensor.FlowDelta{f}, From: at(10), To: at(4000), Events: events}
			p.take(sum)
		}
		deliver(1, event(12, 0, 100, 5000, 11, 12), event(30, 12, 20, 1000, 13, 14))
		deliver(2, event(50, 12, 5, 50, 20, 21), refused, event(60, 55, 7, 70, 22, 23))
		deliver(2, event(50, 12, 5, 50, 20, 21))
		events := all[eventRow](p, "SELECT "+eventColumns+" FROM network_event ORDER BY event_no")
		if len(events) != 3 {
			t.Fatalf("%d events: %+v", len(events), events)
		}
		if e := events[0]; e.Packet != 12 || e.Repeats != 124 || e.Bytes != 6050 || e.Until != micros(at(21)) || e.At != micros(at(11)) {
			t.Errorf("the transfer: %+v", e)
		}
		if e := events[1]; !e.Refused || e.Packet != 40 || e.Repeats != 0 {
			t.Errorf("what was refused is another: %+v", e)
		}
		if e := events[2]; e.Packet != 60 || e.Repeats != 6 {
			t.Errorf("one whose beginning nobody told: %+v", e)
		}
	})
}

// The hour of what was heard is the hour in which it was heard, not that in which the session began.
func TestLongSessionHours(t *testing.T) {
	storetest.Each(t, allSlices(), func(t *testing.T, db *store.DB) {
		p := newSite(t, db)
		f := flow(hmi, plc, sensor.BySYN, "s7comm", 102, 10, 4000)
		p.take(sensor.Summary{Sensor: "s", Epoch: "e", Seq: 1, Flows: []sensor.FlowDelta{f}, From: at(10), To: at(20)})
		p.take(sensor.Summary{Sensor: "s", Epoch: "e", Seq: 2, Flows: []sensor.FlowDelta{f}, From: at(2*3600 + 10), To: at(2*3600 + 20)})
		hours := all[rollupRow](p, "SELECT site_no, month, conv_no, hour, packets, bytes FROM network_rollup ORDER BY hour")
		if len(hours) != 2 || hours[1].Hour != hours[0].Hour+2 {
			t.Errorf("hours %+v", hours)
		}
	})
}
