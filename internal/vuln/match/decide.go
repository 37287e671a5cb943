package match

import (
	"strings"

	"github.com/skanse/skanse/internal/vuln/version"
)

// Verdict is what matching says of one asset and one advisory.
type Verdict uint8

// The verdicts, the worse the higher.
const (
	NotAffected Verdict = iota
	CannotTell
	Affected
)

func (v Verdict) String() string { return [...]string{"not_affected", "unknown", "affected"}[v] }

// Result is a verdict with its grounds.
type Result struct {
	Verdict    Verdict
	Confidence byte   // A to E
	Missing    string // CannotTell: the fact that would decide
	Quote      string // the advisory's words that decided
	Fix        string // the version that a remediation names
	FixQuote   string
	Named      bool // the advisory names this product at all
	Groups     []Group
}

// Group is the verdict of the vulnerabilities about which the advisory says the same.
type Group struct {
	Group   int
	Verdict Verdict
	Missing string
}

type candidate struct {
	leaf int
	rel  relation
	n    *name
}

// Match decides about one asset and one advisory.
func (a *Advisory) Match(id *Identity) Result {
	var found []candidate
	for i := range a.leaves {
		if c, ok := a.leaves[i].relate(id); ok {
			c.leaf = i
			found = append(found, c)
		}
	}
	return a.decide(id, found)
}

// relate says whether a leaf may be the asset.
func (l *leaf) relate(id *Identity) (candidate, bool) {
	c := candidate{}
	if !l.vendor.same(id.vendor) {
		return c, false
	}
	if len(id.codes) > 0 && (len(l.codes) > 0 || len(l.patterns) > 0) {
		for _, code := range id.codes {
			switch l.hasCode(code, id.vendor.m) {
			case byCode:
				c.rel = byCode
				if len(l.names) > 0 {
					c.n = &l.names[0]
				}
				return c, true
			case vaguer:
				c.rel = vaguer
			}
		}
		if len(l.codes) > 0 || l.strict {
			return c, c.rel != apart
		}
	}
	if len(l.patterns) > 0 && len(id.codes) == 0 {
		for _, n := range []string{compact(id.Model), compact(id.Product), compact(id.OrderCode)} {
			for _, p := range l.patterns {
				if n != "" && p.MatchString(n) {
					c.rel = byCode
					if len(l.names) > 0 {
						c.n = &l.names[0]
					}
					return c, true
				}
			}
		}
	}
	for i := range l.names {
		n := &l.names[i]
		for j := range id.names {
			r := relate(n, &id.names[j])
			if r == vaguer && id.family != nil && id.explains(minus(n.core, id.names[j].core)) {
				r = likely
			}
			if r > c.rel {
				c.rel, c.n = r, n
			}
		}
		for k := range id.family {
			f := &id.family[k]
			if r := relate(n, f); r >= covers && c.rel < covers && (r != likely || subset(n.core, f.words)) {
				c.rel, c.n = covers, n
			}
		}
	}
	if c.rel == apart && len(id.names) == 0 && len(id.family) == 0 && len(id.codes) > 0 && len(l.codes) == 0 && len(l.names) > 0 {
		c.rel, c.n = maybe, &l.names[0] // an order code of no known family against a name
	}
	if c.rel == apart {
		for i := range l.platform {
			for j := range id.names {
				if r := relate(&l.platform[i], &id.names[j]); r >= covers {
					c.rel, c.n = maybe, &l.platform[i]
				}
			}
		}
	}
	return c, c.rel != apart
}

// explains: the words by which a leaf says more than the asset are those of the asset's families.
func (id *Identity) explains(extra []string) bool {
	for i := range id.family {
		if subset(extra, id.family[i].words) {
			return true
		}
	}
	return false
}

func (l *leaf) hasCode(code string, m *maker) relation {
	for _, c := range l.codes {
		if c == code {
			return byCode
		}
		if m != nil && m.Slash == "variant" { // 750-8206/025-001 against 750-8206
			if base(c) == base(code) {
				if c == base(c) {
					return byCode
				}
				if code == base(code) {
					return vaguer
				}
			}
			continue
		}
		if l.siplus && strings.HasPrefix(code, "6AG") && len(code) >= 11 && len(c) >= 11 && code[4:11] == c[4:11] {
			return byCode
		}
	}
	for _, p := range l.patterns {
		if p.MatchString(code) {
			return byCode
		}
	}
	return apart
}

// choice is which leaves of an advisory speak of an asset, with the plans of
// its groups. It does not depend on the version unless a leaf names a release line.
type choice struct {
	best  relation
	kept  []candidate
	plans []*plan
	only  bool // a leaf is "only affected by" some vulnerabilities
}

// choose picks the leaves that speak.
func (a *Advisory) choose(id *Identity, found []candidate) choice {
	found = constrain(id, found)
	c := choice{}
	for _, f := range found {
		c.best = max(c.best, f.rel)
	}
	if c.best == apart {
		return c
	}
	for _, f := range found {
		if c.best < covers || f.rel == c.best {
			c.kept = append(c.kept, f)
			c.only = c.only || len(a.leaves[f.leaf].only) > 0
		}
	}
	if c.best == covers {
		c.kept = narrowest(c.kept)
	}
	c.plans = make([]*plan, len(a.groups))
	for g := range a.groups {
		c.plans[g] = a.plan(&a.groups[g], c.kept)
	}
	return c
}

// decide folds the candidates of an advisory.
func (a *Advisory) decide(id *Identity, found []candidate) Result {
	return a.conclude(id, a.choose(id, found))
}

func (a *Advisory) conclude(id *Identity, c choice) Result {
	if c.best == apart {
		r := Result{Confidence: 'B'}
		switch {
		case !id.known:
			for i := range a.leaves {
				if a.leaves[i].vendor.same(id.vendor) {
					return Result{Verdict: CannotTell, Confidence: 'E', Missing: "product name or order code"}
				}
			}
		case a.coded && len(id.codes) > 0:
			r.Confidence = 'A'
		}
		return r
	}
	out := Result{Named: true, Groups: make([]Group, 0, len(a.groups))}
	for g := range a.groups {
		d := a.judge(id, c.plans[g], c.best)
		out.Groups = append(out.Groups, Group{g, d.verdict, d.missing})
		if g == 0 || d.verdict > out.Verdict {
			out.Verdict, out.Missing, out.Quote, out.Fix, out.FixQuote = d.verdict, d.missing, d.quote, d.fix, d.fixQuote
			out.Confidence = confidence(c.best, &d, id)
		}
	}
	if c.only {
		a.exclude(&out, c.kept)
	}
	return out
}

// exclude takes back what the leaves say of vulnerabilities that they name as not theirs.
func (a *Advisory) exclude(out *Result, kept []candidate) {
	out.Verdict = NotAffected
	for i := range out.Groups {
		g := &out.Groups[i]
		theirs := len(a.groups[g.Group].cves) == 0
		for _, cve := range a.groups[g.Group].cves {
			theirs = theirs || !a.elsewhere(kept, cve)
		}
		if !theirs {
			g.Verdict, g.Missing = NotAffected, ""
		}
		if g.Verdict > out.Verdict {
			out.Verdict, out.Missing = g.Verdict, g.Missing
		}
	}
}

// Vulns are the numbers of the vulnerabilities of a group.
func (a *Advisory) Vulns(group int) []int { return a.groups[group].vulns }

// elsewhere: every leaf is "only affected by" other vulnerabilities than this.
func (a *Advisory) elsewhere(kept []candidate, cve string) bool {
	for _, c := range kept {
		only := a.leaves[c.leaf].only
		if len(only) == 0 {
			return false
		}
		for _, o := range only {
			if o == cve {
				return false
			}
		}
	}
	return len(kept) > 0
}

func confidence(best relation, d *decision, id *Identity) byte {
	switch {
	case best == byCode:
		return 'A'
	case best >= likely:
		return 'B'
	case best == covers && d.versionless && id.version.Zero():
		return 'D'
	case best == covers:
		return 'C'
	}
	if best == maybe {
		return 'E'
	}
	return 'D'
}

// narrowest keeps the most specific of several families that hold the asset.
func narrowest(cs []candidate) []candidate {
	var out []candidate
	for i, c := range cs {
		beaten := false
		for j, o := range cs {
			if i != j && c.n != nil && o.n != nil && len(o.n.words) > len(c.n.words) && subset(c.n.words, o.n.words) {
				beaten = true
			}
		}
		if !beaten {
			out = append(out, c)
		}
	}
	return out
}

// constrain drops the leaves of another series, hardware or release line.
func constrain(id *Identity, found []candidate) []candidate {
	out := found[:0]
	exact := false // a leaf names the asset's own series
	for _, c := range found {
		if c.n != nil {
			if c.n.series != "" && id.series != "" {
				if !strings.Contains(c.n.series, id.series) {
					continue
				}
				exact = true
			}
			if c.n.hw != "" && id.Hardware != "" && !sameHardware(c.n.hw, id.Hardware) {
				continue
			}
			if c.n.line != nil {
				if id.read && !id.version.Has(*c.n.line) {
					continue
				}
				if !id.read && id.line() != nil && !id.line().Has(*c.n.line) && !c.n.line.Has(*id.line()) {
					continue
				}
			}
		}
		out = append(out, c)
	}
	if exact {
		kept := out[:0]
		for _, c := range out {
			if c.rel < covers || c.n != nil && c.n.series != "" {
				kept = append(kept, c)
			}
		}
		out = kept
	}
	return out
}

func (id *Identity) line() *version.Version {
	for i := range id.names {
		if id.names[i].line != nil {
			return id.names[i].line
		}
	}
	return nil
}

func sameHardware(a, b string) bool {
	x, ok1 := version.Parse(a)
	y, ok2 := version.Parse(b)
	if ok1 && ok2 {
		c, ok := version.Compare(x, y)
		return ok && c == 0
	}
	return strings.EqualFold(a, strings.TrimSpace(b))
}
