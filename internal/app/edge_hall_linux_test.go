package app

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/listen"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor/sensortest"
	"github.com/skanse/skanse/internal/store"
)

// farHall is a centre and a machine at another site that listens at the mirror port
// and speaks to it over its own connection.
type farHall struct {
	s      *server
	site   org.Site
	node   *edgeNode
	h      http.Handler
	all    auth.Scope
	edgeID string
	dir    string // of the machine
	ctx    context.Context

	stop         context.CancelFunc
	link         *box.Dialled
	outbox       *box.Outbox
	worked, done chan error
}

// newFarHall starts both, in a namespace with a mirror port.
func newFarHall(t *testing.T, log *told) *farHall {
	t.Helper()
	folder := Folder(t.TempDir())
	if err := os.MkdirAll(folder.detections(), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder.detections(), "look.yaml"), []byte(ownRule), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := openServer(t.Context(), serverOptions{Data: folder, URL: folder.database()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	f := &farHall{s: s, site: plantSite(t, s), all: auth.Scope{All: true}, dir: t.TempDir(), worked: make(chan error, 1), done: make(chan error, 1)}
	serveEdgesHere(t, s)
	f.ctx, f.stop = context.WithCancel(t.Context())
	go func() { f.worked <- s.edges.Run(f.ctx) }()

	_, token, err := s.edges.MakeToken(t.Context(), f.all, centre.NewToken{Name: "Hall 3", SiteIDs: []string{f.site.ID}, By: "anna"})
	if err != nil {
		t.Fatal(err)
	}
	outbox, id, err := openEdge(t.Context(), f.dir)
	if err != nil {
		t.Fatal(err)
	}
	f.outbox = outbox
	if err := id.Enrol(t.Context(), token.String(), "box", "test"); err != nil {
		t.Fatal(err)
	}
	c := edge.DefaultConfig()
	c.IntervalSeconds = 1
	c.Interfaces = []edge.Interface{{Name: "mirror", SiteID: f.site.ID}}
	f.edgeID = outbox.ID().String()
	if err := s.edges.Configure(t.Context(), f.all, f.edgeID, func(int64) error { return nil }, c, "anna"); err != nil {
		t.Fatal(err)
	}
	shipped, err := shippedRules()
	if err != nil {
		t.Fatal(err)
	}
	elog := slog.New(slog.NewTextHandler(log, nil))
	cfg, err := sensorConfig("", elog, shipped)
	if err != nil {
		t.Fatal(err)
	}
	node := newEdgeNode(elog, cfg, bundle(shipped).Hash, outbox, "box", f.dir)
	if node.ringKey, err = id.Secret("packet ring"); err != nil {
		t.Fatal(err)
	}
	f.link = box.Dial(id, elog)
	node.box = box.New(box.Config{Outbox: outbox, Link: f.link, Log: elog, Health: node.health, Apply: node.apply, Rules: node.takeRules, Order: node.order, Key: id.Centre, Every: 5 * time.Second})
	f.node = node
	go func() { f.done <- node.serve(f.ctx, node.box.Run) }()
	system := auth.System()
	f.h = s.router(&system).Handler()
	return f
}

// leave switches the machine off.
func (f *farHall) leave(t *testing.T) {
	t.Helper()
	f.stop()
	if err := <-f.done; err != nil {
		t.Error(err)
	}
	if err := <-f.worked; err != nil {
		t.Error(err)
	}
	f.link.Close()
	if err := f.outbox.Close(); err != nil {
		t.Error(err)
	}
}

// A self-test that the centre asks of a machine at another site is played there, its
// alert arrives in the inbox marked TEST and the check is at target; without its
// detections it is red, and so it is when the machine does not answer.
func TestFarSelftest(t *testing.T) {
	if !sensortest.InNamespace(t) {
		return
	}
	sensortest.IP(t, "link set lo up")
	sensortest.Wire(t)
	f := newFarHall(t, &told{})
	s, ctx := f.s, t.Context()
	if _, err := s.auth.CreateUser(ctx, auth.User{Name: "Eva", Email: "eva@example.com", Role: auth.SiteOTLead, SeesAll: true}); err != nil {
		t.Fatal(err)
	}
	var x listen.Interface
	until(t, "the interface", func() bool {
		var page struct{ Items []listen.Interface }
		code, _ := ask(t, f.h, "GET", "/listening?site="+f.site.ID, "", nil, &page)
		if code == 200 && len(page.Items) == 1 {
			x = page.Items[0]
		}
		return x.Reach && x.Away
	})
	plant := sensortest.NewSender(t, "plant") // the interface is live once it has heard something
	plant.Send(modbusAsk(0))
	plantHeard := func() (n int64) {
		if err := s.db.View(ctx, func(r store.Reader) (err error) {
			n, err = store.One[int64](ctx, r, "SELECT COUNT(*) FROM network_source WHERE site_no = ? AND live", f.site.No)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	until(t, "a live sensor", func() bool { return plantHeard() == 1 })
	until(t, "the centre's bundle", func() bool {
		var e centre.Edge
		ask(t, f.h, "GET", "/edges/"+f.edgeID, "", nil, &e)
		return e.RulesWanted != "" && e.Health.Rules.Bundle == e.RulesWanted
	})
	status := func() (out string) {
		t.Helper()
		if _, err := s.comply.Evaluate(ctx, time.Now()); err != nil {
			t.Fatal(err)
		}
		if err := s.db.View(ctx, func(r store.Reader) (err error) {
			out, err = store.One[string](ctx, r, "SELECT status FROM comply_answer WHERE check_id = 'det.selftest' AND site_no = ?", f.site.No)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return out
	}
	open := func(kind string) (titles []string) {
		t.Helper()
		if err := s.db.View(ctx, func(r store.Reader) (err error) {
			titles, err = store.All[string](ctx, r, "SELECT title FROM inbox_item WHERE kind = ? AND done_at IS NULL", kind)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return titles
	}
	test := func() (got listen.Test) {
		t.Helper()
		var asked listen.Test
		if code, raw := ask(t, f.h, "POST", "/listening/"+x.ID+"/selftest", "", map[string]any{}, &asked); code >= 300 || asked.State != listen.TestRunning {
			t.Fatalf("%d %s", code, raw)
		}
		return asked
	}
	answered := func(asked listen.Test) (got listen.Test) {
		until(t, "the answer", func() bool {
			var list struct{ Items []listen.Test }
			ask(t, f.h, "GET", "/selftests?source="+x.ID, "", nil, &list)
			for _, one := range list.Items {
				if one.ID == asked.ID {
					got = one
				}
			}
			return got.ID != "" && got.State != listen.TestRunning
		})
		return got
	}
	if got := status(); got != "unknown" {
		t.Errorf("before any test: %s", got)
	}
	sent := func() (n uint64) { // what the mirror port has sent: nothing, before and after
		var page struct{ Items []listen.Interface }
		ask(t, f.h, "GET", "/listening?site="+f.site.ID, "", nil, &page)
		return uint64(page.Items[0].Transmitted)
	}
	before := sent()
	if got := answered(test()); got.State != listen.TestPassed || got.Reached != 1 || len(got.Missing) > 0 || got.RuleSet == "" {
		t.Fatalf("%+v", got)
	}
	if titles := open("selftest"); len(titles) != 1 || !strings.HasPrefix(titles[0], "TEST: ") {
		t.Errorf("in the inbox: %q", titles)
	}
	if got := status(); got != "pass" {
		t.Errorf("passed: %s", got)
	}
	if after := sent(); after != before || before != 0 {
		t.Errorf("the mirror port sent %d frames", after)
	}

	// The pipe is broken at the far end: its detections are gone.
	none, err := rule.Compile(nil, f.node.cfg.Protocols, f.node.cfg.Protocols.Len())
	if err != nil {
		t.Fatal(err)
	}
	f.node.mu.Lock()
	rules := f.node.cfg.Rules
	f.node.cfg.Rules = none
	f.node.mu.Unlock()
	if got := answered(test()); got.State != listen.TestFailed || len(got.Missing) == 0 {
		t.Errorf("%+v", got)
	}
	if got := status(); got != "fail" {
		t.Errorf("silent detections: %s", got)
	}
	if titles := open("selftest-failed"); len(titles) != 1 {
		t.Errorf("in the inbox: %q", titles)
	}
	f.node.mu.Lock()
	f.node.cfg.Rules = rules
	f.node.mu.Unlock()
	if got := answered(test()); got.State != listen.TestPassed || len(open("selftest-failed")) != 0 {
		t.Errorf("%+v", got)
	}
	if got := status(); got != "pass" {
		t.Errorf("mended: %s", got)
	}

	// The machine is off: the question waits, and at its time it has failed.
	f.leave(t)
	late := test()
	if err := s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, "UPDATE listen_selftest SET until_at = ? WHERE test_id = ?", store.At(time.Now().Add(-time.Second)), late.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.listening.RunTests(ctx); err != nil {
		t.Fatal(err)
	}
	if got := answered(late); got.State != listen.TestFailed || !strings.Contains(got.Detail, "did not answer") {
		t.Errorf("%+v", got)
	}
	if got := status(); got != "fail" {
		t.Errorf("nobody answers: %s", got)
	}
}
