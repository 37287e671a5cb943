package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// readable are protocols for people and administration whose words everybody on
// the wire can read, and which have a form that nobody can. Protocols of plants
// have hardly ever a choice: they are named once, in a note.
func readable(protocol string) (instead string, ok bool) {
	switch protocol {
	case "telnet":
		return "SSH", true
	case "ftp", "tftp":
		return "SFTP", true
	case "http":
		return "HTTPS", true
	case "vnc":
		return "VNC through SSH or TLS", true
	case "snmp":
		return "SNMP version 3 with authPriv", true
	case "ldap":
		return "LDAPS", true
	case "mqtt":
		return "MQTT over TLS", true
	}
	return "", false
}

func (c *comparison) talks() {
	for i := range c.s.Talks {
		t := &c.s.Talks[i]
		if plumbing(t) || slices.ContainsFunc(c.p.Ignore, func(s Service) bool { return s.covers(t) }) {
			continue
		}
		if c.multicast(t) {
			continue
		}
		if toMany(t.Server) {
			c.add(Finding{Kind: KindChatter, Verdict: Note, Subject: c.name(t.Client), What: "speaks " + t.what() + " to everybody", Packet: t.Packet})
			continue
		}
		c.talk(t)
	}
}

// what names a conversation for people.
func (t *Talk) what() string {
	service := Service{Transport: t.Transport, Port: t.Port}.port()
	switch {
	case t.Port == 0:
		service = t.Transport
	}
	if name := cmp.Or(t.Title, t.Protocol); name != "" {
		return name + " (" + service + ")"
	}
	return service
}

func (c *comparison) talk(t *Talk) {
	server, _ := c.who(t.Server)
	client, _ := c.who(t.Client)
	var documented *Service
	if server >= 0 {
		for i := range c.p.Devices[server].Services {
			if s := &c.p.Devices[server].Services[i]; s.covers(t) {
				documented = s
			}
		}
	}
	var conduit *Conduit
	var service *Service
	if n := c.conduit(t); n >= 0 {
		conduit = &c.p.Conduits[n]
		service = conduit.allows(t)
	}
	accepted := ""
	if documented != nil {
		accepted = documented.Accepted
	}
	if conduit != nil {
		accepted = cmp.Or(service.Accepted, conduit.Accepted, accepted)
		c.out.Agree++
		c.classes(t, conduit)
	}
	unanswered := ""
	if !t.Answered {
		unanswered = "; nobody answered"
	}
	if !c.p.covers(t.Protocol) { // the file says nothing of who may speak it
		c.clear(t, accepted)
		return
	}
	if server >= 0 && documented == nil && conduit == nil && t.Answered {
		c.add(Finding{Kind: KindService, Verdict: Differs, Subject: c.p.Devices[server].Name, Line: c.p.Devices[server].Line, What: "offers " + t.what() + ", which no plan mentions", Found: "asked by " + c.name(t.Client), Packet: t.Packet})
	}
	// Where neither end is planned, the hosts themselves are the finding.
	if conduit == nil && (server >= 0 || client >= 0) {
		c.add(Finding{Kind: KindConduit, Verdict: Differs, Subject: c.pair(t.Client, t.Server), What: "speak " + t.what() + ", for which there is no conduit" + unanswered, Packet: t.Packet})
	}
	c.clear(t, accepted)
}

// covers says whether the plan names everybody who may speak a protocol.
func (p *Project) covers(protocol string) bool {
	return p.Covers == nil || slices.Contains(p.Covers, protocol)
}

// multicast judges what a device publishes to a group that plans may name: GOOSE
// and Sampled Values. Who listens to it, nobody hears.
func (c *comparison) multicast(t *Talk) bool {
	if t.Protocol == "" || !slices.Contains(c.p.Covers, t.Protocol) || !t.Server.MAC.Group() {
		return false
	}
	planned := false
	for i := range c.p.Conduits {
		k := &c.p.Conduits[i]
		if k.Group == t.Server.MAC && k.allows(t) != nil && c.end(k.From, t.Client) {
			c.used[i], planned = true, true
		}
	}
	if planned {
		c.out.Agree++
		return true
	}
	c.add(Finding{Kind: KindConduit, Verdict: Differs, Subject: c.name(t.Client) + " → " + t.Server.MAC.String(), What: "publishes " + t.what() + " to a group that the plan does not give it", Packet: t.Packet})
	return true
}

func (c *comparison) classes(t *Talk, conduit *Conduit) {
	if len(conduit.Classes) == 0 {
		return
	}
	for _, class := range t.Classes {
		if !slices.Contains(conduit.Classes, class) && class != "other" {
			c.add(Finding{
				Kind: KindClass, Verdict: Differs, Subject: c.pair(t.Client, t.Server), Line: conduit.Line, Packet: t.Packet,
				What:    fmt.Sprintf("%s carries messages of class %s", t.what(), strings.ReplaceAll(class, "_", " ")),
				Planned: strings.Join(conduit.Classes, ", "),
			})
		}
	}
}

func (c *comparison) clear(t *Talk, accepted string) {
	instead, may := readable(t.Protocol)
	if t.Protocol == "snmp" && !t.ClearText { // version 3 looks the same from here
		may = false
	}
	if !may && !t.ClearText {
		return
	}
	f := Finding{Kind: KindClear, Verdict: Differs, Subject: c.pair(t.Client, t.Server), Packet: t.Packet, What: t.what() + " can be read by everybody on the wire"}
	if t.ClearText {
		f.What = t.what() + " carried a password or community that everybody on the wire could read"
	}
	if may {
		f.What += "; there is " + instead
	}
	if accepted != "" {
		f.Verdict, f.Planned = Note, "accepted: "+accepted
	}
	if !t.Answered {
		f.Verdict = Note
	}
	c.add(f)
}

// conduit finds the planned one that allows a conversation; -1: none.
func (c *comparison) conduit(t *Talk) int {
	for i := range c.p.Conduits {
		k := &c.p.Conduits[i]
		if c.end(k.From, t.Client) && c.end(k.To, t.Server) && k.allows(t) != nil {
			c.used[i] = true
			return i
		}
	}
	return -1
}

func (k *Conduit) allows(t *Talk) *Service {
	for j := range k.Protocols {
		if k.Protocols[j].covers(t) {
			return &k.Protocols[j]
		}
	}
	return nil
}

// end says whether a conduit's end is that host.
func (c *comparison) end(name string, h ot.Host) bool {
	if strings.EqualFold(name, "any") {
		return true
	}
	if i, _ := c.who(h); i >= 0 && strings.EqualFold(c.p.Devices[i].Name, name) {
		return true
	}
	if !h.IP.IsValid() {
		return false
	}
	if p, err := netip.ParsePrefix(name); err == nil {
		return p.Contains(h.IP.Unmap())
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a == h.IP.Unmap()
}

// unused names what is planned and was not heard.
func (c *comparison) unused() {
	for i := range c.p.Conduits {
		if k := &c.p.Conduits[i]; !c.used[i] {
			c.add(Finding{Kind: KindUnused, Verdict: Unknown, Subject: k.From + " → " + k.To, Line: k.Line, What: "this conduit was not used while this was recorded: that it works is not shown", Planned: services(k.Protocols)})
		}
	}
	for i := range c.p.Devices {
		d := &c.p.Devices[i]
		for j := range d.Services {
			s := &d.Services[j]
			heard := slices.ContainsFunc(c.s.Talks, func(t Talk) bool {
				planned, _ := c.who(t.Server)
				return planned == i && s.covers(&t)
			})
			if !heard && c.seen[i] >= 0 {
				c.add(Finding{Kind: KindUnused, Verdict: Note, Subject: d.Name, Line: s.Line, What: "nobody used its service " + s.String() + " while this was recorded"})
			}
		}
	}
}

func services(list []Service) string {
	var out []string
	for _, s := range list {
		out = append(out, s.String())
	}
	return strings.Join(out, ", ")
}
