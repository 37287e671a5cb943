package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"go.yaml.in/yaml/v3"
)

// Bounds of a file.
const (
	maxFile   = 256 << 10
	maxRules  = 200
	maxValues = 5000 // of a file
)

// Is says whether a file is one of Sigma: a document has a logsource and a detection, or a correlation.
func Is(raw []byte) bool {
	if len(raw) > maxFile {
		return false
	}
	nodes := yaml.NewDecoder(bytes.NewReader(raw))
	for {
		var doc yaml.Node
		if nodes.Decode(&doc) != nil {
			return false
		}
		has := map[string]bool{}
		if len(doc.Content) > 0 && doc.Content[0].Kind == yaml.MappingNode {
			for i := 0; i+1 < len(doc.Content[0].Content); i += 2 {
				has[doc.Content[0].Content[i].Value] = true
			}
		}
		if has["logsource"] && has["detection"] || has["title"] && has["correlation"] {
			return true
		}
	}
}

// reader reads one document and notes what is wrong with it.
type reader struct {
	id     string
	found  []rule.Mistake
	values *int
}

func (r *reader) wrong(at *yaml.Node, field, format string, args ...any) {
	r.found = append(r.found, rule.Mistake{Line: max(at.Line, 1), Rule: r.id, Field: field, Text: ot.Printable(fmt.Sprintf(format, args...))})
}

var idForm = regexp.MustCompile(`^[a-z0-9]+([-.][a-z0-9]+)*$`)

// Read reads a file, one rule a document, and goes on behind a mistake. The rules are those without one.
func Read(raw []byte) (rules []Rule, found []rule.Mistake) {
	if len(raw) > maxFile {
		return nil, []rule.Mistake{{Text: fmt.Sprintf("the file has %d bytes; it may have %d", len(raw), maxFile)}}
	}
	nodes := yaml.NewDecoder(bytes.NewReader(raw))
	at := map[string]int{}
	values := 0
	for n := 0; ; n++ {
		var doc yaml.Node
		err := nodes.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return rules, found
		}
		if err != nil {
			return rules, append(found, rule.Mistake{Line: yamlLine(err), Text: ot.Printable(strings.TrimPrefix(err.Error(), "yaml: "))})
		}
		if len(doc.Content) == 0 {
			continue
		}
		r := &reader{values: &values}
		if n >= maxRules {
			return rules, append(found, rule.Mistake{Line: doc.Content[0].Line, Text: fmt.Sprintf("more than %d rules; put the others into another file", maxRules)})
		}
		x := r.rule(doc.Content[0])
		if first, twice := at[x.ID]; twice && x.ID != "" {
			r.wrong(doc.Content[0], "id", "%q is the id of the rule on line %d too; give one of them another", x.ID, first)
		}
		at[x.ID] = x.Line
		if len(r.found) == 0 {
			rules = append(rules, x)
		}
		found = append(found, r.found...)
	}
}

var lineForm = regexp.MustCompile(`line (\d+)`)

func yamlLine(err error) (n int) {
	if m := lineForm.FindStringSubmatch(err.Error()); m != nil {
		_, _ = fmt.Sscan(m[1], &n) // digits
	}
	return n
}

// pair is an entry of a map.
type pair struct{ key, value *yaml.Node }

// pairs reads a map, each key once.
func (r *reader) pairs(n *yaml.Node, field string) (out []pair) {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, field, "here a map is needed: name: value")
		return nil
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case k.Kind != yaml.ScalarNode || k.Tag == "!!merge":
			r.wrong(k, field, "a name is a plain word; write the values out instead of << or a list")
		case seen[k.Value]:
			r.wrong(k, field, "%q stands twice; put both into one", k.Value)
		default:
			seen[k.Value] = true
			out = append(out, pair{k, n.Content[i+1]})
		}
	}
	return out
}

// text reads a scalar.
func (r *reader) text(n *yaml.Node, field string) string {
	if n.Kind != yaml.ScalarNode {
		r.wrong(n, field, "here a text is needed, not a list or a map")
		return ""
	}
	return n.Value
}

// texts reads a list of texts, or one.
func (r *reader) texts(n *yaml.Node, field string) (out []string) {
	if n.Kind == yaml.ScalarNode {
		if n.Tag != "!!null" {
			out = append(out, shown(n.Value, 1000))
		}
		return out
	}
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, field, "here a list is needed: - text")
		return nil
	}
	for _, x := range n.Content[:min(len(n.Content), 50)] {
		out = append(out, shown(r.text(x, field), 1000))
	}
	return out
}

func shown(s string, most int) string {
	s = ot.Printable(strings.TrimSpace(s))
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return s
}

func (r *reader) rule(n *yaml.Node) (out Rule) {
	out.Line, out.Level = n.Line, ot.Medium
	have := map[string]*yaml.Node{}
	entries := r.pairs(n, "")
	for _, x := range entries {
		have[x.key.Value] = x.value
		if x.key.Value == "id" {
			out.ID = strings.ToLower(strings.TrimSpace(r.text(x.value, "id")))
			r.id = ot.Printable(out.ID)
		}
	}
	if have["correlation"] != nil {
		r.wrong(have["correlation"], "correlation", "rules that count or relate events are not taken: leave this document out, and give the rule that it counts a threshold in its settings for a site")
		return out
	}
	for _, name := range []string{"id", "title", "logsource", "detection"} {
		if have[name] == nil {
			r.wrong(n, name, "a Sigma rule needs %s; rules of the other form stand in a file of their own", name)
		}
	}
	if len(r.found) > 0 {
		return out
	}
	if !idForm.MatchString(out.ID) || len(out.ID) > 64 {
		r.wrong(have["id"], "id", "%q is no id: take a UUID, or small letters and digits joined by hyphens", out.ID)
	}
	for _, x := range entries {
		r.meta(&out, x)
	}
	if out.Title == "" {
		r.wrong(have["title"], "title", "a title is needed: a person has to understand the alert")
	}
	out.from = r.source(have["logsource"])
	out.meets = r.detection(&out, have["detection"])
	return out
}

// meta reads what a rule says of itself. Dates, status, fields and the like change nothing here.
func (r *reader) meta(out *Rule, x pair) {
	switch name := x.key.Value; name {
	case "title":
		out.Title = shown(r.text(x.value, name), 250)
	case "description":
		out.Description = shown(r.text(x.value, name), 4000)
	case "author":
		out.Author = shown(r.text(x.value, name), 250)
	case "license":
		out.License = shown(r.text(x.value, name), 100)
	case "falsepositives":
		out.FalsePositives = r.texts(x.value, name)
	case "references":
		out.References = append(r.texts(x.value, name), out.References...)
	case "tags":
		for _, tag := range r.texts(x.value, name) {
			if m := techniqueTag.FindStringSubmatch(strings.ToLower(tag)); m != nil {
				at := "https://attack.mitre.org/techniques/T" + m[1] + "/"
				if m[2] != "" {
					at += m[2] + "/"
				}
				if !slices.Contains(out.References, at) {
					out.References = append(out.References, at)
				}
			}
		}
	case "level":
		switch said := strings.ToLower(r.text(x.value, name)); said {
		case "critical", "high", "medium", "low":
			out.Level = ot.Severity(said)
		case "informational":
			out.Level = ot.Info
		default:
			r.wrong(x.value, name, "%q is none of critical, high, medium, low, informational", said)
		}
	case "action":
		r.wrong(x.key, name, "files that share a head between documents are of an older form: write each rule out")
	case "timeframe":
		r.wrong(x.key, name, "a time in which events are counted is not taken: leave it out, and give the rule a threshold in its settings for a site")
	}
}

var techniqueTag = regexp.MustCompile(`^attack\.t(\d{4})(?:\.(\d{3}))?$`)

// detection reads the selections and the condition.
func (r *reader) detection(of *Rule, n *yaml.Node) test {
	parts := map[string]test{}
	var names []string
	var how *yaml.Node
	for _, x := range r.pairs(n, "detection") {
		switch name := x.key.Value; name {
		case "condition":
			how = x.value
		case "timeframe":
			r.wrong(x.key, name, "a time in which events are counted is not taken: leave it out, and give the rule a threshold in its settings for a site")
		default:
			parts[name] = r.selection(of, x.value, 0)
			names = append(names, name)
		}
	}
	slices.Sort(names)
	switch {
	case how == nil:
		r.wrong(n, "condition", "the detection needs a condition, such as condition: selection")
	case how.Kind == yaml.SequenceNode:
		r.wrong(how, "condition", "several conditions are not taken: join them with or, in brackets")
	case len(r.found) == 0:
		t, err := parseCondition(r.text(how, "condition"), parts, names)
		if err != nil {
			r.wrong(how, "condition", "%s", err.Error())
		}
		return t
	}
	return nil
}

// selection reads a map (all must hold), a list (one must), or a keyword.
func (r *reader) selection(of *Rule, n *yaml.Node, depth int) test {
	switch {
	case n.Kind == yaml.ScalarNode:
		return r.match(n, "", n, how{})
	case n.Kind == yaml.SequenceNode && depth == 0 && len(n.Content) > 0:
		var list []test
		for _, x := range n.Content {
			list = append(list, r.selection(of, x, depth+1))
		}
		return anyOf(list)
	case n.Kind == yaml.MappingNode && len(n.Content) > 0:
		var list []test
		for _, x := range r.pairs(n, "detection") {
			words := strings.Split(x.key.Value, "|")
			h, err := modifiers(words[1:])
			if err != nil {
				r.wrong(x.key, "detection", "%s", err.Error())
				continue
			}
			if words[0] != "" && !of.from.windows && !isTextField(words[0]) {
				r.wrong(x.key, "detection", "lines of syslog are not taken apart into %q; match message, host, program, severity or facility, or keywords", words[0])
				continue
			}
			list = append(list, r.match(x.key, words[0], x.value, h))
		}
		return allOf(list)
	}
	r.wrong(n, "detection", "a selection is a map of fields, a list of maps or of keywords, not empty, without anchors")
	return nil
}

// match reads the values of a field, or keywords where it has no name.
func (r *reader) match(at *yaml.Node, field string, n *yaml.Node, h how) test {
	if h.exists {
		if n.Tag != "!!bool" || field == "" {
			r.wrong(n, "detection", "behind exists stands true or false, and before it a field")
			return nil
		}
		var want bool
		if err := n.Decode(&want); err != nil {
			r.wrong(n, "detection", "behind exists stands true or false")
		}
		return func(l *line) bool { return (len(l.field(field)) > 0) == want }
	}
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	if len(list) == 0 {
		r.wrong(at, "detection", "the list of values is empty; an empty list is met by nothing")
		return nil
	}
	var tests []test
	for _, x := range list {
		if x.Kind != yaml.ScalarNode {
			r.wrong(x, "detection", "a value is a text, a number or null, not a map, a list within a list or an anchor")
			return nil
		}
		if *r.values++; *r.values > maxValues {
			r.wrong(x, "detection", "the rules of a file have more than %d values; put some into another file", maxValues)
			return nil
		}
		if field == "" && h == (how{}) || field == "" && h == (how{all: true}) {
			h.contains = true // a keyword may stand anywhere
		}
		m, err := h.value(x)
		if err != nil {
			r.wrong(x, "detection", "%s", err.Error())
			return nil
		}
		tests = append(tests, r.holds(field, m, x.Tag == "!!null"))
	}
	if h.all {
		return allOf(tests)
	}
	return anyOf(tests)
}

// holds makes a test of a matcher: one of the values of the field must meet it.
func (r *reader) holds(field string, m matcher, null bool) test {
	if field == "" {
		return func(l *line) bool { return slices.ContainsFunc(l.everything(m.low), m.is) }
	}
	return func(l *line) bool {
		have := l.field(field)
		return null && len(have) == 0 || slices.ContainsFunc(have, func(s string) bool {
			if m.low {
				s = strings.ToLower(s)
			}
			return m.is(s)
		})
	}
}
