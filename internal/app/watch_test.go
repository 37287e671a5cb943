package app

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/demo"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// watched is a running server with a brewery, asked as a browser asks it.
type watched struct {
	*testing.T
	s    *server
	b    *demo.Brewery
	base string
}

func openWatched(t *testing.T) *watched {
	t.Helper()
	folder := Folder(t.TempDir())
	s, err := openServer(t.Context(), serverOptions{Data: folder, URL: folder.database(), Demo: true, CaptureQuota: 1 << 30}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{T: t, s: s, b: demo.NewBrewery(3, 30*time.Minute)}
	if err := (&demo.Company{Name: "Bryggeriet", Profile: "important", Sites: []*demo.Site{w.b.Site}}).Seed(t.Context(), s.db, s.org); err != nil {
		t.Fatal(err)
	}
	visitor := auth.System()
	visitor.Name = "Ida"
	srv := httptest.NewServer(s.router(&visitor).Handler())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.work(ctx) }()
	t.Cleanup(func() {
		srv.CloseClientConnections()
		cancel()
		<-done
		srv.Close()
		_ = s.close()
	})
	w.base = srv.URL + "/api/v1"
	return w
}

// do asks and reads the answer into out; it gives the ETag.
func (w *watched) do(method, path string, body, out any, header ...string) string {
	w.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		in = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(b)
		if err != nil {
			w.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	q, err := http.NewRequestWithContext(w.Context(), method, w.base+path, in)
	if err != nil {
		w.Fatal(err)
	}
	if _, raw := body.([]byte); body != nil && !raw {
		q.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		w.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, raw, err)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			w.Fatalf("%s %s: %v in %s", method, path, err, raw)
		}
	}
	return res.Header.Get("ETag")
}

// give uploads what is heard between two times as a capture, and waits until it is read.
func (w *watched) give(name string, from, to, present time.Time) {
	w.Helper()
	b := []byte{0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0}
	src := w.b.Site.NewSource(w.Context(), from, to, present, false)
	for {
		var p sensor.Packet
		if err := src.Next(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			w.Fatal(err)
		}
		for _, n := range []int64{p.At / 1e9, p.At % 1e9 / 1000, int64(len(p.Data)), int64(len(p.Data))} {
			b = binary.LittleEndian.AppendUint32(b, uint32(n))
		}
		b = append(b, p.Data...)
	}
	var c struct{ ID, State string }
	w.do("POST", "/captures?site="+w.b.Site.ID+"&name="+name, b, &c)
	for end := time.Now().Add(time.Minute); c.State != "done"; time.Sleep(20 * time.Millisecond) {
		if w.do("GET", "/captures/"+c.ID, nil, &c); c.State == "failed" || time.Now().After(end) {
			w.Fatalf("the capture %s is %s", name, c.State)
		}
	}
}

type shownAlert struct {
	ID, Rule, State, Title, Outcome string
	Armed                           int
	Client, Server                  struct{ Asset, IP string }
	Story                           struct{ Why, First string }
}

// calls lists alerts of the baseline in any state.
func (w *watched) calls() []shownAlert {
	w.Helper()
	var page struct{ Items []shownAlert }
	w.do("GET", "/alerts?state=all&limit=500", nil, &page)
	var out []shownAlert
	for _, a := range page.Items {
		if strings.HasPrefix(a.Rule, "baseline.") {
			out = append(out, a)
		}
	}
	return out
}

// The whole way of a user, through the API: a capture is learned, its groups are approved,
// the zones protect; a conversation that was never heard calls, is understood, explained,
// and the same a week later is silent.
func TestWatchFromCaptureToSilence(t *testing.T) {
	w := openWatched(t)
	present := time.Now().Add(-time.Hour).Truncate(time.Hour)
	monday := present.Add(-6*24*time.Hour - 2*time.Hour) // the weekly copy, heard once
	w.give("learned", monday.Add(-26*time.Hour), monday.Add(-2*time.Hour), present)
	if got := w.calls(); len(got) != 0 {
		t.Fatalf("while it learned %+v called", got)
	}
	var groups struct {
		Items []struct{ ID, Does, Verdict string }
	}
	w.do("GET", "/baseline/groups?verdict=undecided&limit=500&site="+w.b.Site.ID, nil, &groups)
	if len(groups.Items) < 10 || len(groups.Items) > 90 {
		t.Fatalf("%d groups to review", len(groups.Items))
	}
	var ids []string
	for _, g := range groups.Items {
		ids = append(ids, g.ID)
	}
	var decided struct{ Talks, Functions int }
	w.do("POST", "/baseline/decisions", map[string]any{"groups": ids, "verdict": "approved", "reason": "the brewery as it runs"}, &decided)
	if decided.Talks < 100 || decided.Functions < 50 {
		t.Fatalf("approved %+v", decided)
	}
	type zone struct {
		ZoneID string `json:"zone_id"`
		State  string
		Phase  string
		ETag   string
	}
	var zones struct{ Items []zone }
	w.do("GET", "/sites/"+w.b.Site.ID+"/baselines", nil, &zones)
	for _, z := range zones.Items {
		var now zone
		if w.do("PUT", "/sites/"+w.b.Site.ID+"/baselines/"+z.ZoneID+"/"+z.State, map[string]any{"phase": "protecting"}, &now, "If-Match", z.ETag); now.Phase != "protecting" {
			t.Fatalf("%+v does not protect", now)
		}
	}

	w.give("usual", monday.Add(-2*time.Hour), monday.Add(-time.Minute), present)
	if got := w.calls(); len(got) != 0 {
		t.Fatalf("the usual called: %+v", got)
	}
	w.give("something", monday.Add(-time.Minute), monday.Add(time.Hour), present)
	got := w.calls()
	if len(got) != 1 || got[0].Rule != "baseline.new-conversation" || got[0].State != "new" {
		t.Fatalf("a new conversation: %+v", got)
	}
	var a shownAlert
	etag := w.do("GET", "/alerts/"+got[0].ID, nil, &a)
	if a.Client.Asset != "ODN-HIST1" || a.Server.IP != "10.50.30.14" || a.Story.Why == "" || a.Story.First == "" {
		t.Fatalf("what a person reads: %+v", a)
	}
	w.do("PATCH", "/alerts/"+a.ID, map[string]any{"action": "explain", "reason": "the weekly copy of the historian"}, nil, "If-Match", etag)
	w.do("GET", "/baseline/groups?verdict=new&site="+w.b.Site.ID, nil, &groups)
	if len(groups.Items) != 1 {
		t.Fatalf("new groups %+v", groups.Items)
	}
	w.do("POST", "/baseline/decisions", map[string]any{"groups": []string{groups.Items[0].ID}, "of": "new", "verdict": "approved", "reason": "the weekly copy"}, &decided)
	if decided.Talks != 1 {
		t.Fatalf("approved %+v", decided)
	}
	later := present.Add(-30 * time.Minute) // the same episode, another day
	w.give("again", monday.Add(29*time.Minute), monday.Add(90*time.Minute), later)
	if got := w.calls(); len(got) != 1 || got[0].Armed != 1 || got[0].State == "new" {
		t.Errorf("explained and approved, it calls again: %+v", got)
	}
}

// How long an alert takes from its summary's arrival to the page: the browser is told by
// the stream that it holds open, and asks for the list. The figure is for docs/measured.md;
// the limit only finds a stream that does not work.
func TestAlertReachesThePage(t *testing.T) {
	w := openWatched(t)
	q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.base+"/notices/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	told := make(chan struct{}, 64)
	go func() {
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if lines.Text() == "event: alerts" {
				told <- struct{}{}
			}
		}
	}()
	// A program download, as the sensor tells it.
	var sum *sensor.Summary
	present := time.Now().Truncate(time.Second)
	at := present.Add(-3*24*time.Hour - 7*time.Hour)
	src := w.b.Site.NewSource(t.Context(), at.Add(-time.Minute), at.Add(time.Minute), present, false)
	if err := sensor.Run(t.Context(), src, w.b.Site.Config(w.s.sensor, at, time.Hour), func(s *sensor.Summary) error {
		sum = s
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	sum.Sent = time.Now().UnixNano()
	var page struct{ Items []shownAlert }
	began := time.Now()
	if _, err := w.s.ingest.take(t.Context(), w.b.Site.Delivery(began), sum); err != nil {
		t.Fatal(err)
	}
	taken := time.Since(began)
	for end := time.After(20 * time.Second); len(page.Items) == 0; {
		select {
		case <-told:
			w.do("GET", "/alerts", nil, &page)
		case <-end:
			t.Fatal("the page was not told of an alert within 20 s")
		}
	}
	t.Logf("an alert stands on the page %d ms after its summary arrived, of which %d ms take it in", time.Since(began).Milliseconds(), taken.Milliseconds())
}

// skanse conduits export writes what was decided, beside a running server, as a table and
// as nftables; it says which site it wants where there are several.
func TestConduitsExport(t *testing.T) {
	w := openWatched(t)
	var zones struct {
		Items []struct{ ID, Name string }
	}
	w.do("GET", "/sites/"+w.b.Site.ID+"/zones", nil, &zones)
	id := map[string]string{}
	for _, z := range zones.Items {
		id[z.Name] = z.ID
	}
	w.do("POST", "/sites/"+w.b.Site.ID+"/conduits", map[string]any{
		"from_id": id["SCADA"], "to_id": id["Line 1"], "transport": "tcp", "port": 502, "protocol": "modbus", "classes": []string{"read"}, "allow": true, "reason": "the panels", "owner": "Ida",
	}, nil)
	run := func(c ConduitsExportCmd) (string, error) {
		var out bytes.Buffer
		c.Data = string(w.s.opts.Data)
		err := c.Run(&Env{Ctx: t.Context(), Stdout: &out, Stderr: &out})
		return out.String(), err
	}
	table, err := run(ConduitsExportCmd{Site: "Odense"})
	if err != nil || !strings.Contains(table, "the panels") || !strings.Contains(table, "Line 1") {
		t.Errorf("the table: %v\n%s", err, table)
	}
	file := filepath.Join(t.TempDir(), "conduits.nft")
	if out, err := run(ConduitsExportCmd{NFT: true, Out: file}); err != nil || out != "" {
		t.Fatalf("to a file: %v %s", err, out)
	}
	rules, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(rules), "10.50.20.0-10.50.20.255") || !strings.Contains(string(rules), "dport 502") {
		t.Errorf("the rules: %v\n%s", err, rules)
	}
	if _, err := run(ConduitsExportCmd{Site: "Nowhere"}); ot.CodeOf(err) != ot.NotFound {
		t.Errorf("a site that there is not: %v", err)
	}
	if _, err := run(ConduitsExportCmd{NFT: true, Out: filepath.Join(file, "x")}); ot.CodeOf(err) != ot.Invalid {
		t.Errorf("a file that cannot be written: %v", err)
	}
	if err := w.s.db.Update(t.Context(), func(tx *store.Tx) error {
		e, err := w.s.org.AddEntity(t.Context(), tx, org.Entity{Name: "Other"})
		if err == nil {
			_, err = w.s.org.AddSite(t.Context(), tx, org.Site{EntityID: e.ID, Name: "Second", TZ: "UTC"})
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := run(ConduitsExportCmd{}); ot.CodeOf(err) != ot.Invalid {
		t.Errorf("which of two sites: %v", err)
	}
}
