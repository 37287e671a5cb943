package app

import (
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/skanse/skanse/internal/detect"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
)

// RulesCmd lists detections and tries own ones.
type RulesCmd struct {
	List RulesListCmd `cmd:"" help:"List the detections that run with this data folder."`
	Test RulesTestCmd `cmd:"" help:"Check files of own detections and play their fixtures."`
}

// RulesListCmd lists the detections.
type RulesListCmd struct {
	Data string `type:"path" default:"skanse-data" env:"SKANSE_DATA" help:"Data folder whose detections/*.yaml count too."`
}

// Help shows the command at work.
func (c *RulesListCmd) Help() string {
	return "Example:\n  skanse rules list\n  skanse rules list --data /var/lib/skanse | grep T0843"
}

// Run lists them.
func (c *RulesListCmd) Run(env *Env) error {
	files, err := rulesWith(Folder(c.Data).detections())
	if err != nil {
		return err
	}
	rules, err := rule.ReadFiles(files)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	for _, r := range rules {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.ID, r.Severity, r.Technique, r.On, r.Title)
	}
	return w.Flush()
}

// RulesTestCmd plays the fixtures of own rules.
type RulesTestCmd struct {
	Files []string `arg:"" name:"file" type:"existingfile" help:"YAML files of detections."`
	Data  string   `type:"path" default:"skanse-data" env:"SKANSE_DATA" help:"Data folder whose recognised/*.yaml count too."`
}

// Help shows the command at work.
func (c *RulesTestCmd) Help() string {
	return `A rule is in order when its names, types and costs are, it is met by its fixture "fires", and
not by its fixture "silent"; a Sigma rule, for log lines, when its form is. docs/detections.md says
how both are written.

Example:
  skanse rules test my-rules.yaml
  cp my-rules.yaml /var/lib/skanse/detections/

Exit code: 0 all are in order, 1 one is not.`
}

// Run plays them.
func (c *RulesTestCmd) Run(env *Env) error {
	protocols, err := protocolSet(Folder(c.Data))
	if err != nil {
		return err
	}
	wrong := 0
	for _, file := range c.Files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return ot.Errorf(ot.Invalid, "%s cannot be read: %w", ot.Printable(file), err)
		}
		_, proved, found := detect.Prove(protocols, raw)
		for _, p := range proved {
			if p.Fires == "" {
				fmt.Fprintf(env.Stdout, "%s: a Sigma rule in order (%s); it is uploaded on the page of detections\n", p.ID, p.Severity)
				continue
			}
			fmt.Fprintf(env.Stdout, "%s: fires as %s, and keeps quiet\n", p.ID, p.Fires)
		}
		for _, m := range found {
			wrong++
			fmt.Fprintf(env.Stdout, "%s:%d: %s%s\n", ot.Printable(filepath.Base(file)), m.Line, ruleName(m.Rule), m.Error())
		}
	}
	if wrong > 0 {
		return ot.Errorf(ot.Invalid, "%d mistakes in these rules", wrong)
	}
	return nil
}

// ruleName is how a mistake's rule is named before it.
func ruleName(id string) string {
	if id == "" {
		return ""
	}
	return "rule " + id + ": "
}
