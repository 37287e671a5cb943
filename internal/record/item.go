package record

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Name is an id with what people call it.
type Name struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Item is a record in a list.
type Item struct {
	ID          string     `json:"id"`
	Type        string     `json:"type"`
	Ref         string     `json:"ref"`
	Title       string     `json:"title"`
	State       string     `json:"state"`
	SiteID      *string    `json:"site_id" doc:"null: the whole company"`
	EntityID    string     `json:"entity_id"`
	Zone        *Name      `json:"zone,omitempty"`
	Asset       *Name      `json:"asset,omitempty"`
	Owner       *Name      `json:"owner,omitempty"`
	Data        Values     `json:"data"`
	Version     int64      `json:"version"`
	ValidFrom   store.Time `json:"valid_from" nullable:"true"`
	ValidUntil  store.Time `json:"valid_until" nullable:"true"`
	ReviewAt    store.Time `json:"review_at" nullable:"true"`
	DueAt       store.Time `json:"due_at" nullable:"true"`
	CreatedAt   store.Time `json:"created_at"`
	UpdatedAt   store.Time `json:"updated_at"`
	ClosedAt    store.Time `json:"closed_at" nullable:"true"`
	Overdue     bool       `json:"overdue" doc:"Its due date, its review or its validity has passed and it is not closed"`
	Approval    string     `json:"approval" enum:"none,waiting,approved,rejected"`
	SecondDue   store.Time `json:"second_due" nullable:"true" doc:"Approved by one: until when a second person must look"`
	Links       int64      `json:"links"`
	Attachments int64      `json:"attachments"`
	Comments    int64      `json:"comments"`
}

func (s *Service) show(x *shown, names pageNames, now time.Time) Item {
	data := x.Data
	if t := s.types.Type(x.Type); t != nil && x.DataVersion < int64(t.DataVersion) {
		data = valuesOf(t.upgrade(data.Map(), x.DataVersion))
	}
	it := Item{
		ID: x.ID, Type: x.Type, Ref: x.Ref, Title: x.Title, State: x.State, EntityID: x.EntityID, Data: data, Version: x.Version, ValidFrom: x.ValidFrom, ValidUntil: x.ValidUntil,
		ReviewAt: x.ReviewAt, DueAt: x.DueAt, CreatedAt: x.CreatedAt, UpdatedAt: x.UpdatedAt, ClosedAt: x.ClosedAt, Approval: x.Approval, SecondDue: x.SecondDue, Links: x.Links, Attachments: x.Attachments, Comments: x.Comments,
		Overdue: x.ClosedAt.IsZero() && slices.ContainsFunc([]store.Time{x.DueAt, x.ReviewAt, x.ValidUntil, x.SecondDue}, func(t store.Time) bool { return !t.IsZero() && t.Before(now) }),
	}
	if id, ok := names.sites[x.SiteNo]; ok {
		it.SiteID = &id
	}
	if zone, ok := names.zones[x.ZoneNo]; ok {
		it.Zone = &zone
	}
	if x.AssetID != "" {
		it.Asset = &Name{x.AssetID, names.assets[x.AssetID].Label}
	}
	if x.OwnerID != "" {
		it.Owner = new(names.owners(x.OwnerID))
	}
	return it
}

// Detail is one record with all that hangs on it.
type Detail struct {
	Item
	CreatedBy   Name              `json:"created_by"`
	UpdatedBy   Name              `json:"updated_by"`
	Site        *Name             `json:"site,omitempty"`
	Entity      Name              `json:"entity"`
	Names       map[string]string `json:"names" nullable:"false" doc:"What ids in the data are called: people, assets, zones"`
	Transitions []Button          `json:"transitions" nullable:"false"`
	Links       []Edge            `json:"links" nullable:"false"`
	Requests    []Request         `json:"approvals" nullable:"false" doc:"The newest first"`
	Attachments []Attachment      `json:"attachments" nullable:"false"`
	Comments    []Comment         `json:"comments" nullable:"false"`
	Schedule    *Schedule         `json:"schedule,omitempty"`
	MayEdit     bool              `json:"may_edit"`
	MayApprove  bool              `json:"may_approve" doc:"The person may decide on what waits now"`
	MayNotWhy   string            `json:"may_not_why,omitempty" doc:"Why not, where something waits"`
	AsOf        store.Time        `json:"as_of" nullable:"true"`
}

// Button is a transition as the person sees it now.
type Button struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	To       string   `json:"to"`
	Allowed  bool     `json:"allowed"`
	WhyNot   string   `json:"why_not,omitempty" say:"true"`
	Needs    []string `json:"needs" nullable:"false" doc:"Fields that must be filled and are not yet"`
	Approval bool     `json:"approval"`
	Reason   bool     `json:"reason"`
	Danger   bool     `json:"danger"`
	Primary  bool     `json:"primary"`
}

// Edge is a link as seen from one of its ends.
type Edge struct {
	ID      string     `json:"id"`
	Rel     string     `json:"rel"`
	Title   string     `json:"title"`
	Inverse bool       `json:"inverse" doc:"The record is the end that is pointed at"`
	To      EdgeEnd    `json:"to"`
	MadeAt  store.Time `json:"made_at"`
}

// EdgeEnd is what a link leads to.
type EdgeEnd struct {
	Kind  string `json:"kind"`
	ID    string `json:"id"`
	Label string `json:"label"`
	State string `json:"state"`
	Type  string `json:"type,omitempty" doc:"Of a record"`
}

// Request is a question for approval and its answers.
type Request struct {
	ID          string     `json:"id"`
	Transition  string     `json:"transition"`
	Title       string     `json:"title"`
	Version     int64      `json:"version" doc:"Of the record that was asked about"`
	RequestedBy Name       `json:"requested_by"`
	RequestedAt store.Time `json:"requested_at"`
	Reason      string     `json:"reason"`
	Profile     string     `json:"profile" enum:"small,normal,group"`
	Needed      int64      `json:"needed"`
	State       string     `json:"state" enum:"waiting,approved,rejected,reopened,withdrawn"`
	SecondDue   store.Time `json:"second_due" nullable:"true"`
	SecondAt    store.Time `json:"second_at" nullable:"true"`
	Text        string     `json:"text" doc:"In words: Approved by one, second look due 2026-11-30" say:"true"`
	Votes       []Vote     `json:"votes" nullable:"false"`
}

// Vote is one answer.
type Vote struct {
	By       Name       `json:"by"`
	Outside  string     `json:"outside,omitempty" doc:"Who looked, without an account; by wrote it down"`
	Decision string     `json:"decision" enum:"approve,reject"`
	Comment  string     `json:"comment"`
	At       store.Time `json:"at"`
}

// Attachment is a file on a record.
type Attachment struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Bytes     int64      `json:"bytes"`
	SHA256    string     `json:"sha256"`
	MediaType string     `json:"media_type"`
	Scan      string     `json:"scan" enum:"clean,infected,unscanned"`
	Finding   string     `json:"finding,omitempty" doc:"What the scanner called it"`
	By        Name       `json:"by"`
	At        store.Time `json:"at"`
}

// Comment is what somebody said about a record.
type Comment struct {
	ID   string     `json:"id"`
	By   Name       `json:"by"`
	At   store.Time `json:"at"`
	Text string     `json:"text"`
}

// Schedule says when a record was reviewed and when it is again.
type Schedule struct {
	Months  int64      `json:"months"`
	LastAt  store.Time `json:"last_at" nullable:"true"`
	LastBy  *Name      `json:"last_by,omitempty"`
	Comment string     `json:"comment"`
	NextAt  store.Time `json:"next_at" nullable:"true"`
}

// Get reads one record with all that hangs on it; a zero asOf is now.
func (s *Service) Get(ctx context.Context, who auth.Principal, id string, asOf time.Time) (out Detail, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out, err = s.detail(ctx, r, who, id, asOf)
		return err
	})
	return out, err
}

func (s *Service) detail(ctx context.Context, r store.Reader, who auth.Principal, id string, asOf time.Time) (out Detail, err error) {
	page, err := s.list(ctx, r, who, Query{IDs: []string{id}, Sort: "ref", Limit: 1, AsOf: asOf})
	if err != nil {
		return out, err
	}
	if len(page.Items) == 0 {
		return out, unknown()
	}
	out.Item, out.AsOf = page.Items[0], store.At(asOf)
	rec, t, err := s.load(ctx, r, who.Scope, id)
	if err != nil {
		return out, err
	}
	until := asOf
	if until.IsZero() {
		until = s.now().Add(time.Hour) // what another centre wrote a moment ahead of our clock is shown too
	}
	parts := []func() error{
		func() error { return s.fillEdges(ctx, r, who, t, id, asOf, &out) },
		func() error { return s.fillRequests(ctx, r, t, id, until, &out) },
		func() (err error) { out.Attachments, err = s.attachments(ctx, r, id, until); return err },
		func() (err error) { out.Comments, err = s.commentsOf(ctx, r, id, until); return err },
		func() error { return s.fillSchedule(ctx, r, t, rec, &out) },
		func() error { return s.fillNames(ctx, r, who, t, rec, &out) },
	}
	for _, part := range parts {
		if err := part(); err != nil {
			return out, err
		}
	}
	out.Transitions = []Button{}
	if !asOf.IsZero() {
		return out, nil // a look back changes nothing
	}
	if err := s.fillButtons(ctx, r, who, t, rec, &out); err != nil {
		return out, err
	}
	return out, nil
}

func (s *Service) fillButtons(ctx context.Context, r store.Reader, who auth.Principal, t *Type, rec *Record, out *Detail) error {
	var cannot string
	err := mayWrite(ctx, r, who.Scope, rec)
	switch ot.CodeOf(err) {
	case "":
	case ot.Forbidden, ot.NotFound:
		cannot = err.Error()
	default:
		return err
	}
	st, _ := t.State(rec.State)
	out.MayEdit = cannot == "" && who.Permissions.Has(t.Write) && !st.Final()
	for _, x := range t.Transitions {
		if !slices.Contains(x.From, rec.State) {
			continue
		}
		b := Button{ID: x.ID, Title: x.Title, To: x.To, Approval: x.Approval, Reason: x.Reason, Danger: x.Danger, Primary: x.Primary, Needs: []string{}, WhyNot: cannot}
		if b.WhyNot == "" {
			if b.WhyNot, err = s.whyNot(ctx, r, who, t, rec, x); err != nil {
				return err
			}
		}
		b.Allowed = b.WhyNot == ""
		for _, n := range x.Needs {
			if t.needs(Transition{Needs: []string{n}}, rec) != nil {
				b.Needs = append(b.Needs, n)
			}
		}
		out.Transitions = append(out.Transitions, b)
	}
	if rec.Approval == Waiting || !rec.SecondDue.IsZero() {
		out.MayNotWhy = s.mayNotDecide(who, t, out.Requests, cannot)
		out.MayApprove = out.MayNotWhy == ""
	}
	return nil
}

// mayNotDecide says beforehand what Decide would say; the database has the last word.
func (s *Service) mayNotDecide(who auth.Principal, t *Type, requests []Request, cannot string) string {
	switch {
	case cannot != "":
		return cannot
	case !who.Permissions.Has(t.Approve):
		return "it takes the permission " + string(t.Approve)
	case who.TokenID != "":
		return "a program approves nothing"
	}
	for _, q := range requests {
		if q.State == Approved && q.SecondDue.IsZero() {
			break
		}
		mine := q.RequestedBy.ID == actorOf(who)
		if mine && (q.State == Waiting || q.State == "reopened" || q.State == Approved && q.SecondAt.IsZero()) {
			return "you asked for this yourself, or changed it: four eyes means another person's"
		}
		if q.State == Waiting && slices.ContainsFunc(q.Votes, func(v Vote) bool { return v.By.ID == actorOf(who) }) {
			return "you have decided already"
		}
	}
	return ""
}

func (s *Service) fillEdges(ctx context.Context, r store.Reader, who auth.Principal, t *Type, id string, asOf time.Time, out *Detail) error {
	type row struct {
		link
		FromType string `db:"from_type"`
	}
	source := ot.SQL{Text: "record_link"}
	if !asOf.IsZero() {
		source = ot.SQL{
			Text: `(SELECT link_id, from_id, rel, to_kind, to_id, made_at, made_by FROM record_link WHERE made_at <= ?
			UNION ALL SELECT link_id, from_id, rel, to_kind, to_id, made_at, made_by FROM record_unlinked WHERE made_at <= ? AND ended_at > ?)`,
			Args: []any{store.At(asOf), store.At(asOf), store.At(asOf)},
		}
	}
	rows, err := store.All[row](ctx, r, `SELECT l.link_id, l.from_id, l.rel, l.to_kind, l.to_id, l.made_at, l.made_by, f.type AS from_type FROM ? l JOIN record_record f ON f.record_id = l.from_id
		WHERE l.from_id = ? OR l.to_kind = 'record' AND l.to_id = ? ORDER BY l.rel, l.made_at, l.link_id LIMIT 1000`, source, id, id)
	if err != nil {
		return err
	}
	ids := map[string][]string{}
	for _, x := range rows {
		kind, other := x.ToKind, x.ToID
		if x.FromID != id {
			kind, other = "record", x.FromID
		}
		ids[kind] = append(ids[kind], other)
	}
	names := map[string]map[string]Thing{}
	types := map[string]string{}
	for kind, list := range ids {
		if l := s.kinds[kind]; l != nil {
			if names[kind], err = l(ctx, r, who.Scope, list); err != nil {
				return err
			}
		}
	}
	if len(ids["record"]) > 0 {
		type typed struct {
			ID   string `db:"record_id"`
			Type string `db:"type"`
		}
		all, err := store.All[typed](ctx, r, "SELECT record_id, type FROM record_record WHERE record_id IN (?)", ids["record"])
		if err != nil {
			return err
		}
		for _, x := range all {
			types[x.ID] = x.Type
		}
	}
	out.Links = []Edge{}
	for _, x := range rows {
		e := Edge{ID: x.ID, Rel: x.Rel, MadeAt: x.MadeAt, To: EdgeEnd{Kind: x.ToKind, ID: x.ToID}}
		rule, _ := t.Link(x.Rel)
		e.Title = rule.Title
		if x.FromID != id {
			e.Inverse, e.To = true, EdgeEnd{Kind: "record", ID: x.FromID}
			if from := s.types.Type(x.FromType); from != nil {
				rule, _ = from.Link(x.Rel)
			}
			e.Title = rule.Inverse
		}
		thing, ok := names[e.To.Kind][e.To.ID]
		if !ok {
			continue // out of the person's scope, or gone
		}
		e.To.Label, e.To.State, e.To.Type = thing.Label, thing.State, types[e.To.ID]
		if to := s.types.Type(e.To.Type); to != nil && (e.To.Kind != "record" || !who.Permissions.Has(to.Read)) {
			continue
		}
		out.Links = append(out.Links, e)
	}
	return nil
}

func (s *Service) fillRequests(ctx context.Context, r store.Reader, t *Type, id string, until time.Time, out *Detail) error {
	rows, err := store.All[request](ctx, r, "SELECT "+requestColumns+" FROM record_request WHERE record_id = ? AND requested_at <= ? ORDER BY requested_at DESC, request_id DESC LIMIT 100", id, store.At(until))
	if err != nil {
		return err
	}
	type vote struct {
		RequestID string     `db:"request_id"`
		By        string     `db:"by_id"`
		Outside   string     `db:"outside"`
		Decision  string     `db:"decision"`
		Comment   string     `db:"comment"`
		At        store.Time `db:"at"`
	}
	votes, err := store.All[vote](ctx, r, "SELECT request_id, by_id, outside, decision, comment, at FROM record_approval WHERE record_id = ? AND at <= ? ORDER BY at, approval_id", id, store.At(until))
	if err != nil {
		return err
	}
	ids := []string{}
	for _, q := range rows {
		ids = append(ids, q.RequestedBy)
	}
	for _, v := range votes {
		ids = append(ids, v.By)
	}
	names, err := peopleNames(ctx, r, ids)
	if err != nil {
		return err
	}
	out.Requests = []Request{}
	for _, q := range rows {
		x, _ := t.Transition(q.Transition)
		show := Request{
			ID: q.ID, Transition: q.Transition, Title: x.Title, Version: q.Version, RequestedBy: names(q.RequestedBy), RequestedAt: q.RequestedAt, Reason: q.Reason,
			Profile: q.Profile, Needed: q.Needed, State: q.State, SecondDue: q.SecondDue, SecondAt: q.SecondAt, Votes: []Vote{},
		}
		for _, v := range votes {
			if v.RequestID == q.ID {
				show.Votes = append(show.Votes, Vote{names(v.By), v.Outside, v.Decision, v.Comment, v.At})
			}
		}
		show.Text = show.words()
		out.Requests = append(out.Requests, show)
	}
	return nil
}

// words say how the request stands.
func (q Request) words() string {
	switch {
	case q.State == Approved && !q.SecondDue.IsZero() && q.SecondAt.IsZero():
		return "Approved by one, second look due " + q.SecondDue.Format(time.DateOnly)
	case q.State == Approved && !q.SecondDue.IsZero():
		return "Approved by one, looked at by a second"
	case q.State == Approved:
		return "Approved"
	case q.State == Rejected:
		return "Refused"
	case q.State == "reopened":
		return "It changed: asked anew"
	case q.State == "withdrawn":
		return "Withdrawn"
	case q.Needed > 1:
		return "Waits for two people, one of whom answers for the whole company"
	}
	return "Waits for another person"
}

func (s *Service) fillSchedule(ctx context.Context, r store.Reader, t *Type, rec *Record, out *Detail) error {
	if t.ReviewMonths == 0 {
		return nil
	}
	row, err := store.One[schedule](ctx, r, "SELECT "+scheduleColumns+" FROM record_schedule WHERE record_id = ?", rec.ID)
	if err != nil && ot.CodeOf(err) != ot.NotFound {
		return err
	}
	out.Schedule = &Schedule{Months: int64(t.ReviewMonths), LastAt: row.LastAt, Comment: row.Comment, NextAt: out.ReviewAt}
	if row.LastBy != "" {
		names, err := peopleNames(ctx, r, []string{row.LastBy})
		if err != nil {
			return err
		}
		out.Schedule.LastBy = new(names(row.LastBy))
	}
	return nil
}

// fillNames says what the ids in heads and data are called.
func (s *Service) fillNames(ctx context.Context, r store.Reader, who auth.Principal, t *Type, rec *Record, out *Detail) error {
	names, err := peopleNames(ctx, r, []string{rec.CreatedBy, rec.UpdatedBy})
	if err != nil {
		return err
	}
	out.CreatedBy, out.UpdatedBy = names(rec.CreatedBy), names(rec.UpdatedBy)
	entity, err := store.One[string](ctx, r, "SELECT name FROM org_entity WHERE entity_id = ?", rec.EntityID)
	if err != nil && ot.CodeOf(err) != ot.NotFound {
		return err
	}
	out.Entity = Name{rec.EntityID, entity}
	if out.SiteID != nil {
		site, err := store.One[string](ctx, r, "SELECT name FROM org_site WHERE site_no = ?", rec.SiteNo)
		if err != nil {
			return err
		}
		out.Site = &Name{*out.SiteID, site}
	}
	out.Names = map[string]string{}
	ids := map[string][]string{}
	data := out.Data.Map()
	for _, f := range t.Fields {
		if id, _ := data[f.ID].(string); id != "" && (f.Kind == Person || f.Kind == Asset || f.Kind == Zone) {
			ids[string(f.Kind)] = append(ids[string(f.Kind)], id)
		}
	}
	for kind, list := range ids {
		l := s.kinds[kind]
		if l == nil {
			continue
		}
		found, err := l(ctx, r, who.Scope, list)
		if err != nil {
			return err
		}
		for id, x := range found {
			out.Names[id] = x.Label
		}
	}
	return nil
}

// peopleNames gives what accounts are called.
func peopleNames(ctx context.Context, r store.Reader, ids []string) (func(id string) Name, error) {
	type row struct {
		ID   string `db:"user_id"`
		Name string `db:"name"`
	}
	var rows []row
	var err error
	if len(ids) > 0 {
		if rows, err = store.All[row](ctx, r, "SELECT user_id, name FROM auth_user WHERE user_id IN (?)", ids); err != nil {
			return nil, err
		}
	}
	names := make(map[string]string, len(rows))
	for _, x := range rows {
		names[x.ID] = x.Name
	}
	return func(id string) Name {
		name := names[id]
		if name == "" {
			name = id
			if id == "system" {
				name = "Skanse"
			}
		}
		return Name{id, strings.TrimSpace(name)}
	}, nil
}

func (s *Service) attachments(ctx context.Context, r store.Reader, id string, until time.Time) ([]Attachment, error) {
	type row struct {
		ID        string     `db:"attachment_id"`
		Name      string     `db:"name"`
		Bytes     int64      `db:"bytes"`
		SHA256    string     `db:"sha256"`
		MediaType string     `db:"media_type"`
		Scan      string     `db:"scan"`
		Finding   string     `db:"finding"`
		At        store.Time `db:"added_at"`
		By        string     `db:"added_by"`
	}
	rows, err := store.All[row](ctx, r, `SELECT attachment_id, name, bytes, sha256, media_type, scan, finding, added_at, added_by FROM record_attachment
		WHERE record_id = ? AND added_at <= ? AND (removed_at IS NULL OR removed_at > ?) ORDER BY added_at, attachment_id LIMIT 1000`, id, store.At(until), store.At(until))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, x := range rows {
		ids = append(ids, x.By)
	}
	names, err := peopleNames(ctx, r, ids)
	if err != nil {
		return nil, err
	}
	out := []Attachment{}
	for _, x := range rows {
		out = append(out, Attachment{x.ID, x.Name, x.Bytes, x.SHA256, x.MediaType, x.Scan, x.Finding, names(x.By), x.At})
	}
	return out, nil
}

func (s *Service) commentsOf(ctx context.Context, r store.Reader, id string, until time.Time) ([]Comment, error) {
	type row struct {
		ID   string     `db:"comment_id"`
		At   store.Time `db:"at"`
		By   string     `db:"by_id"`
		Text string     `db:"text"`
	}
	rows, err := store.All[row](ctx, r, "SELECT comment_id, at, by_id, text FROM record_comment WHERE record_id = ? AND at <= ? ORDER BY at, comment_id LIMIT 1000", id, store.At(until))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, x := range rows {
		ids = append(ids, x.By)
	}
	names, err := peopleNames(ctx, r, ids)
	if err != nil {
		return nil, err
	}
	out := []Comment{}
	for _, x := range rows {
		out = append(out, Comment{x.ID, names(x.By), x.At, x.Text})
	}
	return out, nil
}
