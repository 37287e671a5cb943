package wire

import (
	"encoding/json"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/sensor"
)

// The fields of each record, in their order on the wire. New ones go behind the
// last, below a comment with the version that brought them.

func (c *coder) head(s *sensor.Summary) {
	text(c, &s.Sensor)
	text(c, &s.Epoch)
	num(c, &s.Seq)
	c.int(&s.From)
	c.int(&s.To)
	c.int(&s.Sent)
	c.flag(&s.Live)
	c.flag(&s.Last)
	c.record(func() { c.health(&s.Health) })
}

func (c *coder) health(h *sensor.Health) {
	num(c, &h.Packets)
	num(c, &h.Bytes)
	num(c, &h.Malformed)
	num(c, &h.Truncated)
	num(c, &h.Dropped)
	num(c, &h.Transmitted)
	num(c, &h.Lost)
	num(c, &h.Quarantined)
	num(c, &h.Unknown)
	num(c, &h.OTBytes)
	c.counts(&h.BudgetHit)
	c.float(&h.OneSided)
	text(c, &h.RuleSet)
	text(c, &h.Cut)
	if c.writing && c.version < 2 {
		return
	}
	num(c, &h.Repeated)
	if c.writing && c.version < 3 {
		return
	}
	c.listening(h)
	if c.writing && c.version < 5 {
		return
	}
	num(c, &h.Copies)
	num(c, &h.Pieces)
}

// maxListening bounds what a sensor says of its interface.
const maxListening = 64 << 10

// listening is the part of the health that only a live sensor has, or one that is not ours.
func (c *coder) listening(h *sensor.Health) {
	type part struct {
		Mirror *sensor.Mirror    `json:"mirror,omitempty"`
		Port   *sensor.Port      `json:"port,omitempty"`
		Ring   *sensor.RingState `json:"ring,omitempty"`
		Told   *sensor.Told      `json:"told,omitempty"`
	}
	var raw []byte
	if c.writing && (h.Mirror != nil || h.Port != nil || h.Ring != nil || h.Told != nil) {
		b, err := json.Marshal(part{h.Mirror, h.Port, h.Ring, h.Told})
		if err != nil || len(b) > maxListening {
			b = nil // the counters matter more than what is said of the port
		}
		raw = b
	}
	c.bytes(&raw, maxListening)
	if c.writing || len(raw) == 0 {
		return
	}
	var p part
	if err := json.Unmarshal(raw, &p); err != nil {
		c.fail("what it says of its interface cannot be read: %v", err)
		return
	}
	h.Mirror, h.Port, h.Ring, h.Told = p.Mirror, p.Port, p.Ring, p.Told
}

func (c *coder) seen(h *sensor.HostDelta) {
	c.host(&h.Host)
	num(c, &h.VLAN)
	c.at(&h.First)
	c.at(&h.Last)
	num(c, &h.FirstPacket)
	num(c, &h.Packets)
	num(c, &h.Bytes)
	c.flag(&h.ARP)
	num(c, &h.TTLMin)
	num(c, &h.TTLMax)
}

func (c *coder) flow(f *sensor.FlowDelta) {
	k := sensor.FlowKey{Realm: f.Realm, Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol}
	c.key(&k)
	f.Realm, f.Client, f.Server, f.Transport, f.Port, f.Protocol = k.Realm, k.Client, k.Server, k.Transport, k.Port, k.Protocol
	num(c, &f.VLAN)
	text(c, &f.ClientBy)
	text(c, &f.Guess)
	c.at(&f.First)
	c.at(&f.Last)
	num(c, &f.Sessions)
	c.flag(&f.Established)
	num(c, &f.ClientPackets)
	num(c, &f.ClientBytes)
	num(c, &f.ServerPackets)
	num(c, &f.ServerBytes)
	num(c, &f.Malformed)
	num(c, &f.Lost)
	c.ref(&f.FirstRef, f.First)
	c.bytes(&f.Proof, ot.MaxProof)
	if c.writing && c.version < 5 {
		return
	}
	some := f.Print != nil
	c.flag(&some)
	c.span(9, 1, func(int) {
		if some {
			c.print(f)
		}
	})
	if c.writing && c.version < 6 {
		return
	}
	num(c, &f.Again)
	num(c, &f.Resets)
}

func (c *coder) print(f *sensor.FlowDelta) {
	if f.Print == nil {
		f.Print = &sensor.Print{}
	}
	for _, side := range []*sensor.PrintSide{&f.Print.Client, &f.Print.Server} {
		num(c, &side.Messages)
		num(c, &side.Shortest)
		num(c, &side.Longest)
		text(c, &side.Head)
	}
	c.int(&f.Print.Period)
}

// maxProgram bounds the content of one program in a summary.
const maxProgram = 4 << 20

func (c *coder) program(p *sensor.Program) {
	c.key(&p.Flow)
	c.ref(&p.Ref, c.base)
	c.at(&p.Ended)
	text(c, &p.Protocol)
	text(c, &p.Kind)
	text(c, &p.Name)
	c.flag(&p.Up)
	num(c, &p.Size)
	text(c, &p.SHA256)
	text(c, &p.Missing)
	c.bytes(&p.Content, maxProgram)
	text(c, &p.Without)
}

func (c *coder) tuple(t *sensor.TupleDelta) {
	c.key(&t.Flow)
	text(c, &t.Protocol)
	text(c, &t.Kind)
	text(c, &t.Dir)
	num(c, &t.Code)
	text(c, &t.Text)
	text(c, &t.Name)
	text(c, &t.Class)
	c.flag(&t.Also)
	num(c, &t.Unit)
	num(c, &t.Space)
	num(c, &t.Area)
	num(c, &t.FirstItem)
	num(c, &t.LastItem)
	num(c, &t.Refused)
	num(c, &t.Count)
	c.at(&t.First)
	c.at(&t.Last)
	c.ref(&t.FirstRef, t.First)
	if c.writing && c.version < 4 {
		return
	}
	n := uint16(min(len(t.Values), maxValues))
	num(c, &n)
	if n > maxValues {
		c.fail("%d values of one tuple: at most %d are read", n, maxValues)
		return
	}
	c.span(4, int(n), func(i int) {
		var v sensor.Value
		if c.writing {
			v = t.Values[i]
		}
		num(c, &v.Item)
		text(c, &v.Name)
		c.float(&v.Value)
		c.at(&v.Seen)
		if c.err == nil && !c.writing {
			t.Values = append(t.Values, v)
		}
	})
	if c.writing && c.version < 6 {
		return
	}
	some := t.Pace != nil
	c.flag(&some)
	c.span(8, 1, func(int) {
		if !some {
			return
		}
		if t.Pace == nil {
			t.Pace = &sensor.Pace{}
		}
		c.spread(&t.Pace.Asked)
		c.spread(&t.Pace.Answered)
	})
}

func (c *coder) spread(s *sensor.Spread) {
	num(c, &s.N)
	num(c, &s.Sum)
	if c.columns == nil {
		c.float(&s.Squares)
		num(c, &s.Most)
		return
	}
	c.squares(s)
	c.most(s)
}

// maxValues bounds the values of one tuple: those of a sensor, gathered from several flows.
const maxValues = 256

// maxRules bounds the rules that one message can hit.
const maxRules = 256

func (c *coder) event(e *sensor.Event) {
	c.key(&e.Flow)
	c.ref(&e.Ref, c.base)
	text(c, &e.Protocol)
	text(c, &e.Kind)
	text(c, &e.Dir)
	num(c, &e.Code)
	text(c, &e.Text)
	text(c, &e.Name)
	text(c, &e.Class)
	c.flag(&e.Refused)
	num(c, &e.Status)
	num(c, &e.Unit)
	text(c, &e.Object)
	n := uint16(min(len(e.Rules), maxRules))
	num(c, &n)
	if n > maxRules {
		c.fail("%d rules of one message: at most %d are read", n, maxRules)
		return
	}
	c.span(1, int(n), func(i int) {
		var rule string
		if c.writing {
			rule = e.Rules[i]
		}
		text(c, &rule)
		if c.err == nil && !c.writing {
			e.Rules = append(e.Rules, rule)
		}
	})
	c.bytes(&e.Proof, ot.MaxProof)
	if c.writing && c.version < 2 {
		return
	}
	num(c, &e.Repeats)
	if c.writing && c.version < 7 {
		return
	}
	c.at(&e.Until)
	num(c, &e.Bytes)
	num(c, &e.Began)
}

func (c *coder) fact(f *sensor.Fact) {
	c.host(&f.About)
	text(c, &f.Attr)
	text(c, &f.Value)
	c.bytes(&f.Raw, 4*ot.MaxFact)
	text(c, &f.Protocol)
	c.host(&f.By)
	c.ref(&f.Ref, c.base)
	c.bytes(&f.Proof, ot.MaxProof)
}
