package logs

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/store"
)

// judged is what waits to be judged, and to be told.
type judged struct {
	lines []rule.LogLine
	hits  []rule.Hit // the database did not take them yet
	said  time.Time  // when it was said last that lines were not judged
	left  int
}

// maxUntold bounds the hits that wait for the database.
const maxUntold = 1000

// hear puts lines that were just written down before who judges them.
func (s *Service) hear(st *stream, src *sourceRow, list []kept) {
	if s.cfg.Judge == nil || !s.cfg.Judge.LogRules() {
		return
	}
	st.mu.Lock()
	zone := st.zone
	st.mu.Unlock()
	for i := range list {
		if list[i].By != bySkanse {
			s.judged.lines = append(s.judged.lines, list[i].judged(src, zone))
		}
	}
}

// judged is a line as rules see it.
func (k *kept) judged(src *sourceRow, zone *time.Location) rule.LogLine {
	l, e := k.parsed(zone)
	out := rule.LogLine{
		SiteNo: src.SiteNo, RealmNo: src.RealmNo, Source: src.ID, Name: src.Name, Asset: src.AssetID, Address: src.Address, At: k.At * 1000, Live: k.By != byFile,
		Host: ot.Printable(l.Host), App: l.App, Facility: l.Facility, Severity: l.Severity, Text: cmp.Or(l.Text, l.Data),
	}
	if e == nil {
		if l.Data != "" && l.Text != "" {
			out.Text = l.Data + " " + l.Text
		}
		return out
	}
	if !out.Live && !e.Told.IsZero() {
		out.At = e.Told.UnixNano()
	}
	ev := &rule.LogEvent{ID: e.ID, Provider: e.Provider, Channel: e.Channel, Computer: e.Computer, User: e.User, Level: e.Level, Keywords: e.Keywords, Record: e.Record, Values: make([]rule.Say, 0, len(e.Data))}
	for _, v := range e.Data {
		ev.Values = append(ev.Values, rule.Say{Name: v.Name, Value: v.Text})
	}
	out.Event = ev
	return out
}

// judge tells what the lines of a flush meet. What the database does not take is told with the next.
func (s *Service) judge(ctx context.Context) {
	j := &s.judged
	if len(j.lines) > 0 {
		hits, left := s.cfg.Judge.JudgeLines(j.lines)
		j.lines, j.left = nil, j.left+left
		j.hits = append(j.hits, hits...)
	}
	if now := s.now(); j.left > 0 && now.Sub(j.said).Abs() >= time.Minute {
		s.cfg.Log.Warn("log lines were kept, but not judged by the rules on logs: they came faster than these rules are; switch off what takes long", "lines", j.left)
		j.left, j.said = 0, now
	}
	if len(j.hits) == 0 || s.cfg.Raiser == nil {
		j.hits = nil
		return
	}
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		hits := slices.Clone(j.hits)
		if err := whereabouts(ctx, tx, hits); err != nil {
			return err
		}
		return s.cfg.Raiser.Raise(ctx, tx, hits...)
	})
	if err == nil {
		j.hits = nil
		return
	}
	s.cfg.Log.Error("alerts of log lines could not be written down; they are tried again", "error", err)
	if n := len(j.hits); n > maxUntold {
		j.hits = slices.Delete(j.hits, 0, n-maxUntold)
	}
}

// whereabouts says in which zone the assets of hits stand, and at which address, where the
// register does not say: the source sends through a relay, or its events came by file.
func whereabouts(ctx context.Context, r store.Reader, hits []rule.Hit) error {
	type row struct {
		Asset   string `db:"asset_id"`
		ZoneNo  int64  `db:"zone_no"`
		Realm   int64  `db:"realm_no"`
		Address string `db:"address"`
	}
	var ids []string
	for i := range hits {
		ids = append(ids, hits[i].Group[0])
	}
	slices.Sort(ids)
	at := map[string]row{}
	for part := range slices.Chunk(slices.Compact(ids), 500) {
		rows, err := store.All[row](ctx, r, `SELECT a.asset_id, a.zone_no, COALESCE(b.realm_no, 0) AS realm_no, COALESCE(b.address, '') AS address FROM asset_asset a
LEFT JOIN asset_binding b ON b.asset_id = a.asset_id AND b.kind = 'ip' AND b.to_at IS NULL WHERE a.asset_id IN (?) ORDER BY a.asset_id, b.address`, part)
		if err != nil {
			return err
		}
		for _, x := range rows {
			if _, have := at[x.Asset]; !have {
				at[x.Asset] = x
			}
		}
	}
	for i := range hits {
		h := &hits[i]
		x, ok := at[h.Group[0]]
		if !ok {
			continue
		}
		h.ZoneNo = x.ZoneNo
		if h.Client.IP == "" && x.Address != "" {
			h.Client.IP, h.RealmNo = x.Address, x.Realm
		}
	}
	return nil
}

// LinesAgain tells the lines that the sources of a site kept since a time, day by day, until fn
// says no. cut: it did.
func (s *Service) LinesAgain(ctx context.Context, r store.Reader, siteNo int64, since time.Time, fn func(rule.LogLine) bool) (cut bool, err error) {
	sources, err := store.All[searched](ctx, r, "SELECT "+sourceColumns+", o.tz FROM logs_source s JOIN org_site o ON o.site_no = s.site_no WHERE s.site_no = ? ORDER BY s.source_id LIMIT 2000", siteNo)
	if err != nil {
		return false, err
	}
	for day := dayOf(since.UnixMicro()); day <= dayOf(s.now().UnixMicro()); day++ {
		for i := range sources {
			src := &sources[i]
			zone := zoneOf(src.Clock, src.TZ)
			more, err := again(filepath.Join(s.folder(siteNo, src.ID), fileName(day)), since.UnixMicro(), func(k *kept) bool {
				return ctx.Err() == nil && (k.By == bySkanse || fn(k.judged(&src.sourceRow, zone)))
			})
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || !more {
				return !more, err
			}
		}
	}
	return false, nil
}

// again reads a file of a day from its beginning; false: fn said no.
func again(path string, since int64, fn func(*kept) bool) (more bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return true, err
	}
	defer func() { _ = f.Close() }() // read only
	r := bufio.NewReaderSize(f, 256<<10)
	for {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) {
			return true, nil // or torn, or being written
		}
		if err != nil {
			return true, err
		}
		var k kept
		if len(line) <= hashLen+2 || atOf(line) < since || json.Unmarshal(line[hashLen+1:], &k) != nil || k.At == 0 {
			continue
		}
		if !fn(&k) {
			return false, nil
		}
	}
}
