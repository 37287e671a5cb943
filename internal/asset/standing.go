package asset

import (
	"context"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Visit says until when a device may stay.
type Visit struct {
	UntilAt   store.Time `json:"until_at"`
	DecidedBy string     `json:"decided_by"`
	Reason    string     `json:"reason"`
}

// Blocked is an address on the block list.
type Blocked struct {
	AssetID   string     `json:"asset_id"`
	SiteID    string     `json:"site_id"`
	Name      string     `json:"name"`
	Kind      string     `json:"kind" enum:"mac,ip"`
	Address   string     `json:"address"`
	Reason    string     `json:"reason"`
	BlockedBy string     `json:"blocked_by"`
	BlockedAt store.Time `json:"blocked_at"`
	SeenAt    store.Time `json:"seen_at" nullable:"true" doc:"Heard since"`
	Times     int64      `json:"times" doc:"How often it came back"`
}

// Standing is what was decided about a device beyond its state.
type Standing struct {
	Visitor []Visit   `json:"visitor" nullable:"false" doc:"None or one"`
	Blocked []Blocked `json:"blocked" nullable:"false"`
}

type shownBlock struct {
	blockRow
	SiteID string `db:"site_id"`
	Name   string `db:"name"`
}

func (b *shownBlock) show() Blocked {
	return Blocked{b.AssetID, b.SiteID, b.Name, b.Kind, b.Address, b.Reason, b.BlockedBy, b.BlockedAt, b.SeenAt, b.Times}
}

const blockSelect = `SELECT b.site_no, b.realm_no, b.kind, b.address, b.asset_id, b.reason, b.blocked_by, b.blocked_at, b.seen_at, b.times, b.lifted_at, b.lifted_by, s.site_id, COALESCE(a.name, '') AS name
 FROM asset_block b JOIN org_site s ON s.site_no = b.site_no LEFT JOIN asset_asset a ON a.asset_id = b.asset_id WHERE b.lifted_at IS NULL AND `

// Standing returns what was decided about a device beyond its state.
func (s *Service) Standing(ctx context.Context, scope Scope, id string) (out Standing, err error) {
	out = Standing{Visitor: []Visit{}, Blocked: []Blocked{}}
	err = s.db.View(ctx, func(r store.Reader) error {
		a, err := find(ctx, r, scope, id)
		if err != nil {
			return err
		}
		visits, err := store.All[visitorRow](ctx, r, "SELECT asset_id, site_no, until_at, decided_by, decided_at, reason FROM asset_visitor WHERE asset_id = ?", a.ID)
		if err != nil {
			return err
		}
		for _, v := range visits {
			out.Visitor = append(out.Visitor, Visit{v.UntilAt, v.DecidedBy, v.Reason})
		}
		blocks, err := store.All[shownBlock](ctx, r, blockSelect+"b.asset_id = ? ORDER BY b.kind, b.address", a.ID)
		for i := range blocks {
			out.Blocked = append(out.Blocked, blocks[i].show())
		}
		return err
	})
	return out, err
}

// BlockList lists the addresses that must not be there, the newest first.
func (s *Service) BlockList(ctx context.Context, scope Scope, siteID, cursor string, limit int) (page rest.Page[Blocked], err error) {
	if limit <= 0 || limit > 500 {
		limit = 100
	}
	type position struct {
		At int64  `json:"a"`
		ID string `json:"i"`
		To string `json:"t"`
	}
	q, args := blockSelect+"?", []any{scope.Where("b.site_no", "a.zone_no")}
	if siteID != "" {
		q += " AND s.site_id = ?"
		args = append(args, siteID)
	}
	if cursor != "" {
		var p position
		if err := rest.DecodeCursor(cursor, &p); err != nil {
			return page, err
		}
		q += " AND (b.blocked_at < ? OR b.blocked_at = ? AND (b.asset_id > ? OR b.asset_id = ? AND b.address > ?))"
		args = append(args, p.At, p.At, p.ID, p.ID, p.To)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[shownBlock](ctx, r, q+" ORDER BY b.blocked_at DESC, b.asset_id, b.address LIMIT ?", append(args, limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(b shownBlock) string {
			return rest.EncodeCursor(position{b.BlockedAt.UnixMicro(), b.AssetID, b.Address})
		})
		page = rest.Page[Blocked]{Items: make([]Blocked, 0, len(cut.Items)), Next: cut.Next}
		for i := range cut.Items {
			page.Items = append(page.Items, cut.Items[i].show())
		}
		return nil
	})
	return page, err
}

// newcomerRoutes mounts what is decided about new devices.
func (s *Service) newcomerRoutes(r *rest.Router) {
	const tag = "Assets"
	rest.Register(r, rest.Op{ID: "decide-new-devices", Method: http.MethodPost, Path: "/assets/decision", Summary: "Say of new devices that they belong here, visit, must go, or ask a colleague", Tag: tag, Permission: auth.AssetWrite, Audit: "asset.newcomer", Status: http.StatusOK},
		func(ctx context.Context, in *struct{ Body Decision }) (*struct{ Body Decided }, error) {
			out, err := s.DecideNew(ctx, auth.From(ctx).Scope, person(ctx), in.Body)
			return &struct{ Body Decided }{out}, err
		})
	rest.Register(r, rest.Op{ID: "get-asset-standing", Method: http.MethodGet, Path: "/assets/{id}/standing", Summary: "Whether it is a visitor, or on the block list", Tag: tag, Permission: auth.AssetRead},
		func(ctx context.Context, in *idInput) (*struct{ Body Standing }, error) {
			out, err := s.Standing(ctx, auth.From(ctx).Scope, in.ID)
			return &struct{ Body Standing }{out}, err
		})
	rest.Register(r, rest.Op{ID: "unblock-asset", Method: http.MethodPost, Path: "/assets/{id}/unblock", Summary: "Take a device off the block list", Tag: tag, Permission: auth.AssetWrite, Audit: "asset.unblock", Status: http.StatusNoContent},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body struct {
				Reason string `json:"reason,omitempty" maxLength:"500"`
			}
		},
		) (*struct{}, error) {
			return nil, s.Unblock(ctx, auth.From(ctx).Scope, person(ctx), in.ID, in.Body.Reason)
		})
	rest.Register(r, rest.Op{ID: "list-blocked", Method: http.MethodGet, Path: "/blocked", Summary: "The block list: addresses that must not be there", Tag: tag, Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			Site   string `query:"site"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*pageOf[Blocked], error) {
			page, err := s.BlockList(ctx, auth.From(ctx).Scope, in.Site, in.Cursor, in.Limit)
			return &pageOf[Blocked]{page}, err
		})
}
