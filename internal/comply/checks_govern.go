package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// documentInForce holds where the site o has or adopts a document that is in force and whose review is not overdue; its argument is now.
func documentInForce(kind string) string {
	return "EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'document' AND r.state = 'in_force' AND r.data->>'kind' = " + kind + " AND " + atSite + " AND (r.review_at IS NULL OR r.review_at > ?))"
}

// document judges that each site has one kind of document in force.
func document(id, kind, name string) relation {
	return relation{id: id, fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
		return register("No document is written down yet.", []string{"document"},
			perSite(documentInForce("'"+kind+"'"), "'The "+name+" is in force.'", "'No "+name+" is in force, or its review is overdue.'", micros(now)))
	}}
}

// roleFilled holds where the site o has the role in force with an active holder and a deputy; its arguments are now, twice.
func roleFilled(role string) string {
	return "EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'role-assignment' AND r.state = 'in_force' AND r.data->>'role' = " + role + " AND " + atSite +
		" AND (r.valid_from IS NULL OR r.valid_from <= ?) AND (r.valid_until IS NULL OR r.valid_until > ?) AND " + holder("held_by") + " AND " + holder("deputy") + ")"
}

func mandatoryDocuments() []item {
	return []item{
		{"charter", "Governance charter"},
		{"ot_policy", "OT Security Policy"},
		{"drp", "Disaster Recovery Plan"},
		{"irp", "Incident Response Plan"},
		{"bcp", "Business Continuity Plan"},
		{"risk_strategy", "Risk strategy"},
		{"supplier_requirements", "Supplier requirements"},
		{"communication", "Communication protocol"},
	}
}

func areas() []item {
	return []item{
		{"1", "Governance"},
		{"2", "Risk management"},
		{"3", "Supply chain"},
		{"4", "Incident response and crisis management"},
		{"5", "Access control"},
		{"6", "Asset management"},
		{"7", "Monitoring and testing"},
		{"8", "Vulnerability management"},
		{"9", "Security by design"},
		{"10", "Training and awareness"},
		{"11", "Physical security"},
	}
}

func responseFunctions() []item {
	return []item{
		{"irt_ot", "OT"},
		{"irt_it", "IT"},
		{"irt_production", "Production"},
		{"irt_safety", "Safety"},
		{"irt_legal", "Legal"},
		{"irt_communication", "Communication"},
		{"irt_management", "Management"},
	}
}

// quarters are the last four times 92 days, newest first.
func quarters(now time.Time) ot.SQL {
	var q ot.SQL
	for i := range 4 {
		if i > 0 {
			q.Text += " UNION ALL "
		}
		q.Text += "SELECT CAST(? AS TEXT) AS from_day, CAST(? AS TEXT) AS to_day"
		q.Args = append(q.Args, isoDay(now.AddDate(0, 0, -92*(i+1))), isoDay(now.AddDate(0, 0, -92*i)))
	}
	return q
}

// governChecks judge area 1 from the registers of documents, roles, responsibilities and meetings.
func governChecks() []relation {
	roles := []string{"role-assignment"}
	const noRole, noMeeting = "No role is written down yet.", "No meeting is written down yet."
	return []relation{
		{id: "gov.doc_set", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register("No document is written down yet.", []string{"document"},
				perItem(mandatoryDocuments(), documentInForce("i.id"), "i.name || ': in force.'", "i.name || ': not in force, or its review is overdue.'", micros(now)))
		}},
		{id: "gov.raci", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, _ time.Time) ot.SQL {
			// A line of the site stands before the line of the company.
			const count = `(SELECT COUNT(DISTINCT l.to_id) FROM record_record r JOIN record_link l ON l.from_id = r.record_id AND l.rel = 'accountable' JOIN record_record p ON p.record_id = l.to_id AND p.state = 'active'
  WHERE r.type = 'raci' AND r.state = 'in_force' AND r.data->>'area' = i.id AND ` + atSite + `
  AND (r.site_no <> 0 OR NOT EXISTS (SELECT 1 FROM record_record n WHERE n.type = 'raci' AND n.state = 'in_force' AND n.data->>'area' = i.id AND n.site_no = o.site_no)))`
			return register("No responsibility is written down yet.", []string{"raci"},
				perItem(areas(), count+" = 1", "'One person is accountable.'", "CASE WHEN "+count+" = 0 THEN 'Nobody is accountable.' ELSE CAST("+count+" AS TEXT) || ' persons are accountable: it must be one.' END"))
		}},
		{id: "mgmt.review_age", fold: ot.Max, unit: "days", reads: recordTopics(), register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			const last = "(SELECT MAX(r.data->>'held_on') FROM record_record r WHERE r.type = 'meeting' AND r.state = 'held' AND r.data->>'kind' = 'management_review' AND " + atSite + " AND r.data->>'held_on' <= ?)"
			return ageRows(k, now, sqlf("SELECT o.site_no, o.site_id, o.name, "+last+" AS held_on FROM org_site o", isoDay(now)), 1, "No management review is written down.", "The last management review", "days")
		}},
		{id: "mgmt.decisions_overdue", fold: ot.Count, unit: "decisions", reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			const decided = "r.type = 'action' AND r.closed_at IS NULL AND r.state NOT IN ('verified', 'dropped') AND EXISTS (SELECT 1 FROM record_link l JOIN record_record m ON m.record_id = l.from_id AND m.type = 'meeting' WHERE l.to_id = r.record_id AND l.rel = 'decided')"
			rows := register(noMeeting, []string{"meeting"}, perRecord(decided, "r.due_at >= ?", "'Due {d:' || CAST(r.due_at AS TEXT) || '}.'", "CASE WHEN r.due_at IS NULL THEN 'It has no date.' ELSE 'Was due {d:' || CAST(r.due_at AS TEXT) || '}.' END", micros(now)))
			return orNone(rows, sqlf("SELECT o.site_no FROM record_record r JOIN org_site o ON "+atSite+" WHERE "+decided), "No decision is open.", []string{"meeting"})
		}},
		document("doc.policy_in_force", "ot_policy", "OT Security Policy"),
		document("doc.drp_in_force", "drp", "Disaster Recovery Plan"),
		document("doc.irp_in_force", "irp", "Incident Response Plan"),
		document("doc.bcp_in_force", "bcp", "Business Continuity Plan"),
		{id: "std.current", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register("No standard is written down yet.", []string{"document"},
				perRecord("r.type = 'document' AND r.data->>'kind' IN ('standard', 'procedure', 'naming') AND r.state NOT IN ('replaced', 'withdrawn')", "r.state = 'in_force' AND (r.review_at IS NULL OR r.review_at > ?)",
					"'In force.'", "CASE WHEN r.state = 'in_force' THEN 'Its review was due {d:' || CAST(r.review_at AS TEXT) || '}.' ELSE 'Not approved yet.' END", micros(now)))
		}},
		{id: "dr.service_plan", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register("No critical service is named yet.", []string{"critical-service"},
				perRecord("r.type = 'critical-service' AND r.state = 'active'", covered("drp")+" AND "+filled("rto", "rpo", "restore_order"), "'A recovery plan in force covers it.'",
					"CASE WHEN "+filled("rto", "rpo", "restore_order")+" THEN 'No recovery plan in force covers it.' ELSE 'Its place in the restore order is not said.' END", micros(now)))
		}},
		{id: "bcp.service_cover", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register("No critical service is named yet.", []string{"critical-service"},
				perRecord("r.type = 'critical-service' AND r.state = 'active'", covered("bcp")+" AND "+filled("manual"), "'A continuity plan in force covers it, with operation by hand.'",
					"CASE WHEN "+filled("manual")+" THEN 'No continuity plan in force covers it.' ELSE 'Nothing says how it goes on by hand.' END", micros(now)))
		}},
		{id: "role.dso_filled", fold: ot.Max, unit: "days", reads: recordTopics(), register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			// A day counts as filled when a role of that day has a holder and a deputy.
			return sqlf(`WITH dso AS MATERIALIZED (SELECT r.site_no, r.entity_id, COALESCE(r.valid_from, r.created_at) AS from_at, r.valid_until, r.closed_at FROM record_record r
   WHERE r.type = 'role-assignment' AND r.state IN ('in_force', 'ended') AND r.data->>'role' = 'dso'
     AND EXISTS (SELECT 1 FROM record_link l WHERE l.from_id = r.record_id AND l.rel = 'held_by') AND EXISTS (SELECT 1 FROM record_link l WHERE l.from_id = r.record_id AND l.rel = 'deputy'))
SELECT x.site_no, 'site' AS kind, x.site_id AS ref, x.name AS label, CASE WHEN NOT x.begun THEN 'unknown' WHEN x.days <= ? THEN 'pass' ELSE 'fail' END AS verdict, CASE WHEN x.begun THEN CAST(x.days AS DOUBLE PRECISION) END AS value,
  CASE WHEN NOT x.begun THEN '`+noRole+`' ELSE CAST(x.days AS TEXT) || ' of the last 365 days without an OT security officer and a deputy.' END AS reason
FROM (SELECT o.site_no, o.site_id, o.name, EXISTS (SELECT 1 FROM record_record b WHERE b.type = 'role-assignment' AND b.entity_id = o.entity_id) AS begun,
  (SELECT COUNT(*) FROM (?) d WHERE NOT EXISTS (SELECT 1 FROM dso r WHERE `+atSite+` AND r.from_at <= d.end_at
     AND COALESCE(r.valid_until, d.end_at) >= d.end_at AND COALESCE(r.closed_at, d.end_at) >= d.end_at)) AS days
  FROM org_site o) x`, k.Test.Value, lastDays(now))
		}},
		{id: "role.dso_reports", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			const reported = "EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'meeting' AND r.state = 'held' AND r.data->>'kind' = 'management_review' AND " + atSite + " AND r.data->>'held_on' > q.from_day AND r.data->>'held_on' <= q.to_day AND CAST(r.data->>'dso_item' AS TEXT) IN ('1', 'true'))"
			return register(noMeeting, []string{"meeting"}, sqlf(`SELECT o.site_no, o.entity_id, 'item' AS kind, o.site_id || ':' || q.to_day AS ref, q.from_day || ' to ' || q.to_day AS label, CASE WHEN `+reported+` THEN 1 ELSE 0 END AS ok,
  'The OT security officer reported to the management.' AS yes, 'No management review with a report of the OT security officer.' AS no FROM org_site o CROSS JOIN (?) q`, quarters(now)))
		}},
		{id: "role.competence", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, _ time.Time) ot.SQL {
			const dso = "SELECT 1 FROM record_record r WHERE r.type = 'role-assignment' AND r.state = 'in_force' AND r.data->>'role' = 'dso' AND " + atSite
			return register(noRole, roles, sqlf("SELECT c.* FROM (?) c WHERE c.asked = 1", sqlf(`SELECT a.*, b.ok AS asked FROM (?) a JOIN (?) b ON b.ref = a.ref`,
				perItem(competences(), "EXISTS ("+dso+" AND CAST(r.data->>'proven' AS TEXT) LIKE '%\"' || i.id || '\"%')", "i.name || ': proven.'", "i.name || ': asked for and not proven.'"),
				perItem(competences(), "EXISTS ("+dso+" AND CAST(r.data->>'competence' AS TEXT) LIKE '%\"' || i.id || '\"%')", "''", "''"))))
		}},
		{id: "site.lead", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			const own = "EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'role-assignment' AND r.state = 'in_force' AND r.data->>'role' = 'site_ot_lead' AND r.site_no = o.site_no AND (r.valid_until IS NULL OR r.valid_until > ?) AND "
			return register(noRole, roles, perSite(own+filled("decides")+" AND "+holder("held_by")+" AND "+holder("deputy")+")", "'The OT lead and a deputy are appointed, with a mandate.'",
				"CASE WHEN "+own+holder("held_by")+") THEN 'The OT lead has no deputy, or no mandate.' ELSE 'Nobody is appointed as OT lead of the site.' END", micros(now), micros(now)))
		}},
		{id: "collab.met", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(noMeeting, []string{"meeting"}, perSite("EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'meeting' AND r.state = 'held' AND r.data->>'kind' = 'joint' AND "+atSite+" AND r.data->>'held_on' >= ?)",
				"'OT, production and IT met in the last 92 days.'", "'OT, production and IT have not met for 92 days.'", isoDay(now.AddDate(0, 0, -92))))
		}},
		{id: "irp.roles_live", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			list := append([]item{{"incident_lead", "Incident lead"}}, responseFunctions()...)
			const filledBy = "EXISTS (SELECT 1 FROM record_record r JOIN record_link h ON h.from_id = r.record_id AND h.rel = 'held_by' JOIN record_record p ON p.record_id = h.to_id AND p.state = 'active' WHERE r.type = 'role-assignment' AND r.state = 'in_force' AND r.data->>'role' = i.id AND " +
				atSite + " AND (r.valid_until IS NULL OR r.valid_until > ?) AND COALESCE(p.data->>'phone', '') <> '')"
			return register(noRole, roles, perItem(list, filledBy, "i.name || ': filled, with a telephone.'", "i.name || ': nobody who can be reached holds it.'", micros(now)))
		}},
		{id: "irt.filled", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(noRole, roles, perItem(responseFunctions(), roleFilled("i.id"), "i.name || ': holder and deputy.'", "i.name || ': a holder or a deputy is missing.'", micros(now), micros(now)))
		}},
		{id: "nis2.profile", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register("The company is not described yet.", []string{"entity-profile"}, perSite("EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'entity-profile' AND r.state = 'confirmed' AND r.entity_id = o.entity_id AND (r.review_at IS NULL OR r.review_at > ?))",
				"'The profile of the company is complete and confirmed.'", "'The profile of the company is not confirmed, or not for six months.'", micros(now)))
		}},
	}
}

func competences() []item {
	return []item{
		{"ot_security", "OT security"},
		{"process", "The process and its safety"},
		{"network", "Industrial networks"},
		{"incident", "Incident handling"},
		{"law", "The law and reporting"},
		{"risk", "Risk assessment"},
	}
}

// covered holds where a document of a kind that is in force covers the record r; its argument is now.
func covered(kind string) string {
	return "EXISTS (SELECT 1 FROM record_record d JOIN record_link l ON l.from_id = r.record_id AND l.rel = 'covered_by' AND l.to_id = d.record_id OR l.from_id = d.record_id AND l.rel = 'covers' AND l.to_id = r.record_id" +
		" WHERE d.type = 'document' AND d.state = 'in_force' AND d.data->>'kind' = '" + kind + "' AND (d.review_at IS NULL OR d.review_at > ?))"
}

// lastDays are the 365 days up to now, newest first, with their age and the moment each ends.
func lastDays(now time.Time) ot.SQL {
	day := (24 * time.Hour).Microseconds()
	return sqlf(`SELECT n.age, CAST(? AS BIGINT) - n.age * CAST(? AS BIGINT) AS end_at FROM (SELECT a.x + 10 * b.x + 100 * c.x AS age FROM (?) a CROSS JOIN (?) b CROSS JOIN (?) c) n WHERE n.age < ?`,
		micros(now), day, digits(), digits(), digits(), 365)
}

func digits() ot.SQL {
	return sqlf("SELECT 0 AS x UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9")
}
