package record

import (
	"context"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

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
	MayNotWhy   string            `json:"may_not_why,omitempty" doc:"Why not, where something waits" say:"true"`
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
