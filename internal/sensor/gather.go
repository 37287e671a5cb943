package sensor

import (
	"fmt"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Gathering puts consecutive summaries of one sensor together, for a centre that
// catches up: a plant says much the same every ten seconds, and a thousand rows that
// are each changed a hundred times cost a hundred times as much as once. What was
// told whole (events, facts) stays whole.
//
// A gathering has an identity of its own, so that it must be applied in one
// transaction with the mark that its parts are done.
type Gathering struct {
	sum    *Summary // nil: empty
	epoch  string
	n      int
	hosts  map[hostAt]int
	flows  map[flowAt]int
	tuples map[tupleAt]int
	facts  map[factAt]bool
}

type hostAt struct {
	ot.Host
	vlan uint16
}

type flowAt struct {
	FlowKey
	vlan uint16
}

type tupleAt struct {
	flow                            FlowKey
	protocol, kind, dir, text, name string
	class                           string
	code, unit, area                uint32
	space                           uint16
	also                            bool
}

type factAt struct {
	about, by       ot.Host
	attr            ot.Attr
	value, protocol string
}

// Bounds of a gathering: hours are told apart by the first time of a conversation,
// and what is listened to by the first and the last time.
const (
	gatherMost  = 64
	gatherPause = int64(time.Second)
	hour        = int64(time.Hour)
)

// Rows is about how many rows the gathering changes.
func (g *Gathering) Rows() int {
	if g.sum == nil {
		return 0
	}
	return 3*len(g.sum.Hosts) + 3*len(g.sum.Flows) + len(g.sum.Tuples) + len(g.sum.Events) + 3*len(g.sum.Facts) + 3*len(g.sum.Programs)
}

// Len says how many summaries it holds.
func (g *Gathering) Len() int { return g.n }

// Sum is the summary of all of them.
func (g *Gathering) Sum() *Summary { return g.sum }

// Add takes one more, or says that it does not fit: another sensor, another start,
// another hour, or something was not heard between them.
func (g *Gathering) Add(s *Summary) bool {
	if g.sum == nil {
		c := *s
		c.Hosts, c.Flows, c.Tuples, c.Events, c.Facts, c.Programs, c.Health = nil, nil, nil, nil, nil, nil, Health{}
		g.sum, g.epoch = &c, s.Epoch
		g.hosts, g.flows, g.tuples, g.facts = map[hostAt]int{}, map[flowAt]int{}, map[tupleAt]int{}, map[factAt]bool{}
	} else {
		pause := s.From - g.sum.To
		if g.n >= gatherMost || s.Sensor != g.sum.Sensor || s.Epoch != g.epoch || s.Live != g.sum.Live || s.From/hour != g.sum.From/hour || pause > gatherPause || pause < -gatherPause || g.sum.Last || g.sum.Health.Cut != "" {
			return false
		}
		g.sum.Epoch = fmt.Sprintf("%s+%d", g.epoch, g.n) // not that of its first part alone
	}
	g.n++
	g.sum.To, g.sum.Sent, g.sum.Last = s.To, s.Sent, s.Last
	for i := range s.Hosts {
		g.host(&s.Hosts[i])
	}
	for i := range s.Flows {
		g.flow(&s.Flows[i])
	}
	for i := range s.Tuples {
		g.tuple(&s.Tuples[i])
	}
	g.sum.Events = append(g.sum.Events, s.Events...)
	for i := range s.Facts {
		f := &s.Facts[i]
		k := factAt{f.About, f.By, f.Attr, f.Value, f.Protocol}
		if !g.facts[k] {
			g.facts[k] = true
			g.sum.Facts = append(g.sum.Facts, *f)
		}
	}
	g.sum.Programs = append(g.sum.Programs, s.Programs...)
	g.sum.Health.add(&s.Health)
	return true
}

func (g *Gathering) host(h *HostDelta) {
	k := hostAt{h.Host, h.VLAN}
	at, ok := g.hosts[k]
	if !ok {
		g.hosts[k] = len(g.sum.Hosts)
		g.sum.Hosts = append(g.sum.Hosts, *h)
		return
	}
	x := &g.sum.Hosts[at]
	if h.First < x.First {
		x.First, x.FirstPacket = h.First, h.FirstPacket
	}
	x.Last = max(x.Last, h.Last)
	x.Packets += h.Packets
	x.Bytes += h.Bytes
	x.ARP = x.ARP || h.ARP
	if x.TTLMin == 0 || h.TTLMin != 0 && h.TTLMin < x.TTLMin {
		x.TTLMin = h.TTLMin
	}
	x.TTLMax = max(x.TTLMax, h.TTLMax)
}

// strength orders the reasons for a client, strongest first.
func (b ClientBy) strength() int {
	switch b {
	case BySYN:
		return 3
	case ByProtocol:
		return 2
	case ByPort:
		return 1
	}
	return 0
}

func (g *Gathering) flow(f *FlowDelta) {
	k := flowAt{FlowKey{Realm: f.Realm, Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol}, f.VLAN}
	at, ok := g.flows[k]
	if !ok {
		g.flows[k] = len(g.sum.Flows)
		g.sum.Flows = append(g.sum.Flows, *f)
		return
	}
	x := &g.sum.Flows[at]
	switch {
	case f.First < x.First:
		x.First, x.FirstRef, x.Proof = f.First, f.FirstRef, f.Proof
	case f.FirstRef == x.FirstRef && len(f.Proof) > len(x.Proof):
		x.Proof = f.Proof
	}
	if f.ClientBy.strength() > x.ClientBy.strength() {
		x.ClientBy = f.ClientBy
	}
	if f.Guess != "" {
		x.Guess = f.Guess
	}
	if f.Print != nil {
		x.Print = f.Print // of the flow since it began: the newest knows most
	}
	x.Last = max(x.Last, f.Last)
	x.Sessions += f.Sessions
	x.Established = x.Established || f.Established
	x.ClientPackets += f.ClientPackets
	x.ClientBytes += f.ClientBytes
	x.ServerPackets += f.ServerPackets
	x.ServerBytes += f.ServerBytes
	x.Malformed += f.Malformed
	x.Lost += f.Lost
	x.Again += f.Again
	x.Resets += f.Resets
}

func (g *Gathering) tuple(t *TupleDelta) {
	k := tupleAt{t.Flow, t.Protocol, t.Kind, t.Dir, t.Text, t.Name, t.Class, t.Code, t.Unit, t.Area, t.Space, t.Also}
	at, ok := g.tuples[k]
	if !ok {
		g.tuples[k] = len(g.sum.Tuples)
		g.sum.Tuples = append(g.sum.Tuples, *t)
		x := &g.sum.Tuples[len(g.sum.Tuples)-1]
		x.Values = slices.Clone(t.Values) // ours to change
		if t.Pace != nil {
			x.Pace = new(*t.Pace)
		}
		return
	}
	x := &g.sum.Tuples[at]
	if t.First < x.First {
		x.First, x.FirstRef = t.First, t.FirstRef
	}
	x.Last = max(x.Last, t.Last)
	x.FirstItem, x.LastItem = min(x.FirstItem, t.FirstItem), max(x.LastItem, t.LastItem)
	x.Count += t.Count
	x.Refused += t.Refused
	x.Values = newest(x.Values, t.Values)
	switch {
	case t.Pace == nil:
	case x.Pace == nil:
		x.Pace = new(*t.Pace)
	default:
		x.Pace.Add(t.Pace)
	}
}

// add takes the counters of a later interval, and what it says of now.
func (h *Health) add(o *Health) {
	h.Mirror = h.Mirror.with(o.Mirror)
	if o.Port != nil { // as it is now, with what the card lost meanwhile
		port := *o.Port
		if h.Port != nil {
			port.TooLong += h.Port.TooLong
			port.Damaged += h.Port.Damaged
		}
		h.Port = &port
	}
	if o.Ring != nil {
		h.Ring = o.Ring
	}
	h.Packets += o.Packets
	h.Bytes += o.Bytes
	h.Malformed += o.Malformed
	h.Truncated += o.Truncated
	h.Dropped += o.Dropped
	h.Transmitted += o.Transmitted
	h.Lost += o.Lost
	h.Quarantined += o.Quarantined
	h.Repeated += o.Repeated
	h.Copies += o.Copies
	h.Pieces += o.Pieces
	h.Unknown += o.Unknown
	h.OTBytes += o.OTBytes
	for k, n := range o.BudgetHit {
		if h.BudgetHit == nil {
			h.BudgetHit = map[string]uint64{}
		}
		h.BudgetHit[k] += n
	}
	h.Told = h.Told.With(o.Told)
	h.OneSided, h.RuleSet, h.Cut = o.OneSided, o.RuleSet, o.Cut
}
