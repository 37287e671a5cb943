// Package sigma reads Sigma rules, the form in which detections on logs are exchanged, as far as
// docs/detections.md says, and judges log lines by them. What it does not know it refuses: a part
// of a rule that is passed over would make another rule of it. It does no I/O and keeps no alerts.
package sigma

import (
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"go.yaml.in/yaml/v3"
)

// Rule is one Sigma rule, ready to judge. It is immutable and shared by goroutines.
type Rule struct {
	ID             string
	Title          string
	Description    string
	Author         string
	License        string
	Level          ot.Severity
	FalsePositives []string
	References     []string // and the techniques that its tags name
	Line           int      // of the file, where it begins

	from  source
	meets test
}

// test is one part of a rule's detection.
type test func(*line) bool

// Line is a log line made ready for many rules. One goroutine uses it at a time.
type Line struct {
	*rule.LogLine
	words, low []string // what keywords are looked for in; low: in small letters
}

// On makes a log line ready.
func On(l *rule.LogLine) *Line { return &Line{LogLine: l} }

// line is a log line with the names that the rule's log source gives to its values.
type line struct {
	*Line
	alias map[string]string
}

// Meets says whether a log line is what the rule looks for.
func (r *Rule) Meets(l *Line) bool {
	if !r.from.holds(l.LogLine) {
		return false
	}
	return r.meets(&line{l, r.from.aliases(l.LogLine)})
}

// first is what to do first: Sigma rules do not say.
const first = "Read the log line. Ask who looks after the device that wrote it whether this was meant."

// Rule is what the alerts of this rule say, in the form of own rules. On says that no
// look at packets finds it.
func (r *Rule) Rule() rule.Rule {
	out := rule.Rule{ID: r.ID, Title: r.Title, Why: r.Description, Severity: r.Level, FalseAlarm: strings.Join(r.FalsePositives, "\n"), First: first, References: r.References, On: rule.State}
	if out.Why == "" {
		out.Why = r.Title
	}
	return out
}

// AsFile writes rules as a file of own rules: at an edge, where no log arrives, their names are all that is known.
func AsFile(rules []Rule) (string, error) {
	if len(rules) == 0 {
		return "", nil
	}
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	for i := range rules {
		r := rules[i].Rule()
		if err := enc.Encode(struct {
			ID         string      `yaml:"id"`
			Title      string      `yaml:"title"`
			Why        string      `yaml:"why"`
			Severity   ot.Severity `yaml:"severity"`
			FalseAlarm string      `yaml:"false_alarm"`
			First      string      `yaml:"first"`
			References []string    `yaml:"references"`
			On         rule.Input  `yaml:"on"`
		}{r.ID, r.Title, r.Why, r.Severity, r.FalseAlarm, r.First, r.References, r.On}); err != nil {
			return "", err
		}
	}
	return b.String(), enc.Close()
}
