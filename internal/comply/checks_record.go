package comply

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// MatchSlack is what a change may begin before its window, and end after it.
const MatchSlack = 30 * time.Minute

// changedAsset is the asset on which an observed change x was made.
const changedAsset = `(SELECT MAX(b.asset_id) FROM asset_binding b WHERE b.site_no = x.site_no AND b.realm_no = x.realm_no AND b.to_at IS NULL
  AND b.kind = CASE WHEN x.server_ip <> '' THEN 'ip' ELSE 'mac' END AND b.address = CASE WHEN x.server_ip <> '' THEN x.server_ip ELSE x.server_mac END)`

// byRecord names what accounts for an observed change x: the explanation of all its messages,
// an approved change on the same device within its time, or an agreed window; ” for nothing.
func byRecord(k *CheckSpec, now time.Time) (text string, args []any) {
	slack := MatchSlack.Microseconds()
	return `COALESCE(
  (SELECT 'explained' FROM org_site o WHERE o.site_no = x.site_no AND NOT EXISTS (SELECT 1 FROM network_event n WHERE n.site_no = x.site_no AND n.conv_no = x.conv_no AND n.class = x.class AND n.at >= ? AND n.dir <> 'response' AND NOT n.refused
     AND NOT EXISTS (SELECT 1 FROM comply_explained_event z WHERE z.site_no = n.site_no AND z.event_no = n.event_no))),
  (SELECT MAX(c.ref) FROM record_record c WHERE c.type = 'change' AND c.site_no = x.site_no AND c.approval = 'approved' AND c.state NOT IN ('draft', 'rejected') AND c.valid_from - ? <= x.first_at AND c.valid_until + ? >= x.last_at
     AND (c.asset_id = ` + changedAsset + ` OR EXISTS (SELECT 1 FROM record_link l WHERE l.from_id = c.record_id AND l.rel = 'on' AND l.to_kind = 'asset' AND l.to_id = ` + changedAsset + `)
       OR c.asset_id = '' AND c.zone_no <> 0 AND c.zone_no = (SELECT a.zone_no FROM asset_asset a WHERE a.asset_id = ` + changedAsset + `))),
  ` + inWindow + `, '')`, []any{windowStart(k, now), slack, slack, slack, slack}
}

// inWindow names the agreed window that an observed change x lies in; its arguments are the slack, twice.
const inWindow = `(SELECT MAX(r.ref) FROM comply_window w JOIN record_record r ON r.record_id = w.record_id WHERE w.site_no = x.site_no AND w.from_at - ? <= x.first_at AND w.to_at + ? >= x.last_at
     AND (w.zone_no = 0 OR w.zone_no = (SELECT a.zone_no FROM asset_asset a WHERE a.asset_id = ` + changedAsset + `)))`

func recordTopics() []ot.Topic { return []ot.Topic{ot.TopicRecord, ot.TopicOrg} }

func changeTopics() []ot.Topic {
	return []ot.Topic{ot.TopicRecord, ot.TopicOrg, ot.TopicNetwork, ot.TopicSource, ot.TopicAsset}
}

// recordChecks are judged from what people wrote down, some of them held against the wire.
func recordChecks() []relation {
	return []relation{
		{id: "chg.matched", fold: ot.Share, reads: changeTopics(), items: func(k *CheckSpec, now time.Time) ot.SQL {
			text, args := byRecord(k, now)
			return changeRows(k, observedChanges(k, now), "CASE WHEN e.author <> '' THEN 'pass' ELSE 'fail' END",
				"CASE WHEN e.author = 'explained' THEN 'Explained by a person.' WHEN e.author <> '' THEN 'Covered by ' || e.author || '.' ELSE 'No approved change and no agreed window covers it, and nobody explained it.' END", text, args...)
		}},
		{id: "mw.used", fold: ot.Share, reads: changeTopics(), items: func(k *CheckSpec, now time.Time) ot.SQL {
			slack := MatchSlack.Microseconds()
			updates := sqlf("SELECT u.* FROM (?) u WHERE u.class IN ('firmware', 'program_download')", observedChanges(k, now))
			return changeRows(k, updates, "CASE WHEN e.author <> '' THEN 'pass' ELSE 'fail' END",
				"CASE WHEN e.author <> '' THEN 'In ' || e.author || '.' ELSE 'Outside every agreed window, and no emergency change covers it.' END",
				`COALESCE(`+inWindow+`, (SELECT MAX(c.ref) FROM record_record c JOIN record_link l ON l.from_id = c.record_id AND l.rel = 'matched' AND l.to_kind = 'event' JOIN network_event n ON l.to_id = CAST(n.site_no AS TEXT) || '.' || CAST(n.event_no AS TEXT)
     WHERE c.type = 'change' AND c.data->>'kind' = 'emergency' AND c.state <> 'rejected' AND n.site_no = x.site_no AND n.conv_no = x.conv_no AND n.class = x.class), '')`, slack, slack)
		}},
		{id: "chg.emergency", fold: ot.Share, reads: recordTopics(), register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			five := (5 * 24 * time.Hour).Microseconds()
			approved := sqlf("SELECT a.record_id, MAX(a.at) AS at FROM record_approval a WHERE a.decision = 'approve' GROUP BY a.record_id")
			return sqlf(`SELECT c.site_no, 'record' AS kind, c.record_id AS ref, c.ref || ' ' || c.title AS label,
  CASE WHEN a.at IS NOT NULL AND a.at <= c.created_at + ? AND c.approval = 'approved' THEN 'pass' WHEN c.created_at + ? > ? THEN 'unknown' ELSE 'fail' END AS verdict, `+noValue+` AS value,
  CASE WHEN a.at IS NOT NULL AND c.approval = 'approved' THEN 'Approved afterwards {t:' || CAST(a.at AS TEXT) || '}.' WHEN c.created_at + ? > ? THEN 'Written down {t:' || CAST(c.created_at AS TEXT) || '}; its approval is due within 5 days.'
    ELSE 'Written down {t:' || CAST(c.created_at AS TEXT) || '} and not approved within 5 days.' END AS reason
FROM record_record c LEFT JOIN (?) a ON a.record_id = c.record_id
WHERE c.type = 'change' AND c.data->>'kind' = 'emergency' AND c.site_no <> 0 AND c.state NOT IN ('draft', 'rejected') AND c.created_at >= ?`,
				five, five, micros(now), five, micros(now), approved, windowStart(k, now))
		}},
		{id: "mw.held", fold: ot.Share, reads: recordTopics(), register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			return sqlf(`SELECT w.site_no, 'record' AS kind, w.record_id AS ref, w.ref || ' ' || w.title AS label,
  CASE WHEN w.state = 'held' AND w.data->>'held' IN ('yes', 'partly') THEN 'pass' ELSE 'fail' END AS verdict, `+noValue+` AS value,
  CASE WHEN w.state = 'cancelled' THEN 'It was cancelled.' WHEN w.state = 'held' AND w.data->>'held' = 'yes' THEN 'It took place.' WHEN w.state = 'held' AND w.data->>'held' = 'partly' THEN 'It took place in part.'
    WHEN w.state = 'held' THEN 'It did not take place.' ELSE 'It is over since {d:' || CAST(w.valid_until AS TEXT) || '}, and nobody said whether it took place.' END AS reason
FROM record_record w WHERE w.type = 'maintenance-window' AND w.site_no <> 0 AND w.state <> 'planned' AND w.valid_until < ? AND w.valid_until >= ?`, micros(now), windowStart(k, now))
		}},
		{id: "find.overdue", fold: ot.Count, unit: "findings", reads: recordTopics(), register: true, items: func(_ *CheckSpec, now time.Time) ot.SQL {
			open := sqlf(`SELECT f.* FROM record_record f WHERE f.type = 'finding' AND f.site_no <> 0 AND f.closed_at IS NULL AND f.state NOT IN ('closed', 'risk_accepted') AND f.data->>'severity' IN ('critical', 'high')`)
			return sqlf(`SELECT f.site_no, 'record' AS kind, f.record_id AS ref, f.ref || ' ' || f.title AS label, CASE WHEN f.due_at < ? THEN 'fail' ELSE 'pass' END AS verdict, `+noValue+` AS value,
  CASE WHEN f.due_at < ? THEN 'Due {d:' || CAST(f.due_at AS TEXT) || '}.' WHEN f.due_at IS NULL THEN 'Nobody has taken it on yet: it has no date.' ELSE 'Due {d:' || CAST(f.due_at AS TEXT) || '}.' END AS reason FROM (?) f
UNION ALL SELECT o.site_no, 'site' AS kind, o.site_id AS ref, o.name AS label, 'pass' AS verdict, `+noValue+` AS value, 'No serious finding is open.' AS reason FROM org_site o WHERE o.site_no NOT IN (SELECT f.site_no FROM (?) f)`,
				micros(now), micros(now), open, open)
		}},
		{id: "asset.dispose", fold: ot.Share, reads: []ot.Topic{ot.TopicRecord, ot.TopicAsset, ot.TopicOrg}, register: true, items: func(k *CheckSpec, now time.Time) ot.SQL {
			const proof = `(SELECT MAX(d.ref) FROM record_record d WHERE d.type = 'asset-event' AND d.state = 'complete' AND d.data->>'kind' = 'disposal'
  AND (d.asset_id = a.asset_id OR EXISTS (SELECT 1 FROM record_link l WHERE l.from_id = d.record_id AND l.rel = 'on' AND l.to_kind = 'asset' AND l.to_id = a.asset_id)))`
			return sqlf(`SELECT a.site_no, 'asset' AS kind, a.asset_id AS ref, CASE WHEN a.name <> '' THEN a.name WHEN a.model <> '' THEN a.model ELSE a.asset_id END AS label,
  CASE WHEN `+proof+` IS NOT NULL THEN 'pass' ELSE 'fail' END AS verdict, `+noValue+` AS value,
  CASE WHEN `+proof+` IS NOT NULL THEN 'Wiped, with proof: ' || `+proof+` || '.' ELSE 'Retired {d:' || CAST(a.decided_at AS TEXT) || '}; nothing says that it was wiped.' END AS reason
FROM asset_asset a WHERE a.managed AND a.state = 'retired' AND a.decided_at >= ?`, windowStart(k, now))
		}},
		{id: "asset.transient", fold: ot.Count, unit: "devices", reads: changeTopics(), items: func(k *CheckSpec, now time.Time) ot.SQL {
			passing := sqlf(`SELECT a.* FROM asset_asset a JOIN org_zone z ON z.zone_no = a.zone_no WHERE z.ot AND NOT z.external AND a.state IN ('new', 'rejected') AND a.role IN ('workstation', 'phone', 'it') AND a.last_live_at >= ?`, windowStart(k, now))
			const known = `EXISTS (SELECT 1 FROM record_record d WHERE d.type = 'transient-device' AND d.state IN ('admitted', 'gone') AND d.site_no = a.site_no AND (
    EXISTS (SELECT 1 FROM record_link l WHERE l.from_id = d.record_id AND l.rel = 'seen_as' AND l.to_kind = 'asset' AND l.to_id = a.asset_id)
    OR EXISTS (SELECT 1 FROM asset_binding b WHERE b.asset_id = a.asset_id AND b.kind = 'mac' AND lower(COALESCE(d.data->>'macs', '')) LIKE '%' || lower(b.address) || '%')))`
			rows := sqlf(`SELECT a.site_no, 'asset' AS kind, a.asset_id AS ref, CASE WHEN a.name <> '' THEN a.name WHEN a.vendor <> '' THEN a.vendor || ' device' ELSE 'device without a name' END AS label,
  CASE WHEN `+known+` THEN 'pass' ELSE 'fail' END AS verdict, `+noValue+` AS value,
  CASE WHEN `+known+` THEN 'Admitted as a transient device.' ELSE 'Heard in OT {t:' || CAST(a.last_live_at AS TEXT) || '}; no record admits it.' END AS reason FROM (?) a`, passing)
			return sqlf("? UNION ALL ?", rows, quietSites(k, sqlf("SELECT p.site_no FROM (?) p", passing), "No passing device was heard."))
		}},
	}
}
