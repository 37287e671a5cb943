package app

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// nightStop is a rule as a person would write it.
const nightStop = `id: night-stop
title: A controller was stopped from the historian
why: The historian only reads.
severity: high
technique: T0858
on: message
mask: {classes: [control], dir: request}
when: client.ip == '10.20.3.9'
group: [client, server]
fires:
  steps: [{client: 10.20.3.9, message: {protocol: s7comm, kind: function, code: 0x29}}]
silent:
  steps: [{message: {protocol: s7comm, kind: function, code: 0x29}}]
`

// A rule is uploaded, says what it would have found in what was heard before, runs at once
// when it is turned on, here and at the edges, and is gone when it is removed.
func TestOwnRule(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	s, err := openServer(ctx, serverOptions{Data: Folder(dir), URL: Folder(dir).database()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	site := plantSite(t, s)
	system := auth.System()
	h := s.router(&system).Handler()
	do := func(method, path, etag string, body, out any) int {
		t.Helper()
		code, raw := ask(t, h, method, path, etag, body, nil)
		if out != nil {
			if err := json.Unmarshal(raw, out); err != nil {
				t.Fatalf("%s %s: %d %s", method, path, code, raw)
			}
		}
		return code
	}
	var seq uint64
	hear := func(client string) {
		t.Helper()
		seq++
		now := time.Now()
		end := func(ip string) ot.Host { return ot.Host{IP: netip.MustParseAddr(ip)} }
		ref := ot.PacketRef{Source: "box", Number: seq, Seen: now.UnixNano()}
		key := sensor.FlowKey{Client: end(client), Server: end("10.20.3.1"), Transport: "tcp", Port: 102, Protocol: "s7comm"}
		sum := &sensor.Summary{Sensor: "box", Epoch: "1", Seq: seq, From: now.Add(-time.Second).UnixNano(), To: now.UnixNano(), Live: true, Health: sensor.Health{Packets: 1}}
		sum.Flows = []sensor.FlowDelta{{Client: key.Client, Server: key.Server, ClientBy: sensor.BySYN, Transport: "tcp", Port: 102, Protocol: "s7comm", First: sum.From, Last: sum.To, Sessions: 1, ClientPackets: 1, FirstRef: ref}}
		e := sensor.Event{Flow: key, Ref: ref, Protocol: "s7comm", Kind: "function", Dir: "request", Code: 0x29, Name: "PLC Stop", Class: "control"}
		p, _ := s.sensor.Protocols.Lookup("s7comm")
		k, _ := s.sensor.Protocols.Kind(p, "function")
		m := ot.Message{Protocol: p, Kind: k, Code: 0x29, Dir: ot.Request, Class: ot.Control}
		for _, n := range s.sensing().Rules.Hit(&m, nil) { // as a sensor would
			e.Rules = append(e.Rules, s.sensing().Rules.Rule(n).ID)
		}
		sum.Events = []sensor.Event{e}
		for i := range 1000 { // what else is heard, more than is told again at once
			other := e
			other.Ref.Number, other.Code, other.Name, other.Class, other.Rules = uint64(1000*i), 0x1a, "Request download", "program_download", nil
			sum.Events = append(sum.Events, other)
		}
		if _, err := s.ingest.take(ctx, sensor.Delivery{SiteNo: site.No, RealmNo: 1, Source: "box", Name: "box", Received: now}, sum); err != nil {
			t.Fatal(err)
		}
	}
	alerts := func() (n int64) {
		if err := s.db.View(ctx, func(r store.Reader) (err error) {
			n, err = store.One[int64](ctx, r, "SELECT COUNT(*) FROM detect_alert WHERE rule = 'night-stop'")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 3 {
		hear("10.20.3.9")
	}
	hear("10.20.3.77")

	const path = "/detection-files"
	var c detect.Checked
	if code := do("POST", path+"/check", "", map[string]any{"name": "night.yaml", "text": strings.Replace(nightStop, "client.ip ==", "cleint.ip ==", 1)}, &c); code != http.StatusOK || len(c.Mistakes) != 1 || c.Mistakes[0].Line != 8 || !strings.Contains(c.Mistakes[0].Text, "client.ip") {
		t.Errorf("a misspelt name: %d %+v", code, c)
	}
	c = detect.Checked{}
	if code := do("POST", path+"/check", "", map[string]any{"name": "night.yaml", "text": nightStop}, &c); code != http.StatusOK || len(c.Mistakes) != 0 || len(c.Rules) != 1 {
		t.Fatalf("a rule in order: %d %+v", code, c)
	}
	w := c.Rules[0].Would
	if w == nil || w.Hits != 3 || w.Alerts != 1 || w.Basis != "events" || len(w.Sites) != 1 || w.Sites[0].SiteID != site.ID || len(w.First) != 1 || w.First[0].Client != "10.20.3.9" {
		t.Errorf("it would have found %+v, want 3 hits in one alert", w)
	}
	if alerts() != 0 {
		t.Error("a check raised something")
	}
	before := s.rules.bundle
	var f detect.OwnFile
	if code := do("PUT", path+"/night.yaml", "", map[string]any{"text": nightStop, "on": true, "reason": "Asked by the shift"}, &f); code != http.StatusOK || !f.On || f.ETag == "" {
		t.Fatalf("kept: %d %+v", code, f)
	}
	if s.rules.bundle == before || s.runningRules().Bundle != s.rules.bundle {
		t.Error("the bundle of edges is the old one")
	}
	hear("10.20.3.9")
	hear("10.20.3.77")
	if n := alerts(); n != 1 {
		t.Errorf("%d alerts, want 1", n)
	}
	var would detect.Would
	setting := map[string]any{"off": false, "severity": "", "threshold": 4, "zones": []string{}, "hosts": []string{}, "reason": "x"}
	if code := do("POST", "/sites/"+site.ID+"/detections/night-stop/try", "", setting, &would); code != http.StatusOK || would.Hits != 4 || would.Quiet != 3 || would.Alerts != 1 {
		t.Errorf("from four a day on: %d %+v", code, would)
	}
	setting["hosts"] = []string{"10.20.3.9"}
	if do("POST", "/sites/"+site.ID+"/detections/night-stop/try", "", setting, &would); would.Quiet != 4 || would.Alerts != 0 {
		t.Errorf("with that host excepted: %+v", would)
	}
	if code := do("PUT", path+"/night.yaml", "", map[string]any{"text": nightStop, "on": false, "reason": "x"}, nil); code != http.StatusPreconditionRequired {
		t.Errorf("without a version: %d", code)
	}
	if code := do("PUT", path+"/other.yaml", "", map[string]any{"text": nightStop, "on": false, "reason": "x"}, nil); code != http.StatusUnprocessableEntity && code != http.StatusBadRequest {
		t.Errorf("an id that is taken: %d", code)
	}
	if code := do("PUT", path+"/night.yaml", f.ETag, map[string]any{"text": nightStop, "on": false, "reason": "too loud"}, &f); code != http.StatusOK || s.sensing().Rules.Lookup("night-stop") != nil {
		t.Errorf("turned off: %d", code)
	}
	if code := do("PUT", path+"/night.yaml", f.ETag, map[string]any{"text": nightStop, "on": true, "reason": "again"}, &f); code != http.StatusOK || s.sensing().Rules.Lookup("night-stop") == nil {
		t.Errorf("turned on: %d", code)
	}
	// A start with it finds it; one whose folder has the same id goes on without.
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	reopen := func() {
		t.Helper()
		if s, err = openServer(ctx, serverOptions{Data: Folder(dir), URL: Folder(dir).database()}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
	}
	if reopen(); s.sensing().Rules.Lookup("night-stop") == nil || s.detect.Rules().Lookup("night-stop") == nil {
		t.Error("it was forgotten")
	}
	_ = s.close()
	if err := os.MkdirAll(Folder(dir).detections(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(Folder(dir).detections(), "mine.yaml"), []byte(nightStop), 0o600); err != nil {
		t.Fatal(err)
	}
	if reopen(); s.sensing().Rules.Lookup("night-stop") == nil || s.sensing().Rules.Lookup("controller-stop") == nil {
		t.Error("an id that stands twice stopped the others")
	}
	h = s.router(&system).Handler()
	if code := do("DELETE", path+"/night.yaml", f.ETag, nil, nil); code != http.StatusNoContent {
		t.Errorf("removed: %d", code)
	}
}
