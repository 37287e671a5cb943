package translate

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// The kinds of blanks: {name} is kept as it stands, as what people and devices call
// themselves is; {name:n} is a number, {name:t} a time, {name:said} is said again, and
// {name:words} word by word.
const (
	kindKept   = ""
	kindNumber = "n"
	kindTime   = "t"
	kindSaid   = "said"
	kindWords  = "words"
)

type blank struct{ name, kind string }

// form is an English sentence with its blanks.
type form struct {
	head, tail string   // literal text before the first and after the last blank
	literal    int      // bytes that are no blank: the more, the surer
	between    []string // literal text between the blanks, in order
	blanks     []blank
	expr       func() *regexp.Regexp // compiled when a text first looks like the sentence: most never do
}

var blankMark = regexp.MustCompile(`\{(\w+)(?::(\w+))?\}`)

func parse(english string) (form, error) {
	var f form
	at, literal := 0, 0
	var expr strings.Builder
	expr.WriteString(`^`)
	for _, m := range blankMark.FindAllStringSubmatchIndex(english, -1) {
		bl := blank{name: english[m[2]:m[3]]}
		if m[4] >= 0 {
			bl.kind = english[m[4]:m[5]]
		}
		if len(f.blanks) == 0 {
			f.head = english[:m[0]]
		} else {
			f.between = append(f.between, english[at:m[0]])
		}
		expr.WriteString(regexp.QuoteMeta(english[at:m[0]]))
		literal += m[0] - at
		switch bl.kind {
		case kindNumber:
			expr.WriteString(`(-?\d+(?:\.\d+)?)`)
		case kindTime:
			expr.WriteString(`(` + timeExpr + `)`)
		case kindKept, kindSaid, kindWords:
			expr.WriteString(`(.+?)`)
		default:
			return f, fmt.Errorf("%q: a blank is a name, or ends in :n, :t, :said or :words", english)
		}
		f.blanks = append(f.blanks, bl)
		at = m[1]
	}
	f.tail = english[at:]
	f.literal = literal + len(f.tail)
	if len(f.blanks) == 0 {
		return f, nil
	}
	if f.literal == 0 {
		return f, fmt.Errorf("%q: a sentence of blanks only would be every sentence", english)
	}
	expr.WriteString(regexp.QuoteMeta(f.tail) + `$`)
	f.expr = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)` + expr.String()) }) // of quoted text and our own groups only
	return f, nil
}

// fits says whether a translation has the same blanks, each at least once.
func (f form) fits(translation string) error {
	if translation == "" {
		return fmt.Errorf("is missing")
	}
	have := map[string]bool{}
	for _, m := range blankMark.FindAllStringSubmatch(translation, -1) {
		have[m[1]] = true
	}
	for _, bl := range f.blanks {
		if !have[bl.name] {
			return fmt.Errorf("the blank {%s} is missing", bl.name)
		}
		delete(have, bl.name)
	}
	for name := range have {
		return fmt.Errorf("the English has no blank {%s}", name)
	}
	return nil
}

func (f form) match(text string) (map[string]string, bool) {
	if len(text) <= f.literal || !strings.HasPrefix(text, f.head) || !strings.HasSuffix(text, f.tail) {
		return nil, false // most end here
	}
	rest := text[len(f.head) : len(text)-len(f.tail)]
	for _, part := range f.between {
		at := strings.Index(rest, part)
		if at < 0 {
			return nil, false // and nearly all others here, without the expression
		}
		rest = rest[at+len(part):]
	}
	m := f.expr().FindStringSubmatch(text)
	if m == nil {
		return nil, false
	}
	found := make(map[string]string, len(f.blanks))
	for i, bl := range f.blanks {
		found[bl.name] = m[i+1]
	}
	return found, true
}

func (f form) fill(translation string, with func(blank) string) string {
	return blankMark.ReplaceAllStringFunc(translation, func(mark string) string {
		name := strings.Trim(mark, "{}")
		for _, bl := range f.blanks {
			if bl.name == name {
				return with(bl)
			}
		}
		return mark
	})
}
