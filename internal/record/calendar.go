package record

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

const (
	maxCalendar = 2000                 // entries of one answer
	maxSpanDays = 400 * 24 * time.Hour // that one answer covers
)

// Entry is a record on a calendar, or one of the times that it comes again.
type Entry struct {
	ID     string     `json:"id"`
	Type   string     `json:"type"`
	Ref    string     `json:"ref"`
	Title  string     `json:"title"`
	State  string     `json:"state"`
	From   store.Time `json:"from"`
	To     store.Time `json:"to"`
	SiteID *string    `json:"site_id"`
	AllDay bool       `json:"all_day" doc:"Its dates are days without a time"`
	Again  bool       `json:"again" doc:"One of several times of a record that comes again"`
}

// Calendar lists what lies between two times, of one type or all.
func (s *Service) Calendar(ctx context.Context, who auth.Principal, typeID, siteID string, from, to time.Time) ([]Entry, error) {
	if !from.Before(to) || to.Sub(from) > maxSpanDays {
		return nil, ot.Errorf(ot.Invalid, "from and to are needed, from before to, at most %d days apart", int(maxSpanDays.Hours()/24))
	}
	if typeID != "" {
		if _, err := s.typeFor(who, typeID, "read"); err != nil {
			return nil, err
		}
	}
	out := []Entry{}
	err := s.db.View(ctx, func(r store.Reader) error {
		out = out[:0]
		for _, t := range s.types.all {
			if t.Calendar == nil || typeID != "" && t.ID != typeID || !who.Permissions.Has(t.Read) {
				continue
			}
			more, err := s.entries(ctx, r, who, t, siteID, from, to)
			if err != nil {
				return err
			}
			if out = append(out, more...); len(out) > maxCalendar {
				return ot.Errorf(ot.TooMany, "more than %d entries: ask for fewer days, one type or one site", maxCalendar)
			}
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b Entry) int { return a.From.Compare(b.From.Time) })
	return out, err
}

// entries are those of one type.
func (s *Service) entries(ctx context.Context, r store.Reader, who auth.Principal, t *Type, siteID string, from, to time.Time) ([]Entry, error) {
	w := cond{}
	w.and("?", Visible(who.Scope, "r"))
	w.and("r.type = ?", t.ID)
	if siteID != "" {
		w.and("r.site_no IN (SELECT fs.site_no FROM org_site fs WHERE fs.site_id = ?)", siteID)
	}
	begin, before := t.dateColumn(t.Calendar.From, to)
	end, after := t.dateColumn(t.Calendar.To, from)
	text := fmt.Sprintf("(COALESCE(%s, %s) < ? AND COALESCE(%s, %s) >= ?", begin, end, end, begin)
	args := []any{before, after}
	if t.recurs() {
		text += " OR r.closed_at IS NULL AND (CAST(r.data->>'recurring' AS TEXT) IN ('true', '1') OR r.data->>'source' = 'calendar')"
	}
	w.and(text+")", args...)
	type row struct {
		Record
		SiteID *string `db:"site_id"`
		TZ     *string `db:"tz"`
	}
	rows, err := store.All[row](ctx, r, "SELECT "+prefixed("r", rowColumns)+", si.site_id, si.tz FROM record_record r LEFT JOIN org_site si ON si.site_no = r.site_no WHERE ? ORDER BY r.record_id LIMIT ?", w.sql(), maxCalendar+1)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for i := range rows {
		x := &rows[i]
		x.Data.V = t.upgrade(x.Data.V, x.DataVersion)
		e := Entry{ID: x.ID, Type: t.ID, Ref: x.Ref, Title: x.Title, State: x.State, SiteID: x.SiteID}
		zone := "UTC"
		if x.TZ != nil && *x.TZ != "" {
			zone = *x.TZ
		}
		again, err := ruleOf(&x.Record, zone)
		if err != nil || again == nil { // a rule that the type's next version refuses shows as a plain record
			e.From, e.To, e.AllDay = t.dates(&x.Record)
			if e.From.Before(to) && !e.To.Before(from) {
				out = append(out, e)
			}
			continue
		}
		lo, hi := from, to // the rule holds while the record does
		if !x.ValidFrom.IsZero() && x.ValidFrom.After(lo) {
			lo = x.ValidFrom.Time
		}
		if !x.ValidUntil.IsZero() && x.ValidUntil.Before(hi) {
			hi = x.ValidUntil.Time
		}
		for _, sp := range again.between(lo, hi) {
			e.From, e.To, e.Again = store.At(sp.From), store.At(sp.To), true
			out = append(out, e)
		}
	}
	return out, nil
}

// recurs says whether records of the type can come again by a rule of their own.
func (t *Type) recurs() bool {
	_, a := t.Field("recurring")
	_, b := t.Field("cron")
	return a || b
}

// dateColumn is the SQL of a date, and a time as it is compared with.
func (t *Type) dateColumn(id string, at time.Time) (string, any) {
	f, ok := t.Field(id)
	if !ok {
		return "r." + id, store.At(at)
	}
	layout := time.RFC3339
	if f.Kind == Date {
		layout = time.DateOnly
	}
	return "CAST(r.data->>'" + f.ID + "' AS TEXT)", at.UTC().Format(layout)
}

// dates are where a record stands on the calendar.
func (t *Type) dates(rec *Record) (from, to store.Time, allDay bool) {
	get := func(id string) (store.Time, bool) {
		switch id {
		case "valid_from":
			return rec.ValidFrom, false
		case "valid_until":
			return rec.ValidUntil, false
		case "due_at":
			return rec.DueAt, false
		case "review_at":
			return rec.ReviewAt, false
		}
		text, _ := rec.Data.V[id].(string)
		if d, err := time.Parse(time.DateOnly, text); err == nil {
			return store.At(d), true
		}
		d, _ := time.Parse(time.RFC3339, strings.TrimSpace(text)) // checked when it was written; else it is not there
		return store.At(d), false
	}
	from, dayA := get(t.Calendar.From)
	to, dayB := get(t.Calendar.To)
	if from.IsZero() {
		from, dayA = to, dayB
	}
	if to.IsZero() {
		to = from
	}
	return from, to, dayA
}

// TimeSpan is a time in which something holds.
type TimeSpan struct{ From, To time.Time }

// Times lists when a record holds between two times: from valid_from to valid_until, or
// by its own rule on the clock of the site. zone is the site's IANA name.
func Times(rec *Record, zone string, from, to time.Time) ([]TimeSpan, error) {
	lo, hi := from, to
	if !rec.ValidFrom.IsZero() && rec.ValidFrom.After(lo) {
		lo = rec.ValidFrom.Time
	}
	if !rec.ValidUntil.IsZero() && rec.ValidUntil.Before(hi) {
		hi = rec.ValidUntil.Time
	}
	if !lo.Before(hi) {
		return nil, nil
	}
	if zone == "" {
		zone = "UTC"
	}
	again, err := ruleOf(rec, zone)
	if err != nil {
		return nil, err
	}
	if again == nil {
		return []TimeSpan{{lo, hi}}, nil
	}
	var out []TimeSpan
	for _, sp := range again.between(lo, hi) {
		out = append(out, TimeSpan(sp))
	}
	return out, nil
}
