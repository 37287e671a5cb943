package detect

import (
	"bytes"
	"regexp"

	"github.com/skanse/skanse/internal/ot"
	"go.yaml.in/yaml/v3"
)

// Technique is one of ATT&CK for ICS, and what the wire shows of it.
type Technique struct {
	ID     string `json:"id" yaml:"id"`
	Name   string `json:"name" yaml:"name"`
	Tactic string `json:"tactic" yaml:"tactic"`
	Silent string `json:"silent" yaml:"silent" doc:"Why the wire cannot show it; empty: rules do"`
}

var techniqueForm = regexp.MustCompile(`^T\d{4}$`)

// ReadTechniques reads the list of techniques strictly.
func ReadTechniques(raw []byte) ([]Technique, error) {
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	var out []Technique
	if err := dec.Decode(&out); err != nil {
		return nil, ot.Errorf(ot.Invalid, "detections/techniques: %w", err)
	}
	for _, t := range out {
		if !techniqueForm.MatchString(t.ID) || t.Name == "" || t.Tactic == "" {
			return nil, ot.Errorf(ot.Invalid, "detections/techniques: %q needs an id such as T0843, a name and a tactic", t.ID)
		}
	}
	return out, nil
}
