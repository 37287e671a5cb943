package app

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/skanse/skanse/catalog"
	"go.yaml.in/yaml/v3"
)

// projectFiles is catalog/programs/files.yaml: which files that pass by are kept.
type projectFiles struct {
	ends  map[string]bool // with the dot, lower case
	heads []string        // of those whose end a vendor numbers
}

func readProjectFiles() (*projectFiles, error) {
	raw, err := fs.ReadFile(catalog.Files, "programs/files.yaml")
	if err != nil {
		return nil, fmt.Errorf("open the catalogue of project files: %w", err)
	}
	var f struct {
		About      string   `yaml:"about"`
		References []string `yaml:"references"`
		Kinds      map[string][]struct {
			Ends   []string `yaml:"ends"`
			Vendor string   `yaml:"vendor"`
		} `yaml:"kinds"`
	}
	dec := yaml.NewDecoder(strings.NewReader(string(raw)))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("programs/files.yaml: %w", err)
	}
	out := &projectFiles{ends: map[string]bool{}}
	for kind, list := range f.Kinds {
		for _, of := range list {
			for _, end := range of.Ends {
				switch head, numbered := strings.CutSuffix(end, "*"); {
				case len(end) < 3 || end[0] != '.' || end != strings.ToLower(end):
					return nil, fmt.Errorf("programs/files.yaml: %s, %s: %q is not the end of a name", kind, of.Vendor, end)
				case numbered:
					out.heads = append(out.heads, head)
				default:
					out.ends[end] = true
				}
			}
		}
	}
	return out, nil
}

// is says whether a path is one of a project, program or firmware.
func (p *projectFiles) is(path string) bool {
	name := path[strings.LastIndexAny(path, `/\:`)+1:]
	if i := strings.IndexByte(name, ';'); i >= 0 { // a file system with versions
		name = name[:i]
	}
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot > 20 {
		return false
	}
	end := strings.ToLower(name[dot:])
	return p.ends[end] || slices.ContainsFunc(p.heads, func(h string) bool {
		rest, ok := strings.CutPrefix(end, h)
		return ok && rest != "" && strings.Trim(rest, "0123456789_") == ""
	})
}
