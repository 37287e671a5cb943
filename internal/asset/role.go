package asset

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"go.yaml.in/yaml/v3"
)

// Roles lists what a device can be.
func Roles() []string {
	return []string{
		"plc", "rtu", "io", "drive", "hmi", "scada", "engineering", "historian", "switch", "router", "gateway", "safety", "ied", "sensor",
		"camera", "printer", "phone", "server", "workstation", "it", "remote-gateway", "unknown",
	}
}

// Levels lists the Purdue levels.
func Levels() []string { return []string{"0", "1", "2", "3", "3.5", "4", "5"} }

//go:embed roles.yaml
var rolesYAML []byte

type roleRule struct {
	Field    string  `yaml:"field"`
	Attr     ot.Attr `yaml:"attr"`
	Protocol string  `yaml:"protocol"`
	Pattern  string  `yaml:"pattern"`
	Role     string  `yaml:"role"`
	Weight   int     `yaml:"weight"`
	Because  string  `yaml:"because"`
	re       *regexp.Regexp
}

type roleTable struct {
	Rules  []roleRule `yaml:"rules"`
	Levels map[string]struct {
		Level   string `yaml:"level"`
		Because string `yaml:"because"`
	} `yaml:"levels"`
	Criticality map[string]struct {
		Value   int    `yaml:"value"`
		Because string `yaml:"because"`
	} `yaml:"criticality"`
	OT map[string]string `yaml:"ot_protocols"`

	byField    map[string][]int // rules by what they look at
	byAttr     map[ot.Attr][]int
	byProtocol []int
}

func readRoles(b []byte) (*roleTable, error) {
	t := &roleTable{byField: map[string][]int{}, byAttr: map[ot.Attr][]int{}}
	dec := yaml.NewDecoder(strings.NewReader(string(b)))
	dec.KnownFields(true)
	if err := dec.Decode(t); err != nil {
		return nil, fmt.Errorf("read roles.yaml: %w", err)
	}
	for i := range t.Rules {
		r := &t.Rules[i]
		if !slices.Contains(Roles(), r.Role) || r.Because == "" || r.Weight < 1 || r.Weight > 100 {
			return nil, fmt.Errorf("roles.yaml rule %d: a role, a weight of 1 to 100 and a reason are needed", i+1)
		}
		if r.Field != "" && !slices.Contains(fieldNames[:], r.Field) {
			return nil, fmt.Errorf("roles.yaml rule %d: there is no field %q", i+1, r.Field)
		}
		re, err := regexp.Compile("(?i)" + r.Pattern)
		if err != nil {
			return nil, fmt.Errorf("roles.yaml rule %d: %w", i+1, err)
		}
		r.re = re
		switch {
		case r.Field != "":
			t.byField[r.Field] = append(t.byField[r.Field], i)
		case r.Attr != "":
			t.byAttr[r.Attr] = append(t.byAttr[r.Attr], i)
		case r.Protocol != "":
			t.byProtocol = append(t.byProtocol, i)
		}
	}
	for role, l := range t.Levels {
		if !slices.Contains(Roles(), role) || !slices.Contains(Levels(), l.Level) {
			return nil, fmt.Errorf("roles.yaml levels: %s at %s is not known", role, l.Level)
		}
	}
	return t, nil
}

// opinion is one rule's answer.
type opinion struct {
	role, because string
	weight        int
}

// profile is what the rules look at.
type profile struct {
	fields  map[string]Field
	facts   []*Fact
	traffic Traffic
	forward int  // addresses behind it
	outside bool // on the internet
	windows bool
	pc      string // the fact that says it is a computer, empty: none
	words   words  // shared by the devices that are judged together
}

// classify says what a device is, and why.
func (t *roleTable) classify(p *profile) (role, because string) {
	best := opinion{role: "unknown", because: "nothing heard says what it is"}
	for _, o := range append(t.byWord(p), t.byDeed(p)...) {
		if o.weight > best.weight {
			best = o
		}
	}
	return best.role, best.because
}

// byWord asks the rules about what the device says, in their order.
func (t *roleTable) byWord(p *profile) (out []opinion) {
	var met []metRule
	for _, name := range fieldNames {
		if f, ok := p.fields[name]; ok {
			for _, i := range t.fits(p.words, name, f.Value) {
				met = append(met, metRule{i, f.Value})
			}
		}
	}
	for _, f := range p.facts {
		if f.About.Module != "" {
			continue
		}
		for _, i := range t.byAttr[f.Attr] {
			if t.Rules[i].re.MatchString(f.Value) && !slices.ContainsFunc(met, func(m metRule) bool { return m.rule == i }) {
				met = append(met, metRule{i, f.Value})
			}
		}
	}
	for _, i := range t.byProtocol {
		if name := t.Rules[i].Protocol; p.traffic.Serves[name] != nil {
			met = append(met, metRule{i, name})
		}
	}
	slices.SortFunc(met, func(a, b metRule) int { return a.rule - b.rule })
	for _, m := range met {
		r := &t.Rules[m.rule]
		out = append(out, opinion{r.Role, strings.ReplaceAll(r.Because, "{}", m.what), r.Weight})
	}
	return out
}

type metRule struct {
	rule int
	what string
}

// words remembers which rules a field's value meets, as many devices have the
// same maker or model. nil remembers nothing.
type words map[[2]string][]int

const maxWords = 4096

// fits returns the rules that a field's value meets.
func (t *roleTable) fits(known words, field, value string) []int {
	key := [2]string{field, value}
	if met, ok := known[key]; ok {
		return met
	}
	var met []int
	for _, i := range t.byField[field] {
		if t.Rules[i].re.MatchString(value) {
			met = append(met, i)
		}
	}
	if known != nil && len(known) < maxWords {
		known[key] = met
	}
	return met
}

// byDeed reads the role from behaviour: who is asked, who asks, and for what.
func (t *roleTable) byDeed(p *profile) (out []opinion) {
	say := func(weight int, role, format string, args ...any) {
		out = append(out, opinion{role, fmt.Sprintf(format, args...), weight})
	}
	if p.forward > 0 {
		say(min(70+p.forward, 86), "router", "its hardware address carries the traffic of %s", count(p.forward, "other address", "other addresses"))
	}
	served, asked := t.otUses(p.traffic.Serves), t.otUses(p.traffic.Asks)
	if len(served) > 0 {
		u := p.traffic.Serves[served[0]]
		role := t.OT[served[0]]
		who := peers(u)
		switch {
		case p.pc != "" && (role == "plc" || role == "rtu" || role == "ied" || role == "io"):
			// A computer that answers like a controller: a data server, a soft PLC, a simulator.
			say(71, "server", "answers %s%s to %s, and is a computer (%s)", protocolName(served[0]), onPort(u), who, p.pc)
		case len(asked) == 0:
			say(74, role, "answers %s%s to %s and asks nobody", protocolName(served[0]), onPort(u), who)
		case slices.Contains(asked, served[0]) && len(p.traffic.Asks[served[0]].Peers) > 2:
			say(66, "scada", "answers %s to %s and asks %s itself", protocolName(served[0]), who, peers(p.traffic.Asks[asked[0]]))
		case slices.Contains(asked, served[0]):
			say(72, role, "answers %s%s to %s and exchanges data with %s", protocolName(served[0]), onPort(u), who, peers(p.traffic.Asks[asked[0]]))
		case role == "plc" || role == "rtu":
			say(68, "gateway", "answers %s and asks %s: translates between them", protocolName(served[0]), protocolName(asked[0]))
		default:
			say(60, role, "answers %s%s to %s", protocolName(served[0]), onPort(u), who)
		}
	}
	if len(asked) > 0 && len(served) == 0 {
		t.byAsking(p, asked, say)
	}
	byServices(p, say)
	return out
}

// byAsking judges who only asks: the one who programs, the one who collects, the one who watches.
func (t *roleTable) byAsking(p *profile, asked []string, say func(int, string, string, ...any)) {
	all, programs := &Use{}, &Use{}
	for _, name := range asked {
		u := p.traffic.Asks[name]
		all.add(u)
		if u.Classes&(ot.ProgramDownload|ot.ProgramUpload|ot.Firmware) != 0 {
			programs.add(u)
		}
	}
	n := len(all.Peers)
	first := protocolName(asked[0])
	switch {
	case len(programs.Peers) > 0 && programs.Classes&(ot.ProgramDownload|ot.Firmware) != 0:
		say(78, "engineering", "programs %s", count(len(programs.Peers), "controller", "controllers"))
	case len(programs.Peers) > 0:
		say(73, "engineering", "reads programs out of %s", count(len(programs.Peers), "controller", "controllers"))
	case n >= 5 && all.Classes&(ot.Write|ot.Control) == 0 && all.Classes&ot.Read != 0 && servesDatabase(p):
		say(72, "historian", "only reads, from %s, and serves a database", peers(all))
	case n >= 3:
		say(70, "scada", "asks %s by %s", peers(all), first)
	case n >= 1 && all.Classes&ot.Write != 0:
		say(68, "hmi", "reads and writes %s by %s", peers(all), first)
	case n >= 1:
		say(62, "hmi", "asks %s by %s", peers(all), first)
	}
}

// byServices judges hosts without OT protocols by what they offer.
func byServices(p *profile, say func(int, string, string, ...any)) {
	s := p.traffic.Serves
	switch {
	case servesPort(p, 9100, 515, 631):
		say(64, "printer", "offers printing")
	case servesPort(p, 554) && len(s) <= 4:
		say(54, "camera", "streams video (RTSP)")
	case servesDatabase(p):
		say(50, "server", "serves a database to %s", peers(s[firstDatabase(p)]))
	case len(s) >= 3 && (s["smb"] != nil || s["smb2"] != nil || s["dns"] != nil || s["ldap"] != nil || s["kerberos"] != nil):
		say(44, "server", "offers %s", joinNames(s))
	case p.windows || s["rdp"] != nil || p.traffic.Asks["smb"] != nil || p.traffic.Asks["smb2"] != nil || p.traffic.Asks["rdp"] != nil:
		say(36, "workstation", "behaves like an office computer")
	case len(s) > 0 && !onlyGuesses(s):
		say(24, "it", "offers %s and speaks no OT protocol", joinNames(s))
	case len(p.traffic.Asks) > 0 && !onlyGuesses(p.traffic.Asks):
		say(20, "it", "uses %s and speaks no OT protocol", joinNames(p.traffic.Asks))
	}
}

// level says where in the Purdue model the device stands, and why.
func (t *roleTable) level(p *profile, role, because string) (level, why string) {
	if p.outside {
		return "5", "it has a public address that is in none of the site's networks"
	}
	l, ok := t.Levels[role]
	if !ok {
		return "", "its role is not known"
	}
	if speaksOT := len(t.otUses(p.traffic.Asks))+len(t.otUses(p.traffic.Serves)) > 0; speaksOT && l.Level == "4" {
		return "3", "it talks to controllers, so it counts with operations (level 3)"
	}
	return l.Level, l.Because + " (" + because + ")"
}

// otUses returns the OT protocols among the uses, the one with most peers first.
func (t *roleTable) otUses(m map[string]*Use) []string {
	var out []string
	for name, u := range m {
		if role, ok := t.OT[name]; ok && role != "" && (len(u.Peers) > 0 || u.Classes != 0) {
			out = append(out, name)
		}
	}
	slices.SortFunc(out, func(a, b string) int {
		if d := len(m[b].Peers) - len(m[a].Peers); d != 0 {
			return d
		}
		if d := rank(b) - rank(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return out
}

// rank prefers the protocol that people know over the one that carries it.
func rank(protocol string) int {
	if protocol == "cip" {
		return 1
	}
	return 0
}
