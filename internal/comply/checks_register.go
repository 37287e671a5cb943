package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// What people keep in registers (documents, roles, contacts, suppliers, exercises) is judged
// site by site: what is kept for the whole company holds for each of its sites. Until a
// company has begun a register, its silence is unknown; from then on what is missing is missing.

// atSite holds where the record r stands at the site o or is kept for its whole company.
const atSite = "(r.site_no = o.site_no OR r.site_no = 0 AND r.entity_id = o.entity_id)"

// holder holds where an active person is linked to the record r as what %s names.
func holder(rel string) string {
	return "EXISTS (SELECT 1 FROM record_link l JOIN record_record p ON p.record_id = l.to_id WHERE l.from_id = r.record_id AND l.rel = '" + rel + "' AND p.type = 'person-record' AND p.state = 'active')"
}

// register closes the rows of inner, which has site_no, entity_id, kind, ref, label, ok (1, 0 or NULL: cannot be
// said), yes and no: the sentences of either case. none is said while no record of these types was ever written.
func register(none string, types []string, inner ot.SQL) ot.SQL {
	const begun = "EXISTS (SELECT 1 FROM record_record b WHERE b.type IN (?) AND b.entity_id = x.entity_id)"
	return sqlf(`SELECT x.site_no, x.kind, x.ref, x.label, CASE WHEN x.ok = 1 THEN 'pass' WHEN x.ok = 0 AND `+begun+` THEN 'fail' ELSE 'unknown' END AS verdict, `+noValue+` AS value,
  CASE WHEN x.ok = 1 THEN x.yes WHEN `+begun+` THEN x.no ELSE '`+none+`' END AS reason FROM (?) x`, types, types, inner)
}

// perSite asks one thing of each site o; ok is a condition, yes and no are SQL for the sentences.
func perSite(ok, yes, no string, args ...any) ot.SQL {
	return sqlf("SELECT o.site_no, o.entity_id, 'site' AS kind, o.site_id AS ref, o.name AS label, CASE WHEN "+ok+" THEN 1 ELSE 0 END AS ok, "+yes+" AS yes, "+no+" AS no FROM org_site o", args...)
}

// item is one of a fixed list of things that each site must have.
type item struct{ id, name string }

// perItem asks one thing of each site o for each item i of a list.
func perItem(list []item, ok, yes, no string, args ...any) ot.SQL {
	all := ot.SQL{Text: "SELECT CAST(? AS TEXT) AS id, CAST(? AS TEXT) AS name", Args: []any{list[0].id, list[0].name}}
	for _, x := range list[1:] {
		all.Text += " UNION ALL SELECT CAST(? AS TEXT), CAST(? AS TEXT)"
		all.Args = append(all.Args, x.id, x.name)
	}
	return sqlf("SELECT o.site_no, o.entity_id, 'item' AS kind, o.site_id || ':' || i.id AS ref, i.name AS label, CASE WHEN "+ok+" THEN 1 ELSE 0 END AS ok, "+yes+" AS yes, "+no+" AS no FROM org_site o CROSS JOIN (?) i", append(args, all)...)
}

// perRecord asks one thing of each record r that where chooses, at each site it holds for.
func perRecord(where, ok, yes, no string, args ...any) ot.SQL {
	return sqlf("SELECT o.site_no, o.entity_id, 'record' AS kind, r.record_id AS ref, r.ref || ' ' || r.title AS label, CASE WHEN "+ok+" THEN 1 ELSE 0 END AS ok, "+yes+" AS yes, "+no+
		" AS no FROM record_record r JOIN org_site o ON "+atSite+" WHERE "+where, args...)
}

// orNone adds a passing row for each site at which nothing of what is counted stands, so that a count to zero has a
// population. rows are of register; some gives the sites, as site_no, that have one.
func orNone(rows, some ot.SQL, sentence string, types []string) ot.SQL {
	const begun = "EXISTS (SELECT 1 FROM record_record b WHERE b.type IN (?) AND b.entity_id = o.entity_id)"
	return sqlf("SELECT v.* FROM (?) v UNION ALL SELECT w.* FROM (?) w WHERE w.site_no NOT IN (SELECT s.site_no FROM (?) s)", rows,
		register("Nothing is written down yet.", types, perSite(begun, "'"+sentence+"'", "''", types)), some)
}

// isTrue holds where a field of yes or no says yes, on both engines.
func isTrue(field string) string {
	return "CAST(r.data->>'" + field + "' AS TEXT) IN ('1', 'true')"
}

// numberOf reads a field as a number; NULL where it is empty.
func numberOf(field string) string { return "CAST(r.data->>'" + field + "' AS DOUBLE PRECISION)" }

// filled holds where every field has a text.
func filled(fields ...string) string {
	text := "1 = 1"
	for _, f := range fields {
		text += " AND COALESCE(CAST(r.data->>'" + f + "' AS TEXT), '') NOT IN ('', '[]')"
	}
	return text
}

// isoDay is a day as records keep it.
func isoDay(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// monthsAgo is a day that lies so many months back.
func monthsAgo(now time.Time, months int) string { return isoDay(now.AddDate(0, -months, 0)) }

// dayNumber turns a day as records keep it into a number of which the difference of two is days (the Julian day number).
func dayNumber(day string) string {
	part := func(from, n string) string { return "CAST(substr(" + day + ", " + from + ", " + n + ") AS BIGINT)" }
	y, m, d := part("1", "4"), part("6", "2"), part("9", "2")
	early := "((14 - " + m + ") / 12)"
	year := "(" + y + " + 4800 - " + early + ")"
	return "(" + d + " + (153 * (" + m + " + 12 * " + early + " - 3) + 2) / 5 + 365 * " + year + " + " + year + " / 4 - " + year + " / 100 + " + year + " / 400 - 32045)"
}

// ageRows judges how long ago something was: sites has site_no, site_id, name and held_on, a day or NULL for never.
// unit is how many days the check's unit has.
func ageRows(k *CheckSpec, now time.Time, sites ot.SQL, unit float64, never, what, units string) ot.SQL {
	return sqlf(`SELECT x.site_no, 'site' AS kind, x.site_id AS ref, x.name AS label, CASE WHEN x.age IS NULL THEN 'unknown' WHEN x.age <= ? THEN 'pass' ELSE 'fail' END AS verdict, x.age AS value,
  CASE WHEN x.age IS NULL THEN '`+never+`' ELSE '`+what+` was on ' || x.held_on || ', ' || CAST(CAST(x.age AS BIGINT) AS TEXT) || ' `+units+` ago.' END AS reason
FROM (SELECT v.*, CAST(? - `+dayNumber("v.held_on")+` AS DOUBLE PRECISION) / ? AS age FROM (?) v) x`, k.Test.Value, now.Unix()/86400+firstDay, unit, sites)
}

// firstDay is the Julian day number of 1 January 1970.
const firstDay = 2440588

func personTopics() []ot.Topic { return []ot.Topic{ot.TopicRecord, ot.TopicOrg, ot.TopicAsset} }
