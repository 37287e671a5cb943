package care

import (
	"context"
	"fmt"

	"github.com/skanse/skanse/internal/store"
)

// Measure counts the rows of every table, how old the oldest is and what it takes,
// and notes the disk of the day.
func (s *Service) Measure(ctx context.Context) error {
	sizes, err := s.db.TableSizes(ctx)
	if err != nil {
		return err
	}
	now := store.At(s.now())
	type row struct {
		Name   string     `db:"name"`
		Rows   int64      `db:"rows"`
		Bytes  int64      `db:"bytes"`
		Oldest store.Time `db:"oldest"`
		At     store.Time `db:"at"`
	}
	var rows []row
	err = s.db.View(ctx, func(r store.Reader) error {
		there, err := store.Tables(ctx, r)
		if err != nil {
			return err
		}
		ages := map[string]Table{}
		for _, t := range Tables() {
			ages[t.Name] = t
		}
		for _, t := range there {
			x := row{Name: t.Name, Bytes: sizes[t.Name], At: now}
			if x.Rows, err = store.One[int64](ctx, r, "SELECT COUNT(*) FROM "+t.Name); err != nil {
				return fmt.Errorf("count %s: %w", t.Name, err)
			}
			if age := ages[t.Name]; age.At != "" && x.Rows > 0 {
				oldest, err := store.One[*int64](ctx, r, "SELECT CAST(MIN("+age.At+") AS BIGINT) FROM "+t.Name)
				if err != nil {
					return fmt.Errorf("find the oldest row of %s: %w", t.Name, err)
				}
				if oldest != nil {
					x.Oldest = store.At(age.time(*oldest))
				}
			}
			rows = append(rows, x)
		}
		return nil
	})
	if err != nil {
		return err
	}
	space, err := s.db.Space(ctx)
	if err != nil {
		return err
	}
	disk := diskOf(s.cfg.Folder)
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM care_table"); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "care_table", rows, []string{"name"}, nil); err != nil {
			return err
		}
		if !disk.Known {
			return nil
		}
		day := Day{Day: now.Unix() / 86400, Free: disk.Free, Size: disk.Size, Database: space.Bytes}
		return store.Upsert(ctx, tx, "care_day", []Day{day}, []string{"day"}, []string{"free", "size", "database"})
	})
}

// Day is the disk of one day.
type Day struct {
	Day      int64 `db:"day" json:"day" doc:"Days since 1970, UTC"`
	Free     int64 `db:"free" json:"free"`
	Size     int64 `db:"size" json:"size"`
	Database int64 `db:"database" json:"database"`
}

// Held is what a class holds now.
type Held struct {
	Class   string     `json:"class"`
	Days    int        `json:"days" doc:"Kept so long; 0: for ever"`
	Default int        `json:"default_days"`
	Min     int        `json:"min_days"`
	Max     int        `json:"max_days" doc:"0: no end"`
	Forever bool       `json:"forever" doc:"May be kept for ever"`
	Fixed   bool       `json:"fixed" doc:"Nothing to choose"`
	Rows    int64      `json:"rows"`
	Bytes   int64      `json:"bytes"`
	Oldest  store.Time `json:"oldest"`
	Tables  []string   `json:"tables" nullable:"false"`
}

// Held lists the classes with what they hold, as last measured.
func (s *Service) Held(ctx context.Context) (out []Held, at store.Time, err error) {
	kept, err := s.Kept(ctx)
	if err != nil {
		return nil, at, err
	}
	type row struct {
		Name   string     `db:"name"`
		Rows   int64      `db:"rows"`
		Bytes  int64      `db:"bytes"`
		Oldest store.Time `db:"oldest"`
		At     store.Time `db:"at"`
	}
	measured := map[string]row{}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[row](ctx, r, "SELECT name, rows, bytes, oldest, at FROM care_table")
		for _, x := range rows {
			measured[x.Name] = x
			at = x.At
		}
		return err
	})
	for _, c := range Classes() {
		h := Held{Class: c.ID, Days: kept[c.ID], Default: c.Days, Min: c.Min, Max: c.Max, Forever: c.Forever, Fixed: c.Fixed, Tables: []string{}}
		for _, t := range Tables() {
			if t.Class != c.ID {
				continue
			}
			m := measured[t.Name]
			h.Tables = append(h.Tables, t.Name)
			h.Rows += m.Rows
			h.Bytes += m.Bytes
			if !m.Oldest.IsZero() && (h.Oldest.IsZero() || m.Oldest.Before(h.Oldest.Time)) {
				h.Oldest = m.Oldest
			}
		}
		out = append(out, h)
	}
	return out, at, err
}
