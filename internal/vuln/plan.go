package vuln

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// Update is one piece of work: bringing one asset, or a part of it, to one
// version closes all that this version fixes.
type Update struct {
	SiteID   string   `json:"site_id"`
	AssetID  string   `json:"asset_id"`
	Asset    string   `json:"asset"`
	From     string   `json:"from"`
	To       string   `json:"to" doc:"Empty: the advisories name no version"`
	Closes   int      `json:"closes" doc:"Findings that it closes"`
	Urgent   int      `json:"urgent" doc:"Of those: to be done at once"`
	Decision string   `json:"decision" enum:"now,next,never"`
	Hours    float64  `json:"hours" doc:"Of work; 0: nobody estimated it"`
	Findings []string `json:"findings" nullable:"false"`
	Before   []string `json:"before" nullable:"false" enum:"backup,release,back-out" doc:"What comes first: a backup, the control vendor's release, a way back"`
	Assignee string   `json:"assignee"`
}

// WindowPlan is a maintenance window with the work that is planned in it.
type WindowPlan struct {
	ID       string     `json:"id"`
	Ref      string     `json:"ref"`
	Title    string     `json:"title"`
	SiteID   string     `json:"site_id"`
	State    string     `json:"state"`
	From     store.Time `json:"from"`
	To       store.Time `json:"to"`
	Capacity float64    `json:"capacity" doc:"Hours of work that fit; 0: the window's length counts"`
	Hours    float64    `json:"hours" doc:"Planned"`
	Over     bool       `json:"over" doc:"More is planned than fits"`
	Updates  []Update   `json:"updates" nullable:"false"`
}

// Plan is what is to be done, and when.
type Plan struct {
	Windows []WindowPlan `json:"windows" nullable:"false"`
	Waiting []Update     `json:"waiting" nullable:"false" doc:"In no window yet, what closes the most first"`
	Backlog float64      `json:"backlog" doc:"Hours of work that wait; those of which nobody said anything count defaultHours"`
	Free    float64      `json:"free" doc:"Hours in windows to come that nothing takes yet"`
}

// defaultHours stands in for work that nobody has estimated.
const defaultHours = 1.0

// updates groups findings into the fewest pieces of work: one for each asset or part, to the
// highest version that any of its advisories names.
func updates(fs []Finding, newer func(a, b string) bool) []Update {
	type place struct{ asset, name string }
	at := map[place]int{}
	out := []Update{}
	for i := range fs {
		f := &fs[i]
		k := place{f.AssetID, f.Asset}
		n, ok := at[k]
		if !ok {
			n = len(out)
			at[k] = n
			out = append(out, Update{SiteID: f.SiteID, AssetID: f.AssetID, Asset: f.Asset, From: f.Matched, Decision: "never", Findings: []string{}, Before: []string{"backup", "release", "back-out"}})
		}
		u := &out[n]
		if f.Fix != "" && (u.To == "" || newer(f.Fix, u.To)) {
			u.To = f.Fix
		}
		u.Closes++
		if f.Decision == "now" {
			u.Urgent++
			u.Decision = "now"
		} else if f.Decision == "next" && u.Decision == "never" {
			u.Decision = "next"
		}
		u.Hours = max(u.Hours, f.Hours)
		if f.Assignee != "" {
			u.Assignee = f.Assignee
		}
		u.Findings = append(u.Findings, f.ID)
	}
	slices.SortStableFunc(out, func(a, b Update) int {
		return cmp.Or(cmp.Compare(b.Urgent, a.Urgent), cmp.Compare(b.Closes, a.Closes), cmp.Compare(a.Asset, b.Asset))
	})
	return out
}

func hoursOf(us []Update) float64 {
	var sum float64
	for _, u := range us {
		if u.Hours > 0 {
			sum += u.Hours
		} else {
			sum += defaultHours
		}
	}
	return sum
}

// maxPlanned bounds what one plan reads.
const maxPlanned = 5000

// Plan puts the open findings into the maintenance windows and beside them.
func (s *Service) Plan(ctx context.Context, scope Scope, site string) (out Plan, err error) {
	out = Plan{Windows: []WindowPlan{}, Waiting: []Update{}}
	err = s.db.View(ctx, func(r store.Reader) error {
		w := Filter{Site: site, State: "active", Verdict: "affected"}.where(scope)
		rows, err := store.All[listed](ctx, r, "SELECT "+listedColumns+listedFrom+w.Text+" AND f.state <> 'reported' ORDER BY f.score DESC, f.finding_id LIMIT ?", append(w.Args, maxPlanned)...)
		if err != nil {
			return err
		}
		inWindow := map[string][]Finding{}
		for i := range rows {
			f := rows[i].show()
			if f.State != Planned {
				f.WindowID = ""
			}
			inWindow[f.WindowID] = append(inWindow[f.WindowID], f)
		}
		type window struct {
			ID       string     `db:"record_id"`
			Ref      string     `db:"ref"`
			Title    string     `db:"title"`
			SiteID   string     `db:"site_id"`
			State    string     `db:"state"`
			From     store.Time `db:"valid_from"`
			To       store.Time `db:"valid_until"`
			Capacity float64    `db:"capacity"`
		}
		text := "SELECT w.record_id, w.ref, w.title, o.site_id, w.state, w.valid_from, w.valid_until, CAST(COALESCE(w.data->>'capacity', '0') AS DOUBLE PRECISION) AS capacity FROM record_record w JOIN org_site o ON o.site_no = w.site_no WHERE w.type = 'maintenance-window' AND w.state IN ('planned', 'agreed', 'open') AND (w.valid_until IS NULL OR w.valid_until > ?) AND ?"
		args := []any{s.now(), scope.Reach("w.site_no")}
		if site != "" {
			text += " AND o.site_id = ?"
			args = append(args, site)
		}
		windows, err := store.All[window](ctx, r, text+" ORDER BY COALESCE(w.valid_from, 0), w.record_id LIMIT 200", args...)
		if err != nil {
			return err
		}
		for _, x := range windows {
			p := WindowPlan{ID: x.ID, Ref: x.Ref, Title: x.Title, SiteID: x.SiteID, State: x.State, From: x.From, To: x.To, Capacity: x.Capacity, Updates: updates(inWindow[x.ID], newer)}
			if p.Capacity == 0 && !x.From.IsZero() && !x.To.IsZero() {
				p.Capacity = min(x.To.Sub(x.From.Time), 7*24*time.Hour).Hours()
			}
			p.Hours = hoursOf(p.Updates)
			p.Over = p.Capacity > 0 && p.Hours > p.Capacity
			out.Free += max(0, p.Capacity-p.Hours)
			out.Windows = append(out.Windows, p)
			delete(inWindow, x.ID)
		}
		var rest []Finding
		for _, fs := range inWindow { // in no window, or in one that is over
			rest = append(rest, fs...)
		}
		slices.SortFunc(rest, func(a, b Finding) int { return cmp.Compare(a.ID, b.ID) })
		out.Waiting = updates(rest, newer)
		out.Backlog = hoursOf(out.Waiting)
		return nil
	})
	return out, err
}
