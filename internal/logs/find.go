package logs

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Filter says which lines are looked for.
type Filter struct {
	Site, Source, Asset string
	From, To            time.Time // received; zero: the oldest, now
	Text                string    // words that must all stand in it, in any case
	Worst               int       // severity at most this; -1: any
	Cursor              string
	Limit               int
}

// Line is a line that was found.
type Line struct {
	ID       string     `json:"id" doc:"Source, day and place in its file"`
	SourceID string     `json:"source_id"`
	Source   string     `json:"source"`
	AssetID  string     `json:"asset_id"`
	At       store.Time `json:"at" doc:"Received"`
	Told     store.Time `json:"told" doc:"By the device's own clock; null: it names no time"`
	Severity int        `json:"severity" doc:"0 emergency to 7 debug; -1: it does not say"`
	Host     string     `json:"host"`
	App      string     `json:"app"`
	Event    uint32     `json:"event" doc:"Number of a Windows event; 0: it is none"`
	Text     string     `json:"text"`
	By       string     `json:"by" enum:"udp,tls,file,skanse" doc:"How it came; skanse: a note of Skanse itself, such as lines that are missing"`
	Cut      bool       `json:"cut" doc:"It was longer than is kept"`
}

// Found is a page of lines, the newest first.
type Found struct {
	Items []Line     `json:"items" nullable:"false"`
	Next  string     `json:"next,omitempty" doc:"Give it as cursor to go on"`
	Until store.Time `json:"until" doc:"So far back was looked: there may be more before it, even on a page without lines; null: to the beginning"`
}

// at is the place of a line in the order of a search: newest first.
type at struct {
	At     int64  `json:"a"`
	Source string `json:"s"`
	Offset int64  `json:"o"`
}

func (a at) compare(b at) int {
	return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(a.Source, b.Source), cmp.Compare(b.Offset, a.Offset))
}

const (
	scanBudget = 24 << 20 // bytes that one page reads: about a second on a busy machine
	scanBlock  = 256 << 10
	mostFound  = 500
)

type searched struct {
	sourceRow
	TZ string `db:"tz"`
}

// Find looks for lines. A page ends where its lines or its reading budget do.
func (s *Service) Find(ctx context.Context, scope Scope, f Filter) (out Found, err error) {
	out.Items = []Line{}
	var from at
	if err := rest.DecodeCursor(f.Cursor, &from); err != nil {
		return out, err
	}
	if f.Limit <= 0 || f.Limit > mostFound {
		f.Limit = 100
	}
	now := s.now()
	if f.To.IsZero() || f.To.After(now) {
		f.To = now.Add(time.Second)
	}
	if from.At == 0 {
		from = at{At: f.To.UnixMicro(), Offset: -1} // nothing stands before it
	}
	sources, days, err := s.searchable(ctx, scope, f)
	if err != nil || len(sources) == 0 {
		return out, err
	}
	words := strings.Fields(strings.ToLower(f.Text))
	budget := int64(scanBudget)
	least := dayOf(f.From.UnixMicro())
	if f.From.IsZero() {
		least = 0
	}
	for _, day := range days {
		if day > dayOf(from.At) || day < least {
			continue
		}
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
		if budget <= 0 {
			end := (day + 1) * 86400e6
			out.Next, out.Until = rest.EncodeCursor(at{At: end, Offset: -1}), store.Micros(end)
			return out, nil
		}
		hits, reached, err := s.findDay(sources, day, from, f, words, f.Limit-len(out.Items), &budget)
		if err != nil {
			return out, err
		}
		for _, h := range hits {
			out.Items = append(out.Items, h.line)
		}
		if len(out.Items) >= f.Limit {
			last := hits[len(hits)-1].at
			out.Next, out.Until = rest.EncodeCursor(last), store.Micros(last.At)
			return out, nil
		}
		if reached != nil {
			out.Next, out.Until = rest.EncodeCursor(*reached), store.Micros(reached.At)
			return out, nil
		}
	}
	return out, nil
}

// searchable are the sources in question and the days that they have files of, the newest first.
func (s *Service) searchable(ctx context.Context, scope Scope, f Filter) (out []searched, days []int64, err error) {
	where := ot.SQL{Text: "1 = 1"}
	for _, x := range []struct{ col, value string }{{"o.site_id", f.Site}, {"s.source_id", f.Source}, {"s.asset_id", f.Asset}} {
		if x.value != "" {
			where = ot.SQL{Text: "? AND " + x.col + " = ?", Args: []any{where, x.value}}
		}
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		var err error
		out, err = store.All[searched](ctx, r, "SELECT "+sourceColumns+", o.tz FROM logs_source s JOIN org_site o ON o.site_no = s.site_no WHERE ? AND ? ORDER BY s.source_id LIMIT 2000", scope.Where("s.site_no", ""), where)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for _, x := range out {
		own, err := daysIn(s.folder(x.SiteNo, x.ID))
		if err != nil {
			return nil, nil, err
		}
		days = append(days, own...)
	}
	slices.Sort(days)
	days = slices.Compact(days)
	slices.Reverse(days)
	return out, days, nil
}

type hit struct {
	at   at
	line Line
}

// findDay looks through the files of a day, each backwards from the cursor on. reached is where
// the budget ended; nil: the day was read whole.
func (s *Service) findDay(sources []searched, day int64, from at, f Filter, words []string, want int, budget *int64) (hits []hit, reached *at, err error) {
	for i := range sources {
		src := &sources[i]
		file, err := os.Open(filepath.Join(s.folder(src.SiteNo, src.ID), fileName(day)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		got, stop, err := scan(file, src, day, from, f, words, want, budget)
		_ = file.Close() // read only
		if err != nil {
			return nil, nil, err
		}
		hits = append(hits, got...)
		if stop != nil && (reached == nil || stop.compare(*reached) < 0) {
			reached = stop // the newest place where one stopped: what lies behind it was not read by all
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { return a.at.compare(b.at) })
	if reached != nil {
		if n := slices.IndexFunc(hits, func(h hit) bool { return h.at.compare(*reached) > 0 }); n >= 0 {
			hits = hits[:n]
		}
	}
	if len(hits) > want {
		hits = hits[:want]
	}
	return hits, reached, nil
}

// scan reads a file backwards until it has what is wanted.
func scan(file io.ReaderAt, src *searched, day int64, from at, f Filter, words []string, want int, budget *int64) (out []hit, stop *at, err error) {
	size, err := sizeOf(file)
	if err != nil {
		return nil, nil, err
	}
	end, err := before(file, size, from.At)
	if err != nil {
		return nil, nil, err
	}
	zone := zoneOf(src.Clock, src.TZ)
	least := int64(0)
	if !f.From.IsZero() {
		least = f.From.UnixMicro()
	}
	last := at{At: from.At, Source: src.ID, Offset: end}
	err = backwards(file, end, func(offset int64, line []byte) bool {
		place := at{At: atOf(line), Source: src.ID, Offset: offset}
		if place.At == 0 || place.At < least {
			return false // the header, or older than is asked
		}
		*budget -= int64(len(line))
		last = place
		if place.compare(from) <= 0 {
			return true
		}
		if l, ok := match(line, src, day, place, zone, f, words); ok {
			out = append(out, hit{place, l})
		}
		if *budget <= 0 {
			stop = &last
			return false
		}
		return len(out) < want
	})
	return out, stop, err
}

// match reads a line and says whether it is one of those that are looked for.
func match(raw []byte, src *searched, day int64, place at, zone *time.Location, f Filter, words []string) (Line, bool) {
	var k kept
	if json.Unmarshal(bytes.TrimRight(raw[hashLen+1:], "\n"), &k) != nil {
		return Line{}, false
	}
	l, e := k.parsed(zone)
	if f.Worst >= 0 && (l.Severity < 0 || l.Severity > f.Worst) {
		return Line{}, false
	}
	out := Line{
		ID: src.ID + "/" + dayName(day) + "/" + itoa(place.Offset), SourceID: src.ID, Source: src.Name, AssetID: src.AssetID, At: store.Micros(k.At), Told: store.At(l.Told), Severity: l.Severity,
		Host: ot.Printable(l.Host), App: ot.Printable(l.App), Text: ot.Printable(l.Text), By: k.By, Cut: k.Cut,
	}
	if l.Data != "" {
		out.Text = ot.Printable(strings.TrimSpace(l.Data + " " + l.Text))
	}
	if e != nil {
		out.Event = e.ID
	}
	if len(words) > 0 {
		all := strings.ToLower(out.Host + " " + out.App + " " + out.Text)
		for _, w := range words {
			if !strings.Contains(all, w) {
				return Line{}, false
			}
		}
	}
	return out, true
}

func sizeOf(f io.ReaderAt) (int64, error) {
	if st, ok := f.(interface{ Stat() (fs.FileInfo, error) }); ok {
		i, err := st.Stat()
		if err != nil {
			return 0, err
		}
		return i.Size(), nil
	}
	return 0, errors.New("a file without a size")
}

// before finds, by halving, where the lines end that were received at a time or earlier.
func before(f io.ReaderAt, size, us int64) (int64, error) {
	lo, hi := int64(0), size // a line begins at lo, and none that begins before it is too late; all from hi on are
	for hi-lo > scanBlock {
		mid := lo + (hi-lo)/2
		start, line, err := lineAfter(f, mid)
		if err != nil {
			return 0, err
		}
		if line != nil && start < hi && atOf(line) <= us {
			lo = start + int64(len(line))
		} else {
			hi = mid + 1
		}
	}
	r := bufio.NewReaderSize(io.NewSectionReader(f, lo, size-lo), 64<<10)
	for lo < hi {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) || err == nil && atOf(line) > us {
			break // the rest is torn, being written, or too late
		}
		if err != nil {
			return 0, err
		}
		lo += int64(len(line))
	}
	return lo, nil
}

// lineAfter reads the first whole line that begins after offset; nil: there is none.
func lineAfter(f io.ReaderAt, offset int64) (start int64, line []byte, err error) {
	r := bufio.NewReaderSize(io.NewSectionReader(f, offset, 1<<62), 16<<10)
	skipped, err := readLine(r)
	if err == nil {
		line, err = readLine(r)
	}
	if errors.Is(err, io.EOF) {
		return 0, nil, nil
	}
	return offset + int64(len(skipped)), line, err
}

// backwards calls fn with each whole line before end, the last first, until it says no.
func backwards(f io.ReaderAt, end int64, fn func(offset int64, line []byte) bool) error {
	var tail []byte // of lines whose start was not read yet
	for pos := end; pos > 0; {
		n := min(pos, scanBlock)
		block := make([]byte, n, n+int64(len(tail)))
		if _, err := f.ReadAt(block, pos-n); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		pos -= n
		block = append(block, tail...)
		for {
			i := bytes.LastIndexByte(block[:max(len(block)-1, 0)], '\n')
			if i < 0 {
				break
			}
			if line := block[i+1:]; len(line) > hashLen+2 && line[len(line)-1] == '\n' && !fn(pos+int64(i)+1, line) {
				return nil
			}
			block = block[:i+1]
		}
		if len(block) > maxStored {
			return ot.Errorf(ot.Damaged, "a line is longer than any of ours: run skanse verify logs")
		}
		tail = block
	}
	if len(tail) > hashLen+2 && tail[len(tail)-1] == '\n' {
		fn(0, tail)
	}
	return nil
}
