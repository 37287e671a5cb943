package record

import (
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/skanse/skanse/internal/auth"
)

// Type describes one kind of record: what it holds, how it moves, how it looks.
type Type struct {
	ID      string          `yaml:"id" json:"id"`
	Title   string          `yaml:"title" json:"title"`
	Plural  string          `yaml:"plural" json:"plural"`
	Prefix  string          `yaml:"prefix" json:"prefix" doc:"Of references: FND in FND-2026-0014"`
	About   string          `yaml:"about" json:"about"`
	Scope   []string        `yaml:"scope" json:"scope" nullable:"false" doc:"Where it may stand: entity, site, zone, asset"`
	Read    auth.Permission `yaml:"read" json:"read"`
	Write   auth.Permission `yaml:"write" json:"write"`
	Approve auth.Permission `yaml:"approve" json:"approve"`

	Groups      []FieldGroup `yaml:"groups" json:"groups" nullable:"false"`
	Fields      []Field      `yaml:"fields" json:"fields" nullable:"false"`
	States      []State      `yaml:"states" json:"states" nullable:"false"`
	Initial     string       `yaml:"initial" json:"initial"`
	Transitions []Transition `yaml:"transitions" json:"transitions" nullable:"false"`
	Links       []LinkRule   `yaml:"links" json:"links" nullable:"false"`

	List         Layout            `yaml:"list" json:"list"`
	Board        bool              `yaml:"board" json:"board"`
	Calendar     *Span             `yaml:"calendar" json:"calendar,omitempty"`
	Print        []Section         `yaml:"print" json:"print" nullable:"false"`
	ReviewMonths int               `yaml:"review_months" json:"review_months" doc:"0: not reviewed by the calendar"`
	AsksRole     string            `yaml:"asks_role" json:"asks_role" doc:"The role asked to approve, and for what nobody owns"`
	Texts        map[string]string `yaml:"texts" json:"texts" nullable:"false" doc:"Words of its own: new, empty, save, board, calendar …"`

	Free []string `yaml:"free" json:"free" nullable:"false" doc:"Of valid_from, valid_until, due_at, zone, asset: what may change after approval without asking again"`

	DataVersion int       `yaml:"data_version" json:"data_version"`
	Upgrades    []Upgrade `yaml:"upgrades" json:"-"`
}

// FieldGroup is a part of the form.
type FieldGroup struct {
	ID    string `yaml:"id" json:"id"`
	Title string `yaml:"title" json:"title"`
	Help  string `yaml:"help" json:"help,omitempty"`
}

// Kind is what a field holds.
type Kind string

// The kinds of fields, and what they are in data.
const (
	Text     Kind = "text"     // one line
	Long     Kind = "long"     // several lines
	Number   Kind = "number"   //
	Bool     Kind = "bool"     //
	Date     Kind = "date"     // "2026-11-23", a day without a zone
	Time     Kind = "time"     // RFC 3339, UTC
	OneOf    Kind = "choice"   // id of a choice
	SomeOf   Kind = "choices"  // list of ids
	Person   Kind = "person"   // id of an account
	Asset    Kind = "asset"    // id
	Zone     Kind = "zone"     // id
	Address  Kind = "link"     // https://…, a document that is kept elsewhere
	Money    Kind = "money"    // number; unit is the currency
	Duration Kind = "duration" // number; unit is min, h or d
)

// Field is one thing that a record of the type holds.
type Field struct {
	ID          string     `yaml:"id" json:"id"`
	Title       string     `yaml:"title" json:"title"`
	Kind        Kind       `yaml:"kind" json:"kind" enum:"text,long,number,bool,date,time,choice,choices,person,asset,zone,link,money,duration"`
	Required    bool       `yaml:"required" json:"required"`
	Choices     []Choice   `yaml:"choices" json:"choices,omitempty"`
	Unit        string     `yaml:"unit" json:"unit,omitempty"`
	Min         *float64   `yaml:"min" json:"min,omitempty"`
	Max         *float64   `yaml:"max" json:"max,omitempty"`
	Help        string     `yaml:"help" json:"help,omitempty"`
	Example     string     `yaml:"example" json:"example,omitempty"`
	VisibleWhen *Condition `yaml:"visible_when" json:"visible_when,omitempty"`
	Group       string     `yaml:"group" json:"group,omitempty"`
	Free        bool       `yaml:"free" json:"free" doc:"May change after approval and after closing, without asking again"`
	Default     any        `yaml:"default" json:"default,omitempty"`
}

// TransformSchema says that the default is a value as data holds it.
func (Field) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Properties["default"] = valueSchema()
	return s
}

// Choice is one of the values of a field.
type Choice struct {
	ID    string `yaml:"id" json:"id"`
	Title string `yaml:"title" json:"title"`
	Help  string `yaml:"help" json:"help,omitempty"`
}

// Condition holds when a field has one of the values.
type Condition struct {
	Field string   `yaml:"field" json:"field"`
	In    []string `yaml:"in" json:"in" nullable:"false"`
}

// State is where a record stands in its life.
type State struct {
	ID    string `yaml:"id" json:"id"`
	Title string `yaml:"title" json:"title"`
	Kind  string `yaml:"kind" json:"kind" enum:"draft,open,active,done,bad"`
	Help  string `yaml:"help" json:"help,omitempty"`
}

// Final says whether the record is closed in this state.
func (s State) Final() bool { return s.Kind == "done" || s.Kind == "bad" }

// Transition is a way from one state to another: a button.
type Transition struct {
	ID       string     `yaml:"id" json:"id"`
	Title    string     `yaml:"title" json:"title"`
	From     []string   `yaml:"from" json:"from" nullable:"false"`
	To       string     `yaml:"to" json:"to"`
	Approval bool       `yaml:"approval" json:"approval" doc:"Somebody else must agree first"`
	Needs    []string   `yaml:"needs" json:"needs" nullable:"false" doc:"Fields that must be filled"`
	When     *Condition `yaml:"when" json:"when,omitempty"`
	Guard    string     `yaml:"guard" json:"-"`
	Reason   bool       `yaml:"reason" json:"reason" doc:"It must be said why"`
	Danger   bool       `yaml:"danger" json:"danger"`
	Primary  bool       `yaml:"primary" json:"primary"`
	Reviews  bool       `yaml:"reviews" json:"reviews" doc:"Counts as a review"`
	Help     string     `yaml:"help" json:"help,omitempty"`
	Permit   string     `yaml:"permit" json:"permit" enum:",write,approve" doc:"Who may: write (empty too) or approve"`
	OnReject string     `yaml:"on_reject" json:"on_reject,omitempty" doc:"State after a refusal; empty: it stays"`
}

// LinkRule is a kind of link that may start at a record of the type.
type LinkRule struct {
	Rel     string   `yaml:"rel" json:"rel"`
	Title   string   `yaml:"title" json:"title"`
	Inverse string   `yaml:"inverse" json:"inverse" doc:"Its words as seen from the other end"`
	To      []string `yaml:"to" json:"to" nullable:"false" doc:"Record types, or asset, requirement, check, conversation, zone, site, event"`
	Many    bool     `yaml:"many" json:"many"`
	Parent  bool     `yaml:"parent" json:"parent" doc:"The other end is what this belongs to"`
}

// Layout is how the list of the type looks at first.
type Layout struct {
	Columns []string `yaml:"columns" json:"columns" nullable:"false"`
	Sort    string   `yaml:"sort" json:"sort"`
	Group   string   `yaml:"group" json:"group"`
}

// Span names the two dates that a calendar draws between.
type Span struct {
	From string `yaml:"from" json:"from"`
	To   string `yaml:"to" json:"to"`
}

// Section is a part of the printed record.
type Section struct {
	Title  string   `yaml:"title" json:"title"`
	Fields []string `yaml:"fields" json:"fields" nullable:"false"`
	Show   []string `yaml:"show" json:"show" nullable:"false" doc:"approvals, history, links, attachments, comments, signature"`
}

// Field finds a field.
func (t *Type) Field(id string) (Field, bool) {
	i := slices.IndexFunc(t.Fields, func(f Field) bool { return f.ID == id })
	if i < 0 {
		return Field{}, false
	}
	return t.Fields[i], true
}

// State finds a state.
func (t *Type) State(id string) (State, bool) {
	i := slices.IndexFunc(t.States, func(s State) bool { return s.ID == id })
	if i < 0 {
		return State{}, false
	}
	return t.States[i], true
}

// Transition finds a transition.
func (t *Type) Transition(id string) (Transition, bool) {
	i := slices.IndexFunc(t.Transitions, func(x Transition) bool { return x.ID == id })
	if i < 0 {
		return Transition{}, false
	}
	return t.Transitions[i], true
}

// Link finds a link rule.
func (t *Type) Link(rel string) (LinkRule, bool) {
	i := slices.IndexFunc(t.Links, func(l LinkRule) bool { return l.Rel == rel })
	if i < 0 {
		return LinkRule{}, false
	}
	return t.Links[i], true
}

// free says whether a field or head may change after approval and after closing.
func (t *Type) free(id string) bool {
	f, ok := t.Field(id)
	return id == "owner" || ok && f.Free || slices.Contains(t.Free, id)
}

// bound says whether one of them may not.
func (t *Type) bound(ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return !t.free(id) })
}

// Standing says whether records of the type may stand at entity, site, zone or asset.
func (t *Type) Standing(where string) bool { return slices.Contains(t.Scope, where) }

func (f Field) choice(id string) (Choice, bool) {
	i := slices.IndexFunc(f.Choices, func(c Choice) bool { return c.ID == id })
	if i < 0 {
		return Choice{}, false
	}
	return f.Choices[i], true
}
