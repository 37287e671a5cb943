package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/record/clamd/clamdtest"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// hears reads a capture with what the server's own sensors run, and takes it in as live.
func hears(t *testing.T, s *server, site org.Site, seq uint64, frames ...[]byte) *sensor.Summary {
	t.Helper()
	f, err := os.Open(capture(t, frames...))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	src, err := sensor.Read(f, "recorded", size.Size())
	if err != nil {
		t.Fatal(err)
	}
	cfg := s.sensing()
	cfg.Sensor, cfg.Epoch, cfg.Live = "box", fmt.Sprint(seq), true
	var all sensor.Gathering
	if err := sensor.Run(t.Context(), src, cfg, func(sum *sensor.Summary) error {
		all.Add(sum)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	sum := all.Sum()
	if _, err := s.ingest.take(t.Context(), sensor.Delivery{SiteNo: site.No, RealmNo: 1, Source: "box", Name: "box", Received: time.Now()}, sum); err != nil {
		t.Fatal(err)
	}
	return sum
}

// download is a file that 10.0.0.1 fetches from 10.0.0.2 by HTTP.
func download(port uint16, path, body string) [][]byte {
	ask := "GET " + path + " HTTP/1.1\r\nHost: files.example\r\n\r\n"
	answer := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	return [][]byte{segment(1, 2, port, 80, 1, []byte(ask)), segment(2, 1, 80, port, 1, []byte(answer))}
}

type raisedRow struct {
	Rule     string `db:"rule"`
	Severity string `db:"severity"`
	Facts    string `db:"facts"`
	Server   string `db:"server_ip"`
	Packets  string `db:"packets"`
}

func raised(t *testing.T, s *server, ids ...string) (out []raisedRow) {
	t.Helper()
	if err := s.db.View(t.Context(), func(r store.Reader) (err error) {
		out, err = store.All[raisedRow](t.Context(), r, "SELECT rule, severity, facts, server_ip, packets FROM detect_alert WHERE rule IN (?) ORDER BY rule, alert_id", ids)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// An address and a file that others call bad are found in what is heard, with the source
// named; what ended, and what was removed, is not.
func TestIndicators(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	s, err := openServer(t.Context(), serverOptions{Data: Folder(dir), URL: Folder(dir).database(), Clock: func() time.Time { return now }}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	site := plantSite(t, s)
	system := auth.System()
	h := s.router(&system).Handler()
	malice := strings.Repeat("malice ", 30)
	sum := sha256.Sum256([]byte(malice))
	if hears(t, s, site, 1, download(40001, "/setup.bin", malice)...); len(raised(t, s, "indicator-file", "indicator-domain")) != 0 {
		t.Error("something is found before anybody said what to look for")
	}
	var made struct{ ID string }
	body := map[string]any{"name": "Sector CERT", "days": 30, "text": hex.EncodeToString(sum[:]) + " the loader\nfiles.example their host\n"}
	if code, raw := ask(t, h, "POST", "/indicator-sources", "", body, &made); code != http.StatusCreated || made.ID == "" {
		t.Fatalf("%d %s", code, raw)
	}
	told := hears(t, s, site, 2, download(40002, "/setup.bin?token=secret", malice)...)
	if len(told.Programs) != 1 || len(told.Programs[0].Content) != 0 || strings.Contains(told.Programs[0].Name, "secret") {
		t.Errorf("of a file that is only hashed this is told: %+v", told.Programs)
	}
	got := raised(t, s, "indicator-file", "indicator-domain")
	if len(got) != 2 || got[0].Rule != "indicator-domain" || !strings.Contains(got[1].Facts, "Sector CERT") || !strings.Contains(got[1].Facts, "the loader") || !strings.Contains(got[1].Facts, "/setup.bin") || !strings.Contains(got[1].Packets, `"number":`) && got[1].Packets == "[]" {
		t.Fatalf("%+v", got)
	}
	var page rest.Page[detect.Indicator]
	if ask(t, h, "GET", "/indicators", "", nil, &page); len(page.Items) != 2 || page.Items[0].Hits != 1 || page.Items[0].Source != "Sector CERT" {
		t.Errorf("%+v", page)
	}
	kept := 0
	if err := s.db.View(t.Context(), func(r store.Reader) error {
		n, err := store.One[int64](t.Context(), r, "SELECT COUNT(*) FROM network_program")
		kept = int(n)
		return err
	}); err != nil || kept != 0 {
		t.Errorf("%d files that passed are kept; %v", kept, err)
	}
	now = now.AddDate(0, 0, 31)
	if err := s.detect.LoadIndicators(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.detect.WantsFiles() {
		t.Error("what ended is looked for")
	}
	if code, raw := ask(t, h, "DELETE", "/indicator-sources/"+made.ID, "", nil, nil); code != http.StatusNoContent {
		t.Errorf("%d %s", code, raw)
	}
}

// A file that passes by is shown to a real clamd, raised with its packet when that knows
// it, and kept by nobody.
func TestPassingFileIsScanned(t *testing.T) {
	dir := t.TempDir()
	address, _ := clamdtest.Start(t, t.TempDir())
	s, err := openServer(t.Context(), serverOptions{Data: Folder(dir), URL: Folder(dir).database(), Clamd: address}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	site := plantSite(t, s)
	hears(t, s, site, 1, download(40001, "/tools/good.exe", "nothing bad")...)
	if got := raised(t, s, "file-malware"); len(got) != 0 {
		t.Errorf("a good file: %+v", got)
	}
	hears(t, s, site, 2, download(40002, "/tools/update.exe", clamdtest.EICAR())...)
	got := raised(t, s, "file-malware")
	if len(got) != 1 || got[0].Severity != "critical" || !strings.Contains(got[0].Facts, "Eicar") || !strings.Contains(got[0].Facts, "/tools/update.exe") {
		t.Fatalf("%+v", got)
	}
	var refs []json.RawMessage
	if err := json.Unmarshal([]byte(got[0].Packets), &refs); err != nil || len(refs) != 1 {
		t.Errorf("the proof is %s", got[0].Packets)
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*"))
	for _, f := range left {
		if raw, err := os.ReadFile(f); err == nil && strings.Contains(string(raw), "ANTIVIRUS-TEST") {
			t.Errorf("%s holds the file", f)
		}
	}
}
