package comply

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Explain is the one form that closes an observed change and a contradiction: who did
// it, why, and by which change.
type Explain struct {
	Events      []string `json:"events,omitempty" maxItems:"100" doc:"Observed events, as number of the site and of the event (3.1042); the other messages of the same kind in the same conversation within 12 hours go with each"`
	Requirement string   `json:"requirement,omitempty" doc:"Of a contradiction"`
	Site        string   `json:"site,omitempty" doc:"Of a contradiction; empty: the company's"`
	Who         string   `json:"who" minLength:"1" maxLength:"200" doc:"Who did it"`
	Why         string   `json:"why" minLength:"1" maxLength:"2000"`
	Record      string   `json:"record,omitempty" doc:"Id or number (CHG-…) of the change that covers it"`
	Emergency   bool     `json:"emergency,omitempty" doc:"There is no change yet: write one down as done in an emergency, to be approved afterwards"`
}

// Explained says what an explanation closed.
type Explained struct {
	ID       string   `json:"id"`
	Events   int      `json:"events"`
	Findings int      `json:"findings"`
	Record   string   `json:"record_id"`
	Refs     []string `json:"record_refs" nullable:"false" doc:"Numbers of the records that were written"`
}

// explainReach is how far around an event its like in the same conversation go with it: a download is dozens of messages.
const explainReach = 12 * time.Hour

type seenEvent struct {
	SiteNo   int64  `db:"site_no"`
	EventNo  int64  `db:"event_no"`
	ConvNo   int64  `db:"conv_no"`
	Class    string `db:"class"`
	At       int64  `db:"at"`
	Protocol string `db:"protocol"`
	ServerIP string `db:"server_ip"`
	Realm    int64  `db:"realm_no"`
}

// Explain closes what it names, in one transaction: the record, its links and the marks.
func (s *Service) Explain(ctx context.Context, p auth.Principal, x Explain) (out Explained, err error) {
	x.Who, x.Why = ot.Printable(x.Who), strings.TrimSpace(x.Why)
	switch {
	case x.Who == "" || x.Why == "":
		return out, ot.Errorf(ot.Invalid, "who, why: say who did it, and why")
	case len(x.Events) == 0 && x.Requirement == "":
		return out, ot.Errorf(ot.Invalid, "events, requirement: name what you explain")
	case len(x.Events) > 0 && x.Record == "" && !x.Emergency:
		return out, ot.Errorf(ot.Invalid, "record: name the change that covers it, or write one down as an emergency")
	case x.Record != "" && x.Emergency:
		return out, ot.Errorf(ot.Invalid, "record, emergency: the change is there already, or it is new; not both")
	}
	now := s.clock()
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		out = Explained{ID: store.NewID(), Refs: []string{}}
		events, err := s.toExplain(ctx, tx, p.Scope, x.Events)
		if err != nil {
			return err
		}
		findings, err := s.findingsToExplain(ctx, tx, p.Scope, x)
		if err != nil {
			return err
		}
		e := explanationRow{ID: out.ID, Who: x.Who, Why: x.Why, MadeBy: p.UserID, MadeName: p.Name, MadeAt: store.At(now)}
		for _, v := range events {
			e.SiteNo = v.SiteNo
		}
		for _, f := range findings {
			if len(events) > 0 && f.SiteNo != e.SiteNo {
				return ot.Errorf(ot.Invalid, "events, requirement: explain what happened at one site at a time")
			}
			e.SiteNo, e.EntityID = f.SiteNo, f.EntityID
		}
		siteID := ""
		if e.SiteNo != 0 {
			if siteID, err = store.One[string](ctx, tx, "SELECT site_id FROM org_site WHERE site_no = ?", e.SiteNo); err != nil {
				return err
			}
		}
		rest.Target(ctx, siteID, ot.Ref{Kind: "explanation", ID: out.ID})
		rest.Detail(ctx, "who", x.Who)
		rest.Detail(ctx, "why", x.Why)
		if e.RecordID, err = s.changeOf(ctx, tx, p, x, siteID, events, &out); err != nil {
			return err
		}
		if e.RecordID, err = s.findingOf(ctx, tx, p, x, e, siteID, findings, &out); err != nil {
			return err
		}
		if x.Emergency {
			e.Emergency = 1
		}
		out.Record = e.RecordID
		if err := store.Upsert(ctx, tx, "comply_explanation", []explanationRow{e}, nil, nil); err != nil {
			return err
		}
		if out.Events, err = s.markEvents(ctx, tx, out.ID, events); err != nil {
			return err
		}
		out.Findings = len(findings)
		return s.markFindings(ctx, tx, p, now, out.ID, findings, e.SiteNo)
	})
	return out, err
}

type explanationRow struct {
	ID        string     `db:"explanation_id"`
	SiteNo    int64      `db:"site_no"`
	EntityID  string     `db:"entity_id"`
	Who       string     `db:"who"`
	Why       string     `db:"why"`
	RecordID  string     `db:"record_id"`
	Emergency int64      `db:"emergency"`
	MadeBy    string     `db:"made_by"`
	MadeName  string     `db:"made_name"`
	MadeAt    store.Time `db:"made_at"`
}

// toExplain reads the events that the person names, in scope and of one site.
func (s *Service) toExplain(ctx context.Context, r store.Reader, scope auth.Scope, ids []string) ([]seenEvent, error) {
	var out []seenEvent
	for _, id := range ids {
		missing := ot.Errorf(ot.NotFound, "there is no event %s", ot.Printable(id))
		a, b, _ := strings.Cut(id, ".")
		site, err1 := strconv.ParseInt(a, 10, 64)
		no, err2 := strconv.ParseInt(b, 10, 64)
		if err1 != nil || err2 != nil {
			return nil, missing
		}
		rows, err := store.All[seenEvent](ctx, r, `SELECT e.site_no, e.event_no, e.conv_no, e.class, e.at, e.protocol, e.server_ip, e.realm_no FROM network_event e
 LEFT JOIN network_conversation c ON c.site_no = e.site_no AND c.conv_no = e.conv_no WHERE e.site_no = ? AND e.event_no = ? AND (? OR ?)`,
			site, no, scope.Where("e.site_no", "c.client_zone_no"), scope.Where("e.site_no", "c.server_zone_no"))
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			return nil, missing
		}
		if len(out) > 0 && out[0].SiteNo != site {
			return nil, ot.Errorf(ot.Invalid, "events: explain what happened at one site at a time")
		}
		out = append(out, rows[0])
	}
	return out, nil
}

// findingsToExplain are the open contradictions of the requirement that nobody has explained.
func (s *Service) findingsToExplain(ctx context.Context, r store.Reader, scope auth.Scope, x Explain) ([]Finding, error) {
	if x.Requirement == "" {
		return nil, nil
	}
	at := ot.SQL{Text: "site_no = 0"}
	if x.Site != "" {
		at = ot.SQL{Text: "site_no = (SELECT z.site_no FROM org_site z WHERE z.site_id = ?)", Args: []any{x.Site}}
	}
	found, err := store.All[Finding](ctx, r, "SELECT "+findingColumns+` FROM comply_finding WHERE requirement = ? AND closed_at IS NULL AND ? AND ?
 AND finding_id NOT IN (SELECT finding_id FROM comply_explained_finding) ORDER BY opened_at, finding_id`, x.Requirement, at, visible(scope))
	if err == nil && len(found) == 0 {
		err = ot.Errorf(ot.NotFound, "there is no open contradiction of %s that waits for an explanation", ot.Printable(x.Requirement))
	}
	return found, err
}

// changeOf finds the change that covers it, or writes one down as done in an emergency.
func (s *Service) changeOf(ctx context.Context, tx *store.Tx, p auth.Principal, x Explain, siteID string, events []seenEvent, out *Explained) (string, error) {
	id := ""
	switch {
	case x.Record != "":
		type found struct {
			ID   string `db:"record_id"`
			Type string `db:"type"`
		}
		rows, err := store.All[found](ctx, tx, "SELECT record_id, type FROM record_record WHERE (record_id = ? OR ref = ?) AND ?", x.Record, strings.ToUpper(x.Record), p.Scope.Where("site_no", "zone_no"))
		if err != nil {
			return "", err
		}
		if len(rows) == 0 || rows[0].Type != "change" {
			return "", ot.Errorf(ot.Invalid, "record: there is no change %s", ot.Printable(x.Record))
		}
		id = rows[0].ID
	case x.Emergency:
		at := s.clock()
		title := "Emergency work: " + firstLine(x.Why)
		if len(events) > 0 {
			at = store.Micros(events[0].At).Time
			title = "Emergency work: " + strings.ReplaceAll(events[0].Class, "_", " ") + " (" + events[0].Protocol + ")"
		}
		d := record.Draft{Type: "change", Title: title, Site: siteID, Data: map[string]any{
			"kind": "emergency", "text": x.Why, "performed_by": x.Who, "done_at": at.UTC().Format(time.RFC3339), "why_emergency": x.Why,
		}}
		if len(events) > 0 {
			assets, err := store.All[string](ctx, tx, "SELECT asset_id FROM asset_binding WHERE site_no = ? AND realm_no = ? AND kind = 'ip' AND address = ? AND to_at IS NULL ORDER BY asset_id", events[0].SiteNo, events[0].Realm, events[0].ServerIP)
			if err != nil {
				return "", err
			}
			if len(assets) == 1 {
				d.Asset = assets[0]
			}
		}
		rec, err := s.records.Create(ctx, tx, p, d)
		if err != nil {
			return "", fmt.Errorf("write the emergency change: %w", err)
		}
		if _, err := s.records.Transition(ctx, tx, p, rec.ID, record.Move{Transition: "after_the_fact"}); err != nil {
			return "", fmt.Errorf("write the emergency change: %w", err)
		}
		id, out.Refs = rec.ID, append(out.Refs, rec.Ref)
	default:
		return "", nil
	}
	for _, v := range events {
		if _, err := s.records.Link(ctx, tx, p, id, record.NewLink{Rel: "matched", Kind: "event", ID: fmt.Sprintf("%d.%d", v.SiteNo, v.EventNo)}); err != nil {
			return "", err
		}
	}
	return id, nil
}

// findingOf writes the explanation into the findings that the checks wrote down, and links the
// change to them. It gives the record that the explanation names: the change first. A finding
// of release 0.1 has no record: it gets one.
func (s *Service) findingOf(ctx context.Context, tx *store.Tx, p auth.Principal, x Explain, e explanationRow, siteID string, findings []Finding, out *Explained) (string, error) {
	if len(findings) == 0 {
		return e.RecordID, nil
	}
	var sentences []string
	known := ""
	for _, f := range findings {
		if f.RecordID == "" {
			sentences = append(sentences, f.Sentence)
			continue
		}
		rec, err := s.records.Update(ctx, tx, p, f.RecordID, record.Patch{Data: map[string]any{"resolution": x.Who + ": " + x.Why}})
		if err != nil {
			return "", fmt.Errorf("explain the finding: %w", err)
		}
		if e.RecordID != "" {
			if _, err := s.records.Link(ctx, tx, p, rec.ID, record.NewLink{Rel: "about", Kind: "record", ID: e.RecordID}); err != nil {
				return "", err
			}
		}
		known = rec.ID
		out.Refs = append(out.Refs, rec.Ref)
	}
	if len(sentences) == 0 {
		return cmp.Or(e.RecordID, known), nil
	}
	q, _ := s.cat.Requirement(x.Requirement)
	title := x.Requirement
	if q != nil {
		title += " " + q.Title
	}
	d := record.Draft{Type: "finding", Title: title, Site: siteID, Data: map[string]any{
		"source": "check", "text": strings.Join(sentences, "\n"), "severity": "high", "found_on": findings[0].OpenedAt.UTC().Format(time.DateOnly),
		"resolution": x.Who + ": " + x.Why,
	}, Links: []record.NewLink{{Rel: "about", Kind: "requirement", ID: x.Requirement}}}
	if siteID == "" {
		d.Entity = e.EntityID
	}
	if e.RecordID != "" {
		d.Links = append(d.Links, record.NewLink{Rel: "about", Kind: "record", ID: e.RecordID})
	}
	rec, err := s.records.Create(ctx, tx, p, d)
	if err != nil {
		return "", fmt.Errorf("write the finding: %w", err)
	}
	out.Refs = append(out.Refs, rec.Ref)
	if e.RecordID != "" {
		return e.RecordID, nil
	}
	return rec.ID, nil
}

// markEvents marks the events, and their like in the same conversation around them.
func (s *Service) markEvents(ctx context.Context, tx *store.Tx, id string, events []seenEvent) (int, error) {
	n := 0
	for _, v := range events {
		m, err := tx.Exec(ctx, `INSERT INTO comply_explained_event (site_no, event_no, explanation_id) SELECT e.site_no, e.event_no, CAST(? AS TEXT) FROM network_event e
 WHERE e.site_no = ? AND e.conv_no = ? AND e.class = ? AND e.at >= ? AND e.at <= ? ON CONFLICT (site_no, event_no) DO UPDATE SET explanation_id = excluded.explanation_id`,
			id, v.SiteNo, v.ConvNo, v.Class, v.At-explainReach.Microseconds(), v.At+explainReach.Microseconds())
		if err != nil {
			return 0, err
		}
		n += int(m)
		if err := inbox.Done(ctx, tx, s.clock(), "", "explained", changeKey(v.SiteNo, v.ConvNo, v.Class)); err != nil {
			return 0, err
		}
	}
	return n, nil
}

// markFindings marks contradictions and takes their question back.
func (s *Service) markFindings(ctx context.Context, tx *store.Tx, p auth.Principal, now time.Time, id string, findings []Finding, siteNo int64) error {
	type mark struct {
		FindingID string `db:"finding_id"`
		ID        string `db:"explanation_id"`
	}
	var marks []mark
	var keys []string
	for _, f := range findings {
		marks = append(marks, mark{f.ID, id})
		if k := contradictionKey(f); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	if err := store.Upsert(ctx, tx, "comply_explained_finding", marks, []string{"finding_id"}, []string{"explanation_id"}); err != nil {
		return err
	}
	if len(keys) > 0 {
		if err := inbox.Done(ctx, tx, now, p.UserID, "explained", keys...); err != nil {
			return err
		}
	}
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicPosture, SiteNo: siteNo, Refs: []ot.Ref{{Kind: "explanation", ID: id}}})
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if r := []rune(s); len(r) > 80 {
		return string(r[:79]) + "…"
	}
	return s
}
