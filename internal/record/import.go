package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Limits of an import. A table with more is a database, and is brought in piece by piece.
const (
	maxImport  = 10 << 20 // bytes
	maxRows    = 2000
	maxColumns = 100
	perChunk   = 200 // rows in one transaction
)

// ImportResult is what an import does, or would do, row by row.
type ImportResult struct {
	DryRun  bool        `json:"dry_run"`
	Rows    []ImportRow `json:"rows" nullable:"false"`
	Created int         `json:"created"`
	Changed int         `json:"changed"`
	Same    int         `json:"same"`
	Refused int         `json:"refused"`
}

// ImportRow is what becomes of one row.
type ImportRow struct {
	Line    int           `json:"line" doc:"In the file; the header is line 1"`
	Ref     string        `json:"ref" doc:"Of the record; empty: it does not exist yet"`
	Title   string        `json:"title"`
	Effect  string        `json:"effect" enum:"create,change,same,refuse"`
	Changes []FieldChange `json:"changes" nullable:"false"`
	Why     string        `json:"why,omitempty" say:"true"`
}

// Import is a table of records of one type.
type Import struct {
	Type, Site string
	Table      [][]string // the first row names columns
	DryRun     bool
}

// table is a read file: its columns, and rows with the lines that they were on.
type table struct {
	columns []string // ids: ref, title, a field …
	rows    []tableRow
}

type tableRow struct {
	line  int
	cells []string
}

// readTable checks the header and drops empty rows.
func (t *Type) readTable(raw [][]string) (*table, error) {
	if len(raw) == 0 {
		return nil, ot.Errorf(ot.Invalid, "the file is empty: the first line names the columns")
	}
	out := &table{}
	for i, head := range raw[0] {
		id, err := t.column(head)
		if err != nil {
			return nil, err
		}
		if id != "" && slices.Contains(out.columns, id) {
			return nil, ot.Errorf(ot.Invalid, "column %d (%s) is there twice", i+1, ot.Printable(head))
		}
		out.columns = append(out.columns, id)
	}
	if !slices.Contains(out.columns, "title") && !slices.Contains(out.columns, "ref") {
		return nil, ot.Errorf(ot.Invalid, "the first line names neither title nor ref: it must name the columns, as ref, title, site, owner, and fields by id or title")
	}
	for i, cells := range raw[1:] {
		if slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
			out.rows = append(out.rows, tableRow{i + 2, cells})
		}
	}
	if len(out.rows) > maxRows {
		return nil, ot.Errorf(ot.TooMany, "%d rows, at most %d at once: split the file", len(out.rows), maxRows)
	}
	return out, nil
}

// column finds what a column's name means; "" for one that is only for people to read.
func (t *Type) column(head string) (string, error) {
	name := strings.ToLower(strings.TrimSpace(head))
	if slices.Contains([]string{"state", "approval", "created_at", "updated_at", "review_at", "created", "updated", "next review", ""}, name) {
		return "", nil // exported, and set by the program
	}
	for id, titles := range headTitles() {
		if name == id || slices.Contains(titles, name) {
			return id, nil
		}
	}
	for _, f := range t.Fields {
		if name == f.ID || name == strings.ToLower(f.Title) {
			return f.ID, nil
		}
	}
	return "", ot.Errorf(ot.Invalid, "there is no column %q in a %s: use ref, title, site, zone, asset, owner, valid_from, valid_until, due_at, or a field's id", ot.Printable(head), strings.ToLower(t.Title))
}

func headTitles() map[string][]string {
	return map[string][]string{
		"ref": {"reference"}, "title": nil, "site": nil, "zone": nil, "asset": nil, "owner": nil,
		"valid_from": {"valid from"}, "valid_until": {"valid until"}, "due_at": {"due", "due date"},
	}
}

// Import takes a table in. A dry run changes nothing and says the same.
func (s *Service) Import(ctx context.Context, who auth.Principal, in Import) (ImportResult, error) {
	out := ImportResult{DryRun: in.DryRun, Rows: []ImportRow{}}
	t, err := s.typeFor(who, in.Type, "write")
	if err != nil {
		return out, err
	}
	tab, err := t.readTable(in.Table)
	if err != nil {
		return out, err
	}
	good := make([]tableRow, 0, len(tab.rows))
	for _, row := range tab.rows { // each row alone first, and rolled back: one that is refused spoils no other
		var res ImportRow
		err := s.db.Update(store.WithoutHooks(ctx), func(tx *store.Tx) (err error) {
			if res, err = s.importRow(ctx, tx, who, t, in.Site, tab.columns, row); err != nil {
				return err
			}
			return errDry
		})
		if err = notDry(err); err != nil {
			if code := ot.CodeOf(err); code == ot.Internal || code == ot.Busy || ctx.Err() != nil {
				return out, err
			}
			res = ImportRow{Line: row.line, Title: res.Title, Ref: res.Ref, Effect: "refuse", Why: err.Error(), Changes: []FieldChange{}}
		} else if res.Effect != "same" {
			good = append(good, row)
		}
		if res.Effect == "create" {
			res.Ref = "" // it has none yet
		}
		out.Rows = append(out.Rows, res)
	}
	if !in.DryRun {
		if err := s.take(ctx, who, t, in.Site, tab.columns, good, out.Rows); err != nil {
			return out, err
		}
	}
	for _, r := range out.Rows {
		switch r.Effect {
		case "create":
			out.Created++
		case "change":
			out.Changed++
		case "same":
			out.Same++
		default:
			out.Refused++
		}
	}
	return out, nil
}

// take writes the rows that were found good, a chunk at a time. A chunk that has become
// wrong since is refused whole.
func (s *Service) take(ctx context.Context, who auth.Principal, t *Type, site string, columns []string, rows []tableRow, results []ImportRow) error {
	at := map[int]*ImportRow{}
	for i := range results {
		at[results[i].Line] = &results[i]
	}
	for chunk := range slices.Chunk(rows, perChunk) {
		var done []ImportRow
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			done = done[:0]
			for _, row := range chunk {
				res, err := s.importRow(ctx, tx, who, t, site, columns, row)
				if err != nil {
					return fmt.Errorf("line %d: %w", row.line, err)
				}
				done = append(done, res)
			}
			return nil
		})
		if err != nil {
			if code := ot.CodeOf(err); code == ot.Internal || code == ot.Busy || ctx.Err() != nil {
				return err
			}
			for _, row := range chunk {
				*at[row.line] = ImportRow{Line: row.line, Title: at[row.line].Title, Effect: "refuse", Why: err.Error(), Changes: []FieldChange{}}
			}
			continue
		}
		for _, res := range done {
			*at[res.Line] = res
		}
	}
	return nil
}

// importRow makes or changes the record of one row.
func (s *Service) importRow(ctx context.Context, tx *store.Tx, who auth.Principal, t *Type, site string, columns []string, row tableRow) (ImportRow, error) {
	res := ImportRow{Line: row.line, Changes: []FieldChange{}}
	cells := map[string]string{}
	for i, c := range row.cells {
		if i < len(columns) && columns[i] != "" {
			cells[columns[i]] = uninjected(c)
		} else if i >= len(columns) && strings.TrimSpace(c) != "" {
			return res, ot.Errorf(ot.Invalid, "the row has more cells than there are columns")
		}
	}
	res.Title, res.Ref = ot.Printable(cells["title"]), ot.Printable(cells["ref"])
	var old *Record
	if res.Ref != "" {
		id, err := store.One[string](ctx, tx, "SELECT r.record_id FROM record_record r WHERE r.ref = ? AND r.type = ? AND ?", res.Ref, t.ID, Visible(who.Scope, "r"))
		if ot.CodeOf(err) == ot.NotFound {
			return res, ot.Errorf(ot.NotFound, "there is no %s %s: leave ref empty to make a new one", strings.ToLower(t.Title), res.Ref)
		}
		if err != nil {
			return res, err
		}
		if old, _, err = s.load(ctx, tx, who.Scope, id); err != nil {
			return res, err
		}
	}
	draft, err := s.draftOf(ctx, tx, who, t, site, cells, old)
	if err != nil {
		return res, err
	}
	if old == nil {
		rec, err := s.Create(ctx, tx, who, draft)
		if err != nil {
			return res, err
		}
		res.Effect, res.Ref, res.Title = "create", rec.Ref, rec.Title
		res.Changes, err = s.changesOf(ctx, tx, t, &Record{DataVersion: int64(t.DataVersion)}, rec)
		return res, err
	}
	rec, err := s.Update(ctx, tx, who, old.ID, draft.patch(cells))
	if err != nil {
		return res, err
	}
	res.Effect, res.Title = "change", rec.Title
	if res.Changes, err = s.changesOf(ctx, tx, t, old, rec); err == nil && rec.Version == old.Version {
		res.Effect = "same"
	}
	return res, err
}

// draftOf reads the cells. Names of people, sites, zones and assets are found; a field
// that is there and empty is emptied.
func (s *Service) draftOf(ctx context.Context, r store.Reader, who auth.Principal, t *Type, site string, cells map[string]string, old *Record) (d Draft, err error) {
	d = Draft{Type: t.ID, Title: cells["title"], Site: site, Data: map[string]any{}}
	if d.Title == "" && old != nil {
		d.Title = old.Title
	}
	if v := strings.TrimSpace(cells["site"]); v != "" {
		if d.Site, err = s.find(ctx, r, who.Scope, "site", v, ""); err != nil {
			return d, err
		}
	}
	for _, x := range []struct {
		kind string
		cell string
		to   *string
	}{{"zone", "zone", &d.Zone}, {"asset", "asset", &d.Asset}, {"person", "owner", &d.Owner}} {
		if v := strings.TrimSpace(cells[x.cell]); v != "" {
			if *x.to, err = s.find(ctx, r, who.Scope, x.kind, v, d.Site); err != nil {
				return d, err
			}
		}
	}
	for _, x := range []struct {
		id string
		to *time.Time
	}{{"valid_from", &d.ValidFrom}, {"valid_until", &d.ValidUntil}, {"due_at", &d.DueAt}} {
		if v := strings.TrimSpace(cells[x.id]); v != "" {
			if *x.to, err = parseTime(v); err != nil {
				return d, ot.Errorf(ot.Invalid, "%s is %q: write a day as 2026-11-23 or a time as 2026-11-23T14:05:00Z", x.id, ot.Printable(v))
			}
		}
	}
	for _, f := range t.Fields {
		v, ok := cells[f.ID]
		if !ok {
			continue
		}
		var value any
		switch {
		case strings.TrimSpace(v) == "" && old == nil:
			continue // the type's default
		case f.Kind == Person || f.Kind == Asset || f.Kind == Zone:
			if v = strings.TrimSpace(v); v != "" {
				if value, err = s.find(ctx, r, who.Scope, string(f.Kind), v, d.Site); err != nil {
					return d, err
				}
			}
		default:
			if value, err = f.parse(v); err != nil {
				return d, ot.Errorf(ot.Invalid, "%s %w", f.Title, err)
			}
		}
		d.Data[f.ID] = value
	}
	return d, nil
}

// patch is a draft as a change: only of the columns that the file has.
func (d *Draft) patch(cells map[string]string) Patch {
	p := Patch{Data: d.Data}
	if strings.TrimSpace(cells["title"]) != "" {
		p.Title = &d.Title
	}
	for _, x := range []struct {
		id string
		v  *string
		to **string
	}{{"zone", &d.Zone, &p.Zone}, {"asset", &d.Asset, &p.Asset}, {"owner", &d.Owner, &p.Owner}} {
		if c, ok := cells[x.id]; ok && (x.id == "owner" || strings.TrimSpace(c) != "") {
			*x.to = x.v
		}
	}
	for _, x := range []struct {
		id string
		v  *time.Time
		to **time.Time
	}{{"valid_from", &d.ValidFrom, &p.ValidFrom}, {"valid_until", &d.ValidUntil, &p.ValidUntil}, {"due_at", &d.DueAt, &p.DueAt}} {
		if _, ok := cells[x.id]; ok {
			*x.to = x.v
		}
	}
	return p
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly, "2006-01-02 15:04", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil && plausible(t) {
			return t.UTC(), nil
		}
	}
	return time.Time{}, errors.New("no time")
}

// find takes an id or a name; a name that two have is nobody's.
func (s *Service) find(ctx context.Context, r store.Reader, scope auth.Scope, kind, text, siteID string) (string, error) {
	if _, ok, err := s.thing(ctx, r, scope, kind, text); err != nil || ok {
		return text, err
	}
	var ids []string
	var err error
	switch kind {
	case "site":
		ids, err = store.All[string](ctx, r, "SELECT site_id FROM org_site WHERE lower(name) = lower(?) AND ?", text, scope.Where("site_no", ""))
	case "zone":
		ids, err = store.All[string](ctx, r, "SELECT zone_id FROM org_zone WHERE lower(name) = lower(?) AND ? AND (? = '' OR site_no IN (SELECT site_no FROM org_site WHERE site_id = ?))", text, scope.Where("site_no", "zone_no"), siteID, siteID)
	case "person":
		ids, err = store.All[string](ctx, r, "SELECT user_id FROM auth_user WHERE (lower(name) = lower(?) OR email = lower(?)) AND disabled = ?", text, text, false)
	default:
		if f := s.cfg.Find[kind]; f != nil {
			ids, err = f(ctx, r, scope, siteID, text)
		}
	}
	switch {
	case err != nil:
		return "", err
	case len(ids) == 0:
		return "", ot.Errorf(ot.Invalid, "there is no %s %q", kind, ot.Printable(text))
	case len(ids) > 1:
		return "", ot.Errorf(ot.Invalid, "%d are called %q: give the id of the %s", len(ids), ot.Printable(text), kind)
	}
	return ids[0], nil
}
