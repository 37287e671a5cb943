package detect

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// Catalogue knows protocols by name, and what their codes do; dissect.Set is one.
type Catalogue interface {
	rule.Names
	Class(p ot.Protocol, k ot.Kind, code uint32, text []byte) ot.Class
	CodeName(p ot.Protocol, k ot.Kind, code uint32, text []byte) string
	KindName(p ot.Protocol, k ot.Kind) string
}

// Played is a fixture as a sensor would tell of it, with what the inventory knows.
type Played struct {
	Sums    []*sensor.Summary
	Who     map[Host]Party
	Planned []Window
}

// playStart is when fixtures happen.
func playStart() time.Time { return time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC) }

// maxPlayed bounds a fixture: it is played while somebody waits.
const maxPlayed = 1000

// Play makes summaries of a fixture. Each step is a summary of its own, so that what
// an earlier one taught is known. The sensor's masks run on its messages.
func Play(set *rule.Set, cat Catalogue, f *rule.Fixture, realmNo int64) (p Played, err error) {
	p.Who = map[Host]Party{}
	for address, of := range f.Hosts {
		zone := int64(0)
		if of.Zone != "" {
			for _, c := range of.Zone {
				zone = zone*31 + int64(c)
			}
		}
		h := hostAt(realmNo, address, "")
		if strings.Count(address, ":") == 5 {
			h = hostAt(realmNo, "", address)
		}
		p.Who[h] = Party{
			Asset: "asset " + address, Name: address, Role: of.Role, Level: of.Level, ZoneNo: zone, Zone: of.Zone, OT: of.Level != "" && of.Level < "4",
			Programming: of.Programming, Internet: of.Internet,
		}
	}
	if f.Planned {
		p.Planned = []Window{{Record: "w", Title: "WIN-1", From: playStart().Add(-time.Hour), To: playStart().Add(24 * time.Hour)}}
	}
	if f.Times*len(f.Steps) > maxPlayed || f.Times > maxPlayed {
		return p, ot.Errorf(ot.Invalid, "a fixture has at most %d steps, times counted", maxPlayed)
	}
	for n := range max(f.Times, 1) {
		for i := range f.Steps {
			st := f.Steps[i]
			at := playStart().Add(time.Duration(f.Every)*time.Duration(n) + time.Duration(st.After)).UnixNano()
			sum := &sensor.Summary{Sensor: "fixture", Epoch: "1", Seq: uint64(len(p.Sums) + 1), From: at, To: at + int64(time.Second), Live: true}
			if err := (player{set, cat, sum, at, n, uint64(len(p.Sums) + 1)}).step(&st); err != nil {
				return p, fmt.Errorf("step %d: %w", i+1, err)
			}
			p.Sums = append(p.Sums, sum)
		}
	}
	if len(p.Sums) == 0 {
		return p, ot.Errorf(ot.Invalid, "a fixture needs steps")
	}
	return p, nil
}

type player struct {
	set    *rule.Set
	cat    Catalogue
	sum    *sensor.Summary
	at     int64
	n      int
	packet uint64
}

func (p player) numbered(s string) string { return strings.ReplaceAll(s, "{n}", strconv.Itoa(p.n+1)) }

func (p player) host(s, otherwise string) (h ot.Host, err error) {
	if s == "" {
		s = otherwise
	}
	s = p.numbered(s)
	for part := range strings.FieldsSeq(s) {
		if ip, e := netip.ParseAddr(part); e == nil {
			h.IP = ip
		} else if e := h.MAC.UnmarshalText([]byte(part)); e != nil {
			return h, ot.Errorf(ot.Invalid, "%q is neither an IP nor a MAC address", part)
		}
	}
	return h, nil
}

func (p player) step(st *rule.Step) error {
	client, err := p.host(st.Client, "10.0.0.9")
	if err != nil {
		return err
	}
	server, err := p.host(st.Server, "10.0.0.1")
	if err != nil {
		return err
	}
	ref := ot.PacketRef{Source: "fixture", Number: p.packet, Seen: p.at}
	flow := sensor.FlowKey{Client: client, Server: server, Transport: "tcp", Port: 102}
	switch {
	case st.Message != nil:
		return p.message(st.Message, flow, ref)
	case st.Tuple != nil:
		return p.tuple(st.Tuple, flow, ref)
	case st.Conversation != nil:
		return p.talk(st.Conversation, flow, ref)
	case st.Fact != nil:
		by := server
		if st.Fact.By != "" {
			if by, err = p.host(st.Fact.By, ""); err != nil {
				return err
			}
		}
		if st.Fact.Attr == "host.mac" {
			var mac ot.MAC
			if err := mac.UnmarshalText([]byte(p.numbered(st.Fact.Value))); err != nil {
				return ot.Errorf(ot.Invalid, "host.mac: %w", err)
			}
			p.sum.Hosts = append(p.sum.Hosts, sensor.HostDelta{Host: ot.Host{IP: server.IP, MAC: mac}, First: p.at, Last: p.at, FirstPacket: p.packet, ARP: true})
			return nil
		}
		p.sum.Facts = append(p.sum.Facts, sensor.Fact{About: server, Attr: st.Fact.Attr, Value: p.numbered(st.Fact.Value), By: by, Ref: ref})
		return nil
	}
	return ot.Errorf(ot.Invalid, "a step is a message, a tuple, a conversation or a fact")
}

// word makes the message that the sensor would have seen.
func (p player) word(t *rule.Told) (m ot.Message, kind string, err error) {
	no, ok := p.cat.Lookup(t.Protocol)
	if !ok {
		return m, "", ot.Errorf(ot.Invalid, "no protocol is called %q", t.Protocol)
	}
	k := ot.Kind(0)
	if t.Kind != "" {
		if k, ok = p.cat.Kind(no, t.Kind); !ok {
			return m, "", ot.Errorf(ot.Invalid, "protocol %s has no kind %q", t.Protocol, t.Kind)
		}
	}
	m = ot.Message{Protocol: no, Kind: k, Code: t.Code.Number, Dir: ot.Request, Unit: t.Unit, Area: t.Area, First: t.First, Status: t.Status}
	if t.Code.Text != "" {
		m.Text = []byte(t.Code.Text)
	}
	if t.Dir != "" {
		if m.Dir = direction(t.Dir); m.Dir == ot.DirNone && t.Dir != "none" {
			return m, "", ot.Errorf(ot.Invalid, "dir %q is none of request, response, none", t.Dir)
		}
	}
	m.Class = p.cat.Class(no, k, m.Code, m.Text)
	if t.Class != "" {
		m.Class = ot.ParseClass(t.Class)
	}
	for _, f := range t.Flags {
		m.Flags |= rule.Flag(f)
	}
	return m, p.cat.KindName(no, k), nil
}

func (p player) message(t *rule.Told, flow sensor.FlowKey, ref ot.PacketRef) error {
	m, kind, err := p.word(t)
	if err != nil {
		return err
	}
	flow.Protocol = t.Protocol
	e := sensor.Event{
		Flow: flow, Ref: ref, Protocol: t.Protocol, Kind: kind, Dir: m.Dir.String(), Code: m.Code, Text: string(m.Text), Name: p.cat.CodeName(m.Protocol, m.Kind, m.Code, m.Text),
		Class: m.Class.String(), Refused: m.Flags&ot.Refused != 0, Status: m.Status, Unit: m.Unit, Object: p.numbered(t.Object),
	}
	for _, n := range p.set.Hit(&m, nil) {
		e.Rules = append(e.Rules, p.set.Rule(n).ID)
	}
	if t.Count > 1 {
		e.Repeats = t.Count - 1
	}
	p.sum.Events = append(p.sum.Events, e)
	return nil
}

func (p player) tuple(t *rule.Told, flow sensor.FlowKey, ref ot.PacketRef) error {
	m, kind, err := p.word(t)
	if err != nil {
		return err
	}
	flow.Protocol = t.Protocol
	d := sensor.TupleDelta{
		Flow: flow, Protocol: t.Protocol, Kind: kind, Dir: m.Dir.String(), Code: m.Code, Text: string(m.Text), Name: p.cat.CodeName(m.Protocol, m.Kind, m.Code, m.Text), Class: m.Class.String(),
		Unit: m.Unit, Area: m.Area, FirstItem: t.First, LastItem: max(t.First, t.Last), Count: max(t.Count, 1), First: p.at, Last: p.at, FirstRef: ref,
	}
	if m.Flags&ot.Refused != 0 {
		d.Refused = d.Count
	}
	p.sum.Tuples = append(p.sum.Tuples, d)
	return nil
}

func (p player) talk(t *rule.Talk, flow sensor.FlowKey, ref ot.PacketRef) error {
	transport := t.Transport
	if transport == "" {
		transport = "tcp"
	}
	f := sensor.FlowDelta{
		Client: flow.Client, Server: flow.Server, ClientBy: sensor.BySYN, Transport: transport, Port: t.Port, Protocol: t.Protocol, Guess: t.Guess, First: p.at, Last: p.at + int64(t.Lasts),
		Sessions: max(t.Sessions, 1), Established: !t.Unanswered, ClientPackets: max(t.Packets, 1), ClientBytes: t.Bytes, ServerBytes: t.Answer, Malformed: t.Malformed, Lost: t.Lost, FirstRef: ref,
	}
	if !t.Unanswered {
		f.ServerPackets = max(t.Packets, 1)
	}
	p.sum.To = max(p.sum.To, f.Last)
	p.sum.Flows = append(p.sum.Flows, f)
	return nil
}

// Fires plays a fixture and says whether the rule is met by it, and how severe it then is.
func Fires(set *rule.Set, cat Catalogue, id string, f *rule.Fixture) (ot.Severity, error) {
	p, err := Play(set, cat, f, 1)
	if err != nil {
		return "", err
	}
	j := NewJudge(set, cat)
	known := map[string]string{}
	of := set.Lookup(id)
	met := ot.Severity("")
	for _, sum := range p.Sums {
		l := j.Begin(Seen{sensor.Delivery{SiteNo: 1, RealmNo: 1, Source: "fixture"}, sum})
		hits, err := l.End(Around{Who: p.Who, Planned: p.Planned, Known: known})
		if err != nil {
			return "", err
		}
		for name, v := range l.Learnt() {
			known[name] = v
		}
		for _, h := range hits {
			severity := of.Severity
			if h.Severity != "" {
				severity = h.Severity
			}
			if h.Rule == id && severity != rule.Silent && (met == "" || ranks(severity) < ranks(met)) {
				met = severity
			}
		}
	}
	return met, nil
}
