package view

import (
	"context"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// PacketEnds is whose packets are meant: the addresses of a conversation's two
// ends, or of an asset, whose other ends are anybody.
type PacketEnds struct {
	SiteNo    int64
	SiteID    string
	RealmNo   int64
	What      string
	Addresses []string // of an asset: IP addresses, and MACs where it has none
	A, B      string   // of a conversation
	Transport string
	Port      uint16
}

// ConversationEnds finds a conversation's addresses. One out of scope is not there.
func (s *Conversations) ConversationEnds(ctx context.Context, scope Scope, id string) (p PacketEnds, err error) {
	d, err := s.Detail(ctx, scope, id)
	if err != nil {
		return p, err
	}
	site, no, _ := parseID(id)
	p = PacketEnds{
		SiteNo: site, SiteID: d.SiteID, What: d.Client.Name + " → " + d.Server.Name, A: or(d.Client.IP, d.Client.MAC), B: or(d.Server.IP, d.Server.MAC),
		Transport: d.Transport, Port: uint16(d.Port),
	}
	if name := or(d.Protocol, d.Guess); name != "" {
		p.What += " (" + name + ")"
	}
	err = s.db.View(ctx, func(r store.Reader) (err error) {
		p.RealmNo, err = store.One[int64](ctx, r, "SELECT realm_no FROM network_conversation WHERE site_no = ? AND conv_no = ?", site, no)
		return err
	})
	return p, err
}

// AssetEnds finds an asset's present addresses.
func (s *Conversations) AssetEnds(ctx context.Context, scope Scope, id string) (p PacketEnds, err error) {
	type row struct {
		SiteNo  int64  `db:"site_no"`
		SiteID  string `db:"site_id"`
		Name    string `db:"name"`
		RealmNo int64  `db:"realm_no"`
		Kind    string `db:"kind"`
		Address string `db:"address"`
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[row](ctx, r, `SELECT a.site_no, s.site_id, a.name, b.realm_no, b.kind, b.address FROM asset_asset a JOIN org_site s ON s.site_no = a.site_no
 JOIN asset_binding b ON b.asset_id = a.asset_id AND b.to_at IS NULL WHERE a.asset_id = ? AND ? ORDER BY b.kind, b.address`, id, scope.Where("a.site_no", "a.zone_no"))
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ot.Errorf(ot.NotFound, "there is no asset %s with an address", ot.Printable(id))
		}
		p = PacketEnds{SiteNo: rows[0].SiteNo, SiteID: rows[0].SiteID, RealmNo: rows[0].RealmNo, What: rows[0].Name}
		for _, x := range rows {
			p.Addresses = append(p.Addresses, x.Address)
		}
		return nil
	})
	return p, err
}
