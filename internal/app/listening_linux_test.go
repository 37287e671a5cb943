package app

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/sensortest"
	"github.com/skanse/skanse/internal/store"
)

// ask makes a request of the API as the program itself.
func ask(t *testing.T, h http.Handler, method, path, etag string, body any, out any) (int, []byte) {
	t.Helper()
	var in io.Reader = http.NoBody
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	r := httptest.NewRequest(method, rest.Prefix+path, in)
	r.Host = "localhost"
	r.Header.Set("Content-Type", "application/json")
	if etag != "" {
		r.Header.Set("If-Match", etag)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if out != nil {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	}
	return w.Code, w.Body.Bytes()
}

// modbusAsk is a request of a station, in a TCP stream of its own.
func modbusAsk(n int) []byte {
	f := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 52, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0xc3, 0x50, 1, 0xf6}
	f = binary.BigEndian.AppendUint32(f, uint32(1000+12*n))
	f = append(f, 0, 0, 0, 1, 0x50, 0x18, 16, 0, 0, 0, 0, 0)
	return append(f, byte(n>>8), byte(n), 0, 0, 0, 6, 1, 3, 0, 0, 0, 10)
}

// The whole way of the page: an interface is seen, judged, given a filter, its
// packets are cut with a reason and opened from a proof, and a frame that it sends
// asks somebody at once.
func TestListening(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	s, site := sensingServer(t, slog.New(slog.NewTextHandler(t.Output(), nil)))
	sensortest.Wire(t)
	e, err := s.ear(t.Context(), "box", "mirror", "aarhus: NORTH")
	if err != nil {
		t.Fatal(err)
	}
	e.every = time.Second
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- hearing{log: s.log, cfg: func() sensor.Config { return s.sensor }, emit: func(ctx context.Context, sum *sensor.Summary) error {
			d := e.delivery
			d.Received = time.Now()
			_, err := s.ingest.take(ctx, d, sum)
			return err
		}}.sense(ctx, e)
	}()
	system := auth.System()
	h := s.router(&system).Handler()
	look := func() (x listen.Interface) {
		var page struct{ Items []listen.Interface }
		if code, raw := ask(t, h, "GET", "/listening?site="+site.ID, "", nil, &page); code != 200 || len(page.Items) != 1 {
			t.Fatalf("%d %s", code, raw)
		}
		return page.Items[0]
	}
	until(t, "the interface", func() bool { x := look(); return x.Reach && x.Port != nil && x.Ring != nil })
	if x := look(); !x.Port.Silent || x.Transmitted != 0 || x.Sentences[0].ID != "early" || x.Settings.Ring != "memory" {
		t.Errorf("%+v", x)
	}
	plant := sensortest.NewSender(t, "plant")
	for n := range 100 {
		plant.Send(modbusAsk(n))
		plant.Send(sensortest.UDP(0, 50000, 4321, fmt.Appendf(nil, "office %d", n)))
	}
	until(t, "the packets", func() bool { x := look(); return x.Packets == 200 && x.Ring.Packets == 200 })

	// The filter, by the page: a wrong one is refused with its place, a good one is set in the kernel.
	var check listen.FilterCheck
	if ask(t, h, "GET", "/filter-check?text=port+http", "", nil, &check); check.OK || check.At != 5 {
		t.Errorf("%+v", check)
	}
	x := look()
	if code, raw := ask(t, h, "PATCH", "/listening/"+x.ID, x.ETag, map[string]any{"filter": "port http"}, nil); code != 422 || !strings.Contains(string(raw), "write the number") {
		t.Errorf("%d %s", code, raw)
	}
	if code, raw := ask(t, h, "PATCH", "/listening/"+x.ID, x.ETag, map[string]any{"filter": "tcp port 502"}, nil); code != 200 {
		t.Fatalf("%d %s", code, raw)
	}
	if code, _ := ask(t, h, "PATCH", "/listening/"+x.ID, x.ETag, map[string]any{"filter": ""}, nil); code != 412 {
		t.Errorf("an old version was changed: %d", code)
	}
	until(t, "the filter", func() bool { return look().Port.Filter == "tcp port 502" })
	for n := range 10 {
		plant.Send(modbusAsk(100 + n))
		plant.Send(sensortest.UDP(0, 50000, 4321, fmt.Appendf(nil, "office %d", n)))
	}
	until(t, "what passes the filter", func() bool { return look().Packets == 210 })

	// Cut: without a reason never, of an interface, and of a conversation.
	if code, _ := ask(t, h, "POST", "/cuts", "", map[string]any{"source": x.ID, "reason": ""}, nil); code != 422 {
		t.Errorf("without a reason: %d", code)
	}
	var cut listen.Cut
	if code, raw := ask(t, h, "POST", "/cuts", "", map[string]any{"source": x.ID, "reason": "why the pump stopped"}, &cut); code != 201 || cut.State != "ready" || cut.Packets != 210 || cut.Masked != 8 { // the first of a conversation that nobody recognised yet
		t.Fatalf("%d %s", code, raw)
	}
	code, file := ask(t, h, "GET", "/cuts/"+cut.ID+"/file", "", nil, nil)
	src, err := sensor.Read(bytes.NewReader(file), "cut", 0)
	if code != 200 || err != nil || !bytes.Contains(file, []byte("Why: why the pump stopped")) {
		t.Fatalf("%d, %v", code, err)
	}
	for n := range 210 {
		var p sensor.Packet
		if err := src.Next(&p); err != nil || p.Iface != "mirror" || n == 0 && !bytes.Equal(p.Data, modbusAsk(0)) {
			t.Fatalf("packet %d: %+v, %v", n, p, err)
		}
	}
	var talks struct {
		Items []struct {
			ID   string
			Port int
		}
	}
	ask(t, h, "GET", "/conversations?site="+site.ID, "", nil, &talks)
	for _, talk := range talks.Items {
		want := map[int]int64{502: 110, 4321: 100}[talk.Port]
		if code, raw := ask(t, h, "POST", "/cuts", "", map[string]any{"conversation": talk.ID, "reason": "a look"}, &cut); code != 201 || cut.Packets != want {
			t.Errorf("port %d: %d %s", talk.Port, code, raw)
		}
		// The packet behind the proof, and not one of another time with its number.
		var detail struct {
			Proof struct {
				Ref struct {
					Source string
					Number int
					Seen   string
				}
			}
		}
		ask(t, h, "GET", "/conversations/"+talk.ID, "", nil, &detail)
		ref := detail.Proof.Ref
		if code, raw := ask(t, h, "GET", fmt.Sprintf("/sources/%s/packets/%d?seen=%s", ref.Source, ref.Number, ref.Seen), "", nil, nil); code != 200 || !bytes.Contains(raw, []byte("0200000000010800")) {
			t.Errorf("packet %d: %d %s", ref.Number, code, raw)
		}
		for _, q := range []string{"?seen=2020-01-01T00:00:00Z", ""} {
			if code, raw := ask(t, h, "GET", fmt.Sprintf("/sources/%s/packets/%d%s", ref.Source, ref.Number, q), "", nil, nil); code != 404 || !bytes.Contains(raw, []byte("no longer kept")) {
				t.Errorf("another time%s: %d %s", q, code, raw)
			}
		}
	}
	if len(talks.Items) != 2 {
		t.Errorf("%d conversations", len(talks.Items))
	}
	var assets struct{ Items []struct{ ID string } }
	ask(t, h, "GET", "/assets?site="+site.ID, "", nil, &assets)
	if len(assets.Items) == 0 {
		t.Fatal("no assets")
	}
	if code, raw := ask(t, h, "POST", "/cuts", "", map[string]any{"asset": assets.Items[0].ID, "reason": "a look"}, &cut); code != 201 || cut.Packets == 0 {
		t.Errorf("of an asset: %d %s", code, raw)
	}
	var entries struct {
		Items []struct{ Action string }
	}
	ask(t, h, "GET", "/audit?limit=50", "", nil, &entries)
	said := map[string]int{}
	for _, x := range entries.Items {
		said[x.Action]++
	}
	if said["packet.cut"] != 4 || said["packet.read"] != 3 || said["listening.update"] != 1 {
		t.Errorf("the audit log says %v", said)
	}

	// A ring on disk, by the page; then none.
	for _, kind := range []string{"disk", "off"} {
		x = look()
		if code, raw := ask(t, h, "PATCH", "/listening/"+x.ID, x.ETag, map[string]any{"ring": kind}, nil); code != 200 {
			t.Fatalf("%d %s", code, raw)
		}
		until(t, "a ring: "+kind, func() bool {
			r := look().Ring
			return kind == "off" && r == nil || kind == "disk" && r != nil && r.Disk
		})
	}
	if code, raw := ask(t, h, "POST", "/cuts", "", map[string]any{"source": x.ID, "reason": "a look"}, &cut); code != 201 || cut.State != "empty" || !strings.Contains(cut.Detail, "keeps no packets") {
		t.Errorf("without a ring: %d %s", code, raw)
	}

	sensortest.NewSender(t, "mirror").Send(sensortest.UDP(0, 1, 2, nil))
	until(t, "the alarm", func() bool { return look().Transmitted == 1 })
	if x := look(); x.Sentences[0].ID != "sent" || x.Sentences[0].Weight != "alarm" {
		t.Errorf("%+v", x.Sentences)
	}
	var open []struct {
		Kind     string `db:"kind"`
		Severity int64  `db:"severity"`
	}
	if err := s.db.View(t.Context(), func(r store.Reader) (err error) {
		open, err = store.All[struct {
			Kind     string `db:"kind"`
			Severity int64  `db:"severity"`
		}](t.Context(), r, "SELECT kind, severity FROM inbox_item WHERE item_key = ? AND done_at IS NULL", "listen.sent:"+e.delivery.Source)
		return err
	}); err != nil || len(open) != 1 || open[0].Severity != int64(inbox.Now) {
		t.Errorf("%+v, %v", open, err)
	}
	var mirror struct{ Items []listen.Check }
	if ask(t, h, "GET", "/mirror-check?site="+site.ID, "", nil, &mirror); len(mirror.Items) != 1 || mirror.Items[0].Verdict != "alarm" {
		t.Errorf("%+v", mirror)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	s.endListening([]ear{e})
	if code, raw := ask(t, h, "POST", "/cuts", "", map[string]any{"source": x.ID, "reason": "a look"}, &cut); code != 201 || !strings.Contains(cut.Detail, "not within reach") {
		t.Errorf("after the end: %d %s", code, raw)
	}
}
