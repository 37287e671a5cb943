package conduit

import (
	"context"
	"io"
	"net/netip"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Format is how an export is written.
type Format string

// The formats.
const (
	AsNFT   Format = "nft"
	AsTable Format = "table"
)

// Export writes the policies in force of a site. It reads in the caller's transaction, so
// that a command can do it beside a running server.
func (s *Service) Export(ctx context.Context, r store.Reader, scope Scope, siteID string, f Format, w io.Writer) error {
	z, err := zonesOf(ctx, r, scope, siteID)
	if err != nil {
		return err
	}
	policies, err := policiesOf(ctx, r, z.siteNo)
	if err != nil {
		return err
	}
	at := Layout{Made: s.now()}
	if at.Site, err = store.One[string](ctx, r, "SELECT name FROM org_site WHERE site_no = ?", z.siteNo); err != nil {
		return err
	}
	type subnet struct {
		ZoneNo  int64  `db:"zone_no"`
		Name    string `db:"name"`
		Prefix  string `db:"prefix"`
		Default bool   `db:"is_default"`
	}
	rows, err := store.All[subnet](ctx, r, `SELECT z.zone_no, z.name, COALESCE(s.prefix, '') AS prefix, COALESCE(m.is_default, TRUE) AS is_default
 FROM org_zone z LEFT JOIN org_subnet s ON s.zone_no = z.zone_no LEFT JOIN org_realm m ON m.realm_no = s.realm_no WHERE z.site_no = ? ORDER BY z.level DESC, z.name, z.zone_no, s.prefix`, z.siteNo)
	if err != nil {
		return err
	}
	for _, x := range rows {
		if n := len(at.Zones); n == 0 || at.Zones[n-1].No != x.ZoneNo {
			at.Zones = append(at.Zones, Area{No: x.ZoneNo, Name: x.Name})
		}
		switch p, err := netip.ParsePrefix(x.Prefix); {
		case err != nil: // a zone without one
		case !x.Default:
			at.Others++
		default:
			a := &at.Zones[len(at.Zones)-1]
			a.Prefixes = append(a.Prefixes, p)
		}
	}
	var out []Export
	now := s.now()
	for i := range policies {
		if p := &policies[i]; p.inForce(now) {
			out = append(out, Export{p.From, p.To, p.Either, p.Transport, p.Port, p.Protocol, classNames(p.Classes), p.Allow, p.Reason, p.Owner, p.Until.Time})
		}
	}
	switch f {
	case AsNFT:
		return NFT(w, at, out)
	case AsTable:
		return Table(w, at, out)
	}
	return ot.Errorf(ot.Invalid, "there is no format %s: choose nft or table", ot.Printable(string(f)))
}
