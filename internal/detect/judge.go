package detect

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// Judge runs rules over what sensors tell. It keeps what windows need in memory and
// does no I/O: what the inventory knows, and what was known before, is given to it.
type Judge struct {
	set   *rule.Set
	names rule.Names
	talks []*rule.Ready             // rules on conversations, and windows over them
	facts map[ot.Attr][]*rule.Ready // the same of facts

	mu      sync.Mutex
	numbers map[string]int // protocols by name; -1: none
	windows windows
}

// NewJudge makes one for a set of rules.
func NewJudge(set *rule.Set, names rule.Names) *Judge {
	j := &Judge{set: set, names: names, facts: map[ot.Attr][]*rule.Ready{}, numbers: map[string]int{}, windows: windows{groups: map[string]*window{}}}
	if set == nil {
		return j
	}
	all := set.All()
	for i := range all {
		switch r := &all[i]; r.Over() {
		case rule.Conversation:
			j.talks = append(j.talks, r)
		case rule.Fact:
			for _, a := range r.Mask.Attrs {
				j.facts[a] = append(j.facts[a], r)
			}
		}
	}
	return j
}

// Seen is one summary, and where it belongs.
type Seen struct {
	Delivery sensor.Delivery
	Sum      *sensor.Summary
}

// Around is what is known beside a summary.
type Around struct {
	Who     map[Host]Party
	Planned []Window
	Known   map[string]string // by name; a missing one was never known
}

// Look is one look at a summary: first what it would have to know, then the judgement.
type Look struct {
	j     *Judge
	d     sensor.Delivery
	sum   *sensor.Summary
	cands []candidate
	learn map[string]string // what is known from now on
}

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

// Begin finds what the masks let through.
func (j *Judge) Begin(s Seen) *Look {
	l := &Look{j: j, d: s.Delivery, sum: s.Sum, learn: map[string]string{}}
	if j.set == nil {
		return l
	}
	l.messages()
	l.tuples()
	l.conversations()
	l.statements()
	return l
}

func (l *Look) host(h ot.Host) Host {
	out := Host{RealmNo: l.d.Realm(h.Realm)}
	if h.IP.IsValid() {
		out.IP = h.IP.Unmap().WithZone("").String()
	} else {
		out.MAC = h.MAC.String()
	}
	return out
}

func end(h ot.Host) rule.End {
	e := rule.End{MAC: h.MAC.String()}
	if h.IP.IsValid() {
		e.IP = h.IP.Unmap().WithZone("").String()
	}
	return e
}

// base is what every candidate of a conversation has in common.
func (l *Look) base(r *rule.Ready, f *sensor.FlowKey) candidate {
	realm := l.d.Realm(f.Realm)
	c := candidate{
		r: r, client: l.host(f.Client), server: l.host(f.Server),
		talk: TalkKey{realm, f.Client, f.Server, f.Transport, f.Port, f.Protocol},
	}
	c.client.RealmNo, c.server.RealmNo = realm, realm
	c.hit = rule.Hit{
		Rule: r.ID, SiteNo: l.d.SiteNo, RealmNo: realm, Client: end(f.Client), Server: end(f.Server),
		Transport: f.Transport, Port: f.Port, Protocol: f.Protocol, Count: 1, Live: l.sum.Live,
	}
	c.vars = rule.Vars{"protocol": f.Protocol, "transport": f.Transport, "port": int64(f.Port), "live": l.sum.Live}
	return c
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
	c.hit.First, c.hit.Last, c.hit.Count = e.Ref.Seen, e.Ref.Seen, 1+e.Repeats
	c.hit.Packets, c.hit.Proof = []ot.PacketRef{e.Ref}, e.Proof
	c.at, c.until, c.n, c.code, c.unit = e.Ref.Seen, e.Ref.Seen, int64(1+e.Repeats), e.Code, e.Unit
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

// Hosts lists the hosts whose parties the judgement needs.
func (l *Look) Hosts() []Host {
	seen := map[Host]bool{}
	var out []Host
	for i := range l.cands {
		for _, h := range []Host{l.cands[i].client, l.cands[i].server} {
			if !seen[h] && h.IP+h.MAC != "" {
				seen[h] = true
				out = append(out, h)
			}
		}
	}
	return out
}

// Names lists what it needs to know from before.
func (l *Look) Names() []string {
	seen := map[string]bool{}
	var out []string
	for i := range l.cands {
		for _, n := range []string{l.cands[i].name, l.cands[i].all} {
			if n != "" && !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

// Learnt is what is known from now on and was not, or otherwise, before.
func (l *Look) Learnt() map[string]string { return l.learn }

// Span is the time of the summary, with what windows of planned work may be off.
func (l *Look) Span() (from, to time.Time) {
	return time.Unix(0, l.sum.From), time.Unix(0, l.sum.To)
}

// Empty says whether no mask let anything through.
func (l *Look) Empty() bool { return len(l.cands) == 0 }

// slack is how much earlier or later than planned work may be done.
const slack = 30 * time.Minute

// End judges. Doing it again with the same summary gives the same hits: what windows
// learnt from it is forgotten first.
func (l *Look) End(a Around) ([]rule.Hit, error) {
	tag := l.d.Source + "|" + l.sum.Epoch + "|" + strconv.FormatUint(l.sum.Seq, 10)
	l.j.mu.Lock()
	defer l.j.mu.Unlock()
	l.j.windows.forget(tag)
	var out []rule.Hit
	clear(l.learn)
	known := func(name string) string {
		if v, ok := l.learn[name]; ok {
			return v
		}
		return a.Known[name]
	}
	done := map[string]recalled{} // one look into the past, however many rules look at a thing
	var failed error
	for i := range l.cands {
		c := &l.cands[i]
		l.remember(c, known, done)
		client, server := a.Who[c.client], a.Who[c.server]
		l.surround(c, a, client, server)
		ok, err := c.r.When.Holds(c.vars)
		if err != nil {
			failed = err
			continue
		}
		if !ok {
			continue
		}
		if hits, err := l.judged(c, tag); err != nil {
			failed = err
		} else {
			out = append(out, hits...)
		}
	}
	for name, v := range l.learn {
		if a.Known[name] == v {
			delete(l.learn, name)
		}
	}
	return out, failed
}

// surround adds to the variables what is known of the two sides.
func (l *Look) surround(c *candidate, a Around, client, server Party) {
	side := func(name string, e rule.End, p Party) {
		for k, v := range map[string]any{
			"ip": e.IP, "mac": e.MAC, "name": p.Name, "role": p.Role, "level": p.Level, "zone": p.Zone,
			"known": p.Asset != "", "programming": p.Programming, "internet": p.Internet, "ot": p.OT,
		} {
			c.vars[name+"."+k] = v
		}
	}
	side("client", c.hit.Client, client)
	side("server", c.hit.Server, server)
	c.vars["crosses"] = client.ZoneNo != 0 && server.ZoneNo != 0 && client.ZoneNo != server.ZoneNo
	planned := false
	for _, w := range a.Planned {
		at := time.Unix(0, c.hit.First)
		if at.Before(w.From.Add(-slack)) || at.After(w.To.Add(slack)) {
			continue
		}
		if len(w.Assets) == 0 || slices.Contains(w.Assets, server.Asset) && server.Asset != "" {
			planned = true
			c.hit.Facts = append(c.hit.Facts, rule.Say{Name: "planned", Value: w.Title})
			break
		}
	}
	c.vars["planned"] = planned
	if server.ZoneNo != 0 {
		c.hit.ZoneNo = server.ZoneNo
	}
}

// judged makes the hit of one candidate, or of the window that it fills.
func (l *Look) judged(c *candidate, tag string) ([]rule.Hit, error) {
	value, err := c.r.Value.Text(c.vars)
	if err != nil {
		return nil, err
	}
	for _, adj := range c.r.Adjust {
		ok, err := adj.When.Holds(c.vars)
		if err != nil {
			return nil, err
		}
		if ok {
			c.hit.Severity = adj.Severity
			break
		}
	}
	c.hit.Group = c.group(value)
	if c.r.On != rule.Window {
		return []rule.Hit{c.hit}, nil
	}
	return l.j.windows.add(c, value, tag)
}

// group are the values that make two hits one alert.
func (c *candidate) group(value string) []string {
	out := make([]string, len(c.r.Group))
	for i, g := range c.r.Group {
		switch g {
		case "client":
			out[i] = c.hit.Client.Name()
		case "server":
			out[i] = c.hit.Server.Name()
		case "protocol":
			out[i] = c.hit.Protocol
		case "port":
			out[i] = strconv.Itoa(int(c.hit.Port))
		case "code":
			out[i] = strconv.FormatUint(uint64(c.code), 10)
		case "unit":
			out[i] = strconv.FormatUint(uint64(c.unit), 10)
		case "value":
			out[i] = strings.ReplaceAll(value, "|", "/")
		}
	}
	return out
}
