package sensor

import (
	"maps"

	"github.com/skanse/skanse/internal/ot"
)

// run is a transfer: a firmware crosses in a hundred thousand messages that are all
// alike, and what one asks of them is when it began and ended, how many there were and
// how much they carried. So the first of an interval is told, the others are counted
// on it, and the next interval names the packet with which it all began.
type run struct {
	began uint64 // the packet of its first message
	since int64  // when that came
	last  int64  // when the newest came
	at    int32  // its event of this interval among those of its rank, from 1; 0: none as yet
	rank  int8
}

const (
	openRuns = 1024
	runPause = int64(60e9) // what comes later is another transfer
	runMost  = hour        // what goes on all day is told again, so that it does not look like yesterday's
)

// runOf gives the transfer that a message belongs to, nil where it is none or there is no room to know it again.
func (l *lane) runOf(fl *flow, m *ot.Message) *run {
	if m.Class&ot.Transfer == 0 || l.brief {
		return nil
	}
	h := l.likeness(fl, m)
	h = (h ^ uint64(m.Unit)<<33 ^ uint64(m.Status)<<1 ^ uint64(m.Area)<<17 ^ uint64(m.Flags&ot.Refused)) * mix1
	h = (h ^ h>>31) * mix2
	for _, c := range m.Name {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	if r := l.events.runs[h]; r != nil {
		return r
	}
	if len(l.events.runs) >= openRuns {
		maps.DeleteFunc(l.events.runs, func(_ uint64, r *run) bool { return r.at == 0 })
	}
	if len(l.events.runs) >= openRuns {
		l.hit("transfers told as one")
		return nil
	}
	if l.events.runs == nil {
		l.events.runs = map[uint64]*run{}
	}
	r := &run{}
	l.events.runs[h] = r
	return r
}

// told notes the event that an interval tells of the transfer: the last of those kept.
func (r *run) told(rank int, kept []event, m *ot.Message, size int) {
	e := &kept[len(kept)-1]
	r.rank, r.at = int8(rank), int32(len(kept))
	if r.began != 0 && m.At-r.last < runPause && m.At-r.since < runMost {
		e.began = r.began
	} else {
		r.began, r.since = e.ref.number, m.At
	}
	r.last = m.At
	e.until, e.bytes = m.At, uint64(size)
}

// goesOn counts a further message of the transfer.
func (e *event) goesOn(m *ot.Message, size int) {
	e.repeats++
	e.until = max(e.until, m.At)
	e.bytes += uint64(size)
}

// restRuns begins a new interval.
func (l *lane) restRuns() {
	for h, r := range l.events.runs {
		if r.at == 0 && l.now.at-r.last > runPause || r.began == 0 {
			delete(l.events.runs, h)
		}
		r.at = 0
	}
}
