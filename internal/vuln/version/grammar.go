package version

import (
	"regexp"
	"strings"
	"sync"
)

// The grammar, as the advisories write it:
//
//	expr   := ["vers:" scheme "/"] ( "*" | "all versions" | clause { sep clause } ) [ condition ]
//	sep    := "|" | "," | "and" | "or"    a lower bound and the upper bound behind it are one interval
//	                                      whatever stands between; everything else is an alternative
//	clause := op version | version ("to"|"through"|"-") version | version ("and"|"or") ("prior"|"later"|…) | version
//	op     := "<" | "<=" | ">" | ">=" | "prior to" | "before" | "up to (and including)" | "later than" | …

type rewrite struct {
	re *regexp.Regexp
	to string
}

// rewrites turn the English of advisories into operators, in this order.
var rewrites = sync.OnceValue(func() []rewrite {
	var out []rewrite
	for _, r := range [][2]string{
		{`^vers:[^/]*/`, ``},
		{`\|\s*vers:[^/|]*/`, `|`},
		{`\s*=<\s*`, ` <= `},
		{`\s*=>\s*`, ` >= `},
		{`<\s+=`, `<=`},
		{`>\s+=`, `>=`},
		{`\b(prior|previous) (versions )?(to and including|up to and including)\b`, `<=`},
		{`\bup to,? and including\b|\bup to and with\b|\bup through\b|\bup to \(and including\)|\bnot later than\b|\bno later than\b|\bor lower than or equal to\b`, `<=`},
		{`\b(less|lower|earlier|older) than or equal to\b`, `<=`},
		{`\b(greater|higher|later|newer) than or equal to\b|\bequal to or (greater|higher|later|newer) than\b`, `>=`},
		{`\b(versions?|firmware|releases?|builds?|revisions?|all)? ?\b(prior|previous|anterior) to\b`, `<`},
		{`\b(earlier|older|lower|less|smaller) than\b`, `<`},
		{`\b(later|newer|higher|greater) than\b`, `>`},
		{`\bstarting (from|with|at)\b|\bbeginning (from|with)\b|\b(from|since) (?:version )?(v?\d[^ ]*) (onwards?|and above|and later)\b`, `>= $3 `},
		{`,? ?(\band|\bor|&|/)? ?\b(all |any )?(prior|earlier|older|previous|below|lower|before|preceding|under)( versions?| releases?| revisions?| builds?| firmware)*( versions?| revisions?| releases?)?( of [a-z]+)?($|[;,|.)(]| and | or | \()`, ` PRIOR $7`},
		{`,? ?(\band|\bor|&|/)? ?\b(all |any )?(later|newer|above|higher|greater|subsequent|onwards?|up|beyond|after)( versions?| releases?| revisions?| builds?)*( versions?)?($|[;,|.)(]| and | or | \()`, ` LATER $6`},
		{`\bbefore\b|\bbelow\b|\bunder\b`, `<`},
		{`\bafter\b|\babove\b`, `>`},
		{`\bbetween ([^ ]+) and\b`, `>= $1 <=`},
		{`(\d[^ ]*) (?:versions? |revisions? )?up to\b`, `$1 to`},
		{`\bup to\b`, `<=`},
		{`([^ ]+) \(including\) (?:and|to) ([^ ]+) \(excluding\)`, `>= $1 < $2`},
		{`\((build [0-9.]+)\)`, ` $1`},
		{`(\d) ([a-z])$`, `$1$2`},
		{`^(?:bios|versions?|firmware|software)\b[ :]*([<>=])`, `$1`},
		{`\b(?:and|with) (function state \(fs\) .*)$`, `, if $1`},
		{`\bthrough\b|\bthru\b|\buntil\b|\bup to\b`, `to`},
	} {
		out = append(out, rewrite{regexp.MustCompile(r[0]), r[1]})
	}
	return out
})

var serialText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?:the )?first (\d+|two|three|four|five|six) (?:digits|characters) of (?:the )?serial (?:number|no)\.?s?`)
})

var serialPlain = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(?:serial (?:number|no)\.?|s/n):?`)
})

var dateText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\b(?:(january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)[ /.,-]+(\d{1,2})(?:st|nd|rd|th)?[ /,-]+(20\d\d)|(\d{1,2})[ /.-](january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec)[ /,-]+(20\d\d)|(20\d\d)[-/](\d{1,2})[-/](\d{1,2}))\b`)
})

// maxText bounds what a range text may be long; the longest published one has under 400 letters.
const maxText = 2000

// ParseRange reads what an advisory says about versions.
func ParseRange(text string) Range {
	out := Range{Text: strings.TrimSpace(Repair(text))}
	if len(text) > maxText {
		return out
	}
	s := out.Text
	if strings.Contains(s, "_V") || strings.Contains(s, "_v") { // <V33.017_V34.014: one bound a release line
		op := s[:len(s)-len(strings.TrimLeft(s, "<>= "))]
		s = strings.NewReplacer("_V", "|"+op+"v", "_v", "|"+op+"v").Replace(s)
	}
	s = fold(s)
	s = strings.Trim(s, `"' :;,`)
	if m := serialText().FindStringSubmatchIndex(s); m != nil {
		out.Digits = int(number(digits(s[m[2]:m[3]])))
		s = s[:m[0]] + " " + s[m[1]:]
		s = strings.NewReplacer(" are ", " ", " is ", " ", ":", " ", `"`, " ").Replace(s)
		out.clauses(s)
		if out.Kind == Bounded {
			out.Kind = Serial
		}
		return out
	}
	if m := serialPlain().FindStringIndex(s); m != nil {
		out.clauses(s[:m[0]] + " " + s[m[1]:])
		if out.Kind == Bounded {
			out.Kind = Serial
		}
		return out
	}
	if dated := dateText().ReplaceAllStringFunc(s, isoDate); dated != s {
		out.clauses(dated)
		if out.Kind == Bounded && !hasDot(dated) {
			out.Kind = Dated
		}
		return out
	}
	cond := ""
	for _, mark := range conditionMarks {
		if i := strings.Index(s, mark); i > 0 {
			s, cond = s[:i], strings.Trim(s[i:], " ()")
			break
		}
	}
	out.clauses(s)
	if out.Kind != Nothing && cond != "" {
		out.Cond = strings.TrimSpace(out.Cond + " " + cond)
	}
	return out
}

// conditionMarks begin a condition that may hold bounds of its own, on something else.
var conditionMarks = [...]string{" and function state", " with function state", " in connection with ", " installed in conjunction with ", " only when ", " with u-boot ", " with maxview ", " with nozomi ", " with fortinet ", " with palo alto ", " with dopsoft "}

func hasDot(s string) bool { return strings.ContainsRune(s, '.') }

func digits(s string) string {
	switch s {
	case "two":
		return "2"
	case "three":
		return "3"
	case "four":
		return "4"
	case "five":
		return "5"
	case "six":
		return "6"
	}
	return s
}

func isoDate(s string) string {
	m := dateText().FindStringSubmatch(s)
	month := func(name string) string {
		i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", name[:3])/3 + 1
		return two(i)
	}
	switch {
	case m[1] != "":
		return m[3] + month(m[1]) + two(int(number(m[2])))
	case m[5] != "":
		return m[6] + month(m[5]) + two(int(number(m[4])))
	}
	return m[7] + two(int(number(m[8]))) + two(int(number(m[9])))
}

func two(n int) string { return string([]byte{'0' + byte(n/10%10), '0' + byte(n%10)}) }

// everything are the texts that mean every version.
func everything(s string) bool {
	switch s {
	case "*", "all", "all versions", "all version", "any", "any version", "all variants", "all models", "all revisions", "all firmware versions",
		"all versions affected", "all releases", "vers:all/*", "all supported versions", "all software versions", "all versions are affected", "all series", "all known versions",
		"all versions and revisions", "all current versions", "all firmware", "all/*", "all -", "v*", "all types":
		return true
	}
	return false
}

var allOf = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?:all|any)\b(?: (?:[a-z]+ )?(?:versions?|revisions?|releases?|variants?|models|builds?|firmware))?(?: (?:versions?|are|is|of|running|with|in|including|with firmware|affected))*\b`)
})

func (r *Range) clauses(s string) {
	s = strings.TrimSpace(s)
	for _, w := range rewrites() {
		s = w.re.ReplaceAllString(s, w.to)
	}
	s = strings.Trim(strings.Join(strings.Fields(s), " "), " .,:;")
	for len(s) > 1 && s[0] == '(' && s[len(s)-1] == ')' && strings.Count(s, "(") == 1 {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	if everything(s) {
		r.Kind = All
		return
	}
	if strings.HasPrefix(s, "* ") || strings.HasPrefix(s, "*|") {
		r.Kind, r.Cond = All, strings.TrimSpace(s[1:])
		r.Cond = strings.Trim(r.Cond, "|() ")
		return
	}
	rest := s
	if m := allOf().FindString(s); m != "" {
		rest = strings.TrimLeft(s[len(m):], " :,-")
		p := clauseReader{toks: lex(rest)}
		if p.run(r) && len(r.Intervals) > 0 {
			r.Kind = Bounded
			return
		}
		r.Intervals, r.Cond = nil, ""
		if strings.ContainsAny(m, " ") || rest != "" {
			r.Kind, r.Cond = All, strings.Trim(rest, "() ")
			if strings.ContainsAny(r.Cond, "<>") || strings.Contains(r.Cond, "PRIOR") { // a bound we cannot read is no "all"
				r.Kind, r.Cond = Nothing, ""
			}
		}
		return
	}
	p := clauseReader{toks: lex(rest)}
	if p.run(r) && len(r.Intervals) > 0 {
		r.Kind = Bounded
		return
	}
	r.Intervals, r.Cond = nil, ""
}

type clause struct {
	op string
	v  Version
}

type clauseReader struct {
	toks []token
	i    int
}

// run reads clauses to the end; what follows the last becomes the condition.
func (p *clauseReader) run(r *Range) bool {
	var all []clause
	pending := ""
	for p.i < len(p.toks) && len(all) < 200 {
		if op := p.op(); op != "" {
			if pending != "" && op != pending {
				return false
			}
			pending = op
			continue
		}
		t := p.toks[p.i]
		if pending == "" && len(all) > 0 && (t.text == "|" || t.text == "," || t.text == ";" || t.text == "/" || t.text == "&" || t.text == "and" || t.text == "or" || t.text == "also" || t.text == ":") {
			p.i++
			continue
		}
		v, next, ok := read(p.toks, p.i)
		if !ok || v.label != "" && strings.ContainsRune(v.label, ' ') && pending == "" {
			if len(all) == 0 || pending != "" {
				return false
			}
			return p.condition(r, all)
		}
		if len(all) > 0 && pending == "" && t.text == "(" && all[len(all)-1].op != "" {
			return p.condition(r, all)
		}
		p.i = next
		op := pending
		pending = ""
		if p.i < len(p.toks) {
			switch p.toks[p.i].text {
			case "PRIOR":
				if op == "" || op == "<=" || op == "<" {
					if op == "" {
						op = "<="
					}
					p.i++
				}
			case "LATER":
				if op == "" || op == ">=" {
					op = ">="
					p.i++
				}
			case "to", "-":
				if op != "" && op != ">=" && op != ">" {
					break
				}
				save := p.i
				p.i++
				up := "<="
				if o := p.op(); o != "" {
					up = o
				}
				if p.i < len(p.toks) && (p.toks[p.i].text == "PRIOR" || p.toks[p.i].text == "LATER") {
					p.i++
				}
				hi, n, ok := read(p.toks, p.i)
				if !ok {
					p.i = save
					break
				}
				p.i = n
				if p.i < len(p.toks) && p.toks[p.i].text == "PRIOR" {
					p.i++
				}
				if op == "" {
					op = ">="
				}
				all = append(all, clause{op, v}, clause{up, hi})
				continue
			}
		}
		if op == "" && len(v.parts) == 2 && len(all) == 0 && p.dash(&v) { // 20-33 is a range
			lo, hi := v, v
			lo.parts, hi.parts = v.parts[:1], v.parts[1:]
			all = append(all, clause{">=", lo}, clause{"<=", hi})
			continue
		}
		all = append(all, clause{op, v})
	}
	if pending != "" || len(all) == 0 {
		return false
	}
	return intervals(r, all)
}

// dash says whether the two components just read stood as "20-33".
func (p *clauseReader) dash(v *Version) bool {
	i := p.i
	return i >= 3 && p.toks[i-2].text == "-" && p.toks[i-1].num && p.toks[i-3].num && v.parts[0].n < v.parts[1].n && v.parts[1].n < 1000 && !v.parts[0].any && !v.parts[1].any && i == len(p.toks)
}

func (p *clauseReader) op() string {
	t := p.toks[p.i]
	op := ""
	switch t.text {
	case "<", ">", "=":
		op = t.text
		p.i++
		if p.i < len(p.toks) && p.toks[p.i].text == "=" {
			op += "="
			p.i++
		}
	case "!":
		return ""
	}
	if op == "=" || op == "==" {
		return "="
	}
	return op
}

// condition keeps what stands behind the last clause, if it reads like a condition.
func (p *clauseReader) condition(r *Range, all []clause) bool {
	var b strings.Builder
	for _, t := range p.toks[p.i:] {
		if t.space && b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	cond := strings.Trim(b.String(), " ()-,;:.|")
	if strings.ContainsAny(cond, "<>") || strings.Contains(cond, "PRIOR") || strings.Contains(cond, "LATER") {
		return false // further bounds that we would lose
	}
	if !harmless(cond) {
		r.Cond = cond
	}
	return intervals(r, all)
}

// harmless are remarks that decide nothing.
func harmless(cond string) bool {
	switch cond {
	case "", "*", "firmware", "and", "software", "versions", "version", "inclusive", "included", "incl", "including", "of the software", "are affected", "is affected", "affected", "only", "all revisions", "all series", "all models",
		"english", "release", "build", "ga", "firmware version", "all":
		return true
	}
	return strings.HasPrefix(cond, "incl. ") || strings.HasPrefix(cond, "and prior") || strings.HasPrefix(cond, "all versions") || strings.HasPrefix(cond, "released ")
}

func intervals(r *Range, all []clause) bool {
	for i := 0; i < len(all); i++ {
		c := all[i]
		v := c.v
		switch c.op {
		case "<", "<=":
			r.Intervals = append(r.Intervals, Interval{High: &v, HighOpen: c.op == "<"})
		case ">", ">=":
			in := Interval{Low: &v, LowOpen: c.op == ">"}
			if i+1 < len(all) && (all[i+1].op == "<" || all[i+1].op == "<=") && compare(&v, &all[i+1].v) <= 0 {
				h := all[i+1].v
				in.High, in.HighOpen = &h, all[i+1].op == "<"
				i++
			}
			r.Intervals = append(r.Intervals, in)
		default:
			// 13.0 | < 13.0.1 lost its ">="
			if i == 0 && len(all) == 2 && (all[1].op == "<" || all[1].op == "<=") && v.parts[0].n == all[1].v.parts[0].n && compare(&v, &all[1].v) < 0 {
				h := all[1].v
				r.Intervals = append(r.Intervals, Interval{Low: &v, High: &h, HighOpen: all[1].op == "<"})
				i++
				continue
			}
			if v.label != "" && len(v.parts) == 1 && c.op == "" && len(v.label) > 6 { // a name, not a version
				return false
			}
			r.Intervals = append(r.Intervals, Interval{Low: &v, High: &v, Exact: true})
		}
	}
	return len(r.Intervals) > 0
}
