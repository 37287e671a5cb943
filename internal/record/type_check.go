package record

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/auth"
)

var (
	typeID  = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)
	fieldID = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
	prefix  = regexp.MustCompile(`^[A-Z]{2,5}$`)
)

// heads are what every record has beside its own fields: columns, sorting, calendars.
func heads() []string {
	return []string{"ref", "title", "state", "site", "zone", "asset", "owner", "valid_from", "valid_until", "review_at", "due_at", "created_at", "updated_at", "approval"}
}

func kinds() []Kind {
	return []Kind{Text, Long, Number, Bool, Date, Time, OneOf, SomeOf, Person, Asset, Zone, Address, Money, Duration}
}

// thingKinds are what a link may lead to that is no record.
func thingKinds() []string {
	return []string{"asset", "requirement", "check", "conversation", "zone", "site", "event"}
}

// check looks at everything that the type alone can be asked.
func (d *document) check() error {
	t := d.t
	switch {
	case !typeID.MatchString(t.ID):
		return d.errorf("id", "an id is small letters, digits and hyphens, as maintenance-window")
	case !prefix.MatchString(t.Prefix):
		return d.errorf("prefix", "a prefix is 2 to 5 capital letters, as FND")
	case t.Title == "" || t.Plural == "" || t.About == "":
		return d.errorf("id", "title, plural and about are needed")
	case t.ReviewMonths < 0 || t.ReviewMonths > 120:
		return d.errorf("review_months", "review_months is %d: give 0 to 120", t.ReviewMonths)
	case len(t.Fields) > maxFields:
		return d.errorf("fields", "%d fields, at most %d: link a second record instead", len(t.Fields), maxFields)
	case len(t.Scope) == 0:
		return d.errorf("id", "scope is needed: where such a record may stand, of entity, site, zone, asset")
	}
	for i, s := range t.Scope {
		if !slices.Contains([]string{"entity", "site", "zone", "asset"}, s) {
			return d.errorf(fmt.Sprintf("scope/%d", i), "scope %q: use entity, site, zone, asset", s)
		}
	}
	for _, p := range []struct {
		name string
		p    *auth.Permission
		d    auth.Permission
	}{{"read", &t.Read, auth.RecordRead}, {"write", &t.Write, auth.RecordWrite}, {"approve", &t.Approve, auth.RecordApprove}} {
		if *p.p == "" {
			*p.p = p.d
		}
		if !slices.Contains(auth.All(), *p.p) {
			return d.errorf(p.name, "there is no permission %q", *p.p)
		}
	}
	if t.AsksRole == "" {
		t.AsksRole = auth.SiteOTLead
	}
	if t.DataVersion == 0 {
		t.DataVersion = 1
	}
	t.fillEmpty()
	for _, part := range []func() error{d.checkFields, d.checkVisible, d.checkStates, d.checkTransitions, d.checkLinks, d.checkLayout, d.checkUpgrades} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

func (d *document) checkFields() error {
	t := d.t
	groups := map[string]bool{}
	for i, g := range t.Groups {
		if g.ID == "" || g.Title == "" || groups[g.ID] {
			return d.errorf(fmt.Sprintf("groups/%d", i), "a group needs an id of its own and a title")
		}
		groups[g.ID] = true
	}
	seen := map[string]bool{}
	for i := range t.Fields {
		f := &t.Fields[i]
		where := fmt.Sprintf("fields/%d", i)
		switch {
		case !fieldID.MatchString(f.ID):
			return d.errorf(where, "field %q: an id is small letters, digits and underscores, at most 40", f.ID)
		case slices.Contains(heads(), f.ID) || f.ID == "type" || f.ID == "id" || f.ID == "line":
			return d.errorf(where, "field %q: every record has that one already; choose another id", f.ID)
		case seen[f.ID]:
			return d.errorf(where, "field %q stands here twice", f.ID)
		case f.Title == "":
			return d.errorf(where, "field %s needs a title", f.ID)
		case !slices.Contains(kinds(), f.Kind):
			return d.errorf(where+"/kind", "field %s: there is no kind %q; use one of %v", f.ID, f.Kind, kinds())
		case f.Group != "" && !groups[f.Group]:
			return d.errorf(where+"/group", "field %s: there is no group %q", f.ID, f.Group)
		case (f.Kind == OneOf || f.Kind == SomeOf) != (len(f.Choices) > 0):
			return d.errorf(where, "field %s: choices belong to the kinds choice and choices, and only to them", f.ID)
		case (f.Kind == Money || f.Kind == Duration) && f.Unit == "":
			return d.errorf(where, "field %s: a %s needs its unit", f.ID, f.Kind)
		case f.Kind == Duration && !slices.Contains([]string{"min", "h", "d"}, f.Unit):
			return d.errorf(where+"/unit", "field %s: the unit of a duration is min, h or d", f.ID)
		}
		seen[f.ID] = true
		ids := map[string]bool{}
		for j, c := range f.Choices {
			if c.ID == "" || c.Title == "" || ids[c.ID] {
				return d.errorf(fmt.Sprintf("%s/choices/%d", where, j), "field %s: a choice needs an id of its own and a title", f.ID)
			}
			ids[c.ID] = true
		}
		if f.Default != nil {
			v, err := f.check(f.Default)
			if err != nil {
				return d.errorf(where+"/default", "field %s: the default: %w", f.ID, err)
			}
			f.Default = v
		}
	}
	return nil
}

// checkCondition looks at a visible_when or when.
func (d *document) checkCondition(where string, c *Condition) error {
	f, ok := d.t.Field(c.Field)
	if !ok {
		return d.errorf(where, "there is no field %q", c.Field)
	}
	if len(c.In) == 0 {
		return d.errorf(where, "it names no value of %s", c.Field)
	}
	for _, v := range c.In {
		if f.Kind == Bool && (v == "true" || v == "false") {
			continue
		}
		if _, ok := f.choice(v); !ok {
			return d.errorf(where, "field %s cannot be %q: a condition needs values of a choice, or true and false of a bool", c.Field, v)
		}
	}
	return nil
}

// checkVisible finds fields that wait for each other.
func (d *document) checkVisible() error {
	for i, f := range d.t.Fields {
		if f.VisibleWhen == nil {
			continue
		}
		where := fmt.Sprintf("fields/%d/visible_when", i)
		if err := d.checkCondition(where, f.VisibleWhen); err != nil {
			return err
		}
		way := []string{f.ID}
		for at := f; at.VisibleWhen != nil; {
			next := at.VisibleWhen.Field
			way = append(way, next)
			if next == f.ID {
				return d.errorf(where, "fields wait for each other and would never be shown: %s", strings.Join(way, " → "))
			}
			if len(way) > len(d.t.Fields) {
				break // a circle that f is not part of: it is reported at its own fields
			}
			at, _ = d.t.Field(next)
		}
	}
	return nil
}

func (d *document) checkStates() error {
	t := d.t
	if len(t.States) == 0 {
		return d.errorf("id", "states are needed")
	}
	seen := map[string]bool{}
	for i, s := range t.States {
		where := fmt.Sprintf("states/%d", i)
		switch {
		case !fieldID.MatchString(s.ID) || s.Title == "" || seen[s.ID]:
			return d.errorf(where, "state %q needs an id of its own (small letters, digits, underscores) and a title", s.ID)
		case !slices.Contains([]string{"draft", "open", "active", "done", "bad"}, s.Kind):
			return d.errorf(where, "state %s: kind is %q; use draft, open, active, done or bad", s.ID, s.Kind)
		}
		seen[s.ID] = true
	}
	if !seen[t.Initial] {
		return d.errorf("initial", "initial is %q, which is no state", t.Initial)
	}
	return nil
}

func (d *document) checkTransitions() error {
	t := d.t
	seen := map[string]bool{}
	next, prev := map[string][]string{}, map[string][]string{}
	for i, x := range t.Transitions {
		where := fmt.Sprintf("transitions/%d", i)
		if x.ID == "" || x.Title == "" || seen[x.ID] {
			return d.errorf(where, "transition %q needs an id of its own and a title", x.ID)
		}
		seen[x.ID] = true
		if len(x.From) == 0 {
			return d.errorf(where, "transition %s starts nowhere: give from", x.ID)
		}
		for _, s := range append([]string{x.To}, x.From...) {
			if _, ok := t.State(s); !ok {
				return d.errorf(where, "transition %s: there is no state %q", x.ID, s)
			}
		}
		if x.OnReject != "" {
			if _, ok := t.State(x.OnReject); !ok || !x.Approval {
				return d.errorf(where+"/on_reject", "transition %s: on_reject needs a state, and approval: true", x.ID)
			}
			for _, s := range x.From {
				next[s], prev[x.OnReject] = append(next[s], x.OnReject), append(prev[x.OnReject], s)
			}
		}
		if !slices.Contains([]string{"", "write", "approve"}, x.Permit) {
			return d.errorf(where+"/permit", "transition %s: permit is write or approve", x.ID)
		}
		for _, n := range x.Needs {
			if _, ok := t.Field(n); !ok && !slices.Contains([]string{"owner", "due_at", "valid_from", "valid_until", "asset", "zone"}, n) {
				return d.errorf(where+"/needs", "transition %s needs %q, which is no field", x.ID, n)
			}
		}
		if x.When != nil {
			if err := d.checkCondition(where+"/when", x.When); err != nil {
				return err
			}
		}
		for _, s := range x.From {
			next[s], prev[x.To] = append(next[s], x.To), append(prev[x.To], s)
		}
	}
	if err := d.checkAfterApproval(); err != nil {
		return err
	}
	reached := closure(next, t.Initial)
	var ends []string
	for _, s := range t.States {
		if s.Final() {
			ends = append(ends, s.ID)
		}
	}
	leaves := closure(prev, ends...)
	for i, s := range t.States {
		where := fmt.Sprintf("states/%d", i)
		if !reached[s.ID] {
			return d.errorf(where, "state %s cannot be reached from %s: give it a transition, or remove it", s.ID, t.Initial)
		}
		if !s.Final() && !leaves[s.ID] {
			return d.errorf(where, "state %s cannot be left: no way leads from it to a state of kind done or bad", s.ID)
		}
	}
	return nil
}

// checkAfterApproval finds transitions that could never be made: what they need to be
// filled in would undo the approval that the way to them took.
func (d *document) checkAfterApproval() error {
	t := d.t
	after := map[string][]string{}
	var from []string
	for _, x := range t.Transitions {
		if x.Approval && !t.asksFrom(x.To) {
			from = append(from, x.To)
		}
		for _, s := range x.From {
			if !x.Approval && !t.asksFrom(x.To) {
				after[s] = append(after[s], x.To)
			}
		}
	}
	approved := closure(after, from...)
	for i, x := range t.Transitions {
		if x.Approval || t.asksFrom(x.To) || !slices.ContainsFunc(x.From, func(s string) bool { return approved[s] }) {
			continue
		}
		for _, n := range x.Needs {
			if !t.free(n) {
				return d.errorf(fmt.Sprintf("transitions/%d/needs", i), "transition %s needs %s after approval, and filling it in would undo the approval: mark it free", x.ID, n)
			}
		}
	}
	for i, n := range t.Free {
		if !slices.Contains([]string{"valid_from", "valid_until", "due_at", "zone", "asset", "title"}, n) {
			return d.errorf(fmt.Sprintf("free/%d", i), "free: %q is none of valid_from, valid_until, due_at, zone, asset, title; a field is marked by itself", n)
		}
	}
	return nil
}

func closure(next map[string][]string, from ...string) map[string]bool {
	seen := map[string]bool{}
	for len(from) > 0 {
		s := from[0]
		from = from[1:]
		if !seen[s] {
			seen[s] = true
			from = append(from, next[s]...)
		}
	}
	return seen
}

func (d *document) checkLinks() error {
	seen := map[string]bool{}
	for i, l := range d.t.Links {
		where := fmt.Sprintf("links/%d", i)
		switch {
		case !fieldID.MatchString(l.Rel) || seen[l.Rel]:
			return d.errorf(where, "link %q needs a rel of its own: small letters, digits, underscores", l.Rel)
		case l.Title == "" || l.Inverse == "" || len(l.To) == 0:
			return d.errorf(where, "link %s needs title, inverse and to", l.Rel)
		case l.Parent && l.Many:
			return d.errorf(where, "link %s: what a record belongs to is one, not many", l.Rel)
		}
		seen[l.Rel] = true
	}
	return nil
}

func (d *document) checkLayout() error {
	t := d.t
	known := func(id string) bool {
		_, ok := t.Field(id)
		return ok || slices.Contains(heads(), id)
	}
	if len(t.List.Columns) == 0 {
		return d.errorf("list", "list.columns is needed")
	}
	for i, c := range t.List.Columns {
		if !known(c) {
			return d.errorf(fmt.Sprintf("list/columns/%d", i), "there is no column %q", c)
		}
	}
	if t.List.Sort == "" {
		t.List.Sort = "-updated_at"
	}
	if !known(strings.TrimPrefix(t.List.Sort, "-")) {
		return d.errorf("list/sort", "there is nothing called %q to sort by", t.List.Sort)
	}
	if f, ok := t.Field(t.List.Group); t.List.Group != "" && !slices.Contains([]string{"state", "site", "owner"}, t.List.Group) && (!ok || f.Kind != OneOf) {
		return d.errorf("list/group", "a list is grouped by state, site, owner or a field of kind choice, not by %q", t.List.Group)
	}
	if c := t.Calendar; c != nil {
		for _, id := range []string{c.From, c.To} {
			f, ok := t.Field(id)
			if !slices.Contains([]string{"valid_from", "valid_until", "due_at", "review_at"}, id) && (!ok || f.Kind != Date && f.Kind != Time) {
				return d.errorf("calendar", "a calendar goes between dates, and %q is none", id)
			}
		}
		from, _ := t.Field(c.From)
		if to, _ := t.Field(c.To); from.Kind != to.Kind {
			return d.errorf("calendar", "%s and %s are not of one kind", c.From, c.To)
		}
	}
	for i, p := range t.Print {
		where := fmt.Sprintf("print/%d", i)
		if p.Title == "" {
			return d.errorf(where, "a printed section needs a title")
		}
		for _, id := range p.Fields {
			if !known(id) {
				return d.errorf(where, "section %q: there is no field %q", p.Title, id)
			}
		}
		for _, id := range p.Show {
			if !slices.Contains([]string{"approvals", "history", "links", "attachments", "comments", "signature"}, id) {
				return d.errorf(where, "section %q cannot show %q", p.Title, id)
			}
		}
	}
	return nil
}

// checkAcross looks at what the type says of others.
func (d *document) checkAcross(ts *Types, guards []string) error {
	for i, l := range d.t.Links {
		for _, to := range l.To {
			if ts.by[to] == nil && !slices.Contains(thingKinds(), to) {
				return d.errorf(fmt.Sprintf("links/%d/to", i), "link %s leads to %q, which is neither a record type nor one of %s", l.Rel, to, strings.Join(thingKinds(), ", "))
			}
		}
	}
	for i, x := range d.t.Transitions {
		if x.Guard != "" && !slices.Contains(guards, x.Guard) {
			return d.errorf(fmt.Sprintf("transitions/%d/guard", i), "transition %s: nothing in the program is called guard %q", x.ID, x.Guard)
		}
	}
	return nil
}

// checkParents finds types that belong to each other in a circle.
func checkParents(ts *Types, docs map[string]*document) error {
	for _, t := range ts.all {
		way := []string{t.ID}
		if found := parentCircle(ts, t.ID, t.ID, way, map[string]bool{}); found != nil {
			d := docs[t.ID]
			i := slices.IndexFunc(t.Links, func(l LinkRule) bool { return l.Parent && slices.Contains(l.To, found[1]) })
			return d.errorf(fmt.Sprintf("links/%d", i), "types belong to each other in a circle: %s", strings.Join(found, " → "))
		}
	}
	return nil
}

func parentCircle(ts *Types, start, at string, way []string, seen map[string]bool) []string {
	if seen[at] {
		return nil
	}
	seen[at] = true
	for _, l := range ts.by[at].Links {
		if !l.Parent {
			continue
		}
		for _, to := range l.To {
			if to == start {
				return append(slices.Clone(way), to)
			}
			if ts.by[to] == nil {
				continue
			}
			if found := parentCircle(ts, start, to, append(slices.Clone(way), to), seen); found != nil {
				return found
			}
		}
	}
	return nil
}

// fillEmpty makes lists of nothing out of no lists: JSON then says [] and not null.
func (t *Type) fillEmpty() {
	t.Groups, t.Fields, t.States = append([]FieldGroup{}, t.Groups...), append([]Field{}, t.Fields...), append([]State{}, t.States...)
	t.Transitions, t.Links, t.Print = append([]Transition{}, t.Transitions...), append([]LinkRule{}, t.Links...), append([]Section{}, t.Print...)
	t.List.Columns, t.Free = append([]string{}, t.List.Columns...), append([]string{}, t.Free...)
	for i := range t.Transitions {
		t.Transitions[i].Needs = append([]string{}, t.Transitions[i].Needs...)
	}
	for i := range t.Print {
		t.Print[i].Fields, t.Print[i].Show = append([]string{}, t.Print[i].Fields...), append([]string{}, t.Print[i].Show...)
	}
	if t.Texts == nil {
		t.Texts = map[string]string{}
	}
}
