package detect

import (
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// scene is one thing that rules look at, with what is known of it. It answers their
// conditions as they ask: most say no to the first question.
type scene struct {
	l     *Look
	on    subject
	event *sensor.Event
	tuple *sensor.TupleDelta
	talk  *sensor.FlowDelta
	fact  *sensor.Fact
	made  sensor.Fact // of an address

	realm     int64
	ends      [2]ot.Host // client, server
	named     [2]rule.End
	hasName   [2]bool
	transport string
	port      uint16
	protocol  string // of the message; of the conversation where that is looked at

	parties [2]Party
	planned string // the window of planned work that it falls into
	inside  bool
	was     recalled
}

// scenes goes through what the candidates look at, each once.
func (l *Look) scenes() iter.Seq[*scene] {
	return func(yield func(*scene) bool) {
		var s scene
		for i := range l.cands {
			if c := &l.cands[i]; i == 0 || !c.same(&l.cands[i-1]) {
				s.show(l, c)
				if !yield(&s) {
					return
				}
			}
		}
	}
}

// same says whether two candidates look at the same thing.
func (c *candidate) same(o *candidate) bool { return c.on == o.on && c.at == o.at }

// show turns to what a candidate looks at.
func (s *scene) show(l *Look, c *candidate) {
	s.l, s.on, s.hasName = l, c.on, [2]bool{}
	s.event, s.tuple, s.talk, s.fact = nil, nil, nil, nil
	flow := func(f *sensor.FlowKey) {
		s.realm, s.ends, s.transport, s.port = l.d.Realm(f.Realm), [2]ot.Host{f.Client, f.Server}, f.Transport, f.Port
	}
	switch c.on {
	case anEvent:
		s.event = &l.sum.Events[c.at]
		flow(&s.event.Flow)
		s.protocol = s.event.Protocol
	case aTuple:
		s.tuple = &l.sum.Tuples[c.at]
		flow(&s.tuple.Flow)
		s.protocol = s.tuple.Protocol
	case aTalk:
		f := &l.sum.Flows[c.at]
		s.talk = f
		s.realm, s.ends, s.transport, s.port, s.protocol = l.d.Realm(f.Realm), [2]ot.Host{f.Client, f.Server}, f.Transport, f.Port, f.Protocol
	case anAddress:
		h := &l.sum.Hosts[c.at]
		about := h.Host
		about.MAC = ot.MAC{}
		s.made = sensor.Fact{About: about, Attr: hostMAC, Value: h.MAC.String(), Protocol: "arp", By: h.Host, Ref: ot.PacketRef{Source: l.d.Source, Number: h.FirstPacket, Seen: h.First}}
		s.states(&s.made)
	case aFact:
		s.states(&l.sum.Facts[c.at])
	}
}

func (s *scene) states(f *sensor.Fact) {
	s.fact = f
	s.realm, s.ends, s.transport, s.port, s.protocol = s.l.d.Realm(f.About.Realm), [2]ot.Host{f.By, f.About}, "", 0, f.Protocol
	if !f.By.IP.IsValid() && f.By.MAC == (ot.MAC{}) {
		s.ends[0] = f.About
	}
}

// host is a side as the inventory knows it.
func (s *scene) host(side int) Host {
	e := s.end(side)
	if e.IP != "" {
		e.MAC = ""
	}
	return Host{s.realm, e.MAC, e.IP}
}

// end is a side as a hit names it.
func (s *scene) end(side int) rule.End {
	if !s.hasName[side] {
		s.hasName[side] = true
		h := s.ends[side]
		s.named[side] = rule.End{MAC: h.MAC.String()}
		if h.IP.IsValid() {
			s.named[side].IP = plainIP(h.IP).String()
		}
	}
	return s.named[side]
}

func plainIP(ip netip.Addr) netip.Addr { return ip.Unmap().WithZone("") }

// times are when it began and ended. What a summary only goes on counting began with it.
func (s *scene) times() (first, last int64) {
	switch s.on {
	case anEvent:
		return s.event.Ref.Seen, max(s.event.Ref.Seen, s.event.Until)
	case aTuple:
		return max(s.tuple.First, min(s.l.sum.From, s.tuple.Last)), s.tuple.Last
	case aTalk:
		return max(s.talk.First, min(s.l.sum.From, s.talk.Last)), s.talk.Last
	}
	return s.fact.Ref.Seen, s.fact.Ref.Seen
}

// surround finds what is known of the two sides, and whether it was planned.
func (s *scene) surround(a *Around) {
	s.parties = [2]Party{}
	if len(a.Who) > 0 {
		s.parties = [2]Party{a.Who[s.host(0)], a.Who[s.host(1)]}
	}
	first, _ := s.times()
	s.planned, s.inside = plannedAt(a.Planned, first, &s.parties[1])
}

// plannedAt says into which planned work a moment falls.
func plannedAt(work []Window, ns int64, server *Party) (title string, inside bool) {
	at := time.Unix(0, ns)
	for _, w := range work {
		if at.Before(w.From.Add(-slack)) || at.After(w.To.Add(slack)) {
			continue
		}
		if len(w.Assets) == 0 || slices.Contains(w.Assets, server.Asset) && server.Asset != "" {
			return w.Title, true
		}
	}
	return "", false
}

// Text answers a condition.
func (s *scene) Text(v rule.Var) string {
	switch v {
	case rule.Protocol:
		return s.protocol
	case rule.Transport:
		return s.transport
	case rule.ClientSide + rule.SideIP:
		return s.end(0).IP
	case rule.ClientSide + rule.SideMAC:
		return s.end(0).MAC
	case rule.ServerSide + rule.SideIP:
		return s.end(1).IP
	case rule.ServerSide + rule.SideMAC:
		return s.end(1).MAC
	}
	if v >= rule.ClientSide {
		return sideText(&s.parties[(v-rule.ClientSide)/(rule.ServerSide-rule.ClientSide)], (v-rule.ClientSide)%(rule.ServerSide-rule.ClientSide))
	}
	switch s.on {
	case anEvent:
		e := s.event
		return wordOf(v, e.Kind, e.Dir, e.Text, e.Name, e.Class, e.Object)
	case aTuple:
		t := s.tuple
		return wordOf(v, t.Kind, t.Dir, t.Text, t.Name, t.Class, "")
	case aTalk:
		return s.talk.Guess
	}
	switch v {
	case rule.AttrOf:
		return string(s.fact.Attr)
	case rule.Value:
		return s.fact.Value
	case rule.Before:
		return s.was.before
	}
	return s.end(0).Name() // rule.By
}

func sideText(p *Party, v rule.Var) string {
	switch v {
	case rule.SideName:
		return p.Name
	case rule.SideRole:
		return p.Role
	case rule.SideLevel:
		return p.Level
	}
	return p.Zone
}

func wordOf(v rule.Var, kind, dir, text, name, class, object string) string {
	switch v {
	case rule.KindOf:
		return kind
	case rule.Dir:
		return dir
	case rule.TextOf:
		return text
	case rule.Name:
		return name
	case rule.ClassOf:
		return class
	}
	return object
}

// Int answers a condition.
func (s *scene) Int(v rule.Var) int64 {
	if v == rule.Port {
		return int64(s.port)
	}
	switch s.on {
	case anEvent:
		e := s.event
		switch v {
		case rule.CodeOf:
			return int64(e.Code)
		case rule.Unit:
			return int64(e.Unit)
		case rule.Status:
			return int64(e.Status)
		}
		return int64(e.Repeats)
	case aTuple:
		return countOf(s.tuple, v)
	case aTalk:
		return sumOf(s.talk, v)
	}
	return s.was.others
}

func countOf(t *sensor.TupleDelta, v rule.Var) int64 {
	switch v {
	case rule.CodeOf:
		return int64(t.Code)
	case rule.Unit:
		return int64(t.Unit)
	case rule.Area:
		return int64(t.Area)
	case rule.FirstItem:
		return int64(t.FirstItem)
	case rule.LastItem:
		return int64(t.LastItem)
	case rule.Count:
		return int64(t.Count)
	}
	return int64(t.Refused)
}

func sumOf(f *sensor.FlowDelta, v rule.Var) int64 {
	switch v {
	case rule.Sessions:
		return int64(f.Sessions)
	case rule.ClientPackets:
		return int64(f.ClientPackets)
	case rule.ClientBytes:
		return int64(f.ClientBytes)
	case rule.ServerPackets:
		return int64(f.ServerPackets)
	case rule.ServerBytes:
		return int64(f.ServerBytes)
	case rule.Malformed:
		return int64(f.Malformed)
	case rule.Lost:
		return int64(f.Lost)
	}
	return (f.Last - f.First) / int64(time.Second)
}

// Bool answers a condition.
func (s *scene) Bool(v rule.Var) bool {
	switch v {
	case rule.Live:
		return s.l.sum.Live
	case rule.Planned:
		return s.inside
	case rule.Crosses:
		c, e := s.parties[0].ZoneNo, s.parties[1].ZoneNo
		return c != 0 && e != 0 && c != e
	case rule.NewMaster:
		return s.was.newMaster
	case rule.RefusedOf:
		return s.event.Refused
	case rule.Established:
		return s.talk.Established
	case rule.Changed:
		return s.was.changed
	case rule.Back:
		return s.was.back
	}
	p := &s.parties[(v-rule.ClientSide)/(rule.ServerSide-rule.ClientSide)]
	switch (v - rule.ClientSide) % (rule.ServerSide - rule.ClientSide) {
	case rule.SideKnown:
		return p.Asset != ""
	case rule.SideProgramming:
		return p.Programming
	case rule.SideInternet:
		return p.Internet
	}
	return p.OT
}

// talkKey names the conversation that it belongs to; empty: none.
func (s *scene) talkKey() TalkKey {
	switch s.on {
	case anEvent:
		return talkKey(s.realm, &s.event.Flow)
	case aTuple:
		return talkKey(s.realm, &s.tuple.Flow)
	case aTalk:
		f := s.talk
		return TalkKey{s.realm, f.Client, f.Server, f.Transport, f.Port, f.Protocol}
	}
	return TalkKey{}
}

func talkKey(realm int64, f *sensor.FlowKey) TalkKey {
	return TalkKey{realm, f.Client, f.Server, f.Transport, f.Port, f.Protocol}
}

// code and unit of a message, for groups and windows.
func (s *scene) code() (code, unit uint32) {
	switch s.on {
	case anEvent:
		return s.event.Code, s.event.Unit
	case aTuple:
		return s.tuple.Code, s.tuple.Unit
	}
	return 0, 0
}

// hit is what is told of it when a rule is met.
func (s *scene) hit(r *rule.Ready) rule.Hit {
	h := rule.Hit{
		Rule: r.ID, SiteNo: s.l.d.SiteNo, RealmNo: s.realm, ZoneNo: s.parties[1].ZoneNo, Client: s.end(0), Server: s.end(1),
		Transport: s.transport, Port: s.port, Protocol: s.protocol, Count: 1, Live: s.l.sum.Live,
	}
	h.First, h.Last = s.times()
	say := func(name, value string) { h.Facts = append(h.Facts, rule.Say{Name: name, Value: value}) }
	switch s.on {
	case anEvent:
		e := s.event
		h.Count, h.Packets, h.Proof = 1+e.Repeats, []ot.PacketRef{e.Ref}, e.Proof
		say("function", called(e.Name, e.Text, e.Code))
		if e.Object != "" {
			say("object", e.Object)
		}
		if e.Unit != 0 && e.Dir != "response" { // the answer says what was asked: who asked is the actor all the same
			say("unit", strconv.FormatUint(uint64(e.Unit), 10))
		}
		if e.Refused {
			say("refused", strconv.FormatUint(uint64(e.Status), 10))
		}
	case aTuple:
		t := s.tuple
		h.Count, h.Packets = t.Count, []ot.PacketRef{t.FirstRef}
		say("function", called(t.Name, t.Text, t.Code))
		if t.FirstItem != 0 || t.LastItem != 0 {
			say("items", strconv.FormatUint(uint64(t.FirstItem), 10)+"–"+strconv.FormatUint(uint64(t.LastItem), 10))
		}
	case aTalk:
		f := s.talk
		h.Packets, h.Proof = []ot.PacketRef{f.FirstRef}, f.Proof
		if f.Protocol == "" {
			say("port", f.Transport+" "+strconv.Itoa(int(f.Port)))
		}
		say("bytes", strconv.FormatUint(f.ClientBytes+f.ServerBytes, 10))
	default:
		h.Packets, h.Proof = []ot.PacketRef{s.fact.Ref}, s.fact.Proof
	}
	h.Facts = append(h.Facts, s.was.facts...)
	if s.inside {
		say("planned", s.planned)
	}
	return h
}

func called(name, text string, code uint32) string {
	switch {
	case name != "":
		return name
	case text != "":
		return ot.Printable(text)
	}
	return strconv.FormatUint(uint64(code), 10)
}
