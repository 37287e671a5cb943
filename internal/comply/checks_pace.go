package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// paceHours is how many hours of timed answers make a baseline.
const paceHours = 24

// paced: critical controllers, and whether their answers were timed for a day of the window.
// One that nobody listens to is unknown; one that is heard and never asked anything that is timed fails.
func paced(k *CheckSpec, now time.Time) ot.SQL {
	return sqlf(`WITH p AS (SELECT b.asset_id, COUNT(DISTINCT f.hour) AS n FROM performance_function f
  JOIN asset_binding b ON b.site_no = f.site_no AND b.realm_no = f.realm_no AND b.address = f.server AND b.to_at IS NULL WHERE f.hour > ? AND f.told_n > 0 GROUP BY b.asset_id),
h AS (SELECT site_no, zone_no, share, percent FROM comply_heard WHERE hours = ?) ?`, now.Unix()/3600-int64(k.Window.Length().Hours()), hoursOf(k.Window), assets(
		"CASE WHEN COALESCE((SELECT p.n FROM p WHERE p.asset_id = a.asset_id), 0) >= ? THEN 'pass' WHEN (SELECT p.n FROM p WHERE p.asset_id = a.asset_id) > 0 THEN 'unknown' WHEN EXISTS (SELECT 1 FROM h WHERE h.site_no = a.site_no AND h.zone_no = a.zone_no AND h.share >= 0.8) THEN 'fail' ELSE 'unknown' END",
		"CAST((SELECT p.n FROM p WHERE p.asset_id = a.asset_id) AS DOUBLE PRECISION)",
		"CASE WHEN (SELECT p.n FROM p WHERE p.asset_id = a.asset_id) > 0 THEN 'Hours in which its answers were timed: ' || CAST((SELECT p.n FROM p WHERE p.asset_id = a.asset_id) AS TEXT) || '.' ELSE 'None of its answers was timed.' END",
		" AND a.managed AND a.criticality >= 3 AND a.role IN ('plc', 'rtu', 'safety', 'ied')", paceHours))
}

func paceChecks() []relation {
	return []relation{{id: "mon.perf", fold: ot.Share, reads: bothTopics(), many: true, items: paced}}
}
