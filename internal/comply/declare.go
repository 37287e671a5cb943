package comply

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Declaration is a person's word on a record that a requirement asks for.
type Declaration struct {
	ID          string     `db:"declaration_id" json:"id"`
	Requirement string     `db:"requirement" json:"requirement"`
	Record      string     `db:"record" json:"record"`
	EntityID    string     `db:"entity_id" json:"entity_id"`
	SiteNo      int64      `db:"site_no" json:"-"` // 0: for every site of the entity
	Statement   string     `db:"statement" json:"statement"`
	AttestedBy  string     `db:"attested_by" json:"attested_by"`
	DeclaredBy  string     `db:"declared_by" json:"declared_by"`
	DeclaredAt  store.Time `db:"declared_at" json:"declared_at"`
	ValidUntil  store.Time `db:"valid_until" json:"valid_until"`
	WithdrawnAt store.Time `db:"withdrawn_at" json:"withdrawn_at" nullable:"true"`
	WithdrawnBy string     `db:"withdrawn_by" json:"withdrawn_by,omitempty"`
}

const declarationColumns = "declaration_id, requirement, record, entity_id, site_no, statement, attested_by, declared_by, declared_at, valid_until, withdrawn_at, withdrawn_by"

// Valid says whether the declaration holds at that time.
func (d Declaration) Valid(now time.Time) bool {
	return d.WithdrawnAt.IsZero() && !d.DeclaredAt.After(now) && d.ValidUntil.After(now)
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

// Declare writes a declaration as of now, for the person in ctx.
func (s *Service) Declare(ctx context.Context, scope auth.Scope, now time.Time, n NewDeclaration) (Declaration, error) {
	return s.declare(ctx, scope, now, n, ownEntry)
}

// teller writes the audit entry of a change; a request brings its own.
type teller func(ctx context.Context, tx *store.Tx, e audit.Entry) error

func ownEntry(ctx context.Context, tx *store.Tx, e audit.Entry) error {
	return audit.Append(ctx, tx, e)
}

func requestEntry(ctx context.Context, _ *store.Tx, e audit.Entry) error {
	rest.Target(ctx, e.Site, e.Target)
	for k, v := range e.Detail {
		rest.Detail(ctx, k, v)
	}
	return nil
}

func (s *Service) declare(ctx context.Context, scope auth.Scope, now time.Time, n NewDeclaration, tell teller) (Declaration, error) {
	d, err := s.newDeclaration(now, n)
	if err != nil {
		return Declaration{}, err
	}
	d.ID, d.DeclaredBy = store.NewID(), auth.From(ctx).UserID
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		entityID, siteNo, err := placeOf(ctx, tx, scope, n.Entity, n.Site)
		if err != nil {
			return err
		}
		d.EntityID, d.SiteNo = entityID, siteNo
		if err := store.Upsert(ctx, tx, "comply_declaration", []Declaration{d}, nil, nil); err != nil {
			return err
		}
		return told(ctx, tx, tell, "declaration.make", d, n.Site)
	})
	if err != nil {
		return Declaration{}, err
	}
	s.Mark(ot.TopicDeclaration)
	return d, nil
}

func (s *Service) newDeclaration(now time.Time, n NewDeclaration) (Declaration, error) {
	var d Declaration
	r, ok := s.cat.Requirement(n.Requirement)
	if !ok {
		return d, ot.Errorf(ot.Invalid, "there is no requirement %q: use an id of the catalogue, as 5.3", ot.Printable(n.Requirement))
	}
	i := slices.IndexFunc(r.Declared, func(x RecordSpec) bool { return x.Record == n.Record })
	if i < 0 {
		var names []string
		for _, x := range r.Declared {
			names = append(names, x.Record)
		}
		return d, ot.Errorf(ot.Invalid, "requirement %s asks for no record %q: declare %s", r.ID, ot.Printable(n.Record), strings.Join(names, " or "))
	}
	if n.Site != "" && r.Scope == ScopeEntity {
		return d, ot.Errorf(ot.Invalid, "requirement %s is declared for the whole company: leave the site out", r.ID)
	}
	statement, who := strings.TrimSpace(n.Statement), strings.TrimSpace(n.AttestedBy)
	switch {
	case statement == "":
		return d, ot.Errorf(ot.Invalid, "a declaration needs a statement: say what is so, and where it is written")
	case len(statement) > maxStatement:
		return d, ot.Errorf(ot.Invalid, "the statement has %d bytes, more than %d: put the text into a document and name it here", len(statement), maxStatement)
	case who == "" || len(who) > maxName:
		return d, ot.Errorf(ot.Invalid, "attested_by is needed: the name and role of who attests it (%s), at most %d bytes", r.Declared[i].AttestedBy, maxName)
	}
	longest := now.Add(r.Declared[i].ValidFor.Length())
	until := n.ValidUntil
	if until.IsZero() {
		until = longest
	}
	switch {
	case !until.After(now):
		return d, ot.Errorf(ot.Invalid, "valid_until %s is past: give a later day", day(until))
	case until.After(longest.Add(24 * time.Hour)):
		return d, ot.Errorf(ot.Invalid, "valid_until %s is too late: this record is valid for %s, until %s", day(until), r.Declared[i].ValidFor.People(), day(longest))
	}
	return Declaration{Requirement: r.ID, Record: n.Record, Statement: statement, AttestedBy: who, DeclaredAt: store.At(now), ValidUntil: store.At(until)}, nil
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
func (s *Service) Withdraw(ctx context.Context, scope auth.Scope, now time.Time, id string) error {
	return s.withdraw(ctx, scope, now, id, ownEntry)
}

func (s *Service) withdraw(ctx context.Context, scope auth.Scope, now time.Time, id string, tell teller) error {
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		d, err := store.One[Declaration](ctx, tx, "SELECT "+declarationColumns+" FROM comply_declaration WHERE declaration_id = ? AND ?", id, visible(scope))
		if err != nil {
			return notFound(err, "there is no declaration %q that you can see", id)
		}
		if d.SiteNo == 0 && !scope.Entity(d.EntityID) {
			return ot.Errorf(ot.Forbidden, "this declaration is for the whole company: somebody who answers for all of it withdraws it")
		}
		if !d.WithdrawnAt.IsZero() {
			return ot.Errorf(ot.Conflict, "the declaration was withdrawn on %s already", day(d.WithdrawnAt.Time))
		}
		if _, err := tx.Exec(ctx, "UPDATE comply_declaration SET withdrawn_at = ?, withdrawn_by = ? WHERE declaration_id = ?", store.At(now), auth.From(ctx).UserID, id); err != nil {
			return err
		}
		var siteID string
		if d.SiteNo != 0 {
			if siteID, err = store.One[string](ctx, tx, "SELECT site_id FROM org_site WHERE site_no = ?", d.SiteNo); err != nil {
				return err
			}
		}
		return told(ctx, tx, tell, "declaration.withdraw", d, siteID)
	})
	if err == nil {
		s.Mark(ot.TopicDeclaration)
	}
	return err
}

// told writes the audit entry and the event of a change to a declaration.
func told(ctx context.Context, tx *store.Tx, tell teller, action string, d Declaration, siteID string) error {
	actor := auth.From(ctx).UserID
	if actor == "" {
		actor = "system"
	}
	err := tell(ctx, tx, audit.Entry{
		Actor: actor, Action: action, Site: siteID, Target: ot.Ref{Kind: "declaration", ID: d.ID},
		Detail: map[string]string{"requirement": d.Requirement, "record": d.Record, "attested_by": d.AttestedBy, "statement": d.Statement, "valid_until": d.ValidUntil.Format(time.RFC3339)},
	})
	if err != nil {
		return err
	}
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicDeclaration, SiteNo: d.SiteNo, Refs: []ot.Ref{{Kind: "requirement", ID: d.Requirement}}})
}

// visible limits rows with site_no and entity_id; site 0 is seen by who sees a site of the entity.
func visible(scope auth.Scope) ot.SQL {
	return sqlf("(? OR site_no = 0 AND entity_id IN (SELECT v.entity_id FROM org_site v WHERE ?))", scope.Where("site_no", ""), scope.Where("v.site_no", ""))
}

// Declarations lists those of a requirement (empty: all), newest first.
func (s *Service) Declarations(ctx context.Context, scope auth.Scope, requirement string) ([]Declaration, error) {
	where := sqlf("?", visible(scope))
	if requirement != "" {
		where = sqlf("? AND requirement = ?", visible(scope), requirement)
	}
	var out []Declaration
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		out, err = store.All[Declaration](ctx, r, "SELECT "+declarationColumns+" FROM comply_declaration WHERE ? ORDER BY declared_at DESC, declaration_id DESC", where)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list declarations: %w", err)
	}
	return out, nil
}

// validRecords gives the records in date of each unit.
func validRecords(ctx context.Context, r store.Reader, now time.Time) (map[unit][]string, error) {
	out := map[unit][]string{}
	for d, err := range store.Select[Declaration](ctx, r, "SELECT "+declarationColumns+" FROM comply_declaration WHERE withdrawn_at IS NULL AND declared_at <= ? AND valid_until > ? ORDER BY declared_at", store.At(now), store.At(now)) {
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
