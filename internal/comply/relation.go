package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// relation is a check that this release can answer: the SQL behind a CheckSpec.
type relation struct {
	id    string
	fold  ot.Fold
	unit  string
	reads []ot.Topic
	many  bool // rows are assets: thousands
	// register says that people's records answer it, which are always of now: nothing is listened to.
	register bool
	// items gives the rows that are watched, for all sites, in the columns that ot.Check.Items documents.
	items func(k *CheckSpec, now time.Time) ot.SQL
	// behind gives, in the same columns and part_of, the ref of the row, what a failing row
	// counts: the conversations behind a zone. nil: the rows are the things themselves.
	behind func(k *CheckSpec, now time.Time) ot.SQL
}

// relations lists every check with SQL. A new one is one line here and one entry in the catalogue.
func relations() []relation {
	var all []relation
	all = append(all, accessChecks()...)
	all = append(all, assetChecks()...)
	all = append(all, monitorChecks()...)
	all = append(all, changeChecks()...)
	all = append(all, alertChecks()...)
	all = append(all, boundaryChecks()...)
	all = append(all, conduitChecks()...)
	all = append(all, paceChecks()...)
	all = append(all, logChecks()...)
	all = append(all, recordChecks()...)
	all = append(all, governChecks()...)
	all = append(all, riskChecks()...)
	all = append(all, supplyChecks()...)
	all = append(all, readyChecks()...)
	all = append(all, vulnChecks()...)
	return all
}

// Checks returns the relations as the shared type, for who evaluates or tests them.
func (c *Catalogue) Checks() []ot.Check {
	var out []ot.Check
	for _, r := range relations() {
		k, _, ok := c.Check(r.id)
		if !ok {
			continue
		}
		out = append(out, ot.Check{
			ID: r.id, Title: k.Title, Unit: r.unit, Fold: r.fold, Reads: r.reads, Wants: k.Wants,
			Items: func(now time.Time) ot.SQL { return r.items(k, now) },
		})
	}
	return out
}

func heardTopics() []ot.Topic { return []ot.Topic{ot.TopicNetwork, ot.TopicSource, ot.TopicOrg} }
func assetTopics() []ot.Topic { return []ot.Topic{ot.TopicAsset, ot.TopicOrg} }
func bothTopics() []ot.Topic {
	return []ot.Topic{ot.TopicAsset, ot.TopicNetwork, ot.TopicSource, ot.TopicOrg}
}

// sqlf puts fragments and arguments together; ? takes either.
func sqlf(text string, args ...any) ot.SQL { return ot.SQL{Text: text, Args: args} }

func micros(t time.Time) int64 { return t.UnixMicro() }

func windowStart(k *CheckSpec, now time.Time) int64 { return micros(now.Add(-k.Window.Length())) }

// hoursOf is the column comply_heard keeps for a window: at least one day.
func hoursOf(w Window) int64 {
	h := int64(w.Length().Hours())
	for _, kept := range heardWindows {
		if h <= kept {
			return kept
		}
	}
	return heardWindows[len(heardWindows)-1]
}

// heardWindows are the lengths, in hours, for which a run adds up listening; the last is the longest.
var heardWindows = [...]int64{24, 7 * 24, 30 * 24}

// otZones gives the OT zones of all sites with how far they were listened to in the window:
// site_no, zone_no, zone_id, name, level, gateway, share, percent, watched (the site has a live source).
func otZones(w Window) ot.SQL {
	return sqlf(`SELECT z.site_no, z.zone_no, z.zone_id, z.name, z.level, z.gateway, z.sl_t,
  COALESCE(h.share, 0) AS share, COALESCE(h.percent, 0) AS percent,
  EXISTS (SELECT 1 FROM network_source s WHERE s.site_no = z.site_no AND s.live) AS watched
FROM org_zone z LEFT JOIN comply_heard h ON h.hours = ? AND h.site_no = z.site_no AND h.zone_no = z.zone_no
WHERE z.ot AND NOT z.external`, hoursOf(w))
}

// perZone makes a row of each OT zone: failing where convs found something, passing
// where it was listened to long enough and nothing was found, unknown elsewhere. convs has
// site_no, zone_no, who, live, first_at, last_at; a zone's value counts distinct who.
func perZone(k *CheckSpec, now time.Time, convs ot.SQL, noun string) ot.SQL {
	least := k.Observed
	// A conversation that is excepted counts in no zone; a zone with no other one is excepted itself.
	convs = sqlf("SELECT v.*, CASE WHEN CAST(v.site_no AS TEXT) || '.' || CAST(v.conv_no AS TEXT) IN (?) THEN 1 ELSE 0 END AS excepted FROM (?) v", coveredConversations(k.ID, now), convs)
	return sqlf(`SELECT z.site_no, 'zone' AS kind, z.zone_id AS ref, z.name AS label,
  CASE WHEN f.n > 0 THEN 'fail' WHEN f.excepted > 0 THEN 'excepted' WHEN z.share >= ? THEN 'pass' ELSE 'unknown' END AS verdict,
  CASE WHEN f.n > 0 OR z.share >= ? THEN CAST(COALESCE(f.n, 0) AS DOUBLE PRECISION) END AS value,
  CASE WHEN f.live_n > 0 THEN '`+noun+`: ' || CAST(f.n AS TEXT) || ', newest {t:' || CAST(f.last_at AS TEXT) || '}.'
    WHEN f.n > 0 THEN '`+noun+`: ' || CAST(f.n AS TEXT) || ', observed in a capture of {d:' || CAST(f.first_at AS TEXT) || '} to {d:' || CAST(f.last_at AS TEXT) || '}.'
    WHEN f.excepted > 0 THEN 'Excepted conversations: ' || CAST(f.excepted AS TEXT) || '; no other.'
    WHEN z.share >= ? THEN 'None; listened to ' || CAST(z.percent AS TEXT) || ' % of the last `+k.Window.People()+`.'
    WHEN z.percent > 0 OR z.share > 0 THEN 'Listened to only ' || CAST(z.percent AS TEXT) || ' % of the last `+k.Window.People()+`, too little to call it none.'
    ELSE 'No live sensor hears this zone.' END AS reason
FROM (?) z LEFT JOIN (
  SELECT site_no, zone_no, COUNT(DISTINCT CASE WHEN excepted = 0 THEN who END) AS n, SUM(excepted) AS excepted, SUM(CASE WHEN live AND excepted = 0 THEN 1 ELSE 0 END) AS live_n, MIN(first_at) AS first_at, MAX(last_at) AS last_at
  FROM (?) c GROUP BY site_no, zone_no) f ON f.site_no = z.site_no AND f.zone_no = z.zone_no`,
		least, least, least, otZones(k.Window), convs)
}

// conversations gives who talks across a boundary, in the columns perZone and behindConv
// take. where may use c (the conversation), cz and sz (the zones of its sides, NULL for none)
// and oz, the OT side; zone says which side that is, who what is counted.
func conversations(since int64, side, who string, where ot.SQL) ot.SQL {
	return sqlf(`SELECT c.site_no, c.conv_no, oz.zone_no, oz.zone_id, `+who+` AS who, c.live, c.first_at, c.last_at,
  c.client_ip, c.server_ip, c.client_mac, c.server_mac, c.transport, c.port, CASE WHEN c.protocol <> '' THEN c.protocol ELSE c.guess END AS protocol,
  COALESCE(cz.name, CASE WHEN c.client_internet THEN 'the internet' ELSE 'no known zone' END) AS client_zone,
  COALESCE(sz.name, CASE WHEN c.server_internet THEN 'the internet' ELSE 'no known zone' END) AS server_zone
FROM network_conversation c
JOIN org_zone oz ON oz.zone_no = c.`+side+`_zone_no AND oz.site_no = c.site_no AND oz.ot AND NOT oz.external
LEFT JOIN org_zone cz ON cz.zone_no = c.client_zone_no
LEFT JOIN org_zone sz ON sz.zone_no = c.server_zone_no
WHERE c.last_at >= ? AND ?`, since, where)
}

// behindConv turns conversations into rows that open on their page, with the packets behind them.
func behindConv(convs ot.SQL) ot.SQL {
	return sqlf(`SELECT c.site_no, 'conversation' AS kind, CAST(c.site_no AS TEXT) || '.' || CAST(c.conv_no AS TEXT) AS ref,
  CASE WHEN c.client_ip <> '' THEN c.client_ip ELSE c.client_mac END || ' → ' || CASE WHEN c.server_ip <> '' THEN c.server_ip ELSE c.server_mac END
    || CASE WHEN c.protocol <> '' THEN ' ' || c.protocol ELSE ' ' || c.transport END || CASE WHEN c.port > 0 THEN ' ' || CAST(c.port AS TEXT) ELSE '' END AS label,
  'fail' AS verdict, CAST(1 AS DOUBLE PRECISION) AS value,
  CASE WHEN c.live THEN 'From ' || c.client_zone || ' to ' || c.server_zone || ', first {t:' || CAST(c.first_at AS TEXT) || '}, last {t:' || CAST(c.last_at AS TEXT) || '}.'
    ELSE 'From ' || c.client_zone || ' to ' || c.server_zone || ', observed in a capture of {d:' || CAST(c.first_at AS TEXT) || '}.' END AS reason, c.zone_id AS part_of
FROM (?) c`, convs)
}
