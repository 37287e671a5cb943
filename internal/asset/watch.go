package asset

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// blockGrace is how much of what is heard may still be from before the block: a
// summary covers minutes. Who comes back after blockRest of silence is told of anew.
const (
	blockGrace = 10 * time.Minute
	blockRest  = time.Hour
)

// watchedPerTurn bounds one transaction of Watch.
const watchedPerTurn = 200

// Watch looks at visitors whose time is over and at blocked addresses that are heard again. For a job.
func (s *Service) Watch(ctx context.Context) error {
	if err := s.db.Update(ctx, func(tx *store.Tx) error { return s.visitsOver(ctx, tx) }); err != nil {
		return fmt.Errorf("look for visitors whose time is over: %w", err)
	}
	if err := s.db.Update(ctx, func(tx *store.Tx) error { return s.blockedHeard(ctx, tx) }); err != nil {
		return fmt.Errorf("look for blocked devices: %w", err)
	}
	return nil
}

// visitsOver asks anew about visitors that are heard after their day. One that has left in time is no question.
func (s *Service) visitsOver(ctx context.Context, tx *store.Tx) error {
	now := s.now()
	rows, err := store.All[visitorRow](ctx, tx, `SELECT v.asset_id, v.site_no, v.until_at, v.decided_by, v.decided_at, v.reason FROM asset_visitor v JOIN asset_asset a ON a.asset_id = v.asset_id
 WHERE v.until_at < ? AND a.last_at > v.until_at AND a.state = 'accepted' ORDER BY v.asset_id LIMIT ?`, store.At(now), watchedPerTurn)
	if err != nil {
		return err
	}
	for _, v := range rows {
		if _, err := tx.Exec(ctx, "UPDATE asset_asset SET state = 'new', decided_at = ?, version = version + 1 WHERE asset_id = ?", store.At(now), v.AssetID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM asset_visitor WHERE asset_id = ?", v.AssetID); err != nil {
			return err
		}
		c := changeRow{ID: store.NewID(), AssetID: v.AssetID, SiteNo: v.SiteNo, At: store.At(now), Kind: "state", Field: "state", Before: StateAccepted, After: StateNew, Reason: "heard after the visit ended (" + dateText(v.UntilAt) + ")"}
		if err := store.Upsert(ctx, tx, "asset_change", []changeRow{c}, nil, nil); err != nil {
			return err
		}
		if err := s.ask(ctx, tx, v.SiteNo, now, "", ""); err != nil {
			return err
		}
		if err := publishAsset(ctx, tx, v.SiteNo, v.AssetID); err != nil {
			return err
		}
	}
	return nil
}

// blockedHeard notes which addresses of the block list are heard, and tells of the ones that come back.
func (s *Service) blockedHeard(ctx context.Context, tx *store.Tx) error {
	type heard struct {
		blockRow
		LastAt int64  `db:"last_at"`
		Now    string `db:"now_id"`
		Name   string `db:"name"`
		Site   string `db:"site"`
		ZoneNo int64  `db:"zone_no"`
	}
	rows, err := store.All[heard](ctx, tx, `SELECT b.site_no, b.realm_no, b.kind, b.address, b.asset_id, b.reason, b.blocked_by, b.blocked_at, b.seen_at, b.times, b.lifted_at, b.lifted_by, x.last_at,
 COALESCE((SELECT l.asset_id FROM asset_alias l WHERE l.old_id = b.asset_id), b.asset_id) AS now_id,
 COALESCE((SELECT a.name FROM asset_asset a WHERE a.asset_id = b.asset_id), '') AS name, COALESCE((SELECT a.zone_no FROM asset_asset a WHERE a.asset_id = b.asset_id), 0) AS zone_no, s.name AS site
FROM asset_block b JOIN org_site s ON s.site_no = b.site_no
JOIN (SELECT k.site_no, k.realm_no, k.kind, k.address, k.asset_id, MAX(h.last_at) AS last_at FROM asset_block k JOIN asset_host h ON h.site_no = k.site_no AND h.realm_no = k.realm_no AND (k.kind = 'mac' AND h.mac = k.address OR k.kind = 'ip' AND h.ip = k.address)
 WHERE k.lifted_at IS NULL GROUP BY k.site_no, k.realm_no, k.kind, k.address, k.asset_id) x
 ON x.site_no = b.site_no AND x.realm_no = b.realm_no AND x.kind = b.kind AND x.address = b.address AND x.asset_id = b.asset_id
WHERE b.lifted_at IS NULL AND x.last_at > COALESCE(b.seen_at, b.blocked_at + ?) ORDER BY b.site_no, b.asset_id, b.address LIMIT ?`, blockGrace.Microseconds(), watchedPerTurn)
	if err != nil {
		return err
	}
	now := s.now()
	for _, x := range rows {
		again := x.SeenAt.IsZero() || x.LastAt-x.SeenAt.UnixMicro() > blockRest.Microseconds()
		more := 0
		if again {
			more = 1
		}
		if _, err := tx.Exec(ctx, "UPDATE asset_block SET seen_at = ?, times = times + ? WHERE site_no = ? AND realm_no = ? AND kind = ? AND address = ? AND asset_id = ?",
			x.LastAt, more, x.SiteNo, x.RealmNo, x.Kind, x.Address, x.AssetID); err != nil {
			return err
		}
		if !again {
			continue
		}
		label := x.Address
		if x.Name != "" {
			label = x.Name + " (" + x.Address + ")"
		}
		c := changeRow{ID: store.NewID(), AssetID: x.Now, SiteNo: x.SiteNo, At: store.At(now), Kind: "blocked", Field: x.Kind, After: x.Address, Reason: "on the block list, and heard again"}
		if err := store.Upsert(ctx, tx, "asset_change", []changeRow{c}, nil, nil); err != nil {
			return err
		}
		if err := inbox.Put(ctx, tx, now, inbox.Item{
			Key: "asset.blocked:" + x.Now, Kind: "blocked-device", SiteNo: x.SiteNo, ZoneNo: x.ZoneNo, Role: auth.SiteOTLead, Severity: inbox.Now, Action: inbox.ActionDecide,
			Title: "Blocked device heard again at " + x.Site + ": " + label, Detail: "Blocked by " + x.BlockedBy + ": " + x.Reason, Ref: ot.Ref{Kind: "asset", ID: x.Now}, Due: now.Add(time.Hour),
		}); err != nil {
			return err
		}
		if s.findings != nil {
			if err := s.findings.BlockedHeard(ctx, tx, now, x.SiteNo, x.Now, label, x.Reason); err != nil {
				return err
			}
		}
		if err := publishAsset(ctx, tx, x.SiteNo, x.Now); err != nil {
			return err
		}
	}
	return nil
}

// Findings takes down that something is wrong with an asset; the record engine's part of app is one.
type Findings interface {
	// BlockedHeard is called in the transaction in which a blocked device was heard again.
	BlockedHeard(ctx context.Context, tx *store.Tx, now time.Time, siteNo int64, assetID, label, why string) error
}

// KeepFindings says who takes findings down; without it they are in the inbox only. Call
// it before the first request.
func (s *Service) KeepFindings(f Findings) { s.findings = f }
