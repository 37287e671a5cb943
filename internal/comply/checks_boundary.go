package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// insecure services that answered: smb is version 1. HTTP counts where a person signs in or configures.
func insecure(k *CheckSpec, now time.Time) ot.SQL {
	return conversations(windowStart(k, now), "server", "c.server_ip", sqlf(`(c.established AND c.server_ip <> '' AND (
  c.protocol IN ('telnet', 'ftp', 'tftp', 'rlogin', 'vnc', 'smb') OR c.protocol = '' AND c.transport = 'tcp' AND c.port IN (21, 23)
  OR c.protocol = 'http' AND (c.classes & ?) <> 0
  OR c.protocol = 'snmp' AND NOT EXISTS (SELECT 1 FROM network_tuple t WHERE t.site_no = c.site_no AND t.conv_no = c.conv_no AND t.protocol = 'snmp' AND t.kind = 'encrypted')))`,
		int64(ot.Login|ot.Configure)))
}

// outside holds where the side is on the internet: a public address of no zone, or a zone that
// somebody drew for the world outside.
func outside(side, z string) string {
	return "(c." + side + "_internet OR " + z + ".external AND " + z + ".level = '5' AND NOT " + z + ".gateway)"
}

func internet(k *CheckSpec, now time.Time) ot.SQL {
	out := conversations(windowStart(k, now), "client", "c.client_ip", sqlf("("+outside("server", "sz")+" AND c.established)"))
	in := conversations(windowStart(k, now), "server", "c.server_ip", sqlf("("+outside("client", "cz")+" AND c.established)"))
	return sqlf("? UNION ALL ?", out, in)
}

// thirdParty: whoever comes from the internet or from a zone of the outside world, with any protocol.
func thirdParty(k *CheckSpec, now time.Time) ot.SQL {
	return conversations(windowStart(k, now), "server", "c.conv_no", sqlf("(c.established AND "+outside("client", "cz")+")"))
}

// skipping: crossings that no plan of zones and conduits allows, whatever its matrix: the
// office or the internet straight to levels 0 to 2.
func skipping(k *CheckSpec, now time.Time) ot.SQL {
	const far = "(%.external OR %.level IN ('4', '5')) AND NOT %.gateway"
	at := func(z string) string { return replaceAll(far, z) }
	in := conversations(windowStart(k, now), "server", "c.conv_no", sqlf("(c.established AND oz.level IN ('0', '1', '2') AND (c.client_internet OR "+at("cz")+"))"))
	out := conversations(windowStart(k, now), "client", "c.conv_no", sqlf("(c.established AND oz.level IN ('0', '1', '2') AND (c.server_internet OR "+at("sz")+"))"))
	return sqlf("? UNION ALL ?", in, out)
}

func replaceAll(s, z string) string {
	out := make([]byte, 0, len(s)+8*len(z))
	for i := range len(s) {
		if s[i] == '%' {
			out = append(out, z...)
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}

func boundaryChecks() []relation {
	zone := func(convs func(*CheckSpec, time.Time) ot.SQL, noun string) func(*CheckSpec, time.Time) ot.SQL {
		return func(k *CheckSpec, now time.Time) ot.SQL { return perZone(k, now, convs(k, now), noun) }
	}
	behind := func(convs func(*CheckSpec, time.Time) ot.SQL) func(*CheckSpec, time.Time) ot.SQL {
		return func(k *CheckSpec, now time.Time) ot.SQL { return behindConv(convs(k, now)) }
	}
	return []relation{
		{id: "svc.insecure", fold: ot.Sum, unit: "hosts", reads: heardTopics(), items: zone(insecure, "Hosts with an insecure service in use"), behind: behind(insecure)},
		{id: "seg.internet", fold: ot.Sum, unit: "hosts", reads: heardTopics(), items: zone(internet, "Hosts that talk to the internet"), behind: behind(internet)},
		{id: "supp.bypass", fold: ot.Sum, unit: "conversations", reads: heardTopics(), items: zone(thirdParty, "Conversations from outside past the gateway"), behind: behind(thirdParty)},
		{id: "seg.violations", fold: ot.Sum, unit: "conversations", reads: heardTopics(), items: violations, behind: behind(unallowed)},
		{id: "seg.safety", fold: ot.Count, unit: "safety systems", reads: bothTopics(), items: safety},
	}
}

// safety: a safety controller fails when somebody outside its own zone talks to it, unless
// that is a controller, a safety system or an accepted engineering station.
func safety(k *CheckSpec, now time.Time) ot.SQL {
	since := windowStart(k, now)
	peers := sqlf(`SELECT b.asset_id, COUNT(DISTINCT c.client_ip) AS n, MAX(c.last_at) AS last_at
FROM asset_asset s JOIN asset_binding b ON b.asset_id = s.asset_id AND b.kind = 'ip' AND b.to_at IS NULL
JOIN network_conversation c ON c.site_no = b.site_no AND c.realm_no = b.realm_no AND c.server_ip = b.address AND c.last_at >= ? AND c.established
WHERE s.role = 'safety' AND c.client_zone_no <> s.zone_no AND NOT EXISTS (
  SELECT 1 FROM asset_binding p JOIN asset_asset a ON a.asset_id = p.asset_id
  WHERE p.site_no = c.site_no AND p.realm_no = c.realm_no AND p.kind = 'ip' AND p.address = c.client_ip AND p.to_at IS NULL AND a.state = 'accepted' AND a.role IN ('safety', 'plc', 'engineering'))
GROUP BY b.asset_id`, since)
	return sqlf(`WITH h AS (SELECT site_no, zone_no, share, percent FROM comply_heard WHERE hours = ?),
p AS (?) ?`, hoursOf(k.Window), peers, assets(
		"CASE WHEN EXISTS (SELECT 1 FROM p WHERE p.asset_id = a.asset_id) THEN 'fail' WHEN EXISTS (SELECT 1 FROM h WHERE h.site_no = a.site_no AND h.zone_no = a.zone_no AND h.share >= ?) THEN 'pass' ELSE 'unknown' END",
		"CAST((SELECT p.n FROM p WHERE p.asset_id = a.asset_id) AS DOUBLE PRECISION)",
		"CASE WHEN EXISTS (SELECT 1 FROM p WHERE p.asset_id = a.asset_id) THEN 'Unexpected peers from other zones, newest {t:' || CAST((SELECT p.last_at FROM p WHERE p.asset_id = a.asset_id) AS TEXT) || '}.' ELSE 'No unexpected peer was heard.' END",
		" AND a.role = 'safety'", k.Observed))
}
