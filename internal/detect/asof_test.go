package detect

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/network"
	"github.com/skanse/skanse/internal/org"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// An auditor asks what stood open on a day: the list of then, with the states of then, and no
// word of what came after.
func TestAlertsAsTheyWere(t *testing.T) {
	storetest.Each(t, append(allSlices(), network.Migrations()), func(t *testing.T, db *store.DB) {
		s, now := open(t, db, fourRules)
		o := org.New(db, nil)
		if err := db.Update(t.Context(), func(tx *store.Tx) error {
			e, err := o.AddEntity(t.Context(), tx, org.Entity{Name: "Plant", Profile: "important"})
			if err != nil {
				return err
			}
			_, err = o.AddSite(t.Context(), tx, org.Site{Name: "North", EntityID: e.ID})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		day := func(n int) time.Time { return t0.AddDate(0, 0, n) }
		s.raiseNow(t, hit("stop", "10.0.0.9", "10.0.0.1", 0))
		*now = day(4)
		s.raiseNow(t, hit("download", "10.0.0.9", "10.0.0.1", 4*24*time.Hour))
		all := auth.Scope{All: true}
		id := alerts(t, db)[0].ID
		for i, d := range []Decision{{Action: "acknowledge"}, {Action: "close", Outcome: "planned", Reason: "Line 1 was rebuilt."}, {Action: "reopen"}} {
			*now = day(i + 1)
			if err := s.Decide(t.Context(), all, Person{ID: "u-1", Name: "Ida"}, id, d, alerts(t, db)[0].etag()); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			at    time.Time
			open  int
			all   int
			state string
			steps int
		}{
			{day(0).Add(-time.Hour), 0, 0, "", 0},
			{day(0).Add(time.Hour), 1, 1, StateNew, 1},
			{day(1).Add(time.Hour), 1, 1, StateAcknowledged, 2},
			{day(2).Add(time.Hour), 0, 1, StateClosed, 3},
			{day(3).Add(time.Hour), 1, 1, StateAcknowledged, 4},
			{time.Time{}, 2, 2, StateAcknowledged, 4},
		} {
			got, err := s.Alerts(t.Context(), all, Filter{At: c.at})
			if err != nil {
				t.Fatal(err)
			}
			whole, err := s.Alerts(t.Context(), all, Filter{At: c.at, State: allStates})
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Items) != c.open || len(whole.Items) != c.all || *whole.Total != int64(c.all) {
				t.Errorf("%v: %d open of %d, want %d of %d", c.at, len(got.Items), len(whole.Items), c.open, c.all)
			}
			a, err := s.Alert(t.Context(), all, id, c.at)
			if c.state == "" {
				if ot.CodeOf(err) != ot.NotFound {
					t.Errorf("before it called: %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if a.State != c.state || len(a.Rest.Steps) != c.steps || !c.at.IsZero() && (a.AckedAt.Time.After(c.at) || len(a.Rest.Together) != 0) {
				t.Errorf("%v: %s, %d steps, acknowledged %v, want %+v", c.at, a.State, len(a.Rest.Steps), a.AckedAt, c)
			}
		}
	})
}
