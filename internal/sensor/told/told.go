// Package told turns what other sensors say (Zeek and Suricata logs, flow records)
// into the summaries that our own sensor gives, so that everything behind them is
// the same. Its folders read one kind each. It opens no capture, and what a log does
// not say it does not fill in: no packet, no message, no function that was not named.
package told

import (
	"net/netip"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// Config says for whom a teller gathers.
type Config struct {
	Sensor, Epoch string // of a file both its SHA-256
	Kind          string // sensor.ToldZeek, …
	Live          bool
	Protocols     *dissect.Set // names, classes and usual ports
	Rules         *rule.Set    // run on every message that is named; nil: none
	Emit          func(*sensor.Summary) error
	Most          int    // rows of a summary before it is given away; 0: 20,000
	First         uint64 // number of the last summary that was given before
}

// Bounds of what a teller remembers over the whole source.
const (
	defaultMost = 20_000
	maxSeen     = 65_536 // facts, and kinds of messages, that were told once
	maxEvents   = 20_000 // of one summary; the rest is counted
)

// Teller gathers what lines or records say. One goroutine uses it.
type Teller struct {
	cfg   Config
	names *Names
	ports *sensor.Ports
	seq   uint64

	ref   ot.PacketRef // of the line or record in hand
	proof []byte

	sum    *sensor.Summary
	hosts  map[hostKey]int
	convs  map[sensor.FlowKey]*sensor.FlowDelta
	tuples map[tupleKey]int
	facts  map[factKey]bool
	kinds  map[tupleKey]bool
	hits   []uint16
}

type hostKey struct {
	ot.Host
	vlan uint16
}

type tupleKey struct {
	flow                      sensor.FlowKey
	protocol, kind, dir, text string
	code, unit, area          uint32
	space                     uint16
	also                      bool
}

type factKey struct {
	about ot.Host
	attr  ot.Attr
	value string
}

// New makes a teller.
func New(cfg Config) *Teller {
	if cfg.Most <= 0 {
		cfg.Most = defaultMost
	}
	t := &Teller{cfg: cfg, names: NewNames(cfg.Protocols), ports: sensor.NewPorts(cfg.Protocols), seq: cfg.First, facts: map[factKey]bool{}, kinds: map[tupleKey]bool{}}
	t.begin()
	return t
}

// Names are the catalogue's.
func (t *Teller) Names() *Names { return t.names }

func (t *Teller) begin() {
	t.sum = &sensor.Summary{Sensor: t.cfg.Sensor, Epoch: t.cfg.Epoch, Live: t.cfg.Live, Health: sensor.Health{Told: &sensor.Told{Kind: t.cfg.Kind}}}
	t.hosts, t.convs, t.tuples = map[hostKey]int{}, map[sensor.FlowKey]*sensor.FlowDelta{}, map[tupleKey]int{}
}

// At names the line or record that the following comes from. proof is what of it may
// be kept: without anything that nobody may read. It is copied.
func (t *Teller) At(number uint64, at, offset int64, proof []byte) {
	t.ref = ot.PacketRef{Source: t.cfg.Sensor, Number: number, Seen: at, Offset: offset}
	t.proof = proof[:min(len(proof), ot.MaxProof)]
	t.span(at, at)
}

// span widens the time that the summary covers.
func (t *Teller) span(first, last int64) {
	if first <= 0 {
		return
	}
	if t.sum.From == 0 || first < t.sum.From {
		t.sum.From = first
	}
	t.sum.To = max(t.sum.To, last)
}

// Record counts a line or record that was understood.
func (t *Teller) Record() { t.sum.Health.Told.Records++ }

// Skip counts one that was not, and keeps why of the first.
func (t *Teller) Skip(why string) {
	o := t.sum.Health.Told
	o.Records++
	o.Skipped++
	if o.Why == "" {
		o.Why = ot.Printable(why)
	}
}

// Exporter notes how the device does that the records come from.
func (t *Teller) Exporter(x sensor.Exporter) { t.sum.Health.Told.Exporter = &x }

// Cut notes that the source ended too early.
func (t *Teller) Cut(where string) { t.sum.Health.Cut = where }

// rows is about how much the summary holds.
func (t *Teller) rows() int {
	s := t.sum
	return len(s.Hosts) + len(t.convs) + len(s.Tuples) + len(s.Events) + len(s.Facts)
}

// Full says that the summary holds as much as it should.
func (t *Teller) Full() bool { return t.rows() >= t.cfg.Most }

// Kind says what the source turned out to be.
func (t *Teller) Kind(kind string) {
	if kind != "" {
		t.cfg.Kind, t.sum.Health.Told.Kind = kind, kind
	}
}

// Breathe gives the summary away when it is full. It is asked between two lines or
// records, so that the same file is always cut at the same places.
func (t *Teller) Breathe() error {
	if !t.Full() {
		return nil
	}
	return t.Flush(false)
}

// Flush gives the summary away.
func (t *Teller) Flush(last bool) error {
	t.seq++
	s := t.sum
	s.Seq, s.Last = t.seq, last
	for _, d := range t.convs {
		s.Flows = append(s.Flows, *d)
	}
	sortFlows(s.Flows)
	t.begin()
	return t.cfg.Emit(s)
}

// Host notes that somebody sent: packets of it, between first and last.
func (t *Teller) Host(h ot.Host, vlan uint16, ttl uint8, first, last int64, packets, bytes uint64) {
	if !named(h) {
		return
	}
	t.span(first, last)
	k := hostKey{h, vlan}
	i, ok := t.hosts[k]
	if !ok {
		i = len(t.sum.Hosts)
		t.hosts[k] = i
		t.sum.Hosts = append(t.sum.Hosts, sensor.HostDelta{Host: h, VLAN: vlan, First: first, Last: last, FirstPacket: t.ref.Number, TTLMin: ttl, TTLMax: ttl})
	}
	x := &t.sum.Hosts[i]
	if first < x.First {
		x.First, x.FirstPacket = first, t.ref.Number
	}
	x.Last = max(x.Last, last)
	x.Packets += packets
	x.Bytes += bytes
	if ttl != 0 && (x.TTLMin == 0 || ttl < x.TTLMin) {
		x.TTLMin = ttl
	}
	x.TTLMax = max(x.TTLMax, ttl)
}

// Possible says that a host can have an address at all. Old versions of Zeek take
// frames that are no IP for IPv6, and log addresses that were never given out.
func Possible(ip netip.Addr) bool {
	if !ip.Is6() || ip.Is4In6() || ip.IsLoopback() || ip.IsMulticast() || ip.IsUnspecified() {
		return ip.IsValid()
	}
	first := ip.As16()[0]
	return first>>5 == 1 || ip.IsPrivate() || ip.IsLinkLocalUnicast()
}

// named says that a host can be the sender of something.
func named(h ot.Host) bool {
	if h.IP.IsValid() {
		return Possible(h.IP) && !h.IP.IsMulticast() && !h.IP.IsUnspecified() && h.IP.String() != "255.255.255.255"
	}
	return h.MAC != (ot.MAC{}) && !h.MAC.Group()
}

// Fact notes what a device states of itself, or a peer of it. The same again is nothing new.
func (t *Teller) Fact(about ot.Host, attr ot.Attr, value, protocol string, by ot.Host) {
	raw := value
	value = ot.Printable(value)
	if value == "" || !named(about) {
		return
	}
	if len(value) > ot.MaxFact {
		value = ot.Printable(value[:ot.MaxFact])
	}
	k := factKey{about, attr, value}
	if t.facts[k] {
		return
	}
	if len(t.facts) < maxSeen {
		t.facts[k] = true
	} else {
		t.hit("facts")
	}
	f := sensor.Fact{About: about, Attr: attr, Value: value, Protocol: protocol, By: by, Ref: t.ref, Proof: t.keep()}
	if raw != value {
		f.Raw = []byte(raw[:min(len(raw), ot.MaxFact)])
	}
	t.sum.Facts = append(t.sum.Facts, f)
}

func (t *Teller) keep() []byte {
	if len(t.proof) == 0 {
		return nil
	}
	return append([]byte(nil), t.proof...)
}

func (t *Teller) hit(budget string) {
	if t.sum.Health.BudgetHit == nil {
		t.sum.Health.BudgetHit = map[string]uint64{}
	}
	t.sum.Health.BudgetHit[budget]++
}
