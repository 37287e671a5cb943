package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// clauses are those that every contract with a supplier of OT must hold.
func clauses() []string {
	return []string{"requirements", "training", "vetting", "notify", "audit", "vulnerabilities", "subcontractors", "exit"}
}

// contractOf holds where a contract in force is linked to the supplier r; its argument is now.
const contractOf = "EXISTS (SELECT 1 FROM record_record c JOIN record_link l ON l.from_id = c.record_id AND l.rel = 'with' AND l.to_id = r.record_id WHERE c.type = 'contract' AND c.state = 'active' AND (c.valid_until IS NULL OR c.valid_until > ?))"

// supplyChecks judge area 3 from the registers of suppliers and contracts, held against the makers that the inventory shows.
func supplyChecks() []relation {
	const none, noContract = "No supplier is written down yet.", "No contract is written down yet."
	suppliers, contracts := []string{"supplier"}, []string{"contract"}
	const active, critical = "r.type = 'supplier' AND r.state = 'active'", "r.type = 'supplier' AND r.state = 'active' AND r.data->>'tier' = 'critical'"
	const inForce = "r.type = 'contract' AND r.state = 'active'"
	return []relation{
		{id: "supp.assessed", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(none, suppliers, perRecord(active, "r.data->>'assessed_on' >= CASE WHEN r.data->>'tier' = 'critical' THEN ? ELSE ? END", "'Assessed on ' || (r.data->>'assessed_on') || '.'",
				"CASE WHEN "+filled("assessed_on")+" THEN 'Last assessed on ' || (r.data->>'assessed_on') || ': too long ago.' ELSE 'Never assessed.' END", monthsAgo(now, 12), monthsAgo(now, 24)))
		}},
		{id: "supp.unknown", fold: ot.Count, unit: "makers", reads: personTopics(), register: true, items: func(_ *CheckSpec, _ time.Time) ot.SQL {
			makers := sqlf("SELECT DISTINCT a.site_no, a.vendor FROM asset_asset a WHERE a.managed AND a.state IN ('new', 'accepted') AND a.vendor <> ''")
			const known = "EXISTS (SELECT 1 FROM record_record r WHERE r.type = 'supplier' AND r.state IN ('considered', 'active', 'blocked') AND r.entity_id = o.entity_id AND (lower(r.title) = lower(v.vendor) OR ', ' || lower(COALESCE(r.data->>'vendor_names', '')) || ',' LIKE '%, ' || lower(v.vendor) || ',%'))"
			return register(none, suppliers, sqlf(`SELECT o.site_no, o.entity_id, 'item' AS kind, o.site_id || ':' || v.vendor AS ref, v.vendor AS label, CASE WHEN `+known+` THEN 1 ELSE 0 END AS ok,
  'A supplier is written down.' AS yes, 'Devices of this maker stand here, and no supplier is written down for them.' AS no FROM (?) v JOIN org_site o ON o.site_no = v.site_no`, makers))
		}},
		{id: "supp.risk_linked", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, _ time.Time) ot.SQL {
			return register(none, suppliers, perRecord(critical, "EXISTS (SELECT 1 FROM record_record k JOIN record_link l ON l.from_id = r.record_id AND l.rel = 'carries_risk' AND l.to_id = k.record_id OR l.from_id = k.record_id AND l.rel = 'about' AND l.to_id = r.record_id WHERE k.type = 'risk' AND k.state <> 'open')",
				"'Its risk is treated.'", "'No treated risk is linked to it.'"))
		}},
		{id: "supp.gap_plan", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(none, suppliers, perRecord("r.type = 'finding' AND r.closed_at IS NULL AND r.state NOT IN ('closed', 'risk_accepted') AND (r.data->>'source' = 'supplier' OR EXISTS (SELECT 1 FROM record_link l WHERE l.to_id = r.record_id AND l.rel = 'gap'))",
				"r.owner_id <> '' AND r.due_at >= ?", "'It has an owner and is due {d:' || CAST(r.due_at AS TEXT) || '}.'",
				"CASE WHEN r.owner_id = '' THEN 'Nobody has taken it on.' WHEN r.due_at IS NULL THEN 'It has no date.' ELSE 'Was due {d:' || CAST(r.due_at AS TEXT) || '}.' END", micros(now)))
		}},
		{id: "supp.subs", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(none, suppliers, perRecord(critical, "r.data->>'subs_confirmed_on' >= ?", "'Subcontractors confirmed on ' || (r.data->>'subs_confirmed_on') || '.'", "'Its subcontractors were not confirmed in the last 12 months.'", monthsAgo(now, 12)))
		}},
		{id: "supp.cert", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(none, suppliers, perRecord(active+" AND "+filled("certificates"), "r.data->>'certificates_until' >= ?", "'Valid until ' || (r.data->>'certificates_until') || '.'",
				"CASE WHEN "+filled("certificates_until")+" THEN 'Ended on ' || (r.data->>'certificates_until') || '.' ELSE 'Claimed; nobody looked until when it is valid.' END", isoDay(now)))
		}},
		{id: "supp.channel_tested", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(none, suppliers, perRecord(critical, "r.data->>'channel_tested_on' >= ?", "'The duty desk answered on ' || (r.data->>'channel_tested_on') || '.'", "'The duty desk was not tried in the last 12 months.'", monthsAgo(now, 12)))
		}},
		{id: "supp.dd_first", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, _ time.Time) ot.SQL {
			return register(noContract, contracts, perRecord(inForce, "r.data->>'diligence_on' <= r.data->>'signed_on'", "'Due diligence closed on ' || (r.data->>'diligence_on') || ', before it was signed.'",
				"CASE WHEN "+filled("diligence_on")+" THEN 'Signed on ' || (r.data->>'signed_on') || ', before due diligence closed.' ELSE 'Nothing says that due diligence was made.' END"))
		}},
		{id: "contract.clauses", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, _ time.Time) ot.SQL {
			all, missing := filled("pages"), "''"
			for _, c := range clauses() {
				has := "COALESCE(CAST(r.data->>'clauses' AS TEXT), '') LIKE '%\"" + c + "\"%'"
				all += " AND " + has
				missing += " || CASE WHEN " + has + " THEN '' ELSE ' " + c + "' END"
			}
			return register(noContract, contracts, perRecord(inForce, all, "'Every clause stands in it.'", "CASE WHEN "+missing+" = '' THEN 'Nothing says where the clauses stand.' ELSE 'Missing:' || "+missing+" || '.' END"))
		}},
		{id: "contract.notify", fold: ot.Share, reads: recordTopics(), register: true, items: func(_ *CheckSpec, _ time.Time) ot.SQL {
			return register(noContract, contracts, perRecord(inForce, "CAST(r.data->>'clauses' AS TEXT) LIKE '%\"notify\"%' AND "+filled("notify_hours"), "'It must tell of an incident within ' || CAST(r.data->>'notify_hours' AS TEXT) || ' hours.'", "'It sets no hours within which an incident must be told.'"))
		}},
		{id: "contract.orphans", fold: ot.Count, unit: "suppliers", reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			return register(none, suppliers, perRecord(active, contractOf, "'A contract is in force.'", "'No contract in force is on file.'", micros(now)))
		}},
	}
}
