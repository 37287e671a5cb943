package comply

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

const (
	// askedFor is how long ago an unmatched change may lie and still be asked for.
	askedFor = 7 * 24 * time.Hour
	// changeWithin is how long who answers for the site has to explain it.
	changeWithin = 3 * 24 * time.Hour
	// mostAsked questions a site stand in the inbox at once; the page Since and the check name the others.
	mostAsked = 10
)

func changeKey(siteNo, convNo int64, class string) string {
	return "change:" + strconv.FormatInt(siteNo, 10) + ":" + strconv.FormatInt(convNo, 10) + ":" + class
}

// AskChanges asks the site to explain each change that a live sensor saw and that no approved change, no agreed window
// (30 minutes either side) and no person accounts for, the newest first. For a job.
func (s *Service) AskChanges(ctx context.Context) error {
	k, _, ok := s.cat.Check("chg.matched")
	if !ok {
		return nil
	}
	type row struct {
		SiteNo   int64  `db:"site_no"`
		ConvNo   int64  `db:"conv_no"`
		Class    string `db:"class"`
		N        int64  `db:"n"`
		LastAt   int64  `db:"last_at"`
		Client   string `db:"client"`
		Server   string `db:"server"`
		Protocol string `db:"protocol"`
		EventNo  int64  `db:"event_no"`
		ZoneNo   int64  `db:"zone_no"`
		Site     string `db:"site"`
	}
	now := s.clock()
	author, args := byRecord(k, now)
	since := micros(now.Add(-askedFor))
	q := sqlf(`SELECT e.site_no, e.conv_no, e.class, e.n, e.last_at, e.protocol, o.name AS site, COALESCE((SELECT a.zone_no FROM asset_asset a WHERE a.asset_id = e.asset), 0) AS zone_no,
  CASE WHEN e.client_ip <> '' THEN e.client_ip ELSE e.client_mac END AS client,
  COALESCE((SELECT NULLIF(a.name, '') FROM asset_asset a WHERE a.asset_id = e.asset), CASE WHEN e.server_ip <> '' THEN e.server_ip ELSE e.server_mac END) AS server,
  (SELECT MIN(n.event_no) FROM network_event n WHERE n.site_no = e.site_no AND n.conv_no = e.conv_no AND n.class = e.class AND n.at >= ? AND n.dir <> 'response' AND NOT n.refused
     AND NOT EXISTS (SELECT 1 FROM comply_explained_event z WHERE z.site_no = n.site_no AND z.event_no = n.event_no)) AS event_no
FROM (SELECT x.*, `+author+` AS author, `+changedAsset+` AS asset FROM (?) x) e JOIN org_site o ON o.site_no = e.site_no
WHERE e.author = '' AND e.live = 1 AND e.last_at >= ? ORDER BY e.site_no, e.last_at DESC, e.conv_no, e.class`, slices.Concat([]any{since}, args, []any{observedChanges(k, now), since})...)
	return s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := store.All[row](ctx, tx, "SELECT v.* FROM (?) v WHERE v.event_no IS NOT NULL LIMIT 5000", q)
		if err != nil {
			return err
		}
		asked := map[int64]int{}
		var items []inbox.Item
		for _, x := range rows {
			if asked[x.SiteNo]++; asked[x.SiteNo] > mostAsked {
				continue
			}
			last := store.Micros(x.LastAt)
			items = append(items, inbox.Item{
				Key: changeKey(x.SiteNo, x.ConvNo, x.Class), Kind: "change", SiteNo: x.SiteNo, ZoneNo: x.ZoneNo, Role: auth.SiteOTLead, Severity: inbox.Today, Action: inbox.ActionExplain,
				Title:  "Explain the change of " + x.Server + " at " + x.Site + ": " + strings.ReplaceAll(x.Class, "_", " "),
				Detail: fmt.Sprintf("%s did it by %s, last %s UTC. No approved change and no agreed window covers it.", x.Client, x.Protocol, last.UTC().Format("2006-01-02 15:04")),
				Ref:    ot.Ref{Kind: "event", ID: fmt.Sprintf("%d.%d", x.SiteNo, x.EventNo)}, Due: last.Add(changeWithin),
			})
		}
		return inbox.Keep(ctx, tx, now, "change:", "explained, or covered by a record", items)
	})
}
