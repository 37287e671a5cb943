package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// assets begins a SELECT of every asset that is ours to care for, as a, with its zone as z.
// verdict, value and reason follow.
func assets(verdict, value, reason, where string, args ...any) ot.SQL {
	return sqlf(`SELECT a.site_no, 'asset' AS kind, a.asset_id AS ref,
  CASE WHEN a.name <> '' THEN a.name WHEN a.model <> '' THEN a.model WHEN a.vendor <> '' THEN a.vendor || ' device' ELSE 'device without a name' END AS label,
  `+verdict+` AS verdict, `+value+` AS value, `+reason+` AS reason
FROM asset_asset a LEFT JOIN org_zone z ON z.zone_no = a.zone_no
WHERE a.managed AND a.state IN ('new', 'accepted') AND (z.zone_no IS NULL OR NOT z.external)`+where, args...)
}

// seenAssets is assets where what only stands on a person's list is unknown: a word is no measurement.
func seenAssets(verdict, value, reason, where string, args ...any) ot.SQL {
	return assets("CASE WHEN NOT a.seen THEN 'unknown' ELSE "+verdict+" END", value, "CASE WHEN NOT a.seen THEN 'It is on a list only; nothing has heard it.' ELSE "+reason+" END", where, args...)
}

const noValue = "CAST(NULL AS DOUBLE PRECISION)"

// heardAssets is assets with h, how far the asset's zone was listened to in the window.
func heardAssets(w Window, verdict, value, reason, where string, args ...any) ot.SQL {
	q := assets(verdict, value, reason, where, args...)
	return sqlf(`WITH h AS (SELECT site_no, zone_no, share, percent FROM comply_heard WHERE hours = ?) ?`, hoursOf(w), q)
}

func assetChecks() []relation {
	return []relation{
		{id: "asset.crit_set", fold: ot.Share, reads: assetTopics(), many: true, items: func(*CheckSpec, time.Time) ot.SQL {
			return seenAssets("CASE WHEN a.criticality > 0 THEN 'pass' ELSE 'fail' END", "CAST(a.criticality AS DOUBLE PRECISION)",
				"CASE WHEN a.criticality > 0 THEN 'A person set it.' WHEN a.criticality_hint > 0 THEN 'Suggested ' || CAST(a.criticality_hint AS TEXT) || ', not confirmed: ' || a.criticality_reason ELSE 'Nobody set it yet.' END", "")
		}},
		{id: "asset.crit_review", fold: ot.Share, reads: assetTopics(), many: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return assets("CASE WHEN a.criticality_at >= ? THEN 'pass' ELSE 'fail' END", noValue,
				"CASE WHEN a.criticality_at IS NULL THEN 'Never confirmed by a person.' ELSE 'Confirmed {d:' || CAST(a.criticality_at AS TEXT) || '}.' END",
				" AND a.criticality >= 3", micros(now.AddDate(-1, 0, 0)))
		}},
		{id: "asset.crown", fold: ot.Share, reads: bothTopics(), many: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return assets("CASE WHEN a.owner = '' OR a.zone_no = 0 OR COALESCE(a.last_live_at, 0) < ? THEN 'fail' ELSE 'unknown' END", noValue,
				"CASE WHEN a.owner = '' THEN 'It has no owner.' WHEN a.zone_no = 0 THEN 'It is in no zone.' WHEN COALESCE(a.last_live_at, 0) < ? THEN 'No live sensor saw it in 7 days.' ELSE 'Owner, zone and monitoring are there; its backup is not known.' END",
				" AND a.criticality >= 3", micros(now.AddDate(0, 0, -7)), micros(now.AddDate(0, 0, -7)))
		}},
		{id: "asset.unregistered", fold: ot.Count, unit: "devices", reads: assetTopics(), many: true, items: unregistered},
		{id: "asset.ghosts", fold: ot.Share, reads: bothTopics(), many: true, items: ghosts},
		{id: "asset.fields", fold: ot.Share, reads: assetTopics(), many: true, items: func(*CheckSpec, time.Time) ot.SQL {
			const missing = "CASE WHEN a.vendor = '' THEN ' vendor' ELSE '' END || CASE WHEN a.model = '' AND a.order_code = '' THEN ' model' ELSE '' END || CASE WHEN a.firmware = '' THEN ' firmware' ELSE '' END || CASE WHEN a.zone_no = 0 THEN ' zone' ELSE '' END || CASE WHEN a.owner = '' THEN ' owner' ELSE '' END"
			return seenAssets("CASE WHEN a.vendor <> '' AND (a.model <> '' OR a.order_code <> '') AND a.firmware <> '' AND a.zone_no <> 0 AND a.owner <> '' THEN 'pass' ELSE 'fail' END", noValue,
				"CASE WHEN a.vendor <> '' AND (a.model <> '' OR a.order_code <> '') AND a.firmware <> '' AND a.zone_no <> 0 AND a.owner <> '' THEN 'All five are known.' ELSE 'Missing:' || "+missing+" || '.' END", "")
		}},
		{id: "asset.identified", fold: ot.Share, reads: assetTopics(), many: true, items: func(*CheckSpec, time.Time) ot.SQL {
			return assets("CASE WHEN a.identified THEN 'pass' ELSE 'fail' END", noValue,
				"CASE WHEN a.identified THEN a.vendor || ' ' || CASE WHEN a.model <> '' THEN a.model ELSE a.order_code END WHEN a.vendor <> '' THEN 'Only the maker is known: ' || a.vendor || '.' ELSE 'Neither maker nor model is known.' END", " AND a.seen")
		}},
		{id: "asset.expected", fold: ot.Share, reads: assetTopics(), many: true, items: func(*CheckSpec, time.Time) ot.SQL {
			return assets("CASE WHEN a.live THEN 'pass' WHEN NOT EXISTS (SELECT 1 FROM network_source s WHERE s.site_no = a.site_no AND s.live) THEN 'unknown' ELSE 'fail' END", noValue,
				"CASE WHEN a.live THEN 'Heard by a live sensor.' WHEN a.seen THEN 'Seen in a capture only.' ELSE 'On the list, never heard.' END", " AND a.expected")
		}},
		{id: "cfg.as_planned", fold: ot.Share, reads: bothTopics(), many: true, items: asPlanned},
		{id: "asset.freshness", fold: ot.Share, reads: bothTopics(), many: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			since := windowStart(k, now)
			return assets("CASE WHEN COALESCE(a.last_live_at, 0) >= ? THEN 'pass' WHEN EXISTS (SELECT 1 FROM network_source s WHERE s.site_no = a.site_no AND s.live) THEN 'fail' ELSE 'unknown' END", noValue,
				"CASE WHEN COALESCE(a.last_live_at, 0) >= ? THEN 'Last heard {t:' || CAST(a.last_live_at AS TEXT) || '}.' WHEN a.last_live_at IS NOT NULL THEN 'Silent since {t:' || CAST(a.last_live_at AS TEXT) || '}.' WHEN a.seen THEN 'Known from a capture only.' ELSE 'Never heard.' END",
				" AND a.state = 'accepted' AND (z.zone_no IS NULL OR z.ot)", since, since)
		}},
		{id: "net.doc_drift", fold: ot.Count, unit: "addresses", reads: bothTopics(), many: true, items: docDrift},
		{id: "vuln.identifiable", fold: ot.Share, reads: assetTopics(), many: true, items: func(*CheckSpec, time.Time) ot.SQL {
			return seenAssets("CASE WHEN a.vendor <> '' AND (a.model <> '' OR a.order_code <> '') AND a.firmware <> '' THEN 'pass' ELSE 'fail' END", noValue,
				"CASE WHEN a.vendor = '' THEN 'The maker is not known.' WHEN a.model = '' AND a.order_code = '' THEN 'The product is not known.' WHEN a.firmware = '' THEN 'The version is not known.' ELSE 'Maker, product and version are known.' END", "")
		}},
		{id: "seg.zoned", fold: ot.Share, reads: assetTopics(), many: true, items: func(*CheckSpec, time.Time) ot.SQL {
			return seenAssets("CASE WHEN COALESCE(z.sl_t, 0) > 0 THEN 'pass' ELSE 'fail' END", noValue,
				"CASE WHEN z.zone_no IS NULL THEN 'In no zone.' WHEN z.sl_t = 0 THEN 'Zone ' || z.name || ' has no target security level.' ELSE 'In zone ' || z.name || ', target level ' || CAST(z.sl_t AS TEXT) || '.' END", "")
		}},
	}
}

// unregistered: a device of a live sensor counts from when it was first heard, one of a
// capture from when the capture came in. A capture can show an undecided device, but that
// all its devices are decided says nothing about the devices it did not see.
func unregistered(_ *CheckSpec, now time.Time) ot.SQL {
	week := micros(now.AddDate(0, 0, -7))
	const since = "CASE WHEN a.live THEN a.first_at ELSE a.created_at END"
	return assets("CASE WHEN a.state = 'new' AND "+since+" < ? THEN 'fail' WHEN a.live THEN 'pass' ELSE 'unknown' END", noValue,
		"CASE WHEN a.state <> 'new' THEN 'Decided.' WHEN "+since+" < ? THEN 'Undecided since {d:' || CAST("+since+" AS TEXT) || '}.' ELSE 'New since {d:' || CAST("+since+" AS TEXT) || '}, to be decided within 7 days.' END",
		" AND a.seen", week, week)
}

// asPlanned: what projects plan is heard as they say, and what is heard is planned, of the
// kinds that projects are about. Sites without a project have no rows. What was planned
// and is not heard counts only where the zone is listened to; a capture passes nothing.
func asPlanned(k *CheckSpec, _ time.Time) ot.SQL {
	const heard = "EXISTS (SELECT 1 FROM h WHERE h.site_no = a.site_no AND h.zone_no = a.zone_no AND h.share >= .8)"
	return heardAssets(k.Window,
		"CASE WHEN a.planned IN ('differs', '') THEN 'fail' WHEN a.planned = 'unseen' AND "+heard+" THEN 'fail' WHEN a.planned = 'agrees' AND a.live THEN 'pass' ELSE 'unknown' END", noValue,
		`CASE WHEN a.planned = 'differs' THEN 'It is other than its project plans it: its page says where.'
    WHEN a.planned = '' THEN 'Heard, and in no project of its site.'
    WHEN a.planned = 'unseen' AND `+heard+` THEN 'Planned, and not heard, though its zone is listened to.'
    WHEN a.planned = 'unseen' THEN 'Planned, and not heard; its zone is not listened to enough to miss it.'
    WHEN a.live THEN 'Heard as it is planned.' ELSE 'As planned, in a capture only.' END`,
		` AND (a.planned <> '' OR a.seen AND a.role IN ('plc', 'rtu', 'io', 'drive', 'hmi', 'ied', 'safety')
    AND EXISTS (SELECT 1 FROM asset_project p WHERE p.site_no = a.site_no AND p.devices > 0))`)
}

// ghosts judges accepted assets only where a sensor listens enough to miss them.
func ghosts(k *CheckSpec, now time.Time) ot.SQL {
	since := micros(now.AddDate(0, 0, -30))
	w, _ := ParseWindow("30d")
	const heard = "EXISTS (SELECT 1 FROM h WHERE h.site_no = a.site_no AND h.zone_no = a.zone_no AND h.share >= .8)"
	return heardAssets(w, "CASE WHEN COALESCE(a.last_live_at, 0) >= ? THEN 'pass' WHEN "+heard+" THEN 'fail' ELSE 'unknown' END", noValue,
		"CASE WHEN COALESCE(a.last_live_at, 0) >= ? THEN 'Last heard {t:' || CAST(a.last_live_at AS TEXT) || '}.' WHEN "+heard+" THEN 'Not heard for 30 days, though its zone is listened to.' ELSE 'Its zone is not listened to enough to miss it.' END",
		" AND a.state = 'accepted'", since, since)
}

// docDrift: an asset with an address in no documented subnet of its site, for more than 30 days.
func docDrift(_ *CheckSpec, now time.Time) ot.SQL {
	month := micros(now.AddDate(0, 0, -30))
	const documented = "EXISTS (SELECT 1 FROM org_subnet n WHERE n.site_no = a.site_no)"
	return assets("CASE WHEN NOT "+documented+" THEN 'unknown' WHEN a.zone_no = 0 AND a.first_at < ? THEN 'fail' ELSE 'pass' END", noValue,
		"CASE WHEN NOT "+documented+" THEN 'The site has no documented networks to compare with.' WHEN a.zone_no = 0 THEN 'Its address is in no documented network, since {d:' || CAST(a.first_at AS TEXT) || '}.' ELSE 'In a documented network.' END",
		" AND a.seen AND EXISTS (SELECT 1 FROM asset_binding b WHERE b.asset_id = a.asset_id AND b.kind = 'ip' AND b.to_at IS NULL)", month)
}
