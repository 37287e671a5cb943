// Package match says whether an advisory is about an asset, and whether its
// version is affected: affected, not affected, or cannot tell and which fact
// would decide it. It is pure: functions over an asset's stated identity, an
// advisory's product tree and the reviewed tables of catalog/vendors.
package match

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/skanse/skanse/internal/vuln/version"
)

// Tables are the makers and families that matching knows.
type Tables struct {
	makers   []*maker
	byName   map[string]*maker
	byCIP    map[int]*maker
	byBACnet map[int]*maker

	mu     sync.Mutex
	parsed map[string]version.Range
}

type maker struct {
	Key    string   `yaml:"key"`
	Names  []string `yaml:"names"`
	Drop   []string `yaml:"drop"`
	Codes  []string `yaml:"codes"`
	Slash  string   `yaml:"slash"`
	CIP    []int    `yaml:"cip"`
	BACnet []int    `yaml:"bacnet"`

	codes    []*regexp.Regexp
	families []family
	drop     map[string]bool
}

type family struct {
	Codes  []string `yaml:"codes"`
	Except []string `yaml:"except"`
	Names  []string `yaml:"names"`
	named  []name
}

// Load reads makers.yaml and families.yaml from the folder vendors of files.
func Load(files fs.FS) (*Tables, error) {
	t := &Tables{byName: map[string]*maker{}, byCIP: map[int]*maker{}, byBACnet: map[int]*maker{}, parsed: map[string]version.Range{}}
	if err := read(files, "vendors/makers.yaml", &t.makers); err != nil {
		return nil, err
	}
	byKey := map[string]*maker{}
	for _, m := range t.makers {
		m.drop = map[string]bool{}
		for _, w := range m.Drop {
			m.drop[w] = true
		}
		if byKey[m.Key] != nil {
			return nil, fmt.Errorf("vendors/makers.yaml: %s stands twice", m.Key)
		}
		byKey[m.Key] = m
		for _, n := range m.Names {
			if other := t.byName[n]; other != nil && other != m {
				return nil, fmt.Errorf("vendors/makers.yaml: %q belongs to %s and %s", n, other.Key, m.Key)
			}
			t.byName[n] = m
		}
		for _, n := range m.CIP {
			t.byCIP[n] = m
		}
		for _, n := range m.BACnet {
			t.byBACnet[n] = m
		}
		for _, c := range m.Codes {
			re, err := regexp.Compile(c)
			if err != nil {
				return nil, fmt.Errorf("vendors/makers.yaml: %s: %w", m.Key, err)
			}
			m.codes = append(m.codes, re)
		}
	}
	var lists []struct {
		Maker    string   `yaml:"maker"`
		Families []family `yaml:"families"`
	}
	if err := read(files, "vendors/families.yaml", &lists); err != nil {
		return nil, err
	}
	for _, l := range lists {
		m := byKey[l.Maker]
		if m == nil {
			return nil, fmt.Errorf("vendors/families.yaml: maker %q is not in makers.yaml", l.Maker)
		}
		for _, f := range l.Families {
			for _, n := range f.Names {
				w := m.significant(words(n))
				f.named = append(f.named, name{words: w, core: strip(w)})
			}
			m.families = append(m.families, f)
		}
	}
	return t, nil
}

func read(files fs.FS, name string, into any) error {
	f, err := files.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	dec := yaml.NewDecoder(f)
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// legal are words of legal forms and of corporate dress that tell no maker from another.
func legal(w string) bool {
	switch w {
	case "inc", "ltd", "limited", "co", "corp", "corporation", "company", "gmbh", "ag", "llc", "sa", "spa", "srl", "bv", "nv", "ab", "as", "oy", "oyj", "kg", "plc", "pte", "pty", "sas", "se",
		"group", "holding", "holdings", "the", "kgaa", "mbh", "ohg", "sarl", "sl", "aps", "int", "ltda", "me", "kk", "cokg":
		return true
	}
	return false
}

// foldVendor is a maker's name without its dress.
func foldVendor(s string) string {
	var out []string
	for _, w := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r < 0x80
	}) {
		if !legal(w) {
			out = append(out, w)
		}
	}
	if len(out) == 0 {
		return strings.ToLower(strings.TrimSpace(s))
	}
	return strings.Join(out, " ")
}

// vendor is the makers that one stated name may mean.
type vendor struct {
	keys []string
	any  bool // "multiple": the name says nothing
	m    *maker
	all  []*maker
}

func (t *Tables) vendor(name string, cip, bacnet int) vendor {
	var v vendor
	add := func(s string) {
		s = strings.TrimSpace(s)
		if s == "" {
			return
		}
		key := s
		if m := t.find(s); m != nil {
			key = m.Key
			if !slices.Contains(v.all, m) {
				v.all = append(v.all, m)
			}
			if v.m == nil {
				v.m = m
			}
		}
		for _, k := range v.keys {
			if k == key {
				return
			}
		}
		v.keys = append(v.keys, key)
	}
	if m := t.byCIP[cip]; m != nil && cip != 0 {
		add(m.Key)
	}
	if m := t.byBACnet[bacnet]; m != nil && bacnet != 0 {
		add(m.Key)
	}
	whole := foldVendor(name)
	switch whole {
	case "multiple", "multiple vendors", "various", "various vendors", "unknown", "open source", "n a":
		v.any = true
		return v
	}
	add(whole)
	if t.find(whole) == nil {
		for _, part := range strings.FieldsFunc(strings.NewReplacer(" and ", ",", " And ", ",", " a subsidiary of ", ",", " formerly ", ",", " - ", ",").Replace(name), func(r rune) bool {
			return r == ',' || r == '/' || r == '&' || r == ';' || r == '(' || r == ')' || r == '|'
		}) {
			if p := foldVendor(part); len(p) > 1 && !legal(p) {
				add(p)
			}
		}
	}
	v.any = len(v.keys) == 0
	return v
}

// find knows a maker by its name or by the leading words of it: "schneider electric software" is Schneider.
func (t *Tables) find(folded string) *maker {
	if m := t.byName[folded]; m != nil {
		return m
	}
	var best *maker
	length := 0
	for _, m := range t.makers {
		if m.Key == folded {
			return m
		}
		for _, n := range m.Names {
			if len(n) > length && leads(n, folded) {
				best, length = m, len(n)
			}
		}
	}
	return best
}

// same says whether two stated makers may be one.
func (v vendor) same(o vendor) bool {
	if v.any || o.any || v.m != nil && v.m == o.m {
		return true
	}
	for _, a := range v.keys {
		for _, b := range o.keys {
			if a == b || leads(a, b) || leads(b, a) {
				return true
			}
		}
	}
	return false
}

// leads: "delta" leads "delta electronics"; "ge" does not lead "gems".
func leads(short, long string) bool {
	return len(short) >= 4 && strings.HasPrefix(long, short) && len(long) > len(short) && long[len(short)] == ' '
}

// orderCodes finds the order codes of a maker in a text.
func (m *maker) orderCodes(text string) []string {
	if m == nil || len(m.codes) == 0 {
		return nil
	}
	up := strings.ToUpper(text)
	var out []string
	for _, re := range m.codes {
		for _, at := range re.FindAllStringIndex(up, 20) {
			if len(up) == len(text) {
				out = append(out, text[at[0]:at[1]]) // as written: a small x is a wildcard
			} else {
				out = append(out, up[at[0]:at[1]])
			}
		}
	}
	return out
}

// cut takes the maker's order codes out of a text.
func (m *maker) cut(text string) string {
	if m == nil {
		return text
	}
	up := strings.ToUpper(text)
	if len(up) != len(text) { // a letter whose capital has another length
		return text
	}
	for _, re := range m.codes {
		for _, at := range re.FindAllStringIndex(up, 20) {
			blank := strings.Repeat(" ", at[1]-at[0])
			text, up = text[:at[0]]+blank+text[at[1]:], up[:at[0]]+blank+up[at[1]:]
		}
	}
	return text
}

// compact is an order code without blanks and dashes, in capitals.
func compact(s string) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(s) {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '/' || r == '*' {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// glob matches a code with a pattern of families.yaml.
func glob(pattern, s string) bool {
	for len(pattern) > 0 {
		switch pattern[0] {
		case '*':
			if len(pattern) == 1 {
				return true
			}
			for i := range len(s) + 1 {
				if glob(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case '?':
			if s == "" {
				return false
			}
			pattern, s = pattern[1:], s[1:]
		case '[':
			end := strings.IndexByte(pattern, ']')
			if end < 0 || s == "" || !class(pattern[1:end], s[0]) {
				return false
			}
			pattern, s = pattern[end+1:], s[1:]
		default:
			if s == "" || s[0] != pattern[0] {
				return false
			}
			pattern, s = pattern[1:], s[1:]
		}
	}
	return s == ""
}

func class(set string, c byte) bool {
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' {
			if c >= set[i] && c <= set[i+2] {
				return true
			}
			i += 2
			continue
		}
		if set[i] == c {
			return true
		}
	}
	return false
}

// familiesOf are the families that an order code belongs to, as words.
func (m *maker) familiesOf(code string) []name {
	if m == nil || code == "" {
		return nil
	}
	var out []name
	for _, f := range m.families {
		if oneOf(f.Codes, code) && !oneOf(f.Except, code) {
			out = append(out, f.named...)
		}
	}
	return out
}

func oneOf(patterns []string, code string) bool {
	for _, p := range patterns {
		if glob(p, code) {
			return true
		}
	}
	return false
}

// bare cuts the maker's name from the front of a product's.
func (v vendor) bare(text, stated string) string {
	folded := strings.ToLower(text)
	cut := func(alias string) bool {
		if alias == "" || !strings.HasPrefix(folded, alias) || len(folded) <= len(alias)+1 || folded[len(alias)] != ' ' && folded[len(alias)] != ':' {
			return false
		}
		text = strings.TrimLeft(text[len(alias):], " :-")
		folded = strings.ToLower(text)
		return true
	}
	for range 3 {
		again := cut(strings.ToLower(strings.TrimSpace(stated)))
		for _, m := range v.all {
			for _, n := range m.Names {
				again = cut(n) || again
			}
		}
		for _, k := range v.keys {
			again = cut(k) || again
		}
		if !again {
			break
		}
	}
	return text
}
