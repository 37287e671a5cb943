package bacnet

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

// vendorNames are the names behind vendor identifiers, by identifier. They are
// read when the first device introduces itself: most sensors never see one.
var vendorNames = sync.OnceValues(func() ([]vendorName, error) { return readVendors(catalog.Files) })

type vendorName struct {
	id   uint32
	name []byte
}

func readVendors(files fs.FS) ([]vendorName, error) {
	const file = "vendors/bacnet.yaml"
	raw, err := fs.ReadFile(files, file)
	if err != nil {
		return nil, fmt.Errorf("read BACnet vendors: %w", err)
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
	out := make([]vendorName, 0, len(f.Vendors))
	for id, name := range f.Vendors {
		out = append(out, vendorName{id, []byte(name)})
	}
	slices.SortFunc(out, func(a, b vendorName) int { return cmp.Compare(a.id, b.id) })
	return out, nil
}

// vendor is the name behind an identifier, nil when the catalogue does not know it.
func vendor(id uint32) []byte {
	names, err := vendorNames()
	if err != nil {
		return nil // the catalogue is embedded and tested: TestVendors
	}
	i, ok := slices.BinarySearchFunc(names, id, func(v vendorName, id uint32) int { return cmp.Compare(v.id, id) })
	if !ok {
		return nil
	}
	return names[i].name
}
