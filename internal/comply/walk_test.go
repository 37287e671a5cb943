package comply

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/asset"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// wire feeds summaries through the slices' ingest, as a sensor's deliveries come in.
type wire struct {
	*plant
	assets *asset.Service
	net    *network.Service
	realm  int64
	seq    uint64
}

func newWire(t *testing.T, db *store.DB) *wire {
	p := newPlant(t, db)
	p.now = noon.AddDate(0, 0, -60)
	o := org.New(db, nil)
	cat := got(asset.LoadCatalogue(func([6]byte) string { return "" }))(t)
	w := &wire{plant: p, assets: asset.New(db, cat)}
	w.net = network.New(db, w.assets)
	realms := got(o.Realms(t.Context(), everybody, p.north.ID))(t)
	w.realm = realms[0].No
	var prefixes []org.Prefix
	for zone, prefix := range map[string]string{p.cell.ID: "10.0.1.0/24", p.scada.ID: "10.0.3.0/24", p.dmz.ID: "10.8.0.0/24", p.office.ID: "10.9.0.0/24"} {
		prefixes = append(prefixes, org.Prefix{Prefix: prefix, ZoneID: zone, RealmID: realms[0].ID})
	}
	if err := o.ReplaceSubnets(t.Context(), everybody, p.north.ID, prefixes); err != nil {
		t.Fatal(err)
	}
	return w
}

func host(last byte, ip string) ot.Host {
	return ot.Host{MAC: ot.MAC{2, 0, 0, 0, 0, last}, IP: netip.MustParseAddr(ip)}
}

// day lets a day go by with the plant's usual traffic and whatever else is said, heard live or not.
func (w *wire) day(live bool, more ...sensor.FlowDelta) {
	w.t.Helper()
	from := w.now
	w.now = w.now.AddDate(0, 0, 1)
	if !live && len(more) == 0 {
		return
	}
	w.seq++
	last := w.now.Add(-time.Minute).UnixNano()
	plc, hmi := host(1, "10.0.1.1"), host(2, "10.0.3.1")
	sum := &sensor.Summary{Sensor: "north-1", Epoch: "e", Seq: w.seq, From: from.UnixNano(), To: w.now.UnixNano(), Sent: w.now.UnixNano(), Live: live}
	sum.Flows = append(more, sensor.FlowDelta{
		Client: hmi, Server: plc, ClientBy: sensor.BySYN, Transport: "tcp", Port: 502, Protocol: "modbus", First: from.UnixNano(), Last: last,
		Sessions: 1, Established: true, ClientPackets: 100, ClientBytes: 9000, ServerPackets: 100, ServerBytes: 9000,
	})
	for _, f := range sum.Flows {
		for _, h := range []ot.Host{f.Client, f.Server} {
			sum.Hosts = append(sum.Hosts, sensor.HostDelta{Host: h, First: f.First, Last: f.Last, Packets: 100, Bytes: 9000, ARP: true, TTLMin: 64, TTLMax: 64})
		}
	}
	d := sensor.Delivery{SiteNo: w.north.No, RealmNo: w.realm, Source: "north-1", Name: "Sensor north", Received: w.now}
	if !live {
		sum.Sensor, sum.Epoch, d.Source, d.Name = "capture", "capture", "capture", "monday.pcap"
	}
	ctx := w.t.Context()
	for _, b := range asset.Batches(sum) {
		if err := w.db.Update(ctx, func(tx *store.Tx) error { _, err := w.assets.Apply(ctx, tx, d, b); return err }); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, b := range network.Batches(sum) {
		if err := w.db.Update(ctx, func(tx *store.Tx) error { _, err := w.net.Apply(ctx, tx, d, b); return err }); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *wire) desktop(from string) sensor.FlowDelta {
	at := w.now.Add(2 * time.Hour)
	return sensor.FlowDelta{
		Client: host(9, from), Server: host(1, "10.0.1.1"), ClientBy: sensor.BySYN, Transport: "tcp", Port: 3389, Protocol: "rdp", First: at.UnixNano(), Last: at.Add(time.Hour).UnixNano(),
		Sessions: 1, Established: true, ClientPackets: 50, ClientBytes: 5000, ServerPackets: 50, ServerBytes: 5000,
	}
}

// "Only one remote access solution" from unknown to practised to broken and back, by what comes over the wire and what people declare.
func TestWalk(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWire(t, db)
		expect := func(step string, check Verdict, level int, state State) {
			t.Helper()
			w.evaluate()
			a, l := w.answer("remote.bypass", w.north), w.level("5.3", w.north)
			if a.Status != check || l.Level != level || l.Cell.State != state {
				t.Fatalf("%s: remote.bypass %s (%s), level %d %s; want %s, %d %s\nwhy %q\nlift %q", step, a.Status, a.Reason, l.Level, l.Cell.State, check, level, state, l.Why, l.Lift)
			}
		}
		expect("nothing", Unknown, 0, StateUnknown)
		w.day(false, w.desktop("10.8.0.7"))
		expect("a capture of the gateway's work", Unknown, 0, StateUnknown)
		for range 10 {
			w.day(true)
		}
		expect("ten days of listening", Unknown, 1, StateKeyBelow) // other checks of it are judged
		for range 17 {
			w.day(true)
		}
		expect("27 days", Pass, 1, StateKeyBelow)
		w.declareAll("5.3", w.north.ID)
		expect("declared", Pass, 2, StateKeyBelow)
		for range 7 {
			w.day(true)
			w.evaluate()
		}
		expect("held for 7 days", Pass, 3, StateKeyBelow) // key: the target is 4, and wants 90 days
		w.day(true, w.desktop("10.9.0.7"))
		expect("a remote desktop from the office", Fail, 2, StateContradicted)
		d := got(w.s.Requirement(t.Context(), everybody, "5.3", time.Time{}))(t)
		if len(d.Findings) == 0 || !strings.Contains(d.Findings[0].Detail, "Declared: remote access standard") || !strings.Contains(d.Findings[0].Detail, "1 conversation where the target is 0") {
			t.Errorf("findings %+v", d.Findings)
		}
		items := got(w.s.Items(t.Context(), everybody, "remote.bypass", w.north.ID, Fail, "", 10))(t)
		if len(items.Items) != 2 || items.Items[0].Ref.Kind != "zone" || items.Items[0].PartOf != "" ||
			items.Items[1].Ref.Kind != "conversation" || !strings.Contains(items.Items[1].Label, "10.9.0.7 → 10.0.1.1 rdp") || items.Items[1].PartOf != items.Items[0].Ref.ID {
			t.Errorf("items %+v", items.Items)
		}
		p := got(w.s.Posture(t.Context(), everybody, time.Time{}))(t)
		if len(p.Needs) == 0 || p.Needs[0].Kind != "contradiction" || p.Needs[0].SiteID != w.north.ID || p.Headline.Contradicted != 1 {
			t.Errorf("needs %+v headline %+v", p.Needs, p.Headline)
		}
		for range 31 {
			w.day(true)
		}
		expect("31 days without", Pass, 2, StateKeyBelow)
		if d = got(w.s.Requirement(t.Context(), everybody, "5.3", time.Time{}))(t); len(d.Findings) == 0 || d.Findings[0].ClosedAt.IsZero() {
			t.Errorf("the finding is still open: %+v", d.Findings)
		}
		for range 4 {
			w.day(false)
		}
		expect("the sensor is off for four days", Pass, 2, StateKeyBelow)
		for range 30 {
			w.day(false)
		}
		expect("off for a month", Unknown, 2, StateKeyBelow)
		var v Verified
		err := db.View(t.Context(), func(r store.Reader) (err error) { v, err = VerifyEvidence(t.Context(), r); return err })
		if err != nil || v.Err() != nil || v.Runs < 5 || v.Answers < 100 {
			t.Errorf("verified %+v, %v", v, err)
		}
	})
}
