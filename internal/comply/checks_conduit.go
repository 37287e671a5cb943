package comply

import (
	"time"

	"github.com/skanse/skanse/internal/conduit"
	"github.com/skanse/skanse/internal/ot"
)

// crossing holds for conversations from one zone to another, of which one side is in OT.
const crossing = `CASE WHEN c.client_internet THEN -1 ELSE c.client_zone_no END <> CASE WHEN c.server_internet THEN -1 ELSE c.server_zone_no END`

// decided holds where the site of c has a policy: before the first, nothing can be judged.
const decidedSite = `EXISTS (SELECT 1 FROM conduit_policy d WHERE d.site_no = c.site_no AND d.retired_at IS NULL)`

// unallowed are the conversations across a zone's border that no policy in force allows, by zone.
func unallowed(k *CheckSpec, now time.Time) ot.SQL {
	where := sqlf("("+crossing+" AND "+decidedSite+" AND ? AND NOT ?)", conduit.Crosses("c"), conduit.Allowed("c", micros(now)))
	in := conversations(windowStart(k, now), "server", "c.conv_no", where)
	out := conversations(windowStart(k, now), "client", "c.conv_no", where)
	return sqlf("? UNION ? UNION ?", in, out, skipping(k, now))
}

// violations: a site without any policy has only what no plan allows to go by, so a zone that
// talks across its border is unknown there; elsewhere everything must be allowed by a policy.
func violations(k *CheckSpec, now time.Time) ot.SQL {
	pairs := sqlf(`SELECT c.site_no, c.client_zone_no AS a, c.server_zone_no AS b, COUNT(*) AS n FROM network_conversation c
WHERE c.last_at >= ? AND c.client_zone_no <> c.server_zone_no AND NOT `+decidedSite+` GROUP BY c.site_no, c.client_zone_no, c.server_zone_no`, windowStart(k, now))
	across := sqlf(`SELECT p.site_no, p.a AS zone_no, p.n FROM (?) p WHERE p.a <> 0 UNION ALL SELECT p.site_no, p.b, p.n FROM (?) p WHERE p.b <> 0`, pairs, pairs)
	return sqlf(`SELECT r.site_no, r.kind, r.ref, r.label,
  CASE WHEN r.verdict = 'pass' AND x.n > 0 THEN 'unknown' ELSE r.verdict END AS verdict,
  CASE WHEN r.verdict = 'pass' AND x.n > 0 THEN NULL ELSE r.value END AS value,
  CASE WHEN r.verdict = 'pass' AND x.n > 0 THEN 'Conversations across its border: ' || CAST(x.n AS TEXT) || '; there are no approved conduits to compare them with.' ELSE r.reason END AS reason
FROM (?) r JOIN org_zone zz ON zz.zone_id = r.ref
LEFT JOIN (SELECT site_no, zone_no, CAST(SUM(n) AS BIGINT) AS n FROM (?) c GROUP BY site_no, zone_no) x ON x.site_no = r.site_no AND x.zone_no = zz.zone_no`,
		perZone(k, now, unallowed(k, now), "Conversations that no conduit allows"), across)
}

// conversationRow begins a row for one conversation c.
const conversationRow = `c.site_no, 'conversation' AS kind, CAST(c.site_no AS TEXT) || '.' || CAST(c.conv_no AS TEXT) AS ref,
  CASE WHEN c.client_ip <> '' THEN c.client_ip ELSE c.client_mac END || ' → ' || CASE WHEN c.server_ip <> '' THEN c.server_ip ELSE c.server_mac END
    || CASE WHEN c.protocol <> '' THEN ' ' || c.protocol ELSE ' ' || c.transport END || CASE WHEN c.port > 0 THEN ' ' || CAST(c.port AS TEXT) ELSE '' END AS label`

// segmented: each observed conversation between zones, and whether a policy allows it. Live
// ones only: a capture of some day neither passes nor fails what holds now.
func segmented(k *CheckSpec, now time.Time) ot.SQL {
	allowed := conduit.Allowed("c", micros(now))
	return sqlf(`SELECT `+conversationRow+`,
  CASE WHEN NOT `+decidedSite+` THEN 'unknown' WHEN ? THEN 'pass' ELSE 'fail' END AS verdict, `+noValue+` AS value,
  CASE WHEN NOT `+decidedSite+` THEN 'No conduit of this site is decided yet.' WHEN ? THEN 'An approved conduit allows it.' ELSE 'No approved conduit allows it.' END AS reason
FROM network_conversation c WHERE c.last_live_at >= ? AND (c.client_zone_no > 0 OR c.server_zone_no > 0) AND `+crossing+` AND ?
UNION ALL ?`, allowed, allowed, windowStart(k, now), conduit.Crosses("c"),
		quietSites(k, sqlf(`SELECT c.site_no FROM network_conversation c WHERE c.last_live_at >= ? AND (c.client_zone_no > 0 OR c.server_zone_no > 0) AND `+crossing+` AND ?`, windowStart(k, now), conduit.Crosses("c")),
			"No conversation between zones was heard."))
}

const weekLong = 7 * 24 * int64(time.Hour/time.Microsecond)

// newConnections: conversations between zones first heard live in the window and after a
// site's first week, and whether a policy that speaks of each was decided within 7 days.
func newConnections(k *CheckSpec, now time.Time) ot.SQL {
	fresh := sqlf(`c.live AND c.first_at >= ? AND c.first_at >= (SELECT MIN(s.first_at) FROM network_source s WHERE s.site_no = c.site_no AND s.live) + ?
  AND (c.client_zone_no > 0 OR c.server_zone_no > 0) AND `+crossing+` AND ?`, windowStart(k, now), weekLong, conduit.Crosses("c"))
	at := sqlf(`(SELECT MIN(p.decided_at) FROM conduit_policy p WHERE p.site_no = c.site_no
  AND (p.from_zone_no = CASE WHEN c.client_internet THEN -1 ELSE c.client_zone_no END AND p.to_zone_no = CASE WHEN c.server_internet THEN -1 ELSE c.server_zone_no END
   OR p.either AND p.to_zone_no = CASE WHEN c.client_internet THEN -1 ELSE c.client_zone_no END AND p.from_zone_no = CASE WHEN c.server_internet THEN -1 ELSE c.server_zone_no END)
  AND (p.transport = '' OR p.transport = c.transport) AND (p.port = 0 OR p.port = c.port) AND (p.protocol = '' OR p.protocol = c.protocol))`)
	return sqlf(`SELECT x.site_no, x.kind, x.ref, x.label,
  CASE WHEN x.at <= x.first_at + ? THEN 'pass' WHEN x.at IS NULL AND x.first_at >= ? THEN 'unknown' ELSE 'fail' END AS verdict, `+noValue+` AS value,
  CASE WHEN x.at IS NULL THEN 'New since {t:' || CAST(x.first_at AS TEXT) || '}, undecided.' WHEN x.at <= x.first_at THEN 'New {t:' || CAST(x.first_at AS TEXT) || '}, decided before.'
    ELSE 'New {t:' || CAST(x.first_at AS TEXT) || '}, decided {t:' || CAST(x.at AS TEXT) || '}.' END AS reason
FROM (SELECT `+conversationRow+`, c.first_at, ? AS at FROM network_conversation c WHERE ?) x
UNION ALL ?`, weekLong, micros(now)-weekLong, at, fresh, quietSites(k, sqlf("SELECT c.site_no FROM network_conversation c WHERE ?", fresh), "No new connection between zones was heard."))
}

func conduitChecks() []relation {
	return []relation{
		{id: "seg.approved", fold: ot.Share, reads: heardTopics(), many: true, items: segmented},
		{id: "conn.decide", fold: ot.Share, reads: heardTopics(), many: true, items: newConnections},
	}
}
