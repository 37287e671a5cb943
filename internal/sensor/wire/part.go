package wire

import (
	"fmt"
	"slices"

	"github.com/skanse/skanse/internal/sensor"
)

// Split cuts a summary that is over the bounds into parts that are not. The parts
// have epochs of their own, so that each stays idempotent; the first carries the
// health, and what others refer to comes first.
func Split(sum *sensor.Summary) []*sensor.Summary {
	if len(sum.Hosts)+len(sum.Flows)+len(sum.Tuples)+len(sum.Events)+len(sum.Facts) <= splitAt {
		return []*sensor.Summary{sum}
	}
	first := *sum
	first.Hosts, first.Flows, first.Tuples, first.Events, first.Facts = nil, nil, nil, nil, nil
	out := []*sensor.Summary{&first}
	next := func() *sensor.Summary {
		p := first
		p.Health, p.Epoch = sensor.Health{}, fmt.Sprintf("%s/%d", sum.Epoch, len(out))
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
	// The health says that the source ended: it must be told last.
	return append(out[1:], out[0])
}

// splitAt leaves room: a record of each kind can name hosts and conversations of its own.
const splitAt = 30_000

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
