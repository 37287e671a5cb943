package edge

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/skanse/skanse/internal/ot"
)

// Rules is the bundle of detections that a centre runs: those of its program and its
// own. It travels as it is written, so that a person can read on both machines what
// is looked for.
type Rules struct {
	Hash    string     `json:"hash"`    // of the files: names the bundle
	Program string     `json:"program"` // version of the centre's program, whose catalogue it holds
	Files   []RuleFile `json:"files"`
}

// RuleFile is one file of a bundle.
type RuleFile struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// RuleState is which bundle an edge really runs.
type RuleState struct {
	Bundle  string `json:"bundle" doc:"Hash of the detections that run; empty: the program is too old to say so"`
	Version string `json:"version" doc:"Of the same rules when they are compiled, as the sources name it"`
	Judged  int    `json:"judged" doc:"Rules that run on this machine; the others are judged at the centre"`
	Failed  string `json:"failed,omitempty" doc:"Hash of the bundle that could not be taken; the one before it runs on"`
	Error   string `json:"error,omitempty" doc:"Why"`
}

// Bounds of a bundle.
const (
	maxRuleFiles = 1000
	maxRuleBytes = 2 << 20
)

// NewRules makes a bundle.
func NewRules(program string, files []RuleFile) Rules {
	return Rules{hashRules(files), program, files}
}

func hashRules(files []RuleFile) string {
	h := sha256.New()
	h.Write([]byte("skanse-rules-1"))
	put := func(s string) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	for _, f := range files {
		put(f.Name)
		put(f.Text)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// ReadRules reads a bundle and refuses one that is not what its hash says.
func ReadRules(body []byte) (Rules, error) {
	var r Rules
	if len(body) > 2*maxRuleBytes {
		return r, ot.Errorf(ot.Invalid, "the rules of the centre have %d bytes, at most %d are read", len(body), 2*maxRuleBytes)
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return r, ot.Errorf(ot.Invalid, "the rules of the centre cannot be read: %w", err)
	}
	return r, r.Check()
}

// Check says what is wrong with a bundle, short of what its rules say.
func (r *Rules) Check() error {
	size := 0
	for _, f := range r.Files {
		size += len(f.Text)
	}
	switch {
	case len(r.Files) == 0 || len(r.Files) > maxRuleFiles || size > maxRuleBytes:
		return ot.Errorf(ot.Invalid, "the bundle has %d files and %d bytes; it may have 1 to %d files and %d bytes", len(r.Files), size, maxRuleFiles, maxRuleBytes)
	case hashRules(r.Files) != r.Hash:
		return ot.Errorf(ot.Damaged, "the bundle is not the one that its hash %.12s names: it was changed on the way", ot.Printable(r.Hash))
	}
	return nil
}

// Body is what is signed.
func (r *Rules) Body() ([]byte, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write the rules: %w", err)
	}
	return body, nil
}
