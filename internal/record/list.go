package record

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Query says which records are wanted.
type Query struct {
	Type, State, Site, Owner, Q string
	Due                         string   // overdue, soon
	Filter                      []string // field:value
	Link                        string   // kind:id
	Sort                        string   // a head or field; -updated_at is newest first
	AsOf                        time.Time
	Cursor                      string
	Limit                       int
	IDs                         []string // only these; for one record and for bulk changes
}

// soon is how far ahead due=soon looks, and the first reminder of a review.
const soon = 30 * 24 * time.Hour

// countUpTo bounds the rows that a filtered list counts: beyond it the total is null.
const countUpTo = 10_000

// shown is a row as a list shows it, with the names of what it points at. It reads no
// column that a list does not need: half the time of a page goes into reading columns.
type shown struct {
	ID          string     `db:"record_id"`
	Type        string     `db:"type"`
	Ref         string     `db:"ref"`
	Title       string     `db:"title"`
	EntityID    string     `db:"entity_id"`
	AssetID     string     `db:"asset_id"`
	OwnerID     string     `db:"owner_id"`
	State       string     `db:"state"`
	Data        Values     `db:"data"`
	DataVersion int64      `db:"data_version"`
	Version     int64      `db:"version"`
	ValidFrom   store.Time `db:"valid_from"`
	ValidUntil  store.Time `db:"valid_until"`
	ReviewAt    store.Time `db:"review_at"`
	DueAt       store.Time `db:"due_at"`
	CreatedAt   store.Time `db:"created_at"`
	UpdatedAt   store.Time `db:"updated_at"`
	ClosedAt    store.Time `db:"closed_at"`
	Approval    string     `db:"approval"`
	SecondDue   store.Time `db:"second_due"`
	Links       int64      `db:"links"`
	Attachments int64      `db:"attachments"`
	Comments    int64      `db:"comments"`
	SiteNo      int64      `db:"site_no"`
	ZoneNo      int64      `db:"zone_no"`
}

// pageNames are what the ids and numbers of a page are called. A page has few sites and
// owners: asking for each once is faster than joining each row.
type pageNames struct {
	sites  map[int64]string // ids
	zones  map[int64]Name
	owners func(id string) Name
	assets map[string]Thing
}

// source is the table that a query reads, as r: the records as they are, or as they were.
func (q *Query) source() ot.SQL { return Source(q.AsOf) }

type cond struct {
	text []string
	args []any
}

func (c *cond) and(text string, args ...any) {
	c.text = append(c.text, text)
	c.args = append(c.args, args...)
}

func (c *cond) sql() ot.SQL { return ot.SQL{Text: strings.Join(c.text, " AND "), Args: c.args} }

// where renders the filters. plain says that the tally can answer the total.
func (s *Service) where(who auth.Principal, q *Query, now time.Time) (w cond, plain bool, err error) {
	plain = q.AsOf.IsZero()
	readable := s.readable(who)
	w.and("?", Visible(who.Scope, "r"))
	var t *Type
	if q.Type != "" {
		if t, err = s.typeFor(who, q.Type, "read"); err != nil {
			return w, false, err
		}
		w.and("r.type = ?", q.Type)
	} else if len(readable) < len(s.types.all) {
		w.and("r.type IN (?)", readable)
	}
	if q.State != "" {
		w.and("r.state IN (?)", strings.Split(q.State, ","))
	}
	switch q.Site {
	case "":
	case "none":
		w.and("r.site_no = 0")
	default:
		w.and("r.site_no IN (SELECT fs.site_no FROM org_site fs WHERE fs.site_id = ?)", q.Site)
	}
	if len(q.IDs) > 0 {
		w.and("r.record_id IN (?)", q.IDs)
		plain = false
	}
	if q.Owner != "" {
		owner := q.Owner
		if owner == "me" {
			owner = who.UserID
		} else if owner == "none" {
			owner = ""
		}
		w.and("r.owner_id = ?", owner)
		plain = false
	}
	if q.Q != "" {
		text := "%" + escapeLike(ot.Printable(q.Q)) + "%"
		w.and(`(lower(r.title) LIKE lower(?) ESCAPE '\' OR lower(r.ref) LIKE lower(?) ESCAPE '\')`, text, text)
		plain = false
	}
	switch q.Due {
	case "":
	case "overdue":
		w.and("r.closed_at IS NULL AND (r.due_at < ? OR r.review_at < ? OR r.valid_until < ?)", store.At(now), store.At(now), store.At(now))
		plain = false
	case "soon":
		to := now.Add(soon)
		w.and("r.closed_at IS NULL AND (r.due_at BETWEEN ? AND ? OR r.review_at BETWEEN ? AND ? OR r.valid_until BETWEEN ? AND ?)", store.At(now), store.At(to), store.At(now), store.At(to), store.At(now), store.At(to))
		plain = false
	default:
		return w, false, ot.Errorf(ot.Invalid, "due is %q: use overdue or soon", ot.Printable(q.Due))
	}
	for _, f := range q.Filter {
		plain = false
		if err := filter(&w, t, f); err != nil {
			return w, false, err
		}
	}
	if q.Link != "" {
		kind, id, ok := strings.Cut(q.Link, ":")
		if !ok {
			return w, false, ot.Errorf(ot.Invalid, "link is %q: write kind:id", ot.Printable(q.Link))
		}
		w.and(`(r.record_id IN (SELECT l.from_id FROM record_link l WHERE l.to_kind = ? AND l.to_id = ?) OR ? = 'record' AND r.record_id IN (SELECT l.to_id FROM record_link l WHERE l.to_kind = 'record' AND l.from_id = ?) OR ? = 'asset' AND r.asset_id = ?)`, kind, id, kind, id, kind, id)
		plain = false
	}
	return w, plain, nil
}

// filter adds field:value: an own field of the type, or a head that lists show.
func filter(w *cond, t *Type, f string) error {
	name, value, ok := strings.Cut(f, ":")
	if !ok {
		return ot.Errorf(ot.Invalid, "filter is %q: write field:value", ot.Printable(f))
	}
	switch name {
	case "approval":
		w.and("r.approval = ?", value)
		return nil
	case "asset":
		w.and("r.asset_id = ?", value)
		return nil
	case "zone":
		w.and("r.zone_no IN (SELECT fz.zone_no FROM org_zone fz WHERE fz.zone_id = ?)", value)
		return nil
	}
	if t == nil {
		return ot.Errorf(ot.Invalid, "filter %s: name the type too, so that its fields are known", ot.Printable(name))
	}
	field, ok := t.Field(name)
	if !ok {
		return ot.Errorf(ot.Invalid, "filter: a %s has no field %q", t.ID, ot.Printable(name))
	}
	switch field.Kind {
	case SomeOf: // stored as ["a", "b"]
		if _, ok := field.choice(value); !ok {
			return ot.Errorf(ot.Invalid, "filter: %s knows no choice %q", field.ID, ot.Printable(value))
		}
		w.and(`r.data->>'`+field.ID+`' LIKE ? ESCAPE '\'`, `%"`+escapeLike(value)+`"%`)
	case Bool: // SQLite gives 1 and 0, PostgreSQL true and false
		w.and(`CAST(r.data->>'`+field.ID+`' AS TEXT) IN (?)`, map[bool][]string{true: {"true", "1"}, false: {"false", "0"}}[value == "true"])
	default: // nothing: not filled
		w.and(`COALESCE(CAST(r.data->>'`+field.ID+`' AS TEXT), '') = ?`, value)
	}
	return nil
}

func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}

func (s *Service) readable(who auth.Principal) []string {
	var out []string
	for _, t := range s.types.all {
		if who.Permissions.Has(t.Read) {
			out = append(out, t.ID)
		}
	}
	return out
}

// order is the expression that a list is sorted by, never NULL, and whether it is a number.
func order(t *Type, by string) (expr string, numeric bool, err error) {
	switch by {
	case "ref", "title", "state", "approval":
		return "r." + by, false, nil
	case "owner":
		return "r.owner_id", false, nil
	case "asset":
		return "r.asset_id", false, nil
	case "site":
		return "r.site_no", true, nil
	case "zone":
		return "r.zone_no", true, nil
	case "created_at", "updated_at":
		return "r." + by, true, nil
	case "valid_from", "valid_until", "review_at", "due_at":
		return fmt.Sprintf("COALESCE(r.%s, %d)", by, int64(math.MaxInt64)), true, nil
	}
	if t != nil {
		if f, ok := t.Field(by); ok {
			if f.Kind == Number || f.Kind == Money || f.Kind == Duration {
				return "COALESCE(CAST(r.data->>'" + f.ID + "' AS DOUBLE PRECISION), 1e300)", true, nil
			}
			return "COALESCE(CAST(r.data->>'" + f.ID + "' AS TEXT), '')", false, nil
		}
	}
	return "", false, ot.Errorf(ot.Invalid, "there is nothing called %q to sort by", ot.Printable(by))
}

type position struct {
	N  *float64 `json:"n,omitempty"`
	I  *int64   `json:"k,omitempty"`
	S  *string  `json:"s,omitempty"`
	ID string   `json:"i"`
}

// listed adds what the row was sorted by, and the total where the tally gives it. Only one
// of the keys is read.
type listed struct {
	shown
	KeyText  *string  `db:"key_text"`
	KeyInt   *int64   `db:"key_int"`
	KeyFloat *float64 `db:"key_float"`
	Total    *int64   `db:"total"`
}

const shownColumns = `r.record_id, r.type, r.ref, r.title, r.entity_id, r.asset_id, r.owner_id, r.state, r.data, r.data_version, r.version, r.valid_from, r.valid_until, r.review_at, r.due_at,
	r.created_at, r.updated_at, r.closed_at, r.approval, r.second_due, r.links, r.attachments, r.comments, r.site_no, r.zone_no`

// List reads one page of the records that the person sees.
func (s *Service) List(ctx context.Context, who auth.Principal, q Query) (rest.Page[Item], error) {
	var page rest.Page[Item]
	if q.Limit <= 0 || q.Limit > 500 {
		q.Limit = 50
	}
	err := s.db.Glance(ctx, func(r store.Reader) (err error) { // names and totals may be a moment younger than the rows
		page, err = s.list(ctx, r, who, q)
		return err
	})
	return page, err
}

func (s *Service) list(ctx context.Context, r store.Reader, who auth.Principal, q Query) (page rest.Page[Item], err error) {
	now := s.now()
	w, plain, err := s.where(who, &q, now)
	if err != nil {
		return page, err
	}
	t := s.types.Type(q.Type)
	if q.Sort == "" {
		q.Sort = "-updated_at"
		if t != nil {
			q.Sort = t.List.Sort
		}
	}
	by, desc := strings.CutPrefix(q.Sort, "-")
	expr, numeric, err := order(t, by)
	if err != nil {
		return page, err
	}
	float := strings.HasPrefix(expr, "COALESCE(CAST(r.data") && numeric
	counted := w.sql()
	var pos position
	if err := rest.DecodeCursor(q.Cursor, &pos); err != nil {
		return page, err
	}
	dir, cmp := "ASC", ">"
	if desc {
		dir, cmp = "DESC", "<"
	}
	if q.Cursor != "" {
		var key any
		switch {
		case float && pos.N != nil:
			key = *pos.N
		case numeric && pos.I != nil:
			key = *pos.I
		case !numeric && pos.S != nil:
			key = *pos.S
		default:
			return page, ot.Errorf(ot.Invalid, "the cursor belongs to another order: start again without it")
		}
		w.and(fmt.Sprintf("(%s %s ? OR %s = ? AND r.record_id %s ?)", expr, cmp, expr, cmp), key, key, pos.ID)
	}
	key := expr + " AS key_text"
	switch {
	case float:
		key = expr + " AS key_float"
	case numeric:
		key = expr + " AS key_int"
	}
	args := []any{}
	if plain { // one statement instead of two
		key += ", (?) AS total"
		args = append(args, s.tallied(who, q))
	}
	text := "SELECT " + shownColumns + ", " + key + " FROM ? WHERE ? ORDER BY " + expr + " " + dir + ", r.record_id " + dir + " LIMIT ?"
	rows, err := store.All[listed](ctx, r, text, append(args, q.source(), w.sql(), q.Limit+1)...)
	if err != nil {
		return page, err
	}
	cut := rest.Cut(rows, q.Limit, func(x listed) string {
		return rest.EncodeCursor(position{N: x.KeyFloat, I: x.KeyInt, S: x.KeyText, ID: x.ID})
	})
	page = rest.Page[Item]{Items: make([]Item, 0, len(cut.Items)), Next: cut.Next}
	names, err := s.pageNames(ctx, r, who, cut.Items)
	if err != nil {
		return page, err
	}
	for i := range cut.Items {
		page.Items = append(page.Items, s.show(&cut.Items[i].shown, names, now))
	}
	if len(rows) > 0 && plain {
		page.Total = rows[0].Total
		return page, nil
	}
	page.Total, err = s.total(ctx, r, who, q, counted, plain)
	return page, err
}

// tallied is the total of a list without filters of its own, without counting its rows.
func (s *Service) tallied(who auth.Principal, q Query) ot.SQL {
	c := cond{}
	c.and("?", Visible(who.Scope, "t"))
	if q.Type != "" {
		c.and("t.type = ?", q.Type)
	} else {
		c.and("t.type IN (?)", s.readable(who))
	}
	if q.State != "" {
		c.and("t.state IN (?)", strings.Split(q.State, ","))
	}
	switch q.Site {
	case "":
	case "none":
		c.and("t.site_no = 0")
	default:
		c.and("t.site_no IN (SELECT ft.site_no FROM org_site ft WHERE ft.site_id = ?)", q.Site)
	}
	return ot.SQL{Text: "SELECT CAST(COALESCE(SUM(t.n), 0) AS BIGINT) FROM record_tally t WHERE ?", Args: []any{c.sql()}}
}

// total counts what the filters leave: from the tally where it can answer, else rows.
func (s *Service) total(ctx context.Context, r store.Reader, who auth.Principal, q Query, where ot.SQL, plain bool) (*int64, error) {
	if plain {
		n, err := store.One[int64](ctx, r, "?", s.tallied(who, q))
		return &n, err
	}
	n, err := store.One[int64](ctx, r, "SELECT count(*) FROM (SELECT 1 FROM ? WHERE ? LIMIT ?) c", q.source(), where, countUpTo+1)
	if err != nil || n > countUpTo {
		return nil, err
	}
	return &n, nil
}

// pageNames asks what the rows of a page point at.
func (s *Service) pageNames(ctx context.Context, r store.Reader, who auth.Principal, rows []listed) (n pageNames, err error) {
	var sites, zones []int64
	var owners, assets []string
	for i := range rows {
		x := &rows[i]
		if x.SiteNo != 0 && !slices.Contains(sites, x.SiteNo) {
			sites = append(sites, x.SiteNo)
		}
		if x.ZoneNo != 0 && !slices.Contains(zones, x.ZoneNo) {
			zones = append(zones, x.ZoneNo)
		}
		if x.OwnerID != "" && !slices.Contains(owners, x.OwnerID) {
			owners = append(owners, x.OwnerID)
		}
		if x.AssetID != "" && !slices.Contains(assets, x.AssetID) {
			assets = append(assets, x.AssetID)
		}
	}
	type named struct {
		Kind string `db:"kind"`
		No   int64  `db:"no"`
		ID   string `db:"id"`
		Name string `db:"name"`
	}
	var parts []string
	var args []any
	ask := func(text string, n int, ids any) {
		if n > 0 {
			parts, args = append(parts, text), append(args, ids)
		}
	}
	ask("SELECT 'site' AS kind, site_no AS no, site_id AS id, name FROM org_site WHERE site_no IN (?)", len(sites), sites)
	ask("SELECT 'zone' AS kind, zone_no AS no, zone_id AS id, name FROM org_zone WHERE zone_no IN (?)", len(zones), zones)
	ask("SELECT 'person' AS kind, 0 AS no, user_id AS id, name FROM auth_user WHERE user_id IN (?)", len(owners), owners)
	var found []named
	if len(parts) > 0 { // one statement: on PostgreSQL a page costs what its round trips cost, and joins cost it more
		if found, err = store.All[named](ctx, r, strings.Join(parts, " UNION ALL "), args...); err != nil {
			return n, err
		}
	}
	people := map[string]string{}
	n.sites, n.zones, n.owners = map[int64]string{}, map[int64]Name{}, called(people)
	for _, x := range found {
		switch x.Kind {
		case "site":
			n.sites[x.No] = x.ID
		case "zone":
			n.zones[x.No] = Name{x.ID, x.Name}
		case "person":
			people[x.ID] = x.Name
		}
	}
	if l := s.kinds["asset"]; len(assets) > 0 && l != nil {
		n.assets, err = l(ctx, r, who.Scope, assets)
	}
	return n, err
}
