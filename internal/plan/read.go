package plan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"go.yaml.in/yaml/v3"
)

// maxProject bounds a file, because YAML with aliases can unfold to anything.
const maxProject = 4 << 20

// Parse reads a project.yaml strictly. Every mistake is told with its line.
func Parse(name string, raw []byte) (*Project, error) {
	if len(raw) > maxProject {
		return nil, ot.Errorf(ot.Invalid, "%s has %d bytes; a project.yaml may have %d", name, len(raw), maxProject)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, ot.Errorf(ot.Invalid, "%s is empty; docs/inspect.md has a complete example", name)
		}
		return nil, ot.Errorf(ot.Invalid, "%s: %s", name, strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, ot.Errorf(ot.Invalid, "%s holds more than one YAML document; keep the first", name)
	}
	r := &reader{file: name}
	p := &Project{Source: name}
	r.project(doc.Content[0], p)
	if len(r.wrong) == 0 {
		r.check(p)
	}
	if n := len(r.wrong); n > 0 {
		if n > shownMistakes {
			r.wrong = append(r.wrong[:shownMistakes], fmt.Sprintf("… and %d more", n-shownMistakes))
		}
		return nil, ot.Errorf(ot.Invalid, "%s", strings.Join(r.wrong, "\n"))
	}
	return p, nil
}

const shownMistakes = 10

// reader walks the YAML tree itself, as only so each mistake has its line.
type reader struct {
	file  string
	wrong []string
}

func (r *reader) say(n *yaml.Node, format string, args ...any) {
	r.sayLine(n.Line, format, args...)
}

func (r *reader) sayLine(line int, format string, args ...any) {
	r.wrong = append(r.wrong, fmt.Sprintf("%s:%d: %s", r.file, line, fmt.Sprintf(format, args...)))
}

type fields map[string]func(*yaml.Node)

// each gives a mapping's values to who reads them.
func (r *reader) each(n *yaml.Node, what string, known fields) {
	if n.Kind != yaml.MappingNode {
		r.say(n, "%s is a list of names and values such as \"name: PLC-1\"", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		read := known[k.Value]
		switch {
		case read == nil:
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			r.say(k, "%s has no field %q; it may have: %s", what, k.Value, strings.Join(names, ", "))
		case seen[k.Value]:
			r.say(k, "%s has %q twice", what, k.Value)
		case v.Kind == yaml.AliasNode:
			r.say(v, "aliases are not read; write the value itself")
		default:
			seen[k.Value] = true
			read(v)
		}
	}
}

func (r *reader) text(to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind != yaml.ScalarNode {
			r.say(n, "a text is wanted here, in quotes where it has a colon")
			return
		}
		*to = ot.Printable(n.Value)
	}
}

// list reads one value or a list of them.
func (r *reader) list(one func(*yaml.Node)) func(*yaml.Node) {
	return func(n *yaml.Node) {
		if n.Kind == yaml.SequenceNode {
			for _, c := range n.Content {
				if c.Kind == yaml.AliasNode {
					r.say(c, "aliases are not read; write the value itself")
					continue
				}
				one(c)
			}
			return
		}
		one(n)
	}
}

func (r *reader) project(n *yaml.Node, p *Project) {
	r.each(n, "a project", fields{
		"project": r.text(&p.Name), "revision": r.text(&p.Revision),
		"approved": func(n *yaml.Node) {
			r.each(n, "approved", fields{"by": r.text(&p.Approved.By), "date": r.text(&p.Approved.Date), "note": r.text(&p.Approved.Note)})
		},
		"devices":  r.list(func(n *yaml.Node) { r.device(n, p) }),
		"conduits": r.list(func(n *yaml.Node) { r.conduit(n, p) }),
		"ignore":   r.services(&p.Ignore),
	})
	if p.Name == "" && len(r.wrong) == 0 {
		r.say(n, "the field project is missing: the plan's name")
	}
}

func (r *reader) device(n *yaml.Node, p *Project) {
	d := Device{Line: n.Line}
	r.each(n, "a device", fields{
		"name": r.text(&d.Name), "vendor": r.text(&d.Vendor), "model": r.text(&d.Model), "order_code": r.text(&d.OrderCode),
		"firmware": r.text(&d.Firmware), "serial": r.text(&d.Serial), "role": r.text(&d.Role),
		"addresses": r.list(func(n *yaml.Node) {
			a, err := netip.ParseAddr(n.Value)
			if err != nil {
				r.say(n, "%q is no IP address", n.Value)
				return
			}
			d.Addresses = append(d.Addresses, a.Unmap())
		}),
		"macs": r.list(func(n *yaml.Node) {
			var m ot.MAC
			if err := m.UnmarshalText([]byte(n.Value)); err != nil || m == (ot.MAC{}) {
				r.say(n, "%q is no MAC address", n.Value)
				return
			}
			d.MACs = append(d.MACs, m)
		}),
		"services": r.services(&d.Services),
		"optional": func(n *yaml.Node) {
			if err := n.Decode(&d.Optional); err != nil {
				r.say(n, "optional is true or false")
			}
		},
	})
	p.Devices = append(p.Devices, d)
}

// services reads "s7comm", "102/tcp", or {service: http, accepted: why}.
func (r *reader) services(to *[]Service) func(*yaml.Node) {
	return r.list(func(n *yaml.Node) {
		text, accepted := n.Value, ""
		if n.Kind == yaml.MappingNode {
			r.each(n, "a service", fields{"service": r.text(&text), "accepted": r.text(&accepted)})
		}
		s, ok := ParseService(text)
		if !ok {
			r.say(n, "%q is no service; write a protocol (s7comm), a port (102/tcp) or both (https 8443/tcp)", text)
			return
		}
		s.Accepted, s.Line = accepted, n.Line
		*to = append(*to, s)
	})
}

func (r *reader) conduit(n *yaml.Node, p *Project) {
	c := Conduit{Line: n.Line}
	r.each(n, "a conduit", fields{
		"from": r.text(&c.From), "to": r.text(&c.To), "why": r.text(&c.Why), "accepted": r.text(&c.Accepted),
		"protocols": r.services(&c.Protocols),
		"classes": r.list(func(n *yaml.Node) {
			if ot.ParseClass(n.Value) == 0 {
				r.say(n, "%q is none of the classes: %s", n.Value, strings.Join(ot.ClassNames[:], ", "))
				return
			}
			c.Classes = append(c.Classes, n.Value)
		}),
	})
	p.Conduits = append(p.Conduits, c)
}

// check finds what is well written and still wrong.
func (r *reader) check(p *Project) {
	names, at := map[string]int{}, map[string]int{}
	once := func(of map[string]int, key, what string, line int) {
		if first, have := of[key]; have {
			r.sayLine(line, "%s is already that of the device in line %d", what, first)
			return
		}
		of[key] = line
	}
	for i := range p.Devices {
		d := &p.Devices[i]
		if d.Name == "" {
			r.sayLine(d.Line, "a device without a name: conduits and the report call it by that")
			continue
		}
		if len(d.Addresses)+len(d.MACs) == 0 && d.Serial == "" {
			r.sayLine(d.Line, "%s has neither addresses nor macs nor a serial: nothing heard could be it", d.Name)
		}
		once(names, strings.ToLower(d.Name), "the name "+d.Name, d.Line)
		for _, a := range d.Addresses {
			once(at, a.String(), a.String(), d.Line)
		}
		for _, m := range d.MACs {
			once(at, m.String(), m.String(), d.Line)
		}
	}
	for i := range p.Conduits {
		c := &p.Conduits[i]
		for _, e := range []struct{ field, name string }{{"from", c.From}, {"to", c.To}} {
			if !p.knows(e.name) {
				r.sayLine(c.Line, "%s: %q is no device of this plan, no address, no network and not \"any\"", e.field, e.name)
			}
		}
		if len(c.Protocols) == 0 {
			r.sayLine(c.Line, "a conduit without protocols; write what may pass, such as protocols: [s7comm]")
		}
	}
}

func (p *Project) knows(end string) bool {
	if strings.EqualFold(end, "any") {
		return true
	}
	for i := range p.Devices {
		if strings.EqualFold(p.Devices[i].Name, end) {
			return true
		}
	}
	if _, err := netip.ParsePrefix(end); err == nil {
		return true
	}
	_, err := netip.ParseAddr(end)
	return err == nil
}
