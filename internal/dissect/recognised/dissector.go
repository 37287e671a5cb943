package recognised

import (
	"maps"
	"slices"

	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/ot"
)

const (
	session    ot.Kind = 0 // of every protocol of the list: code 1, one a conversation
	opaqueRead         = 32 << 10
	noPort             = 0xffff // nobody's: only what holds anywhere counts
	undecided          = 2048   // bytes of a stream that may wait for a pattern's rest
)

// Protocol is the dissector of all entries that have patterns.
type Protocol struct{ List *List }

// Spec names an own protocol for each entry.
func (p Protocol) Spec() dissect.Spec {
	s := dissect.Spec{
		Transport: dissect.TCP | dissect.UDP | dissect.Ether, MaxPDU: opaqueRead, MaxState: 160, Alternatives: true,
		TCP: p.ports(dissect.TCP), UDP: p.ports(dissect.UDP), Ether: p.ports(dissect.Ether),
	}
	for _, e := range p.List.patterned {
		s.Protocols = append(s.Protocols, dissect.Naming{Name: e.ID, Kinds: []string{"session"}, Title: e.Title, Class: e.Class})
	}
	return s
}

func (p Protocol) ports(t dissect.Transport) []uint16 {
	return slices.Sorted(maps.Keys(p.List.tables[slot(t)].ports))
}

// Probe looks for what holds on any port.
func (p Protocol) Probe(dir ot.Dir, b []byte) dissect.Verdict {
	_, tcp := p.List.find(dissect.TCP, dir, b, noPort, noPort)
	if tcp == dissect.Yes {
		return tcp
	}
	if _, v := p.List.find(dissect.UDP, dir, b, noPort, noPort); v == dissect.Yes {
		return v
	}
	if _, v := p.List.find(dissect.Ether, dir, b, anyPort, anyPort); v == dissect.Yes {
		return v
	}
	return tcp
}

// ProbePort looks for what holds on these ports too.
func (p Protocol) ProbePort(t dissect.Transport, dir ot.Dir, b []byte, a, z uint16) dissect.Verdict {
	_, v := p.List.find(t, dir, b, a, z)
	return v
}

// Usual names the entry whose pattern is told to have the port.
func (p Protocol) Usual(t dissect.Transport, port uint16) (int, bool) {
	for i, e := range p.List.patterned {
		for j := range e.patterns {
			if e.patterns[j].transport == t && slices.Contains(e.patterns[j].ports, port) {
				return i, true
			}
		}
	}
	return 0, false
}

// Bound tells a flow what its patterns are.
func (Protocol) Bound(f dissect.Flow, t dissect.Transport, a, z uint16) {
	if f, ok := f.(*flow); ok {
		f.over, f.a, f.z = t, a, z
	}
}

// Open makes a conversation's state.
func (p Protocol) Open() dissect.Flow { return &flow{list: p.List, over: dissect.TCP} }

type flow struct {
	list *List
	over dissect.Transport
	a, z uint16
	told bool
	text [128]byte
}

// Frame passes on whatever has come: nothing here knows where a message ends.
func (f *flow) Frame(dir ot.Dir, b []byte, _ bool) (skip, n int) {
	if !f.told && len(b) < undecided {
		if _, v := f.list.find(f.over, dir, b, f.a, f.z); v == dissect.More {
			return 0, 0
		}
	}
	return 0, min(len(b), opaqueRead)
}

// Decode names the conversation, once. Nobody knows what its bytes hold, so none of them proves anything.
func (f *flow) Decode(dir ot.Dir, b []byte, out *dissect.Sink) dissect.Fault {
	out.Secret()
	if f.told {
		return dissect.OK
	}
	p, _ := f.list.find(f.over, dir, b, f.a, f.z)
	if p == nil {
		return dissect.Alien
	}
	f.told = true
	if p.from != ot.DirNone {
		out.Client(ot.Request)
	}
	m := out.BeginAs(p.entry.naming)
	m.Kind, m.Code = session, 1
	out.End()
	p.entry.tool(f.text[:0], out)
	return dissect.OK
}

func (f *flow) Reset() { *f = flow{list: f.list, over: dissect.TCP} }
