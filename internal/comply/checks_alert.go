package comply

import (
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// triaged is how soon somebody must have looked at an urgent alert.
const triaged = 8 * time.Hour

// attention makes a row of each alert that which lets through and that a live sensor raised in the
// window: passing when somebody acknowledged it in time. A site that was listened to and
// had none is a row too.
func attention(k *CheckSpec, now time.Time, within time.Duration, which, none string) ot.SQL {
	limit := within.Microseconds()
	rows := sqlf(`SELECT a.site_no, 'alert' AS kind, a.alert_id AS ref, a.rule || ': ' || CASE WHEN a.client_ip <> '' THEN a.client_ip WHEN a.client_mac <> '' THEN a.client_mac WHEN a.server_ip <> '' THEN a.server_ip ELSE a.server_mac END AS label,
  CASE WHEN a.acked_at IS NOT NULL AND a.acked_at - a.raised_at <= ? THEN 'pass' WHEN a.acked_at IS NULL AND a.state NOT IN ('closed', 'shelved') AND a.raised_at >= ? THEN 'unknown' WHEN a.acked_at IS NULL AND a.closed_at - a.raised_at <= ? AND a.closed_by <> '' THEN 'pass' ELSE 'fail' END AS verdict,
  CAST(NULL AS DOUBLE PRECISION) AS value,
  CASE WHEN a.acked_at IS NOT NULL THEN 'Raised {t:' || CAST(a.raised_at AS TEXT) || '}, acknowledged {t:' || CAST(a.acked_at AS TEXT) || '}.' ELSE 'Raised {t:' || CAST(a.raised_at AS TEXT) || '}, nobody has acknowledged it.' END AS reason
FROM detect_alert a WHERE a.live AND a.raised_at >= ? AND `+which, limit, micros(now.Add(-within)), limit, windowStart(k, now))
	return sqlf("? UNION ALL ?", rows, quietSites(k, sqlf("SELECT a.site_no FROM detect_alert a WHERE a.live AND a.raised_at >= ? AND "+which, windowStart(k, now)), none))
}

// guarded: each OT zone, whether the rules for floods and scans run there, and whether the
// site's sensor has shown that it notices.
func guarded(k *CheckSpec, now time.Time) ot.SQL {
	const off = `EXISTS (SELECT 1 FROM detect_setting d WHERE d.site_no = z.site_no AND d.off AND d.rule IN ('connection-flood', 'port-scan', 'host-sweep'))`
	const shown = `EXISTS (SELECT 1 FROM network_source s JOIN listen_selftest t ON t.source_id = s.source_id WHERE s.site_no = z.site_no AND s.live AND t.state = 'passed' AND t.asked_at >= ?)`
	since := micros(now.Add(-31 * 24 * time.Hour))
	return zones(k.Window, "CASE WHEN NOT z.watched OR z.share <= 0 THEN 'unknown' WHEN "+off+" THEN 'fail' WHEN "+shown+" THEN 'pass' ELSE 'unknown' END", noValue,
		"CASE WHEN NOT z.watched OR z.share <= 0 THEN 'No live sensor hears it.' WHEN "+off+" THEN 'A rule for floods or scans is switched off at this site.' WHEN "+shown+" THEN 'Rules for floods and scans run, and the sensor passed a self-test within a month.' ELSE 'Rules for floods and scans run; no self-test within a month shows that the sensor notices.' END",
		"", since, since)
}

// rulesAge is how old what a sensor looks for may be.
const rulesAge = 30 * 24 * time.Hour

// rulesFresh: each live sensor, whether it runs rules of this centre whose content, or the
// indicators beside them, came within a month.
func rulesFresh(_ *CheckSpec, now time.Time) ot.SQL {
	const known = "(SELECT v.at FROM detect_ruleset v WHERE v.version = s.rule_set)"
	// Indicators are compared at the centre, for every sensor that runs its newest rules.
	const newest = "(SELECT MAX(v.at) FROM detect_ruleset v)"
	const imported = "COALESCE((SELECT MAX(i.at) FROM detect_source i), 0)"
	const at = "CASE WHEN " + known + " = " + newest + " AND " + imported + " > " + known + " THEN " + imported + " ELSE " + known + " END"
	since := micros(now.Add(-rulesAge))
	q := sources("CASE WHEN s.rule_set = '' THEN 'unknown' WHEN "+known+" IS NULL THEN 'fail' WHEN "+at+" >= ? THEN 'pass' ELSE 'fail' END", noValue,
		"CASE WHEN s.rule_set = '' THEN 'It has not said which detections it runs.' WHEN "+known+" IS NULL THEN 'It runs detections that this centre does not know.' WHEN "+at+" >= ? THEN 'Its detections are of {d:' || CAST("+at+" AS TEXT) || '}.' ELSE 'Its detections have been the same since {d:' || CAST("+at+" AS TEXT) || '}: take a newer program, rules of your own or indicators.' END")
	q.Args = []any{since, since}
	return q
}

// techniquesSeen: each technique of alerts that a live sensor raised, whether a risk that is
// written down names it.
func techniquesSeen(k *CheckSpec, now time.Time) ot.SQL {
	const named = `EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'risk' AND (r.site_no = o.site_no OR r.site_no = 0 AND r.entity_id = o.entity_id) AND upper(CAST(r.data->>'technique' AS TEXT)) LIKE '%' || t.technique || '%')`
	rows := sqlf(`SELECT t.site_no, 'alert' AS kind, t.ref, t.technique AS label, CASE WHEN `+named+` THEN 'pass' ELSE 'fail' END AS verdict, CAST(NULL AS DOUBLE PRECISION) AS value,
  CASE WHEN `+named+` THEN 'A risk that is written down names it.' ELSE 'No risk that is written down names it, and ' || CAST(t.n AS TEXT) || CASE WHEN t.n = 1 THEN ' alert shows it.' ELSE ' alerts show it.' END END AS reason
FROM (SELECT a.site_no, d.technique, MAX(a.alert_id) AS ref, COUNT(*) AS n FROM detect_alert a JOIN detect_rule d ON d.rule = a.rule WHERE a.live AND a.raised_at >= ? AND d.technique <> '' GROUP BY a.site_no, d.technique) t
JOIN org_site o ON o.site_no = t.site_no`, windowStart(k, now))
	return sqlf("? UNION ALL ?", rows, quietSites(k, sqlf("SELECT a.site_no FROM detect_alert a JOIN detect_rule d ON d.rule = a.rule WHERE a.live AND a.raised_at >= ? AND d.technique <> ''", windowStart(k, now)), "No technique was seen in alerts."))
}

func alertChecks() []relation {
	topics := append(slices.Clone(heardTopics()), ot.TopicAlert)
	return []relation{
		{id: "alert.triage", fold: ot.Share, reads: topics, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return attention(k, now, triaged, "a.severity IN ('critical', 'high')", "No urgent alert was raised.")
		}},
		{id: "iam.bruteforce", fold: ot.Count, unit: "alerts", reads: topics, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return attention(k, now, 24*time.Hour, "a.rule IN ('password-guessing', 'password-spraying')", "No burst of refused sign-ins was seen.")
		}},
		{id: "ids.rules_age", fold: ot.Share, reads: topics, items: rulesFresh},
		{id: "threat.observed", fold: ot.Share, reads: append(slices.Clone(topics), recordTopics()...), items: techniquesSeen},
		{id: "dos.detect", fold: ot.Share, reads: topics, items: guarded},
	}
}
