package asset

import (
	"cmp"
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"go.yaml.in/yaml/v3"
)

// The readable fields of a device, in the order in which pages show them.
var fieldNames = [...]string{"name", "vendor", "model", "order_code", "firmware", "serial"}

// Field is one readable field: the most trusted value, the facts that say so,
// and what else was said with the same trust.
type Field struct {
	Value    string
	Trust    int      // 1 best … 5; 6: the manufacturer of the network card
	Facts    []string // fact ids behind Value
	Conflict []Alternative
}

// Alternative is another value of equal trust, with its facts.
type Alternative struct {
	Value string
	Facts []string
}

//go:embed attributes.yaml
var attributesYAML []byte

type attribute struct {
	Attr    ot.Attr           `yaml:"attr"`
	Field   string            `yaml:"field"`
	Trust   int               `yaml:"trust"`
	Pattern string            `yaml:"pattern"`
	Set     map[string]string `yaml:"set"`
	re      *regexp.Regexp
}

// attributeTable says which attribute feeds which field.
type attributeTable map[ot.Attr][]attribute

func readAttributes(b []byte) (attributeTable, error) {
	var file struct {
		Attributes []attribute `yaml:"attributes"`
	}
	dec := yaml.NewDecoder(strings.NewReader(string(b)))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("read attributes.yaml: %w", err)
	}
	t := attributeTable{}
	for i, a := range file.Attributes {
		switch {
		case a.Attr == "" || a.Trust < 1 || a.Trust > 5:
			return nil, fmt.Errorf("attributes.yaml entry %d (%s): attr and a trust of 1 to 5 are needed", i+1, a.Attr)
		case !slices.Contains(fieldNames[:], a.Field):
			return nil, fmt.Errorf("attributes.yaml entry %d (%s): there is no field %q", i+1, a.Attr, a.Field)
		}
		if a.Pattern != "" {
			re, err := regexp.Compile(a.Pattern)
			if err != nil {
				return nil, fmt.Errorf("attributes.yaml entry %d (%s): %w", i+1, a.Attr, err)
			}
			a.re = re
		}
		t[a.Attr] = append(t[a.Attr], a)
	}
	return t, nil
}

// claim is one value that one fact gives one field.
type claim struct {
	field, value string
	trust        int
	fact         *Fact
}

// claims returns what a fact says about the fields.
func (t attributeTable) claims(f *Fact, out []claim) []claim {
	say := func(field, value string, trust int) {
		if value = ot.Printable(value); value != "" && !empty(value) {
			out = append(out, claim{field, value, trust, f})
		}
	}
	for _, a := range t[f.Attr] {
		if a.re == nil {
			say(a.Field, f.Value, a.Trust)
		} else {
			m := a.re.FindStringSubmatch(f.Value)
			if m == nil {
				continue
			}
			for i, group := range a.re.SubexpNames() {
				if group != "" {
					say(group, m[i], a.Trust)
				}
			}
		}
		for field, value := range a.Set {
			say(field, value, a.Trust)
		}
	}
	return out
}

// empty says whether a value is a form that nobody filled in.
func empty(s string) bool {
	switch strings.ToLower(strings.Trim(s, " .-_?")) {
	case "", "unknown", "none", "n/a", "na", "not set", "sysname not set", "not available", "undefined", "default", "default name", "localhost", "localhost.localdomain",
		"to be filled by o.e.m", "system product name", "default string", "<missing>", "null":
		return true
	}
	return false
}

// changeGap is how far apart in time two values must be for the newer one to be
// a change rather than a contradiction, ns.
const changeGap = int64(10 * 60 * 1e9)

// resolve picks each field's value.
func (t attributeTable) resolve(facts []*Fact) map[string]Field {
	var all []claim
	for _, f := range composed(facts) {
		all = t.claims(f, all)
	}
	out := map[string]Field{}
	for _, name := range fieldNames {
		var mine []claim
		for _, c := range all {
			if c.field == name {
				mine = append(mine, c)
			}
		}
		if len(mine) > 0 {
			out[name] = choose(mine)
		}
	}
	return out
}

// choose takes the most trusted claims; among them, newest first. Another value
// of the same attribute that ended before is the past; everything else of equal
// trust stays beside it.
func choose(claims []claim) Field {
	slices.SortStableFunc(claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.trust, b.trust), cmp.Compare(b.fact.Last, a.fact.Last), cmp.Compare(a.fact.Ref.Number, b.fact.Ref.Number), cmp.Compare(a.value, b.value))
	})
	best := claims[0]
	f := Field{Value: best.value, Trust: best.trust}
	since := best.fact.First
	for _, c := range claims {
		if sameValue(c.value, best.value) {
			f.Facts = appendNew(f.Facts, c.fact.ID)
			if c.trust == best.trust {
				since = min(since, c.fact.First)
			}
		}
	}
	for _, c := range claims {
		if c.trust != best.trust || sameValue(c.value, best.value) || c.fact.Attr == best.fact.Attr && c.fact.Last+changeGap < since {
			continue
		}
		i := slices.IndexFunc(f.Conflict, func(a Alternative) bool { return sameValue(a.Value, c.value) })
		if i < 0 {
			f.Conflict = append(f.Conflict, Alternative{Value: c.value})
			i = len(f.Conflict) - 1
		}
		f.Conflict[i].Facts = appendNew(f.Conflict[i].Facts, c.fact.ID)
	}
	return f
}

func appendNew(list []string, s string) []string {
	for part := range strings.SplitSeq(s, "+") { // a composed fact stands for its parts
		if !slices.Contains(list, part) {
			list = append(list, part)
		}
	}
	return list
}

// sameValue compares as a person would: case, blanks and punctuation do not
// matter, a number is a number, and a short name may be the start of a full one
// ("SCADA-PC1" and "scada-pc1.plant.local").
func sameValue(a, b string) bool {
	a, b = foldValue(a), foldValue(b)
	return a == b || strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+".")
}

func foldValue(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if hex, ok := strings.CutPrefix(s, "0x"); ok {
		if n, err := strconv.ParseUint(hex, 16, 64); err == nil {
			return strconv.FormatUint(n, 10)
		}
	}
	if s != "" && strings.IndexByte("0123456789+-.in", s[0]) >= 0 { // most values are words, and to be told so costs a text each time
		if _, err := strconv.ParseFloat(s, 64); err == nil {
			return s
		}
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ', '-', '_', ',', '/', '(', ')':
			return -1
		}
		return r
	}, strings.TrimRight(s, "."))
}

// composed adds to the facts those that stand in two parts on the wire: a CIP
// revision is major and minor.
func composed(facts []*Fact) []*Fact {
	pair := func(major, minor, attr ot.Attr) {
		var hi, lo *Fact
		for _, f := range facts {
			switch f.Attr {
			case attr:
				return // stated whole
			case major:
				hi = newer(hi, f)
			case minor:
				lo = newer(lo, f)
			}
		}
		if hi != nil && lo != nil {
			whole := *hi
			whole.ID, whole.Attr, whole.Value = hi.ID+"+"+lo.ID, attr, hi.Value+"."+lo.Value
			facts = append(facts[:len(facts):len(facts)], &whole)
		}
	}
	pair("cip.major_rev", "cip.minor_rev", "cip.revision")
	return facts
}

func newer(a, b *Fact) *Fact {
	if a == nil || b.Last > a.Last {
		return b
	}
	return a
}

// serialAttr says whether an attribute is a maker's serial number.
func serialAttr(a ot.Attr) bool {
	_, n, ok := strings.Cut(string(a), ".")
	return ok && (n == "serial" || n == "serial_number" || n == "serial-number" || n == "med_serial" || n == "entphysicalserialnum")
}

// serialKey returns what makes two statements of a serial number the same
// device: the protocol family, the vendor where serials are the vendor's, and
// the number. Serials of modules count for the rack they sit in.
func serialKey(ev *Evidence, f *Fact) (string, bool) {
	if !serialAttr(f.Attr) || !inRack(f.About.Module) {
		return "", false
	}
	value := foldValue(f.Value)
	if len(value) < 4 || strings.Trim(value, "0") == "" || strings.Trim(value, "f") == "" || value == "4294967295" {
		return "", false
	}
	for _, s := range []string{"unknown", "none", "n/a", "serial", "0123456789", "1234", "12345", "123456", "12345678", "default", "na"} {
		if value == foldValue(s) {
			return "", false
		}
	}
	family, _, _ := strings.Cut(string(f.Attr), ".")
	if family == "enip" {
		family = "cip" // one identity object, two ways to read it
	}
	if family == "cip" || family == "dnp3" || family == "snmp" {
		family += " " + vendorOf(ev, f)
	}
	return family + " " + value, true
}

// vendorOf returns the numeric vendor that the same speaker states: CIP serial
// numbers are unique within a vendor only.
func vendorOf(ev *Evidence, f *Fact) string {
	lo, _ := slices.BinarySearchFunc(ev.Facts, f.About, func(g Fact, h ot.Host) int { return compareHosts(&g.About, &h) })
	for _, g := range ev.Facts[lo:] {
		if g.About != f.About {
			break
		}
		switch g.Attr {
		case "cip.vendor_id", "enip.vendor_id", "dnp3.vendor":
			return foldValue(g.Value)
		}
	}
	return ""
}

// inRack says whether a module path stays in the rack of the device itself: a
// slot, not what a further network hop or a serial line leads to.
func inRack(module string) bool {
	if module == "" {
		return true
	}
	n, ok := strings.CutPrefix(module, "slot ")
	if !ok {
		return false
	}
	_, err := strconv.ParseUint(n, 10, 16)
	return err == nil
}
