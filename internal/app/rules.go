package app

import (
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/dissect"
	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rule"
	"github.com/skanse/skanse/internal/sensor"
)

// shippedRules are the detections of this program.
func shippedRules() ([]rule.File, error) {
	folder, err := fs.Sub(catalog.Files, "detections")
	if err != nil {
		return nil, fmt.Errorf("open the detections: %w", err)
	}
	return rule.Files(folder)
}

// rulesWith are the detections of this program and those of a folder, which may be
// missing. An id that stands twice is refused when they are read.
func rulesWith(dir string) ([]rule.File, error) {
	files, err := shippedRules()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); dir == "" || os.IsNotExist(err) {
		return files, nil
	}
	own, err := rule.Files(os.DirFS(dir))
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "your own detections in %s: %w", dir, err)
	}
	for _, f := range own {
		f.Name = "own/" + f.Name // a file of ours and one of theirs may have the same name
		files = append(files, f)
	}
	return files, nil
}

// ruleSet compiles detections.
func ruleSet(protocols *dissect.Set, files []rule.File) (*rule.Set, error) {
	rules, err := rule.ReadFiles(files)
	if err != nil {
		return nil, err
	}
	return rule.Compile(rules, protocols, protocols.Len())
}

// bundle is detections as they go to edges.
func bundle(files []rule.File) edge.Rules {
	out := make([]edge.RuleFile, len(files))
	for i, f := range files {
		out[i] = edge.RuleFile(f)
	}
	return edge.NewRules(Version, out)
}

// sensorConfig is what every source is read with: protocols and rules.
func sensorConfig(folder Folder, log *slog.Logger, files []rule.File) (sensor.Config, error) {
	protocols, err := protocolSet(folder)
	if err != nil {
		return sensor.Config{}, err
	}
	rules, err := ruleSet(protocols, files)
	if err != nil {
		return sensor.Config{}, err
	}
	projects, err := readProjectFiles()
	if err != nil {
		return sensor.Config{}, err
	}
	return sensor.Config{Protocols: protocols, Rules: rules, Log: log, Once: true, Projects: projects.is}, nil
}

// ruleState says which detections a machine runs.
func ruleState(hash string, set *rule.Set) edge.RuleState {
	return edge.RuleState{Bundle: hash, Version: set.Version(), Judged: set.Judged()}
}

// takeRules makes a bundle of the centre run: whoever listens begins anew with it,
// on the ring that there is. The one before it stays when this one is broken.
func (n *edgeNode) takeRules(r edge.Rules) error {
	files := make([]rule.File, len(r.Files))
	for i, f := range r.Files {
		files[i] = rule.File(f)
	}
	set, err := ruleSet(n.cfg.Protocols, files)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cfg.Rules, n.bundle = set, r.Hash
	for _, r := range n.running {
		r.listening.again()
	}
	return nil
}
