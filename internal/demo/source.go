package demo

import (
	"container/heap"
	"context"
	"io"
	"math/rand/v2"
	"time"

	"github.com/skanse/skanse/internal/sensor"
)

// Source plays one site's traffic as a sensor would hear it: everything
// between From and To at once, then, if Live, on in real time.
type Source struct {
	ctx    context.Context
	queue  schedule
	frames frameHeap
	seq    int
	now    func() time.Time // nil: never wait, end at to
	to     int64
	rng    *rand.Rand
	stats  sensor.SourceStats
}

type turn struct {
	at    int64
	every time.Duration
	say   func(at int64, out emit, rng *rand.Rand)
	seq   int
}

type frame struct {
	at   int64
	seq  int
	data []byte
}

// NewSource starts a site's traffic at from. Episodes happen relative to
// present; those outside [from, to) are left out. With live set the source
// goes on after to, in real time, until ctx ends.
func (s *Site) NewSource(ctx context.Context, from, to, present time.Time, live bool) *Source {
	src := &Source{ctx: ctx, to: to.UnixNano(), rng: rand.New(rand.NewPCG(uint64(len(s.Name)), uint64(from.Unix())))}
	if live {
		src.now = time.Now
	}
	for _, t := range s.talks {
		// Each habit begins at a place of its own, so that the plant never speaks all at once.
		spread := min(t.every, 6*time.Hour)
		if live && t.every == poll {
			spread = livePoll
		}
		begin := from.UnixNano() + src.rng.Int64N(int64(spread))
		src.add(turn{at: begin, every: t.every, say: t.say})
	}
	for _, e := range s.story {
		at := present.Add(-e.before)
		if !at.Before(from) && at.Before(to) {
			src.add(turn{at: at.UnixNano(), say: e.say})
		}
	}
	return src
}

func (s *Source) add(t turn) {
	s.seq++
	t.seq = s.seq
	heap.Push(&s.queue, t)
}

// Next implements sensor.Source.
func (s *Source) Next(p *sensor.Packet) error {
	for len(s.queue) > 0 && (len(s.frames) == 0 || s.queue[0].at <= s.frames[0].at) {
		t := heap.Pop(&s.queue).(turn)
		t.say(t.at, func(at int64, data []byte) {
			s.seq++
			heap.Push(&s.frames, frame{at: at, seq: s.seq, data: data})
		}, s.rng)
		if t.every > 0 {
			// A tenth of jitter: devices keep time, networks do not.
			every := s.pace(t)
			t.at += every - every/20 + s.rng.Int64N(every/10)
			heap.Push(&s.queue, t)
		}
	}
	if len(s.frames) == 0 {
		return io.EOF
	}
	next := s.frames[0].at
	if next >= s.to {
		if s.now == nil {
			return io.EOF
		}
		if err := s.wait(next); err != nil {
			return err
		}
	}
	f := heap.Pop(&s.frames).(frame)
	s.stats.Packets++
	s.stats.Bytes += uint64(len(f.data))
	*p = sensor.Packet{Data: f.data, At: f.at, Number: s.stats.Packets, Wire: len(f.data), Link: sensor.LinkEthernet, Iface: "mirror0"}
	return nil
}

// pace is how long until a habit's next turn. Polls that history only samples
// are spoken often once the demo is live, so that every zone is heard.
func (s *Source) pace(t turn) int64 {
	if s.now != nil && t.every == poll && t.at+int64(t.every) > s.to {
		return int64(livePoll)
	}
	return int64(t.every)
}

const livePoll = 20 * time.Second

func (s *Source) wait(at int64) error {
	d := time.Until(time.Unix(0, at))
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.ctx.Done():
		return io.EOF
	case <-timer.C:
		return nil
	}
}

// Close implements sensor.Source.
func (s *Source) Close() error { return nil }

// Stats implements sensor.Source.
func (s *Source) Stats() sensor.SourceStats { return s.stats }

type schedule []turn

func (q schedule) Len() int { return len(q) }
func (q schedule) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q schedule) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *schedule) Push(x any)   { *q = append(*q, x.(turn)) }
func (q *schedule) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

type frameHeap []frame

func (q frameHeap) Len() int { return len(q) }
func (q frameHeap) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].seq < q[j].seq
}
func (q frameHeap) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *frameHeap) Push(x any)   { *q = append(*q, x.(frame)) }
func (q *frameHeap) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}
