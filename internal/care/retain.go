package care

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// step is how many rows one transaction removes: small, so that nobody waits for it.
const step = 500

// before is the age limit in the unit of a table's column.
func (t Table) before(cut time.Time) int64 {
	switch t.Unit {
	case hours:
		return cut.Unix() / 3600
	case days:
		return cut.Unix() / 86400
	}
	return cut.UnixMicro()
}

// oldest makes a time of a table's column.
func (t Table) time(n int64) time.Time {
	switch t.Unit {
	case hours:
		return time.Unix(n*3600, 0).UTC()
	case days:
		return time.Unix(n*86400, 0).UTC()
	}
	return time.UnixMicro(n).UTC()
}

// aged is the condition of the rows that go.
func (t Table) aged(cut time.Time) ot.SQL {
	q := ot.SQL{Text: t.At + " < ?", Args: []any{t.before(cut)}}
	if t.Open != "" {
		q.Text += " AND NOT (" + t.Open + ")"
	}
	return q
}

func classOf(id string) (Class, bool) {
	all := Classes()
	i := slices.IndexFunc(all, func(c Class) bool { return c.ID == id })
	if i < 0 {
		return Class{}, false
	}
	return all[i], true
}

// allow refuses a time that the law, the checks or good sense forbid.
func (c Class) allow(days int) error {
	switch {
	case c.Fixed:
		return ot.Errorf(ot.Invalid, "%s is kept as long as the thing that it describes: there is nothing to choose", c.ID)
	case days == 0 && c.Forever:
		return nil
	case days == 0:
		return ot.Errorf(ot.Invalid, "%s cannot be kept for ever: give %d to %d days", c.ID, c.Min, c.Max)
	case days < c.Min:
		return ot.Errorf(ot.Invalid, "%s is kept at least %d days: give more", c.ID, c.Min)
	case c.Max > 0 && days > c.Max:
		return ot.Errorf(ot.Invalid, "%s is kept at most %d days: give less", c.ID, c.Max)
	}
	return nil
}

// Kept says for each class how many days it is kept; 0: for ever.
func (s *Service) Kept(ctx context.Context) (map[string]int, error) {
	out := map[string]int{}
	for _, c := range Classes() {
		out[c.ID] = c.Days
	}
	err := s.db.View(ctx, func(r store.Reader) error {
		type row struct {
			Class string `db:"class"`
			Days  int    `db:"days"`
		}
		rows, err := store.All[row](ctx, r, "SELECT class, days FROM care_keep")
		for _, x := range rows {
			// A limit that a later version drew closer holds, whatever was set before.
			if c, ok := classOf(x.Class); ok && c.allow(x.Days) == nil {
				out[x.Class] = x.Days
			}
		}
		return err
	})
	return out, err
}

// Keep says how long a class is kept, for the parts that clean up after themselves; ok
// is false while nothing may be removed.
func (s *Service) Keep(ctx context.Context, class string) (keep time.Duration, ok bool, err error) {
	if f, err := s.Frozen(ctx); err != nil || f.On {
		return 0, false, err
	}
	kept, err := s.Kept(ctx)
	return time.Duration(kept[class]) * 24 * time.Hour, kept[class] > 0, err
}

// SetKept changes how long a class is kept.
func (s *Service) SetKept(ctx context.Context, by, class string, days int) error {
	c, ok := classOf(class)
	if !ok {
		return ot.Errorf(ot.NotFound, "there is no class %s", ot.Printable(class))
	}
	if err := c.allow(days); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO care_keep (class, days, set_at, set_by) VALUES (?, ?, ?, ?)
			ON CONFLICT (class) DO UPDATE SET days = excluded.days, set_at = excluded.set_at, set_by = excluded.set_by`, class, days, store.At(s.now()), by)
		return err
	})
}

// Gone is what goes of one table.
type Gone struct {
	Table  string     `json:"table"`
	Rows   int64      `json:"rows"`
	Oldest store.Time `json:"oldest"`
}

// Preview counts what would go if a class were kept so many days.
func (s *Service) Preview(ctx context.Context, class string, days int) (out []Gone, err error) {
	c, ok := classOf(class)
	if !ok {
		return nil, ot.Errorf(ot.NotFound, "there is no class %s", ot.Printable(class))
	}
	if err := c.allow(days); err != nil {
		return nil, err
	}
	out = []Gone{}
	if days == 0 {
		return out, nil
	}
	cut := s.now().AddDate(0, 0, -days)
	err = s.db.View(ctx, func(r store.Reader) error {
		for _, t := range Tables() {
			if t.Class != class || t.At == "" {
				continue
			}
			type row struct {
				N   int64  `db:"n"`
				Min *int64 `db:"oldest"`
			}
			x, err := store.One[row](ctx, r, "SELECT COUNT(*) AS n, CAST(MIN("+t.At+") AS BIGINT) AS oldest FROM "+t.Name+" WHERE ?", t.aged(cut))
			if err != nil {
				return fmt.Errorf("count %s: %w", t.Name, err)
			}
			if x.N > 0 {
				g := Gone{Table: t.Name, Rows: x.N}
				if x.Min != nil {
					g.Oldest = store.At(t.time(*x.Min))
				}
				out = append(out, g)
			}
		}
		return nil
	})
	return out, err
}

// Retain removes what is older than its class is kept, in small transactions, and
// writes for each class one entry of the audit log. While deleting is frozen it does nothing.
func (s *Service) Retain(ctx context.Context) (map[string]int64, error) {
	gone := map[string]int64{}
	kept, err := s.Kept(ctx)
	if err != nil {
		return gone, err
	}
	for _, c := range Classes() {
		if c.Fixed || kept[c.ID] == 0 {
			continue
		}
		n, err := s.RetainClass(ctx, c.ID)
		if n > 0 {
			gone[c.ID] = n
		}
		if err != nil {
			return gone, fmt.Errorf("remove old rows of %s: %w", c.ID, err)
		}
	}
	if len(gone) > 0 {
		if _, err := s.db.GiveBack(ctx); err != nil {
			return gone, err
		}
	}
	return gone, nil
}

// RetainClass removes what is older than one class is kept.
func (s *Service) RetainClass(ctx context.Context, class string) (int64, error) {
	c, ok := classOf(class)
	if !ok {
		return 0, ot.Errorf(ot.NotFound, "there is no class %s", ot.Printable(class))
	}
	keep, ok, err := s.Keep(ctx, class) // asked anew for each: deleting may be frozen meanwhile
	if err != nil || !ok || c.Fixed {
		return 0, err
	}
	return s.retain(ctx, c, int(keep/(24*time.Hour)))
}

// errFrozen ends a deletion under way.
var errFrozen = ot.Errorf(ot.Conflict, "deleting is frozen")

func (s *Service) retain(ctx context.Context, c Class, days int) (int64, error) {
	cut := s.now().AddDate(0, 0, -days)
	detail := map[string]string{"days": strconv.Itoa(days), "before": cut.Format(time.RFC3339)}
	var total int64
	var failed error
	if expire := s.cfg.Expire[c.ID]; expire != nil {
		n, err := expire(ctx, cut)
		total, failed = total+n, err
		if n > 0 {
			detail["expired"] = strconv.FormatInt(n, 10)
		}
	}
	for _, t := range Tables() {
		if t.Class != c.ID || t.At == "" || t.Owner || failed != nil {
			continue
		}
		var n int64
		n, failed = s.trim(ctx, t, cut)
		total += n
		if n > 0 {
			detail[t.Name] = strconv.FormatInt(n, 10)
		}
	}
	if total > 0 { // also where it was cut short: what went is said
		err := s.db.Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
			return audit.Append(ctx, tx, audit.Entry{Actor: "system", Action: "retention.delete", Target: ot.Ref{Kind: "retention", ID: c.ID}, Detail: detail})
		})
		if failed == nil {
			failed = err
		}
	}
	if ot.CodeOf(failed) == ot.Conflict {
		failed = nil
	}
	return total, failed
}

// trim removes the old rows of one table, step by step.
func (s *Service) trim(ctx context.Context, t Table, cut time.Time) (total int64, err error) {
	for {
		var n int64
		err := s.db.Update(ctx, func(tx *store.Tx) error {
			if f, _, err := setting[Frozen](ctx, tx, settingFrozen); err != nil || f.On {
				if f.On {
					err = errFrozen
				}
				return err
			}
			n, err = tx.Exec(ctx, "DELETE FROM "+t.Name+" WHERE ("+t.Key+") IN (SELECT "+t.Key+" FROM "+t.Name+" WHERE ? LIMIT ?)", t.aged(cut), step)
			return err
		})
		total += n
		if err != nil || n < step {
			return total, err
		}
		select {
		case <-ctx.Done():
			return total, context.Cause(ctx)
		case <-time.After(2 * time.Millisecond): // the plant's news come first
		}
	}
}
