package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// zones makes a row of each OT zone; z is otZones.
func zones(w Window, verdict, value, reason, where string, args ...any) ot.SQL {
	q := sqlf(`SELECT z.site_no, 'zone' AS kind, z.zone_id AS ref, z.name AS label, ` + verdict + ` AS verdict, ` + value + ` AS value, ` + reason + ` AS reason FROM (?) z` + where)
	// The arguments of verdict, value and reason stand before the fragment, those of where after it.
	head := countMarks(verdict) + countMarks(value) + countMarks(reason)
	q.Args = append(append(append([]any{}, args[:head]...), otZones(w)), args[head:]...)
	return q
}

func countMarks(s string) int {
	n := 0
	for _, r := range s {
		if r == '?' {
			n++
		}
	}
	return n
}

// sources makes a row of each live sensor.
func sources(verdict, value, reason string) ot.SQL {
	return sqlf(`SELECT s.site_no, 'source' AS kind, s.source_id AS ref, CASE WHEN s.name <> '' THEN s.name ELSE s.source_id END AS label, ` +
		verdict + ` AS verdict, ` + value + ` AS value, ` + reason + ` AS reason
FROM network_source s LEFT JOIN comply_uptime u ON u.source_id = s.source_id WHERE s.live`)
}

// delivering holds for a zone that a sensor heard today and that delivered in the last 15 minutes.
const delivering = `EXISTS (SELECT 1 FROM network_listen l JOIN network_source s ON s.source_id = l.source_id AND s.live AND s.received_at >= ?
  WHERE l.site_no = z.site_no AND l.zone_no = z.zone_no AND l.hour >= ?)`

func monitorChecks() []relation {
	sight := func(k *CheckSpec, now time.Time) ot.SQL {
		return zones(k.Window, "CASE WHEN NOT z.watched THEN 'unknown' WHEN z.share > 0 THEN 'pass' ELSE 'fail' END",
			"CASE WHEN z.watched THEN z.share END",
			"CASE WHEN NOT z.watched THEN 'No live sensor at this site.' WHEN z.share > 0 THEN 'Listened to ' || CAST(z.percent AS TEXT) || ' % of the last "+k.Window.People()+".' ELSE 'No live sensor heard this zone in the last "+k.Window.People()+".' END", "")
	}
	return []relation{
		{id: "mon.zones", fold: ot.Share, reads: heardTopics(), items: func(k *CheckSpec, now time.Time) ot.SQL {
			from, hour := micros(now.Add(-k.Window.Length())), now.Add(-24*time.Hour).Unix()/3600
			return zones(k.Window, "CASE WHEN NOT z.watched THEN 'unknown' WHEN "+delivering+" THEN 'pass' ELSE 'fail' END", noValue,
				"CASE WHEN NOT z.watched THEN 'No live sensor at this site.' WHEN "+delivering+" THEN 'A sensor that hears this zone delivered in the last "+k.Window.People()+".' WHEN z.share > 0 THEN 'Its sensor has not delivered for more than "+k.Window.People()+".' ELSE 'No live sensor heard this zone in the last 24 hours.' END",
				"", from, hour, from, hour)
		}},
		{id: "mon.uptime", fold: ot.Share, reads: heardTopics(), items: func(*CheckSpec, time.Time) ot.SQL {
			const loss = "CAST(s.dropped AS DOUBLE PRECISION) > .01 * CAST(s.packets + s.dropped AS DOUBLE PRECISION)"
			return sources("CASE WHEN u.share IS NULL THEN 'unknown' WHEN u.share >= .99 AND NOT "+loss+" THEN 'pass' ELSE 'fail' END", "u.share",
				"CASE WHEN u.share IS NULL THEN 'It has not been heard for an hour yet.' WHEN "+loss+" THEN 'It loses more than 1 % of the packets: ' || CAST(s.dropped AS TEXT) || ' lost.' ELSE 'It listened to ' || CAST(u.percent AS TEXT) || ' % of ' || CAST(u.hours AS TEXT) || CASE WHEN u.hours = 1 THEN ' hour due.' ELSE ' hours due.' END END")
		}},
		{id: "mon.tx", fold: ot.Sum, unit: "frames", reads: heardTopics(), items: func(*CheckSpec, time.Time) ot.SQL {
			return sources("CASE WHEN s.transmitted > 0 THEN 'fail' ELSE 'pass' END", "CAST(s.transmitted AS DOUBLE PRECISION)",
				"CASE WHEN s.transmitted > 0 THEN 'Its listening interface sent ' || CAST(s.transmitted AS TEXT) || CASE WHEN s.transmitted = 1 THEN ' frame.' ELSE ' frames.' END ELSE 'Its transmit counter is 0 after ' || CAST(s.packets AS TEXT) || CASE WHEN s.packets = 1 THEN ' packet heard.' ELSE ' packets heard.' END END")
		}},
		{id: "mon.passive", fold: ot.Share, reads: heardTopics(), items: func(k *CheckSpec, _ time.Time) ot.SQL {
			const sent = "EXISTS (SELECT 1 FROM network_source s WHERE s.site_no = z.site_no AND s.live AND s.transmitted > 0)"
			return zones(k.Window, "CASE WHEN "+sent+" THEN 'fail' ELSE 'pass' END", noValue,
				"CASE WHEN "+sent+" THEN 'A listening interface at this site has sent frames.' ELSE 'Heard by a sensor that only listens.' END", " WHERE z.share > 0")
		}},
		{id: "mon.active_unapproved", fold: ot.Sum, unit: "queries", reads: heardTopics(), items: func(*CheckSpec, time.Time) ot.SQL {
			return sources("'pass'", "CAST(0 AS DOUBLE PRECISION)", "'This release of Skanse has no active queries at all.'")
		}},
		{id: "mon.blind", fold: ot.Count, unit: "zones", reads: heardTopics(), items: sight},
		{id: "site.lead_sight", fold: ot.Share, reads: heardTopics(), items: sight},
		{id: "ids.cover", fold: ot.Share, reads: heardTopics(), items: func(k *CheckSpec, now time.Time) ot.SQL {
			const ruled = `EXISTS (SELECT 1 FROM network_listen l JOIN network_source s ON s.source_id = l.source_id AND s.live AND s.rule_set <> ''
  WHERE l.site_no = z.site_no AND l.zone_no = z.zone_no AND l.hour >= ?)`
			hour := now.Add(-24*time.Hour).Unix() / 3600
			return zones(k.Window, "CASE WHEN NOT z.watched THEN 'unknown' WHEN "+ruled+" THEN 'pass' ELSE 'fail' END", noValue,
				"CASE WHEN NOT z.watched THEN 'No live sensor at this site.' WHEN "+ruled+" THEN 'Heard by a sensor with detection rules.' ELSE 'No sensor with detection rules heard it in the last 24 hours.' END", "", hour, hour)
		}},
		{id: "vis.unparsed", fold: ot.Max, reads: heardTopics(), items: unparsed},
		{id: "det.selftest", fold: ot.Share, reads: heardTopics(), items: selftests},
		{id: "ids.proof", fold: ot.Share, reads: heardTopics(), items: selftests},
		{id: "vis.foreseen", fold: ot.Share, reads: bothTopics(), many: true, items: sightCheck},
		{id: "dev.decide", fold: ot.Share, reads: bothTopics(), items: newDevices},
	}
}

// unparsed: of the payload that an OT zone serves, the share in protocols that nobody recognised.
func unparsed(k *CheckSpec, now time.Time) ot.SQL {
	bytes := sqlf(`SELECT c.site_no, c.server_zone_no AS zone_no, CAST(SUM(c.client_bytes + c.server_bytes) AS DOUBLE PRECISION) AS total,
  CAST(SUM(CASE WHEN c.protocol = '' THEN c.client_bytes + c.server_bytes ELSE 0 END) AS DOUBLE PRECISION) AS unknown
FROM network_conversation c WHERE c.last_at >= ? AND c.live AND NOT c.told AND c.server_zone_no <> 0 GROUP BY c.site_no, c.server_zone_no`, windowStart(k, now))
	return sqlf(`SELECT z.site_no, 'zone' AS kind, z.zone_id AS ref, z.name AS label,
  CASE WHEN COALESCE(b.total, 0) <= 0 OR z.share < ? THEN 'unknown' WHEN b.unknown / b.total <= ? THEN 'pass' ELSE 'fail' END AS verdict,
  CASE WHEN b.total > 0 THEN b.unknown / b.total END AS value,
  CASE WHEN COALESCE(b.total, 0) <= 0 THEN 'No traffic of this zone was heard.' ELSE CAST(CAST(b.unknown AS BIGINT) AS TEXT) || ' of ' || CAST(CAST(b.total AS BIGINT) AS TEXT) || ' bytes are in protocols that are not recognised.' END AS reason
FROM (?) z LEFT JOIN (?) b ON b.site_no = z.site_no AND b.zone_no = z.zone_no`, k.Observed, k.Test.Value, otZones(k.Window), bytes)
}

// newDevices: each device that a live sensor heard for the first time in the window, and
// whether a person decided on it within a day. What is heard in a sensor's first week is the
// plant as it was, which asset.unregistered asks about. A site without any new device is one
// row, so that quiet has a population.
func newDevices(k *CheckSpec, now time.Time) ot.SQL {
	const dayLong = int64(24 * time.Hour / time.Microsecond)
	const isNew = " AND a.live AND a.first_at >= ? AND a.first_at >= (SELECT MIN(s.first_at) FROM network_source s WHERE s.site_no = a.site_no AND s.live) + ?"
	fresh := assets("CASE WHEN a.decided_at IS NOT NULL AND a.decided_at - a.first_at <= ? THEN 'pass' WHEN a.decided_at IS NULL AND a.first_at >= ? THEN 'unknown' ELSE 'fail' END", noValue,
		"CASE WHEN a.decided_at IS NULL THEN 'New since {t:' || CAST(a.first_at AS TEXT) || '}, undecided.' ELSE 'New {t:' || CAST(a.first_at AS TEXT) || '}, decided {t:' || CAST(a.decided_at AS TEXT) || '}.' END",
		isNew, dayLong, micros(now.Add(-24*time.Hour)), windowStart(k, now), 7*dayLong)
	return sqlf(`? UNION ALL ?`, fresh, quietSites(k, sqlf("SELECT a.site_no FROM asset_asset a WHERE a.managed AND a.state IN ('new', 'accepted')"+isNew, windowStart(k, now), 7*dayLong), "No new device was heard."))
}

// quietSites makes one row of each site with a live sensor where nothing of what is counted
// happened: passing when the site was listened to enough on average.
func quietSites(k *CheckSpec, busy ot.SQL, sentence string) ot.SQL {
	return sqlf(`SELECT q.site_no, 'site' AS kind, q.site_id AS ref, q.name AS label, CASE WHEN q.share >= ? THEN 'pass' ELSE 'unknown' END AS verdict, `+noValue+` AS value,
  CASE WHEN q.share >= ? THEN '`+sentence+`' ELSE 'Listened to too little of the last `+k.Window.People()+` to call it none.' END AS reason
FROM (SELECT o.site_no, o.site_id, o.name, AVG(z.share) AS share FROM org_site o JOIN (?) z ON z.site_no = o.site_no WHERE z.watched GROUP BY o.site_no, o.site_id, o.name) q
WHERE q.site_no NOT IN (?)`, k.Observed, k.Observed, otZones(k.Window), busy)
}

// selftests: each live sensor, and how its newest self-test of the window ended. One
// that was never tested is unknown: that it hears says nothing of what it would notice.
func selftests(k *CheckSpec, now time.Time) ot.SQL {
	const newest = " t.asked_at = (SELECT MAX(n.asked_at) FROM listen_selftest n WHERE n.source_id = t.source_id AND n.state <> 'running')"
	return sqlf(`SELECT s.site_no, 'source' AS kind, s.source_id AS ref, CASE WHEN s.name <> '' THEN s.name ELSE s.source_id END AS label,
  CASE WHEN t.test_id IS NULL THEN 'unknown' WHEN t.state = 'passed' THEN 'pass' ELSE 'fail' END AS verdict, `+noValue+` AS value,
  CASE WHEN t.test_id IS NULL THEN 'No self-test in the last `+k.Window.People()+`.' WHEN t.state = 'passed' THEN 'Its self-test of {t:' || CAST(t.asked_at AS TEXT) || '} reached the inbox.' ELSE 'Its self-test of {t:' || CAST(t.asked_at AS TEXT) || '} failed. ' || t.detail END AS reason
FROM network_source s LEFT JOIN listen_selftest t ON t.source_id = s.source_id AND t.asked_at >= ? AND t.state <> 'running' AND`+newest+` WHERE s.live`, windowStart(k, now))
}
