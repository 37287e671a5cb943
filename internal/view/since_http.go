package view

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Routes mounts the page.
func (d *Digest) Routes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "get-since", Method: http.MethodGet, Path: "/since", Summary: "What happened since: levels, devices, connections, changes, outages, decisions", Tag: "Since", Permission: auth.PostureRead},
		func(ctx context.Context, in *struct {
			Since string    `query:"since" maxLength:"40" doc:"12h, 3d, 2026-11-20 (by the site's clock), a time, or visit: since you were last here; empty: since the last working day's end"`
			To    time.Time `query:"to" doc:"Up to then; left out: now"`
			Site  string    `query:"site"`
		},
		) (*struct{ Body Since }, error) {
			out, err := d.Since(ctx, auth.From(ctx), SinceFilter{in.Since, in.To, in.Site})
			return &struct{ Body Since }{out}, err
		})
	rest.Register(r, rest.Op{ID: "list-asset-wire-changes", Method: http.MethodGet, Path: "/assets/{id}/wire-changes", Summary: "Changes of an asset that were seen on the wire in the last 90 days, with the change or window that covers each", Tag: "Since", Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*struct{ Body Part[WireChange] }, error) {
			out, err := d.AssetChanges(ctx, auth.From(ctx), in.ID)
			return &struct{ Body Part[WireChange] }{out}, err
		})
}

// AssetChanges are the changes of one asset that were seen on the wire in the last 90 days, what nobody has explained first.
func (d *Digest) AssetChanges(ctx context.Context, p auth.Principal, id string) (out Part[WireChange], err error) {
	now := d.now()
	err = d.db.View(ctx, func(r store.Reader) error {
		l := &look{r: r, p: p, now: now, from: store.At(now.AddDate(0, 0, -90)), to: store.At(now), names: map[int64]SiteName{}}
		l.sites, err = store.All[sinceSite](ctx, r, "SELECT s.site_no, s.site_id, s.name, s.tz, s.entity_id FROM org_site s JOIN asset_asset a ON a.site_no = s.site_no WHERE a.asset_id = ? AND ?", id, p.Scope.Where("a.site_no", "a.zone_no"))
		if err != nil {
			return err
		}
		if len(l.sites) == 0 {
			return ot.Errorf(ot.NotFound, "there is no such asset")
		}
		for _, s := range l.sites {
			l.numbers = append(l.numbers, s.No)
			l.names[s.No] = SiteName{s.ID, s.Name}
		}
		out, err = l.changes(ctx, ot.SQL{Text: `EXISTS (SELECT 1 FROM asset_binding b WHERE b.asset_id = ? AND b.site_no = c.site_no AND b.realm_no = c.realm_no AND b.to_at IS NULL AND b.address = CASE WHEN c.server_ip <> '' THEN c.server_ip ELSE c.server_mac END)`, Args: []any{id}})
		return err
	})
	return out, err
}

// Ending are the inbox items of what ends within 14 days: one for each site (and the
// company, and the installation) and kind, so that ten declarations are one question.
func (d *Digest) Ending(ctx context.Context) ([]inbox.Item, error) {
	l := &look{p: auth.System(), now: d.now(), names: map[int64]SiteName{}}
	var rows []Expiry
	err := d.db.View(ctx, func(r store.Reader) (err error) {
		l.r = r
		if l.sites, err = store.All[sinceSite](ctx, r, "SELECT s.site_no, s.site_id, s.name, s.tz, s.entity_id FROM org_site s ORDER BY s.site_no"); err != nil {
			return err
		}
		for _, s := range l.sites {
			l.numbers = append(l.numbers, s.No)
			l.names[s.No] = SiteName{s.ID, s.Name}
		}
		rows, err = l.allExpiring(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return endingItems(rows), nil
}

// endingItems groups what ends; rows are sorted by their end.
func endingItems(rows []Expiry) []inbox.Item {
	type group struct {
		kind, entity string
		site         int64
	}
	words := map[string]string{"declaration": "declarations end", "account": "accounts end", "token": "access tokens end", "visitor": "visitors' time ends"}
	roles := map[string]string{"account": auth.Administrator, "token": auth.Administrator}
	titles := map[group][]string{}
	first := map[group]Expiry{}
	var order []group
	for _, x := range rows {
		if words[x.Kind] == "" { // records tell of their own end
			continue
		}
		g := group{x.Kind, x.Entity, x.siteNo}
		if x.siteNo != 0 {
			g.entity = ""
		}
		if _, ok := first[g]; !ok {
			first[g] = x
			order = append(order, g)
		}
		title := strings.TrimSpace(x.Title)
		if x.Kind == "declaration" {
			title = x.Ref.ID + " " + title
		}
		titles[g] = append(titles[g], title+" ("+x.At.UTC().Format(time.DateOnly)+")")
	}
	var items []inbox.Item
	for _, g := range order {
		x, n := first[g], len(titles[g])
		role := roles[g.kind]
		if role == "" {
			role = auth.SiteOTLead
			if g.site == 0 {
				role = auth.DSO
			}
		}
		title := fmt.Sprintf("%d %s within 14 days", n, words[g.kind])
		if n == 1 {
			title = map[string]string{"declaration": "A declaration ends", "account": "An account ends", "token": "An access token ends", "visitor": "A visitor's time ends"}[g.kind] + " within 14 days"
		}
		if x.Site != "" {
			title = x.Site + ": " + title
		}
		list := slices.Clone(titles[g][:min(n, 5)])
		if n > 5 {
			list = append(list, fmt.Sprintf("and %d more", n-5))
		}
		items = append(items, inbox.Item{
			Key: fmt.Sprintf("ending:%s:%d:%s", g.kind, g.site, g.entity), Kind: "ending", SiteNo: g.site, EntityID: g.entity, Role: role, Severity: inbox.ThisWeek, Action: inbox.ActionRenew,
			Title: title, Detail: strings.Join(list, "; "), Ref: x.Ref, Due: x.At.Time,
		})
	}
	return items
}
