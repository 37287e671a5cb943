package detect

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// candidate is what a rule's mask let through.
type candidate struct {
	r      *rule.Ready
	client Host
	server Host
	talk   TalkKey
	at     int64 // of window entries: first and last
	until  int64
	n      int64
	bytes  int64
	code   uint32
	unit   uint32
	vars   rule.Vars
	hit    rule.Hit
	name   string // what is to be known of it: of facts and of masters
	all    string // the same of all hosts of the realm
}

func (l *Look) messages() {
	for i := range l.sum.Events {
		e := &l.sum.Events[i]
		for _, id := range e.Rules {
			if r := l.j.set.Ready(id); r != nil {
				l.message(r, e)
			}
		}
		m := ot.Message{Class: ot.ParseClass(e.Class), Dir: direction(e.Dir), Code: e.Code, Unit: e.Unit}
		if e.Text != "" {
			m.Text = []byte(e.Text)
		}
		if e.Refused {
			m.Flags = ot.Refused
		}
		if l.number(&m, e.Protocol, e.Kind) {
			for _, n := range l.j.set.HitTold(&m, nil) {
				l.message(l.j.set.At(n), e)
			}
		}
	}
}

func (l *Look) message(r *rule.Ready, e *sensor.Event) {
	c := l.base(r, &e.Flow)
	c.hit.Protocol = e.Protocol
	until := max(e.Ref.Seen, e.Until)
	c.hit.First, c.hit.Last, c.hit.Count = e.Ref.Seen, until, 1+e.Repeats
	c.hit.Packets, c.hit.Proof = []ot.PacketRef{e.Ref}, e.Proof
	c.at, c.until, c.n, c.code, c.unit = e.Ref.Seen, until, int64(1+e.Repeats), e.Code, e.Unit
	say := func(name, value string) {
		if value != "" {
			c.hit.Facts = append(c.hit.Facts, rule.Say{Name: name, Value: value})
		}
	}
	say("function", called(e.Name, e.Text, e.Code))
	say("object", e.Object)
	if e.Unit != 0 {
		say("unit", strconv.FormatUint(uint64(e.Unit), 10))
	}
	if e.Refused {
		say("refused", strconv.FormatUint(uint64(e.Status), 10))
	}
	for k, v := range map[string]any{
		"protocol": e.Protocol, "kind": e.Kind, "dir": e.Dir, "text": e.Text, "name": e.Name, "class": e.Class, "object": e.Object,
		"code": int64(e.Code), "unit": int64(e.Unit), "status": int64(e.Status), "repeats": int64(e.Repeats), "refused": e.Refused,
	} {
		c.vars[k] = v
	}
	if e.Dir == "response" { // the answer says what was asked: who asked is the actor all the same
		c.hit.Facts = slices.DeleteFunc(c.hit.Facts, func(s rule.Say) bool { return s.Name == "unit" })
	}
	l.cands = append(l.cands, c)
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
		for _, n := range l.j.set.HitTuple(&m, nil) {
			l.tuple(l.j.set.At(n), t)
		}
	}
}

func (l *Look) tuple(r *rule.Ready, t *sensor.TupleDelta) {
	c := l.base(r, &t.Flow)
	c.hit.Protocol = t.Protocol
	first := max(t.First, min(l.sum.From, t.Last))
	c.hit.First, c.hit.Last, c.hit.Count = first, t.Last, t.Count
	c.hit.Packets = []ot.PacketRef{t.FirstRef}
	c.at, c.until, c.n, c.code, c.unit = first, t.Last, int64(t.Count), t.Code, t.Unit
	c.hit.Facts = append(c.hit.Facts, rule.Say{Name: "function", Value: called(t.Name, t.Text, t.Code)})
	if t.FirstItem != 0 || t.LastItem != 0 {
		c.hit.Facts = append(c.hit.Facts, rule.Say{Name: "items", Value: strconv.FormatUint(uint64(t.FirstItem), 10) + "–" + strconv.FormatUint(uint64(t.LastItem), 10)})
	}
	for k, v := range map[string]any{
		"protocol": t.Protocol, "kind": t.Kind, "dir": t.Dir, "text": t.Text, "name": t.Name, "class": t.Class,
		"code": int64(t.Code), "unit": int64(t.Unit), "area": int64(t.Area), "first": int64(t.FirstItem), "last": int64(t.LastItem),
		"count": int64(t.Count), "refused": int64(t.Refused), "new_master": false,
	} {
		c.vars[k] = v
	}
	if ot.ParseClass(t.Class)&changing != 0 && t.Dir != "response" && single(t.Flow.Server) {
		c.name = "masters|" + strconv.FormatInt(c.server.RealmNo, 10) + "|" + c.server.IP + c.server.MAC + "|" + t.Protocol
	}
	l.cands = append(l.cands, c)
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
		for _, r := range l.j.talks {
			if passes(&r.Mask, f) {
				l.conversation(r, f)
			}
		}
	}
}

func passes(m *rule.Mask, f *sensor.FlowDelta) bool {
	named := f.Protocol
	if named == "" {
		named = f.Guess
	}
	switch {
	case len(m.Protocols) > 0 && !slices.Contains(m.Protocols, named),
		len(m.Ports) > 0 && !slices.Contains(m.Ports, f.Port),
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

func (l *Look) conversation(r *rule.Ready, f *sensor.FlowDelta) {
	key := sensor.FlowKey{Realm: f.Realm, Client: f.Client, Server: f.Server, Transport: f.Transport, Port: f.Port, Protocol: f.Protocol}
	c := l.base(r, &key)
	first := max(f.First, min(l.sum.From, f.Last))
	c.hit.First, c.hit.Last = first, f.Last
	c.hit.Packets, c.hit.Proof = []ot.PacketRef{f.FirstRef}, f.Proof
	c.at, c.until, c.n, c.bytes = first, f.Last, int64(max(f.Sessions, 1)), int64(f.ClientBytes+f.ServerBytes)
	if f.Protocol == "" {
		c.hit.Facts = append(c.hit.Facts, rule.Say{Name: "port", Value: f.Transport + " " + strconv.Itoa(int(f.Port))})
	}
	c.hit.Facts = append(c.hit.Facts, rule.Say{Name: "bytes", Value: strconv.FormatUint(f.ClientBytes+f.ServerBytes, 10)})
	for k, v := range map[string]any{
		"guess": f.Guess, "established": f.Established, "sessions": int64(f.Sessions), "client_packets": int64(f.ClientPackets), "client_bytes": int64(f.ClientBytes),
		"server_packets": int64(f.ServerPackets), "server_bytes": int64(f.ServerBytes), "malformed": int64(f.Malformed), "lost": int64(f.Lost), "seconds": (f.Last - first) / int64(time.Second),
	} {
		c.vars[k] = v
	}
	l.cands = append(l.cands, c)
}

// statements are facts, and what addresses say of themselves: host.mac is the hardware
// address that ARP names for an IP address.
func (l *Look) statements() {
	for i := range l.sum.Facts {
		f := &l.sum.Facts[i]
		l.fact(f)
	}
	if len(l.j.facts["host.mac"]) == 0 {
		return
	}
	for i := range l.sum.Hosts {
		h := &l.sum.Hosts[i]
		if !h.ARP || !h.IP.IsValid() || h.MAC == (ot.MAC{}) {
			continue
		}
		about := h.Host
		about.MAC = ot.MAC{}
		l.fact(&sensor.Fact{About: about, Attr: "host.mac", Value: h.MAC.String(), Protocol: "arp", By: h.Host, Ref: ot.PacketRef{Source: l.d.Source, Number: h.FirstPacket, Seen: h.First}})
	}
}

func (l *Look) fact(f *sensor.Fact) {
	for _, r := range l.j.facts[f.Attr] {
		realm := l.d.Realm(f.About.Realm)
		about := l.host(f.About)
		c := candidate{r: r, client: l.host(f.By), server: about, at: f.Ref.Seen, until: f.Ref.Seen, n: 1}
		if c.client == (Host{RealmNo: c.client.RealmNo}) {
			c.client = about
		}
		c.client.RealmNo, c.server.RealmNo = realm, realm
		c.hit = rule.Hit{
			Rule: r.ID, SiteNo: l.d.SiteNo, RealmNo: realm, Client: end(f.By), Server: end(f.About), Protocol: f.Protocol,
			First: f.Ref.Seen, Last: f.Ref.Seen, Count: 1, Live: l.sum.Live, Packets: []ot.PacketRef{f.Ref}, Proof: f.Proof,
		}
		if c.hit.Client == (rule.End{}) {
			c.hit.Client = c.hit.Server
		}
		c.vars = rule.Vars{
			"protocol": f.Protocol, "transport": "", "port": int64(0), "live": l.sum.Live, "attr": string(f.Attr), "value": f.Value,
			"by": c.hit.Client.Name(), "before": "", "changed": false, "back": false, "others": int64(0),
		}
		where := about.IP + about.MAC + f.About.Module
		c.name = "fact|" + strconv.FormatInt(realm, 10) + "|" + where + "|" + string(f.Attr)
		c.all = "all|" + strconv.FormatInt(realm, 10) + "|" + string(f.Attr)
		l.cands = append(l.cands, c)
	}
}
