package rule

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/cel"
	"github.com/skanse/skanse/internal/ot"
	"go.yaml.in/yaml/v3"
)

// Mistake is one thing that is wrong in a file of rules: where, and what to do.
type Mistake struct {
	Line  int    `json:"line" doc:"Of the file, from 1; 0: of the whole file"`
	Rule  string `json:"rule" doc:"Its id, where it has one"`
	Field string `json:"field" doc:"Such as when or mask; empty: not of one field"`
	Text  string `json:"text" doc:"What is wrong and what to do"`
}

// Error implements error.
func (m *Mistake) Error() string {
	if m.Field == "" {
		return m.Text
	}
	return m.Field + ": " + m.Text
}

func wrong(field, format string, args ...any) error {
	return &Mistake{Field: field, Text: fmt.Sprintf(format, args...)}
}

// inCEL says what is wrong with an expression, and what it could have named.
func inCEL(field string, may *names, issues *cel.Issues) error {
	var said []string
	unknown := false
	for _, e := range issues.Errors() {
		unknown = unknown || strings.Contains(e.Message, "undeclared reference")
		where := ""
		if e.Location.Line() > 0 {
			where = fmt.Sprintf(" (at %d:%d of it)", e.Location.Line(), e.Location.Column()+1)
		}
		if said = append(said, ot.Printable(e.Message)+where); len(said) == 3 {
			break
		}
	}
	text := strings.Join(said, "; ")
	if unknown {
		text += "; it may name " + strings.Join(slices.Sorted(maps.Keys(may.types)), ", ")
	}
	return &Mistake{Field: field, Text: text}
}

// maxRules bounds the rules of one file.
const maxRules = 200

// Lint reads a file of rules as Parse does and compiles each by itself, but goes on
// behind a mistake and says on which line each is. The rules are those without one.
func Lint(raw []byte, names Names, protocols int) ([]Rule, []Mistake) {
	if len(raw) > maxFile {
		return nil, []Mistake{{Text: fmt.Sprintf("the file has %d bytes; it may have %d", len(raw), maxFile)}}
	}
	var rules []Rule
	var found []Mistake
	at := map[string]int{}
	strict := yaml.NewDecoder(bytes.NewReader(raw))
	strict.KnownFields(true)
	nodes := yaml.NewDecoder(bytes.NewReader(raw))
	for n := 0; ; n++ {
		var doc yaml.Node
		if err := nodes.Decode(&doc); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return rules, append(found, ofYAML(err)...)
		}
		var r Rule
		err := strict.Decode(&r)
		lines := linesOf(&doc)
		add := func(err error) {
			m := Mistake{Text: ot.Printable(err.Error())}
			if x, ok := errors.AsType[*Mistake](err); ok {
				m = *x
				m.Text = ot.Printable(m.Text)
			}
			m.Rule = ot.Printable(r.ID)
			if m.Line = lines[m.Field]; m.Line == 0 {
				m.Line = lines[""]
			}
			found = append(found, m)
		}
		switch {
		case err != nil:
			for _, m := range ofYAML(err) {
				m.Rule = ot.Printable(r.ID)
				found = append(found, m)
			}
			continue
		case n >= maxRules:
			return rules, append(found, Mistake{Line: lines[""], Text: fmt.Sprintf("more than %d rules; put the others into another file", maxRules)})
		}
		if err := r.check(); err != nil {
			add(err)
			continue
		}
		if first, twice := at[r.ID]; twice {
			add(wrong("id", "%q is the id of the rule on line %d too; give one of them another", r.ID, first))
			continue
		}
		at[r.ID] = lines["id"]
		if _, err := Compile([]Rule{r}, names, protocols); err != nil {
			add(err)
			continue
		}
		rules = append(rules, r)
	}
	if len(rules)+len(found) == 0 {
		found = append(found, Mistake{Text: "the file has no rule; docs/detections.md shows one"})
	}
	return rules, found
}

// linesOf finds where the fields of a document begin; "" is the document.
func linesOf(doc *yaml.Node) map[string]int {
	out := map[string]int{"": max(doc.Line, 1)}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return out
	}
	out[""] = doc.Content[0].Line
	for i := 0; i+1 < len(doc.Content[0].Content); i += 2 {
		if key := doc.Content[0].Content[i]; key.Kind == yaml.ScalarNode {
			out[key.Value] = key.Line
		}
	}
	return out
}

var (
	yamlLine    = regexp.MustCompile(`^(?:yaml: )?line (\d+): (.*)$`)
	yamlUnknown = regexp.MustCompile(`^field (.+) not found in type rule\.(\w+)$`)
)

// ofYAML makes mistakes of what the YAML reader says.
func ofYAML(err error) []Mistake {
	said := []string{err.Error()}
	if t, ok := errors.AsType[*yaml.TypeError](err); ok {
		said = t.Errors
	}
	var out []Mistake
	for _, s := range said {
		m := Mistake{Text: s}
		if x := yamlLine.FindStringSubmatch(strings.TrimSpace(s)); x != nil {
			m.Line, _ = strconv.Atoi(x[1])
			m.Text = x[2]
		}
		if x := yamlUnknown.FindStringSubmatch(m.Text); x != nil {
			m.Field, m.Text = ot.Printable(x[1]), "there is no such field here; docs/detections.md lists them, and a misspelt one would never be looked at"
		}
		m.Text = ot.Printable(strings.TrimPrefix(m.Text, "yaml: "))
		out = append(out, m)
		if len(out) == 20 {
			break
		}
	}
	return out
}

// LineOf finds the line of a field of a rule in a file; "" and a field that is not there
// are the rule's first line, 0 is of a rule that is not there.
func LineOf(raw []byte, id, field string) int {
	nodes := yaml.NewDecoder(bytes.NewReader(raw))
	for {
		var doc yaml.Node
		if nodes.Decode(&doc) != nil {
			return 0
		}
		var r struct {
			ID string `yaml:"id"`
		}
		if doc.Decode(&r) != nil || r.ID != id {
			continue
		}
		lines := linesOf(&doc)
		if n := lines[field]; n > 0 {
			return n
		}
		return lines[""]
	}
}
