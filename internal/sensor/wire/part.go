package wire

import (
	"fmt"
	"iter"
	"slices"

	"github.com/skanse/skanse/internal/sensor"
)

// Split cuts a summary that is over the bounds into parts that are not. The parts
// have epochs of their own, so that each stays idempotent; the first carries the
// health, and what others refer to comes first.
func Split(sum *sensor.Summary) []*sensor.Summary {
	if len(sum.Hosts)+len(sum.Flows)+len(sum.Tuples)+len(sum.Events)+len(sum.Facts) <= splitAt && content(sum.Programs) <= splitContent {
		return []*sensor.Summary{sum}
	}
	first := *sum
	first.Hosts, first.Flows, first.Tuples, first.Events, first.Facts = nil, nil, nil, nil, nil
	first.Programs = nil
	out := []*sensor.Summary{&first}
	next := func() *sensor.Summary {
		p := first
		p.Health, p.Epoch = sensor.Health{}, fmt.Sprintf("%s/%d", sum.Epoch, len(out))
		if t := sum.Health.Told; t != nil { // each part says whose words it holds; what is counted stands in one
			p.Health.Told = &sensor.Told{Kind: t.Kind}
		}
		p.Last = false
		out = append(out, &p)
		return &p
	}
	for part := range slices.Chunk(sum.Hosts, splitAt) {
		next().Hosts = part
	}
	for part := range slices.Chunk(sum.Flows, splitAt) {
		next().Flows = part
	}
	for part := range slices.Chunk(sum.Tuples, splitAt) {
		next().Tuples = part
	}
	for part := range slices.Chunk(sum.Events, splitAt) {
		next().Events = part
	}
	for part := range slices.Chunk(sum.Facts, splitAt) {
		next().Facts = part
	}
	for part := range chunks(sum.Programs) {
		next().Programs = part
	}
	// The health says that the source ended: it must be told last.
	return append(out[1:], out[0])
}

// splitAt leaves room: a record of each kind can name hosts and conversations of its own.
const splitAt = 30_000

// splitContent keeps a part with programs well below MaxBytes.
const splitContent = 8 << 20

func content(ps []sensor.Program) (n int) {
	for i := range ps {
		n += len(ps[i].Content)
	}
	return n
}

// chunks cuts programs so that no part's content is over splitContent, but for one program alone.
func chunks(ps []sensor.Program) iter.Seq[[]sensor.Program] {
	return func(yield func([]sensor.Program) bool) {
		for len(ps) > 0 {
			n, size := 1, len(ps[0].Content)
			for n < len(ps) && n < splitAt && size+len(ps[n].Content) <= splitContent {
				size += len(ps[n].Content)
				n++
			}
			if !yield(ps[:n]) {
				return
			}
			ps = ps[n:]
		}
	}
}

// Core leaves of a summary what is told only once: facts, events and health. What
// is counted goes: the edge drops it first when its disk runs full. It says how
// many counters it left out.
func Core(sum *sensor.Summary) (core *sensor.Summary, left int) {
	c := *sum
	left = len(c.Tuples) + len(c.Hosts)
	c.Tuples, c.Hosts, c.Flows = nil, nil, nil
	// An event needs its conversation, a fact its host: those stay.
	used := map[sensor.FlowKey]bool{}
	for i := range sum.Events {
		used[sum.Events[i].Flow] = true
	}
	for i := range sum.Programs {
		used[sum.Programs[i].Flow] = true
	}
	for i := range sum.Flows {
		f := &sum.Flows[i]
		if used[sensor.FlowKey{Realm: f.Realm, Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol}] {
			c.Flows = append(c.Flows, *f)
			continue
		}
		left++
	}
	about := map[[2]any]bool{}
	for i := range sum.Facts {
		about[[2]any{sum.Facts[i].About.MAC, sum.Facts[i].About.IP}] = true
	}
	for i := range sum.Hosts {
		if h := &sum.Hosts[i]; about[[2]any{h.MAC, h.IP}] {
			c.Hosts = append(c.Hosts, *h)
			left--
		}
	}
	return &c, left
}
