package comply

import (
	"time"

	"github.com/skanse/skanse/internal/conduit"
	"github.com/skanse/skanse/internal/ot"
)

// Remote access as the wire shows it: recognised by content, or by port where content is
// encrypted. Administration is what a person does on a host; tunnels and relays carry it.
const (
	adminProtocols  = "'rdp', 'vnc', 'ssh', 'telnet', 'winrm', 'rlogin', 'x11', " + toolProtocols
	tunnelProtocols = "'openvpn', 'wireguard', 'ipsec', 'isakmp', 'ike', 'l2tp', 'pptp', 'tailscale', 'zerotier'"
	// Screens and maintenance through a maker's relay, as catalog/recognised names them.
	toolProtocols = "'teamviewer', 'anydesk', 'radmin', 'rustdesk', 'splashtop', 'logmein', 'screenconnect', 'beyondtrust', " +
		"'chrome-remote-desktop', 'realvnc', 'dwservice', 'meshcentral', 'supremo', 'ultraviewer', 'parsec', 'zoho-assist', 'atera', 'ngrok', " +
		"'talk2m', 'netbiter', 'hms', 'secomea', 'ixon', 'mguard', 'tosibox', 'mbconnect24', 'myrex24', 'insys', 'siemens-cloud', " +
		"'factorytalk-cloud', 'prosoft-connect', 'weincloud', 'teltonika', 'airvantage', 'netcloud', 'digi', 'dispel'"

	adminPorts  = "22, 23, 3389, 5900, 5901, 5985, 5986, 5938, 7070, 4899"
	tunnelPorts = "500, 1194, 1701, 1723, 4500, 51820"
	relayPorts  = "5938, 7070, 6568, 5650"
)

// isAdmin holds for conversations with an interactive or tunnel protocol that the other side answered.
func isAdmin() string {
	return "(c.protocol IN (" + adminProtocols + ", " + tunnelProtocols + ") OR c.protocol = '' AND c.port IN (" + adminPorts + ", " + tunnelPorts + ")) AND c.established"
}

// notOT holds where the side is neither in an OT zone nor the gateway: the office, the internet, an unknown network.
func notOT(z string) string {
	return "(" + z + ".zone_no IS NULL OR (" + z + ".external OR NOT " + z + ".ot) AND NOT " + z + ".gateway)"
}

// office holds where the side is a registered zone outside OT that is not the gateway.
func office(z string) string {
	return "(" + z + ".zone_no IS NOT NULL AND (" + z + ".external OR NOT " + z + ".ot) AND NOT " + z + ".gateway)"
}

func bypass(k *CheckSpec, now time.Time) ot.SQL {
	in := conversations(windowStart(k, now), "server", "c.conv_no", sqlf("("+isAdmin()+" AND "+notOT("cz")+")"))
	// A relay is opened from the inside: the OT host calls its maker's cloud.
	out := conversations(windowStart(k, now), "client", "c.conv_no",
		sqlf("(c.server_internet AND c.established AND (c.protocol IN ("+toolProtocols+", "+tunnelProtocols+") OR c.protocol IN ('', 'tls') AND c.port IN ("+relayPorts+", "+tunnelPorts+")))"))
	return sqlf("? UNION ALL ?", in, out)
}

func straightIn(k *CheckSpec, now time.Time) ot.SQL {
	low := "c.client_zone_no <> c.server_zone_no AND oz.level NOT IN ('3.5') AND NOT oz.gateway"
	allowed := conduit.Allowed("c", micros(now))
	in := conversations(windowStart(k, now), "server", "c.conv_no", sqlf("("+low+" AND c.established AND "+office("cz")+" AND NOT ?)", allowed))
	out := conversations(windowStart(k, now), "client", "c.conv_no", sqlf("("+low+" AND c.established AND "+office("sz")+" AND NOT ?)", allowed))
	return sqlf("? UNION ALL ?", in, out)
}

func directAdmin(k *CheckSpec, now time.Time) ot.SQL {
	return conversations(windowStart(k, now), "server", "c.conv_no", sqlf("("+isAdmin()+" AND "+office("cz")+")"))
}

// cleartext: the whole session, the login message, or a screen that asks for nothing (VNC security type 1).
func cleartext(who string) func(k *CheckSpec, now time.Time) ot.SQL {
	return func(k *CheckSpec, now time.Time) ot.SQL {
		return conversations(windowStart(k, now), "server", who,
			sqlf("(c.established AND (c.protocol IN ('telnet', 'rlogin') OR c.protocol IN ('ftp', 'http', 'pop3', 'smtp') AND (c.classes & ?) <> 0"+
				" OR c.protocol = 'vnc' AND EXISTS (SELECT 1 FROM network_tuple t WHERE t.site_no = c.site_no AND t.conv_no = c.conv_no AND t.protocol = 'vnc' AND t.kind = 'security' AND t.code = 1)))", int64(ot.Login)))
	}
}

// Who may write: operator and server stations, controllers and gateways that a person accepted. Who may program: engineering stations only.
func talkers(who string) func(k *CheckSpec, now time.Time) ot.SQL {
	return func(k *CheckSpec, now time.Time) ot.SQL {
		return conversations(windowStart(k, now), "server", who, sqlf(`((c.classes & ?) <> 0 AND c.client_ip <> '' AND NOT EXISTS (
  SELECT 1 FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id
  WHERE b.site_no = c.site_no AND b.realm_no = c.realm_no AND b.kind = 'ip' AND b.address = c.client_ip AND b.to_at IS NULL AND a.state = 'accepted'
    AND (a.role = 'engineering' OR (c.classes & ?) = 0 AND a.role IN ('scada', 'hmi', 'plc', 'rtu', 'safety', 'gateway', 'historian', 'ied', 'drive', 'io', 'server'))))`,
			int64(ot.Write|programming), int64(programming)))
	}
}

// programming holds the classes that only an engineering station should send.
const programming = ot.ProgramDownload | ot.Firmware | ot.Configure

func accessChecks() []relation {
	zone := func(convs func(*CheckSpec, time.Time) ot.SQL, noun string) func(*CheckSpec, time.Time) ot.SQL {
		return func(k *CheckSpec, now time.Time) ot.SQL { return perZone(k, now, convs(k, now), noun) }
	}
	behind := func(convs func(*CheckSpec, time.Time) ot.SQL) func(*CheckSpec, time.Time) ot.SQL {
		return func(k *CheckSpec, now time.Time) ot.SQL { return behindConv(convs(k, now)) }
	}
	return []relation{
		{id: "remote.bypass", fold: ot.Sum, unit: "conversations", reads: heardTopics(), items: zone(bypass, "Conversations past the gateway"), behind: behind(bypass)},
		{id: "remote.count", fold: ot.Sum, unit: "technologies", reads: heardTopics(), items: technologies},
		{id: "remote.ingress_seen", fold: ot.Share, reads: heardTopics(), items: ingress},
		{id: "itot.undocumented", fold: ot.Sum, unit: "conversations", reads: heardTopics(), items: zone(straightIn, "Conversations between IT and this zone"), behind: behind(straightIn)},
		{id: "itot.admin_share", fold: ot.Share, reads: heardTopics(), items: zone(directAdmin, "Conversations from IT past the gateway"), behind: behind(directAdmin)},
		{id: "iam.cleartext", fold: ot.Sum, unit: "hosts", reads: heardTopics(), items: zone(cleartext("c.server_ip"), "Hosts with sign-ins in clear text"), behind: behind(cleartext("c.server_ip"))},
		{id: "acc.engineering_talkers", fold: ot.Sum, unit: "hosts", reads: bothTopics(), items: zone(talkers("c.client_ip"), "Hosts that write without being known for it"), behind: behind(talkers("c.client_ip"))},
	}
}

// technologies makes a row of each remote access technology that reaches OT from outside; the
// gateway is one, whatever it carries. Zones are rows of value 0, so that none has a population.
// What only a capture showed counts when it is one too many, and passes nothing.
func technologies(k *CheckSpec, now time.Time) ot.SQL {
	in := conversations(windowStart(k, now), "server",
		"CASE WHEN cz.gateway THEN 'the gateway' WHEN c.protocol <> '' THEN c.protocol WHEN c.guess <> '' THEN c.guess ELSE 'port ' || CAST(c.port AS TEXT) END",
		sqlf("("+isAdmin()+" AND ("+notOT("cz")+" OR cz.gateway))"))
	return sqlf(`SELECT t.site_no, 'technology' AS kind, t.who AS ref, t.who AS label,
  CASE WHEN t.n_all > ? THEN 'fail' ELSE 'pass' END AS verdict, CAST(1 AS DOUBLE PRECISION) AS value,
  'Conversations into OT: ' || CAST(t.n AS TEXT) || ', newest {t:' || CAST(t.last_at AS TEXT) || '}.' AS reason
FROM (SELECT site_no, who, COUNT(*) AS n, SUM(CASE WHEN live THEN 1 ELSE 0 END) AS live_n, MAX(last_at) AS last_at, COUNT(*) OVER (PARTITION BY site_no) AS n_all FROM (?) c GROUP BY site_no, who) t
WHERE t.n_all > ? OR t.live_n > 0
UNION ALL
SELECT z.site_no, 'zone', z.zone_id, z.name, CASE WHEN z.share >= ? THEN 'pass' ELSE 'unknown' END,
  CASE WHEN z.share >= ? THEN CAST(0 AS DOUBLE PRECISION) END,
  CASE WHEN z.percent > 0 THEN 'Listened to ' || CAST(z.percent AS TEXT) || ' % of the last `+k.Window.People()+`.' ELSE 'No live sensor hears this zone.' END
FROM (?) z`, k.Test.Value, in, k.Test.Value, k.Observed, k.Observed, otZones(k.Window))
}

// ingress makes a row of each way into OT: the zones of the upper levels, the gateway's, and
// those that something outside has talked to in 30 days. Watched is heard four hours of five.
func ingress(k *CheckSpec, now time.Time) ot.SQL {
	crossed := conversations(micros(now.AddDate(0, 0, -30)), "server", "c.conv_no", sqlf("(c.established AND "+notOT("cz")+")"))
	return sqlf(`SELECT z.site_no, 'zone' AS kind, z.zone_id AS ref, z.name AS label,
  CASE WHEN NOT z.watched THEN 'unknown' WHEN z.share >= .8 THEN 'pass' ELSE 'fail' END AS verdict,
  CASE WHEN z.watched THEN z.share END AS value,
  CASE WHEN NOT z.watched THEN 'No live sensor at this site.' ELSE 'Listened to ' || CAST(z.percent AS TEXT) || ' % of the last `+k.Window.People()+`.' END AS reason
FROM (?) z
WHERE z.gateway OR z.level IN ('3', '3.5') OR EXISTS (SELECT 1 FROM (?) c WHERE c.site_no = z.site_no AND c.zone_no = z.zone_no)`, otZones(k.Window), crossed)
}
