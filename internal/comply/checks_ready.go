package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// exercised holds where an exercise of one of these kinds was held at the site o since a day, not failed; its argument is the day.
func exercised(kinds string) string {
	return "EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'exercise' AND r.state IN ('held', 'evaluated') AND r.data->>'kind' IN (" + kinds + ") AND COALESCE(r.data->>'passed', '') <> 'failed' AND " + atSite + " AND r.data->>'held_on' >= ?)"
}

// lastExercise is the day on which an exercise of a kind was last held for the site o; its argument is today.
func lastExercise(kinds, more string) string {
	return "(SELECT MAX(r.data->>'held_on') FROM record_record r WHERE r.type = 'exercise' AND r.state IN ('held', 'evaluated') AND r.data->>'kind' IN (" + kinds + ") AND COALESCE(r.data->>'passed', '') <> 'failed'" + more + " AND " + atSite + " AND r.data->>'held_on' <= ?)"
}

// passed holds where the person r passed a course that still counts; its argument is today.
func passed(course string) string {
	return "EXISTS (SELECT 1 FROM record_record t JOIN record_link l ON l.from_id = t.record_id AND l.rel = 'of' AND l.to_id = r.record_id WHERE t.type = 'training' AND t.state = 'valid' AND t.data->>'course' = '" + course + "' AND t.data->>'counts_until' >= ?)"
}

func scenarios() []item {
	return []item{
		{"ransomware", "Ransomware on an HMI or engineering station"},
		{"plc_change", "Unauthorised change of a PLC"},
		{"lost_view", "Lost view or control"},
		{"safety", "Safety system touched"},
		{"remote_access", "Remote access misused"},
		{"flood", "Flood or broadcast storm"},
		{"sabotage", "Sabotage"},
		{"supplier", "Supplier compromised"},
	}
}

// readyChecks judge whether plans were tried out, contacts answered, people trained, audits made and areas looked after.
func readyChecks() []relation {
	const noExercise, noContact, noPerson = "No exercise is written down yet.", "No contact is written down yet.", "No person is written down yet."
	exercises, contacts, persons := []string{"exercise"}, []string{"contact"}, []string{"person-record"}
	const monthDays = 30.4375
	island := func(_ *CheckSpec, now time.Time) ot.SQL {
		return register(noExercise, exercises, perSite(exercised("'island'"), "'The islanding test passed in the last 12 months.'", "'No islanding test passed in the last 12 months.'", monthsAgo(now, 12)))
	}
	verified := func(where string) func(*CheckSpec, time.Time) ot.SQL {
		return func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(noContact, contacts, perRecord("r.type = 'contact' AND r.state = 'active' AND "+where, "r.data->>'verified_on' >= ?", "'Answered on ' || (r.data->>'verified_on') || '.'",
				"CASE WHEN "+filled("verified_on")+" THEN 'Last answered on ' || (r.data->>'verified_on') || ', more than 180 days ago.' ELSE 'Nobody tried it.' END", isoDay(now.AddDate(0, 0, -180))))
		}
	}
	trained := func(where, course, what string) func(*CheckSpec, time.Time) ot.SQL {
		return func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(noPerson, persons, perRecord("r.type = 'person-record' AND r.state = 'active' AND "+where, passed(course), "'"+what+" passed and counting.'", "'No "+what+" that still counts.'", isoDay(now)))
		}
	}
	return []relation{
		{id: "drp.contacts_verified", fold: ot.Share, reads: recordTopics(), register: true, items: verified("CAST(r.data->>'plans' AS TEXT) LIKE '%\"drp\"%'")},
		{id: "comm.contacts", fold: ot.Share, reads: recordTopics(), register: true, items: verified("r.data->>'kind' IN ('authority', 'csirt', 'customer', 'media')")},
		{id: "irp.scenarios", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register("No document is written down yet.", []string{"document"}, perItem(scenarios(),
				"EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'document' AND r.state = 'in_force' AND r.data->>'kind' = 'playbook' AND r.data->>'scenario' = i.id AND "+atSite+" AND (r.review_at IS NULL OR r.review_at > ?))",
				"'A playbook is in force.'", "'No playbook is in force.'", micros(now)))
		}},
		{id: "playbook.phases", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, _ time.Time) ot.SQL {
			all := "1 = 1"
			for _, phase := range []string{"identify", "respond", "contain", "impact", "communicate", "recover"} {
				all += " AND COALESCE(CAST(r.data->>'phases' AS TEXT), '') LIKE '%\"" + phase + "\"%'"
			}
			return register("No document is written down yet.", []string{"document"}, perRecord("r.type = 'document' AND r.state = 'in_force' AND r.data->>'kind' = 'playbook'", all, "'All six phases are in it.'", "'It does not cover all six phases.'"))
		}},
		{id: "irp.disconnect_ready", fold: ot.Share, reads: recordTopics(), register: true, items: island},
		{id: "dos.island", fold: ot.Share, reads: recordTopics(), register: true, items: island},
		{id: "ex.recent", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			table, functional := exercised("'tabletop', 'simulation', 'real'"), exercised("'functional', 'simulation', 'island', 'real'")
			return register(noExercise, exercises, perSite(table+" AND "+functional, "'Tried at the table and in function.'", "CASE WHEN "+table+" THEN 'No functional test in the last 24 months.' ELSE 'No exercise at the table in the last 12 months.' END",
				monthsAgo(now, 12), monthsAgo(now, 24), monthsAgo(now, 12)))
		}},
		{id: "ex.findings", fold: ot.Share, reads: recordTopics(), register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return register(noExercise, exercises, perRecord("r.type = 'finding' AND r.created_at >= ? AND r.due_at <= ? AND EXISTS (SELECT 1 FROM record_link l JOIN record_record e ON e.record_id = l.from_id AND e.type = 'exercise' WHERE l.to_id = r.record_id AND l.rel = 'found')",
				"r.state = 'closed' AND r.closed_at <= r.due_at", "'Closed in time.'", "CASE WHEN r.state = 'closed' THEN 'Closed late.' ELSE 'Was due {d:' || CAST(r.due_at AS TEXT) || '}.' END", windowStart(k, now), micros(now)))
		}},
		{id: "comm.oob", fold: ot.Max, unit: "months", reads: recordTopics(), register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return ageRows(k, now, sqlf("SELECT o.site_no, o.site_id, o.name, "+lastExercise("'out_of_band'", "")+" AS held_on FROM org_site o", isoDay(now)), monthDays, "The channel outside the network was never tried.", "The last test of the channel outside the network", "months")
		}},
		{id: "nis2.drill", fold: ot.Max, unit: "months", reads: recordTopics(), register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return ageRows(k, now, sqlf("SELECT o.site_no, o.site_id, o.name, "+lastExercise("'reporting', 'simulation', 'real'", " AND CAST(r.data->>'hours_to_draft' AS DOUBLE PRECISION) <= 4")+" AS held_on FROM org_site o", isoDay(now)), monthDays,
				"No drill had the draft of an early warning within 4 hours.", "The last drill with a draft within 4 hours", "months")
		}},
		{id: "phy.drill", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(noExercise, exercises, perSite(exercised("'physical'"), "'A physical intrusion was exercised in the last 12 months.'", "'No physical intrusion was exercised in the last 12 months.'", monthsAgo(now, 12)))
		}},
		{id: "nis2.board_trained", fold: ot.Share, reads: recordTopics(), register: true, items: trained("r.data->>'engagement' = 'board'", "nis2", "NIS2 training")},
		{id: "trn.aware", fold: ot.Share, reads: recordTopics(), register: true, items: trained("("+isTrue("works_with_ot")+" OR r.data->>'engagement' = 'board')", "awareness", "awareness course")},
		{id: "trn.joiner", fold: ot.Share, reads: recordTopics(), register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			const in30 = "EXISTS (SELECT 1 FROM record_record t JOIN record_link l ON l.from_id = t.record_id AND l.rel = 'of' AND l.to_id = r.record_id WHERE t.type = 'training' AND t.data->>'course' = 'awareness' AND "
			taken := dayNumber("(t.data->>'passed_on')") + " - " + dayNumber("(r.data->>'began_on')")
			rows := perRecord("r.type = 'person-record' AND "+isTrue("works_with_ot")+" AND r.data->>'began_on' >= ?", in30+taken+" <= 30)", "'Trained within 30 days.'", "'Began on ' || (r.data->>'began_on') || ', without an awareness course within 30 days.'", isoDay(now.Add(-k.Window.Length())))
			young := isoDay(now.AddDate(0, 0, -30))
			// Who began less than 30 days ago still has time.
			return register(noPerson, persons, sqlf("SELECT y.site_no, y.entity_id, y.kind, y.ref, y.label, CASE WHEN y.ok = 0 AND (SELECT r.data->>'began_on' FROM record_record r WHERE r.record_id = y.ref) > ? THEN NULL ELSE y.ok END AS ok, y.yes, y.no FROM (?) y", young, rows))
		}},
		{id: "phy.cleared", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(noPerson, persons, perRecord("r.type = 'person-record' AND r.state = 'active' AND "+isTrue("unescorted"), "r.data->>'cleared_until' >= ?", "'Cleared until ' || (r.data->>'cleared_until') || '.'", "'Enters critical areas alone without a clearance that is valid.'", isoDay(now)))
		}},
		{id: "test.plan_done", fold: ot.Share, reads: recordTopics(), register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return register("No audit or test is written down yet.", []string{"audit-test"}, perRecord("r.type = 'audit-test' AND r.data->>'planned_on' < ? AND r.data->>'planned_on' >= ?", "r.state = 'done' AND "+dayNumber("(r.data->>'done_on')")+" - "+dayNumber("(r.data->>'planned_on')")+" <= 30",
				"'Done on ' || (r.data->>'done_on') || '.'", "CASE WHEN r.state = 'done' THEN 'Done on ' || (r.data->>'done_on') || ', more than 30 days late.' WHEN r.state = 'cancelled' THEN 'It was cancelled.' ELSE 'It was planned for ' || (r.data->>'planned_on') || ' and is not done.' END",
				isoDay(now), isoDay(now.Add(-k.Window.Length()))))
		}},
		{id: "audit.indep", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register("No audit or test is written down yet.", []string{"audit-test"}, perSite("EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'audit-test' AND r.state = 'done' AND r.data->>'kind' IN ('internal', 'external') AND "+isTrue("independent")+" AND "+atSite+" AND r.data->>'done_on' >= ?)",
				"'Audited by somebody independent in the last 24 months.'", "'No independent audit in the last 24 months.'", monthsAgo(now, 24)))
		}},
		{id: "sbd.tests", fold: ot.Share, reads: recordTopics(), register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return register("No project is written down yet.", []string{"project-gate"}, perRecord("r.type = 'project-gate' AND r.state = 'live' AND r.data->>'go_live' >= ?", "r.data->>'fat' IN ('passed', 'remarks') AND r.data->>'sat' = 'passed'",
				"'It passed its acceptance tests.'", "'It went live without a passed site acceptance test.'", isoDay(now.Add(-k.Window.Length()))))
		}},
		{id: "phy.review", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register("No physical area is written down yet.", []string{"physical-area"}, perRecord("r.type = 'physical-area' AND r.state = 'active'", "r.data->>'list_reviewed_on' >= CASE WHEN "+isTrue("critical")+" THEN ? ELSE ? END",
				"'List reviewed on ' || (r.data->>'list_reviewed_on') || '.'", "CASE WHEN "+filled("list_reviewed_on")+" THEN 'List last reviewed on ' || (r.data->>'list_reviewed_on') || '.' ELSE 'Nobody reviewed who may enter.' END", monthsAgo(now, 3), monthsAgo(now, 6)))
		}},
		{id: "phy.inspect", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register("No physical area is written down yet.", []string{"physical-area"}, perRecord("r.type = 'physical-area' AND r.state = 'active' AND r.data->>'kind' = 'perimeter'", "r.data->>'inspected_on' >= ?",
				"'Inspected on ' || (r.data->>'inspected_on') || '.'", "'Not inspected in the last 92 days.'", isoDay(now.AddDate(0, 0, -92))))
		}},
	}
}
