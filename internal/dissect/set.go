package dissect

import (
	"bytes"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
	"go.yaml.in/yaml/v3"
)

// Entry is one registered dissector.
type Entry struct {
	Protocol Protocol
	Spec     Spec
	Ported   PortProber  // Protocol, where it is one
	First    ot.Protocol // number of Spec.Protocols[0]; the others follow
	names    []*names
}

// Set is the registered dissectors with their numbers and the catalogue's names.
type Set struct {
	Entries []*Entry
	names   []*names
}

// names holds one protocol's codes.
type names struct {
	name  string
	title string
	kinds []kindNames

	listed bool // given by Naming.Title: several dissectors may recognise one service
}

type kindNames struct {
	name   string
	class  ot.Class            // of codes that are not listed
	dense  []codeName          // by code, while codes are small
	sparse map[uint32]codeName // the rest
	text   map[string]codeName // codes that are names
	pages  [][]ot.Class        // classes by code>>8, code&255: asked for every message
}

type codeName struct {
	name  string
	class ot.Class
}

// MaxEntries is how many dissectors a set may have.
const MaxEntries = 256

// NewSet numbers the protocols in the given order and reads their names and
// classes from files <name>.yaml in catalogue. A protocol without a file is an error, as
// is a name given twice: both are mistakes of a build, not of a user.
func NewSet(protocols []Protocol, catalogue fs.FS) (*Set, error) {
	set := &Set{}
	if len(protocols) > MaxEntries {
		return nil, fmt.Errorf("%d dissectors are more than the %d that the engine tells apart", len(protocols), MaxEntries)
	}
	for _, p := range protocols {
		e := &Entry{Protocol: p, Spec: p.Spec(), First: ot.Protocol(len(set.names))}
		e.Ported, _ = p.(PortProber)
		if len(e.Spec.Protocols) == 0 {
			return nil, fmt.Errorf("dissector %T names no protocol", p)
		}
		for _, n := range e.Spec.Protocols {
			if slices.ContainsFunc(set.names, func(o *names) bool { return o.name == n.Name && !o.listed && n.Title == "" }) {
				return nil, fmt.Errorf("protocol %q is registered twice", n.Name)
			}
			table, err := readNames(catalogue, n)
			if err != nil {
				return nil, err
			}
			set.names = append(set.names, table)
			e.names = append(e.names, table)
		}
		set.Entries = append(set.Entries, e)
	}
	return set, nil
}

// Name returns the protocol's catalogue name: "modbus".
func (s *Set) Name(p ot.Protocol) string { return s.names[p].name }

// Title returns what people call it: "Modbus/TCP".
func (s *Set) Title(p ot.Protocol) string { return s.names[p].title }

// KindName returns the name of one of the protocol's kinds.
func (s *Set) KindName(p ot.Protocol, k ot.Kind) string {
	if kinds := s.names[p].kinds; int(k) < len(kinds) {
		return kinds[k].name
	}
	return strconv.Itoa(int(k))
}

// CodeName returns what the catalogue calls a code, or "" where it does not list it.
func (s *Set) CodeName(p ot.Protocol, k ot.Kind, code uint32, text []byte) string {
	return s.names[p].code(k, code, text).name
}

// Class returns the class of a code.
func (s *Set) Class(p ot.Protocol, k ot.Kind, code uint32, text []byte) ot.Class {
	return s.names[p].class(k, code, text)
}

// Kind finds one of the protocol's kinds by its name.
func (s *Set) Kind(p ot.Protocol, name string) (ot.Kind, bool) {
	for i, k := range s.names[p].kinds {
		if k.name == name {
			return ot.Kind(i), true
		}
	}
	return 0, false
}

// Codes gives the codes of a kind that are numbers, with their names.
func (s *Set) Codes(p ot.Protocol, k ot.Kind) iter.Seq2[uint32, string] {
	return func(yield func(uint32, string) bool) {
		kinds := s.names[p].kinds
		if int(k) >= len(kinds) {
			return
		}
		for code, c := range kinds[k].dense {
			if c.name != "" && !yield(uint32(code), c.name) {
				return
			}
		}
		for _, code := range slices.Sorted(maps.Keys(kinds[k].sparse)) {
			if !yield(code, kinds[k].sparse[code].name) {
				return
			}
		}
	}
}

// Len counts the protocols; their numbers are below it.
func (s *Set) Len() int { return len(s.names) }

// Lookup finds a protocol by its catalogue name.
func (s *Set) Lookup(name string) (ot.Protocol, bool) {
	i := slices.IndexFunc(s.names, func(n *names) bool { return n.name == name && !n.listed })
	if i < 0 {
		i = slices.IndexFunc(s.names, func(n *names) bool { return n.name == name })
	}
	return ot.Protocol(max(i, 0)), i >= 0
}

func (n *names) code(k ot.Kind, code uint32, text []byte) codeName {
	if int(k) >= len(n.kinds) {
		return codeName{}
	}
	kind := &n.kinds[k]
	if text != nil {
		return kind.text[string(text)]
	}
	if int64(code) < int64(len(kind.dense)) {
		return kind.dense[code]
	}
	return kind.sparse[code]
}

func (n *names) class(k ot.Kind, code uint32, text []byte) ot.Class {
	if text == nil && int(k) < len(n.kinds) {
		if page := int(code >> 8); page < len(n.kinds[k].pages) && n.kinds[k].pages[page] != nil {
			return n.kinds[k].pages[page][code&0xff]
		}
	}
	if c := n.code(k, code, text).class; c != 0 {
		return c
	}
	if int(k) < len(n.kinds) && n.kinds[k].class != 0 {
		return n.kinds[k].class
	}
	return ot.Other
}

// protocolFile is catalog/protocols/<name>.yaml.
type protocolFile struct {
	Protocol   string              `yaml:"protocol"`
	Title      string              `yaml:"title"`
	About      string              `yaml:"about"` // one or two sentences for people
	References []string            `yaml:"references"`
	Depth      string              `yaml:"depth"`    // full, named, recognised
	Verified   string              `yaml:"verified"` // what it was tried against
	Kinds      map[string]kindFile `yaml:"kinds"`
}

type kindFile struct {
	Class string              `yaml:"class"` // of codes that are not listed
	Codes map[string]codeFile `yaml:"codes"` // key: number (decimal or 0x…), or the name itself
}

type codeFile struct {
	Name  string `yaml:"name"`
	Class string `yaml:"class"`
}

const denseCodes = 256 // a table of 256 entries is 6 KB; larger codes are looked up in a map

func readNames(catalogue fs.FS, n Naming) (*names, error) {
	if n.Title != "" {
		out := &names{name: n.Name, title: n.Title, listed: true}
		for _, k := range n.Kinds {
			out.kinds = append(out.kinds, kindNames{name: k, class: n.Class})
		}
		return out, nil
	}
	file := n.Name + ".yaml"
	raw, err := fs.ReadFile(catalogue, file)
	if err != nil {
		return nil, fmt.Errorf("read names of protocol %q: %w", n.Name, err)
	}
	var f protocolFile
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("protocols/%s: %w", file, err)
	}
	if f.Protocol != n.Name {
		return nil, fmt.Errorf("protocols/%s: says it is protocol %q", file, f.Protocol)
	}
	out := &names{name: n.Name, title: f.Title, kinds: make([]kindNames, len(n.Kinds))}
	for i, k := range n.Kinds {
		kf, ok := f.Kinds[k]
		if !ok {
			return nil, fmt.Errorf("protocols/%s: kind %q is missing", file, k)
		}
		kind, err := readKind(k, kf)
		if err != nil {
			return nil, fmt.Errorf("protocols/%s: %w", file, err)
		}
		out.kinds[i] = kind
	}
	for k := range f.Kinds {
		if !slices.Contains(n.Kinds, k) {
			return nil, fmt.Errorf("protocols/%s: kind %q is none of the dissector's: %s", file, k, strings.Join(n.Kinds, ", "))
		}
	}
	return out, nil
}

func readKind(name string, f kindFile) (kindNames, error) {
	k := kindNames{name: name, class: ot.ParseClass(f.Class), sparse: map[uint32]codeName{}, text: map[string]codeName{}}
	if f.Class != "" && k.class == 0 {
		return k, fmt.Errorf("kind %s: no class is called %q", name, f.Class)
	}
	for key, c := range f.Codes {
		entry := codeName{name: c.Name, class: ot.ParseClass(c.Class)}
		if c.Class != "" && entry.class == 0 {
			return k, fmt.Errorf("kind %s, code %s: no class is called %q", name, key, c.Class)
		}
		code, err := strconv.ParseUint(key, 0, 32)
		switch {
		case err != nil:
			k.text[key] = entry
		case code < denseCodes:
			if int(code) >= len(k.dense) {
				k.dense = append(k.dense, make([]codeName, int(code)+1-len(k.dense))...)
			}
			k.dense[code] = entry
		default:
			k.sparse[uint32(code)] = entry
		}
		if err == nil && code <= 0xffff {
			k.page(uint32(code), entry.class)
		}
	}
	return k, nil
}

// page notes the class of a code for the hot path. Codes of the page that are
// not listed have the kind's own class.
func (k *kindNames) page(code uint32, c ot.Class) {
	rest := k.class
	if rest == 0 {
		rest = ot.Other
	}
	n := int(code >> 8)
	if n >= len(k.pages) {
		k.pages = append(k.pages, make([][]ot.Class, n+1-len(k.pages))...)
	}
	if k.pages[n] == nil {
		k.pages[n] = make([]ot.Class, 256)
		for i := range k.pages[n] {
			k.pages[n][i] = rest
		}
	}
	if c != 0 {
		k.pages[n][code&0xff] = c
	}
}
