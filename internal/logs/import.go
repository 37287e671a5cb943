package logs

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"

	"github.com/skanse/skanse/internal/logs/windows"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// maxImport bounds a file of events.
const maxImport = 512 << 20

// Imported says what came of a file.
type Imported struct {
	Events  int        `json:"events"`
	Known   int        `json:"known" doc:"Events with a number that was taken in before: not taken twice"`
	Damaged int        `json:"damaged" doc:"Records that cannot be read"`
	NotKept int        `json:"not_kept" doc:"Events for which there was no room"`
	First   store.Time `json:"first" doc:"Of the events, by the machine's clock"`
	Last    store.Time `json:"last"`
}

// Import takes in a file of Windows events, EVTX or XML, as lines of a source. Events of a channel
// whose number was taken in before are left out, so that the same file twice adds nothing.
func (s *Service) Import(ctx context.Context, scope Scope, id, name string, body io.Reader) (out Imported, err error) {
	var src sourceRow
	err = s.db.Update(ctx, func(tx *store.Tx) error { // a transaction of its own: it carries the audit entry
		x, siteID, err := find(ctx, tx, scope, id)
		src = x
		rest.Target(ctx, siteID, ot.Ref{Kind: "log-source", ID: id})
		rest.Detail(ctx, "file", ot.Printable(name))
		return err
	})
	if err != nil {
		return out, err
	}
	if err := s.Open(ctx); err != nil {
		return out, err
	}
	s.mu.RLock()
	st := s.streams[id]
	s.mu.RUnlock()
	if st == nil {
		return out, ot.Errorf(ot.NotFound, "there is no such log source")
	}
	seen, err := s.records(src)
	if err != nil {
		return out, err
	}
	name = short(ot.Printable(filepath.Base(name)), 200)
	at := s.now()
	n := 0
	take := func(e windows.Event) error {
		key := record{e.Channel, e.Record, e.Told.UnixMicro()}
		if seen[key] {
			out.Known++
			return nil
		}
		seen[key] = true
		if told := store.At(e.Told); !told.IsZero() {
			if out.First.IsZero() || told.Before(out.First.Time) {
				out.First = told
			}
			if told.After(out.Last.Time) {
				out.Last = told
			}
		}
		if !st.takeFile(kept{At: at.UnixMicro(), By: byFile, From: name, Event: &e}, s.cfg.Limits, s.Full()) {
			out.NotKept++
			return nil
		}
		out.Events++
		if n++; n%2000 == 0 {
			return errors.Join(s.Flush(ctx, false), ctx.Err())
		}
		return nil
	}
	r := bufio.NewReaderSize(&bounded{body, maxImport}, 64<<10)
	head, err := r.Peek(8)
	if err != nil && len(head) == 0 {
		return out, ot.Errorf(ot.Invalid, "the file is empty")
	}
	if bytes.Equal(head, []byte("ElfFile\x00")) {
		var rep windows.Report
		rep, err = windows.ReadEVTX(r, take)
		out.Damaged = rep.Damaged + rep.Chunks
	} else {
		in, derr := windows.Decode(r)
		if derr != nil {
			return out, derr
		}
		err = windows.ReadXML(in, take)
	}
	return out, errors.Join(err, s.Flush(ctx, true))
}

// takeFile adds a line of a file: a file comes at once and is no flood, but it needs room.
func (st *stream) takeFile(k kept, lim Limits, full string) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	k.At = max(k.At, st.lastAt)
	st.lastAt, st.changed = k.At, true
	st.heard.LastAt, st.heard.SilentAt = store.Micros(k.At), store.Time{}
	size := int64(400)
	for _, v := range k.Event.Data {
		size += int64(len(v.Name) + len(v.Text))
	}
	if d := dayOf(k.At); d != st.todayIs {
		st.todayIs, st.today = d, 0
	}
	switch {
	case full != "":
		st.miss(&st.heard.Lost, full, k.At)
		return false
	case st.today+size > lim.Day:
		st.miss(&st.heard.Flooded, "the source has filled its room for the day", k.At)
		return false
	}
	st.note(k.At)
	st.heard.Lines++
	st.today += size
	st.put(k, size)
	return true
}

// record names an event that a machine wrote down.
type record struct {
	channel string
	number  uint64
	told    int64
}

// mostKnown bounds how many events are compared with.
const mostKnown = 2_000_000

// records are the events of a source that are kept already.
func (s *Service) records(src sourceRow) (map[record]bool, error) {
	out := map[record]bool{}
	dir := s.folder(src.SiteNo, src.ID)
	days, err := daysIn(dir)
	if err != nil {
		return nil, err
	}
	for _, day := range days {
		err := eachLine(filepath.Join(dir, fileName(day)), func(k *kept) {
			if k.Event != nil && len(out) < mostKnown {
				out[record{k.Event.Channel, k.Event.Record, k.Event.Told.UnixMicro()}] = true
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// bounded refuses what is longer than a file may be.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, ot.Errorf(ot.TooMany, "the file is larger than %d MiB: save the log in parts", maxImport>>20)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}
