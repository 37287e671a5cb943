package vendors

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/skanse/skanse/catalog"
	"go.yaml.in/yaml/v3"
)

// Title returns what people read for an attribute ("lldp.system_desc" is
// "System description (LLDP)"), or the attribute itself where nobody named it.
func Title(attribute string) string {
	if t, ok := titles()[attribute]; ok {
		return t
	}
	return attribute
}

var titles = sync.OnceValue(func() map[string]string {
	t, err := readTitles()
	if err != nil { // the file is part of the program, and its test reads it
		panic("catalog/vendors/attributes.yaml: " + err.Error())
	}
	return t
})

func readTitles() (map[string]string, error) {
	raw, err := catalog.Files.ReadFile("vendors/attributes.yaml")
	if err != nil {
		return nil, err
	}
	var file struct {
		Attributes map[string]string `yaml:"attributes"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		return nil, err
	}
	for a, t := range file.Attributes {
		if t == "" {
			return nil, fmt.Errorf("attribute %s has no title", a)
		}
	}
	return file.Attributes, nil
}
