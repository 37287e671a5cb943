package record

import (
	"bytes"
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

// Types are all record types, checked against each other.
type Types struct {
	all []*Type
	by  map[string]*Type
}

// All lists the types by title.
func (ts *Types) All() []*Type { return ts.all }

// Type finds a type; nil if there is none.
func (ts *Types) Type(id string) *Type { return ts.by[id] }

const (
	maxTypeFile = 256 << 10 // bytes; ours are under 16 KiB
	maxTypes    = 200
	maxFields   = 100
	maxDepth    = 12 // of the YAML; a type needs six
)

// ReadTypes reads and checks the folder "records". guards are the names that
// behaviours bring, by type. An error names the file, the line and what to do.
func ReadTypes(files fs.FS, guards map[string][]string) (*Types, error) {
	const dir = "records"
	names, err := fs.Glob(files, dir+"/*.yaml")
	if err != nil || len(names) == 0 {
		return nil, ot.Errorf(ot.Invalid, "there is no record type in %s: restore catalog/records from the release", dir)
	}
	if len(names) > maxTypes {
		return nil, ot.Errorf(ot.TooMany, "%d record types, at most %d", len(names), maxTypes)
	}
	sort.Strings(names)
	ts := &Types{by: map[string]*Type{}}
	docs := map[string]*document{}
	prefixes := map[string]string{}
	for _, name := range names {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, ot.Errorf(ot.Invalid, "read record type %s: %w", name, err)
		}
		d, err := readType(name, b)
		if err != nil {
			return nil, err
		}
		t := d.t
		if want := strings.TrimSuffix(path.Base(name), ".yaml"); t.ID != want {
			return nil, d.errorf("id", "the id is %q, but the file is called %s: give both one name", t.ID, path.Base(name))
		}
		if old, ok := prefixes[t.Prefix]; ok {
			return nil, d.errorf("prefix", "the prefix %s belongs to %s already: choose another one", t.Prefix, old)
		}
		prefixes[t.Prefix], ts.by[t.ID], docs[t.ID] = t.ID, t, d
		ts.all = append(ts.all, t)
	}
	for _, t := range ts.all {
		if err := docs[t.ID].checkAcross(ts, guards[t.ID]); err != nil {
			return nil, err
		}
	}
	if err := checkParents(ts, docs); err != nil {
		return nil, err
	}
	slices.SortFunc(ts.all, func(a, b *Type) int { return strings.Compare(a.Title, b.Title) })
	return ts, nil
}

// readType reads one file, without what other types must say to it.
func readType(name string, b []byte) (*document, error) {
	d := &document{name: name, t: &Type{}}
	if len(b) > maxTypeFile {
		return nil, d.at(1, "the file has %d bytes, more than %d: a type is a page or two", len(b), maxTypeFile)
	}
	if err := yaml.Unmarshal(b, &d.root); err != nil {
		return nil, ot.Errorf(ot.Invalid, "%s: is not YAML: %w; correct that line", name, err)
	}
	if n := refused(&d.root, 0); n != nil {
		return nil, d.at(n.Line, "anchors, aliases and nesting deeper than %d are not allowed: write the value out", maxDepth)
	}
	dec := yaml.NewDecoder(bytes.NewReader(b))
	dec.KnownFields(true)
	if err := dec.Decode(d.t); err != nil {
		text := strings.TrimPrefix(err.Error(), "yaml: ")
		text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
		text = goName.ReplaceAllString(text, "a record type")
		return nil, ot.Errorf(ot.Invalid, "%s: %s; docs/adding-a-record-type.md lists the fields", name, text)
	}
	return d, d.check()
}

var goName = regexp.MustCompile(`type \*?record\.\w+`)

// refused finds a node that a type file may not have.
func refused(n *yaml.Node, depth int) *yaml.Node {
	if n.Kind == yaml.AliasNode || n.Anchor != "" || depth > maxDepth {
		return n
	}
	for _, c := range n.Content {
		if a := refused(c, depth+1); a != nil {
			return a
		}
	}
	return nil
}

// document is a type with the lines that it was read from.
type document struct {
	name string
	root yaml.Node
	t    *Type
}

func (d *document) at(line int, format string, args ...any) error {
	return ot.Errorf(ot.Invalid, "%s:%d: %w", d.name, line, fmt.Errorf(format, args...))
}

// errorf makes an error at a place like "fields/3/visible_when": keys and positions.
func (d *document) errorf(where, format string, args ...any) error {
	return d.at(d.line(where), format, args...)
}

// line finds the line of a place; where it leads nowhere, that of its last known part.
func (d *document) line(where string) int {
	n := &d.root
	if len(n.Content) > 0 {
		n = n.Content[0]
	}
	line := max(n.Line, 1)
	for part := range strings.SplitSeq(where, "/") {
		next := step(n, part)
		if next == nil {
			break
		}
		n, line = next, next.Line
	}
	return line
}

func step(n *yaml.Node, part string) *yaml.Node {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == part {
				return n.Content[i+1]
			}
		}
	case yaml.SequenceNode:
		var i int
		if _, err := fmt.Sscanf(part, "%d", &i); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	}
	return nil
}
