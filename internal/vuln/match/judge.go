package match

import (
	"strings"

	"github.com/skanse/skanse/internal/vuln/version"
)

// decision is the answer of one group of vulnerabilities.
type decision struct {
	verdict       Verdict
	missing       string
	quote         string
	fix, fixQuote string
	versionless   bool // it needs no version
}

// plan is what an advisory's group says of the leaves that may be an asset,
// before the asset's version is looked at. It holds for every asset of the
// same product, so that ten thousand of them cost one.
type plan struct {
	clusters []cluster
	series   map[string]bool
	codes    map[string]bool
}

// cluster is the leaves of one product, put together.
type cluster struct {
	stated, english version.Range
	fixes           []fix
	quote           string
	speaks          bool   // at least one leaf is affected or under investigation
	unclear         bool   // still under investigation
	hardware        bool   // limited to a hardware revision
	out             []int  // leaves that are stated as fixed or not affected
	exempt          string // the only leaf says so of every version
	seen            map[string]bool
}

// plan puts the kept leaves together.
func (a *Advisory) plan(g *group, kept []candidate) *plan {
	p := &plan{series: map[string]bool{}, codes: map[string]bool{}}
	at := map[string]int{}
	var sizes []int
	for _, c := range kept {
		l := &a.leaves[c.leaf]
		n, ok := at[l.key]
		if !ok {
			n = len(p.clusters)
			at[l.key] = n
			p.clusters = append(p.clusters, cluster{seen: map[string]bool{}})
			sizes = append(sizes, 0)
		}
		sizes[n]++
		p.clusters[n].add(a, g, c.leaf)
		p.codes[strings.Join(l.codes, "|")] = true
		if c.n != nil {
			p.series[c.n.series] = true
		}
	}
	for i := range p.clusters {
		if sizes[i] > 1 {
			p.clusters[i].exempt = ""
		}
		p.clusters[i].seen = nil
	}
	return p
}

func (c *cluster) add(a *Advisory, g *group, leaf int) {
	l := &a.leaves[leaf]
	for _, n := range l.names {
		c.hardware = c.hardware || n.hw != ""
	}
	st := g.status[leaf]
	if st == silent && l.noStatus {
		st = isAffected // listed, but no status is given at all
	}
	switch st {
	case isNotAffected, isFixed:
		if l.stated.Kind == version.All {
			c.exempt = l.quote
		}
		c.out = append(c.out, leaf)
		return
	case silent:
		return
	case isUnclear:
		c.unclear = true
	}
	c.fixes = append(c.fixes, g.fixes[leaf]...)
	if c.seen[l.stated.Text+"\x00"+l.english.Text] {
		return
	}
	c.seen[l.stated.Text+"\x00"+l.english.Text] = true
	e := &l.english
	if e.Kind == version.Nothing || version.Glued(e, &l.stated) || e.Kind != l.stated.Kind && l.stated.Kind != version.Nothing {
		e = &l.stated
	}
	join(&c.stated, &l.stated, !c.speaks)
	join(&c.english, e, !c.speaks)
	if c.quote == "" {
		c.quote = l.quote
	}
	c.speaks = true
}

// judge folds the leaves that may be the asset. Leaves of one product are
// parts of one statement; several products that fit are alternatives, unless
// each of them covers the asset.
func (a *Advisory) judge(id *Identity, p *plan, best relation) decision {
	var all [8]decision
	ds := all[:0]
	for i := range p.clusters {
		d := a.answer(id, &p.clusters[i])
		if id.series == "" && d.verdict == Affected && !p.series[""] && (best == byCode && len(p.clusters) == 1 || best != byCode && len(p.series) == 1) {
			d.verdict, d.missing = CannotTell, "hardware series" // only that series is named, and ours is not known
		}
		if p.clusters[i].hardware && id.Hardware == "" && d.verdict == Affected {
			d.verdict, d.missing = CannotTell, "hardware revision"
		}
		ds = append(ds, d)
	}
	if len(ds) == 0 {
		return decision{}
	}
	out := ds[0]
	same := true
	for _, d := range ds[1:] {
		same = same && d.verdict == ds[0].verdict
		if d.verdict > out.verdict {
			out = d
		}
	}
	if best == covers && (len(p.series) == 1 || id.series != "") {
		return out
	}
	coded := len(p.codes) > 0 && !p.codes[""]
	if !same {
		unknown := ""
		for _, d := range ds {
			if d.verdict == CannotTell {
				unknown = d.missing
			}
		}
		out.verdict = CannotTell
		switch {
		case len(p.series) > 1 && id.series == "":
			out.missing = "hardware series"
		case len(p.codes) > 1 && len(id.codes) == 0:
			out.missing = "order code"
		case unknown != "":
			out.missing = unknown
		default:
			out.missing = "exact product name"
		}
		return out
	}
	if best < covers && out.verdict == Affected {
		out.verdict, out.missing = CannotTell, "exact product name"
		if coded {
			out.missing = "order code"
		}
	}
	if out.verdict == CannotTell && out.missing == "version" && best == maybe {
		out.missing = "exact product name and version"
	}
	return out
}

// answer looks at the asset's version.
func (a *Advisory) answer(id *Identity, c *cluster) decision {
	out := decision{quote: c.quote}
	if c.exempt != "" {
		out.quote = c.exempt
		return out
	}
	for _, i := range c.out {
		l := &a.leaves[i]
		if yes, _ := l.stated.Contains(id.version); yes == version.Yes && l.stated.Kind == version.Bounded {
			out.quote = l.quote
			return out
		}
	}
	if !c.speaks {
		return out
	}
	if f := next(c.fixes, id.version); f != nil {
		out.fix, out.fixQuote = f.text, f.quote
	}
	stated, english := &c.stated, &c.english
	v := id.version
	if stated.Kind == version.Serial || stated.Kind == version.Dated {
		v = version.Version{}
		out.missing = "serial number"
		if stated.Kind == version.Dated {
			out.missing = "date of manufacture or build"
		} else if id.Serial != "" && stated.Digits > 0 && len(id.Serial) >= stated.Digits {
			v, _ = version.Parse(id.Serial[:stated.Digits])
		}
		if v.Zero() {
			out.verdict = CannotTell
			return out
		}
		s, e := *stated, *english
		s.Kind, e.Kind = version.Bounded, version.Bounded
		stated, english = &s, &e
	}
	if stated.Kind == version.Nothing && english.Kind != version.Nothing {
		stated = english
	}
	if stated.Kind == version.Bounded && id.Version != "" && !id.read {
		out.verdict, out.missing = CannotTell, "a version that can be read ("+id.Version+" cannot)"
		return out
	}
	out.versionless = stated.Kind == version.All
	x, missing := stated.Contains(v)
	if y, _ := english.Contains(v); x != y && x != version.Unknown && y != version.Unknown {
		out.verdict, out.missing = CannotTell, "which of the advisory's two statements is right: it contradicts itself"
		return out
	}
	switch x {
	case version.No:
		out.missing = ""
		return out
	case version.Unknown:
		out.verdict, out.missing = CannotTell, missing
		return out
	}
	if done, f := fixed(stated, c.fixes, v); done {
		out.quote, out.fix, out.fixQuote = f.quote, f.text, f.quote
		return out
	}
	out.verdict, out.missing = Affected, ""
	switch {
	case c.unclear:
		out.verdict, out.missing = CannotTell, "the maker's finding: it is still investigating"
	case stated.Cond != "":
		out.verdict, out.missing = CannotTell, "whether this holds: "+stated.Cond
	}
	return out
}

func join(into, r *version.Range, first bool) {
	if first {
		*into = *r
		return
	}
	switch {
	case into.Kind == version.All && into.Cond == "":
	case r.Kind == version.All:
		*into = *r
	case into.Kind == version.Nothing:
		*into = *r
	case r.Kind == into.Kind:
		in := make([]version.Interval, 0, len(into.Intervals)+len(r.Intervals))
		into.Intervals = append(append(in, into.Intervals...), r.Intervals...)
		if r.Cond == "" || into.Cond == "" {
			into.Cond = ""
		}
	}
}

// next is the fix to go to from a version: the lowest newer one, of the same line if there is one.
func next(fixes []fix, v version.Version) *fix {
	var best *fix
	line := -1
	for i := range fixes {
		f := &fixes[i]
		if !v.Zero() {
			if c, ok := version.Compare(f.v, v); !ok || c <= 0 {
				continue
			}
		}
		n := 0
		if !v.Zero() {
			n = min(version.Branch(f.v, v), 2)
		}
		if best != nil {
			c, _ := version.Compare(f.v, best.v)
			if n < line || n == line && c >= 0 {
				continue
			}
		}
		best, line = f, n
	}
	return best
}

// fixed says whether a version that stands in the range is a fixed one all the
// same, because a remediation names a fix of its line. A bound that holds the
// version by its number wins over the text of a remediation.
func fixed(r *version.Range, fixes []fix, v version.Version) (done bool, by fix) {
	if len(fixes) == 0 || r.Kind == version.Bounded && r.Strict(v) {
		return false, fix{}
	}
	if v.Zero() {
		return false, fix{}
	}
	open := r.Kind == version.All || r.Highest() == nil
	var top *fix
	for i := range fixes {
		f := &fixes[i]
		c, ok := version.Compare(v, f.v)
		if !ok {
			continue
		}
		if n := version.Branch(v, f.v); n > 0 && n >= f.v.Width()-1 {
			return c >= 0, *f
		}
		if top == nil {
			top = f
		} else if d, ok := version.Compare(f.v, top.v); ok && d > 0 {
			top = f
		}
	}
	if top != nil && open {
		c, _ := version.Compare(v, top.v)
		return c >= 0, *top
	}
	return false, fix{}
}
