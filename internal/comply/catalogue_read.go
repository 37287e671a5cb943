package comply

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/skanse/skanse/internal/ot"
)

const (
	profilesFile = "profiles.yaml"
	maxFile      = 1 << 20 // bytes of one catalogue file; ours are under 30 KiB
)

type areaFile struct {
	Area         int            `yaml:"area"`
	Name         string         `yaml:"name"`
	Requirements []*Requirement `yaml:"requirements"`
}

type profileFile struct {
	Profiles   []Profile   `yaml:"profiles"`
	References []Reference `yaml:"references"`
}

// ReadCatalogue reads the folder "requirements" of files and checks it. Its error
// names the file, the line and what to do.
func ReadCatalogue(files fs.FS) (*Catalogue, error) {
	const dir = "requirements"
	names, err := fs.Glob(files, dir+"/*.yaml")
	if err != nil || len(names) == 0 {
		return nil, ot.Errorf(ot.Invalid, "the catalogue has no file in %s: restore catalog/requirements from the release", dir)
	}
	sort.Strings(names)
	c := &Catalogue{requirements: map[string]*Requirement{}, checks: map[string]*CheckSpec{}, owner: map[string]*Requirement{}}
	sum := sha256.New()
	where := map[string]place{}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "read catalogue file %s: %w", name, err)
		}
		fmt.Fprintf(sum, "%s %d\n", path.Base(name), len(b))
		sum.Write(b)
		if path.Base(name) == profilesFile {
			var f profileFile
			if _, err := decodeStrict(name, b, &f); err != nil {
				return nil, err
			}
			c.Profiles, c.References = f.Profiles, f.References
			continue
		}
		if err := c.addFile(name, b, where); err != nil {
			return nil, err
		}
	}
	if len(c.Profiles) == 0 {
		return nil, ot.Errorf(ot.Invalid, "%s/%s: names no profile: add at least one with id, target and key_target", dir, profilesFile)
	}
	for _, p := range c.Profiles {
		if p.ID == "" || p.Target < 1 || p.Target > 5 || p.KeyTarget < p.Target || p.KeyTarget > 5 {
			return nil, ot.Errorf(ot.Invalid, "%s/%s: profile %q needs an id and targets from 1 to 5, key_target not below target", dir, profilesFile, p.ID)
		}
	}
	for id, r := range c.requirements {
		if r.Mode != Alias {
			continue
		}
		if t, ok := c.requirements[r.AliasOf]; !ok || t.Mode == Alias {
			return nil, where[id].errorf("requirement %s: alias_of names %q, which is not a scored requirement: correct the id", id, r.AliasOf)
		}
	}
	for _, rel := range relations() { // a count is of something, which the SQL knows
		if k := c.checks[rel.id]; k != nil && k.Test.Kind == KindCount && k.Test.Unit == "" {
			k.Test.Unit = rel.unit
		}
	}
	slices.SortFunc(c.Areas, func(a, b Area) int { return a.ID - b.ID })
	c.Version = hex.EncodeToString(sum.Sum(nil))[:12]
	return c, nil
}

// place is where a thing stands in a catalogue file.
type place struct {
	file string
	line int
}

func (p place) errorf(format string, args ...any) error {
	return ot.Errorf(ot.Invalid, "%s:%d: %w", p.file, p.line, fmt.Errorf(format, args...))
}

func (c *Catalogue) addFile(name string, b []byte, where map[string]place) error {
	var f areaFile
	root, err := decodeStrict(name, b, &f)
	if err != nil {
		return err
	}
	top := place{name, 1}
	if f.Area < 1 || f.Name == "" || len(f.Requirements) == 0 {
		return top.errorf("an area file needs area (a number from 1), name and requirements")
	}
	for _, a := range c.Areas {
		if a.ID == f.Area {
			return top.errorf("area %d is in another file already: keep one file an area", f.Area)
		}
	}
	lines := idLines(root)
	for i, r := range f.Requirements {
		if r == nil {
			return top.errorf("requirement %d of the file is empty: fill or remove it", i+1)
		}
		at := place{name, lines[r.ID]}
		r.Area = f.Area
		if err := r.check(); err != nil {
			return at.errorf("requirement %q: %w", r.ID, err)
		}
		if old, ok := where[r.ID]; ok {
			return at.errorf("requirement %s stands in %s:%d already: give it another id", r.ID, old.file, old.line)
		}
		where[r.ID], c.requirements[r.ID] = at, r
		for _, k := range r.Checks {
			if k == nil {
				return at.errorf("requirement %s has an empty check: fill or remove it", r.ID)
			}
			at := place{name, lines[k.ID]}
			if err := k.check(); err != nil {
				return at.errorf("check %q: %w", k.ID, err)
			}
			if c.checks[k.ID] != nil {
				return at.errorf("check %s belongs to requirement %s already: a check answers one requirement", k.ID, c.owner[k.ID].ID)
			}
			c.checks[k.ID], c.owner[k.ID] = k, r
		}
	}
	c.Areas = append(c.Areas, Area{ID: f.Area, Name: f.Name, Requirements: f.Requirements})
	return nil
}

var (
	requirementID = regexp.MustCompile(`^(\d{1,2})\.\d{1,2}[a-z]?$`)
	checkID       = regexp.MustCompile(`^[a-z][a-z0-9]*\.[a-z][a-z0-9_]*$`)
)

func (r *Requirement) check() error {
	m := requirementID.FindStringSubmatch(r.ID)
	switch {
	case m == nil:
		return fmt.Errorf(`an id is area.number and perhaps a letter, in quotes, as "5.3" or "9.10a"`)
	case m[1] != fmt.Sprint(r.Area):
		return fmt.Errorf("the id begins with %s but the file is area %d: move it or correct the id", m[1], r.Area)
	case r.Title == "" || r.Text == "" || r.User == "":
		return fmt.Errorf("title, text and user are needed")
	case r.Scope != ScopeEntity && r.Scope != ScopeSite && r.Scope != ScopeBoth:
		return fmt.Errorf("scope is %q, not entity, site or entity+site", r.Scope)
	}
	if r.Mode == Alias {
		if r.AliasOf == "" || len(r.Checks)+len(r.Declared) > 0 || r.Key {
			return fmt.Errorf("an alias has alias_of, and no checks, declared records or key")
		}
		return nil
	}
	switch {
	case r.Mode != Measured && r.Mode != Mixed && r.Mode != Declared:
		return fmt.Errorf("mode is %q, not measured, mixed, declared or alias", r.Mode)
	case r.AliasOf != "":
		return fmt.Errorf("alias_of is only for mode alias")
	case r.Weight <= 0 || r.Weight > 10:
		return fmt.Errorf("weight is %v: give a number above 0, at most 10", r.Weight)
	case len(r.Checks) == 0 || len(r.Declared) == 0:
		return fmt.Errorf("at least one check and one declared record are needed")
	case len(r.Refs.NIS2) == 0:
		return fmt.Errorf("refs.nis2 names no article")
	case r.Refs.Confidence != "high" && r.Refs.Confidence != "medium":
		return fmt.Errorf("refs.confidence is %q, not high or medium", r.Refs.Confidence)
	}
	for _, d := range r.Declared {
		if d.Record == "" || d.AttestedBy == "" || d.ValidFor.Length() <= 0 {
			return fmt.Errorf("declared record %q needs record, attested_by and valid_for, as 12mo", d.Record)
		}
	}
	return nil
}

func (k *CheckSpec) check() error {
	switch {
	case !checkID.MatchString(k.ID):
		return fmt.Errorf("an id is group.name in small letters, as remote.bypass")
	case k.Title == "" || k.Measure == "" || k.Target == "" || k.Wants == "":
		return fmt.Errorf("title, measure, target and wants are needed")
	case k.Window.text == "" || k.TTL.Length() <= 0:
		return fmt.Errorf("window and ttl are needed, as 30d or state, and 24h")
	case len(k.Source) == 0:
		return fmt.Errorf("source names nothing that answers it")
	case k.Observed < 0 || k.Observed > 1:
		return fmt.Errorf("observed is %v, not a share from 0 to 1", k.Observed)
	case k.Weight < 0 || k.Weight > 10:
		return fmt.Errorf("weight is %v, not a number from 0 to 10", k.Weight)
	}
	if k.Weight == 0 {
		k.Weight = 1
	}
	return k.Test.check()
}

// decodeStrict reads one document without unknown fields, anchors or aliases.
func decodeStrict(name string, b []byte, into any) (*yaml.Node, error) {
	if len(b) > maxFile {
		return nil, place{name, 1}.errorf("the file has %d bytes, more than %d: split it", len(b), maxFile)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(b, &root); err != nil {
		return nil, ot.Errorf(ot.Invalid, "%s: is not YAML: %w; correct that line", name, err)
	}
	if n := anchored(&root); n != nil {
		return nil, place{name, n.Line}.errorf("anchors and aliases are not allowed: write the value out")
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(into); err != nil {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
		text = goType.ReplaceAllString(text, "the catalogue's format")
		return nil, ot.Errorf(ot.Invalid, "%s: %s; see docs/adding-a-check.md for the fields", name, text)
	}
	return &root, nil
}

var goType = regexp.MustCompile(`(in|into) type \*?comply\.\w+`)

func anchored(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return n
	}
	for _, c := range n.Content {
		if a := anchored(c); a != nil {
			return a
		}
	}
	return nil
}

// idLines maps each id of the document to its line.
func idLines(n *yaml.Node) map[string]int {
	out := map[string]int{}
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == "id" {
					out[n.Content[i+1].Value] = n.Content[i].Line
				}
			}
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	walk(n)
	return out
}
