package care

// Class is a kind of rows that are kept equally long.
type Class struct {
	ID      string
	Days    int  // kept unless a person says otherwise; 0: for ever
	Min     int  // a person may not say less: the law, or what checks look back on
	Max     int  // nor more; 0: no end
	Forever bool // may be kept for ever
	Fixed   bool // not to be chosen
}

// The classes. Their words are texts of the page: class.<id> and class.<id>_why.
func Classes() []Class {
	return []Class{
		{ID: "state", Fixed: true, Forever: true},                             // what there is now; goes with the thing itself
		{ID: "records", Fixed: true, Forever: true},                           // declarations, changes, exceptions: the papers
		{ID: "audit", Days: 0, Min: 5 * year, Forever: true},                  // entries stay; older than this their names and free texts are blanked
		{ID: "evidence", Days: 0, Min: 3 * year, Forever: true},               // answers of checks, whole runs
		{ID: "history", Days: 5 * year, Min: year, Forever: true},             // what changed on an asset, snapshots made
		{ID: "events", Days: 2 * year, Min: 90, Max: 20 * year},               // messages reported whole
		{ID: "conversations", Days: 3 * year, Min: 400, Forever: true},        // first-seen tuples and conversations not heard since
		{ID: "telemetry", Days: 400, Min: 100, Max: 20 * year},                // hourly sums, seconds listened; checks look back 90 days
		{ID: "captures", Days: 0, Min: 7, Forever: true},                      // files with packets: personal data
		{ID: "logs", Days: 400, Min: 30, Forever: true},                       // log lines, unless their source asks for longer: personal data
		{ID: "inbox", Days: 2 * year, Min: 90, Max: 20 * year, Forever: true}, // questions that were answered
		{ID: "notices", Days: year, Min: 30, Max: 20 * year},                  // what was sent to whom
		{ID: "sessions", Days: 30, Min: 7, Max: year},                         // ended sign-ins, links, tokens
		{ID: "queue", Days: 30, Min: 7, Max: 90},                              // delivered events
		{ID: "delivered", Days: 400, Min: 90, Max: 20 * year},                 // marks of batches taken, so that none counts twice
	}
}

const year = 366 // days: a leap year is no reason to lose a day

// unit is how a column counts time.
type unit int

const (
	micros unit = iota
	hours
	days
)

// Table says to which class a table belongs and how its rows age.
type Table struct {
	Name  string
	Class string
	At    string // the column that says how old a row is; empty: rows do not age
	Unit  unit
	Key   string // primary key, for deleting in small steps
	Open  string // SQL of rows that stay however old they are
	Owner bool   // the class's Expire removes them, not care
}

// Tables classifies every table of the program. A test fails when one is missing:
// add it here, with the column of its age, or to "state" or "records" if its rows
// go only with the thing that they describe.
func Tables() []Table {
	all := func(class string, names ...string) (ts []Table) {
		for _, n := range names {
			ts = append(ts, Table{Name: n, Class: class})
		}
		return ts
	}
	ts := append(all("records",
		"comply_declaration", "comply_explanation", "comply_explained_event", "comply_explained_finding",
		"record_record", "record_revision", "record_link", "record_unlinked", "record_request", "record_approval", "record_attachment",
		"record_schedule", "record_reminder", "record_comment", "record_profile", "record_number", "record_tally", "record_view", "record_plant",
		"conduit_policy", "vuln_finding", "vuln_step", "vuln_bulletin", // what people decided about them stays
		"inbox_duty", "inbox_handover", "notify_callout", "notify_called",
	), all("state",
		"org_number", "org_entity", "org_site", "org_realm", "org_zone", "org_subnet",
		"auth_role", "auth_user", "auth_scope", "auth_clock", "auth_totp", "auth_recovery", "auth_second",
		"bus_cursor", "job_job", "egress_allow",
		"notify_receiver", "notify_person", "notify_setting",
		"network_source", "network_counter", "network_rezone",
		"listen_interface", "listen_selftest_plan",
		"vuln_source", "vuln_advisory", "vuln_cve", "vuln_asset", "vuln_state",
		"asset_asset", "asset_binding", "asset_host", "asset_router", "asset_fact", "asset_module", "asset_override", "asset_pin", "asset_alias", "asset_block", "asset_visitor", "asset_project", "asset_planned", "asset_type",
		"comply_heard", "comply_uptime", "comply_sight", "comply_window", "comply_answer", "comply_level",
		"inbox_deputy", "record_tag",
		"edge_edge", "edge_site", "edge_sensor", "edge_stream", "edge_config",
		"auth_known", "auth_passkey", "auth_sheet", "auth_sheet_code", "auth_provider", "auth_identity",
		"care_setting", "care_keep", "care_table",
		"detect_known", "detect_setting", "detect_file", "detect_programming", "detect_budget", "detect_source", "detect_indicator", "detect_rule", "detect_ruleset",
		"baseline_phase", "baseline_talk", "baseline_function", "baseline_address", "baseline_listened", "baseline_stamp", "conduit_told",
		"logs_source", "performance_watched", "logs_heard", "logs_stranger",
	)...)
	return append(ts,

		Table{Name: "audit_entry", Class: "audit", Owner: true}, // the tree holds them: entries and hashes never go
		Table{Name: "audit_hash", Class: "audit", Owner: true},
		Table{Name: "audit_checkpoint", Class: "audit", At: "at", Owner: true, Open: "1 = 1"},
		Table{Name: "audit_detail", Class: "audit", Owner: true, At: "(SELECT e.at FROM audit_entry e WHERE e.seq = audit_detail.seq)", Open: "detail = ''"},

		Table{Name: "comply_evidence", Class: "evidence", At: "at", Owner: true},
		Table{Name: "comply_run", Class: "evidence", Owner: true},   // stay with their roots, so that nobody can say they never were
		Table{Name: "comply_items", Class: "evidence", Owner: true}, // go when no answer names them
		Table{Name: "comply_level_day", Class: "evidence", At: "day", Unit: days, Key: "site_no, day, entity_id"},
		Table{Name: "comply_finding", Class: "evidence", At: "closed_at", Key: "finding_id"},

		Table{Name: "baseline_log", Class: "history", At: "at", Key: "log_id"},
		Table{Name: "asset_change", Class: "history", At: "at", Key: "change_id"},
		Table{Name: "listen_selftest", Class: "history", At: "asked_at", Key: "test_id"},
		Table{Name: "listen_cut", Class: "history", At: "cut_at", Key: "cut_id"}, // its file goes after a day
		Table{Name: "care_snapshot", Class: "history", At: "at", Key: "snapshot_id", Open: "gone_at IS NULL AND error = ''"},
		Table{Name: "care_day", Class: "telemetry", At: "day", Unit: days, Key: "day"},

		Table{Name: "network_event", Class: "events", At: "at", Key: "site_no, event_no"},
		Table{Name: "network_program", Class: "history", At: "last_at", Key: "site_no, program_no"},
		Table{Name: "network_content", Class: "history", At: "at", Key: "sha256", Open: "EXISTS (SELECT 1 FROM network_program x WHERE x.sha256 = network_content.sha256)"},

		Table{Name: "network_tuple", Class: "conversations", At: "last_at", Key: "site_no, conv_no, protocol, kind, dir, code, text, also, unit, space, area"},
		// A conversation stays while something still tells of it.
		Table{Name: "network_conversation", Class: "conversations", At: "last_at", Key: "site_no, conv_no", Open: `EXISTS (SELECT 1 FROM network_tuple x WHERE x.site_no = network_conversation.site_no AND x.conv_no = network_conversation.conv_no)
			OR EXISTS (SELECT 1 FROM network_event x WHERE x.site_no = network_conversation.site_no AND x.conv_no = network_conversation.conv_no)
			OR EXISTS (SELECT 1 FROM network_program x WHERE x.site_no = network_conversation.site_no AND x.conv_no = network_conversation.conv_no)`},

		Table{Name: "detect_alert", Class: "history", At: "closed_at", Key: "alert_id"},
		Table{Name: "detect_step", Class: "history", At: "at", Key: "alert_id, step_no", Open: "EXISTS (SELECT 1 FROM detect_alert x WHERE x.alert_id = detect_step.alert_id)"},
		Table{Name: "detect_hour", Class: "telemetry", At: "hour", Unit: hours, Key: "site_no, month, hour, rule"},
		Table{Name: "detect_applied", Class: "delivered", At: "at", Key: "sensor, epoch, seq"},

		Table{Name: "performance_function", Class: "telemetry", At: "hour", Unit: hours, Key: "site_no, hour, realm_no, server, protocol, name"},
		Table{Name: "performance_device", Class: "telemetry", At: "hour", Unit: hours, Key: "site_no, hour, realm_no, server"},
		Table{Name: "performance_wire", Class: "telemetry", At: "hour", Unit: hours, Key: "site_no, hour, source_id"},
		Table{Name: "performance_applied", Class: "delivered", At: "at", Key: "sensor, epoch, seq"},
		Table{Name: "network_rollup", Class: "telemetry", At: "hour", Unit: hours, Key: "site_no, month, conv_no, hour"},
		Table{Name: "network_listen", Class: "telemetry", At: "hour", Unit: hours, Key: "site_no, zone_no, hour, source_id"},

		Table{Name: "network_capture", Class: "captures", At: "uploaded_at", Owner: true, Open: "kept = FALSE"}, // the file goes, the line stays: its packets were true

		Table{Name: "logs_day", Class: "logs", At: "last_at", Owner: true, Open: "gone_at IS NOT NULL"}, // the file goes, the line stays: the audit log vouches for it

		Table{Name: "inbox_item", Class: "inbox", At: "done_at", Key: "item_id"},
		Table{Name: "inbox_step", Class: "inbox", At: "at", Key: "step_id", Open: "EXISTS (SELECT 1 FROM inbox_item x WHERE x.item_id = inbox_step.item_id)"},
		Table{Name: "inbox_seen", Class: "inbox", At: "at", Key: "item_id, user_id", Open: "EXISTS (SELECT 1 FROM inbox_item x WHERE x.item_id = inbox_seen.item_id)"},
		Table{Name: "notify_delivery", Class: "notices", At: "ended_at", Key: "delivery_id", Open: "notify_delivery.ended_at IS NULL"},
		Table{Name: "notify_item", Class: "notices", At: "opened_at", Key: "item_id", Open: "NOT notify_item.done"},
		Table{Name: "inbox_absence", Class: "inbox", At: "to_at", Key: "absence_id"},

		Table{Name: "edge_token", Class: "sessions", At: "expires_at", Key: "token_id"},
		Table{Name: "edge_token_site", Class: "sessions", At: "CAST(0 AS BIGINT)", Key: "token_id, site_no", Open: "EXISTS (SELECT 1 FROM edge_token x WHERE x.token_id = edge_token_site.token_id)"},
		Table{Name: "edge_batch", Class: "queue", Owner: true}, // its bodies go when they are applied, its rows two days later
		Table{Name: "edge_order", Class: "history", At: "made_at", Key: "edge_id, no"},
		Table{Name: "edge_import", Class: "history", At: "at", Key: "import_id"},

		Table{Name: "auth_session", Class: "sessions", At: "end_at", Owner: true},
		Table{Name: "auth_token", Class: "sessions", At: "end_at", Owner: true},
		Table{Name: "auth_link", Class: "sessions", At: "end_at", Owner: true},

		Table{Name: "bus_event", Class: "queue", At: "at", Owner: true},

		Table{Name: "network_applied", Class: "delivered", At: "at", Key: "sensor, epoch, seq, part"},
		Table{Name: "asset_applied", Class: "delivered", At: "at", Key: "sensor, epoch, seq, part"},
	)
}
