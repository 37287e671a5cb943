package app

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/sensor/sensortest"
	"go.uber.org/goleak"
)

// told is a log that a test can read while it is written.
type told struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *told) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *told) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// sensingServer has a site that has one OT zone, 10.0.0.0/24.
func sensingServer(t *testing.T, log *slog.Logger) (*server, org.Site) {
	t.Helper()
	folder := Folder(t.TempDir())
	s, err := openServer(t.Context(), serverOptions{Data: folder, URL: folder.database()}, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	return s, plantSite(t, s)
}

// plantSite makes a site that has one OT zone, 10.0.0.0/24.
func plantSite(t *testing.T, s *server) org.Site {
	t.Helper()
	all := auth.Scope{All: true}
	company, err := s.org.CreateEntity(t.Context(), all, org.Entity{Name: "Nordvand"})
	if err != nil {
		t.Fatal(err)
	}
	site, err := s.org.CreateSite(t.Context(), all, org.Site{EntityID: company.ID, Name: "Aarhus: north", TZ: "UTC"})
	if err != nil {
		t.Fatal(err)
	}
	zone, err := s.org.CreateZone(t.Context(), all, site.ID, org.Zone{Name: "Cell", Level: "1", OT: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.org.ReplaceSubnets(t.Context(), all, site.ID, []org.Prefix{{Prefix: "10.0.0.0/24", ZoneID: zone.ID}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.org.CreateRealm(t.Context(), all, site.ID, "Filling line"); err != nil {
		t.Fatal(err)
	}
	return site
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came: %s", what)
		}
	}
}

// The whole way: from the wire to the sources and the checks, with an interface
// that breaks its silence, vanishes and comes back.
func TestSense(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	leaks := goleak.IgnoreCurrent()
	log := &told{}
	s, site := sensingServer(t, slog.New(slog.NewTextHandler(log, nil)))
	sensortest.Wire(t)
	e, err := s.ear(t.Context(), "box", "mirror", "aarhus: NORTH")
	if err != nil || e.delivery.SiteNo != site.No || e.delivery.Source != "box-mirror-1" {
		t.Fatalf("%+v, %v", e, err)
	}
	e.every = time.Second
	if n := log.count("not silent"); n != 0 {
		t.Errorf("%d warnings of a port that is silent", n)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	here, err := s.openLocalEdge(t.Context(), "box", []centre.Local{{Iface: e.iface, SiteNo: site.No, RealmNo: e.delivery.RealmNo, Name: e.delivery.Name}})
	if err != nil {
		t.Fatal(err)
	}
	worked := make(chan error, 1)
	work, rest := context.WithCancel(t.Context())
	go func() { worked <- s.edges.Run(work) }()
	go func() { done <- s.listen(ctx, here, []ear{e}) }()
	all := auth.Scope{All: true}
	source := func() (x network.Source) {
		page, err := s.network.Sources(t.Context(), all, site.ID, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Items) > 0 {
			x = page.Items[0]
		}
		return x
	}
	verdict := func(check string) comply.Verdict {
		if _, err := s.comply.Evaluate(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		page, err := s.comply.Items(t.Context(), all, check, site.ID, "", "", 10)
		if err != nil || len(page.Items) != 1 {
			t.Fatalf("%s: %+v, %v", check, page, err)
		}
		return page.Items[0].Verdict
	}
	until(t, "a summary of silence", func() bool { return source().Live })
	silent := source().ReceivedAt
	until(t, "another one", func() bool { return source().ReceivedAt.After(silent.Time) })

	plant := sensortest.NewSender(t, "plant")
	for range 20 {
		plant.Send(sensortest.UDP(30, 50000, 4000, []byte("hello")))
	}
	until(t, "the packets", func() bool { return source().Packets == 20 })
	for check, want := range map[string]comply.Verdict{"mon.zones": comply.Pass, "mon.tx": comply.Pass, "mon.passive": comply.Pass} {
		if got := verdict(check); got != want {
			t.Errorf("%s is %s, want %s", check, got, want)
		}
	}
	if x := source(); x.Transmitted != 0 || x.Dropped != 0 || x.Kind != network.KindSensor || x.Name != "mirror on box" || x.Ended {
		t.Errorf("%+v", x)
	}

	sensortest.NewSender(t, "mirror").Send(sensortest.UDP(0, 1, 2, nil))
	until(t, "the frame that we sent", func() bool { return source().Transmitted == 1 })
	for _, check := range []string{"mon.tx", "mon.passive"} {
		if got := verdict(check); got != comply.Fail {
			t.Errorf("%s is %s though the interface sent", check, got)
		}
	}

	sensortest.IP(t, "link del mirror")
	until(t, "why it stopped", func() bool { return strings.Contains(source().Cut, "no network interface mirror") })
	time.Sleep(retryFirst * 5 / 2) // several tries, told once
	if n := log.count("nothing is heard"); n != 1 {
		t.Errorf("told %d times that the interface is gone", n)
	}
	sensortest.Wire(t)
	until(t, "listening again", func() bool { return log.count("msg=listening") == 2 })
	sensortest.NewSender(t, "plant").Send(sensortest.UDP(30, 50000, 4000, []byte("hello")))
	until(t, "the packet after it came back", func() bool { x := source(); return x.Packets == 21 && x.Cut == "" })

	// What was heard in the interval that the stop cuts short is not lost.
	sensortest.NewSender(t, "plant").Send(sensortest.UDP(30, 50000, 4000, []byte("hello")))
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	stop()
	if err := <-done; err != nil || time.Since(began) > time.Second {
		t.Errorf("stopped with %v after %s", err, time.Since(began))
	}
	if x := source(); x.Packets != 22 || !x.Ended {
		t.Errorf("after the end: %d packets, ended %v", x.Packets, x.Ended)
	}
	rest()
	if err := <-worked; err != nil {
		t.Error(err)
	}
	_ = s.close()
	goleak.VerifyNone(t, leaks)
}

// What --sense says when it cannot be.
func TestSenseFlag(t *testing.T) {
	s, site := sensingServer(t, slog.New(slog.DiscardHandler))
	for place, want := range map[string]string{
		"Aarhus: north": "Default", site.ID: "Default", "aarhus: north:filling line": "Filling line", site.ID + ":Filling line": "Filling line",
	} {
		at, realm, err := s.place(t.Context(), place)
		if err != nil || at.No != site.No || want == "Default" != realm.Default || want != "Default" && realm.Name != want {
			t.Errorf("%s: %+v, %+v, %v", place, at, realm, err)
		}
	}
	for flag, want := range map[string]string{
		"eth1": "IFACE=SITE", "=Aarhus": "IFACE=SITE", "eth1=": "IFACE=SITE", "eth1=Aalborg": "sites: Aarhus: north",
		"eth1=Aarhus: north:Cellar": "it has:", "eth1=Aarhus: north:": "there is no site", "eth1=Aarhus: northern": "there is no site",
	} {
		if _, err := s.ears(t.Context(), []string{flag}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", flag, err, want)
		}
	}
	twice := []string{"nowhere0=" + site.ID, "nowhere0=" + site.ID}
	if _, err := s.ears(t.Context(), twice); err == nil || !strings.Contains(err.Error(), "listened to already") {
		t.Errorf("%s: %v", twice, err)
	}
}
