package demo

import (
	"context"
	"maps"
	"time"
)

// Entry is a line of one of the company's registers, as somebody wrote it down in the past.
type Entry struct {
	Key, Type, Title, Site string // Site is a name; empty: the whole company
	State, By              string
	Days                   int // how many days ago
	Owner                  string
	Until                  int // days from now until it ends; 0: it does not
	Due                    int // days from now until it is due; 0: it is not
	Data                   map[string]any
	Links                  map[string]string // relation: key of an earlier entry
}

// Registers is where the company keeps its governance.
type Registers interface {
	// Enter writes entries down as they stood, in order.
	Enter(ctx context.Context, present time.Time, entries []Entry) error
}

// registers is the governance of the example: much of it in order, as in a company that has
// begun. Gdańsk has no deputy and no continuity plan, the recovery plan was not looked at for 15 months,
// one contract sets no hours for notices, and nobody tried Malmö's contacts.
func registers(present time.Time) []Entry {
	day := func(ago int) string { return present.AddDate(0, 0, -ago).Format(time.DateOnly) }
	var out []Entry
	add := func(e Entry) {
		if e.By == "" {
			e.By = dso
		}
		out = append(out, e)
	}

	add(Entry{Type: "entity-profile", Title: "Havnemejeriet A/S", State: "confirmed", Days: 60, Owner: dso, Data: map[string]any{
		"class": "essential", "sectors": []any{"food"}, "states": "DK, SE, PL", "authority": "The competent authority for food", "csirt": "The national CSIRT", "portal": "https://virk.dk/",
		"submitters": "Anna Holm, Ida Thygesen", "ip_ranges": "192.0.2.0/25", "registered_on": day(400), "employees": 820,
	}})
	person := func(key, name, site, function, engagement string, more map[string]any) {
		data := map[string]any{"function": function, "engagement": engagement, "works_with_ot": engagement != "board", "phone": "+45 70 00 00 " + key, "began_on": day(900)}
		maps.Copy(data, more)
		add(Entry{Key: key, Type: "person-record", Title: name, Site: site, State: "active", Days: 300, Data: data})
	}
	person("10", "Anna Holm", "", "OT security officer", "employee", nil)
	person("11", "Ida Thygesen", "", "Director", "board", nil)
	person("12", "Bent Aagaard", "", "Chair of the board", "board", nil)
	person("20", "Jens Friis", "Aarhus", "OT lead", "employee", nil)
	person("21", "Karl Vinther", "Aarhus", "OT engineer", "employee", nil)
	person("30", "Mette Krogh", "Esbjerg", "OT lead", "employee", nil)
	person("31", "Søren Dahl", "Esbjerg", "OT engineer", "employee", nil)
	person("32", "Lone Bach", "Esbjerg", "Shift leader", "employee", map[string]any{"unescorted": true, "cleared_until": day(-200)})
	person("40", "Piotr Zieliński", "Gdańsk", "OT lead", "employee", nil)
	person("50", "Eva Lindqvist", "Malmö", "OT lead", "employee", nil)
	person("51", "Nils Berg", "Malmö", "Electrician", "employee", map[string]any{"began_on": day(50)})
	for _, who := range []string{"10", "20", "21", "30", "31", "32", "40", "50"} {
		add(Entry{Type: "training", Title: "Awareness", Site: siteOf(out, who), State: "valid", Days: 90, Data: map[string]any{"course": "awareness", "passed_on": day(90), "counts_until": day(90 - 365), "score": 90}, Links: map[string]string{"of": who}})
	}
	add(Entry{Type: "training", Title: "NIS2 for boards", State: "valid", Days: 120, Data: map[string]any{"course": "nis2", "passed_on": day(120), "counts_until": day(120 - 365)}, Links: map[string]string{"of": "11"}})

	role := func(kind, title, site, holder, deputy string) {
		links := map[string]string{"held_by": holder}
		if deputy != "" {
			links["deputy"] = deputy
		}
		add(Entry{
			Type: "role-assignment", Title: title, Site: site, State: "in_force", By: director, Days: 200, Until: 165, Owner: director, Links: links,
			Data: map[string]any{"role": kind, "decides": "Cut the site from the company's network; call in a supplier", "reports_to": "The management", "hours_week": 8, "competence": []any{"ot_security", "law", "risk"}, "proven": []any{"ot_security", "risk"}},
		})
	}
	role("dso", "OT security officer", "", "10", "20")
	role("site_ot_lead", "OT lead of Aarhus", "Aarhus", "20", "21")
	role("site_ot_lead", "OT lead of Esbjerg", "Esbjerg", "30", "31")
	role("site_ot_lead", "OT lead of Gdańsk", "Gdańsk", "40", "")
	role("site_ot_lead", "OT lead of Malmö", "Malmö", "50", "51")
	role("incident_lead", "Incident lead", "", "10", "30")
	role("irt_ot", "Response team: OT", "", "20", "30")
	role("irt_it", "Response team: IT", "", "20", "30")
	role("irt_production", "Response team: production", "", "20", "30")
	role("irt_management", "Response team: management", "", "11", "10")

	document := func(kind, title, site string, ago int, more map[string]any) {
		data := map[string]any{"kind": kind, "edition": "1.0", "language": "en"}
		maps.Copy(data, more)
		add(Entry{Key: kind + site, Type: "document", Title: title, Site: site, State: "in_force", Days: ago, Owner: dso, Data: data})
	}
	document("charter", "How OT security is directed", "", 300, nil)
	document("ot_policy", "OT Security Policy", "", 200, map[string]any{"summary": "One way in, every zone heard, every program kept, every change known."})
	document("drp", "Recovery of the dairies", "", 460, map[string]any{"summary": "Pasteurisers first, then fillers, then packing."})
	document("irp", "Incident response", "", 150, nil)
	document("bcp", "Going on by hand: Aarhus", "Aarhus", 100, nil)
	document("bcp", "Going on by hand: Esbjerg", "Esbjerg", 100, nil)
	document("risk_strategy", "How risk is judged", "", 220, nil)
	document("supplier_requirements", "What is asked of suppliers", "", 250, nil)
	document("naming", "How devices are named", "", 250, nil)
	for _, p := range [][2]string{{"ransomware", "Ransomware on an HMI"}, {"plc_change", "A PLC was changed"}, {"lost_view", "The view is lost"}, {"remote_access", "Remote access misused"}} {
		document("playbook", p[1], "", 150, map[string]any{"scenario": p[0], "phases": []any{"identify", "respond", "contain", "impact", "communicate", "recover"}})
	}

	service := func(title, site string, order int, manual string, links map[string]string) {
		data := map[string]any{"text": "Milk for the region's shops and hospitals", "impact": "society", "rto": 12, "rpo": 24, "restore_order": order}
		if manual != "" {
			data["manual"] = manual
		}
		add(Entry{Type: "critical-service", Title: title, Site: site, State: "active", Days: 200, Owner: dso, Data: data, Links: links})
	}
	service("Pasteurised milk", "Aarhus", 1, "Valves by hand, temperatures by thermometer, one batch at a time.", map[string]string{"covered_by": "bcpAarhus"})
	service("Filling", "Aarhus", 2, "", map[string]string{"covered_by": "drp"})
	service("Pasteurised milk", "Esbjerg", 1, "Valves by hand, one batch at a time.", map[string]string{"covered_by": "bcpEsbjerg"})

	meeting := func(kind string, on int) {
		add(Entry{Type: "meeting", Title: "Meeting of " + day(on), State: "held", Days: on, Owner: dso, Data: map[string]any{"kind": kind, "held_on": day(on), "present": "Ida Thygesen, Anna Holm, Bent Aagaard", "minutes": "The posture was looked at, site by site.", "decisions": "Esbjerg gets a second sensor.", "dso_item": true}})
	}
	meeting("management_review", 40)
	meeting("joint", 20)
	add(Entry{Type: "risk-method", Title: "Five by five", State: "in_force", Days: 220, Owner: dso, Data: map[string]any{
		"likelihood": "1 less than once in 30 years, 2 once in ten years, 3 once in three years, 4 once a year, 5 more often", "consequence": "1 an hour's stop, 2 a shift, 3 a day, 4 a recall, 5 somebody is hurt", "tolerance": 9, "appetite": "No risk to people; a stop of a day once in ten years",
		"roles": "The site assesses, the OT security officer reviews, the management accepts", "interval": 12, "hazards": []any{"cyber", "natural", "sabotage", "supplier", "human", "utility"},
	}})
	risk := func(title, site, state, hazard string, likelihood, consequence int, indicators string, until int) {
		data := map[string]any{"hazard": hazard, "text": title + ".", "likelihood": likelihood, "consequence": consequence, "treatment": "reduce", "measures": "See the actions.", "indicators": indicators}
		if state == "accepted" {
			data["treatment"], data["acceptance"] = "accept", "Replaced with the line next year."
		}
		add(Entry{Type: "risk", Title: title, Site: site, State: state, Days: 80, Owner: dso, Until: until, Data: data})
	}
	risk("A supplier's laptop brings malware into the filling line", "Esbjerg", "in_treatment", "supplier", 4, 4, "remote.bypass, asset.transient", 0)
	risk("Ransomware from the office reaches the HMIs", "", "open", "cyber", 3, 5, "seg.violations, itot.undocumented", 0)
	risk("The old pasteuriser's controller fails and no spare is to be had", "Aarhus", "accepted", "utility", 3, 4, "", 120)
	for _, site := range []string{"Aarhus", "Esbjerg"} {
		add(Entry{Type: "risk-assessment", Title: "Risk assessment " + site, Site: site, State: "approved", Days: 90, Owner: dso, Data: map[string]any{"reason": "planned", "system": "Process cells, packing and utilities of " + site, "hazards": []any{"cyber", "natural", "sabotage", "supplier", "human", "utility"}, "done_on": day(90), "sl_t": 2, "sl_a": 1, "residual": "One supplier without the gateway."}})
	}

	supplier := func(key, title, tier, names string, assessed int) {
		data := map[string]any{"kind": []any{"maker", "service"}, "tier": tier, "vendor_names": names, "remote_access": tier == "critical"}
		if assessed > 0 {
			data["assessed_on"], data["conclusion"] = day(assessed), "ok"
		}
		add(Entry{Key: key, Type: "supplier", Title: title, State: "active", Days: 250, Owner: dso, Data: data})
	}
	supplier("s1", "Siemens", "critical", "Siemens, Siemens AG", 200)
	supplier("s2", "Rockwell Automation", "critical", "Rockwell Automation, Allen-Bradley", 420)
	supplier("s3", "Nordfyld Fillers", "important", "", 100)
	contract := func(key string, clauses ...any) {
		data := map[string]any{"signed_on": day(240), "diligence_on": day(250), "clauses": clauses, "pages": "Annex 3"}
		if len(clauses) > 2 {
			data["notify_hours"] = 24
		}
		add(Entry{Type: "contract", Title: "Frame contract", State: "active", Days: 240, Until: 400, Owner: dso, Data: data, Links: map[string]string{"with": key}})
	}
	contract("s1", "requirements", "training", "vetting", "notify", "audit", "vulnerabilities", "subcontractors", "exit")
	contract("s3", "requirements", "audit")

	for _, c := range []struct {
		title, kind, site, phone string
		verified                 int
	}{
		{"The national CSIRT", "csirt", "", "+45 00 00 00 01", 30},
		{"The competent authority", "authority", "", "+45 00 00 00 02", 30},
		{"Siemens, duty desk", "supplier", "", "+45 00 00 00 03", 200},
		{"The regional hospital's kitchen", "customer", "Malmö", "+46 00 00 00 04", 0},
	} {
		data := map[string]any{"kind": c.kind, "hours": "always", "phone": c.phone, "plans": []any{"irp", "drp"}}
		if c.verified > 0 {
			data["verified_on"] = day(c.verified)
		}
		add(Entry{Type: "contact", Title: c.title, Site: c.site, State: "active", Days: 250, Data: data})
	}
	exercise := func(kind, title, site string, ago int) {
		add(Entry{Type: "exercise", Title: title, Site: site, State: "evaluated", Days: ago, Owner: dso, Data: map[string]any{"kind": kind, "planned_on": day(ago), "held_on": day(ago), "scenario": title, "passed": "passed", "evaluation": "It worked; two telephone numbers were old.", "evaluated_by": "Ida Thygesen", "roles_asked": 7, "roles_present": 6}})
	}
	exercise("tabletop", "Ransomware at the table", "", 110)
	exercise("functional", "A filler is restored from its backup", "Aarhus", 300)
	exercise("island", "Aarhus without the company's network", "Aarhus", 130)
	add(Entry{Type: "audit-test", Title: "Audit of Aarhus", Site: "Aarhus", State: "done", Days: 180, Owner: dso, Data: map[string]any{"kind": "external", "planned_on": day(185), "done_on": day(180), "auditor": "An auditing firm", "independent": true, "conclusion": "minor", "report": "Two small deviations."}})
	add(Entry{Type: "audit-test", Title: "Audit of Esbjerg", Site: "Esbjerg", State: "planned", Days: 120, Owner: dso, Data: map[string]any{"kind": "external", "planned_on": day(35), "auditor": "An auditing firm", "independent": true}})
	add(Entry{Type: "physical-area", Title: "Control room", Site: "Aarhus", State: "active", Days: 200, Data: map[string]any{"kind": "control_room", "critical": true, "control": "two_factor", "list_reviewed_on": day(60)}})
	add(Entry{Type: "physical-area", Title: "Cabinets of the filling line", Site: "Esbjerg", State: "active", Days: 200, Data: map[string]any{"kind": "cabinet", "critical": true, "control": "key"}})
	return out
}

// siteOf is the site of an entry by its key.
func siteOf(entries []Entry, key string) string {
	for _, e := range entries {
		if e.Key == key {
			return e.Site
		}
	}
	return ""
}
