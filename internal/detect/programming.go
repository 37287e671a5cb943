package detect

import (
	"context"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// programmingRow is detect_programming.
type programmingRow struct {
	AssetID string `db:"asset_id"`
	SiteNo  int64  `db:"site_no"`
	ZoneNo  int64  `db:"zone_no"`
	Reason  string `db:"reason"`
	ByID    string `db:"by_id"`
	ByName  string `db:"by_name"`
	At      int64  `db:"at"`
}

// Programming says that an asset programs controllers.
type Programming struct {
	AssetID string     `json:"asset_id"`
	On      bool       `json:"programming"`
	Reason  string     `json:"reason"`
	By      string     `json:"by"`
	At      store.Time `json:"at"`
}

// IsProgramming says whether a person marked the asset.
func (s *Service) IsProgramming(ctx context.Context, scope Scope, assetID string) (out Programming, err error) {
	out.AssetID = assetID
	err = s.db.View(ctx, func(r store.Reader) error {
		if err := visible(ctx, r, scope, assetID); err != nil {
			return err
		}
		rows, err := store.All[programmingRow](ctx, r, "SELECT asset_id, site_no, zone_no, reason, by_id, by_name, at FROM detect_programming WHERE asset_id = ?", assetID)
		if err == nil && len(rows) > 0 {
			out.On, out.Reason, out.By, out.At = true, rows[0].Reason, rows[0].ByName, store.Micros(rows[0].At)
		}
		return err
	})
	return out, err
}

func visible(ctx context.Context, r store.Reader, scope Scope, assetID string) error {
	_, err := store.One[string](ctx, r, "SELECT a.asset_id FROM asset_asset a WHERE a.asset_id = ? AND ?", assetID, scope.Where("a.site_no", "a.zone_no"))
	return err
}

// MarkProgramming marks an asset as a programming device, or takes the mark away.
func (s *Service) MarkProgramming(ctx context.Context, scope Scope, by Person, assetID string, on bool, reason string) error {
	reason = ot.Printable(strings.TrimSpace(reason))
	if reason == "" {
		return ot.Errorf(ot.Invalid, "say why: the mark decides whether a download is expected")
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if err := visible(ctx, tx, scope, assetID); err != nil {
			return err
		}
		if !on {
			_, err := tx.Exec(ctx, "DELETE FROM detect_programming WHERE asset_id = ?", assetID)
			return err
		}
		at, err := store.One[struct {
			SiteNo int64 `db:"site_no"`
			ZoneNo int64 `db:"zone_no"`
		}](ctx, tx, "SELECT site_no, zone_no FROM asset_asset WHERE asset_id = ?", assetID)
		if err != nil {
			return err
		}
		return store.Upsert(ctx, tx, "detect_programming", []programmingRow{{assetID, at.SiteNo, at.ZoneNo, reason, by.ID, by.Name, s.now().UnixMicro()}},
			[]string{"asset_id"}, []string{"reason", "by_id", "by_name", "at"})
	})
}
