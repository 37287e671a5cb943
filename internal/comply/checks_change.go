package comply

import (
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// telecontrol holds protocols whose control messages move the process, not the device:
// an operated breaker is production, a stopped CPU is a change.
const telecontrol = "'dnp3', 'iec104', 'iec101', 'mms', 'goose'"

// observedChanges gives each conversation that changed a device in the window, by class, with
// whether the author is a station that a person accepted as engineering.
func observedChanges(k *CheckSpec, now time.Time) ot.SQL {
	return sqlf(`SELECT e.site_no, e.conv_no, e.class, COUNT(*) AS n, MIN(e.at) AS first_at, MAX(e.at) AS last_at, MAX(e.client_ip) AS client_ip, MAX(e.client_mac) AS client_mac,
  MAX(e.server_ip) AS server_ip, MAX(e.server_mac) AS server_mac, MAX(e.protocol) AS protocol, MAX(e.realm_no) AS realm_no, MAX(CASE WHEN e.live THEN 1 ELSE 0 END) AS live
FROM network_event e
WHERE e.at >= ? AND (e.class IN ('program_download', 'firmware') OR e.class IN ('configure', 'control') AND e.protocol NOT IN (`+telecontrol+`)) AND e.dir <> 'response' AND NOT e.refused
GROUP BY e.site_no, e.conv_no, e.class`, windowStart(k, now))
}

// changeRows makes a row of each, or one of a site where none was seen.
// author is an expression over such a change, x, with its arguments.
func changeRows(k *CheckSpec, changes ot.SQL, verdict, reason, author string, args ...any) ot.SQL {
	rows := sqlf(`SELECT e.site_no, 'conversation' AS kind, CAST(e.site_no AS TEXT) || '.' || CAST(e.conv_no AS TEXT) AS ref,
  REPLACE(e.class, '_', ' ') || ' on ' || CASE WHEN e.server_ip <> '' THEN e.server_ip ELSE e.server_mac END || ' by ' || CASE WHEN e.client_ip <> '' THEN e.client_ip ELSE e.client_mac END || ' (' || e.protocol || ')' AS label,
  `+verdict+` AS verdict, CAST(e.n AS DOUBLE PRECISION) AS value,
  'Messages: ' || CAST(e.n AS TEXT) || ', last {t:' || CAST(e.last_at AS TEXT) || '}. ' || `+reason+` AS reason
FROM (SELECT x.*, `+author+` AS author FROM (?) x) e`, append(slices.Clone(args), changes)...)
	return sqlf("? UNION ALL ?", rows, quietSites(k, sqlf("SELECT x.site_no FROM (?) x", changes), "No change to a device was seen on the wire."))
}

const byEngineer = `COALESCE((SELECT MAX(a.name) FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id
  WHERE b.site_no = x.site_no AND b.realm_no = x.realm_no AND b.kind = 'ip' AND b.address = x.client_ip AND b.to_at IS NULL AND a.state = 'accepted' AND a.role = 'engineering'), '')`

func changeChecks() []relation {
	return []relation{
		{id: "chg.observed", fold: ot.Share, reads: bothTopics(), items: func(k *CheckSpec, now time.Time) ot.SQL {
			return changeRows(k, observedChanges(k, now), "CASE WHEN e.author <> '' THEN 'pass' ELSE 'fail' END",
				"CASE WHEN e.author <> '' THEN 'Author: ' || e.author || ', an accepted engineering station.' ELSE 'The author is no accepted engineering station.' END", byEngineer)
		}},
	}
}
