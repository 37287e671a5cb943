package detect

import (
	"fmt"

	"github.com/skanse/skanse/internal/detect/sigma"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
)

// Counted is a Catalogue that says how many protocols there are.
type Counted interface {
	Catalogue
	Len() int
}

// Proved is a rule of a file, and how it did on its own fixtures.
type Proved struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Severity string `json:"severity"`
	On       string `json:"on"`
	Fires    string `json:"fires" doc:"The severity with which it fires on its fixture; empty: a Sigma rule, which brings none"`
	Would    *Would `json:"would,omitempty" doc:"What it would have found"`
}

// Prove reads a file of own rules: their names, types and costs are in order, and each
// fires on the one fixture and keeps quiet on the other; of Sigma rules their form alone. It does no I/O.
func Prove(cat Counted, raw []byte) (rules []rule.Rule, proved []Proved, found []rule.Mistake) {
	if sigma.Is(raw) {
		return proveSigma(raw)
	}
	read, found := rule.Lint(raw, cat, cat.Len())
	played := 0
	for i := range read {
		r := &read[i]
		wrong := func(field, text string, args ...any) {
			found = append(found, rule.Mistake{Line: rule.LineOf(raw, r.ID, field), Rule: r.ID, Field: field, Text: fmt.Sprintf(text, args...)})
		}
		switch {
		case r.On == rule.State:
			wrong("on", "state is what the program's own code finds; a rule of yours looks at message, tuple, conversation, fact or window")
			continue
		case r.Fires == nil:
			wrong("", "it needs a fixture that fires: a small piece of traffic under fires, by which it shows that it can")
			continue
		case r.Silent == nil:
			wrong("", "it needs a fixture that is silent: the same traffic, short of what makes it a matter, under silent")
			continue
		}
		if played += max(r.Fires.Times, 1)*len(r.Fires.Steps) + max(r.Silent.Times, 1)*len(r.Silent.Steps); played > maxProved {
			wrong("fires", "the fixtures of a file have at most %d steps together; put this rule into another file", maxProved)
			continue
		}
		set, err := rule.Compile([]rule.Rule{*r}, cat, cat.Len())
		if err != nil {
			wrong("", "%v", err)
			continue
		}
		loud, err := Fires(set, cat, r.ID, r.Fires)
		if err != nil {
			wrong("fires", "%s", ot.Printable(err.Error()))
			continue
		}
		quiet, err := Fires(set, cat, r.ID, r.Silent)
		switch {
		case err != nil:
			wrong("silent", "%s", ot.Printable(err.Error()))
		case loud == "":
			wrong("fires", "the rule is not met by this traffic: compare its mask and its when with it")
		case quiet != "":
			wrong("silent", "the rule is met by this traffic too, as %s: make its when or its mask narrower", quiet)
		default:
			rules = append(rules, *r)
			proved = append(proved, Proved{ID: r.ID, Title: r.Title, Severity: string(r.Severity), On: string(r.On), Fires: string(loud)})
		}
	}
	return rules, proved, found
}

// maxProved bounds the fixtures of one file together.
const maxProved = 10_000
