package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

func hazards() []item {
	return []item{
		{"cyber", "Cyber attack"},
		{"natural", "Natural event"},
		{"sabotage", "Sabotage"},
		{"breach", "Data breach"},
		{"supplier", "Supplier"},
		{"human", "Human error"},
		{"utility", "Loss of a utility"},
	}
}

// tolerated is the risk, likelihood times consequence, that the method in force of the record's company tolerates; NULL without one.
const tolerated = "(SELECT MAX(CAST(m.data->>'tolerance' AS DOUBLE PRECISION)) FROM record_record m WHERE m.type = 'risk-method' AND m.state = 'in_force' AND m.entity_id = r.entity_id)"

// riskChecks judge area 2 and the threats of area 4 from the registers of methods, assessments and risks.
func riskChecks() []relation {
	const noAssessment, noRisk = "No risk assessment is written down yet.", "No risk is written down yet."
	assessed, risks := []string{"risk-assessment"}, []string{"risk"}
	return []relation{
		{id: "risk.method", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register("No risk method is written down yet.", []string{"risk-method"}, perSite("EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'risk-method' AND r.state = 'in_force' AND r.entity_id = o.entity_id AND (r.review_at IS NULL OR r.review_at > ?))",
				"'The risk method is in force.'", "'No risk method is in force, or its review is overdue.'", micros(now)))
		}},
		{id: "risk.above_tolerance", fold: ot.Count, unit: "risks", reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			above := "r.type = 'risk' AND r.state <> 'closed' AND " + numberOf("likelihood") + " * " + numberOf("consequence") + " > " + tolerated
			rows := register(noRisk, risks, perRecord(above, "r.state = 'in_treatment' OR r.state = 'accepted' AND r.valid_until >= ?",
				"CASE WHEN r.state = 'accepted' THEN 'Accepted until {d:' || CAST(r.valid_until AS TEXT) || '}.' ELSE 'It is being treated.' END",
				"CASE WHEN r.state = 'accepted' THEN 'Its acceptance has ended.' ELSE 'Above what is tolerated, with neither treatment nor acceptance.' END", micros(now)))
			const measured = "EXISTS (SELECT 1 FROM record_record m WHERE m.type = 'risk-method' AND m.state = 'in_force' AND m.entity_id = o.entity_id)"
			sites := sqlf("SELECT o.site_no, o.entity_id, 'site' AS kind, o.site_id AS ref, o.name AS label, CASE WHEN " + measured + " AND EXISTS (SELECT 1 FROM record_record b WHERE b.type = 'risk' AND b.entity_id = o.entity_id) THEN 1 END AS ok, " +
				"'No risk is above what is tolerated.' AS yes, 'No risk method is in force: nobody can say which risk is too high.' AS no FROM org_site o")
			return sqlf("SELECT v.* FROM (?) v UNION ALL SELECT w.* FROM (?) w WHERE w.site_no NOT IN (SELECT o.site_no FROM record_record r JOIN org_site o ON "+atSite+" WHERE "+above+")", rows, register(noRisk, risks, sites))
		}},
		{id: "risk.fresh", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			const done = "EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'risk-assessment' AND r.state = 'approved' AND r.site_no = o.site_no AND (r.zone_no = 0 OR r.zone_no = z.zone_no) AND r.data->>'done_on' >= ?)"
			return register(noAssessment, assessed, sqlf(`SELECT o.site_no, o.entity_id, 'zone' AS kind, z.zone_id AS ref, z.name AS label, CASE WHEN `+done+` THEN 1 ELSE 0 END AS ok,
  'Assessed in the last 12 months.' AS yes, 'Not assessed in the last 12 months.' AS no FROM org_zone z JOIN org_site o ON o.site_no = z.site_no WHERE z.ot AND NOT z.external`, monthsAgo(now, 12)))
		}},
		{id: "risk.live_linked", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, _ time.Time) ot.SQL {
			return register(noRisk, risks, perRecord("r.type = 'risk' AND r.state <> 'closed'", filled("indicators")+" OR EXISTS (SELECT 1 FROM record_link l WHERE l.from_id = r.record_id AND l.to_kind = 'check')",
				"'Bound to what is measured.'", "'No check shows it: nobody would notice that it grows.'"))
		}},
		{id: "risk.treat_overdue", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(noRisk, risks, perRecord("r.type = 'action' AND r.closed_at IS NULL AND r.state NOT IN ('verified', 'dropped') AND EXISTS (SELECT 1 FROM record_link l JOIN record_record k ON k.record_id = l.from_id AND k.type = 'risk' WHERE l.to_id = r.record_id AND l.rel = 'treated_by')",
				"r.due_at >= ?", "'Due {d:' || CAST(r.due_at AS TEXT) || '}.'", "CASE WHEN r.due_at IS NULL THEN 'It has no date.' ELSE 'Was due {d:' || CAST(r.due_at AS TEXT) || '}.' END", micros(now)))
		}},
		{id: "threat.hazard_cover", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(noAssessment, assessed, perItem(hazards(), "EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'risk-assessment' AND r.state = 'approved' AND "+atSite+" AND r.data->>'done_on' >= ? AND CAST(r.data->>'hazards' AS TEXT) LIKE '%\"' || i.id || '\"%')",
				"i.name || ': assessed.'", "i.name || ': not assessed in the last 12 months.'", monthsAgo(now, 12)))
		}},
	}
}
