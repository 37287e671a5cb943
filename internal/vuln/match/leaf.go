package match

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/skanse/skanse/internal/vuln/csaf"
	"github.com/skanse/skanse/internal/vuln/version"
)

// Advisory is an advisory prepared for matching.
type Advisory struct {
	ID, Title string
	leaves    []leaf
	groups    []group
	coded     bool // every product carries an order code
}

// leaf is one product of the advisory.
type leaf struct {
	vendor   vendor
	names    []name
	codes    []string
	patterns []*regexp.Regexp
	strict   bool // the patterns are of the maker's order codes
	siplus   bool // "(incl. SIPLUS variants)"
	stated   version.Range
	english  version.Range // what the product's name says of versions, if it does
	quote    string
	key      string // which product this is, apart from versions
	noStatus bool
	only     []string // "only affected by CVE-…"
	platform []name   // installed on
}

type status uint8

const (
	silent status = iota
	isAffected
	isNotAffected
	isFixed
	isUnclear
)

// group is the vulnerabilities about which the advisory says the same of every product.
type group struct {
	vulns  []int
	cves   []string
	status []status
	fixes  [][]fix // of each leaf
}

// fix is a version that a remediation names, with its sentence.
type fix struct {
	v     version.Version
	text  string
	quote string
}

// Compile prepares an advisory.
func (t *Tables) Compile(a *csaf.Advisory) *Advisory {
	out := &Advisory{ID: a.ID, Title: a.Title, coded: len(a.Leaves) > 0}
	for i := range a.Leaves {
		l := t.leaf(a, &a.Leaves[i])
		out.coded = out.coded && (len(l.codes) > 0 || len(l.patterns) > 0)
		out.leaves = append(out.leaves, l)
	}
	out.group(a)
	return out
}

var onlyCVE = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)cve-\d{4}-\s?\d{3,7}`) })

func (t *Tables) leaf(a *csaf.Advisory, src *csaf.Leaf) leaf {
	l := leaf{vendor: t.vendor(src.Vendor, 0, 0), quote: src.Full}
	if src.Version != "" && !strings.Contains(src.Full, src.Version) {
		l.quote += ": " + src.Version
	}
	product := l.vendor.bare(src.Product, src.Vendor)
	versionText := src.Version
	rest, _ := strings.CutPrefix(src.Full, src.Product)
	if rest == src.Full {
		if at := strings.Index(src.Full, src.Product); at > 0 && src.Product != "" {
			rest = src.Full[at+len(src.Product):]
		} else {
			rest = ""
		}
	}
	rest = strings.Trim(rest, " :-,")
	up := strings.ToUpper(src.Full + " " + src.Product)
	l.siplus = strings.Contains(up, "SIPLUS VARIANT") || strings.Contains(up, "SIPLUS NET VARIANT")
	makers := l.vendor.all
	for _, m := range makers {
		for _, text := range append([]string{product, rest, versionText}, src.Models...) {
			for _, c := range m.orderCodes(text) {
				l.code(m, c)
			}
		}
		product, rest = m.cut(product), m.cut(rest)
		if cut := m.cut(versionText); cut != versionText {
			versionText = strings.Trim(cut, " |,;()*-")
			if versionText == "" {
				versionText = "*"
			}
		}
	}
	for _, c := range src.Models {
		l.code(l.vendor.m, c)
	}
	l.patterns = append(l.patterns, globs(product+" "+versionText)...)
	m := l.vendor.m
	l.stated = t.parse(versionText)
	if src.Version == "" {
		l.stated = version.Range{Kind: version.All}
	}
	// "Product - Member (All Models): Versions 1.48 and prior": the member is what is meant.
	member := ""
	if i := strings.LastIndex(rest, ": "); i > 2 {
		if r := t.parse(rest[i+2:]); r.Kind != version.Nothing && strongest(words(rest[:i])) {
			member, l.english = rest[:i], r
		}
	}
	if l.english.Kind == version.Nothing && rest != "" && rest != versionText {
		l.english = t.parse(rest)
	}
	if l.english.Kind == version.Bounded && l.english.Cond != "" || l.english.Kind == version.All && l.stated.Kind == version.Bounded {
		l.english = version.Range{} // a remark, not a second statement
	}
	if model(&l.stated, versionText) {
		for _, text := range []string{versionText, product + " " + versionText} {
			l.names = append(l.names, m.names(text)...)
		}
		l.stated = version.Range{Kind: version.All, Text: src.Version}
		l.english = version.Range{}
	} else if member != "" {
		l.names = m.names(member)
	} else {
		l.names = m.names(product)
	}
	for i := range l.names { // "Series B" leans on the advisory's text
		n := &l.names[i]
		if len(l.codes) == 0 && !named(strip(n.words)) && len(minus(n.words, m.significant(words(a.Title)))) == 0 || len(n.words) == 0 && len(l.codes) == 0 {
			context := a.Title
			if n.series != "" {
				if c := seriesOf(a, n.series); c != "" {
					context = c
				}
			}
			title := m.names(l.vendor.bare(context, src.Vendor))
			if len(title) > 0 {
				n.words = slices.Compact(sorted(append(slices.Clone(n.words), strip(title[0].words)...)))
			}
		}
	}
	for i := range l.names { // "JetWave 3220 V3" with bounds of 1.x: the V3 is the hardware's
		if n := &l.names[i]; n.line != nil && l.stated.Kind == version.Bounded && !l.stated.Touches(*n.line) {
			n.line = nil
		}
	}
	if l.stated.Cond != "" {
		for _, c := range onlyCVE().FindAllString(l.stated.Cond, 20) {
			l.only = append(l.only, strings.ToUpper(strings.ReplaceAll(c, " ", "")))
		}
		if len(l.only) > 0 {
			l.stated.Cond = ""
		}
	}
	if src.On != "" {
		l.platform = m.names(l.vendor.bare(src.On, src.Vendor))
	}
	var key strings.Builder
	for _, c := range l.codes {
		key.WriteString(c + "|")
	}
	for _, n := range l.names {
		key.WriteString(strings.Join(n.words, " ") + "/" + n.series + "/" + n.hw + "|")
	}
	l.key = key.String()
	return l
}

func sorted(ws []string) []string { slices.Sort(ws); return ws }

func (l *leaf) code(m *maker, code string) {
	if strings.ContainsAny(code, "*?") || wildX(code) || strings.Contains(strings.ToUpper(code), "(H)") {
		if p := pattern(code); p != nil {
			l.patterns = append(l.patterns, p)
			l.strict = true
		}
		return
	}
	c := strings.TrimRight(compact(code), "/")
	if m != nil && m.Slash == "series" {
		c = base(c)
	}
	if len(c) >= 4 && !slices.Contains(l.codes, c) {
		l.codes = append(l.codes, c)
	}
}

// wildX: 140CPU65xxxxx, 750-82xx, 140NOE771x1: x beside digits that is no letter of the code.
func wildX(s string) bool {
	return hasDigit(s) && (strings.Contains(s, "XX") || strings.Contains(s, "x") && strings.ToLower(s) != s || strings.Contains(s, "xx") || strings.ContainsRune(s, 'x') && !strings.ContainsFunc(s, func(r rune) bool { return r >= 'a' && r <= 'z' && r != 'x' }))
}

var globText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`[A-Za-z0-9][A-Za-z0-9/-]*(?:\*|x{2,}|\[\]|□)[A-Za-z0-9*/x\[\]□-]*`)
})

// globs finds patterns of order codes: BMXP34*, 140CPU65xxxxx, CS1D-CPU[][]SA.
func globs(text string) []*regexp.Regexp {
	text = strings.NewReplacer(" □", "□", "□ ", "□").Replace(text)
	var out []*regexp.Regexp
	for _, g := range globText().FindAllString(text, 10) {
		if len(g) >= 4 && hasDigit(g) || strings.Contains(g, "□") || strings.Contains(g, "[]") {
			if p := pattern(g); p != nil {
				out = append(out, p)
			}
		}
	}
	return out
}

// pattern turns a pattern of order codes into an expression on compact codes.
func pattern(g string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^")
	literal := 0
	g = strings.NewReplacer("[]", "□", "(H)", "\x01", "(h)", "\x01").Replace(g)
	wide := wildX(g)
	upper := strings.Contains(g, "XX")
	slash := false
	if wide { // a run of x at the end: any rest
		if cut := strings.TrimRight(g, "x"); len(cut) < len(g) && !strings.Contains(g, "/") {
			g = cut + "*"
		}
	}
	for _, r := range g {
		switch {
		case r == '*':
			b.WriteString(".*")
		case r == '□':
			b.WriteString("[A-Z0-9]{1,2}")
		case r == '\x01':
			b.WriteString("H?")
		case (r == 'x' || r == 'X' && upper) && wide && literal > 0:
			if slash {
				b.WriteString("[0-9A-Z]?")
			} else {
				b.WriteString("[0-9A-Z]")
			}
		case r == '/':
			b.WriteString("(?:/")
			slash = true
		case r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z':
			if r >= 'a' {
				r -= 'a' - 'A'
			}
			b.WriteRune(r)
			literal++
		}
	}
	if slash {
		b.WriteString(strings.Repeat(")?", strings.Count(g, "/")))
	} else {
		b.WriteString("(?:/.*)?")
	}
	b.WriteString("$")
	if literal < 3 {
		return nil
	}
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil
	}
	return re
}

// model says whether what stands in the place of the version is a model: 1766-L32BWA, HEN64204.
func model(r *version.Range, text string) bool {
	t := strings.TrimSpace(text)
	if t == "" || strings.ContainsAny(t, "<>=*") || strings.Contains(t, "vers:") {
		return false
	}
	low := strings.ToLower(t)
	for _, w := range []string{"version", "all ", "prior", "later", "earlier", "firmware", "serial", "build", "no version"} {
		if strings.Contains(low, w) {
			return false
		}
	}
	if r.Kind == version.Nothing {
		return named(words(low)) && len(t) < 120
	}
	if r.Kind != version.Bounded {
		return false
	}
	i := 0
	for i < len(low) && low[i] >= 'a' && low[i] <= 'z' {
		i++
	}
	rest := low[i:]
	switch {
	case i >= 3 && (len(rest) > 0 && (rest[0] >= '0' && rest[0] <= '9') && !strings.Contains(rest, ".") || strings.HasPrefix(rest, "-")):
		return low[:i] != "rev" && low[:i] != "ver"
	case i == 2 && !strings.Contains(rest, ".") && len(rest) >= 4 && rest[0] >= '0' && rest[0] <= '9' && low[:i] != "fw" && low[:i] != "sp":
		return true
	case i == 0 && strings.Contains(r.Cond, "-"):
		return false
	}
	return false
}

func (a *Advisory) group(src *csaf.Advisory) {
	stated := make([]bool, len(src.Leaves))
	index := map[string]int{}
	for v := range src.Vulns {
		vuln := &src.Vulns[v]
		st := make([]status, len(src.Leaves))
		for _, s := range []struct {
			refs []int32
			s    status
		}{{vuln.Unclear, isUnclear}, {vuln.Affected, isAffected}, {vuln.Fixed, isFixed}, {vuln.NotAffected, isNotAffected}} {
			for _, i := range s.refs {
				st[i] = s.s
				stated[i] = true
			}
		}
		fixes := a.fixes(src, vuln)
		var key strings.Builder
		for i, s := range st {
			key.WriteByte('0' + byte(s))
			for _, f := range fixes[i] {
				key.WriteString(f.text)
			}
		}
		cve := vuln.CVE
		g, ok := index[key.String()]
		if !ok || slices.ContainsFunc(a.leaves, func(l leaf) bool { return len(l.only) > 0 }) {
			g = len(a.groups)
			index[key.String()] = g
			a.groups = append(a.groups, group{status: st, fixes: fixes})
		}
		a.groups[g].vulns = append(a.groups[g].vulns, v)
		a.groups[g].cves = append(a.groups[g].cves, cve)
	}
	for i := range a.leaves {
		a.leaves[i].noStatus = !stated[i]
	}
	if len(a.groups) == 0 && len(a.leaves) > 0 { // an advisory without a vulnerability still names products
		a.groups = []group{{status: make([]status, len(a.leaves)), fixes: make([][]fix, len(a.leaves))}}
	}
}

var (
	fixVerb = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)\b(?:updat\w*|upgrad\w*|migrat\w*|install\w*|appl(?:y|ied)|releas\w*|fixed|fixes|correct\w*|patched|resolved|addressed|mitigated|available|download\w*|newer|later|higher)\b`)
	})
	fixVersion = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(?:^|[\s(:,])(?:v|version|versions|firmware|fw|frn|revision|release|rev\.?|r)?\s?:?\s?(v?\d{1,4}(?:\.\d{1,8}){1,4}(?:\(\d+\))?[a-z0-9]*(?:[ _-]?(?:sp|update|upd|hf|build|patch|rev|fp|tcu|cu)[ _.]?\d+)*)(?:[\s,;.)]|$)`)
	})
	sentenceEnd = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[.;!?]\s+|\n`) })
)

// fixes reads the versions that remediations name, for each leaf: advisories hardly ever state
// what is fixed, they say "Update to V3.0 or later", and as often under mitigation as under vendor_fix.
func (a *Advisory) fixes(src *csaf.Advisory, v *csaf.Vuln) [][]fix {
	all := make([][]fix, len(src.Leaves))
	for i := range v.Remediations {
		r := &v.Remediations[i]
		if r.Category != "vendor_fix" && r.Category != "mitigation" || len(r.Details) > 1500 {
			continue
		}
		for _, sentence := range sentenceEnd().Split(r.Details, 20) {
			if !digitDot(sentence) || r.Category != "vendor_fix" && !fixVerb().MatchString(sentence) {
				continue
			}
			found := fixVersion().FindAllStringSubmatch(sentence+" ", 8)
			if len(found) == 0 {
				continue
			}
			refs := r.Leaves
			if len(refs) == 0 {
				continue
			}
			one := true
			for _, l := range refs {
				one = one && a.leaves[l].key == a.leaves[refs[0]].key
			}
			ws := sorted(words(sentence))
			for _, l := range refs {
				if !one && (!a.mentions(l, ws) || a.closer(l, refs, ws)) {
					continue
				}
				for _, f := range found {
					if ver, ok := version.Parse(f[1]); ok {
						all[l] = append(all[l], fix{ver, f[1], sentence})
					}
				}
			}
		}
	}
	return all
}

// digitDot says whether a text may hold a version at all, before an expression is run over it.
func digitDot(s string) bool {
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '.' && s[i-1] >= '0' && s[i-1] <= '9' && s[i+1] >= '0' && s[i+1] <= '9' {
			return true
		}
	}
	return false
}

// closer: the sentence names another product, of which this one's name is only a part.
func (a *Advisory) closer(l int32, refs []int32, sentence []string) bool {
	for _, o := range refs {
		if o == l || a.leaves[o].key == a.leaves[l].key || !a.mentions(o, sentence) {
			continue
		}
		for _, n := range a.leaves[o].names {
			for _, mine := range a.leaves[l].names {
				if len(n.words) > len(mine.words) && subset(strip(mine.words), n.words) {
					return true
				}
			}
		}
	}
	return false
}

// mentions: a sentence names this very product.
func (a *Advisory) mentions(l int32, sentence []string) bool {
	for _, n := range a.leaves[l].names {
		if s := strip(n.words); len(s) > 0 && named(s) && subset(s, sentence) {
			return true
		}
	}
	return false
}

var beforeSeries = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b([a-z][\w-]*\s+\d[\w-]*|[a-z]+\d[\w-]*)\s+(?:hardware\s+)?series\s+([a-z])\b`)
})

// seriesOf finds whose series a text speaks of: "MicroLogix 1400 Series B devices".
func seriesOf(a *csaf.Advisory, series string) string {
	texts := []string{a.Summary, a.Title}
	for i := range a.Vulns {
		for _, r := range a.Vulns[i].Remediations {
			texts = append(texts, r.Details)
		}
	}
	for _, t := range texts {
		for _, m := range beforeSeries().FindAllStringSubmatch(t, 20) {
			if strings.Contains(series, strings.ToUpper(m[2])) {
				return m[1]
			}
		}
	}
	return ""
}

// maxParsed bounds the memory of version texts; the corpus of 2,379 advisories has 4,480.
const maxParsed = 100_000

// parse reads a version text once: the same few thousand stand in all advisories.
func (t *Tables) parse(text string) version.Range {
	t.mu.Lock()
	r, ok := t.parsed[text]
	t.mu.Unlock()
	if !ok {
		r = version.ParseRange(text)
		t.mu.Lock()
		if len(t.parsed) < maxParsed {
			t.parsed[text] = r
		}
		t.mu.Unlock()
	}
	return r
}
