package logs

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"syscall"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// dayRow is logs_day.
type dayRow struct {
	SourceID string     `db:"source_id"`
	Day      int64      `db:"day"`
	SiteNo   int64      `db:"site_no"`
	Lines    int64      `db:"lines"`
	Bytes    int64      `db:"bytes"`
	FirstAt  store.Time `db:"first_at"`
	LastAt   store.Time `db:"last_at"`
	Head     string     `db:"head"`
	Seal     string     `db:"seal"`
	GoneAt   store.Time `db:"gone_at"`
}

const dayColumns = "source_id, day, site_no, lines, bytes, first_at, last_at, head, seal, gone_at"

// Flush writes what waits into the files. With sync it is on the disk afterwards, and the
// database knows of it: what a file holds beyond that is not lost, only not vouched for.
func (s *Service) Flush(ctx context.Context, sync bool) error {
	s.flushing.Lock()
	defer s.flushing.Unlock()
	s.mu.Lock()
	all := make([]*stream, 0, len(s.streams))
	for _, st := range s.streams {
		all = append(all, st)
	}
	gone := s.gone
	s.gone = nil
	slices.SortFunc(all, func(a, b *stream) int { return cmp.Compare(a.src.ID, b.src.ID) })
	s.mu.Unlock()
	var days []dayRow
	var failed error
	for _, st := range gone {
		rows, err := s.write(st, true)
		days = append(days, rows...)
		failed = errors.Join(failed, err, st.close())
		sync = true
	}
	for _, st := range all {
		rows, err := s.write(st, sync)
		days = append(days, rows...)
		if err != nil {
			failed = errors.Join(failed, err)
		}
	}
	s.judge(ctx)
	if !sync {
		return failed
	}
	s.room()
	return errors.Join(failed, s.sync(ctx, all, days))
}

// write appends what a source said. It gives the rows of the days that are vouched for from now on.
func (s *Service) write(st *stream, sync bool) (days []dayRow, err error) {
	st.mu.Lock()
	list, src := st.wait, st.src
	st.wait, st.waitBytes = nil, 0
	st.mu.Unlock()
	for len(list) > 0 && err == nil {
		day := dayOf(list[0].At)
		n := 1
		for n < len(list) && dayOf(list[n].At) == day {
			n++
		}
		var closed []dayRow
		if closed, err = s.append(st, src, day, list[:n]); err == nil {
			s.hear(st, &src, list[:n])
			list = list[n:]
		}
		days = append(days, closed...)
	}
	if err != nil {
		st.mu.Lock()
		why := "they could not be written to the disk"
		if errors.Is(err, syscall.ENOSPC) {
			why = "the disk is full"
		}
		st.heard.Lines -= int64(len(list))
		st.heard.Lost += int64(len(list))
		if st.gap == 0 {
			st.gapWhy, st.gapFrom = why, list[0].At
		}
		st.gap += int64(len(list))
		st.mu.Unlock()
	}
	if sync && st.file != nil && st.file.dirty {
		if serr := st.file.sync(); serr != nil {
			return days, errors.Join(err, serr)
		}
		days = append(days, st.file.row(src))
	}
	return days, err
}

// append writes lines of one day, and closes the file of an earlier one.
func (s *Service) append(st *stream, src sourceRow, day int64, list []kept) (closed []dayRow, err error) {
	if st.file != nil && st.file.day != day {
		if err := st.file.sync(); err != nil {
			return nil, err
		}
		closed = append(closed, st.file.row(src))
		if err := st.file.f.Close(); err != nil {
			return closed, err
		}
		st.file = nil
	}
	if st.file == nil {
		f, torn, err := openDay(s.folder(src.SiteNo, src.ID), src.ID, src.SiteNo, day)
		if err != nil {
			return closed, err
		}
		if torn > 0 {
			s.cfg.Log.Warn("the end of a log file was torn, as by a cut of power, and was taken off", "source", src.Name, "bytes", torn)
		}
		st.file = f
	}
	was := st.file.bytes
	if err := st.file.add(list); err != nil {
		return closed, err
	}
	s.mu.Lock()
	s.total += st.file.bytes - was
	s.mu.Unlock()
	return closed, nil
}

func (st *stream) close() error {
	if st.file == nil {
		return nil
	}
	f := st.file.f
	st.file = nil
	return f.Close()
}

func (d *dayFile) row(src sourceRow) dayRow {
	return dayRow{SourceID: src.ID, Day: d.day, SiteNo: src.SiteNo, Lines: d.lines, Bytes: d.bytes, FirstAt: store.Micros(d.first), LastAt: store.Micros(d.last), Head: d.head}
}

// room looks whether there is room for more.
func (s *Service) room() {
	why := ""
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Limits.Quota > 0 && s.total >= s.cfg.Limits.Quota {
		why = "the logs have filled the room that they may take (--logs-quota)"
	} else if s.cfg.Free != nil {
		if free, ok := s.cfg.Free(s.cfg.Dir); ok && free < s.cfg.Limits.Reserve {
			why = "the disk is nearly full"
		}
	}
	if why != s.full {
		if why != "" {
			s.cfg.Log.Error("log lines are no longer kept", "why", why)
		} else {
			s.cfg.Log.Info("log lines are kept again")
		}
	}
	s.full = why
}

// Full says why no line is kept; empty: there is room.
func (s *Service) Full() string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.full
}

// sync tells the database.
func (s *Service) sync(ctx context.Context, all []*stream, days []dayRow) error {
	s.mu.Lock()
	strangers := make([]strangerRow, 0, len(s.strangers))
	for _, x := range s.strangers {
		strangers = append(strangers, *x)
	}
	clear(s.strangers)
	s.mu.Unlock()
	var heard []heardRow
	for _, st := range all {
		st.mu.Lock()
		if st.changed {
			st.changed = false
			heard = append(heard, st.heard)
		}
		st.mu.Unlock()
	}
	if len(heard)+len(days)+len(strangers) == 0 {
		return nil
	}
	now := s.now()
	var sites []int64
	return s.db.Update(ctx, func(tx *store.Tx) error {
		if err := store.Upsert(ctx, tx, "logs_heard", heard, []string{"source_id"}, []string{"last_at", "lines", "flooded", "lost", "offset_us", "offset_at", "silent_at"}); err != nil {
			return err
		}
		for part := range slices.Chunk(days, 1) { // a source may have closed one day and begun another: never two rows of a key at once
			if err := store.Upsert(ctx, tx, "logs_day", part, []string{"source_id", "day"}, []string{"lines", "bytes", "first_at", "last_at", "head"}); err != nil {
				return err
			}
		}
		if err := keepStrangers(ctx, tx, strangers); err != nil {
			return err
		}
		sites = sites[:0]
		s.mu.Lock()
		for _, h := range heard {
			if now.Sub(s.told[h.SiteNo]).Abs() >= time.Minute && !slices.Contains(sites, h.SiteNo) {
				sites = append(sites, h.SiteNo)
			}
		}
		for _, no := range sites {
			s.told[no] = now
		}
		s.mu.Unlock()
		for _, no := range sites {
			if err := bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicLog, SiteNo: no}); err != nil {
				return err
			}
		}
		return nil
	})
}

// strangerRow is logs_stranger.
type strangerRow struct {
	SiteNo    int64      `db:"site_no"`
	RealmNo   int64      `db:"realm_no"`
	Address   string     `db:"address"`
	Host      string     `db:"host"`
	Transport string     `db:"transport"`
	Lines     int64      `db:"lines"`
	FirstAt   store.Time `db:"first_at"`
	LastAt    store.Time `db:"last_at"`
	Sample    string     `db:"sample"`
}

const strangerColumns = "site_no, realm_no, address, host, transport, lines, first_at, last_at, sample"

// mostStrangers of a site are kept in mind: forged addresses must not fill a table.
const mostStrangers = 200

func keepStrangers(ctx context.Context, tx *store.Tx, rows []strangerRow) error {
	for _, x := range rows {
		n, err := tx.Exec(ctx, "UPDATE logs_stranger SET lines = lines + ?, last_at = ?, sample = ?, transport = ? WHERE site_no = ? AND realm_no = ? AND address = ? AND host = ?",
			x.Lines, x.LastAt, x.Sample, x.Transport, x.SiteNo, x.RealmNo, x.Address, x.Host)
		if err != nil {
			return err
		}
		if n > 0 {
			continue
		}
		many, err := store.One[int64](ctx, tx, "SELECT COUNT(*) FROM logs_stranger WHERE site_no = ?", x.SiteNo)
		if err != nil {
			return err
		}
		if many >= mostStrangers {
			continue
		}
		if err := store.Upsert(ctx, tx, "logs_stranger", []strangerRow{x}, nil, nil); err != nil {
			return err
		}
	}
	return nil
}
