package network

import (
	"context"

	"github.com/skanse/skanse/internal/store"
)

// rezonePage is how many conversations one transaction looks at anew.
const rezonePage = 500

// Rezone gives the ends of a site's conversations the zones that they now lie in.
// app calls it when zones, subnets or an asset's zone changed; each call takes one
// page after the given number and returns the last, 0 at the end.
func (s *Service) Rezone(ctx context.Context, tx *store.Tx, siteNo, after int64) (last int64, err error) {
	type row struct {
		ConvNo         int64  `db:"conv_no"`
		RealmNo        int64  `db:"realm_no"`
		ClientMAC      string `db:"client_mac"`
		ClientIP       string `db:"client_ip"`
		ServerMAC      string `db:"server_mac"`
		ServerIP       string `db:"server_ip"`
		ClientZoneNo   int64  `db:"client_zone_no"`
		ServerZoneNo   int64  `db:"server_zone_no"`
		ClientInternet bool   `db:"client_internet"`
		ServerInternet bool   `db:"server_internet"`
	}
	rows, err := store.All[row](ctx, tx, `SELECT conv_no, realm_no, client_mac, client_ip, server_mac, server_ip, client_zone_no, server_zone_no, client_internet, server_internet
		FROM network_conversation WHERE site_no = ? AND conv_no > ? ORDER BY conv_no LIMIT ?`, siteNo, after, rezonePage)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	var addresses []string
	seen := map[string]bool{}
	for _, r := range rows {
		for _, e := range []end{{r.ClientMAC, r.ClientIP}, {r.ServerMAC, r.ServerIP}} {
			if a := e.name(); a != "" && !seen[a] {
				seen[a] = true
				addresses = append(addresses, a)
			}
		}
	}
	e, err := s.loadEnds(ctx, tx, siteNo, addresses)
	if err != nil {
		return 0, err
	}
	for _, r := range rows {
		cz, ci := e.of(r.RealmNo, r.ClientMAC, r.ClientIP)
		sz, si := e.of(r.RealmNo, r.ServerMAC, r.ServerIP)
		if cz == r.ClientZoneNo && sz == r.ServerZoneNo && ci == r.ClientInternet && si == r.ServerInternet {
			continue
		}
		if _, err := tx.Exec(ctx, "UPDATE network_conversation SET client_zone_no = ?, server_zone_no = ?, client_internet = ?, server_internet = ? WHERE site_no = ? AND conv_no = ?",
			cz, sz, ci, si, siteNo, r.ConvNo); err != nil {
			return 0, err
		}
	}
	return rows[len(rows)-1].ConvNo, nil
}

// RequestRezone notes, in the transaction of a change, that a site's zones are to be looked at anew.
func (s *Service) RequestRezone(ctx context.Context, tx *store.Tx, siteNo int64) error {
	_, err := tx.Exec(ctx, "INSERT INTO network_rezone (site_no, requested) VALUES (?, 1) ON CONFLICT (site_no) DO UPDATE SET requested = network_rezone.requested + 1", siteNo)
	return err
}

// Waiting is a site whose zones are to be looked at anew.
type Waiting struct {
	SiteNo    int64 `db:"site_no"`
	Requested int64 `db:"requested"`
}

// Waiting lists the sites that wait, without an order that matters.
func (s *Service) Waiting(ctx context.Context) (out []Waiting, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = store.All[Waiting](ctx, r, "SELECT site_no, requested FROM network_rezone ORDER BY site_no")
		return err
	})
	return out, err
}

// Rezoned ends a wait, unless another request came meanwhile.
func (s *Service) Rezoned(ctx context.Context, tx *store.Tx, w Waiting) error {
	_, err := tx.Exec(ctx, "DELETE FROM network_rezone WHERE site_no = ? AND requested = ?", w.SiteNo, w.Requested)
	return err
}
