package logs

import (
	"context"
	"errors"

	"github.com/skanse/skanse/internal/store"
)

// Open reads the register and makes the database know what the files hold: a program that was
// killed wrote more into them than it had told.
func (s *Service) Open(ctx context.Context) error {
	if s.ready.Load() {
		return nil
	}
	if err := s.reload(ctx); err != nil {
		return err
	}
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.RLock()
	var sources []sourceRow
	for _, st := range s.streams {
		sources = append(sources, st.src)
	}
	s.mu.RUnlock()
	newest := map[string]int64{}
	type row struct {
		SourceID string `db:"source_id"`
		Day      int64  `db:"day"`
	}
	err := s.db.View(ctx, func(r store.Reader) error {
		for x, err := range store.Select[row](ctx, r, "SELECT source_id, MAX(day) AS day FROM logs_day WHERE seal <> '' GROUP BY source_id") {
			if err != nil {
				return err
			}
			newest[x.SourceID] = x.Day
		}
		return nil
	})
	if err != nil {
		return err
	}
	var rows []dayRow
	for _, src := range sources {
		found, err := s.unsealed(src, newest[src.ID])
		if err != nil {
			s.cfg.Log.Error("a log file cannot be read; run skanse verify logs", "source", src.Name, "error", err)
		}
		rows = append(rows, found...)
	}
	err = s.db.Update(ctx, func(tx *store.Tx) error {
		for i := range rows {
			if err := store.Upsert(ctx, tx, "logs_day", rows[i:i+1], []string{"source_id", "day"}, []string{"lines", "bytes", "first_at", "last_at", "head"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.ready.Store(true)
	return nil
}

// unsealed reads the files of a source from the day after one on.
func (s *Service) unsealed(src sourceRow, after int64) (rows []dayRow, err error) {
	dir := s.folder(src.SiteNo, src.ID)
	days, err := daysIn(dir)
	for _, day := range days {
		if day <= after {
			continue
		}
		f, torn, oerr := openDay(dir, src.ID, src.SiteNo, day)
		if oerr != nil {
			err = errors.Join(err, oerr)
			continue
		}
		if torn > 0 {
			s.cfg.Log.Warn("the end of a log file was torn, as by a cut of power, and was taken off", "source", src.Name, "bytes", torn)
		}
		if f.lines > 0 {
			rows = append(rows, f.row(src))
		}
		err = errors.Join(err, f.f.Sync(), f.f.Close())
	}
	return rows, err
}
