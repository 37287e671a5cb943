package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// Verdict is what a finding means for an acceptance test.
type Verdict string

// The verdicts. What could not be judged is never agreement.
const (
	Differs Verdict = "differs"
	Unknown Verdict = "unknown"
	Note    Verdict = "note"
)

// The kinds of findings, gravest first.
const (
	KindAlert     = "alert"
	KindUnplanned = "unplanned-host"
	KindMissing   = "missing-device"
	KindIdentity  = "identity"
	KindFirmware  = "firmware"
	KindService   = "undocumented-service"
	KindConduit   = "unplanned-conduit"
	KindClass     = "unplanned-action"
	KindClear     = "clear-text"
	KindUnused    = "unused"
	KindChatter   = "chatter"
)

func kinds() []string {
	return []string{KindAlert, KindUnplanned, KindMissing, KindIdentity, KindFirmware, KindService, KindConduit, KindClass, KindClear, KindUnused, KindChatter}
}

// Finding is one difference between the plan and what was heard.
type Finding struct {
	Kind    string  `json:"kind"`
	Verdict Verdict `json:"verdict"`
	Subject string  `json:"subject"` // the device or the pair
	What    string  `json:"what"`    // one sentence
	Planned string  `json:"planned,omitempty"`
	Found   string  `json:"found,omitempty"`
	Packet  uint64  `json:"packet,omitempty"` // in the first capture that shows it
	Line    int     `json:"line,omitempty"`   // of the plan
}

// Result is a comparison.
type Result struct {
	Project  *Project
	Seen     *Seen
	Findings []Finding
	Matched  int // planned devices that were heard
	Agree    int // planned facts (addresses, order codes, firmware, conduits) that were heard as planned
}

// Count is how many findings have the verdict.
func (r *Result) Count(v Verdict) (n int) {
	for i := range r.Findings {
		if r.Findings[i].Verdict == v {
			n++
		}
	}
	return n
}

// Compare says where what was heard is not what was planned.
func Compare(p *Project, s *Seen) *Result {
	c := &comparison{out: &Result{Project: p, Seen: s}, p: p, s: s, used: make([]bool, len(p.Conduits)), told: map[string]int{}}
	c.match()
	for i := range p.Devices {
		c.device(i)
	}
	for i := range s.Devices {
		c.host(i)
	}
	c.talks()
	c.unused()
	for i := range s.Alerts {
		c.alert(&s.Alerts[i])
	}
	order := kinds()
	slices.SortStableFunc(c.out.Findings, func(x, y Finding) int {
		return cmp.Or(cmp.Compare(rank(x.Verdict), rank(y.Verdict)), cmp.Compare(slices.Index(order, x.Kind), slices.Index(order, y.Kind)))
	})
	return c.out
}

// alert is a difference unless a conduit names the very class: engineering is
// planned, and what it does to a controller is what the rules look for.
func (c *comparison) alert(a *Alert) {
	f := Finding{
		Kind: KindAlert, Verdict: Differs, Subject: c.pair(a.Client, a.Server), Packet: a.Packet,
		What: fmt.Sprintf("%s (%s, %s)", a.Title, a.Severity, times(a.Count)),
	}
	for i := range c.p.Conduits {
		k := &c.p.Conduits[i]
		if a.Class != "" && slices.Contains(k.Classes, a.Class) && c.end(k.From, a.Client) && c.end(k.To, a.Server) {
			f.Verdict, f.Line, f.Planned = Note, k.Line, "a conduit for class "+strings.ReplaceAll(a.Class, "_", " ")
		}
	}
	c.add(f)
}

func rank(v Verdict) int { return slices.Index([]Verdict{Differs, Unknown, Note}, v) }

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

type comparison struct {
	out  *Result
	p    *Project
	s    *Seen
	seen []int // of a planned device, the one that was heard; -1: none
	plan []int // of a heard device, the planned one; -1: none
	used []bool
	told map[string]int // findings by kind, subject and what

	heard   map[ot.Host]int    // heard devices by address
	planned map[netip.Addr]int // planned ones
}

// add keeps a finding once; one that comes again is the same.
func (c *comparison) add(f Finding) {
	key := f.Kind + "\x00" + f.Subject + "\x00" + f.What
	if _, have := c.told[key]; have {
		return
	}
	c.told[key] = len(c.out.Findings)
	c.out.Findings = append(c.out.Findings, f)
}

// match finds planned devices again: by address, then by serial number, then by name.
func (c *comparison) match() {
	c.index()
	c.seen = slices.Repeat([]int{-1}, len(c.p.Devices))
	c.plan = slices.Repeat([]int{-1}, len(c.s.Devices))
	for _, same := range []func(*Device, *SeenDevice) bool{
		func(d *Device, s *SeenDevice) bool {
			return slices.ContainsFunc(d.MACs, func(m ot.MAC) bool { return slices.Contains(s.MACs, m) })
		},
		func(d *Device, s *SeenDevice) bool {
			return slices.ContainsFunc(d.Addresses, func(a netip.Addr) bool { return slices.Contains(s.Addresses, a) })
		},
		func(d *Device, s *SeenDevice) bool { return d.Serial != "" && alike(d.Serial, s.value("serial")) },
		func(d *Device, s *SeenDevice) bool {
			return len(d.Addresses)+len(d.MACs) == 0 && d.named(s.value("name"))
		},
	} {
		for i := range c.p.Devices {
			if c.seen[i] >= 0 {
				continue
			}
			for j := range c.s.Devices {
				if c.plan[j] < 0 && same(&c.p.Devices[i], &c.s.Devices[j]) {
					c.seen[i], c.plan[j] = j, i
					break
				}
			}
		}
	}
}

// named says whether the device goes by that name.
func (d *Device) named(name string) bool {
	return alike(d.Name, name) || slices.ContainsFunc(d.Aliases, func(a string) bool { return alike(a, name) })
}

// alike compares what makers write with and without blanks and dashes.
func alike(a, b string) bool {
	bare := func(s string) string {
		return strings.Map(func(r rune) rune {
			if strings.ContainsRune(" -_/.", r) {
				return -1
			}
			return r
		}, strings.ToLower(s))
	}
	return a != "" && bare(a) == bare(b)
}

func (c *comparison) device(i int) {
	d := &c.p.Devices[i]
	if c.seen[i] < 0 || !c.s.Devices[c.seen[i]].Heard {
		switch {
		case d.Module:
			c.add(Finding{Kind: KindMissing, Verdict: Unknown, Subject: d.Name, Line: d.Line, What: "is part of " + cmp.Or(d.Parent, "another device") + " and cannot be heard by itself"})
		case d.Optional:
			c.add(Finding{Kind: KindMissing, Verdict: Note, Subject: d.Name, Line: d.Line, What: "was not heard; the plan says it may be missing"})
		default:
			c.add(Finding{Kind: KindMissing, Verdict: Differs, Subject: d.Name, Line: d.Line, What: "is planned and was never heard", Planned: d.where()})
		}
		return
	}
	s := &c.s.Devices[c.seen[i]]
	c.out.Matched++
	for _, a := range d.Addresses {
		if !slices.Contains(s.Addresses, a) {
			c.add(Finding{Kind: KindIdentity, Verdict: Differs, Subject: d.Name, Line: d.Line, What: "has not its planned address", Planned: a.String(), Found: s.label(), Packet: s.Packet})
		} else {
			c.out.Agree++
		}
	}
	for _, m := range d.MACs {
		if !slices.Contains(s.MACs, m) {
			c.add(Finding{Kind: KindIdentity, Verdict: Differs, Subject: d.Name, Line: d.Line, What: "has another MAC address: another piece of hardware, or a router in between", Planned: m.String(), Found: joined(s.MACs), Packet: s.Packet})
		} else {
			c.out.Agree++
		}
	}
	c.field(d, s, "vendor", d.Vendor, KindIdentity, Note)
	c.field(d, s, "model", d.Model, KindIdentity, Note)
	c.field(d, s, "order_code", d.OrderCode, KindIdentity, Differs)
	c.field(d, s, "serial", d.Serial, KindIdentity, Differs)
	c.field(d, s, "firmware", d.Firmware, KindFirmware, Differs)
}

func (d *Device) where() string {
	var parts []string
	for _, a := range d.Addresses {
		parts = append(parts, a.String())
	}
	for _, m := range d.MACs {
		parts = append(parts, m.String())
	}
	return strings.Join(parts, ", ")
}

func joined(macs []ot.MAC) string {
	var out []string
	for _, m := range macs {
		out = append(out, m.String())
	}
	return strings.Join(out, ", ")
}

// field compares one planned value with what the device, or somebody about it, said.
func (c *comparison) field(d *Device, s *SeenDevice, name, planned, kind string, worst Verdict) {
	if planned == "" {
		return
	}
	word := strings.ReplaceAll(name, "_", " ")
	said := s.Fields[name]
	switch {
	case said.Value == "":
		c.add(Finding{Kind: kind, Verdict: Unknown, Subject: d.Name, Line: d.Line, What: "nobody said its " + word + " while this was recorded: ask it with the engineering tool", Planned: planned})
	case alike(planned, said.Value) || name == "order_code" && CodeAgrees(planned, said.Value) || kind == KindFirmware && FirmwareAgrees(planned, said.Value, d.Fit):
		c.out.Agree++
	case c.p.relative(d, s, name):
		c.out.Agree++ // a rack speaks with one address for all that stands in it
	case worst == Note && (contains(said.Value, planned) || contains(planned, said.Value)):
		c.out.Agree++
	default:
		c.add(Finding{Kind: kind, Verdict: worst, Subject: d.Name, Line: d.Line, What: "has another " + word + " than planned (told by " + said.Protocol + ")", Planned: planned, Found: said.Value, Packet: said.Packet})
	}
}

// relative says whether what was heard is planned for another part of the same
// rack: a CPU answers at the address of the communication module beside it.
func (p *Project) relative(d *Device, s *SeenDevice, field string) bool {
	code := s.value("order_code")
	if code == "" || !strings.Contains(d.Where, "slot") {
		return false
	}
	for i := range p.Devices {
		o := &p.Devices[i]
		kin := o.Name != d.Name && strings.Contains(o.Where, "slot") && (o.Parent == d.Parent || o.Parent == d.Name || o.Name == d.Parent)
		if kin && CodeAgrees(o.OrderCode, code) && (field == "order_code" || field == "firmware" && FirmwareAgrees(o.Firmware, s.value("firmware"), o.Fit)) {
			return true
		}
	}
	return false
}

func contains(a, b string) bool { return strings.Contains(strings.ToLower(a), strings.ToLower(b)) }

func (c *comparison) host(j int) {
	s := &c.s.Devices[j]
	if c.plan[j] >= 0 || !s.Heard {
		return
	}
	what := "is in no plan"
	if s.Outside {
		what = "is an address on the internet, and in no plan"
	}
	if s.Role != "" && s.Role != "unknown" {
		what += "; it behaves as " + strings.ReplaceAll(s.Role, "_", " ")
	}
	var found []string
	for _, f := range []string{"vendor", "model", "order_code", "firmware"} {
		if v := s.value(f); v != "" {
			found = append(found, v)
		}
	}
	verdict := Differs
	if c.p.Covers != nil { // an engineering file lists what its tool configures, not all that stands there
		verdict = Unknown
		what = strings.Replace(what, "is in no plan", "does not stand in this file, which lists only what its tool configures", 1)
	}
	c.add(Finding{Kind: KindUnplanned, Verdict: verdict, Subject: s.label(), What: what, Found: strings.Join(found, " "), Packet: s.Packet})
}

// who finds the planned and the heard device behind a host; -1: none.
func (c *comparison) who(h ot.Host) (planned, seen int) {
	if j, ok := c.heard[hostKey(h)]; ok {
		return c.plan[j], j
	}
	if h.IP.IsValid() {
		if i, ok := c.planned[h.IP.Unmap().WithZone("")]; ok {
			return i, -1
		}
	}
	return -1, -1
}

// index makes hosts found at once: a plant has thousands of them.
func (c *comparison) index() {
	c.heard, c.planned = map[ot.Host]int{}, map[netip.Addr]int{}
	for j := range c.s.Devices {
		for _, a := range c.s.Devices[j].Addresses {
			c.heard[hostKey(ot.Host{IP: a})] = j
		}
		for _, m := range c.s.Devices[j].MACs {
			c.heard[hostKey(ot.Host{MAC: m})] = j
		}
	}
	for i := range c.p.Devices {
		for _, a := range c.p.Devices[i].Addresses {
			c.planned[a] = i
		}
	}
}

// hostKey is who speaks: the IP address where there is one, whatever router it came through.
func hostKey(h ot.Host) ot.Host {
	if h.IP.IsValid() {
		return ot.Host{IP: h.IP.Unmap().WithZone("")}
	}
	return ot.Host{MAC: h.MAC}
}

func (c *comparison) name(h ot.Host) string {
	planned, seen := c.who(h)
	switch {
	case planned >= 0:
		return c.p.Devices[planned].Name
	case seen >= 0:
		return c.s.Devices[seen].label()
	}
	if h.IP.IsValid() {
		return h.IP.String()
	}
	return h.MAC.String()
}

func (c *comparison) pair(a, b ot.Host) string { return c.name(a) + " → " + c.name(b) }
