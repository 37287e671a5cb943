package detect

import (
	"context"
	"io/fs"
	"testing"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/dissect/all"
	"github.com/skanse/skanse/internal/dissect/recognised"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func protocols(t testing.TB) *dissect.Set {
	t.Helper()
	names, err := fs.Sub(catalog.Files, "protocols")
	if err != nil {
		t.Fatal(err)
	}
	list, err := recognised.With("")
	if err != nil {
		t.Fatal(err)
	}
	set, err := dissect.NewSet(all.With(list), names)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func shipped(t testing.TB, cat *dissect.Set) *rule.Set {
	t.Helper()
	folder, err := fs.Sub(catalog.Files, "detections")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := rule.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rule.Compile(rules, cat, cat.Len())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// stage is a Plant that knows what the fixture says, a site each.
type stage map[int64]Played

func (s stage) Who(_ context.Context, _ store.Reader, siteNo int64, hosts []Host) (map[Host]Party, error) {
	out := map[Host]Party{}
	for _, h := range hosts {
		if p, ok := s[siteNo].Who[h]; ok {
			out[h] = p
		}
	}
	return out, nil
}

func (s stage) Planned(_ context.Context, _ store.Reader, siteNo int64, _, _ time.Time) ([]Window, error) {
	return s[siteNo].Planned, nil
}

func (s stage) Talks(context.Context, store.Reader, int64, []TalkKey) (map[TalkKey]Talk, error) {
	return map[TalkKey]Talk{}, nil
}

// Every shipped rule fires on its one fixture and keeps quiet on the other, from the
// sensor's mask to the alert in the database.
func TestFixtures(t *testing.T) {
	cat := protocols(t)
	set := shipped(t, cat)
	ctx := context.Background()
	db := storetest.Open(t, storetest.SQLite(t), allSlices())
	plant := stage{}
	s := New(db, Config{Rules: set, Names: cat, Plant: plant})
	type play struct {
		id   string
		want bool
	}
	plays := map[int64]play{}
	err := db.Update(ctx, func(tx *store.Tx) error {
		for _, r := range set.All() {
			if r.On == rule.State {
				continue // found by code, which has tests of its own
			}
			for _, f := range []*rule.Fixture{r.Fires, r.Silent} {
				if f == nil {
					t.Errorf("%s: a shipped rule has a fixture that fires and one that is silent", r.ID)
					continue
				}
				site := int64(len(plays) + 1)
				p, err := Play(set, cat, f, 1)
				if err != nil {
					t.Errorf("%s: %v", r.ID, err)
					continue
				}
				plant[site], plays[site] = p, play{r.ID, f == r.Fires}
				for _, sum := range p.Sums {
					if err := s.Take(ctx, tx, sensor.Delivery{SiteNo: site, RealmNo: 1, Source: "fixture", Received: t0}, sum); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	met := map[int64]map[string]bool{}
	for _, a := range alerts(t, db) {
		if met[a.SiteNo] == nil {
			met[a.SiteNo] = map[string]bool{}
		}
		met[a.SiteNo][a.Rule] = true
	}
	for site, p := range plays {
		if met[site][p.id] != p.want {
			t.Errorf("%s: met %v, want %v (others: %v)", p.id, met[site][p.id], p.want, met[site])
		}
	}
	if n := len(set.All()); n < 80 {
		t.Errorf("%d rules, want at least 80", n)
	}
}

// Each technique that the network can show has a rule, or a sentence why not.
func TestTechniques(t *testing.T) {
	raw, err := catalog.Files.ReadFile("detections/attack/techniques.yaml")
	if err != nil {
		t.Fatal(err)
	}
	list, err := ReadTechniques(raw)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]int{}
	for _, r := range shipped(t, protocols(t)).All() {
		by[r.Technique]++
		if r.First == "" || r.FalseAlarm == "" {
			t.Errorf("%s: what to do first and how to tell a false alarm are needed", r.ID)
		}
	}
	known := map[string]bool{}
	for _, x := range list {
		known[x.ID] = true
		if (by[x.ID] == 0) == (x.Silent == "") {
			t.Errorf("%s %s: %d rules, and the sentence why the wire cannot show it is %q", x.ID, x.Name, by[x.ID], x.Silent)
		}
	}
	for id := range by {
		if !known[id] {
			t.Errorf("%s is not in the list of techniques", id)
		}
	}
	if len(list) < 44 {
		t.Errorf("%d techniques, want the 44 with network data", len(list))
	}
}
