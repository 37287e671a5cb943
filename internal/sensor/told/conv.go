package told

import (
	"cmp"
	"slices"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// Talk is a conversation as a line or record names it: Orig sent first, as far as
// whoever wrote it can tell.
type Talk struct {
	Orig, Resp         ot.Host
	OrigPort, RespPort uint16
	VLAN               uint16
	Transport          string // tcp, udp, icmp, ip-<number>, ether
	Protocol           string // by content; "": nobody says
	Guess              string // what else is said of it
	By                 sensor.ClientBy
}

// Conv is a conversation of the summary in hand, seen from one line's Orig.
type Conv struct {
	t       *Teller
	d       *sensor.FlowDelta
	swapped bool // Orig is the server
}

// Talk finds or makes a conversation. Where only the order of what was written says
// who the client is, the ports are asked, as our own engine does.
func (t *Teller) Talk(k Talk) Conv {
	k.Transport, k.Guess, k.Protocol = short(k.Transport), short(k.Guess), short(k.Protocol)
	swap, by := t.turned(&k)
	client, server, port := k.Orig, k.Resp, k.RespPort
	if swap {
		client, server, port = k.Resp, k.Orig, k.OrigPort
	}
	if k.Transport != "tcp" && k.Transport != "udp" {
		port = 0
	}
	key := sensor.FlowKey{Client: client, Server: server, Transport: k.Transport, Port: port, Protocol: k.Protocol}
	d := t.convs[key]
	if d == nil && by == sensor.ByGuess { // perhaps begun by the other side
		back := key
		back.Client, back.Server = key.Server, key.Client
		if d = t.convs[back]; d != nil {
			return Conv{t, d, !swap}
		}
	}
	if d == nil {
		d = &sensor.FlowDelta{
			VLAN: k.VLAN, Client: client, Server: server, ClientBy: by, Transport: k.Transport, Port: port, Protocol: k.Protocol, Guess: k.Guess,
			First: t.ref.Seen, Last: t.ref.Seen, FirstRef: t.ref, Proof: t.keep(),
		}
		if k.Protocol == "" && d.Guess == "" {
			d.Guess = t.ports.Guess(k.Transport, port)
		}
		t.convs[key] = d
	}
	return Conv{t, d, swap}
}

// maxWord bounds what a protocol is called: that comes from the log, and the log's from whoever speaks past its sensor.
const maxWord = 64

func short(s string) string { return ot.Printable(s[:min(len(s), maxWord)]) }

// turned says whether Orig is the server, and why the other is the client.
func (t *Teller) turned(k *Talk) (bool, sensor.ClientBy) {
	if k.By != "" && k.By != sensor.ByGuess || k.Transport != "tcp" && k.Transport != "udp" {
		return false, cmp.Or(k.By, sensor.ByGuess)
	}
	client, by := t.ports.Client(k.Transport, k.OrigPort, k.RespPort)
	return !client, by
}

// Count adds what went between them from first to last.
func (c Conv) Count(first, last int64, sessions, origPackets, origBytes, respPackets, respBytes uint64) {
	d := c.d
	if first < d.First {
		d.First = first
	}
	d.Last = max(d.Last, last)
	c.t.span(first, last)
	d.Sessions += sessions
	if c.swapped {
		origPackets, origBytes, respPackets, respBytes = respPackets, respBytes, origPackets, origBytes
	}
	d.ClientPackets += origPackets
	d.ClientBytes += origBytes
	d.ServerPackets += respPackets
	d.ServerBytes += respBytes
	d.Established = d.Established || d.ClientPackets > 0 && d.ServerPackets > 0
}

// Established notes that both sides spoke.
func (c Conv) Established() { c.d.Established = true }

// Lost notes bytes of a stream that nobody saw.
func (c Conv) Lost(bytes uint64) { c.d.Lost += bytes }

// Client and Server are the sides.
func (c Conv) Client() ot.Host { return c.d.Client }

// Server is the side that serves.
func (c Conv) Server() ot.Host { return c.d.Server }

// Swapped says that the line's Orig is the server.
func (c Conv) Swapped() bool { return c.swapped }

func (c Conv) key() sensor.FlowKey {
	d := c.d
	return sensor.FlowKey{Realm: d.Realm, Client: d.Client, Server: d.Server, Transport: d.Transport, Port: d.Port, Protocol: d.Protocol}
}

// Message is one message that a line names.
type Message struct {
	Protocol, Kind string
	Dir            ot.Dir
	Code           uint32
	Text           string // the code, where there is no number
	Refused        bool
	Status         uint32
	Unit           uint32
	Space          uint16
	Area           uint32
	First, N       uint32
	Object         string
	Also           bool // a further code of a message that was counted
	Times          uint64
}

// Message counts a message, and tells it whole where our own sensor would.
func (c Conv) Message(m Message) {
	t, at := c.t, c.t.ref.Seen
	c.d.First, c.d.Last = min(c.d.First, at), max(c.d.Last, at)
	if m.Times == 0 {
		m.Times = 1
	}
	m.Text, m.Object = clip(m.Text), clip(m.Object)
	code := t.names.Code(m.Protocol, m.Kind, m.Code, m.Text)
	k := tupleKey{c.key(), m.Protocol, m.Kind, m.Dir.String(), m.Text, m.Code, m.Unit, m.Area, m.Space, m.Also}
	i, ok := t.tuples[k]
	if !ok {
		i = len(t.sum.Tuples)
		t.tuples[k] = i
		t.sum.Tuples = append(t.sum.Tuples, sensor.TupleDelta{
			Flow: k.flow, Protocol: m.Protocol, Kind: m.Kind, Dir: k.dir, Code: m.Code, Text: m.Text, Name: code.Name, Class: code.Class.String(), Also: m.Also, Unit: m.Unit,
			Space: m.Space, Area: m.Area, FirstItem: m.First, LastItem: m.last(), First: at, Last: at, FirstRef: t.ref,
		})
	}
	x := &t.sum.Tuples[i]
	x.Count += m.Times
	if m.Refused {
		x.Refused += m.Times
	}
	x.First, x.Last = min(x.First, at), max(x.Last, at)
	x.FirstItem, x.LastItem = min(x.FirstItem, m.First), max(x.LastItem, m.last())
	if m.Also {
		return
	}
	t.tell(&m, k, code)
}

// tell tells a message whole: of a rare class, one that a rule hits, or a first.
func (t *Teller) tell(m *Message, k tupleKey, code Code) {
	rules := t.judge(m, code)
	first := !t.kinds[k] && len(t.kinds) < maxSeen
	if first {
		t.kinds[k] = true
	}
	if code.Class&ot.Rare == 0 && len(rules) == 0 && !first {
		return
	}
	if len(t.sum.Events) >= maxEvents {
		t.hit("events")
		return
	}
	t.sum.Events = append(t.sum.Events, sensor.Event{
		Flow: k.flow, Ref: t.ref, Protocol: m.Protocol, Kind: m.Kind, Dir: k.dir, Code: m.Code, Text: m.Text, Name: code.Name, Class: code.Class.String(), Refused: m.Refused,
		Status: m.Status, Unit: m.Unit, Object: ot.Printable(m.Object), Rules: rules, Proof: t.keep(),
	})
}

// judge runs the rules on a message as the engine does.
func (t *Teller) judge(m *Message, code Code) []string {
	if t.cfg.Rules == nil || !code.Known {
		return nil
	}
	x := ot.Message{
		At: t.ref.Seen, Packet: t.ref.Number, Protocol: code.Protocol, Kind: code.Kind, Dir: m.Dir, Class: code.Class, Code: m.Code, Status: m.Status, Unit: m.Unit,
		Space: m.Space, Area: m.Area, First: m.First, N: m.N, Name: []byte(m.Object),
	}
	if m.Refused {
		x.Flags |= ot.Refused
	}
	if m.Text != "" {
		x.Text = []byte(m.Text)
	}
	t.hits = t.cfg.Rules.Hit(&x, t.hits[:0])
	var out []string
	for _, n := range t.hits {
		out = append(out, t.cfg.Rules.Rule(n).ID)
	}
	return out
}

func (m *Message) last() uint32 {
	if m.N == 0 {
		return m.First
	}
	if last := m.First + m.N - 1; last >= m.First {
		return last
	}
	return 1<<32 - 1
}

// maxText is the longest code or object that is kept: a name, not a document.
const maxText = 256

func clip(s string) string { return ot.Printable(s[:min(len(s), maxText)]) }

// sortFlows puts conversations in an order that is always the same, by where they were first told of.
func sortFlows(list []sensor.FlowDelta) {
	slices.SortFunc(list, func(a, b sensor.FlowDelta) int {
		return cmp.Or(cmp.Compare(a.FirstRef.Number, b.FirstRef.Number), cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Transport, b.Transport), cmp.Compare(a.Port, b.Port),
			a.Client.IP.Compare(b.Client.IP), a.Server.IP.Compare(b.Server.IP), cmp.Compare(a.Client.MAC.String(), b.Client.MAC.String()), cmp.Compare(a.Server.MAC.String(), b.Server.MAC.String()))
	})
}

// At is when the line or record in hand was.
func (c Conv) At() int64 { return c.t.ref.Seen }
