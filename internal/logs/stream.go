package logs

import (
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/skanse/skanse/internal/logs/syslog"
	"github.com/skanse/skanse/internal/logs/windows"
	"github.com/skanse/skanse/internal/store"
)

// stream is what a source says, on its way into its files.
type stream struct {
	mu   sync.Mutex
	src  sourceRow
	zone *time.Location

	wait      []kept
	waitBytes int64
	tokens    float64
	tokenAt   int64 // µs
	gap       int64 // lines not kept since the last note
	gapWhy    string
	gapFrom   int64
	notedAt   int64
	lastAt    int64 // µs, of the newest line
	today     int64 // bytes of the newest day
	todayIs   int64

	file    *dayFile
	heard   heardRow
	changed bool
	offsets []int64 // of the newest lines, µs
}

// heardRow is logs_heard.
type heardRow struct {
	SourceID string     `db:"source_id"`
	SiteNo   int64      `db:"site_no"`
	LastAt   store.Time `db:"last_at"`
	Lines    int64      `db:"lines"`
	Flooded  int64      `db:"flooded"`
	Lost     int64      `db:"lost"`
	OffsetUS int64      `db:"offset_us"`
	OffsetAt store.Time `db:"offset_at"`
	SilentAt store.Time `db:"silent_at"`
}

const heardColumns = "source_id, site_no, last_at, lines, flooded, lost, offset_us, offset_at, silent_at"

const (
	// waiting lines of one source: what a disk that stands still for a while costs.
	maxWaiting = 4 << 20
	// offsetSamples is how many lines the offset of a clock is taken from. A line that was held up
	// looks like a clock that is slow, never like one that is fast: the largest counts.
	offsetSamples = 16
	// noteEvery is how often a flood that goes on is noted in the file.
	noteEvery = int64(time.Minute / time.Microsecond)
)

// take adds a line, or counts it as not kept.
func (st *stream) take(k kept, told time.Time, measured bool, lim Limits, full string) {
	st.mu.Lock()
	defer st.mu.Unlock()
	k.At = max(k.At, st.lastAt) // a clock that was set back must not reorder lines
	st.lastAt = k.At
	st.changed = true
	st.heard.LastAt = store.Micros(k.At)
	st.heard.SilentAt = store.Time{}
	if measured && !told.IsZero() {
		st.measure(told.UnixMicro()-k.At, k.At)
	}
	if st.tokenAt == 0 {
		st.tokens = float64(lim.Burst)
	} else {
		st.tokens = min(st.tokens+float64(k.At-st.tokenAt)/1e6*float64(lim.Rate), float64(lim.Burst))
	}
	st.tokenAt = k.At
	if d := dayOf(k.At); d != st.todayIs {
		st.todayIs, st.today = d, 0
	}
	size := int64(len(k.Raw)+len(k.Bin)) + 120
	switch {
	case full != "":
		st.miss(&st.heard.Lost, full, k.At)
		return
	case st.tokens < 1:
		st.miss(&st.heard.Flooded, "more lines came than the bound for one source", k.At)
		return
	case st.today+size > lim.Day:
		st.miss(&st.heard.Flooded, "the source has filled its room for the day", k.At)
		return
	case st.waitBytes+size > maxWaiting:
		st.miss(&st.heard.Lost, "the disk is too slow", k.At)
		return
	}
	st.tokens--
	st.note(k.At)
	st.heard.Lines++
	st.today += size
	st.put(k, size)
}

func (st *stream) put(k kept, size int64) {
	st.wait = append(st.wait, k)
	st.waitBytes += size
}

// miss counts a line that is not kept.
func (st *stream) miss(n *int64, why string, at int64) {
	*n++
	if st.gap == 0 {
		st.gapWhy, st.gapFrom = why, at
	}
	st.gap++
}

// note writes into the file that lines are missing there.
func (st *stream) note(at int64) {
	if st.gap == 0 || st.notedAt != 0 && at-st.notedAt < noteEvery {
		return
	}
	st.notedAt = at
	from := time.UnixMicro(st.gapFrom).UTC().Format(time.RFC3339)
	st.put(kept{At: at, By: bySkanse, Raw: plural(st.gap, "line was", "lines were") + " not kept from " + from + " on: " + st.gapWhy + "."}, 200)
	st.gap = 0
}

func (st *stream) measure(off, at int64) {
	st.offsets = append(st.offsets, off)
	if len(st.offsets) > offsetSamples {
		st.offsets = st.offsets[1:]
	}
	best := st.offsets[0]
	for _, x := range st.offsets {
		best = max(best, x)
	}
	st.heard.OffsetUS, st.heard.OffsetAt = best, store.Micros(at)
}

// The ways in which lines come.
const (
	byUDP    = "udp"
	byTLS    = "tls"
	byFile   = "file"
	bySkanse = "skanse"
)

// asKept makes of a line what is kept of it.
func asKept(raw []byte, cut bool, by, from string, at time.Time) kept {
	k := kept{At: at.UnixMicro(), By: by, From: from, Cut: cut}
	if utf8.Valid(raw) {
		k.Raw = strings.TrimRight(string(raw), "\r\n\x00")
	} else {
		k.Bin = raw
	}
	return k
}

// text is a kept line as text.
func (k *kept) text() string {
	if len(k.Bin) > 0 {
		return strings.ToValidUTF8(string(k.Bin), "\ufffd")
	}
	return k.Raw
}

// parsed reads a kept line.
func (k *kept) parsed(zone *time.Location) (l syslog.Line, e *windows.Event) {
	if k.Event != nil {
		return ofEvent(k.Event), k.Event
	}
	if k.By == bySkanse {
		return syslog.Line{Facility: -1, Severity: 4, App: "skanse", Text: k.Raw}, nil
	}
	l = syslog.Parse(k.text(), time.UnixMicro(k.At).UTC(), zone)
	if ev, ok := windows.InText(l.Text); ok {
		of := ofEvent(&ev)
		if of.Host == "" {
			of.Host = l.Host
		}
		return of, &ev
	}
	return l, nil
}

func ofEvent(e *windows.Event) syslog.Line {
	return syslog.Line{Facility: -1, Severity: e.Severity(), Told: e.Told, Host: e.Computer, App: e.Provider, ID: e.Channel, Text: e.Text()}
}
