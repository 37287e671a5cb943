// Package version reads the version texts of devices and of security
// advisories and compares them: V4.1.3, 15.2(6)E0a, V15 SP1 Update 14,
// 01.07.13(10). It is pure; what it does not understand it says, it never
// guesses.
package version

import (
	"strings"
)

// Version is a version text taken apart. The zero value is no version.
type Version struct {
	label string // letters in front that name a line of products: CPCI85, HiOS; not "V" or "FW"
	parts []part
	quals [qualKinds]uint32
	pre   uint32 // 0 a release; 1 rc, 2 beta, 3 alpha: older the higher
}

// part is one component: a number, the letters right behind it, or any value.
type part struct {
	n       uint64
	letters string
	any     bool
}

// The qualifiers, the most significant first: a service pack outranks each update of the release before it.
const (
	qualFeature = iota
	qualMaintenance
	qualRevision
	qualService
	qualRollup
	qualUpdate
	qualHotfix
	qualPatch
	qualBuild
	qualKinds
)

func qualifier(word string) (kind int, ok bool) {
	switch word {
	case "fp", "featurepack":
		return qualFeature, true
	case "mp", "maintenance":
		return qualMaintenance, true
	case "r", "rev", "revision", "release", "rel":
		return qualRevision, true
	case "sp", "servicepack", "su":
		return qualService, true
	case "ru", "rollup", "rp", "tc":
		return qualRollup, true
	case "update", "upd", "up", "u", "cu", "tcu", "upgrade":
		return qualUpdate, true
	case "hf", "hotfix", "fix", "eb":
		return qualHotfix, true
	case "patch", "p", "pa":
		return qualPatch, true
	case "build", "b", "bld", "buildno":
		return qualBuild, true
	}
	return 0, false
}

// plain are the words in front of a version that say only that one follows.
func plain(word string) bool {
	switch word {
	case "v", "ver", "vers", "version", "versions", "fw", "firmware", "sw", "software", "sv", "rel", "release", "releases",
		"r", "rev", "revision", "revisions", "revs", "os", "series", "frn", "vx", "the", "runtime", "bios", "system", "hw", "model", "models", "no", "number",
		"img", "image", "app", "application", "kernel", "package", "driver":
		return true
	}
	return false
}

type token struct {
	text  string
	num   bool
	word  bool
	space bool // blanks stand in front
}

func lex(s string) []token {
	var out []token
	space := false
	for i := 0; i < len(s); {
		c := s[i]
		j := i + 1
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			space = true
			i++
			continue
		case isDigit(c):
			for j < len(s) && isDigit(s[j]) {
				j++
			}
			out = append(out, token{s[i:j], true, false, space})
		case isLetter(c):
			for j < len(s) && isLetter(s[j]) {
				j++
			}
			out = append(out, token{s[i:j], false, true, space})
		default:
			out = append(out, token{s[i:j], false, false, space})
		}
		space = false
		i = j
	}
	return out
}

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 }

// maxParts bounds what a hostile text may cost.
const maxParts = 16

// Parse reads a whole text as one version. False means it is none.
func Parse(s string) (Version, bool) {
	s = fold(s)
	if len(s) > 200 {
		return Version{}, false
	}
	toks := lex(s)
	v, next, ok := read(toks, 0)
	if !ok {
		return Version{}, false
	}
	for _, t := range toks[next:] { // only punctuation may follow
		if t.num || t.word && !plain(t.text) {
			return Version{}, false
		}
	}
	return v, true
}

// read takes one version from toks[i:] and says where it ends.
func read(toks []token, i int) (Version, int, bool) {
	var v Version
	var label []string
	prefix := ""
	for ; i < len(toks) && !toks[i].num; i++ {
		t := toks[i]
		switch {
		case t.word && plain(t.text):
			prefix = t.text
		case t.word && len(t.text) <= 12 && len(label) < 3:
			label = append(label, t.text)
		case t.text == ":" || t.text == "." || t.text == "#" || t.text == "-" && len(label) > 0 || t.text == "(" && len(label) == 0 || t.text == "=" && len(label) == 0:
		default:
			return v, i, false
		}
	}
	if i >= len(toks) {
		return v, i, false
	}
	v.label = strings.Join(label, " ")
	// A name such as CPCI85 or NMC2 in front of "V05.11" or " 6.9.6" is a label with digits.
	if v.label != "" && i+1 < len(toks) && toks[i+1].space && (toks[i+1].word && plain(toks[i+1].text) && i+2 < len(toks) && toks[i+2].num || toks[i+1].num) && !toks[i].space {
		v.label += toks[i].text
		i++
		for i < len(toks) && toks[i].word && plain(toks[i].text) {
			i++
		}
	}
	v.parts = append(v.parts, part{n: number(toks[i].text)})
	i++
	for i < len(toks) && len(v.parts) < maxParts {
		t := toks[i]
		switch {
		case (t.text == "." || t.text == "-" || t.text == "+" || t.text == "," && !t.space && len(v.parts) > 1) && i+1 < len(toks) && !toks[i+1].space && (toks[i+1].num || wild(toks[i+1])) && !t.space:
			if toks[i+1].num {
				v.parts = append(v.parts, part{n: number(toks[i+1].text)})
			} else {
				v.parts = append(v.parts, part{any: true})
			}
			i += 2
		case t.text == "(" && i+2 < len(toks) && toks[i+1].num && toks[i+2].text == ")":
			v.parts = append(v.parts, part{n: number(toks[i+1].text)})
			i += 3
		case (t.text == "-" || t.text == "." || t.text == ",") && i+1 < len(toks) && toks[i+1].word && !t.space && !toks[i+1].space:
			n, ok := v.word(toks, i+1)
			if !ok {
				return v, i, true
			}
			i = n
		case t.word && t.space && t.text == prefix && i+1 < len(toks) && toks[i+1].num && !toks[i+1].space: // R101 R110: the next one
			return v, i, true
		case t.word:
			n, ok := v.word(toks, i)
			if !ok {
				return v, i, true
			}
			i = n
		case t.num && t.space && len(t.text) >= 3 && v.qualified() && v.quals[qualBuild] == 0: // 2.11 R3 2259
			v.quals[qualBuild] = uint32(min(number(t.text), 1<<31))
			i++
		case (t.text == "." || t.text == ",") && (i+1 == len(toks) || toks[i+1].space): // the end of a sentence
			return v, i, true
		default:
			return v, i, true
		}
	}
	return v, i, true
}

// word takes a qualifier, a wildcard or the letters behind a number.
func (v *Version) word(toks []token, i int) (int, bool) {
	t := toks[i]
	text := t.text
	next := i + 1
	if (text == "service" || text == "feature" || text == "hot") && next < len(toks) && toks[next].word {
		text += toks[next].text
		next++
	}
	switch text {
	case "ga", "final":
		if !t.space {
			return next, true
		}
		return 0, false
	case "rc", "beta", "alpha", "pre":
		v.pre = map[string]uint32{"rc": 1, "pre": 2, "beta": 2, "alpha": 3}[text]
		if next < len(toks) && toks[next].num {
			next++
		}
		return next, true
	}
	last := &v.parts[len(v.parts)-1]
	if kind, ok := qualifier(text); ok {
		n := next
		for n < len(toks) && (toks[n].text == "." || toks[n].text == "#" || toks[n].text == "-" || toks[n].word && (toks[n].text == "no" || toks[n].text == "version")) {
			n++
		}
		switch {
		case n < len(toks) && toks[n].num:
			v.quals[kind] = uint32(min(number(toks[n].text)+1, 1<<31))
			n++
			// Update 14.1, SP1a: the rest counts as a build
			if n+1 < len(toks) && toks[n].text == "." && toks[n+1].num && !toks[n+1].space {
				v.quals[qualBuild] = uint32(min(number(toks[n+1].text)+1, 1<<31))
				n += 2
			} else if n < len(toks) && toks[n].word && !toks[n].space && len(toks[n].text) == 1 && toks[n].text != "x" {
				v.quals[qualBuild] = uint32(toks[n].text[0]-'a') + 1
				n++
			}
			return n, true
		case n < len(toks) && toks[n].word && len(toks[n].text) == 1 && kind == qualRevision && (n == next || toks[n].space): // Rev E
			v.quals[kind] = uint32(toks[n].text[0]-'a') + 2
			return n + 1, true
		case len(text) > 1 && t.space || text == "sp":
			v.quals[kind] = 2
			return next, true
		}
	}
	if t.space {
		return 0, false
	}
	if text == "x" || strings.Trim(text, "x") == "" { // 7.4x
		if last.n == 0 && len(v.parts) > 1 && last.letters == "" {
			last.any = true
			return next, true
		}
		v.parts = append(v.parts, part{any: true})
		return next, true
	}
	if len(text) > 8 || last.letters != "" {
		return 0, false
	}
	last.letters = text
	if next < len(toks) && toks[next].num && !toks[next].space { // 15.2(6)E0a
		v.parts = append(v.parts, part{n: number(toks[next].text)})
		next++
	}
	return next, true
}

func (v *Version) qualified() bool {
	for _, q := range v.quals {
		if q != 0 {
			return true
		}
	}
	return false
}

func wild(t token) bool { return t.text == "*" || t.word && strings.Trim(t.text, "x") == "" }

// number reads digits; what does not fit is the highest number there is.
func number(s string) uint64 {
	var n uint64
	for i := range len(s) {
		if n > (1<<63)/10 {
			return 1 << 63
		}
		n = n*10 + uint64(s[i]-'0')
	}
	return n
}

// compare puts two versions in order; same says whether their labels allow it.
// A wildcard equals every number; missing components are 0.
func compare(a, b *Version) int {
	n := max(len(a.parts), len(b.parts))
	for i := range n {
		var x, y part
		if i < len(a.parts) {
			x = a.parts[i]
		}
		if i < len(b.parts) {
			y = b.parts[i]
		}
		switch {
		case x.any || y.any:
			if x.any && i == len(a.parts)-1 || y.any && i == len(b.parts)-1 {
				return 0 // 4.1.x: every 4.1 there is
			}
		case x.n != y.n:
			return sign(x.n < y.n)
		case x.letters != y.letters:
			return sign(x.letters < y.letters)
		}
	}
	for i := range a.quals {
		if a.quals[i] != b.quals[i] {
			return sign(a.quals[i] < b.quals[i])
		}
	}
	if a.pre != b.pre {
		return sign(a.pre > b.pre)
	}
	return 0
}

func sign(less bool) int {
	if less {
		return -1
	}
	return 1
}

// Compare puts two versions in order. False: they belong to different lines and have none.
func Compare(a, b Version) (int, bool) {
	if !comparable(&a, &b) {
		return 0, false
	}
	return compare(&a, &b), true
}

func comparable(a, b *Version) bool { return a.label == b.label || a.label == "" || b.label == "" }

// within says whether v is the release r or one of its builds: 33.11 within 33, 2.2.1.7 within 2.2.1.
func within(v, r *Version) bool {
	if len(v.parts) < len(r.parts) {
		return compare(v, r) == 0
	}
	for i, p := range r.parts {
		if !p.any && (v.parts[i].n != p.n || v.parts[i].letters != p.letters) {
			return false
		}
	}
	if r.qualified() || r.pre != 0 {
		return compare(v, r) == 0
	}
	return true
}

// Branch is how many leading components two versions share.
func Branch(a, b Version) int {
	n := 0
	for n < len(a.parts) && n < len(b.parts) && (a.parts[n].n == b.parts[n].n && a.parts[n].letters == b.parts[n].letters || a.parts[n].any || b.parts[n].any) {
		n++
	}
	return n
}

// Width is the number of components.
func (v Version) Width() int { return len(v.parts) }

// Zero says whether there is no version at all.
func (v Version) Zero() bool { return len(v.parts) == 0 }

// Has says whether v stands in the release line r: 15.1 in V15, but not 15.1 in V15.2.
func (v Version) Has(r Version) bool {
	for i, p := range r.parts {
		var q part
		if i < len(v.parts) {
			q = v.parts[i]
		}
		if !p.any && (q.n != p.n || p.letters != "" && q.letters != p.letters) {
			return false
		}
	}
	return true
}
