package view

import (
	"context"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Expiry is something that ends soon.
type Expiry struct {
	Kind   string     `json:"kind" enum:"declaration,account,token,visitor,record"`
	Type   string     `json:"type" doc:"Of a record: exception, maintenance-window…"`
	Ref    ot.Ref     `json:"ref"`
	Title  string     `json:"title"`
	SiteID string     `json:"site_id"`
	Site   string     `json:"site"`
	Entity string     `json:"entity_id" doc:"Where it is the whole company's"`
	Owner  string     `json:"owner" doc:"Id of who answers for it; empty: nobody is named"`
	At     store.Time `json:"at"`
	siteNo int64
}

// soon is how far ahead the page and the inbox look.
const soon = 14 * 24 * time.Hour

// inOrWhole limits records, as d, to the sites that are looked at and to the whole of their companies.
func (l *look) inOrWhole(zoneCol string) ot.SQL {
	in := l.in("d.site_no", zoneCol)
	var entities []string
	for _, s := range l.sites {
		if !slices.Contains(entities, s.EntityID) {
			entities = append(entities, s.EntityID)
		}
	}
	if len(entities) == 0 {
		return in
	}
	return ot.SQL{Text: "(? OR d.site_no = 0 AND d.entity_id IN (?))", Args: []any{in, entities}}
}

// expiring is what ends within 14 days.
func (l *look) expiring(ctx context.Context) (Part[Expiry], error) {
	rows, err := l.allExpiring(ctx)
	return part(rows), err
}

func (l *look) allExpiring(ctx context.Context) ([]Expiry, error) {
	type row struct {
		Kind   string     `db:"kind"`
		Type   string     `db:"type"`
		RefID  string     `db:"ref_id"`
		Title  string     `db:"title"`
		SiteNo int64      `db:"site_no"`
		Entity string     `db:"entity_id"`
		Owner  string     `db:"owner"`
		At     store.Time `db:"at"`
	}
	end := store.At(l.now.Add(soon))
	now := store.At(l.now)
	queries := []ot.SQL{
		{Text: `SELECT 'declaration' AS kind, d.data->>'record' AS type, d.data->>'requirement' AS ref_id, d.data->>'record' AS title, d.site_no, d.entity_id, d.owner_id AS owner, d.valid_until AS at FROM record_record d
 WHERE d.type = 'declaration' AND d.state = 'in_force' AND d.valid_until > ? AND d.valid_until <= ? AND ?
 AND NOT EXISTS (SELECT 1 FROM record_record n WHERE n.type = 'declaration' AND n.state = 'in_force' AND n.data->>'requirement' = d.data->>'requirement' AND n.data->>'record' = d.data->>'record'
  AND n.entity_id = d.entity_id AND n.site_no = d.site_no AND n.valid_until > d.valid_until)`, Args: []any{now, end, l.inOrWhole("")}},
		{Text: `SELECT 'visitor' AS kind, '' AS type, v.asset_id AS ref_id, COALESCE((SELECT a.name FROM asset_asset a WHERE a.asset_id = v.asset_id), '') AS title, v.site_no, '' AS entity_id, '' AS owner, v.until_at AS at FROM asset_visitor v
 WHERE v.until_at > ? AND v.until_at <= ? AND ?`, Args: []any{now, end, l.in("v.site_no", "")}},
	}
	if l.p.Scope.All && l.p.Permissions.Has(auth.AuditRead) { // accounts are the whole installation's
		queries = append(queries,
			ot.SQL{Text: `SELECT 'account' AS kind, '' AS type, u.user_id AS ref_id, u.name AS title, CAST(0 AS BIGINT) AS site_no, '' AS entity_id, '' AS owner, u.end_at AS at FROM auth_user u WHERE NOT u.disabled AND u.end_at > ? AND u.end_at <= ?`, Args: []any{now, end}},
			ot.SQL{Text: `SELECT 'token' AS kind, '' AS type, t.token_id AS ref_id, t.name AS title, CAST(0 AS BIGINT) AS site_no, '' AS entity_id, t.user_id AS owner, t.end_at AS at FROM auth_token t WHERE t.revoked_at IS NULL AND t.end_at > ? AND t.end_at <= ?`, Args: []any{now, end}})
	}
	if l.p.Permissions.Has(auth.RecordRead) {
		queries = append(queries, ot.SQL{Text: `SELECT 'record' AS kind, d.type, d.record_id AS ref_id, d.title, d.site_no, d.entity_id, d.owner_id AS owner, d.valid_until AS at FROM record_record d
 WHERE d.closed_at IS NULL AND d.type NOT IN ('declaration', 'plant-state', 'maintenance-window', 'change') AND d.valid_until > ? AND d.valid_until <= ? AND ?`, Args: []any{now, end, l.inOrWhole("d.zone_no")}})
	}
	var out []Expiry
	for _, q := range queries {
		rows, err := store.All[row](ctx, l.r, q.Text+" ORDER BY at, ref_id LIMIT 500", q.Args...)
		if err != nil {
			return nil, err
		}
		for _, x := range rows {
			e := Expiry{Kind: x.Kind, Type: x.Type, Title: x.Title, SiteID: l.names[x.SiteNo].ID, Site: l.names[x.SiteNo].Name, Entity: x.Entity, Owner: x.Owner, At: x.At, siteNo: x.SiteNo}
			e.Ref = ot.Ref{Kind: map[string]string{"declaration": "requirement", "visitor": "asset", "account": "user", "token": "token", "record": "record"}[x.Kind], ID: x.RefID}
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b Expiry) int { return a.At.Compare(b.At.Time) })
	return out, nil
}

// SignIn is something about accounts and sign-ins that somebody should know of.
type SignIn struct {
	At     store.Time `json:"at"`
	Action string     `json:"action"`
	Actor  string     `json:"actor" doc:"Id of who did it"`
	Name   string     `json:"name"`
	Target ot.Ref     `json:"target"`
	About  string     `json:"about" doc:"Name of the person whom it was done to"`
}

// ofNote are the entries of the audit log that say that access changed. An everyday sign-in is not among them.
func ofNote() []string {
	return []string{
		"setup", "session.link", "session.break_glass", "break_glass.use", "break_glass.make", "user.create", "user.update", "user.link", "token.create", "token.revoke",
		"second_step.reset", "second_step.off", "role.second_step", "role.update", "directory.update",
	}
}

// signIns reads them out of the audit log, for who may read it.
func (l *look) signIns(ctx context.Context) (Part[SignIn], error) {
	if !l.p.Scope.All { // entries of no site are for who sees everything
		return part([]SignIn{}), nil
	}
	type row struct {
		At    store.Time `db:"at"`
		Act   string     `db:"action"`
		Actor string     `db:"actor"`
		Name  string     `db:"name"`
		Kind  string     `db:"target_kind"`
		ID    string     `db:"target_id"`
		About string     `db:"about"`
	}
	rows, err := store.All[row](ctx, l.r, `SELECT e.at, e.action, e.actor, COALESCE((SELECT u.name FROM auth_user u WHERE u.user_id = e.actor), '') AS name, e.target_kind, e.target_id,
 COALESCE((SELECT u.name FROM auth_user u WHERE u.user_id = e.target_id), '') AS about
 FROM audit_entry e WHERE e.at >= ? AND e.at < ? AND e.action IN (?) ORDER BY e.seq DESC LIMIT 500`, l.from, l.to, ofNote())
	out := make([]SignIn, 0, len(rows))
	for _, x := range rows {
		out = append(out, SignIn{x.At, x.Act, x.Actor, x.Name, ot.Ref{Kind: x.Kind, ID: x.ID}, x.About})
	}
	return part(out), err
}

// Decision is what a person decided.
type Decision struct {
	At     store.Time `json:"at"`
	By     string     `json:"by"`
	Kind   string     `json:"kind" enum:"device,declaration,record,explained,answered"`
	What   string     `json:"what" doc:"accepted, rejected…; of a record approved or rejected; the requirement; the answer"`
	Count  int64      `json:"count"`
	SiteID string     `json:"site_id"`
	Site   string     `json:"site"`
	Ref    ot.Ref     `json:"ref"`
	Title  string     `json:"title"`
	Reason string     `json:"reason"`
}

type decisionRow struct {
	At     store.Time `db:"at"`
	By     string     `db:"who"`
	Kind   string     `db:"kind"`
	What   string     `db:"what"`
	N      int64      `db:"n"`
	SiteNo int64      `db:"site_no"`
	Ref    string     `db:"ref_kind"`
	RefID  string     `db:"ref_id"`
	Title  string     `db:"title"`
	Reason string     `db:"reason"`
}

// decisions are what people decided of devices, declarations, other records, observed changes and inbox items.
func (l *look) decisions(ctx context.Context) (Part[Decision], error) {
	queries := []ot.SQL{
		{Text: `SELECT MAX(h.at) AS at, h.decided_by AS who, 'device' AS kind, h.after AS what, COUNT(*) AS n, h.site_no, 'asset' AS ref_kind, MIN(h.asset_id) AS ref_id,
 COALESCE(MIN((SELECT a.name FROM asset_asset a WHERE a.asset_id = h.asset_id)), '') AS title, h.reason
 FROM asset_change h WHERE h.kind = 'state' AND h.decided_by <> '' AND h.at >= ? AND h.at < ? AND ? GROUP BY h.decided_by, h.after, h.site_no, h.reason`, Args: []any{l.from, l.to, l.in("h.site_no", "")}},
		{Text: `SELECT MAX(x.made_at) AS at, x.made_name AS who, 'explained' AS kind, x.who AS what, COUNT(*) AS n, x.site_no, CASE WHEN x.record_id <> '' THEN 'record' ELSE 'site' END AS ref_kind,
 CASE WHEN x.record_id <> '' THEN x.record_id ELSE MAX((SELECT s.site_id FROM org_site s WHERE s.site_no = x.site_no)) END AS ref_id, '' AS title, x.why AS reason
 FROM comply_explanation x WHERE x.made_at >= ? AND x.made_at < ? AND ? GROUP BY x.explanation_id, x.made_name, x.who, x.site_no, x.record_id, x.why`, Args: []any{l.from, l.to, l.in("x.site_no", "")}},
		{Text: `SELECT MAX(i.done_at) AS at, COALESCE(MAX((SELECT MAX(t.by_name) FROM inbox_step t WHERE t.item_id = i.item_id AND t.kind = 'answered')), '') AS who, 'answered' AS kind, i.comment AS what, COUNT(*) AS n, i.site_no, 'inbox' AS ref_kind, i.item_id AS ref_id, i.title, '' AS reason
 FROM inbox_item i WHERE i.outcome = 'answered' AND i.done_at >= ? AND i.done_at < ? AND ? GROUP BY i.item_id, i.comment, i.site_no, i.title`, Args: []any{l.from, l.to, l.in("i.site_no", "i.zone_no")}},
	}
	if l.p.Permissions.Has(auth.PostureRead) {
		queries = append(queries, ot.SQL{Text: `SELECT MAX(d.created_at) AS at, d.data->>'attested_by' AS who, 'declaration' AS kind, MIN(d.data->>'requirement') AS what, COUNT(*) AS n, d.site_no, 'requirement' AS ref_kind, MIN(d.data->>'requirement') AS ref_id, '' AS title, '' AS reason
 FROM record_record d WHERE d.type = 'declaration' AND d.state <> 'draft' AND d.created_at >= ? AND d.created_at < ? AND ? GROUP BY d.data->>'attested_by', d.site_no`, Args: []any{l.from, l.to, l.inOrWhole("")}})
	}
	if l.p.Permissions.Has(auth.RecordRead) {
		queries = append(queries, ot.SQL{Text: `SELECT v.at, CASE WHEN v.outside <> '' THEN v.outside ELSE COALESCE((SELECT u.name FROM auth_user u WHERE u.user_id = v.by_id), v.by_id) END AS who, 'record' AS kind,
 CASE v.decision WHEN 'approve' THEN 'approved' ELSE 'rejected' END AS what, CAST(1 AS BIGINT) AS n, d.site_no, 'record' AS ref_kind, d.record_id AS ref_id, d.ref || ' ' || d.title AS title, v.comment AS reason
 FROM record_approval v JOIN record_record d ON d.record_id = v.record_id WHERE v.at >= ? AND v.at < ? AND ?`, Args: []any{l.from, l.to, l.inOrWhole("d.zone_no")}})
	}
	var out []Decision
	for _, q := range queries {
		rows, err := store.All[decisionRow](ctx, l.r, q.Text+" LIMIT 500", q.Args...)
		if err != nil {
			return Part[Decision]{}, err
		}
		for _, x := range rows {
			out = append(out, Decision{x.At, x.By, x.Kind, x.What, x.N, l.names[x.SiteNo].ID, l.names[x.SiteNo].Name, ot.Ref{Kind: x.Ref, ID: x.RefID}, x.Title, x.Reason})
		}
	}
	slices.SortStableFunc(out, func(a, b Decision) int { return b.At.Compare(a.At.Time) })
	return part(out), nil
}
