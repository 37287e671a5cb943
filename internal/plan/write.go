package plan

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"go.yaml.in/yaml/v3"
)

// Baseline is what was heard as a project.yaml: a first draft of a plan, or the
// state that somebody approves after an acceptance test. What was planned and
// agrees stays as it was written; what was found is added with where it was seen.
func (r *Result) Baseline() *Project {
	p := &Project{Name: r.Project.Name, Revision: r.Project.Revision, Ignore: r.Project.Ignore}
	c := &comparison{out: r, p: r.Project, s: r.Seen}
	c.match()
	for i := range r.Project.Devices {
		d := r.Project.Devices[i]
		if d.Module {
			continue
		}
		if j := c.seen[i]; j >= 0 {
			d.see(&r.Seen.Devices[j])
		}
		p.Devices = append(p.Devices, d)
	}
	taken := map[string]bool{}
	for i := range p.Devices {
		taken[strings.ToLower(p.Devices[i].Name)] = true
	}
	for j := range r.Seen.Devices {
		s := &r.Seen.Devices[j]
		if c.plan[j] >= 0 || !s.Heard {
			continue
		}
		d := Device{}
		d.see(s)
		if len(d.Addresses)+len(d.MACs) == 0 {
			continue
		}
		d.Name = unique(s, &d, taken)
		p.Devices = append(p.Devices, d)
	}
	p.conduits(r)
	return p
}

// unique names a device that nobody named: by its own name, or by where it is.
func unique(s *SeenDevice, d *Device, taken map[string]bool) string {
	base := s.value("name")
	if base == "" {
		base = d.where()
		if i := strings.IndexByte(base, ','); i > 0 {
			base = base[:i]
		}
	}
	name := base
	for n := 2; taken[strings.ToLower(name)]; n++ {
		name = fmt.Sprintf("%s (%d)", base, n)
	}
	taken[strings.ToLower(name)] = true
	return name
}

// see takes over what a device said of itself.
func (d *Device) see(s *SeenDevice) {
	d.Addresses = slices.Clone(s.Addresses)
	d.MACs = slices.Clone(s.MACs)
	for _, f := range []struct {
		name string
		to   *string
	}{{"vendor", &d.Vendor}, {"model", &d.Model}, {"order_code", &d.OrderCode}, {"firmware", &d.Firmware}, {"serial", &d.Serial}} {
		if v := s.value(f.name); v != "" {
			*f.to = v
		}
	}
	if s.Role != "unknown" && d.Role == "" {
		d.Role = s.Role
	}
}

// conduits keeps the planned ones and adds what else was heard, one a pair of devices.
func (p *Project) conduits(r *Result) {
	c := &comparison{out: r, p: p, s: r.Seen, used: make([]bool, len(r.Project.Conduits)), told: map[string]int{}}
	c.match()
	p.Conduits = slices.Clone(r.Project.Conduits)
	for i := range p.Conduits {
		p.Conduits[i].Classes = slices.Clone(p.Conduits[i].Classes)
	}
	c.used = make([]bool, len(p.Conduits))
	planned := len(p.Conduits)
	at := map[string]int{}
	for i := range r.Seen.Talks {
		t := &r.Seen.Talks[i]
		if plumbing(t) || toMany(t.Server) || !t.Answered || slices.ContainsFunc(p.Ignore, func(s Service) bool { return s.covers(t) }) {
			continue
		}
		n := c.conduit(t)
		if n < 0 {
			from, to := c.endName(t.Client), c.endName(t.Server)
			s, ok := serviceOf(t)
			if from == "" || to == "" || !ok {
				continue
			}
			key := from + "\x00" + to
			have := false
			if n, have = at[key]; !have {
				n = len(p.Conduits)
				at[key] = n
				p.Conduits = append(p.Conduits, Conduit{From: from, To: to, Why: fmt.Sprintf("heard from packet %d", t.Packet)})
				c.used = append(c.used, true)
			}
			p.Conduits[n].Protocols = append(p.Conduits[n].Protocols, s)
		}
		k := &p.Conduits[n]
		if n < planned && len(k.Classes) == 0 { // the plan allows everything
			continue
		}
		for _, class := range t.Classes {
			if class != "other" && !slices.Contains(k.Classes, class) {
				k.Classes = append(k.Classes, class)
			}
		}
	}
}

// serviceOf says how a conversation is written into a plan.
func serviceOf(t *Talk) (Service, bool) {
	if t.Protocol != "" {
		return Service{Protocol: t.Protocol}, true
	}
	return Service{Transport: t.Transport, Port: t.Port}, t.Port != 0 && (t.Transport == "tcp" || t.Transport == "udp")
}

// endName is how a conduit names a host; empty: it cannot.
func (c *comparison) endName(h ot.Host) string {
	if planned, _ := c.who(h); planned >= 0 {
		return c.p.Devices[planned].Name
	}
	if h.IP.IsValid() {
		return h.IP.String()
	}
	return ""
}

// yamlProject is how a project is written. Reading goes over the tree, for the lines.
type yamlProject struct {
	Project  string        `yaml:"project"`
	Revision string        `yaml:"revision,omitempty"`
	Approved yamlApproval  `yaml:"approved"`
	Devices  []yamlDevice  `yaml:"devices"`
	Conduits []yamlConduit `yaml:"conduits"`
	Ignore   []any         `yaml:"ignore,omitempty,flow"`
}

type yamlApproval struct {
	By   string `yaml:"by"`
	Date string `yaml:"date"`
	Note string `yaml:"note"`
}

type yamlDevice struct {
	Name      string   `yaml:"name"`
	Addresses []string `yaml:"addresses,omitempty,flow"`
	MACs      []string `yaml:"macs,omitempty,flow"`
	Vendor    string   `yaml:"vendor,omitempty"`
	Model     string   `yaml:"model,omitempty"`
	OrderCode string   `yaml:"order_code,omitempty"`
	Firmware  string   `yaml:"firmware,omitempty"`
	Serial    string   `yaml:"serial,omitempty"`
	Role      string   `yaml:"role,omitempty"`
	Services  []any    `yaml:"services,omitempty,flow"`
	Optional  bool     `yaml:"optional,omitempty"`
}

type yamlConduit struct {
	From      string   `yaml:"from"`
	To        string   `yaml:"to"`
	Protocols []any    `yaml:"protocols,flow"`
	Classes   []string `yaml:"classes,omitempty,flow"`
	Why       string   `yaml:"why,omitempty"`
	Accepted  string   `yaml:"accepted,omitempty"`
}

// YAML writes the project so that Parse reads it again.
func (p *Project) YAML(comment string) ([]byte, error) {
	out := yamlProject{Project: p.Name, Revision: p.Revision, Approved: yamlApproval(p.Approved), Ignore: plain(p.Ignore)}
	for i := range p.Devices {
		d := &p.Devices[i]
		y := yamlDevice{Name: d.Name, Vendor: d.Vendor, Model: d.Model, OrderCode: d.OrderCode, Firmware: d.Firmware, Serial: d.Serial, Role: d.Role, Services: plain(d.Services), Optional: d.Optional}
		for _, a := range d.Addresses {
			y.Addresses = append(y.Addresses, a.String())
		}
		for _, m := range d.MACs {
			y.MACs = append(y.MACs, m.String())
		}
		out.Devices = append(out.Devices, y)
	}
	for i := range p.Conduits {
		k := &p.Conduits[i]
		out.Conduits = append(out.Conduits, yamlConduit{From: k.From, To: k.To, Protocols: plain(k.Protocols), Classes: k.Classes, Why: k.Why, Accepted: k.Accepted})
	}
	var b bytes.Buffer
	for line := range strings.Lines(comment) {
		b.WriteString("# " + line)
	}
	b.WriteString("\n")
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(out); err != nil {
		return nil, fmt.Errorf("write the project: %w", err)
	}
	return b.Bytes(), enc.Close()
}

func plain(list []Service) []any {
	var out []any
	for _, s := range list {
		if s.Accepted != "" {
			out = append(out, map[string]string{"service": s.String(), "accepted": s.Accepted})
			continue
		}
		out = append(out, s.String())
	}
	return out
}

// day is a time as reports write it.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
