// Package vendorid names the makers behind the numbers that an authority gives
// out: ASHRAE for BACnet, IANA for SNMP. The lists are catalog/vendors/<name>.yaml.
// It is not for network cards: those are package catalog/vendors.
package vendorid

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/skanse/skanse/catalog"
	"go.yaml.in/yaml/v3"
)

// List is one authority's numbers. It is read at the first question, because
// most sensors never hear of most protocols, and shared from then on.
type List struct {
	load func() ([]entry, error)
}

type entry struct {
	id   uint32
	name []byte
}

// New returns the list of catalog/vendors/<name>.yaml.
func New(name string) *List {
	return &List{load: sync.OnceValues(func() ([]entry, error) { return read(catalog.Files, name) })}
}

// Name is the maker behind a number, nil when the catalogue does not know it.
// The bytes are shared: nobody writes to them.
func (l *List) Name(id uint32) []byte {
	all, err := l.load()
	if err != nil {
		return nil // the lists are part of the program, and TestLists reads them all
	}
	i, ok := slices.BinarySearchFunc(all, id, func(e entry, id uint32) int { return cmp.Compare(e.id, id) })
	if !ok {
		return nil
	}
	return all[i].name
}

func read(files fs.FS, name string) ([]entry, error) {
	file := "vendors/" + name + ".yaml"
	raw, err := fs.ReadFile(files, file)
	if err != nil {
		return nil, fmt.Errorf("read vendor numbers: %w", err)
	}
	var f struct {
		References []string          `yaml:"references"`
		Vendors    map[uint32]string `yaml:"vendors"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&f); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	out := make([]entry, 0, len(f.Vendors))
	for id, name := range f.Vendors {
		out = append(out, entry{id, []byte(name)})
	}
	slices.SortFunc(out, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	return out, nil
}
