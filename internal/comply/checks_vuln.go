package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

func vulnTopics() []ot.Topic { return []ot.Topic{ot.TopicVuln, ot.TopicAsset, ot.TopicOrg} }

func vulnRecordTopics() []ot.Topic {
	return []ot.Topic{ot.TopicVuln, ot.TopicRecord, ot.TopicOrg}
}

// urgent are findings f that are exploited or critical on a critical asset.
const urgent = "f.verdict = 'affected' AND (f.kev OR f.score >= 9) AND (f.kev OR f.criticality >= 3)"

// noneOpen gives a passing row to each site whose assets were matched and that has no row of q;
// a site that nothing was matched at stays without, and so unknown.
func noneOpen(q ot.SQL, reason string) ot.SQL {
	return sqlf(`? UNION ALL SELECT o.site_no, 'site' AS kind, o.site_id AS ref, o.name AS label, 'pass' AS verdict, `+noValue+` AS value, '`+reason+`' AS reason
FROM org_site o WHERE EXISTS (SELECT 1 FROM vuln_asset m WHERE m.site_no = o.site_no AND m.known) AND EXISTS (SELECT 1 FROM vuln_advisory) AND o.site_no NOT IN (SELECT q.site_no FROM (?) q)`, q, q)
}

// findings begins a SELECT of findings as f with their advisory; verdict and reason follow.
func findings(verdict, reason, where string, args ...any) ot.SQL {
	return sqlf(`SELECT f.site_no, 'asset' AS kind, f.asset_id AS ref, f.asset_name || ': ' || f.advisory_id AS label, `+verdict+` AS verdict, `+noValue+` AS value, `+reason+` AS reason
FROM vuln_finding f WHERE `+where, args...)
}

// vulnChecks are judged from advisories matched with the inventory, and what people decided.
func vulnChecks() []relation {
	return []relation{
		{id: "vuln.sources", fold: ot.Share, reads: vulnTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			fresh := micros(now.Add(-48 * time.Hour))
			return sqlf(`SELECT o.site_no, 'advisory-source' AS kind, s.source_id AS ref, s.name AS label,
  CASE WHEN s.fetched_at >= ? AND s.verified <> '' AND s.problem = '' THEN 'pass' ELSE 'fail' END AS verdict, `+noValue+` AS value,
  CASE WHEN s.problem <> '' THEN 'It failed: ' || s.problem WHEN s.fetched_at IS NULL THEN 'It never worked.' WHEN s.verified = '' THEN 'What it gave was not verified.'
    ELSE 'Taken in {t:' || CAST(s.fetched_at AS TEXT) || '}, verified: ' || s.verified || '.' END AS reason FROM vuln_source s CROSS JOIN org_site o`, fresh)
		}},
		{id: "vuln.matched", fold: ot.Share, reads: vulnTopics(), many: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			fresh := micros(now.Add(-48 * time.Hour))
			const ready = "(SELECT COALESCE(MAX(v.seq), 0) FROM vuln_advisory v)"
			return assets(`CASE WHEN NOT EXISTS (SELECT 1 FROM vuln_advisory) THEN 'unknown' WHEN EXISTS (SELECT 1 FROM vuln_asset m WHERE m.asset_id = a.asset_id AND (m.seq >= `+ready+` OR m.matched_at >= ?)) AND EXISTS (SELECT 1 FROM vuln_source s WHERE s.fetched_at >= ?) THEN 'pass' ELSE 'fail' END`,
				noValue, `CASE WHEN NOT EXISTS (SELECT 1 FROM vuln_advisory) THEN 'No advisory was taken in yet.' WHEN NOT EXISTS (SELECT 1 FROM vuln_source s WHERE s.fetched_at >= ?) THEN 'No advisory came in the last 48 hours: what is new is not known.'
  WHEN EXISTS (SELECT 1 FROM vuln_asset m WHERE m.asset_id = a.asset_id) THEN 'Matched.' ELSE 'Not matched yet.' END`, " AND a.identified", fresh, fresh, fresh)
		}},
		{id: "patch.known", fold: ot.Share, reads: vulnTopics(), many: true, items: func(*CheckSpec, time.Time) ot.SQL {
			return assets(`CASE WHEN NOT EXISTS (SELECT 1 FROM vuln_advisory) THEN 'unknown' WHEN NOT EXISTS (SELECT 1 FROM vuln_asset m WHERE m.asset_id = a.asset_id AND m.known) THEN 'fail'
  WHEN EXISTS (SELECT 1 FROM vuln_finding f WHERE f.asset_id = a.asset_id AND f.verdict = 'unknown' AND f.state IN ('open', 'planned')) THEN 'fail' ELSE 'pass' END`, noValue,
				`CASE WHEN NOT EXISTS (SELECT 1 FROM vuln_advisory) THEN 'No advisory was taken in yet.' WHEN NOT EXISTS (SELECT 1 FROM vuln_asset m WHERE m.asset_id = a.asset_id AND m.known) THEN 'Nothing names its product: no advisory can be matched.'
  WHEN EXISTS (SELECT 1 FROM vuln_finding f WHERE f.asset_id = a.asset_id AND f.verdict = 'unknown' AND f.state IN ('open', 'planned')) THEN (SELECT 'Cannot tell: the missing fact is ' || MIN(f.missing) || '.' FROM vuln_finding f WHERE f.asset_id = a.asset_id AND f.verdict = 'unknown' AND f.state IN ('open', 'planned'))
  ELSE 'Every advisory about it is decided by its version, or by a person.' END`, "")
		}},
		{id: "vuln.sla", fold: ot.Share, reads: vulnTopics(), many: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			week := (7 * 24 * time.Hour).Microseconds()
			q := findings(`CASE WHEN f.decided_at IS NOT NULL AND f.decided_at <= f.first_at + ? OR f.closed_at IS NOT NULL AND f.closed_at <= f.first_at + ? THEN 'pass' WHEN f.first_at + ? > ? THEN 'unknown' ELSE 'fail' END`,
				`CASE WHEN f.decided_at IS NOT NULL THEN 'Decided {d:' || CAST(f.decided_at AS TEXT) || '}.' WHEN f.closed_at IS NOT NULL THEN 'Closed {d:' || CAST(f.closed_at AS TEXT) || '}.' ELSE 'Known since {d:' || CAST(f.first_at AS TEXT) || '}, and nobody decided.' END`,
				urgent+" AND f.first_at >= ?", week, week, week, micros(now), windowStart(k, now))
			return noneOpen(q, "No urgent finding came in the time.")
		}},
		{id: "vuln.late", fold: ot.Count, unit: "findings", reads: vulnTopics(), many: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			month := (30 * 24 * time.Hour).Microseconds()
			q := findings("CASE WHEN f.first_at + ? < ? THEN 'fail' ELSE 'pass' END", "'Known since {d:' || CAST(f.first_at AS TEXT) || '}; the limit is 30 days.'", urgent+" AND f.state IN ('open', 'planned', 'reported')", month, micros(now))
			return noneOpen(q, "No urgent finding is open.")
		}},
		{id: "patch.priority", fold: ot.Share, reads: vulnRecordTopics(), many: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			// the first window that ended after the finding was known
			const first = "(SELECT MIN(w.valid_until) FROM record_record w WHERE w.type = 'maintenance-window' AND w.site_no = f.site_no AND w.state <> 'cancelled' AND w.valid_from > f.first_at)"
			q := findings("CASE WHEN f.state IN ('fixed', 'deferred', 'dismissed') AND COALESCE(f.closed_at, f.decided_at, 0) <= COALESCE("+first+", ?) THEN 'pass' WHEN "+first+" IS NULL OR "+first+" > ? THEN 'unknown' ELSE 'fail' END",
				"CASE WHEN f.state IN ('fixed', 'deferred', 'dismissed') THEN 'Fixed or decided.' WHEN "+first+" IS NULL THEN 'No maintenance window came yet.' WHEN "+first+" > ? THEN 'Its first window is to come.' ELSE 'The first window after it was known has passed.' END",
				urgent+" AND f.fix <> '' AND f.first_at >= ? AND f.state <> 'gone'", micros(now), micros(now), micros(now), windowStart(k, now))
			return noneOpen(q, "No urgent finding with a fix came in the time.")
		}},
		{id: "mw.capacity", fold: ot.Min, reads: vulnRecordTopics(), items: func(_ *CheckSpec, now time.Time) ot.SQL { return windowHours(now) }},
		{id: "defer.decided", fold: ot.Share, reads: vulnRecordTopics(), many: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			const agreed = "EXISTS (SELECT 1 FROM record_record e WHERE e.record_id = f.exception_id AND e.type = 'exception' AND e.state = 'approved' AND (e.valid_until IS NULL OR e.valid_until >= ?))"
			q := findings("CASE WHEN "+agreed+" THEN 'pass' ELSE 'fail' END", "CASE WHEN "+agreed+" THEN 'Approved: ' || f.reason ELSE 'Its exception is not approved, or is over.' END", "f.state = 'deferred'", micros(now), micros(now))
			return noneOpen(q, "Nothing is deferred.")
		}},
		{id: "defer.expired", fold: ot.Count, unit: "findings", reads: vulnRecordTopics(), many: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			const over = "(f.until_at < ? OR EXISTS (SELECT 1 FROM record_record e WHERE e.record_id = f.exception_id AND (e.state IN ('expired', 'revoked') OR e.valid_until < ?)))"
			q := findings("CASE WHEN "+over+" THEN 'fail' ELSE 'pass' END", "'Deferred until {d:' || CAST(f.until_at AS TEXT) || '}.'", "f.state = 'deferred'", micros(now), micros(now))
			return noneOpen(q, "Nothing is deferred.")
		}},
		{id: "defer.proven", fold: ot.Share, reads: append(bothTopics(), ot.TopicVuln, ot.TopicRecord), items: mitigations},
		{id: "asset.eol_plan", fold: ot.Share, reads: vulnRecordTopics(), many: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			const plan = `EXISTS (SELECT 1 FROM record_record p WHERE p.type IN ('action', 'exception', 'change') AND p.site_no = a.site_no AND p.state NOT IN ('dropped', 'rejected', 'expired', 'revoked') AND (p.valid_until IS NULL OR p.valid_until >= ?)
    AND (p.asset_id = a.asset_id OR EXISTS (SELECT 1 FROM record_link l WHERE l.from_id = p.record_id AND l.to_kind = 'asset' AND l.to_id = a.asset_id)))`
			q := assets("CASE WHEN "+plan+" THEN 'pass' ELSE 'fail' END", noValue, "CASE WHEN "+plan+" THEN 'Out of support, with a plan or an exception.' ELSE 'Out of support since {d:' || CAST(a.end_of_support AS TEXT) || '}; no action and no exception names it.' END",
				" AND a.end_of_support IS NOT NULL AND a.end_of_support < ?", micros(now), micros(now), micros(now))
			return sqlf(`? UNION ALL SELECT o.site_no, 'site' AS kind, o.site_id AS ref, o.name AS label, 'pass' AS verdict, `+noValue+` AS value, 'Of the assets whose end of support is known, none is past it.' AS reason
FROM org_site o WHERE EXISTS (SELECT 1 FROM asset_asset x WHERE x.site_no = o.site_no AND x.end_of_support IS NOT NULL AND x.managed) AND o.site_no NOT IN (SELECT q.site_no FROM (?) q)`, q, q)
		}},
	}
}

// windowHours sets the hours of the windows of the next half year against those of the updates that
// wait: one update an asset, an hour where nobody estimated it. A window of its own is at most a
// week long; one that comes again counts each time.
func windowHours(now time.Time) ot.SQL {
	const weeks = 26
	from, to := micros(now), micros(now.AddDate(0, 0, 7*weeks))
	days := ""
	for i, d := range []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"} {
		if i > 0 {
			days += " + "
		}
		days += `CASE WHEN w.data->>'weekdays' LIKE '%"` + d + `"%' THEN 1 ELSE 0 END`
	}
	const hours = 3600 * 1e6
	number := func(field string) string {
		return "CAST(NULLIF(w.data->>'" + field + "', '') AS DOUBLE PRECISION)"
	}
	again := "CASE WHEN CAST(w.data->>'recurring' AS TEXT) IN ('true', '1') THEN " + `COALESCE(` + number("capacity") + ", " + number("lasts") + `, 0) * (` + days + `) * ?
    ELSE COALESCE(` + number("capacity") + `, CAST(w.valid_until - w.valid_from AS DOUBLE PRECISION) / ?, 0) END`
	return sqlf(`SELECT h.site_no, 'site' AS kind, h.site_id AS ref, h.name AS label,
  CASE WHEN NOT h.matched THEN 'unknown' WHEN h.work = 0 OR h.free >= h.work THEN 'pass' ELSE 'fail' END AS verdict,
  CASE WHEN NOT h.matched THEN NULL WHEN h.work = 0 THEN CAST(1 AS DOUBLE PRECISION) ELSE h.free / h.work END AS value,
  CASE WHEN NOT h.matched THEN 'No advisory was matched with its assets yet.' WHEN h.work = 0 THEN 'No update waits.'
    ELSE CAST(CAST(h.free AS BIGINT) AS TEXT) || ' h of windows in the next 6 months, ' || CAST(CAST(h.work AS BIGINT) AS TEXT) || ' h of updates wait.' END AS reason
FROM (SELECT o.site_no, o.site_id, o.name, EXISTS (SELECT 1 FROM vuln_asset m WHERE m.site_no = o.site_no AND m.known) AND EXISTS (SELECT 1 FROM vuln_advisory) AS matched,
    COALESCE((SELECT SUM(u.hours) FROM (SELECT CASE WHEN MAX(f.hours) > 0 THEN MAX(f.hours) ELSE 1 END AS hours FROM vuln_finding f
      WHERE f.site_no = o.site_no AND f.verdict = 'affected' AND f.fix <> '' AND f.state IN ('open', 'planned') GROUP BY f.asset_id) u), 0) AS work,
    COALESCE((SELECT SUM(`+again+`) FROM record_record w WHERE w.type = 'maintenance-window' AND w.site_no = o.site_no AND w.state IN ('planned', 'agreed', 'open')
      AND (w.valid_until IS NULL OR w.valid_until > ?) AND (w.valid_from IS NULL OR w.valid_from < ?)), 0) AS free
  FROM org_site o) h`, weeks, hours, from, to)
}

// mitigations makes a row of each exception in force that says something of an asset which the
// wire can confirm: a port closed to other zones, a protocol unused, no reach from outside. One
// conversation against it is enough; for it speaks only a zone that was listened to.
func mitigations(k *CheckSpec, now time.Time) ot.SQL {
	const heard = .8
	against := sqlf(`SELECT COUNT(*) FROM network_conversation c JOIN asset_binding b ON b.site_no = c.site_no AND b.realm_no = c.realm_no AND b.kind = 'ip' AND b.address = c.server_ip AND b.to_at IS NULL
  WHERE b.asset_id = a.asset_id AND c.established AND c.last_at >= ? AND (
    e.data->>'proof' = 'protocol' AND lower(CASE WHEN c.protocol <> '' THEN c.protocol ELSE c.guess END) = lower(e.data->>'proof_of')
    OR e.data->>'proof' IN ('port', 'alone') AND c.client_zone_no <> c.server_zone_no AND (e.data->>'proof' = 'alone' OR CAST(c.port AS TEXT) = e.data->>'proof_of'))`, windowStart(k, now))
	rows := sqlf(`SELECT m.site_no, 'record' AS kind, m.record_id AS ref, m.label, CASE WHEN m.n > 0 THEN 'fail' WHEN m.share >= ? THEN 'pass' ELSE 'unknown' END AS verdict, `+noValue+` AS value,
  CASE WHEN m.n > 0 THEN 'The wire says otherwise: ' || CAST(m.n AS TEXT) || ' conversations against it.' WHEN m.share >= ? THEN 'Nothing against it was heard.' ELSE 'Its zone was not listened to enough to confirm it.' END AS reason
FROM (SELECT a.site_no, e.record_id, e.ref || ': ' || a.name AS label, (?) AS n, COALESCE((SELECT z.share FROM (?) z WHERE z.site_no = a.site_no AND z.zone_no = a.zone_no), 0) AS share
  FROM record_record e JOIN asset_asset a ON a.asset_id = e.asset_id OR EXISTS (SELECT 1 FROM record_link l WHERE l.from_id = e.record_id AND l.rel = 'covers' AND l.to_kind = 'asset' AND l.to_id = a.asset_id)
  WHERE e.type = 'exception' AND e.state = 'approved' AND (e.valid_until IS NULL OR e.valid_until >= ?) AND e.data->>'proof' IN ('port', 'protocol', 'alone')) m`,
		heard, heard, against, otZones(k.Window), micros(now))
	return sqlf(`? UNION ALL SELECT o.site_no, 'site' AS kind, o.site_id AS ref, o.name AS label, CASE WHEN d.n > 0 THEN 'unknown' ELSE 'pass' END AS verdict, `+noValue+` AS value,
  CASE WHEN d.n > 0 THEN 'No deferral says what the wire could confirm.' ELSE 'Nothing is deferred.' END AS reason
FROM org_site o JOIN (SELECT x.site_no, (SELECT COUNT(*) FROM vuln_finding f WHERE f.site_no = x.site_no AND f.state = 'deferred') AS n FROM org_site x
  WHERE EXISTS (SELECT 1 FROM vuln_asset v WHERE v.site_no = x.site_no AND v.known)) d ON d.site_no = o.site_no
WHERE EXISTS (SELECT 1 FROM vuln_advisory) AND o.site_no NOT IN (SELECT q.site_no FROM (?) q)`, rows, rows)
}
