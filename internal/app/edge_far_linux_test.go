package app

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/sensortest"
)

const ownRule = `id: our-own-look
title: Somebody reads coils
severity: low
why: Nobody reads coils here.
on: message
mask:
  codes: {modbus.function: [1]}
`

// The whole way of a machine at another site: it takes the centre's own detections
// and refuses a broken bundle; its ring is set on the page, and its packets come with
// a reason by the connection that it opened.
func TestFarEdge(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.IP(t, "link set lo up")
	sensortest.Wire(t)
	log := &told{}
	hall := newFarHall(t, log)
	s, site, node, h, all, edgeID, dir, ctx := hall.s, hall.site, hall.node, hall.h, hall.all, hall.edgeID, hall.dir, hall.ctx
	look := func() (x listen.Interface) {
		var page struct{ Items []listen.Interface }
		if code, raw := ask(t, h, "GET", "/listening?site="+site.ID, "", nil, &page); code != 200 || len(page.Items) != 1 {
			t.Fatalf("%d %s", code, raw)
		}
		return page.Items[0]
	}
	until(t, "the interface", func() bool { x := look(); return x.Reach && x.Away && x.Ring != nil && x.Port != nil })

	// The rules: the centre's own bundle, really loaded; a broken one changes nothing.
	of := func() (e centre.Edge) {
		ask(t, h, "GET", "/edges/"+edgeID, "", nil, &e)
		return e
	}
	until(t, "the bundle", func() bool { e := of(); return e.RulesWanted != "" && e.Health.Rules.Bundle == e.RulesWanted })
	good := of().Health.Rules
	if want := s.sensor.Rules; good.Version != want.Version() || good.Judged != want.Judged() || good.Error != "" {
		t.Errorf("%+v, the centre runs %s with %d", good, want.Version(), want.Judged())
	}
	broken := edge.NewRules("9.9", []edge.RuleFile{{Name: "x.yaml", Text: strings.ReplaceAll(ownRule, "modbus.function", "nobody.knows")}})
	if err := node.takeRules(broken); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("a rule of a protocol that this program does not know: %v", err)
	}
	if now := node.health(ctx).Rules; now.Bundle != good.Bundle || now.Version != good.Version {
		t.Errorf("after the broken bundle %+v runs", now)
	}

	// Packets: with a reason, of the plant's own networks whole.
	if x := look(); !slices.Equal(x.Own, []string{"10.0.0.0/24"}) {
		t.Errorf("its own networks are %v", x.Own)
	}
	plant := sensortest.NewSender(t, "plant")
	for n := range 50 {
		plant.Send(modbusAsk(n))
	}
	until(t, "the packets", func() bool { x := look(); return x.Packets == 50 && x.Ring.Packets == 50 })
	x := look()
	if code, _ := ask(t, h, "POST", "/cuts", "", map[string]any{"source": x.ID, "reason": ""}, nil); code != 422 {
		t.Errorf("without a reason: %d", code)
	}
	var cut listen.Cut
	if code, raw := ask(t, h, "POST", "/cuts", "", map[string]any{"source": x.ID, "reason": "why the pump stopped"}, &cut); code != 201 || cut.State != "waiting" || len(cut.Asked) != 1 {
		t.Fatalf("%d %s", code, raw)
	}
	asked := time.Now()
	until(t, "the cut", func() bool { ask(t, h, "GET", "/cuts/"+cut.ID, "", nil, &cut); return cut.State != "waiting" })
	if took := time.Since(asked); took > 4*time.Second { // by the waiting request, not by the next hello
		t.Errorf("it took %s", took)
	}
	code, file := ask(t, h, "GET", "/cuts/"+cut.ID+"/file", "", nil, nil)
	if cut.State != "ready" || cut.Packets != 50 || code != 200 || !bytes.Contains(file, []byte("Why: why the pump stopped")) || int64(len(file)) != cut.Bytes {
		t.Fatalf("%+v, %d", cut, code)
	}
	src, err := sensor.Read(bytes.NewReader(file), "cut", 0)
	if err != nil {
		t.Fatal(err)
	}
	var p sensor.Packet
	if err := src.Next(&p); err != nil || !bytes.Equal(p.Data, modbusAsk(0)) {
		t.Errorf("%x, %v", p.Data, err)
	}
	for _, name := range []string{"outbox.db", "outbox.db-wal"} { // what waits for the centre is sealed to it
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil && bytes.Contains(raw, modbusAsk(7)[14:]) {
			t.Errorf("%s holds a packet as it was", name)
		}
	}

	// One packet, for a proof.
	seen := time.Unix(0, p.At).UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
	if code, raw := ask(t, h, "GET", fmt.Sprintf("/sources/%s/packets/%d?seen=%s", x.ID, 1, seen), "", nil, nil); code != 200 || !bytes.Contains(raw, []byte("0200000000020200000000010800")) {
		t.Errorf("%d %s", code, raw)
	}
	if code, raw := ask(t, h, "GET", "/sources/"+x.ID+"/packets/1?seen=2020-01-01T00:00:00Z", "", nil, nil); code != 404 || !bytes.Contains(raw, []byte("no longer kept")) {
		t.Errorf("another time: %d %s", code, raw)
	}

	// Its settings, on the page: disk, filter, and what is kept of others; the ring says so.
	if code, raw := ask(t, h, "PATCH", "/listening/"+x.ID, look().ETag, map[string]any{"ring": "disk", "disk_mib": 32, "filter": "tcp port 502", "beyond": 8}, nil); code != 200 {
		t.Fatalf("%d %s", code, raw)
	}
	until(t, "a ring on disk", func() bool { x := look(); return x.Ring != nil && x.Ring.Disk && x.Port.Filter == "tcp port 502" })
	if x := look(); x.Settings.Beyond != 8 || x.Settings.DiskMiB != 32 || x.Ring.Size != 32<<20 {
		t.Errorf("%+v %+v", x.Settings, x.Ring)
	}
	until(t, "the applied configuration", func() bool { e := of(); return e.ConfigApplied == e.ConfigVersion })
	// And the other way: the configuration as a whole says the same.
	_, c, err := s.edges.Get(t.Context(), all, edgeID)
	if err != nil || c.Interfaces[0].Ring != "disk" || c.Interfaces[0].DiskMiB != 32 || c.Interfaces[0].Beyond != 8 {
		t.Errorf("%+v, %v", c.Interfaces, err)
	}
	c.Interfaces[0].Ring, c.Interfaces[0].Filter = "off", ""
	if err := s.edges.Configure(t.Context(), all, edgeID, func(int64) error { return nil }, c, "bo"); err != nil {
		t.Fatal(err)
	}
	until(t, "no ring", func() bool { x := look(); return x.Ring == nil && x.Settings.Ring == "off" && x.UpdatedBy == "bo" })
	if code, raw := ask(t, h, "POST", "/cuts", "", map[string]any{"source": x.ID, "reason": "a look"}, &cut); code != 201 {
		t.Fatalf("%d %s", code, raw)
	}
	until(t, "that there is none", func() bool { ask(t, h, "GET", "/cuts/"+cut.ID, "", nil, &cut); return cut.State == "empty" })
	if !strings.Contains(cut.Detail, "keeps no packets") {
		t.Errorf("%q", cut.Detail)
	}

	// New zones reach the edge.
	if err := s.org.ReplaceSubnets(t.Context(), all, site.ID, []org.Prefix{}); err != nil {
		t.Fatal(err)
	}
	if err := s.edges.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the zones", func() bool {
		node.mu.Lock()
		defer node.mu.Unlock()
		return len(node.running["mirror"].spec.Own) == 0
	})
	before := of().ConfigVersion
	if err := s.edges.Refresh(t.Context()); err != nil || of().ConfigVersion != before {
		t.Errorf("nothing changed, and yet version %d became %d, %v", before, of().ConfigVersion, err)
	}

	hall.leave(t)

	// Nobody is there any more: the cut waits, and gives up at its time.
	if code, raw := ask(t, h, "POST", "/cuts", "", map[string]any{"source": x.ID, "reason": "a look"}, &cut); code != 201 || cut.State != "waiting" {
		t.Fatalf("%d %s", code, raw)
	}
	if code, raw := ask(t, h, "GET", "/cuts/"+cut.ID+"/file", "", nil, nil); code != 409 || !bytes.Contains(raw, []byte("has not answered")) {
		t.Errorf("%d %s", code, raw)
	}
	var entries struct {
		Items []struct {
			Action string
			Detail map[string]string
		}
	}
	ask(t, h, "GET", "/audit?limit=50", "", nil, &entries)
	reasons := map[string]int{}
	for _, e := range entries.Items {
		if e.Action == "packet.cut" {
			reasons[e.Detail["reason"]]++
		}
	}
	if reasons["why the pump stopped"] != 1 || reasons["a look"] != 2 {
		t.Errorf("the audit log says %v", reasons)
	}
}
