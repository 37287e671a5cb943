package comply

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// explainWithin is how long a contradiction may wait for the one who can explain it.
const explainWithin = 24 * time.Hour

func contradictionKey(f Finding) string {
	return fmt.Sprintf("contradiction:%d:%s:%s", f.SiteNo, f.EntityID, f.Requirement)
}

// askExplain keeps one inbox item for each requirement and site whose contradictions
// nobody has explained yet, however many checks contradict.
func (s *Service) askExplain(ctx context.Context, tx *store.Tx, now time.Time) error {
	open, err := store.All[Finding](ctx, tx, "SELECT "+findingColumns+` FROM comply_finding WHERE closed_at IS NULL
 AND finding_id NOT IN (SELECT finding_id FROM comply_explained_finding) ORDER BY opened_at, finding_id`)
	if err != nil {
		return err
	}
	type place struct {
		No   int64  `db:"site_no"`
		Name string `db:"name"`
	}
	sites, err := store.All[place](ctx, tx, "SELECT site_no, name FROM org_site")
	if err != nil {
		return err
	}
	names := map[int64]string{}
	for _, x := range sites {
		names[x.No] = x.Name
	}
	at := map[string]int{}
	var items []inbox.Item
	for _, f := range open {
		q, ok := s.cat.Requirement(f.Requirement)
		if !ok {
			continue
		}
		key := contradictionKey(f)
		if n, ok := at[key]; ok {
			items[n].Detail += " " + after(f.Sentence, ". ")
			continue
		}
		i := inbox.Item{
			Key: key, Kind: "contradiction", SiteNo: f.SiteNo, EntityID: f.EntityID, Role: auth.SiteOTLead, Severity: inbox.Today, Action: inbox.ActionExplain,
			Title: q.Title, Detail: f.Sentence, Ref: ot.Ref{Kind: "requirement", ID: q.ID}, Due: f.OpenedAt.Add(explainWithin),
		}
		if f.SiteNo == 0 {
			i.Role = auth.DSO
		} else if names[f.SiteNo] != "" {
			i.Title = names[f.SiteNo] + ": " + q.Title
		}
		at[key] = len(items)
		items = append(items, i)
	}
	return inbox.Keep(ctx, tx, now, "contradiction:", "no longer contradicted, or explained", items)
}
