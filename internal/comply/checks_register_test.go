package comply

import (
	"slices"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// walk follows a check through what people write down: unknown, at target, broken.
type walk struct {
	*plant
	step string
}

// want asks one check as a run would.
func (w *walk) want(check string, status Verdict, passed, failed int) {
	w.t.Helper()
	k, _, ok := w.s.cat.Check(check)
	i := slices.IndexFunc(relations(), func(r relation) bool { return r.id == check })
	if !ok || i < 0 {
		w.t.Fatalf("nothing answers %s", check)
	}
	rel := relations()[i]
	var a Answer
	if err := w.db.View(w.t.Context(), func(r store.Reader) error {
		tallies, err := fold(w.t.Context(), r, rel, k, w.now, nil, false)
		if t := tallies[w.north.No]; t != nil {
			a = t.answer(k, rel.fold, nil)
		} else {
			a = (&tally{}).answer(k, rel.fold, nil)
		}
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	if a.Status != status || a.Passed != passed || a.Failed != failed {
		w.t.Errorf("%s: %s is %s with %d passed, %d failed (%s); want %s, %d, %d", w.step, check, a.Status, a.Passed, a.Failed, a.Reason, status, passed, failed)
	}
}

// at names what was done before.
func (w *walk) at(step string) { w.step = step }

func (w *walk) day(daysAgo int) string { return isoDay(w.now.AddDate(0, 0, -daysAgo)) }

func (w *walk) somebody(name string, more map[string]any) string {
	data := map[string]any{"engagement": "employee", "works_with_ot": true, "phone": "+45 1234"}
	for k, v := range more {
		data[k] = v
	}
	return w.keep(record.Draft{Type: "person-record", Title: name, Site: w.north.ID, Data: data}).ID
}

func to(rel, id string) record.NewLink { return record.NewLink{Rel: rel, Kind: "record", ID: id} }

func newWalk(t *testing.T, db *store.DB) *walk {
	w := &walk{plant: newPlant(t, db)}
	w.person("u1", "Ane")
	w.person("u2", "Bo")
	w.sensor(w.north, 31, w.cell, w.scada)
	return w
}

var approved = []record.Move{{Transition: "approve", Patch: record.Patch{Owner: new("u1")}}}

func TestGovernChecks(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWalk(t, db)
		w.at("nothing is written down")
		for _, id := range []string{"gov.doc_set", "gov.raci", "mgmt.review_age", "mgmt.decisions_overdue", "doc.policy_in_force", "doc.drp_in_force", "doc.irp_in_force", "doc.bcp_in_force", "std.current", "dr.service_plan", "bcp.service_cover", "role.dso_filled", "role.dso_reports", "role.competence", "site.lead", "collab.met", "irp.roles_live", "irt.filled", "nis2.profile"} {
			w.want(id, Unknown, 0, 0)
		}

		document := func(kind, title string, links ...record.NewLink) *record.Record {
			return w.keep(record.Draft{Type: "document", Title: title, Site: w.north.ID, Data: map[string]any{"kind": kind}, ValidFrom: w.now, Links: links}, approved...)
		}
		policy := document("ot_policy", "Policy")
		w.at("a policy")
		w.want("doc.policy_in_force", Pass, 1, 0)
		w.want("doc.drp_in_force", Fail, 0, 1)
		w.want("gov.doc_set", Fail, 1, 7)
		for _, d := range mandatoryDocuments() {
			if d.id != "ot_policy" && d.id != "drp" && d.id != "bcp" {
				document(d.id, d.name)
			}
		}
		service := w.keep(record.Draft{Type: "critical-service", Title: "Drinking water", Site: w.north.ID, Data: map[string]any{"text": "Water for the town", "impact": "life", "rto": 8, "rpo": 24, "restore_order": 1, "manual": "Pumps by hand"}})
		w.at("a service without a plan")
		w.want("dr.service_plan", Fail, 0, 1)
		w.want("bcp.service_cover", Fail, 0, 1)
		document("drp", "Recovery", to("covers", service.ID))
		document("bcp", "Continuity", to("covers", service.ID))
		document("standard", "Blueprint of a cell")
		w.at("all documents")
		for _, id := range []string{"doc.policy_in_force", "doc.drp_in_force", "doc.irp_in_force", "doc.bcp_in_force", "std.current", "dr.service_plan", "bcp.service_cover"} {
			w.want(id, Pass, 1, 0)
		}
		w.want("gov.doc_set", Pass, 8, 0)
		w.keepOn(policy.ID, record.Move{Transition: "withdraw", Reason: "Out of date"})
		w.at("the policy is withdrawn")
		w.want("doc.policy_in_force", Fail, 0, 1)
		w.want("gov.doc_set", Fail, 7, 1)

		// People and their roles.
		ane, bo := w.somebody("Ane", nil), w.somebody("Bo", nil)
		role := func(role string, from time.Time, links ...record.NewLink) *record.Record {
			return w.keep(record.Draft{
				Type: "role-assignment", Title: role, Site: w.north.ID, ValidFrom: from, Links: links,
				Data: map[string]any{"role": role, "decides": "Cutting the network", "competence": []any{"law", "risk"}, "proven": []any{"law"}},
			}, record.Move{Transition: "appoint"})
		}
		lead := role("site_ot_lead", w.now.AddDate(-2, 0, 0), to("held_by", ane), to("deputy", bo))
		role("irt_ot", w.now.AddDate(-2, 0, 0), to("held_by", ane))
		w.at("a lead, and one of the team without a deputy")
		w.want("site.lead", Pass, 1, 0)
		w.want("irp.roles_live", Fail, 1, 7)
		w.want("irt.filled", Fail, 0, 7)
		w.want("role.dso_filled", Fail, 0, 1)
		w.want("role.competence", Unknown, 0, 0)
		dso := role("dso", w.now.AddDate(-2, 0, 0), to("held_by", ane), to("deputy", bo))
		for _, f := range responseFunctions() {
			role(f.id, w.now, to("held_by", bo), to("deputy", ane))
		}
		role("incident_lead", w.now, to("held_by", bo))
		w.at("roles are filled")
		w.want("role.dso_filled", Pass, 1, 0)
		w.want("role.competence", Fail, 1, 1)
		w.want("irp.roles_live", Pass, 8, 0)
		w.want("irt.filled", Pass, 7, 0)
		w.keepOn(dso.ID, record.Move{Transition: "end", Reason: "Left"})
		w.keepOn(lead.ID, record.Move{Transition: "end", Reason: "Left"})
		w.now = w.now.AddDate(0, 0, 40)
		w.at("40 days later")
		w.want("role.dso_filled", Fail, 0, 1)
		w.want("site.lead", Fail, 0, 1)

		// Accountable: one person for each area.
		for _, a := range areas() {
			w.keep(record.Draft{Type: "raci", Title: a.name, Site: w.north.ID, Data: map[string]any{"area": a.id}, Links: []record.NewLink{to("accountable", ane)}}, record.Move{Transition: "set"})
		}
		w.at("each area has somebody")
		w.want("gov.raci", Pass, 11, 0)
		w.keep(record.Draft{Type: "raci", Title: "A second line", Site: w.north.ID, Data: map[string]any{"area": "5"}, Links: []record.NewLink{to("accountable", bo)}}, record.Move{Transition: "set"})
		w.at("two for access control")
		w.want("gov.raci", Fail, 10, 1)

		// Meetings and what they decide.
		meeting := func(kind string, ago int, links ...record.NewLink) {
			w.keep(record.Draft{Type: "meeting", Title: "Meeting", Site: w.north.ID, Links: links, Data: map[string]any{"kind": kind, "held_on": w.day(ago), "minutes": "All went well", "present": "Ane, Bo", "decisions": "Buy a firewall", "dso_item": true}}, record.Move{Transition: "hold"})
		}
		meeting("management_review", 300)
		w.at("a review, long ago")
		w.want("mgmt.review_age", Fail, 0, 1)
		w.want("role.dso_reports", Fail, 1, 3)
		w.want("mgmt.decisions_overdue", Pass, 1, 0)
		w.want("collab.met", Fail, 0, 1)
		due := w.now.AddDate(0, 0, 5)
		action := w.keep(record.Draft{Type: "action", Title: "Buy a firewall", Site: w.north.ID, DueAt: due, Data: map[string]any{"text": "Buy it"}})
		for _, ago := range []int{2, 100, 200} {
			meeting("management_review", ago, to("decided", action.ID))
		}
		meeting("joint", 3)
		w.at("a review each quarter")
		w.want("mgmt.review_age", Pass, 1, 0)
		w.want("role.dso_reports", Pass, 4, 0)
		w.want("mgmt.decisions_overdue", Pass, 1, 0)
		w.want("collab.met", Pass, 1, 0)
		w.now = w.now.AddDate(0, 0, 95)
		w.at("a quarter without one")
		w.want("mgmt.review_age", Fail, 0, 1)
		w.want("mgmt.decisions_overdue", Fail, 0, 1)
		w.want("collab.met", Fail, 0, 1)
		w.want("role.dso_reports", Fail, 3, 1)

		profile := w.keep(record.Draft{Type: "entity-profile", Title: "Vandværket", Entity: w.north.EntityID, Data: map[string]any{
			"class": "essential", "sectors": []any{"drinking_water"}, "states": "DK", "authority": "An authority", "csirt": "A CSIRT", "portal": "https://example.org/report", "submitters": "Ane, Bo", "ip_ranges": "192.0.2.0/24", "registered_on": "2026-01-01",
		}})
		w.at("a profile that nobody confirmed")
		w.want("nis2.profile", Fail, 0, 1)
		w.keepOn(profile.ID, record.Move{Transition: "confirm", Patch: record.Patch{Owner: new("u1")}})
		w.at("a confirmed profile")
		w.want("nis2.profile", Pass, 1, 0)
		w.now = w.now.AddDate(0, 7, 0)
		w.at("seven months later")
		w.want("nis2.profile", Fail, 0, 1)
	})
}

func TestRiskChecks(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWalk(t, db)
		w.at("nothing is written down")
		for _, id := range []string{"risk.method", "risk.above_tolerance", "risk.fresh", "risk.live_linked", "risk.treat_overdue", "threat.hazard_cover"} {
			w.want(id, Unknown, 0, 0)
		}
		all := []any{}
		for _, h := range hazards() {
			all = append(all, h.id)
		}
		w.keep(record.Draft{Type: "risk-method", Title: "Method", Entity: w.north.EntityID, ValidFrom: w.now, Data: map[string]any{"likelihood": "1 to 5", "consequence": "1 to 5", "tolerance": 9, "appetite": "Low", "roles": "DSO", "interval": 12, "hazards": all}}, approved...)
		risk := w.keep(record.Draft{Type: "risk", Title: "Vendor's access", Site: w.north.ID, Data: map[string]any{"hazard": "supplier", "text": "A vendor's laptop", "likelihood": 4, "consequence": 4, "treatment": "reduce", "measures": "One gateway"}})
		w.at("a risk above what is tolerated")
		w.want("risk.method", Pass, 1, 0)
		w.want("risk.above_tolerance", Fail, 0, 1)
		w.want("risk.live_linked", Fail, 0, 1)
		due := w.now.AddDate(0, 1, 0)
		action := w.keep(record.Draft{Type: "action", Title: "Gateway", Site: w.north.ID, DueAt: due, Data: map[string]any{"text": "Set it up"}})
		if err := w.db.Update(t.Context(), func(tx *store.Tx) error {
			_, err := w.s.records.Link(t.Context(), tx, principal(asPerson(t.Context())), risk.ID, to("treated_by", action.ID))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.keepOn(risk.ID, record.Move{Transition: "treat", Patch: record.Patch{Owner: new("u1"), DueAt: &due, Data: map[string]any{"indicators": "remote.bypass"}}})
		w.at("it is treated")
		w.want("risk.above_tolerance", Pass, 1, 0)
		w.want("risk.live_linked", Pass, 1, 0)
		w.want("risk.treat_overdue", Pass, 1, 0)
		w.keep(record.Draft{Type: "risk-assessment", Title: "Cell", Zone: w.cell.ID, Data: map[string]any{"reason": "planned", "system": "The cell", "done_on": w.day(1), "hazards": []any{"cyber", "sabotage"}, "residual": "Little"}}, record.Move{Transition: "start"}, approved[0])
		w.at("one zone, two hazards")
		w.want("risk.fresh", Fail, 1, 1)
		w.want("threat.hazard_cover", Fail, 2, 5)
		w.keep(record.Draft{Type: "risk-assessment", Title: "Site", Site: w.north.ID, Data: map[string]any{"reason": "planned", "system": "All", "done_on": w.day(1), "hazards": all, "residual": "Little"}}, record.Move{Transition: "start"}, approved[0])
		w.at("the whole site")
		w.want("risk.fresh", Pass, 2, 0)
		w.want("threat.hazard_cover", Pass, 7, 0)
		w.now = w.now.AddDate(1, 1, 0)
		w.at("13 months later")
		w.want("risk.fresh", Fail, 0, 2)
		w.want("threat.hazard_cover", Fail, 0, 7)
		w.want("risk.treat_overdue", Fail, 0, 1)
		w.want("risk.method", Fail, 0, 1)
		w.keepOn(risk.ID, record.Move{Transition: "reopen", Reason: "Nothing was done"})
		w.at("opened again")
		w.want("risk.above_tolerance", Fail, 0, 1)
	})
}

func TestSupplyChecks(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWalk(t, db)
		w.has(w.north, device{zone: w.cell, ip: "10.0.1.1", vendor: "Siemens", role: "plc", state: "accepted", first: 40})
		w.at("nothing is written down")
		for _, id := range []string{"supp.assessed", "supp.unknown", "supp.risk_linked", "supp.gap_plan", "supp.subs", "supp.cert", "supp.channel_tested", "supp.dd_first", "contract.clauses", "contract.notify", "contract.orphans"} {
			w.want(id, Unknown, 0, 0)
		}
		supplier := w.keep(record.Draft{Type: "supplier", Title: "Pumps Ltd", Entity: w.north.EntityID, Data: map[string]any{
			"kind": []any{"maker"}, "tier": "critical", "assessed_on": w.day(10), "conclusion": "ok", "certificates": "IEC 62443-2-4",
		}}, record.Move{Transition: "take", Patch: record.Patch{Owner: new("u1")}})
		w.at("a supplier, freshly assessed")
		w.want("supp.assessed", Pass, 1, 0)
		w.want("supp.unknown", Fail, 0, 1)
		for _, id := range []string{"supp.risk_linked", "supp.subs", "supp.cert", "supp.channel_tested", "contract.orphans"} {
			w.want(id, Fail, 0, 1)
		}
		w.keepOn(supplier.ID, record.Move{Transition: "assess", Patch: record.Patch{Data: map[string]any{"certificates_until": w.day(-300), "subs_confirmed_on": w.day(3), "channel_tested_on": w.day(3)}}})
		w.keep(record.Draft{Type: "supplier", Title: "Automation", Entity: w.north.EntityID, Data: map[string]any{"kind": []any{"maker"}, "tier": "other", "vendor_names": "Phoenix, SIEMENS"}})
		w.keep(record.Draft{Type: "risk", Title: "It fails", Entity: w.north.EntityID, Links: []record.NewLink{to("about", supplier.ID)}, Data: map[string]any{"hazard": "supplier", "text": "It goes bankrupt", "likelihood": 2, "consequence": 2, "treatment": "accept", "acceptance": "Others sell it too"}},
			record.Move{Transition: "accept", Patch: record.Patch{Owner: new("u1"), ValidUntil: new(w.now.AddDate(1, 0, 0))}})
		contract := func(more map[string]any) {
			data := map[string]any{"signed_on": w.day(100), "diligence_on": w.day(110), "clauses": []any{"requirements", "training", "vetting", "notify", "audit", "vulnerabilities", "subcontractors", "exit"}, "pages": "Annex 3", "notify_hours": 24}
			for k, v := range more {
				data[k] = v
			}
			w.keep(record.Draft{Type: "contract", Title: "Frame contract", Entity: w.north.EntityID, ValidFrom: w.now, Data: data, Links: []record.NewLink{to("with", supplier.ID)}}, record.Move{Transition: "sign", Patch: record.Patch{Owner: new("u1")}})
		}
		contract(nil)
		w.at("all is in order")
		for _, id := range []string{"supp.unknown", "supp.risk_linked", "supp.subs", "supp.cert", "supp.channel_tested", "contract.orphans", "contract.clauses", "contract.notify", "supp.dd_first"} {
			w.want(id, Pass, 1, 0)
		}
		contract(map[string]any{"clauses": []any{"audit"}, "diligence_on": w.day(10)})
		gap := w.keep(record.Draft{Type: "finding", Title: "No proof", Site: w.north.ID, Data: map[string]any{"source": "supplier", "severity": "medium", "text": "No certificate"}})
		w.at("a second contract, and a gap")
		for _, id := range []string{"contract.clauses", "contract.notify", "supp.dd_first"} {
			w.want(id, Fail, 1, 1)
		}
		w.want("supp.gap_plan", Fail, 0, 1)
		w.keepOn(gap.ID, record.Move{Transition: "accept", Patch: record.Patch{Owner: new("u1"), DueAt: new(w.now.AddDate(0, 0, 9))}})
		w.at("somebody took it on")
		w.want("supp.gap_plan", Pass, 1, 0)
		w.now = w.now.AddDate(1, 1, 0)
		w.at("13 months later")
		for _, id := range []string{"supp.assessed", "supp.subs", "supp.cert", "supp.channel_tested"} {
			w.want(id, Fail, 0, 1)
		}
	})
}

func TestReadyChecks(t *testing.T) {
	storetest.Each(t, tables(), func(t *testing.T, db *store.DB) {
		w := newWalk(t, db)
		w.at("nothing is written down")
		for _, id := range []string{"drp.contacts_verified", "comm.contacts", "irp.scenarios", "playbook.phases", "irp.disconnect_ready", "dos.island", "ex.recent", "ex.findings", "comm.oob", "nis2.drill", "phy.drill", "nis2.board_trained", "trn.aware", "trn.joiner", "phy.cleared", "test.plan_done", "audit.indep", "sbd.tests", "phy.review", "phy.inspect"} {
			w.want(id, Unknown, 0, 0)
		}
		// Contacts.
		csirt := w.keep(record.Draft{Type: "contact", Title: "CSIRT", Entity: w.north.EntityID, Data: map[string]any{"kind": "csirt", "hours": "always", "phone": "+45 1", "plans": []any{"irp", "drp"}}})
		w.at("a contact that nobody tried")
		w.want("comm.contacts", Fail, 0, 1)
		w.want("drp.contacts_verified", Fail, 0, 1)
		w.keepOn(csirt.ID, record.Move{Transition: "verify", Patch: record.Patch{Data: map[string]any{"verified_on": w.day(1)}}})
		w.at("they answered")
		w.want("comm.contacts", Pass, 1, 0)
		w.want("drp.contacts_verified", Pass, 1, 0)

		// Playbooks.
		playbook := func(scenario string, phases ...any) {
			w.keep(record.Draft{Type: "document", Title: scenario, Site: w.north.ID, ValidFrom: w.now, Data: map[string]any{"kind": "playbook", "scenario": scenario, "phases": phases}}, approved...)
		}
		for _, s := range scenarios() {
			playbook(s.id, "identify", "respond", "contain", "impact", "communicate", "recover")
		}
		w.at("all playbooks")
		w.want("irp.scenarios", Pass, 8, 0)
		w.want("playbook.phases", Pass, 8, 0)
		playbook("natural", "identify")
		w.at("a thin one")
		w.want("playbook.phases", Fail, 8, 1)

		// Exercises.
		exercise := func(kind string, more map[string]any, links ...record.NewLink) {
			data := map[string]any{"kind": kind, "planned_on": w.day(5), "held_on": w.day(5), "scenario": "The mains fail", "passed": "passed"}
			for k, v := range more {
				data[k] = v
			}
			w.keep(record.Draft{Type: "exercise", Title: kind, Site: w.north.ID, Data: data, Links: links}, record.Move{Transition: "hold"})
		}
		exercise("island", map[string]any{"passed": "failed"})
		w.at("an islanding test that failed")
		w.want("dos.island", Fail, 0, 1)
		w.want("irp.disconnect_ready", Fail, 0, 1)
		w.want("ex.recent", Fail, 0, 1)
		w.want("nis2.drill", Unknown, 0, 0)
		exercise("island", nil)
		finding := w.keep(record.Draft{Type: "finding", Title: "A key was missing", Site: w.north.ID, Data: map[string]any{"source": "exercise", "severity": "low", "text": "The key of the cabinet"}},
			record.Move{Transition: "accept", Patch: record.Patch{Owner: new("u1"), DueAt: new(w.now.AddDate(0, 0, 2))}})
		exercise("tabletop", nil, to("found", finding.ID))
		exercise("reporting", map[string]any{"hours_to_draft": 3})
		exercise("out_of_band", nil)
		exercise("physical", nil)
		w.at("exercises")
		for _, id := range []string{"dos.island", "irp.disconnect_ready", "ex.recent", "nis2.drill", "comm.oob", "phy.drill"} {
			w.want(id, Pass, 1, 0)
		}
		w.keepOn(finding.ID, record.Move{Transition: "mended", Patch: record.Patch{Data: map[string]any{"resolution": "A second key"}}}, record.Move{Transition: "close"})
		w.now = w.now.AddDate(0, 0, 3)
		w.at("the finding was closed in time")
		w.want("ex.findings", Pass, 1, 0)

		// People.
		chair := w.somebody("The chair", map[string]any{"engagement": "board", "works_with_ot": false})
		w.somebody("A new one", map[string]any{"began_on": w.day(40), "unescorted": true})
		joined := w.somebody("Another", map[string]any{"began_on": w.day(50), "unescorted": true, "cleared_until": w.day(-100)})
		course := func(who, course string, ago int) {
			w.keep(record.Draft{Type: "training", Title: course, Site: w.north.ID, Data: map[string]any{"course": course, "passed_on": w.day(ago), "counts_until": w.day(ago - 365)}, Links: []record.NewLink{to("of", who)}})
		}
		course(joined, "awareness", 30)
		w.at("people")
		w.want("nis2.board_trained", Fail, 0, 1)
		w.want("trn.aware", Fail, 1, 2)
		w.want("trn.joiner", Fail, 1, 1)
		w.want("phy.cleared", Fail, 1, 1)
		course(chair, "nis2", 1)
		course(chair, "awareness", 1)
		w.at("the chair is trained")
		w.want("nis2.board_trained", Pass, 1, 0)
		w.want("trn.aware", Fail, 2, 1)

		// Audits, projects, areas.
		w.keep(record.Draft{Type: "audit-test", Title: "Audit", Site: w.north.ID, Data: map[string]any{"kind": "external", "planned_on": w.day(30), "auditor": "A firm", "independent": true, "done_on": w.day(20), "conclusion": "minor", "report": "Well"}}, record.Move{Transition: "finish"})
		w.keep(record.Draft{Type: "project-gate", Title: "New filler", Site: w.north.ID, Data: map[string]any{"text": "A filler", "go_live": w.day(2), "sl_t": 2, "designed": []any{"zone"}, "fat": "passed", "sat": "passed", "sat_on": w.day(4)}},
			record.Move{Transition: "design_done", Patch: record.Patch{Owner: new("u1")}}, record.Move{Transition: "test"}, record.Move{Transition: "go_live"})
		w.keep(record.Draft{Type: "physical-area", Title: "Fence", Site: w.north.ID, Data: map[string]any{"kind": "perimeter", "list_reviewed_on": w.day(10), "inspected_on": w.day(10)}})
		w.at("an audit, a project, a fence")
		for _, id := range []string{"test.plan_done", "audit.indep", "sbd.tests", "phy.review", "phy.inspect"} {
			w.want(id, Pass, 1, 0)
		}
		w.keep(record.Draft{Type: "audit-test", Title: "Forgotten", Site: w.north.ID, Data: map[string]any{"kind": "technical", "planned_on": w.day(30), "auditor": "A firm"}})
		w.keep(record.Draft{Type: "physical-area", Title: "Server room", Site: w.north.ID, Data: map[string]any{"kind": "server_room", "critical": true, "list_reviewed_on": w.day(120)}})
		w.now = w.now.AddDate(2, 1, 0)
		w.at("two years later")
		w.want("audit.indep", Fail, 0, 1)
		w.want("phy.inspect", Fail, 0, 1)
		w.want("phy.review", Fail, 0, 2)
		w.want("comm.contacts", Fail, 0, 1)
		w.want("ex.recent", Fail, 0, 1)
		w.want("comm.oob", Fail, 0, 1)
		w.want("nis2.drill", Fail, 0, 1)
		w.want("phy.drill", Fail, 0, 1)
		w.want("nis2.board_trained", Fail, 0, 1)
		w.want("irp.scenarios", Fail, 0, 8)
	})
}
