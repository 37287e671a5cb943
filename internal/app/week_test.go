package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/baseline"
	"github.com/skanse/skanse/internal/demo"
	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/store"
)

// What a site gets to bear: two days of learning, then a week of usual
// life with eight attacks, real packets through the real sensor. Every attack is found;
// at most five alerts call on any day and at most one cause within ten minutes.
func TestWeek(t *testing.T) { playWeek(t, demo.NewBrewery(3, 30*time.Minute), time.Hour) }

// TestSoakWeek is the same with 150 devices, a poll a minute and a summary every five.
func TestSoakWeek(t *testing.T) {
	if os.Getenv("SKANSE_SOAK") == "" {
		t.Skip("a long run by hand: SKANSE_SOAK=1, or make soak")
	}
	b := demo.NewBrewery(6, time.Minute)
	if n := (&demo.Company{Sites: []*demo.Site{b.Site}}).Assets(); n < 150 || n > 160 {
		t.Fatalf("%d devices, 150 are promised", n)
	}
	playWeek(t, b, 5*time.Minute)
}

// called is one time that an alert called.
type called struct {
	AlertID string `db:"alert_id"`
	GroupID string `db:"group_id"`
	Rule    string `db:"rule"`
	Kind    string `db:"kind"`
	At      int64  `db:"at"`
	Client  string `db:"client_ip"`
	Server  string `db:"server_ip"`
	From    string `db:"client_name"`
	To      string `db:"server_name"`
	Facts   string `db:"facts"`
}

func playWeek(t *testing.T, b *demo.Brewery, interval time.Duration) {
	ctx, folder, clock := t.Context(), Folder(t.TempDir()), &playClock{}
	s, err := openServer(ctx, serverOptions{Data: folder, URL: folder.database(), Demo: true, Clock: clock.Now}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	company := &demo.Company{Name: "Bryggeriet", Profile: "important", Sites: []*demo.Site{b.Site}}
	if err := company.Seed(ctx, s.db, s.org); err != nil {
		t.Fatal(err)
	}
	present := time.Date(2026, 11, 20, 6, 0, 0, 0, time.UTC) // a Friday: the week has its weekend
	from := present.Add(-demo.Week - demo.Learn)
	week := from.Add(demo.Learn)
	clock.set(from)
	protected, began := false, time.Now()
	hour := from
	err = sensor.Run(ctx, b.Source(ctx, present), b.Site.Config(s.sensor, from, interval), func(sum *sensor.Summary) error {
		now := time.Unix(0, sum.To)
		sum.Sent = sum.To
		clock.set(now)
		if !protected && !now.Before(week) {
			protected = true
			protectAll(t, s, b, present)
		}
		if _, err := s.ingest.take(ctx, b.Site.Delivery(now), sum); err != nil {
			return err
		}
		for ; now.Sub(hour) >= time.Hour; hour = hour.Add(time.Hour) { // what the server's jobs do every minute
			if err := s.detect.Return(ctx); err != nil {
				return err
			}
			if err := s.baseline.Sweep(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var calls []called
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		calls, err = store.All[called](ctx, r, `SELECT a.alert_id, a.group_id, a.rule, st.kind, st.at, a.client_ip, a.server_ip, a.client_name, a.server_name, CAST(a.facts AS TEXT) AS facts FROM detect_step st JOIN detect_alert a ON a.alert_id = st.alert_id
 WHERE st.kind IN ('raised', 'again') ORDER BY st.at, a.alert_id`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	before := len(calls)
	calls = slices.DeleteFunc(calls, func(c called) bool { return c.At < week.UnixMicro() })
	before -= len(calls)
	for _, c := range calls {
		t.Logf("%s %-28s %-5s %-14s %-16s → %-14s %-16s %s %s", time.UnixMicro(c.At).UTC().Format("Mon 15:04"), c.Rule, c.Kind, c.From, c.Client, c.To, c.Server, c.GroupID[len(c.GroupID)-4:], c.Facts)
	}
	perDay, peak := bear(calls, week)
	t.Logf("%d devices; %d alerts while it learned; then a day: %v; most causes within 10 minutes: %d; played in %.1f s", company.Assets(), before, perDay, peak, time.Since(began).Seconds())
	for _, a := range b.Attacks {
		at := present.Add(-a.Before)
		if !slices.ContainsFunc(calls, func(c called) bool {
			near := time.UnixMicro(c.At).Sub(at)
			return near > -time.Minute && near < interval+time.Hour && (c.Client == a.Host || c.Server == a.Host) && slices.Contains(a.Rules, c.Rule)
		}) {
			t.Errorf("not found: %s (%s)", a.Name, at.Format("Mon 15:04"))
		}
	}
	if most := slices.Max(perDay); most > 5 {
		t.Errorf("%d alerts on one day, at most 5 are bearable", most)
	}
	if peak > 1 {
		t.Errorf("%d causes within ten minutes, at most 1 is bearable", peak)
	}
}

// bear counts calls a day of the week, and causes that began within ten minutes.
func bear(calls []called, week time.Time) (perDay []int, peak int) {
	perDay = make([]int, 7)
	begun := map[string]int64{}
	for _, c := range calls {
		perDay[min(int(time.UnixMicro(c.At).Sub(week)/(24*time.Hour)), 6)]++
		if _, ok := begun[c.GroupID]; !ok || c.Kind == "again" {
			begun[c.GroupID] = c.At
			n := 0
			for _, at := range begun {
				if c.At-at < (10 * time.Minute).Microseconds() {
					n++
				}
			}
			peak = max(peak, n)
		}
	}
	return perDay, peak
}

// protectAll is what people do after two days: what was learned is approved, the zones
// protect, the programming device is marked, and next week's work is agreed.
func protectAll(t *testing.T, s *server, b *demo.Brewery, present time.Time) {
	t.Helper()
	ctx, all := auth.With(context.Background(), auth.System()), auth.Scope{All: true}
	list, err := s.baseline.Baselines(ctx, all, b.Site.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		if _, err := s.baseline.Set(ctx, all, "Ida", b.Site.ID, x.ZoneID, x.State, baseline.Setting{Phase: baseline.Protecting}, x.ETag); err != nil {
			t.Fatal(err)
		}
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		for _, w := range b.Planned {
			_, err := s.records.Adopt(ctx, tx, record.Draft{Type: "maintenance-window", Title: w.Title, Site: b.Site.ID, ValidFrom: present.Add(-w.From), ValidUntil: present.Add(-w.To)}, record.Past{State: "agreed", By: "demo:ida", At: present.Add(-demo.Week)})
			if err != nil {
				return fmt.Errorf("plan %s: %w", w.Title, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var station string
	if err := s.db.View(ctx, func(r store.Reader) (err error) {
		station, err = store.One[string](ctx, r, "SELECT asset_id FROM asset_binding WHERE address = ? AND to_at IS NULL", b.Station)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.detect.MarkProgramming(ctx, all, detect.Person{Name: "Ida"}, station, true, "the engineering station"); err != nil {
		t.Fatal(err)
	}
}
