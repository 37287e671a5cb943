package sigma

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/rule"
	"go.yaml.in/yaml/v3"
)

// maxPattern bounds a regular expression; RE2 keeps its time in line with the text.
const maxPattern = 1000

// field gives the values of a field; none: the line does not have it.
func (l *line) field(name string) []string {
	if l.Event == nil {
		return textField(l.LogLine, name)
	}
	e := l.Event
	if other := l.alias[strings.ToLower(name)]; other != "" {
		name = other
	}
	switch strings.ToLower(name) {
	case "eventid":
		return []string{strconv.FormatUint(uint64(e.ID), 10)}
	case "channel":
		return []string{e.Channel}
	case "provider_name", "providername", "provider":
		return []string{e.Provider}
	case "computer", "computername":
		return []string{e.Computer}
	}
	var out []string
	for _, v := range e.Values {
		if strings.EqualFold(v.Name, name) {
			out = append(out, v.Value)
		}
	}
	if out != nil {
		return out
	}
	switch strings.ToLower(name) {
	case "level":
		return []string{strconv.Itoa(int(e.Level))}
	case "keywords":
		return []string{"0x" + strconv.FormatUint(e.Keywords, 16)}
	case "eventrecordid":
		return []string{strconv.FormatUint(e.Record, 10)}
	case "userid":
		return []string{e.User}
	case "data": // values without names, as old programs write them
		for _, v := range e.Values {
			if v.Name == "" {
				out = append(out, v.Value)
			}
		}
	}
	return out
}

// isTextField says whether lines of syslog have such a field.
func isTextField(name string) bool {
	return slices.Contains([]string{"message", "msg", "text", "host", "hostname", "program", "app", "appname", "severity", "facility"}, strings.ToLower(name))
}

func textField(l *rule.LogLine, name string) []string {
	number := func(n int) []string {
		if n < 0 {
			return nil
		}
		return []string{strconv.Itoa(n)}
	}
	switch strings.ToLower(name) {
	case "message", "msg", "text":
		return []string{l.Text}
	case "host", "hostname":
		return []string{l.Host}
	case "program", "app", "appname":
		return []string{l.App}
	case "severity":
		return number(l.Severity)
	case "facility":
		return number(l.Facility)
	}
	return nil
}

// everything is what a keyword is looked for in. It is made once for all rules.
func (l *Line) everything(low bool) []string {
	if l.words == nil {
		l.words = l.all()
		for _, w := range l.words {
			l.low = append(l.low, strings.ToLower(w))
		}
	}
	if low {
		return l.low
	}
	return l.words
}

func (l *Line) all() []string {
	if l.Event == nil {
		return []string{l.App + ": " + l.Text}
	}
	out := []string{strconv.FormatUint(uint64(l.Event.ID), 10), l.Event.Provider, l.Event.Channel, l.Event.Computer}
	for _, v := range l.Event.Values {
		out = append(out, v.Value)
	}
	return out
}

// how is what modifiers ask for.
type how struct {
	contains, starts, ends, all, cased, re, cidr, exists bool
	compare                                              string // lt, lte, gt, gte
	flags                                                string // of a regular expression
}

// modifiers reads what stands behind | of a field.
func modifiers(list []string) (h how, err error) {
	kinds := 0
	for _, m := range list {
		switch m {
		case "contains":
			h.contains = true
			kinds++
		case "startswith":
			h.starts = true
			kinds++
		case "endswith":
			h.ends = true
			kinds++
		case "re":
			h.re = true
			kinds++
		case "cidr":
			h.cidr = true
			kinds++
		case "exists":
			h.exists = true
			kinds++
		case "lt", "lte", "gt", "gte":
			h.compare = m
			kinds++
		case "all":
			h.all = true
		case "cased":
			h.cased = true
		case "i", "m", "s":
			if !h.re {
				return h, fmt.Errorf("the modifier %s belongs behind re", m)
			}
			h.flags += m
		default:
			return h, fmt.Errorf("the modifier %q is not taken; there are contains, startswith, endswith, all, cased, re (with i, m, s), cidr, exists, lt, lte, gt and gte: write the values out instead", m)
		}
	}
	if kinds > 1 {
		return h, fmt.Errorf("two of the modifiers %s ask for different things; keep one", strings.Join(list, ", "))
	}
	return h, nil
}

// matcher says whether a text is a value of a rule.
type matcher struct {
	is  func(string) bool
	low bool // it wants the text in small letters
}

// value makes a matcher of a scalar.
func (h how) value(n *yaml.Node) (m matcher, err error) {
	text := n.Value
	switch {
	case n.Tag == "!!null" && (h != how{} && h != how{all: true}):
		return m, fmt.Errorf("null takes no modifier")
	case n.Tag == "!!null":
		return matcher{is: func(s string) bool { return s == "" }}, nil
	case text == "" && (h.contains || h.starts || h.ends || h.re):
		return m, fmt.Errorf("an empty text is in every text; write what is looked for")
	case h.exists:
		return m, fmt.Errorf("behind exists stands true or false")
	case h.re:
		if len(text) > maxPattern {
			return m, fmt.Errorf("the regular expression has %d characters; it may have %d", len(text), maxPattern)
		}
		flags := ""
		if h.flags != "" {
			flags = "(?" + h.flags + ")"
		}
		re, err := regexp.Compile(flags + text)
		if err != nil {
			return m, fmt.Errorf("the regular expression is not taken (RE2: nothing that looks ahead or back, no reference to a group): %w", err)
		}
		return matcher{is: re.MatchString}, nil
	case h.cidr:
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return m, fmt.Errorf("%q is no prefix such as 10.0.0.0/8", text)
		}
		p = p.Masked()
		return matcher{is: func(s string) bool {
			a, err := netip.ParseAddr(strings.TrimSpace(s))
			return err == nil && p.Contains(a.Unmap().WithZone(""))
		}}, nil
	case h.compare != "":
		want, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return m, fmt.Errorf("%q is no number, which %s compares with", text, h.compare)
		}
		return matcher{is: func(s string) bool {
			v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
			if err != nil {
				return false
			}
			switch h.compare {
			case "lt":
				return v < want
			case "lte":
				return v <= want
			case "gt":
				return v > want
			}
			return v >= want
		}}, nil
	}
	return h.glob(text)
}

// glob makes a matcher of a text, in which * is any text and ? one character.
func (h how) glob(text string) (m matcher, err error) {
	m.low = !h.cased
	if m.low {
		text = strings.ToLower(text)
	}
	var plain, pattern strings.Builder
	wild := false
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		c := runes[i]
		switch {
		case c == '\\' && i+1 < len(runes) && strings.ContainsRune(`\*?`, runes[i+1]):
			i++
			c = runes[i]
		case c == '*':
			pattern.WriteString(".*")
			wild = true
			continue
		case c == '?':
			pattern.WriteString(".")
			wild = true
			continue
		}
		plain.WriteRune(c)
		pattern.WriteString(regexp.QuoteMeta(string(c)))
	}
	if !wild {
		want := plain.String()
		is := func(s, want string) bool { return s == want }
		switch {
		case h.contains:
			is = strings.Contains
		case h.starts:
			is = strings.HasPrefix
		case h.ends:
			is = strings.HasSuffix
		}
		m.is = func(s string) bool { return is(s, want) }
		return m, nil
	}
	whole := pattern.String()
	if !h.contains && !h.ends {
		whole = `\A` + whole
	}
	if !h.contains && !h.starts {
		whole += `\z`
	}
	if len(whole) > 4*maxPattern {
		return m, fmt.Errorf("a text with * or ? may have %d characters", maxPattern)
	}
	re, err := regexp.Compile("(?s)" + whole)
	if err != nil {
		return m, fmt.Errorf("it cannot be looked for: %w", err)
	}
	m.is = re.MatchString
	return m, nil
}
