package asset

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// As of an earlier moment means: as the centre knew it then. An asset's row is
// today's; its history undoes what was changed since. The oldest change after the
// moment holds the value before it. What went into another asset by a merge, and
// counters, are shown as today.

// Measured fields of an asset that was heard change by "field" entries, which hold
// what stood there; "decided" entries hold a person's word only. An asset that was
// never heard has only words.
const undoMeasured = `COALESCE((SELECT c.before FROM asset_change c WHERE c.asset_id = x.asset_id AND c.field = '%' AND (c.kind = 'field' OR c.kind = 'decided' AND NOT x.seen) AND c.at > ? ORDER BY c.change_id LIMIT 1), x.%) AS %`

const undoDecided = `COALESCE((SELECT c.before FROM asset_change c WHERE c.asset_id = x.asset_id AND c.field = '%' AND c.at > ? ORDER BY c.change_id LIMIT 1), x.%) AS %`

const undoCriticality = `COALESCE((SELECT CAST(c.before AS BIGINT) FROM asset_change c WHERE c.asset_id = x.asset_id AND c.field = 'criticality' AND c.at > ? ORDER BY c.change_id LIMIT 1), x.criticality) AS criticality`

// A zone stands in the history by its name where a network gave it, by its id where a person did.
const undoZone = `COALESCE((SELECT CASE WHEN c.before = '' THEN 0 ELSE COALESCE((SELECT MIN(g.zone_no) FROM org_zone g WHERE g.site_no = x.site_no AND (g.name = c.before OR g.zone_id = c.before)), 0) END
	FROM asset_change c WHERE c.asset_id = x.asset_id AND c.field = 'zone' AND (c.kind = 'field' OR NOT x.seen) AND c.at > ? ORDER BY c.change_id LIMIT 1), x.zone_no) AS zone_no`

// AsOf is where a list reads assets from: the table, or the table with what came later undone.
// scope_zone_no is today's zone: what a person may see is a matter of today.
func AsOf(at time.Time) ot.SQL {
	if at.IsZero() {
		return ot.SQL{Text: "(SELECT x.*, x.zone_no AS scope_zone_no FROM asset_asset x)"}
	}
	measured := []string{"name", "vendor", "model", "order_code", "firmware", "serial", "role", "level"}
	decided := []string{"owner", "state", "spare"}
	moment := store.At(at)
	q := ot.SQL{Text: "(SELECT x.zone_no AS scope_zone_no"}
	for _, column := range strings.Split(assetColumns, ", ") {
		text := "x." + column
		switch {
		case slices.Contains(measured, column):
			text = strings.ReplaceAll(undoMeasured, "%", column)
		case slices.Contains(decided, column):
			text = strings.ReplaceAll(undoDecided, "%", column)
		case column == "criticality":
			text = undoCriticality
		case column == "zone_no":
			text = undoZone
		}
		q.Text += ", " + text
		if strings.Contains(text, "?") {
			q.Args = append(q.Args, moment)
		}
	}
	q.Text += " FROM asset_asset x WHERE x.created_at <= ?)"
	q.Args = append(q.Args, moment)
	return q
}

// addressesAt puts the addresses of that moment into rows of a list.
func addressesAt(ctx context.Context, r store.Reader, rows []listRow, at time.Time) error {
	if at.IsZero() || len(rows) == 0 {
		return nil
	}
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	moment := at.UnixMicro()
	bound, err := store.All[bindingRow](ctx, r, `SELECT site_no, realm_no, kind, address, asset_id, from_at, to_at, person FROM asset_binding
		WHERE asset_id IN (?) AND from_at <= ? AND (to_at IS NULL OR to_at > ?) ORDER BY address`, ids, moment, moment)
	if err != nil {
		return err
	}
	ips, macs := map[string][]string{}, map[string][]string{}
	for _, b := range bound {
		if b.Kind == "mac" {
			macs[b.AssetID] = append(macs[b.AssetID], b.Address)
		} else {
			ips[b.AssetID] = append(ips[b.AssetID], b.Address)
		}
	}
	for i := range rows {
		rows[i].IPs.V, rows[i].MACs.V = ips[rows[i].ID], macs[rows[i].ID]
	}
	return nil
}

// latest bounds times in µs that were written by then.
func latest(at time.Time) int64 {
	if at.IsZero() {
		return math.MaxInt64
	}
	return at.UnixMicro()
}
