package flows

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
	"github.com/skanse/skanse/internal/sensor/told"
)

// Bounds of what is remembered of an exporter.
const (
	maxRemembered = 4096                   // datagrams that are known again
	maxAge        = int64(24 * time.Hour)  // of a flow, before the datagram that tells of it
	restful       = int64(2 * time.Second) // a clock that is off by more is mended: flows lie on ours
	farBack       = 1 << 16                // a sequence that falls back by more began anew
)

// Exporter is one device that sends flow records. One goroutine uses it.
type Exporter struct {
	addr    netip.Addr
	t       *told.Teller
	kind    string
	domains map[uint64]*domain
	records uint64 // of this run: what references count
	state   sensor.Exporter
	uptime  int64
	rate    uint32

	seed  maphash.Seed
	known map[uint64]struct{}
	order []uint64
}

// NewExporter makes one. cfg.Kind is the kind until the first datagram says better.
func NewExporter(addr netip.Addr, cfg told.Config) *Exporter {
	cfg.Live = true
	return &Exporter{
		addr: addr, t: told.New(cfg), domains: map[uint64]*domain{}, seed: maphash.MakeSeed(), known: map[uint64]struct{}{},
		state: sensor.Exporter{Address: addr.String(), Unit: "datagrams"},
	}
}

// Take reads one datagram, which came at now. Whatever is wrong with it is counted;
// the records before the fault stay. The same datagram again changes nothing.
func (e *Exporter) Take(b []byte, now time.Time) {
	if e.again(b) {
		e.state.Repeated++
		return
	}
	e.state.Datagrams++
	var h header
	var got samples
	at := now.UnixNano()
	var list []record
	keep := func(x *record) { list = append(list, *x) }
	err := e.read(b, &h, &got, keep)
	if h.version != "" {
		e.header(&h, at)
	}
	for i := range list {
		e.record(&list[i], &h, at)
	}
	if err != nil {
		e.state.Damaged++
		e.t.Skip(err.Error())
	}
	e.state.Counters += got.counters
	e.state.Cut += got.short
}

func (e *Exporter) read(b []byte, h *header, got *samples, out func(*record)) error {
	if isSFlow(b) {
		e.kind = sensor.ToldSFlow
		return sflow(b, h, got, out)
	}
	if len(b) < 2 {
		return errShort
	}
	switch binary.BigEndian.Uint16(b) {
	case 5:
		e.kind = sensor.ToldNetFlow
		return netflow5(b, h, out)
	case 9:
		e.kind = sensor.ToldNetFlow
		return e.netflow9(b, h, out)
	case 10:
		e.kind = sensor.ToldIPFIX
		return e.ipfix(b, h, out)
	}
	return errVersion
}

func (e *Exporter) netflow9(b []byte, h *header, out func(*record)) error {
	r := be{b: b}
	r.u32()
	uptime, secs, seq, id := r.u32(), r.u32(), r.u32(), r.u32()
	if r.fail {
		return errShort
	}
	*h = header{version: "NetFlow v9", domain: 9<<32 | uint64(id), sequence: seq, uptime: int64(uptime) * millisecond, sent: int64(secs) * second, units: 1, unit: "datagrams", counts: true}
	return e.sets(r.b, false, h, out)
}

func (e *Exporter) ipfix(b []byte, h *header, out func(*record)) error {
	r := be{b: b}
	r.u16()
	length, secs, seq, id := r.u16(), r.u32(), r.u32(), r.u32()
	if r.fail || int(length) < 16 || int(length) > len(b) {
		return errLength
	}
	*h = header{version: "IPFIX", domain: 10<<32 | uint64(id), sequence: seq, sent: int64(secs) * second, unit: "records", counts: true}
	return e.sets(b[16:length], true, h, out)
}

func (e *Exporter) sets(b []byte, ipfix bool, h *header, out func(*record)) error {
	d := e.domain(h.domain)
	if d == nil {
		return fmt.Errorf("it is of more than %d observation domains: %w", maxDomains, errLength)
	}
	untold, err := d.templated(b, ipfix, h, out)
	e.state.Untold += untold
	if untold > 0 {
		h.counts = h.counts && !ipfix // how many records were in them is not known
	}
	return err
}

func (e *Exporter) domain(id uint64) *domain {
	d := e.domains[id]
	if d == nil && len(e.domains) < maxDomains {
		d = newDomain()
		e.domains[id] = d
	}
	return d
}

// again says whether this very datagram came before. Two that are not the same differ
// in their sequence or their time.
func (e *Exporter) again(b []byte) bool {
	k := maphash.Bytes(e.seed, b)
	if _, have := e.known[k]; have {
		return true
	}
	if len(e.order) >= maxRemembered {
		delete(e.known, e.order[0])
		e.order = e.order[1:]
	}
	e.known[k] = struct{}{}
	e.order = append(e.order, k)
	return false
}

// header notes what a datagram says of its exporter: how many are missing before it,
// how its clock goes, whether it started anew.
func (e *Exporter) header(h *header, at int64) {
	e.state.Version, e.state.Unit = h.version, h.unit
	if h.rate > 0 {
		e.rate = h.rate
	}
	if h.sent != 0 {
		e.state.Skew = h.sent - at
	}
	restarted := false
	if h.uptime != 0 {
		if e.uptime-h.uptime > 10*second && e.uptime < (1<<32-60_000)*millisecond { // not the wrap after 49 days
			e.state.Restarts++
			restarted = true
		}
		e.uptime, e.state.Uptime = h.uptime, h.uptime
	}
	d := e.domain(h.domain)
	if d == nil {
		return
	}
	if d.started && !restarted {
		ahead := h.sequence - d.next
		switch back := d.next - h.sequence; {
		case ahead == 0:
		case ahead < 1<<31:
			d.pending += ahead
		case back <= farBack: // late, not lost
			d.pending -= min(d.pending, max(h.units, 1))
			return
		}
	}
	d.started = true
	d.next = h.sequence + h.units
	if !h.counts {
		d.started = false // the next one is taken as it comes
	}
}

// record tells one flow.
func (e *Exporter) record(x *record, h *header, at int64) {
	e.records++
	skew := int64(0)
	if h.sent != 0 && (e.state.Skew > restful || e.state.Skew < -restful) {
		skew = e.state.Skew
	}
	when := func(ns int64) int64 {
		if ns == 0 {
			return at
		}
		return min(max(ns-skew, at-maxAge), at)
	}
	first, last := when(x.first), when(x.last)
	if last < first {
		first = last
	}
	if x.rate == 0 {
		x.rate = e.rate
	}
	times := uint64(max(x.rate, 1))
	e.state.Sampling = max(x.rate, e.state.Sampling)
	transport := x.transport
	if transport == "" {
		transport = over(x)
	}
	e.t.At(e.records, first, 0, nil)
	src, dst := ot.Host{IP: x.src}, ot.Host{IP: x.dst}
	if x.ether {
		if x.srcMAC == (ot.MAC{}) || x.dstMAC == (ot.MAC{}) {
			e.t.Skip("a flow that names no two ends")
			return
		}
		src, dst, transport = ot.Host{MAC: x.srcMAC}, ot.Host{MAC: x.dstMAC}, "ether"
	} else if !told.Possible(x.src) || !told.Possible(x.dst) {
		e.t.Skip("a flow that names no two ends")
		return
	}
	e.t.Record()
	k := told.Talk{Orig: src, Resp: dst, OrigPort: x.srcPort, RespPort: x.dstPort, VLAN: x.vlan, Transport: transport, By: sensor.ByGuess}
	var sessions uint64
	const syn, ack = 2, 16
	switch {
	case transport == "tcp" && x.flags&(syn|ack) == syn, x.begun:
		k.By = sensor.BySYN
	}
	c := e.t.Talk(k)
	if transport == "tcp" && x.flags&syn != 0 && !c.Swapped() {
		sessions = 1
	}
	c.Count(first, last, sessions, x.packets*times, x.bytes*times, x.revPackets*times, x.revLen*times)
	if x.packets > 0 {
		e.t.Host(src, x.vlan, x.ttl, first, last, x.packets*times, x.bytes*times)
	}
	if x.revPackets > 0 {
		e.t.Host(dst, x.vlan, 0, first, last, x.revPackets*times, x.revLen*times)
	}
}

// over names what a flow goes over.
func over(x *record) string {
	switch x.proto {
	case ipTCP:
		return "tcp"
	case ipUDP:
		return "udp"
	case ipICMP, ipICMP6:
		return "icmp"
	}
	return fmt.Sprintf("ip-%d", x.proto)
}

// Kind is what it sends, as its datagrams say; "": none came yet.
func (e *Exporter) Kind() string { return e.kind }

// Flush gives what was told since the last time, also when that is nothing: an
// exporter that is silent and one that is gone are told apart by its age.
func (e *Exporter) Flush(last bool) error {
	for _, d := range e.domains {
		e.state.Lost += uint64(d.pending)
		d.pending = 0
		e.state.Templates += len(d.templates)
	}
	if e.state.Datagrams == 0 && e.state.Repeated == 0 && !last {
		e.state.Templates = 0
		return nil
	}
	if e.state.Sampling == 0 {
		e.state.Sampling = e.rate
	}
	e.t.Kind(e.kind)
	e.t.Exporter(e.state)
	x := &e.state
	e.state = sensor.Exporter{Address: x.Address, Version: x.Version, Unit: x.Unit, Skew: x.Skew, Uptime: x.Uptime}
	return e.t.Flush(last)
}

// Full says that a summary should be given before its time.
func (e *Exporter) Full() bool { return e.t.Full() }
