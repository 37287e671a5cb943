package comply

import (
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Log sources are judged from the register and from what came: package logs owns the tables.

// most that a log source's clock may be off, and how old the measurement may be.
const (
	mostOffset = 5 * time.Second
	offsetAge  = 24 * time.Hour
)

// logSources makes a row of each expected source s, with what was heard of it, h, and its oldest kept line, o.
func logSources(verdict, value, reason string, args ...any) ot.SQL {
	return sqlf(`SELECT s.site_no, 'log-source' AS kind, s.source_id AS ref, s.name AS label, `+verdict+` AS verdict, `+value+` AS value, `+reason+` AS reason
FROM logs_source s LEFT JOIN logs_heard h ON h.source_id = s.source_id
LEFT JOIN (SELECT d.source_id, MIN(d.first_at) AS oldest FROM logs_day d WHERE d.gone_at IS NULL GROUP BY d.source_id) o ON o.source_id = s.source_id
WHERE s.removed_at IS NULL`, args...)
}

// logLive: a line within a day, or within the longer time that the source was agreed to be quiet.
func logLive(_ *CheckSpec, now time.Time) ot.SQL {
	const span = "CASE WHEN s.interval_s > 86400 THEN s.interval_s ELSE 86400 END * 1000000"
	return logSources("CASE WHEN h.last_at >= CAST(? AS BIGINT) - "+span+" THEN 'pass' WHEN h.last_at IS NULL AND s.created_at >= CAST(? AS BIGINT) - "+span+" THEN 'unknown' ELSE 'fail' END", noValue,
		"CASE WHEN h.last_at IS NOT NULL THEN 'Last line {t:' || CAST(h.last_at AS TEXT) || '}.' ELSE 'Registered {t:' || CAST(s.created_at AS TEXT) || '} and never heard.' END",
		micros(now), micros(now))
}

// logRetention: the oldest kept line is as old as is asked. One that is registered for less cannot be yet.
func logRetention(_ *CheckSpec, now time.Time) ot.SQL {
	const asked = "s.retention_days * 86400000000"
	n := micros(now)
	return logSources("CASE WHEN o.oldest <= CAST(? AS BIGINT) - "+asked+" + 86400000000 THEN 'pass' WHEN s.created_at > CAST(? AS BIGINT) - "+asked+" THEN 'unknown' ELSE 'fail' END",
		"CAST((CAST(? AS BIGINT) - o.oldest) / 86400000000 AS DOUBLE PRECISION)",
		"CASE WHEN o.oldest IS NULL THEN 'No line of it is kept; days asked: ' || CAST(s.retention_days AS TEXT) || '.' ELSE 'Its oldest kept line is of {d:' || CAST(o.oldest AS TEXT) || '}; days asked: ' || CAST(s.retention_days AS TEXT) || '.' END",
		n, n, n)
}

// logTime: how far its clock is from ours, by the times that its lines name.
func logTime(_ *CheckSpec, now time.Time) ot.SQL {
	most, fresh := mostOffset.Microseconds(), micros(now.Add(-offsetAge))
	return logSources("CASE WHEN h.offset_at IS NULL OR h.offset_at < ? THEN 'unknown' WHEN ABS(h.offset_us) <= ? THEN 'pass' ELSE 'fail' END",
		"CASE WHEN h.offset_at >= ? THEN CAST(h.offset_us AS DOUBLE PRECISION) / 1000000 END",
		"CASE WHEN h.offset_at IS NULL OR h.offset_at < ? THEN 'No line of the last day names a time of its own.' ELSE 'Its clock is ' || CAST(ABS(h.offset_us) / 1000 AS TEXT) || ' ms ' || CASE WHEN h.offset_us < 0 THEN 'behind.' ELSE 'ahead.' END END",
		fresh, most, fresh, fresh)
}

// reporting: OT hosts that speak as Windows does, and whether a log source of theirs was heard in the window.
// "Not feasible" is an exception.
func reporting(k *CheckSpec, now time.Time) ot.SQL {
	const source = "EXISTS (SELECT 1 FROM logs_source s JOIN logs_heard h ON h.source_id = s.source_id WHERE s.asset_id = a.asset_id AND s.removed_at IS NULL AND h.last_at >= ?)"
	since := windowStart(k, now)
	return assets("CASE WHEN "+source+" THEN 'pass' ELSE 'fail' END", noValue,
		"CASE WHEN "+source+" THEN 'Its events came within the last "+k.Window.People()+".' WHEN EXISTS (SELECT 1 FROM logs_source s WHERE s.asset_id = a.asset_id AND s.removed_at IS NULL) THEN 'It is a log source, and none of its events came within the last "+k.Window.People()+".' ELSE 'It is no log source, and nobody decided that it cannot be one.' END",
		` AND (EXISTS (SELECT 1 FROM asset_fact f WHERE f.asset_id = a.asset_id AND f.attr IN ('browser.os_version', 'ntlmssp.os_version', 'rdp.client_build', 'netbios.name'))
  OR EXISTS (SELECT 1 FROM logs_source w WHERE w.asset_id = a.asset_id AND w.kind = 'windows' AND w.removed_at IS NULL))`, since, since)
}

// triageTime: of each site, the middle of how long urgent alerts waited for somebody. One that still waits counts with its age.
func triageTime(k *CheckSpec, now time.Time) ot.SQL {
	waits := sqlf(`SELECT a.site_no, CAST(CASE WHEN a.acked_at IS NOT NULL THEN a.acked_at WHEN a.closed_by <> '' AND a.closed_at IS NOT NULL THEN a.closed_at ELSE CAST(? AS BIGINT) END - a.raised_at AS DOUBLE PRECISION) / 60000000 AS minutes
FROM detect_alert a WHERE a.live AND a.severity IN ('critical', 'high') AND a.raised_at >= ?`, micros(now), windowStart(k, now))
	return sqlf(`SELECT m.site_no, 'site' AS kind, o.site_id AS ref, o.name AS label, CASE WHEN m.minutes <= ? THEN 'pass' ELSE 'fail' END AS verdict, m.minutes AS value,
  'Urgent alerts: ' || CAST(m.n AS TEXT) || '. Half of them waited longer than ' || CAST(CAST(m.minutes AS BIGINT) AS TEXT) || ' minutes.' AS reason
FROM (SELECT r.site_no, MAX(r.n) AS n, AVG(r.minutes) AS minutes FROM (SELECT w.site_no, w.minutes, ROW_NUMBER() OVER (PARTITION BY w.site_no ORDER BY w.minutes) AS place, COUNT(*) OVER (PARTITION BY w.site_no) AS n FROM (?) w) r
  WHERE r.place * 2 IN (r.n, r.n + 1, r.n + 2) GROUP BY r.site_no) m JOIN org_site o ON o.site_no = m.site_no`, k.Test.Value, waits)
}

func logTopics() []ot.Topic { return []ot.Topic{ot.TopicLog, ot.TopicOrg} }

func logChecks() []relation {
	assetsToo := append(slices.Clone(logTopics()), ot.TopicAsset)
	return []relation{
		{id: "log.live", fold: ot.Share, reads: logTopics(), items: logLive},
		{id: "log.retention", fold: ot.Share, reads: logTopics(), items: logRetention},
		{id: "log.time", fold: ot.Share, reads: logTopics(), items: logTime},
		{id: "act.windows", fold: ot.Share, reads: assetsToo, many: true, items: reporting},
		{id: "dos.boundary", fold: ot.Share, reads: append(slices.Clone(logTopics()), ot.TopicRecord), items: boundaries},
		{id: "irp.triage_time", fold: ot.Max, unit: "minutes", reads: append(slices.Clone(heardTopics()), ot.TopicAlert), items: triageTime},
	}
}

// boundaries: each zone of a site that is somebody else's (the office, the outside), and each boundary that is written
// down as leading outside: whether a filtering device is named there whose log was heard within a day.
func boundaries(_ *CheckSpec, now time.Time) ot.SQL {
	const inUse = "b.type = 'boundary' AND b.state = 'in_use'"
	const filtered = inUse + " AND COALESCE(CAST(b.data->>'device' AS TEXT), '') <> '' AND COALESCE(CAST(b.data->>'filters' AS TEXT), '') IN ('allow', 'deny')"
	const heard = " AND EXISTS (SELECT 1 FROM logs_source s JOIN logs_heard h ON h.source_id = s.source_id WHERE s.asset_id = CAST(b.data->>'device' AS TEXT) AND s.removed_at IS NULL AND h.last_at >= ?)"
	exists := func(where, on string) string {
		return "EXISTS (SELECT 1 FROM record_record b WHERE " + where + " AND " + on + ")"
	}
	const begun = "EXISTS (SELECT 1 FROM record_record r JOIN org_site o ON o.site_no = r.site_no WHERE r.type = 'boundary' AND r.site_no = %)"
	verdict := func(on, site string) string {
		return "CASE WHEN " + exists(filtered+heard, on) + " THEN 'pass' WHEN " + replaceAll(begun, site) + " THEN 'fail' ELSE 'unknown' END"
	}
	reason := func(on, site string) string {
		return "CASE WHEN " + exists(filtered+heard, on) + " THEN 'A filtering device is named, and its log was heard within a day.' WHEN " + exists(filtered, on) + " THEN 'A filtering device is named, and its log was not heard within a day.' WHEN " + exists(inUse, on) +
			" THEN 'It is written down, and nothing filters there.' WHEN " + replaceAll(begun, site) + " THEN 'It is not written down which device filters there.' ELSE 'No boundary of the site is written down yet.' END"
	}
	day := micros(now.Add(-24 * time.Hour))
	const toZone, itself = "(CAST(b.data->>'far' AS TEXT) = z.zone_id OR CAST(b.data->>'near' AS TEXT) = z.zone_id)", "b.record_id = x.record_id"
	zones := sqlf("SELECT z.site_no, 'zone' AS kind, z.zone_id AS ref, z.name AS label, "+verdict(toZone, "z.site_no")+" AS verdict, "+noValue+" AS value, "+reason(toZone, "z.site_no")+" AS reason FROM org_zone z WHERE z.external", day, day)
	written := sqlf("SELECT x.site_no, 'record' AS kind, x.record_id AS ref, x.ref || ' ' || x.title AS label, "+verdict(itself, "x.site_no")+" AS verdict, "+noValue+" AS value, "+reason(itself, "x.site_no")+
		" AS reason FROM record_record x WHERE x.type = 'boundary' AND x.state = 'in_use' AND x.site_no <> 0 AND COALESCE(CAST(x.data->>'far' AS TEXT), '') = ''", day, day)
	return sqlf("? UNION ALL ?", zones, written)
}
