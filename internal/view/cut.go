package view

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/conduit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Cut is what would happen if a zone or a host were cut off, by what was observed.
type Cut struct {
	Stops  []Talk    `json:"stops" nullable:"false" doc:"Conversations across the cut, the newest first; at most 500"`
	More   bool      `json:"more"`
	Total  int64     `json:"total" doc:"Of them"`
	Inside int64     `json:"inside" doc:"Conversations inside the zone: they keep running"`
	Others int64     `json:"others" doc:"Conversations of the site that do not touch it"`
	Ports  []CutPort `json:"ports" nullable:"false" doc:"Where a host hangs, as far as it says itself; a host without an entry: unknown"`
}

// CutPort is what a host says of its own port (LLDP, CDP).
type CutPort struct {
	AssetID string `json:"asset_id"`
	Name    string `json:"name"`
	Attr    string `json:"attr"`
	Value   string `json:"value"`
}

// cutFor is how far back conversations count, and mostCut how many are told.
const (
	cutFor  = 7 * 24 * time.Hour
	mostCut = 500
)

// Cut answers for a zone or, where asset is given, for one host.
func (s *Service) Cut(ctx context.Context, scope auth.Scope, siteID, zoneID, assetID string, now time.Time) (out Cut, err error) {
	out = Cut{Stops: []Talk{}, Ports: []CutPort{}}
	err = s.db.View(ctx, func(r store.Reader) error {
		siteNo, err := store.One[int64](ctx, r, "SELECT o.site_no FROM org_site o WHERE o.site_id = ? AND ?", siteID, scope.Where("o.site_no", ""))
		if err != nil {
			return err
		}
		if (zoneID == "") == (assetID == "") {
			return ot.Errorf(ot.Invalid, "zone, asset: name one of them")
		}
		side := func(which string) ot.SQL {
			if zoneID != "" {
				return ot.SQL{Text: "c." + which + "_zone_no = (SELECT z.zone_no FROM org_zone z WHERE z.zone_id = ?)", Args: []any{zoneID}}
			}
			return ot.SQL{Text: strings.ReplaceAll("EXISTS (SELECT 1 FROM asset_binding b WHERE b.asset_id = ? AND b.to_at IS NULL AND b.site_no = c.site_no AND b.realm_no = c.realm_no AND b.address = CASE WHEN c.@_ip <> '' THEN c.@_ip ELSE c.@_mac END)", "@", which), Args: []any{assetID}}
		}
		if zoneID != "" {
			_, err = store.One[int64](ctx, r, "SELECT zone_no FROM org_zone WHERE zone_id = ? AND site_no = ?", zoneID, siteNo)
		} else {
			_, err = store.One[string](ctx, r, "SELECT asset_id FROM asset_asset WHERE asset_id = ? AND site_no = ?", assetID, siteNo)
		}
		if err != nil {
			return err
		}
		a, b := side("client"), side("server")
		heard := ot.SQL{Text: "c.site_no = ? AND c.last_at >= ? AND ?", Args: []any{siteNo, store.At(now.Add(-cutFor)), conduit.Crosses("c")}}
		across := ot.SQL{Text: "? AND ((?) AND NOT (?) OR (?) AND NOT (?))", Args: []any{heard, a, b, b, a}}
		for _, n := range []struct {
			to *int64
			q  ot.SQL
		}{{&out.Total, across}, {&out.Inside, ot.SQL{Text: "? AND (?) AND (?)", Args: []any{heard, a, b}}}, {&out.Others, ot.SQL{Text: "? AND NOT (?) AND NOT (?)", Args: []any{heard, a, b}}}} {
			if *n.to, err = store.One[int64](ctx, r, "SELECT COUNT(*) FROM network_conversation c WHERE ?", n.q); err != nil {
				return err
			}
		}
		rows, err := store.All[convRow](ctx, r, "SELECT "+talkColumns+talkFrom+" WHERE ? ORDER BY c.last_at DESC, c.conv_no LIMIT ?", across, mostCut)
		if err != nil {
			return err
		}
		who, err := loadOwners(ctx, r, rows, now)
		if err != nil {
			return err
		}
		for i := range rows {
			out.Stops = append(out.Stops, rows[i].talk(who))
		}
		out.More = out.Total > int64(len(rows))
		out.Ports, err = cutPorts(ctx, r, siteNo, zoneID, assetID)
		return err
	})
	return out, err
}

func cutPorts(ctx context.Context, r store.Reader, siteNo int64, zoneID, assetID string) ([]CutPort, error) {
	type row struct {
		AssetID string `db:"asset_id"`
		Name    string `db:"name"`
		Attr    string `db:"attr"`
		Value   string `db:"value"`
	}
	rows, err := store.All[row](ctx, r, `SELECT DISTINCT a.asset_id, a.name, f.attr, f.value FROM asset_fact f JOIN asset_asset a ON a.asset_id = f.asset_id
 WHERE f.site_no = ? AND f.attr IN ('lldp.port_id', 'lldp.port_desc', 'cdp.port') AND (a.asset_id = ? OR a.zone_no = (SELECT z.zone_no FROM org_zone z WHERE z.zone_id = ?)) ORDER BY a.name, a.asset_id, f.attr, f.value LIMIT 200`, siteNo, assetID, zoneID)
	out := make([]CutPort, 0, len(rows))
	for _, x := range rows {
		out = append(out, CutPort(x))
	}
	return out, err
}

func (s *Service) cutRoutes(r *rest.Router) {
	rest.Register(r, rest.Op{ID: "simulate-cut", Method: http.MethodGet, Path: "/sites/{id}/cut", Summary: "What would stop, and what would keep running, if a zone or a host were cut off", Tag: "Plant", Permission: auth.NetworkRead},
		func(ctx context.Context, in *struct {
			ID    string `path:"id"`
			Zone  string `query:"zone"`
			Asset string `query:"asset"`
		},
		) (*struct{ Body Cut }, error) {
			c, err := s.Cut(ctx, auth.From(ctx).Scope, in.ID, in.Zone, in.Asset, time.Now())
			return &struct{ Body Cut }{c}, err
		})
}
