package centre_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/box"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/store/storetest"
)

// copyDir copies an edge's folder, as an image of its disk would.
func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	names, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		b, err := os.ReadFile(filepath.Join(from, n.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, n.Name()), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// An edge whose disk was copied to a second machine: kept out whole until a person
// decides, then nothing that the right one told is lost or counted twice.
func TestClone(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	s.tell("one")
	s.must()
	id := s.out.ID().String()
	s.close()
	twin := copyDir(t, s.dir)

	s = openSite(t, s.dir, time.Now, nil)
	s.tell("two")
	s.must()
	copied := openSite(t, twin, time.Now, nil) // its start has the same number
	copied.tell("forged two")
	if err := copied.flush(); reason(err) != edge.ReasonQuarantined || !strings.Contains(err.Error(), "happened twice") {
		t.Fatalf("the copy: %v", err)
	}
	s.tell("three")
	if err := s.flush(); reason(err) != edge.ReasonQuarantined {
		t.Errorf("the original, while nobody knows which is which: %v", err)
	}
	if e := p.edge(id); e.State != centre.Quarantined || e.Why == "" {
		t.Errorf("%+v", e)
	}
	if got := p.open(); !slices.Contains(got, "edge-clone") {
		t.Errorf("the inbox asks %v", got)
	}
	p.exactly("one", "two")

	copied.close()
	if err := p.s.Release(t.Context(), all, id, "anna"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
	}
	s.tell("four")
	s.must()
	p.exactly("one", "two", "three", "four")
	if got := p.open(); slices.Contains(got, "edge-clone") {
		t.Errorf("the inbox still asks %v", got)
	}
}

// A copy that never says hello differs in what it tells.
func TestFork(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	s.tell("one")
	s.must()
	s.close()
	twin := copyDir(t, s.dir)
	s = openSite(t, s.dir, time.Now, nil)
	copied := openSite(t, twin, time.Now, nil)
	s.tell("two")
	copied.tell("another two")
	for i, x := range []*site{s, copied} {
		list, err := x.out.Next(t.Context(), 1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		_, err = x.link.Send(t.Context(), time.Now().UnixMicro(), list[0].Append(nil))
		if (i == 1) != (reason(err) == edge.ReasonQuarantined) {
			t.Errorf("machine %d: %v", i+1, err)
		}
	}
	p.exactly("one", "two")
}

// A machine without a clock: 1970 at every start. It enrols, renews and tells.
func TestNoClock(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	began := time.Now()
	wall := func() time.Time { return time.Unix(100, 0).Add(time.Since(began)) }
	dir := t.TempDir()
	s := openSite(t, dir, wall, nil)
	if err := s.id.Enrol(t.Context(), p.token(), "box", "1.0"); err != nil {
		t.Fatal(err)
	}
	s.tell("one")
	s.must()
	p.exactly("one")
	e := p.edge(s.out.ID().String())
	if e.SkewSeconds == nil || *e.SkewSeconds > -1e9 || !slices.Contains(p.open(), "edge-skew") {
		t.Errorf("its clock is shown as %v, the inbox asks %v", e.SkewSeconds, p.open())
	}
	if by := s.out.Clock().Mend(time.Unix(150, 0).UnixNano()); by < 50*365*24*time.Hour {
		t.Errorf("a packet of 1970 is moved by %s", by)
	}
	s.close()

	// 25 days later, after a power cut: 1970 again, and two thirds of the certificate are over.
	p.now = 25 * 24 * time.Hour
	began = time.Now()
	s = openSite(t, dir, wall, nil)
	before := s.id.Until()
	s.tell("two")
	s.must() // learns what time it is
	s.must() // and renews
	if !s.id.Until().After(before.Add(20 * 24 * time.Hour)) {
		t.Errorf("the certificate was good until %s and is until %s", before, s.id.Until())
	}
	p.exactly("one", "two")
}

// A certificate that ended is good for one thing: a new one of the same key, within 90 days.
func TestExpired(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	s.tell("one")
	s.must()
	old := s.id.Until()
	p.now = 31 * 24 * time.Hour
	list, err := s.out.Next(t.Context(), 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.link.Send(t.Context(), 1, list[0].Append(nil)); reason(err) != edge.ReasonExpired {
		t.Errorf("an edge whose certificate ended told something: %v", err)
	}
	s.tell("two")
	s.must()
	if !s.id.Until().After(old.Add(25 * 24 * time.Hour)) {
		t.Errorf("not renewed: until %s", s.id.Until())
	}
	p.exactly("one", "two")
	s.close()

	p.now += (30 + 91) * 24 * time.Hour
	s = openSite(t, s.dir, time.Now, nil)
	s.tell("three")
	if err := s.flush(); err == nil {
		t.Error("a certificate that ended 91 days ago opened the door")
	}
	p.exactly("one", "two")
}

// A disk that runs full: confirmed batches go first, then counters, and what was
// told whole only last; every drop is counted and told.
func TestOutboxBudget(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	bulk := func(i int) string { // does not compress
		b := make([]byte, 4000)
		x := uint32(i + 1)
		for k := range b {
			x = x*1664525 + 1013904223
			b[k] = byte(x>>24)%94 + 33
		}
		return string(b)
	}
	if err := s.out.SetBudget(t.Context(), 100_000); err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 60 {
		name := "fact " + bulk(i)[:8]
		want = append(want, name)
		s.tell(name + "\n" + bulk(i))
	}
	q, err := s.out.Queue(t.Context())
	if err != nil || q.DroppedBulk == 0 || q.DroppedWhole != 0 || q.Bytes > 100_000 || q.Waiting != 60 {
		t.Fatalf("%+v, %v", q, err)
	}
	s.must()
	p.apply()
	got := 0
	for body := range p.notes() {
		for _, w := range want {
			if strings.HasPrefix(body, w) {
				got++
			}
		}
	}
	if got != 60 {
		t.Errorf("%d of 60 facts arrived", got)
	}
	// Far less room than the facts need: they go too, but nobody can miss it.
	if err := s.out.SetBudget(t.Context(), 14_000); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		s.tell("late " + bulk(i)[:200])
	}
	if q, err = s.out.Queue(t.Context()); err != nil || q.DroppedWhole == 0 {
		t.Fatalf("%+v, %v", q, err)
	}
	s.must()
	s.must()
	e := p.edge(s.out.ID().String())
	if e.Health.Queue.DroppedWhole == 0 || !slices.Contains(p.open(), "edge-dropped") {
		t.Errorf("nobody hears of it: %+v, the inbox asks %v", e.Health.Queue, p.open())
	}
	p.apply()
	if e = p.edge(e.ID); e.Waiting != 0 || e.State != centre.Active {
		t.Errorf("%+v", e)
	}
}

// A centre that was restored from yesterday's copy gets again what it lost, as long as the edge keeps it.
func TestRestoredCentre(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	s.tell("one", "two", "three")
	s.must()
	p.exactly("one", "two", "three")
	p.sql("DELETE FROM edge_batch WHERE seq > 1", "DELETE FROM got_note WHERE body <> 'one'")
	first, err := s.out.Next(t.Context(), 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	link := first[0].Link()
	p.sql("UPDATE edge_stream SET received = 1, applied = 1")
	p.exec("UPDATE edge_stream SET head = ?", link[:])
	s.tell("four")
	s.must()
	s.must()
	p.exactly("one", "two", "three", "four")

	// And when the edge has them no more, both go on, and say so.
	if err := s.out.Clean(t.Context(), -time.Hour); err != nil {
		t.Fatal(err)
	}
	p.sql("UPDATE edge_stream SET received = 1, applied = 1", "DELETE FROM edge_batch WHERE seq > 1")
	s.tell("five")
	s.must()
	s.must()
	p.exactly("one", "two", "three", "four", "five")
	if e := p.edge(s.out.ID().String()); e.Lost != 3 || !slices.Contains(p.open(), "edge-lost") {
		t.Errorf("%d lost, the inbox asks %v", e.Lost, p.open())
	}
}

// A message that nobody can read is set aside, told, and holds nothing up.
func TestPoison(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	s.tell("one", "poison", "two")
	s.must()
	p.exactly("one", "two")
	if e := p.edge(s.out.ID().String()); e.Refused != 1 || !slices.Contains(p.open(), "edge-refused") {
		t.Errorf("%d refused, the inbox asks %v", e.Refused, p.open())
	}
}

// Configuration: pushed, signed, and its version told back; one that cannot be
// applied leaves the old one, and says why.
func TestConfigure(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	var applied []edge.Config
	refuse := false
	s := p.newSite()
	s.box = openConfigured(s, func(c edge.Config) error {
		if refuse {
			return errors.New("there is no interface eth9")
		}
		applied = append(applied, c)
		return nil
	})
	id := s.out.ID().String()
	push := func(name string) {
		t.Helper()
		c := edge.DefaultConfig()
		c.Interfaces = []edge.Interface{{Name: name, SiteID: p.site.ID}}
		if err := p.s.Configure(t.Context(), all, id, func(int64) error { return nil }, c, "anna"); err != nil {
			t.Fatal(err)
		}
	}
	push("eth1")
	s.must()
	s.must()
	e := p.edge(id)
	if n := len(applied); n == 0 || applied[n-1].Interfaces[0].Sensor == "" || e.ConfigApplied != e.ConfigVersion || e.ConfigVersion != 2 {
		t.Fatalf("%+v, applied %+v", e, applied)
	}
	refuse = true
	push("eth9")
	s.must()
	s.must()
	if e = p.edge(id); e.ConfigApplied != 2 || e.ConfigVersion != 3 || !strings.Contains(e.ConfigError, "eth9") || !slices.Contains(p.open(), "edge-config") {
		t.Errorf("%+v", e)
	}
	for name, c := range map[string]edge.Config{
		"foreign site": {Interfaces: []edge.Interface{{Name: "eth1", SiteID: "elsewhere"}}, IntervalSeconds: 10, OutboxBytes: 1 << 30},
		"shell":        {Interfaces: []edge.Interface{{Name: "eth1; reboot", SiteID: p.site.ID}}, IntervalSeconds: 10, OutboxBytes: 1 << 30},
		"twice":        {Interfaces: []edge.Interface{{Name: "eth1", SiteID: p.site.ID}, {Name: "eth1", SiteID: p.site.ID}}, IntervalSeconds: 10, OutboxBytes: 1 << 30},
	} {
		if err := p.s.Configure(t.Context(), all, id, func(int64) error { return nil }, c, "anna"); err == nil {
			t.Errorf("%s: configured", name)
		}
	}
	// What somebody else signed, or the centre for another edge, is not taken.
	forged := edge.Welcome{Received: -1, Config: &edge.Signed{Purpose: "config " + id, Body: []byte(`{"version":99}`), Sig: make([]byte, 64)}}
	if err := s.box.Welcome(t.Context(), forged); err == nil {
		t.Error("a forged configuration was taken")
	}
}

// An edge that falls silent is told once, and that it is back too.
func TestSilence(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	s.must()
	watch := func() []string {
		t.Helper()
		if err := p.s.Watch(t.Context()); err != nil {
			t.Fatal(err)
		}
		return p.open()
	}
	if got := watch(); len(got) != 0 {
		t.Errorf("the inbox asks %v", got)
	}
	p.now = 3 * time.Minute
	if got := watch(); !slices.Equal(got, []string{"edge-silent"}) || !p.edge(s.out.ID().String()).Silent {
		t.Errorf("after three minutes the inbox asks %v", got)
	}
	p.now = 0
	s.must()
	if got := p.open(); slices.Contains(got, "edge-silent") {
		t.Errorf("it is back, and the inbox asks %v", got)
	}
}

func openConfigured(s *site, apply func(edge.Config) error) *box.Box {
	return box.New(box.Config{Outbox: s.out, Link: s.link, Log: quietLog(), Key: s.id.Centre, Apply: applyWith(apply)})
}
