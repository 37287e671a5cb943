package comply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/record"
	"github.com/skanse/skanse/internal/store"
)

// A declaration is a record of type declaration: a person's word that a record which a
// requirement asks for exists and holds. It counts from the moment in which another
// person approved it (or as the company's approval profile has it), until it runs out.

// Declaration is a person's word on a record that a requirement asks for.
type Declaration struct {
	ID          string     `db:"declaration_id" json:"id" doc:"Of the record"`
	Ref         string     `db:"ref" json:"ref"`
	Requirement string     `db:"requirement" json:"requirement"`
	Record      string     `db:"record" json:"record"`
	EntityID    string     `db:"entity_id" json:"entity_id"`
	SiteNo      int64      `db:"site_no" json:"-"` // 0: for every site of the entity
	Statement   string     `db:"statement" json:"statement"`
	AttestedBy  string     `db:"attested_by" json:"attested_by"`
	DeclaredBy  string     `db:"declared_by" json:"declared_by"`
	DeclaredAt  store.Time `db:"declared_at" json:"declared_at"`
	ValidUntil  store.Time `db:"valid_until" json:"valid_until" nullable:"true"`
	WithdrawnAt store.Time `db:"withdrawn_at" json:"withdrawn_at" nullable:"true"`
	WithdrawnBy string     `db:"withdrawn_by" json:"withdrawn_by,omitempty"`
	State       string     `db:"state" json:"state" enum:"draft,in_force,expired,superseded,withdrawn"`
	Approval    string     `db:"approval" json:"approval" enum:"none,waiting,approved,rejected"`
}

// declarations are read from record.Source, as r.
const declarationColumns = `r.record_id AS declaration_id, r.ref, COALESCE(r.data->>'requirement', '') AS requirement, COALESCE(r.data->>'record', '') AS record, r.entity_id, r.site_no,
 COALESCE(r.data->>'statement', '') AS statement, COALESCE(r.data->>'attested_by', '') AS attested_by, r.created_by AS declared_by, r.created_at AS declared_at, r.valid_until,
 CASE WHEN r.state = 'withdrawn' THEN r.closed_at END AS withdrawn_at, CASE WHEN r.state = 'withdrawn' THEN r.updated_by ELSE '' END AS withdrawn_by, r.state, r.approval`

// Valid says whether the declaration holds at that time.
func (d Declaration) Valid(now time.Time) bool {
	return d.State == "in_force" && !d.DeclaredAt.After(now) && d.ValidUntil.After(now)
}

// NewDeclaration is what a person declares. A zero Site means the whole entity; a zero
// ValidUntil the longest time that the catalogue allows.
type NewDeclaration struct {
	Requirement, Record string
	Entity              string // id; needed when there are several and no site
	Site                string // id
	Statement           string
	AttestedBy          string
	ValidUntil          time.Time
}

// The longest texts of a declaration; more belongs into a document.
const (
	maxStatement = 4000
	maxName      = 200
)

// Declare writes a declaration down as of now, for the person in ctx, and asks for its approval.
func (s *Service) Declare(ctx context.Context, scope auth.Scope, now time.Time, n NewDeclaration) (Declaration, error) {
	data, until, err := s.newDeclaration(now, n)
	if err != nil {
		return Declaration{}, err
	}
	who := auth.From(ctx)
	who.Scope = scope
	q, _ := s.cat.Requirement(n.Requirement)
	var d Declaration
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		if _, _, err := placeOf(ctx, tx, scope, n.Entity, n.Site); err != nil {
			return err
		}
		rec, err := s.records.Create(ctx, tx, who, record.Draft{
			Type: "declaration", Title: q.ID + " " + n.Record, Entity: n.Entity, Site: n.Site, Data: data, ValidUntil: until,
		})
		if err != nil {
			return err
		}
		if _, err := s.records.Transition(ctx, tx, who, rec.ID, record.Move{Transition: "declare"}); err != nil {
			return err
		}
		d, err = declarationOf(ctx, tx, scope, rec.ID)
		return err
	})
	if err != nil {
		return Declaration{}, err
	}
	s.Mark(ot.TopicRecord)
	return d, nil
}

func declarationOf(ctx context.Context, r store.Reader, scope auth.Scope, id string) (Declaration, error) {
	d, err := store.One[Declaration](ctx, r, "SELECT "+declarationColumns+" FROM ? WHERE r.type = 'declaration' AND r.record_id = ? AND ?", record.Source(time.Time{}), id, record.Visible(scope, "r"))
	return d, notFound(err, "there is no declaration %q that you can see", ot.Printable(id))
}

func (s *Service) newDeclaration(now time.Time, n NewDeclaration) (map[string]any, time.Time, error) {
	var until time.Time
	r, spec, err := s.cat.declared(n.Requirement, n.Record)
	if err != nil {
		return nil, until, err
	}
	if n.Site != "" && r.Scope == ScopeEntity {
		return nil, until, ot.Errorf(ot.Invalid, "requirement %s is declared for the whole company: leave the site out", r.ID)
	}
	statement, who := strings.TrimSpace(n.Statement), strings.TrimSpace(n.AttestedBy)
	switch {
	case statement == "":
		return nil, until, ot.Errorf(ot.Invalid, "a declaration needs a statement: say what is so, and where it is written")
	case len(statement) > maxStatement:
		return nil, until, ot.Errorf(ot.Invalid, "the statement has %d bytes, more than %d: put the text into a document and name it here", len(statement), maxStatement)
	case who == "" || len(who) > maxName:
		return nil, until, ot.Errorf(ot.Invalid, "attested_by is needed: the name and role of who attests it (%s), at most %d bytes", spec.AttestedBy, maxName)
	}
	longest := now.Add(spec.ValidFor.Length())
	until = n.ValidUntil
	if until.IsZero() {
		until = longest
	}
	if err := withinReach(now, until, spec); err != nil {
		return nil, until, err
	}
	return map[string]any{"requirement": r.ID, "record": n.Record, "statement": statement, "attested_by": who}, until, nil
}

func withinReach(now, until time.Time, spec RecordSpec) error {
	longest := now.Add(spec.ValidFor.Length())
	switch {
	case !until.After(now):
		return ot.Errorf(ot.Invalid, "valid_until %s is past: give a later day", day(until))
	case until.After(longest.Add(24 * time.Hour)):
		return ot.Errorf(ot.Invalid, "valid_until %s is too late: this record is valid for %s, until %s", day(until), spec.ValidFor.People(), day(longest))
	}
	return nil
}

// declared finds a record that a requirement asks for.
func (c *Catalogue) declared(requirement, name string) (*Requirement, RecordSpec, error) {
	r, ok := c.Requirement(requirement)
	if !ok {
		return nil, RecordSpec{}, ot.Errorf(ot.Invalid, "there is no requirement %q: use an id of the catalogue, as 5.3", ot.Printable(requirement))
	}
	i := slices.IndexFunc(r.Declared, func(x RecordSpec) bool { return x.Record == name })
	if i < 0 {
		var names []string
		for _, x := range r.Declared {
			names = append(names, x.Record)
		}
		return nil, RecordSpec{}, ot.Errorf(ot.Invalid, "requirement %s asks for no record %q: declare %s", r.ID, ot.Printable(name), strings.Join(names, " or "))
	}
	return r, r.Declared[i], nil
}

// declarations is the logic of the record type: the same rules wherever one is written down.
type declarations struct {
	record.Plain
	cat *Catalogue
}

// Check refuses what the catalogue does not ask for, or for longer than it lets stand.
func (b declarations) Check(_ context.Context, _ *store.Tx, rec *record.Record) error {
	var d record.Declaration
	if err := d.Read(rec); err != nil {
		return err
	}
	r, spec, err := b.cat.declared(d.Requirement, d.Record)
	if err != nil {
		return err
	}
	if rec.SiteNo != 0 && r.Scope == ScopeEntity {
		return ot.Errorf(ot.Invalid, "requirement %s is declared for the whole company: leave the site out", r.ID)
	}
	if rec.State == "draft" && !rec.ValidUntil.IsZero() {
		return withinReach(rec.UpdatedAt.Time, rec.ValidUntil.Time, spec)
	}
	return nil
}

// placeOf finds the entity and site that the person may declare for.
func placeOf(ctx context.Context, r store.Reader, scope auth.Scope, entityID, siteID string) (string, int64, error) {
	if siteID != "" {
		x, err := store.One[site](ctx, r, "SELECT site_no, site_id, entity_id, name, critical, weight FROM org_site WHERE site_id = ? AND ?", siteID, scope.Where("site_no", ""))
		if err != nil {
			return "", 0, notFound(err, "there is no site %q that you can see", siteID)
		}
		return x.EntityID, x.No, nil
	}
	entities, err := entitiesOf(ctx, r)
	if err != nil {
		return "", 0, err
	}
	entities = slices.DeleteFunc(entities, func(e entity) bool {
		return entityID != "" && e.ID != entityID || !scope.Entity(e.ID)
	})
	switch len(entities) {
	case 1:
		return entities[0].ID, 0, nil
	case 0:
		return "", 0, ot.Errorf(ot.Forbidden, "you may declare only for your own sites: name the site")
	}
	return "", 0, ot.Errorf(ot.Invalid, "there are %d companies: say for which one, by entity", len(entities))
}

func notFound(err error, format string, args ...any) error {
	if ot.CodeOf(err) == ot.NotFound {
		return ot.Errorf(ot.NotFound, format, args...)
	}
	return err
}

// Withdraw ends a declaration as of now. It stays in the history.
func (s *Service) Withdraw(ctx context.Context, scope auth.Scope, id string) error {
	who := auth.From(ctx)
	who.Scope = scope
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		d, err := declarationOf(ctx, tx, scope, id)
		if err != nil {
			return err
		}
		if d.SiteNo == 0 && !scope.Entity(d.EntityID) {
			return ot.Errorf(ot.Forbidden, "this declaration is for the whole company: somebody who answers for all of it withdraws it")
		}
		if !d.WithdrawnAt.IsZero() {
			return ot.Errorf(ot.Conflict, "the declaration was withdrawn on %s already", day(d.WithdrawnAt.Time))
		}
		if d.Approval == record.Waiting {
			if _, err := s.records.Withdraw(ctx, tx, who, id); err != nil {
				return err
			}
		}
		_, err = s.records.Transition(ctx, tx, who, id, record.Move{Transition: "withdraw", Reason: "Withdrawn on the page of its requirement"})
		return err
	})
	if err == nil {
		s.Mark(ot.TopicRecord)
	}
	return err
}

// visible limits rows with site_no and entity_id; site 0 is seen by who sees a site of the entity.
func visible(scope auth.Scope) ot.SQL {
	return sqlf("(? OR site_no = 0 AND entity_id IN (SELECT v.entity_id FROM org_site v WHERE ?))", scope.Where("site_no", ""), scope.Where("v.site_no", ""))
}

// Declarations lists those of a requirement (empty: all), newest first.
func (s *Service) Declarations(ctx context.Context, scope auth.Scope, requirement string) ([]Declaration, error) {
	var out []Declaration
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		out, err = declarationsAt(ctx, r, scope, requirement, time.Time{})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list declarations: %w", err)
	}
	return out, nil
}

// declarationsAt lists them as they are (a zero time), or as they were then.
func declarationsAt(ctx context.Context, r store.Reader, scope auth.Scope, requirement string, at time.Time) ([]Declaration, error) {
	where := sqlf("r.type = 'declaration' AND ?", record.Visible(scope, "r"))
	if requirement != "" {
		where = sqlf("? AND r.data->>'requirement' = ?", where, requirement)
	}
	if !at.IsZero() {
		where = sqlf("? AND r.created_at <= ?", where, store.At(at))
	}
	return store.All[Declaration](ctx, r, "SELECT "+declarationColumns+" FROM ? WHERE ? ORDER BY r.created_at DESC, r.record_id DESC LIMIT 2000", record.Source(at), where)
}

// validRecords gives the records in date of each unit.
func validRecords(ctx context.Context, r store.Reader, now time.Time) (map[unit][]string, error) {
	out := map[unit][]string{}
	for d, err := range store.Select[Declaration](ctx, r, "SELECT "+declarationColumns+" FROM ? WHERE r.type = 'declaration' AND r.state = 'in_force' AND (r.valid_from IS NULL OR r.valid_from <= ?) AND r.valid_until > ? ORDER BY r.created_at",
		record.Source(time.Time{}), store.At(now), store.At(now)) {
		if err != nil {
			return nil, err
		}
		u := unit{d.EntityID, d.SiteNo, d.Requirement}
		if !slices.Contains(out[u], d.Record) {
			out[u] = append(out[u], d.Record)
		}
	}
	return out, nil
}
