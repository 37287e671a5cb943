package detect

import (
	"context"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// defaultBudget is how many alerts a site bears a day: EEMUA 191 calls 150 an hour and
// operator acceptable for process alarms; security has one person a few hours a week.
const defaultBudget = 5

// Load is what people get to bear of one site, after EEMUA 191.
type Load struct {
	SiteID   string  `json:"site_id"`
	Site     string  `json:"site"`
	Open     int64   `json:"open" doc:"New, acknowledged or returned"`
	Unseen   int64   `json:"unseen" doc:"New or returned: nobody has acknowledged them"`
	Shelved  int64   `json:"shelved"`
	Today    int64   `json:"today" doc:"Raised in the last 24 hours"`
	Budget   int64   `json:"budget" doc:"Alerts a day that the site wants to bear"`
	Average  float64 `json:"average" doc:"Raised a day, over the last 7 days"`
	Peak     int64   `json:"peak" doc:"Most causes that called within 10 minutes, last 7 days"`
	Standing int64   `json:"standing" doc:"Open for longer than a day"`
	Seconds  int64   `json:"seconds_to_acknowledge" doc:"Median of the last 7 days; 0: none was acknowledged"`
	Noisiest string  `json:"noisiest" doc:"The rule that called most in the last 7 days"`
	Share    float64 `json:"noisiest_share" doc:"Its share of all calls"`
}

type loadRow struct {
	SiteNo   int64      `db:"site_no"`
	State    string     `db:"state"`
	Rule     string     `db:"rule"`
	GroupID  string     `db:"group_id"`
	RaisedAt int64      `db:"raised_at"`
	AckedAt  store.Time `db:"acked_at"`
}

// maxLoad bounds what the measures look at; who gets more has other troubles.
const maxLoad = 50_000

// Loads measures every site that the person sees.
func (s *Service) Loads(ctx context.Context, scope Scope) (out []Load, err error) {
	now := s.now()
	type site struct {
		No     int64  `db:"site_no"`
		ID     string `db:"site_id"`
		Name   string `db:"name"`
		Budget int64  `db:"budget"`
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		out = []Load{}
		sites, err := store.All[site](ctx, r, "SELECT o.site_no, o.site_id, o.name, COALESCE((SELECT b.alerts FROM detect_budget b WHERE b.site_no = o.site_no), CAST(? AS BIGINT)) AS budget FROM org_site o WHERE ? ORDER BY o.name, o.site_no", defaultBudget, scope.Reach("o.site_no"))
		if err != nil {
			return err
		}
		week := now.Add(-7 * 24 * time.Hour).UnixMicro()
		rows, err := store.All[loadRow](ctx, r, "SELECT a.site_no, a.state, a.rule, a.group_id, a.raised_at, a.acked_at FROM detect_alert a WHERE (a.state <> 'closed' OR a.raised_at >= ?) AND ? ORDER BY a.raised_at DESC, a.alert_id LIMIT ?", week, scope.Where("a.site_no", "a.zone_no"), maxLoad)
		if err != nil {
			return err
		}
		by := map[int64][]loadRow{}
		for _, x := range rows {
			by[x.SiteNo] = append(by[x.SiteNo], x)
		}
		for _, x := range sites {
			l := measure(by[x.No], now)
			l.SiteID, l.Site, l.Budget = x.ID, x.Name, x.Budget
			out = append(out, l)
		}
		return nil
	})
	return out, err
}

// measure folds the alerts of a site, the newest first.
func measure(rows []loadRow, now time.Time) (l Load) {
	day, week := now.Add(-24*time.Hour).UnixMicro(), now.Add(-7*24*time.Hour).UnixMicro()
	calls := map[string]int64{}
	var waits []int64
	var recent []loadRow
	for _, x := range rows {
		switch x.State {
		case StateNew, StateReturned:
			l.Unseen++
			l.Open++
		case StateAcknowledged:
			l.Open++
		case StateShelved:
			l.Shelved++
		}
		if x.State != StateClosed && x.State != StateShelved && x.RaisedAt < day {
			l.Standing++
		}
		if x.RaisedAt >= day {
			l.Today++
		}
		if x.RaisedAt < week {
			continue
		}
		recent = append(recent, x)
		calls[x.Rule]++
		if !x.AckedAt.IsZero() {
			waits = append(waits, max(x.AckedAt.UnixMicro()-x.RaisedAt, 0)/1e6)
		}
	}
	l.Average = float64(len(recent)) / 7
	for rule, n := range calls {
		if share := float64(n) / float64(len(recent)); share > l.Share || share == l.Share && rule < l.Noisiest {
			l.Noisiest, l.Share = rule, share
		}
	}
	if len(waits) > 0 {
		slices.Sort(waits)
		l.Seconds = max(waits[len(waits)/2], 1)
	}
	slices.SortFunc(recent, func(a, b loadRow) int { return int(a.RaisedAt - b.RaisedAt) })
	for lo, hi := 0, 0; hi < len(recent); hi++ {
		for recent[hi].RaisedAt-recent[lo].RaisedAt > (10 * time.Minute).Microseconds() {
			lo++
		}
		groups := map[string]bool{}
		for _, x := range recent[lo : hi+1] {
			groups[x.GroupID] = true
		}
		l.Peak = max(l.Peak, int64(len(groups)))
	}
	return l
}

// SetBudget says how many alerts a day a site wants to bear.
func (s *Service) SetBudget(ctx context.Context, scope Scope, siteID string, alerts int64) error {
	type row struct {
		SiteNo int64 `db:"site_no"`
		Alerts int64 `db:"alerts"`
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		siteNo, err := store.One[int64](ctx, tx, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Where("o.site_no", ""))
		if err != nil {
			return err
		}
		return store.Upsert(ctx, tx, "detect_budget", []row{{siteNo, alerts}}, []string{"site_no"}, []string{"alerts"})
	})
}
