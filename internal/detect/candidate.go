package detect

import (
	"net/netip"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// candidate is what a rule's mask let through: the rule, and what of the summary it looks
// at. A capture has a hundred times more of them than hits, so they hold nothing else.
type candidate struct {
	r  *rule.Ready
	on subject
	at int32 // in the summary's list
}

// subject is what a rule looks at.
type subject uint8

const (
	anEvent subject = iota
	aTuple
	aTalk
	aFact
	anAddress // what ARP says of one, as a fact
)

func (l *Look) add(r *rule.Ready, on subject, at int) {
	l.cands = append(l.cands, candidate{r, on, int32(at)})
}

func (l *Look) messages() {
	var told []uint16
	for i := range l.sum.Events {
		e := &l.sum.Events[i]
		for _, id := range e.Rules {
			if r := l.j.set.Ready(id); r != nil {
				l.add(r, anEvent, i)
			}
		}
		if m, ok := l.spoken(e); ok {
			told = l.j.set.HitTold(&m, told[:0])
			for _, n := range told {
				l.add(l.j.set.At(n), anEvent, i)
			}
		}
	}
}

// spoken is a message that was told whole as the sensor's masks see it, short of its flags
// but refused; false: the catalogue does not have it.
func (l *Look) spoken(e *sensor.Event) (ot.Message, bool) {
	m := ot.Message{Class: ot.ParseClass(e.Class), Dir: direction(e.Dir), Code: e.Code, Unit: e.Unit}
	if e.Text != "" {
		m.Text = []byte(e.Text)
	}
	if e.Refused {
		m.Flags = ot.Refused
	}
	return m, l.number(&m, e.Protocol, e.Kind)
}

func direction(s string) ot.Dir {
	switch s {
	case "request":
		return ot.Request
	case "response":
		return ot.Response
	}
	return ot.DirNone
}

// number puts the numbers of names into a message; false: the catalogue does not have them.
func (l *Look) number(m *ot.Message, protocol, kind string) bool {
	if protocol != l.protocol || kind != l.kind {
		l.protocol, l.kind = protocol, kind
		l.numbered = l.look(&l.at, protocol, kind)
	}
	m.Protocol, m.Kind = l.at.Protocol, l.at.Kind
	return l.numbered
}

func (l *Look) look(m *ot.Message, protocol, kind string) bool {
	at := func(key string, find func() (int, bool)) (int, bool) {
		l.j.mu.Lock()
		defer l.j.mu.Unlock()
		n, ok := l.j.numbers[key]
		if !ok {
			if n, ok = find(); !ok {
				n = -1
			}
			if len(l.j.numbers) < maxNames {
				l.j.numbers[key] = n
			}
		}
		return n, n >= 0
	}
	if l.j.names == nil {
		return false
	}
	p, ok := at(protocol, func() (int, bool) { p, ok := l.j.names.Lookup(protocol); return int(p), ok })
	if !ok {
		return false
	}
	m.Protocol = ot.Protocol(p)
	k, ok := at(protocol+"."+kind, func() (int, bool) { k, ok := l.j.names.Kind(m.Protocol, kind); return int(k), ok })
	m.Kind = ot.Kind(max(k, 0))
	return ok
}

// maxNames bounds what is remembered of names: an edge may send any.
const maxNames = 4096

// changing are the classes with which a client takes a controller into its hands.
const changing = ot.Write | ot.Configure | ot.Control | ot.ProgramDownload | ot.Firmware

func (l *Look) tuples() {
	var hit []uint16
	for i := range l.sum.Tuples {
		t := &l.sum.Tuples[i]
		if t.Also {
			continue
		}
		m := ot.Message{Class: ot.ParseClass(t.Class), Dir: direction(t.Dir), Code: t.Code, Unit: t.Unit}
		if t.Text != "" {
			m.Text = []byte(t.Text)
		}
		if t.Refused > 0 && t.Refused >= t.Count {
			m.Flags = ot.Refused
		}
		if !l.number(&m, t.Protocol, t.Kind) {
			continue
		}
		hit = l.j.set.HitTuple(&m, hit[:0])
		for _, n := range hit {
			l.add(l.j.set.At(n), aTuple, i)
		}
	}
}

// single says whether an address belongs to one host.
func single(h ot.Host) bool {
	if h.IP.IsValid() {
		return !h.IP.IsMulticast() && h.IP != netip.AddrFrom4([4]byte{255, 255, 255, 255}) && !(h.MAC != ot.MAC{} && h.MAC.Group())
	}
	return !h.MAC.Group()
}

func (l *Look) conversations() {
	for i := range l.sum.Flows {
		f := &l.sum.Flows[i]
		named := f.Protocol
		if named == "" {
			named = f.Guess
		}
		for _, r := range l.j.looking(named) {
			if passes(&r.Mask, f) {
				l.add(r, aTalk, i)
			}
		}
	}
}

// looking gives the rules on conversations that look at a protocol.
func (j *Judge) looking(named string) []*rule.Ready {
	j.mu.Lock()
	defer j.mu.Unlock()
	rules, ok := j.passing[named]
	if ok {
		return rules
	}
	for _, r := range j.talks {
		if p := r.Mask.Protocols; len(p) == 0 || slices.Contains(p, named) {
			rules = append(rules, r)
		}
	}
	if len(j.passing) < maxNames {
		j.passing[named] = rules
	}
	return rules
}

// passes says whether the rest of a mask lets a conversation through.
func passes(m *rule.Mask, f *sensor.FlowDelta) bool {
	switch {
	case len(m.Ports) > 0 && !slices.Contains(m.Ports, f.Port),
		m.Public == "client" && !Public(f.Client.IP),
		m.Public == "server" && !Public(f.Server.IP):
		return false
	}
	return true
}

// Public says whether an address belongs to the internet, short of what a site says of it.
func Public(ip netip.Addr) bool {
	carrier := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !carrier.Contains(ip.Unmap())
}

// statements are facts, and what addresses say of themselves: host.mac is the hardware
// address that ARP names for an IP address.
func (l *Look) statements() {
	for i := range l.sum.Facts {
		for _, r := range l.j.facts[l.sum.Facts[i].Attr] {
			l.add(r, aFact, i)
		}
	}
	rules := l.j.facts[hostMAC]
	for i := range l.sum.Hosts {
		if h := &l.sum.Hosts[i]; len(rules) == 0 || !h.ARP || !h.IP.IsValid() || h.MAC == (ot.MAC{}) {
			continue
		}
		for _, r := range rules {
			l.add(r, anAddress, i)
		}
	}
}

const hostMAC ot.Attr = "host.mac"
