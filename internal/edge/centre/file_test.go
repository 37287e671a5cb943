package centre_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/edge/centre"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store/storetest"
)

// files reads what an edge exported, by name.
func files(t *testing.T, dir string) (names []string, raw [][]byte) {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*.skf"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list)
	for _, name := range list {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		names, raw = append(names, filepath.Base(name)), append(raw, b)
	}
	return names, raw
}

// export writes what is behind after, a file of its own each time.
func (s *site) export(dir string, after int64, again ...edge.Range) int64 {
	s.t.Helper()
	last, _, err := s.box.Export(s.t.Context(), s.id, dir, after, again, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	return last
}

// Files over a diode: lost, doubled, the wrong way round, cut, forged. What came is
// taken in at once; what is missing is shown, asked for by file, and sent again.
func TestDiode(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	id := s.out.ID().String()
	dir := t.TempDir()
	after := int64(0)
	notes := []string{"one", "two", "three", "four", "five"}
	for _, n := range notes { // a file each
		s.tell(n)
		after = s.export(dir, after)
	}
	_, raw := files(t, dir)
	if len(raw) != 5 {
		t.Fatalf("%d files", len(raw))
	}
	take := func(b []byte) (centre.Import, error) {
		return p.s.ImportFile(t.Context(), centre.ViaDiode, "x.skf", b, nil)
	}
	for _, i := range []int{0, 4, 0, 3} { // the second and third are lost, one comes twice, two the wrong way round
		if _, err := take(raw[i]); err != nil {
			t.Fatal(i, err)
		}
	}
	p.exactly("one", "four", "five")
	e := p.edge(id)
	if !slices.Equal(e.Gaps, []edge.Range{{From: 2, To: 3}}) || e.Via != centre.ViaDiode || e.Received != 1 {
		t.Errorf("%+v, received %d", e.Gaps, e.Received)
	}
	for n := 0; n < len(raw[1]); n += 97 {
		if _, err := take(raw[1][:n]); ot.CodeOf(err) != ot.Invalid {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
	forged := slices.Clone(raw[1])
	forged[len(forged)/2] ^= 1
	if _, err := take(forged); err == nil {
		t.Error("a changed file was taken")
	}

	// The way back: what is missing, and a configuration.
	c := edge.DefaultConfig()
	c.IntervalSeconds = 20
	if err := p.s.Configure(t.Context(), all, id, func(int64) error { return nil }, c, "anna"); err != nil {
		t.Fatal(err)
	}
	name, reply, err := p.s.Reply(t.Context(), all, id)
	if err != nil || !strings.HasSuffix(name, ".skf") {
		t.Fatal(name, err)
	}
	again, err := s.box.Reply(t.Context(), s.id, reply)
	if err != nil || !slices.Equal(again, []edge.Range{{From: 2, To: 3}}) {
		t.Fatalf("%+v, %v", again, err)
	}
	if twice, err := s.box.Reply(t.Context(), s.id, reply); err != nil || len(twice) != 0 {
		t.Errorf("the same reply again: %+v, %v", twice, err)
	}
	back := t.TempDir()
	s.export(back, 0, again...)
	_, raw = files(t, back)
	for _, b := range raw {
		if _, err := take(b); err != nil {
			t.Fatal(err)
		}
	}
	p.exactly(notes...)
	if e := p.edge(id); len(e.Gaps) != 0 || e.Received != 5 || e.ConfigApplied != e.ConfigVersion || e.State != centre.Active {
		t.Errorf("%+v", e)
	}
	page, err := p.s.Imports(t.Context(), all, id, "", 50)
	if err != nil || len(page.Items) != 5 {
		t.Errorf("%d files in the log, %v", len(page.Items), err)
	}
	if _, err := take(reply); ot.CodeOf(err) != ot.Invalid {
		t.Errorf("the centre took its own reply: %v", err)
	}
}

// A gap that nothing fills is given up by a person, and counted.
func TestGiveUp(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := p.newSite()
	dir := t.TempDir()
	after := int64(0)
	for _, n := range []string{"one", "two", "three"} {
		s.tell(n)
		after = s.export(dir, after)
	}
	_, raw := files(t, dir)
	for _, i := range []int{0, 2} {
		if _, err := p.s.ImportFile(t.Context(), centre.ViaStick, "x.skf", raw[i], nil); err != nil {
			t.Fatal(err)
		}
	}
	id := s.out.ID().String()
	if lost, err := p.s.GiveUp(t.Context(), all, id); err != nil || lost != 1 {
		t.Errorf("%d lost, %v", lost, err)
	}
	if _, err := p.s.GiveUp(t.Context(), all, id); ot.CodeOf(err) != ot.Conflict {
		t.Errorf("nothing is missing: %v", err)
	}
	p.exactly("one", "three")
	if e := p.edge(id); e.Lost != 1 || e.Received != 3 || len(e.Gaps) != 0 {
		t.Errorf("%+v", e)
	}
	// A stick after a stick, and then a cable: in the same order.
	s.tell("four")
	s.must()
	p.exactly("one", "three", "four")
}

// Files of another centre's sensor, and of a revoked one.
func TestForeignFile(t *testing.T) {
	p := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	other := newPlant(t, storetest.Open(t, storetest.SQLite(t), schema()))
	s := other.newSite()
	dir := t.TempDir()
	s.tell("one")
	s.export(dir, 0)
	_, raw := files(t, dir)
	if _, err := p.s.ImportFile(t.Context(), centre.ViaStick, "x.skf", raw[0], nil); ot.CodeOf(err) != ot.Forbidden {
		t.Errorf("another centre's sensor: %v", err)
	}
	if err := other.s.Revoke(t.Context(), all, s.out.ID().String(), "stolen", "anna"); err != nil {
		t.Fatal(err)
	}
	if _, err := other.s.ImportFile(t.Context(), centre.ViaStick, "x.skf", raw[0], nil); ot.CodeOf(err) != ot.Forbidden {
		t.Errorf("a revoked sensor: %v", err)
	}
	p.exactly()
	other.exactly()
}

func FuzzReadFile(f *testing.F) {
	f.Add([]byte("SKF\x01"))
	if b, err := os.ReadFile("testdata/batches.skf"); err == nil {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, _, err := edge.ReadFile(b); err == nil && got == nil {
			t.Fatal("nothing was read without an error")
		}
	})
}
