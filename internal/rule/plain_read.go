package rule

import (
	"regexp"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
)

// maxDepth bounds brackets and negations in each other, well below CEL's own bound.
const maxDepth = 40

// reader reads what plain.go's grammar says. Each of its methods gives nil where the text says something else.
type reader struct {
	rest string
	in   *names
}

func (p *reader) space() { p.rest = strings.TrimLeft(p.rest, " \t\r\n") }

// take reads a sign.
func (p *reader) take(sign string) bool {
	p.space()
	if !strings.HasPrefix(p.rest, sign) {
		return false
	}
	p.rest = p.rest[len(sign):]
	return true
}

// word reads a name or a word of the language, with the dots inside.
func (p *reader) word() string {
	p.space()
	i := 0
	for ; i < len(p.rest); i++ {
		c := p.rest[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c != '.' && (c < '0' || c > '9')) {
			break
		}
	}
	w := p.rest[:i]
	p.rest = p.rest[i:]
	return w
}

func (p *reader) or(depth int) *node  { return p.join(depth, "||", opOr, p.and) }
func (p *reader) and(depth int) *node { return p.join(depth, "&&", opAnd, p.is) }

func (p *reader) join(depth int, sign string, as op, part func(int) *node) *node {
	if depth > maxDepth {
		return nil
	}
	n := part(depth)
	for n != nil && p.take(sign) {
		r := part(depth)
		if r == nil || n.is != isBool || r.is != isBool {
			return nil
		}
		n = &node{op: as, l: n, r: r}
	}
	return n
}

func (p *reader) is(depth int) *node {
	l := p.sum(depth)
	if l == nil {
		return nil
	}
	for _, c := range []struct {
		sign string
		op   op
	}{{"==", opEqual}, {"!=", opUnequal}, {"<=", opLessOrEqual}, {">=", opMoreOrEqual}, {"<", opLess}, {">", opMore}} {
		if !p.take(c.sign) {
			continue
		}
		r := p.sum(depth)
		if r == nil || l.is != r.is || l.is == isBool && c.op != opEqual && c.op != opUnequal {
			return nil
		}
		return &node{op: c.op, l: l, r: r}
	}
	if before := p.rest; p.word() != "in" {
		p.rest = before
		return l
	}
	return p.list(l)
}

// list reads what something is looked for in.
func (p *reader) list(l *node) *node {
	n := &node{op: opIn, l: l}
	if l.is == isBool || !p.take("[") {
		return nil
	}
	for {
		e := p.constant()
		switch {
		case e == nil || e.is != l.is:
			return nil
		case e.is == isText:
			n.list = append(n.list, e.s)
		default:
			n.ints = append(n.ints, e.n)
		}
		if p.take("]") {
			return n
		}
		if !p.take(",") {
			return nil
		}
	}
}

func (p *reader) sum(depth int) *node {
	n := p.factor(depth)
	for n != nil {
		as := opAdd
		switch {
		case p.take("+"):
		case p.take("-"):
			as = opSubtract
		default:
			return n
		}
		r := p.factor(depth)
		if r == nil || n.is != isInt || r.is != isInt {
			return nil
		}
		n = &node{op: as, l: n, r: r, is: isInt}
	}
	return nil
}

func (p *reader) factor(depth int) *node {
	n := p.one(depth)
	for n != nil && p.take("*") {
		r := p.one(depth)
		if r == nil || n.is != isInt || r.is != isInt {
			return nil
		}
		n = &node{op: opMultiply, l: n, r: r, is: isInt}
	}
	return n
}

func (p *reader) one(depth int) *node {
	if depth > maxDepth {
		return nil
	}
	p.space()
	switch {
	case p.rest == "":
		return nil
	case strings.HasPrefix(p.rest, "!"):
		p.rest = p.rest[1:]
		n := p.one(depth + 1)
		if n == nil || n.is != isBool {
			return nil
		}
		return &node{op: opNot, l: n}
	case p.rest[0] == '(':
		p.rest = p.rest[1:]
		n := p.or(depth + 1)
		if n == nil || !p.take(")") {
			return nil
		}
		return n
	}
	if n := p.constant(); n != nil {
		return n
	}
	switch w := p.word(); w {
	case "true", "false":
		return &node{op: opConst, b: w == "true"}
	default:
		return p.named(w)
	}
}

// named is a variable, or what is asked of one.
func (p *reader) named(w string) *node {
	if v, ok := p.in.numbers[w]; ok {
		n := &node{op: opVar, v: v}
		switch p.in.types[w] {
		case cel.StringType:
			n.is = isText
		case cel.IntType:
			n.is = isInt
		}
		return n
	}
	dot := strings.LastIndexByte(w, '.')
	if dot < 0 || !p.take("(") {
		return nil
	}
	of := p.named(w[:dot])
	arg := p.constant()
	if of == nil || of.op != opVar || of.is != isText || arg == nil || arg.is != isText || !p.take(")") {
		return nil
	}
	n := &node{l: of, s: arg.s}
	switch w[dot+1:] {
	case "contains":
		n.op = opContains
	case "startsWith":
		n.op = opStartsWith
	case "endsWith":
		n.op = opEndsWith
	case "matches":
		re, err := regexp.Compile(arg.s)
		if err != nil {
			return nil
		}
		n.op, n.re = opMatches, re
	default:
		return nil
	}
	return n
}

// constant reads a text or a number.
func (p *reader) constant() *node {
	p.space()
	if p.rest == "" {
		return nil
	}
	if q := p.rest[0]; q == '\'' || q == '"' {
		end := strings.IndexByte(p.rest[1:], q)
		if end < 0 {
			return nil
		}
		s, rest := p.rest[1:1+end], p.rest[2+end:]
		if strings.ContainsAny(s, "\\\r\n") || s == "" && strings.HasPrefix(rest, string(q)) { // three quotes begin another kind of text
			return nil
		}
		p.rest = rest
		return &node{op: opConst, s: s, is: isText}
	}
	i := 0
	for i < len(p.rest) && p.rest[i] >= '0' && p.rest[i] <= '9' {
		i++
	}
	if i == 0 || i < len(p.rest) && (p.rest[i] == '.' || p.rest[i] == '_' || p.rest[i]|0x20 >= 'a' && p.rest[i]|0x20 <= 'z') {
		return nil
	}
	x, err := strconv.ParseInt(p.rest[:i], 10, 64)
	if err != nil {
		return nil
	}
	p.rest = p.rest[i:]
	return &node{op: opConst, n: x, is: isInt}
}
