package logs

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// sealAfter is how long after its end a day is sealed: the last lines are on the disk by then.
const sealAfter = 10 * time.Minute

// Seal writes into the audit log what each day that is over ended with, one entry a site and
// day: from then on nobody changes a file of it unseen. For a job.
func (s *Service) Seal(ctx context.Context) error {
	if !s.ready.Load() {
		return nil // files may hold more than the database knows
	}
	over := dayOf(s.now().Add(-sealAfter).UnixMicro())
	return s.db.Update(ctx, func(tx *store.Tx) error {
		rows, err := store.All[dayRow](ctx, tx, "SELECT "+dayColumns+" FROM logs_day WHERE seal = '' AND day < ? ORDER BY site_no, day, source_id LIMIT 20000", over)
		if err != nil {
			return err
		}
		for len(rows) > 0 {
			n := 1
			for n < len(rows) && rows[n].SiteNo == rows[0].SiteNo && rows[n].Day == rows[0].Day {
				n++
			}
			if err := seal(ctx, tx, rows[:n]); err != nil {
				return err
			}
			rows = rows[n:]
		}
		return nil
	})
}

func seal(ctx context.Context, tx *store.Tx, rows []dayRow) error {
	digest := digestOf(rows)
	siteID, err := store.One[string](ctx, tx, "SELECT site_id FROM org_site WHERE site_no = ?", rows[0].SiteNo)
	if err != nil {
		return err
	}
	if err := audit.Append(ctx, tx, audit.Entry{Actor: "system", Action: sealAction, Site: siteID, Target: ot.Ref{Kind: "logs", ID: digest}, Detail: map[string]string{"day": dayName(rows[0].Day), "sources": strconv.Itoa(len(rows))}}); err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := tx.Exec(ctx, "UPDATE logs_day SET seal = ? WHERE source_id = ? AND day = ?", digest, r.SourceID, r.Day); err != nil {
			return err
		}
	}
	return nil
}

const sealAction = "log.seal"

// digestOf sums up the files of a site and day.
func digestOf(rows []dayRow) string {
	slices.SortFunc(rows, func(a, b dayRow) int { return bytes.Compare([]byte(a.SourceID), []byte(b.SourceID)) })
	h := sha256.New()
	for _, r := range rows {
		fmt.Fprintf(h, "%s %d %d %s\n", r.SourceID, r.Day, r.Lines, r.Head)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Expire removes the files of days that ended before a time, but for those whose source asks for
// longer. What the files held stays named and sealed.
func (s *Service) Expire(ctx context.Context, before time.Time) (int64, error) {
	var rows []dayRow
	now := s.now()
	err := s.db.View(ctx, func(r store.Reader) (err error) {
		rows, err = store.All[dayRow](ctx, r, "SELECT "+"d."+"source_id, d.day, d.site_no, d.lines, d.bytes, d.first_at, d.last_at, d.head, d.seal, d.gone_at"+` FROM logs_day d LEFT JOIN logs_source s ON s.source_id = d.source_id
 WHERE d.gone_at IS NULL AND d.seal <> '' AND d.last_at < ? AND d.last_at < CAST(? AS BIGINT) - COALESCE(s.retention_days, 0) * 86400000000 ORDER BY d.day, d.source_id LIMIT 10000`, store.At(before), now.UnixMicro())
		return err
	})
	if err != nil {
		return 0, err
	}
	for i, r := range rows {
		if err := os.Remove(filepath.Join(s.folder(r.SiteNo, r.SourceID), fileName(r.Day))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return int64(i), fmt.Errorf("remove an old log file: %w", err)
		}
		if err := s.db.Update(ctx, func(tx *store.Tx) error {
			_, err := tx.Exec(ctx, "UPDATE logs_day SET gone_at = ? WHERE source_id = ? AND day = ?", store.At(now), r.SourceID, r.Day)
			return err
		}); err != nil {
			return int64(i), err
		}
		s.mu.Lock()
		s.total -= r.Bytes
		s.mu.Unlock()
	}
	return int64(len(rows)), nil
}

// Report says what Verify found.
type Report struct {
	Files    int       `json:"files"`
	Lines    int64     `json:"lines"`
	Sealed   int       `json:"sealed"` // files whose last line the audit log vouches for
	Torn     int       `json:"torn"`   // files that end within a line: being written, or a cut of power
	Gone     int       `json:"gone"`   // days that were removed for their age
	Findings []Finding `json:"findings"`
}

// Finding is a file that is not what was written.
type Finding struct {
	File string `json:"file"`
	Text string `json:"text"`
}

// Verify recomputes the chain of every file, compares it with what the database vouches for, and
// that with the audit log.
func Verify(ctx context.Context, r store.Reader, dir string) (rep Report, err error) {
	rep.Findings = []Finding{}
	rows, err := store.All[dayRow](ctx, r, "SELECT "+dayColumns+" FROM logs_day ORDER BY source_id, day")
	if err != nil {
		return rep, err
	}
	known := map[string]bool{}
	heads := map[string]string{} // of the newest day of each source so far
	days := map[[2]int64][]dayRow{}
	for i := range rows {
		if ctx.Err() != nil {
			return rep, ctx.Err()
		}
		x := &rows[i]
		name := filepath.Join(itoa(x.SiteNo), x.SourceID, fileName(x.Day))
		known[name] = true
		if x.Seal != "" {
			days[[2]int64{x.SiteNo, x.Day}] = append(days[[2]int64{x.SiteNo, x.Day}], *x)
		}
		if !x.GoneAt.IsZero() {
			rep.Gone++
			heads[x.SourceID] = x.Head
			continue
		}
		prev, have := heads[x.SourceID]
		heads[x.SourceID] = rep.file(dir, name, x, prev, have && prev != "")
	}
	for key, list := range days {
		digest := digestOf(list)
		n, err := store.One[int64](ctx, r, "SELECT COUNT(*) FROM audit_entry WHERE action = ? AND target_id = ?", sealAction, digest)
		if err != nil {
			return rep, err
		}
		if n == 0 || slices.ContainsFunc(list, func(x dayRow) bool { return x.Seal != digest }) {
			rep.find(dayName(key[1]), "the audit log vouches for other files of this day than the database names")
			continue
		}
		rep.Sealed += len(list)
	}
	// A file that the database does not know yet was begun just before the program died.
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if name, rerr := filepath.Rel(dir, path); rerr == nil && !known[name] {
			rep.file(dir, name, nil, "", false)
		}
		return nil
	})
	slices.SortFunc(rep.Findings, func(a, b Finding) int { return bytes.Compare([]byte(a.File), []byte(b.File)) })
	return rep, err
}

func (rep *Report) find(file, format string, args ...any) {
	rep.Findings = append(rep.Findings, Finding{file, fmt.Sprintf(format, args...)})
}

// file checks one file and gives the hash that it ends with. x is what the database says of it; nil: nothing.
func (rep *Report) file(dir, name string, x *dayRow, prev string, havePrev bool) (head string) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			rep.find(name, "the file is missing; it held %d lines", x.Lines)
			return ""
		}
		rep.find(name, "it cannot be read: %v", err)
		return ""
	}
	defer func() { _ = f.Close() }() // read only
	rep.Files++
	r := bufio.NewReaderSize(f, 256<<10)
	n, vouched := int64(-1), x == nil
	for {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) {
			if len(line) > 0 {
				rep.Torn++
			}
			break
		}
		if err != nil || len(line) < hashLen+3 || line[hashLen] != ' ' {
			rep.find(name, "line %d is none of ours", n+2)
			return ""
		}
		body := bytes.TrimSuffix(line[hashLen+1:], []byte("\n"))
		if n < 0 {
			var h header
			if json.Unmarshal(body, &h) != nil || h.Version != 1 {
				rep.find(name, "it has no header")
				return ""
			}
			if filepath.Join(itoa(h.Site), h.Source, h.Day+".log") != name {
				rep.find(name, "its header says that it is %s of source %s", h.Day, h.Source)
				return ""
			}
			if havePrev && h.Prev != prev {
				rep.find(name, "it does not follow the file of the day before")
			}
			head = h.Prev
		}
		head = link(head, body)
		if head != string(line[:hashLen]) {
			rep.find(name, "line %d, or one before it, was changed, removed or put in", n+2)
			return ""
		}
		if n++; x != nil && n == x.Lines {
			if vouched = head == x.Head; !vouched {
				rep.find(name, "its first %d lines are not those that were written", n)
				return ""
			}
		}
	}
	n = max(n, 0)
	rep.Lines += n
	switch {
	case !vouched:
		rep.find(name, "it holds %d lines of %d", n, x.Lines)
	case x != nil && x.Seal != "" && n != x.Lines:
		rep.find(name, "lines were added after the day was over: %d instead of %d", n, x.Lines)
	}
	return head
}
