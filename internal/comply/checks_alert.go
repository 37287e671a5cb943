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

func alertChecks() []relation {
	topics := append(slices.Clone(heardTopics()), ot.TopicAlert)
	return []relation{
		{id: "alert.triage", fold: ot.Share, reads: topics, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return attention(k, now, triaged, "a.severity IN ('critical', 'high')", "No urgent alert was raised.")
		}},
		{id: "iam.bruteforce", fold: ot.Count, unit: "alerts", reads: topics, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return attention(k, now, 24*time.Hour, "a.rule IN ('password-guessing', 'password-spraying')", "No burst of refused sign-ins was seen.")
		}},
		{id: "dos.detect", fold: ot.Share, reads: topics, items: guarded},
	}
}
