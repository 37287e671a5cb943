package asset

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// decideWithin is how long a new device may wait for somebody.
const decideWithin = 48 * time.Hour

// namedInItem bounds the devices that an inbox item names.
const namedInItem = 5

func newcomerKey(siteNo int64) string { return fmt.Sprintf("asset.new:%d", siteNo) }

// ask keeps the one inbox item of a site's undecided devices true: forty that come at once are
// one question. by and outcome say who decided, where somebody did.
func (s *Service) ask(ctx context.Context, tx *store.Tx, siteNo int64, now time.Time, by, outcome string) error {
	type total struct {
		N    int64      `db:"n"`
		From store.Time `db:"since"`
	}
	const undecided = " FROM asset_asset a WHERE a.site_no = ? AND a.state = 'new' AND a.managed AND a.seen"
	t, err := store.One[total](ctx, tx, "SELECT COUNT(*) AS n, MIN(COALESCE(a.decided_at, a.created_at)) AS since"+undecided, siteNo)
	if err != nil {
		return err
	}
	if t.N == 0 {
		return inbox.Done(ctx, tx, now, by, outcome, newcomerKey(siteNo))
	}
	type newcomer struct {
		ID     string               `db:"asset_id"`
		Name   string               `db:"name"`
		Vendor string               `db:"vendor"`
		IPs    store.JSON[[]string] `db:"ips"`
		MACs   store.JSON[[]string] `db:"macs"`
		ZoneNo int64                `db:"zone_no"`
		Zone   string               `db:"zone"`
		SiteID string               `db:"site_id"`
		Site   string               `db:"site"`
	}
	first, err := store.All[newcomer](ctx, tx, `SELECT a.asset_id, a.name, a.vendor, a.ips, a.macs, a.zone_no, COALESCE((SELECT z.name FROM org_zone z WHERE z.zone_no = a.zone_no), '') AS zone,
 (SELECT s.site_id FROM org_site s WHERE s.site_no = a.site_no) AS site_id, (SELECT s.name FROM org_site s WHERE s.site_no = a.site_no) AS site`+undecided+
		" ORDER BY COALESCE(a.decided_at, a.created_at) DESC, a.asset_id LIMIT ?", siteNo, namedInItem)
	if err != nil || len(first) == 0 {
		return err
	}
	var names []string
	for _, x := range first {
		a := assetRow{ID: x.ID, Name: x.Name, IPs: x.IPs, MACs: x.MACs}
		text := a.label()
		if x.Vendor != "" {
			text += " (" + x.Vendor + ")"
		}
		if x.Zone != "" {
			text += " in " + x.Zone
		}
		names = append(names, text)
	}
	i := inbox.Item{
		Key: newcomerKey(siteNo), Kind: "new-device", SiteNo: siteNo, Role: auth.SiteOTLead, Severity: inbox.Today, Action: inbox.ActionDecide,
		Ref: ot.Ref{Kind: "new-devices", ID: first[0].SiteID}, Due: t.From.Add(decideWithin),
		Title: fmt.Sprintf("%d new devices at %s", t.N, first[0].Site), Detail: strings.Join(names, "; "),
	}
	if more := t.N - int64(len(names)); more > 0 {
		i.Detail += fmt.Sprintf("; and %d more", more)
	}
	if t.N == 1 {
		i.Title = "New device at " + first[0].Site + ": " + names[0]
		i.Detail, i.Ref, i.ZoneNo = "Nobody has said yet whether it belongs there.", ot.Ref{Kind: "asset", ID: first[0].ID}, first[0].ZoneNo
	}
	return inbox.Put(ctx, tx, now, i)
}

// askAgain is ask for the sites of assets whose state a person changed.
func (s *Service) askAgain(ctx context.Context, tx *store.Tx, who Person, state string, sites ...int64) error {
	slices.Sort(sites)
	for _, no := range slices.Compact(sites) {
		if err := s.ask(ctx, tx, no, s.now(), who.ID, state); err != nil {
			return err
		}
	}
	return nil
}

// newcomers says whether what was written may change how many devices wait.
func (w *writer) newcomers() bool {
	for id, a := range w.assets {
		if a.State == StateNew || w.before[id].State == StateNew {
			return true
		}
	}
	for old := range w.moved {
		if w.before[old].State == StateNew {
			return true
		}
	}
	return false
}
