package rule

import (
	"math"
	"math/bits"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
)

// The part of CEL that nearly all conditions keep to, answered without it:
//
//	or     and { "||" and }
//	and    is { "&&" is }
//	is     sum [ ( "==" "!=" "<" "<=" ">" ">=" ) sum | "in" "[" text or number { "," … } "]" ]
//	sum    factor { ( "+" "-" ) factor }
//	factor one { "*" one }
//	one    "!" one | name | name ".contains" "(" text ")" | text | number | "true" | "false" | "(" or ")"
//
// A text has no escapes, a number is decimal. What is not read here, CEL reads:
// a mistake of it is then told in its words.
type node struct {
	op   op
	v    Var
	n    int64
	s    string
	b    bool
	l, r *node
	list []string
	ints []int64
	re   *regexp.Regexp
	is   kind
}

// kind is the type of what a node gives.
type kind uint8

const (
	isBool kind = iota
	isInt
	isText
)

type op uint8

const (
	opConst op = iota
	opVar
	opOr
	opAnd
	opNot
	opEqual
	opUnequal
	opLess
	opLessOrEqual
	opMore
	opMoreOrEqual
	opIn
	opAdd
	opSubtract
	opMultiply
	opContains
	opStartsWith
	opEndsWith
	opMatches
)

// uses is a set of variables.
type uses [(varCount + 63) / 64]uint64

func (u *uses) has(v Var) bool { return u[v/64]>>(v%64)&1 == 1 }

// asks collects the variables.
func (n *node) asks(u *uses) {
	if n == nil {
		return
	}
	if n.op == opVar {
		u[n.v/64] |= 1 << (n.v % 64)
	}
	n.l.asks(u)
	n.r.asks(u)
}

// holds evaluates a node that says yes or no. false, false: a sum ran over, which is for CEL to say.
func (n *node) holds(v View) (yes, ok bool) {
	switch n.op {
	case opConst:
		return n.b, true
	case opVar:
		return v.Bool(n.v), true
	case opNot:
		yes, ok = n.l.holds(v)
		return !yes, ok
	case opAnd:
		if yes, ok = n.l.holds(v); !yes || !ok {
			return yes, ok
		}
		return n.r.holds(v)
	case opOr:
		if yes, ok = n.l.holds(v); yes || !ok {
			return yes, ok
		}
		return n.r.holds(v)
	case opContains:
		return strings.Contains(n.l.says(v), n.s), true
	case opStartsWith:
		return strings.HasPrefix(n.l.says(v), n.s), true
	case opEndsWith:
		return strings.HasSuffix(n.l.says(v), n.s), true
	case opMatches:
		return n.re.MatchString(n.l.says(v)), true
	case opIn:
		if n.l.is == isText {
			return slices.Contains(n.list, n.l.says(v)), true
		}
		x, ok := n.l.counts(v)
		return slices.Contains(n.ints, x), ok
	}
	return n.compares(v)
}

func (n *node) compares(v View) (yes, ok bool) {
	c := 0
	switch n.l.is {
	case isText:
		c = strings.Compare(n.l.says(v), n.r.says(v))
	case isInt:
		x, one := n.l.counts(v)
		y, two := n.r.counts(v)
		if !one || !two {
			return false, false
		}
		switch {
		case x < y:
			c = -1
		case x > y:
			c = 1
		}
	case isBool:
		x, one := n.l.holds(v)
		y, two := n.r.holds(v)
		if !one || !two {
			return false, false
		}
		if x != y {
			c = 1
		}
	}
	switch n.op {
	case opEqual:
		return c == 0, true
	case opUnequal:
		return c != 0, true
	case opLess:
		return c < 0, true
	case opLessOrEqual:
		return c <= 0, true
	case opMore:
		return c > 0, true
	}
	return c >= 0, true
}

// says evaluates a node that gives a text.
func (n *node) says(v View) string {
	if n.op == opVar {
		return v.Text(n.v)
	}
	return n.s
}

// counts evaluates a node that gives a number; false: it ran over.
func (n *node) counts(v View) (int64, bool) {
	switch n.op {
	case opConst:
		return n.n, true
	case opVar:
		return v.Int(n.v), true
	}
	x, one := n.l.counts(v)
	y, two := n.r.counts(v)
	if !one || !two {
		return 0, false
	}
	switch n.op {
	case opAdd:
		return x + y, y >= 0 && x <= math.MaxInt64-y || y < 0 && x >= math.MinInt64-y
	case opSubtract:
		return x - y, y >= 0 && x >= math.MinInt64+y || y < 0 && x <= math.MaxInt64+y
	}
	if x < 0 || y < 0 { // rare enough to leave to CEL
		return 0, false
	}
	over, product := bits.Mul64(uint64(x), uint64(y))
	return int64(product), over == 0 && product <= math.MaxInt64
}

// plain reads an expression that gives what is wanted; nil: CEL has to.
func plain(text string, in *names, want *cel.Type) *node {
	if !utf8.ValidString(text) {
		return nil
	}
	p := &reader{rest: text, in: in}
	n := p.or(0)
	p.space()
	if n == nil || p.rest != "" || want == cel.BoolType && n.is != isBool || want == cel.StringType && n.is != isText {
		return nil
	}
	return n
}
