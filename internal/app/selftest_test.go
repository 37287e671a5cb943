package app

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// A self-test's whole way: unknown before, at target after the alert reached the
// inbox, broken when a detection is silent. Nothing of it enters the inventory.
func TestSelftestToTheInbox(t *testing.T) {
	ctx := t.Context()
	dir := t.TempDir()
	s, err := openServer(ctx, serverOptions{Data: Folder(dir), URL: Folder(dir).database()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	all := auth.Scope{All: true}
	e, err := s.org.CreateEntity(ctx, all, org.Entity{Name: "Nordvand"})
	if err != nil {
		t.Fatal(err)
	}
	site, err := s.org.CreateSite(ctx, all, org.Site{EntityID: e.ID, Name: "Hjemme"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	d := sensor.Delivery{SiteNo: site.No, RealmNo: 1, Source: "box-eth1", Name: "eth1 on box", Received: now}
	sum := &sensor.Summary{Sensor: "box-eth1", Epoch: "1", Seq: 1, From: now.Add(-time.Minute).UnixNano(), To: now.UnixNano(), Live: true, Health: sensor.Health{Packets: 1}}
	if _, err := s.ingest.take(ctx, d, sum); err != nil {
		t.Fatal(err)
	}
	status := func() string {
		t.Helper()
		if _, err := s.comply.Evaluate(ctx, time.Now()); err != nil {
			t.Fatal(err)
		}
		var out string
		err := s.db.View(ctx, func(r store.Reader) (err error) {
			out, err = store.One[string](ctx, r, "SELECT status FROM comply_answer WHERE check_id = 'det.selftest' AND site_no = ?", site.No)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := status(); got != "unknown" {
		t.Errorf("before any test: %s", got)
	}
	// Nobody is there to be asked: the alert reaches nobody, and that is a failure.
	first, err := s.listening.Selftest(ctx, all, "box-eth1", "somebody")
	if err != nil || first.State != listen.TestFailed || !strings.Contains(first.Detail, "reached nobody") {
		t.Fatalf("%v, %+v", err, first)
	}
	if got := status(); got != "fail" {
		t.Errorf("an alert that reaches nobody: %s", got)
	}
	if _, err := s.auth.CreateUser(ctx, auth.User{Name: "Eva", Email: "eva@example.com", Role: auth.SiteOTLead, SeesAll: true}); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Millisecond) // the next test is newer, by the clock's resolution
	second, err := s.listening.Selftest(ctx, all, "box-eth1", "somebody")
	if err != nil || second.State != listen.TestPassed || second.Reached != 1 || len(second.Missing) > 0 {
		t.Fatalf("%v, %+v", err, second)
	}
	if got := status(); got != "pass" {
		t.Errorf("passed: %s", got)
	}
	var titles []string
	var stray int64
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		if titles, err = store.All[string](ctx, r, "SELECT title FROM inbox_item WHERE kind = 'selftest' AND done_at IS NULL"); err != nil {
			return err
		}
		stray, err = store.One[int64](ctx, r, "SELECT (SELECT COUNT(*) FROM network_event) + (SELECT COUNT(*) FROM network_conversation) + (SELECT COUNT(*) FROM asset_asset)")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(titles) != 1 || !strings.HasPrefix(titles[0], "TEST: A controller was told to stop") {
		t.Errorf("in the inbox: %q", titles)
	}
	if stray != 0 {
		t.Errorf("%d rows of the test stand among what the plant did", stray)
	}
	// A sensor whose detections are gone.
	s.sensor.Rules = nil
	time.Sleep(2 * time.Millisecond)
	third, err := s.listening.Selftest(ctx, all, "box-eth1", "somebody")
	if err != nil || third.State != listen.TestFailed || len(third.Missing) == 0 {
		t.Fatalf("%v, %+v", err, third)
	}
	if got := status(); got != "fail" {
		t.Errorf("silent detections: %s", got)
	}
	// Monthly by choice: one that was tested this month waits.
	if err := s.listening.PlanTests(ctx, all, "box-eth1", "somebody", true); err != nil {
		t.Fatal(err)
	}
	if err := s.listening.RunTests(ctx); err != nil {
		t.Fatal(err)
	}
	if tests, monthly, err := s.listening.Tests(ctx, all, "box-eth1"); err != nil || len(tests) != 3 || len(monthly) != 1 {
		t.Errorf("%v, %d tests, monthly %v", err, len(tests), monthly)
	}
}
