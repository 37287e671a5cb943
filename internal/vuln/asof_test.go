package vuln_test

import (
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/vuln"
)

// What was known on a day: nothing before the advisory came, open until somebody dismissed it.
func TestFindingsAsTheyWere(t *testing.T) {
	each(t, func(h *house) {
		h.inv.assets = []vuln.Asset{asset("4.1.0")}
		before := h.now
		h.take(advisory("A-1", "1", "< V5.0.0", "Hole"))
		f := h.only("open", "affected")
		opened := h.now
		h.now = h.now.Add(48 * time.Hour)
		if err := h.decide(f, vuln.Decision{Action: "dismiss", Reason: "The service is off, and the panel is locked."}); err != nil {
			h.Fatal(err)
		}
		all := auth.System().Scope
		for _, c := range []struct {
			at             time.Time
			n              int
			state, by      string
			open, dismised int64
		}{
			{before.Add(-time.Hour), 0, "", "", 0, 0},
			{opened.Add(time.Hour), 1, vuln.Open, "", 1, 0},
			{h.now.Add(time.Hour), 1, vuln.Dismissed, "Ida", 0, 1},
			{time.Time{}, 1, vuln.Dismissed, "Ida", 0, 1},
		} {
			p, err := h.s.Findings(h.Context(), all, vuln.Filter{At: c.at})
			if err != nil {
				h.Fatal(err)
			}
			if len(p.Items) != c.n || c.n > 0 && (p.Items[0].State != c.state || p.Items[0].DecidedBy != c.by) {
				h.Errorf("%v: %+v, want %+v", c.at, p.Items, c)
			}
			sum, err := h.s.Summarise(h.Context(), all, "", c.at)
			if err != nil {
				h.Fatal(err)
			}
			if sum.Now+sum.Next+sum.Never != c.open || sum.Dismissed != c.dismised || sum.Assets != c.open {
				h.Errorf("%v: %+v, want %+v", c.at, sum, c)
			}
		}
	})
}
