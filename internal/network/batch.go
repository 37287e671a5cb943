package network

import (
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Bounds of a batch, so that its transaction stays below 2,000 rows.
const (
	batchFlows  = 150
	batchTuples = 800
	batchEvents = 300
)

// Batch is a part of a summary that one transaction takes. The last one carries
// the source's health.
type Batch struct {
	Sensor, Epoch string
	Seq           uint64
	No            int
	Live          bool
	Told          bool // another sensor's words
	From          int64
	flows         []sensor.FlowDelta
	tuples        []sensor.TupleDelta
	events        []sensor.Event
	programs      []sensor.Program
	health        *sensor.Summary
}

// Batches cuts a summary; the same summary always gives the same batches.
func Batches(sum *sensor.Summary) []*Batch {
	var out []*Batch
	add := func() *Batch {
		b := &Batch{Sensor: sum.Sensor, Epoch: sum.Epoch, Seq: sum.Seq, No: len(out), Live: sum.Live, From: sum.From, Told: sum.Health.Told != nil}
		out = append(out, b)
		return b
	}
	at := map[sensor.FlowKey]*Batch{}
	for lo := 0; lo < len(sum.Flows); lo += batchFlows {
		b := add()
		b.flows = sum.Flows[lo:min(lo+batchFlows, len(sum.Flows))]
		for i := range b.flows {
			f := &b.flows[i]
			at[sensor.FlowKey{Realm: f.Realm, Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol}] = b
		}
	}
	var rest *Batch // what does not fit beside its flow comes after all flows
	spill := func(full func(*Batch) bool) *Batch {
		if rest == nil || full(rest) {
			rest = add()
		}
		return rest
	}
	fullT := func(b *Batch) bool { return len(b.tuples) >= batchTuples }
	fullE := func(b *Batch) bool { return len(b.events) >= batchEvents }
	for i := range sum.Tuples {
		b := at[sum.Tuples[i].Flow]
		if b == nil || fullT(b) {
			b = spill(fullT)
		}
		b.tuples = append(b.tuples, sum.Tuples[i])
	}
	for i := range sum.Events {
		b := at[sum.Events[i].Flow]
		if b == nil || fullE(b) {
			b = spill(fullE)
		}
		b.events = append(b.events, sum.Events[i])
	}
	for i := range sum.Programs { // one each: a program may be megabytes
		add().programs = sum.Programs[i : i+1]
	}
	add().health = sum
	return out
}

// Whole is a summary in one batch, for one that is applied in one transaction with
// the mark that it was, so that how it is cut does not matter.
func Whole(sum *sensor.Summary) *Batch {
	return &Batch{Sensor: sum.Sensor, Epoch: sum.Epoch, Seq: sum.Seq, Live: sum.Live, From: sum.From, Told: sum.Health.Told != nil, flows: sum.Flows, tuples: sum.Tuples, events: sum.Events, programs: sum.Programs, health: sum}
}

// end is how one side of a conversation is stored.
type end struct{ mac, ip string }

func endOf(h ot.Host) end {
	e := end{mac: h.MAC.String()}
	if h.IP.IsValid() {
		e.ip = h.IP.Unmap().WithZone("").String()
	}
	return e
}

// name is the end's part of the key: conversations of IP hosts do not depend on
// the router that a packet took.
func (e end) name() string {
	if e.ip != "" {
		return e.ip
	}
	return e.mac
}

// convKey names a conversation whichever side is taken for the client.
func convKey(realmNo int64, a, b end, transport string, port uint16, protocol string) string {
	x, y := a.name(), b.name()
	if y < x {
		x, y = y, x
	}
	return strings.Join([]string{strconv.FormatInt(realmNo, 10), x, y, transport, strconv.Itoa(int(port)), protocol}, "|")
}

// Rows is about how many rows the batch writes.
func (b *Batch) Rows() int { return 3*len(b.flows) + len(b.tuples) + len(b.events) + 3*len(b.programs) }
