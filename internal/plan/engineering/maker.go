package engineering

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/skanse/skanse/catalog"
	"go.yaml.in/yaml/v3"
)

// cipMakers are the vendor numbers of CIP with their names.
var cipMakers = sync.OnceValues(func() (map[uint32]string, error) {
	raw, err := catalog.Files.ReadFile("vendors/cip.yaml")
	if err != nil {
		return nil, err
	}
	var file struct {
		Vendors map[uint32]string `yaml:"vendors"`
	}
	return file.Vendors, yaml.Unmarshal(raw, &file)
})

// cipMaker names the maker of a vendor number; one that nobody knows stays a number.
func cipMaker(id string) string {
	n, ok := number(id)
	if !ok {
		return ""
	}
	makers, err := cipMakers()
	if err == nil && makers[n] != "" {
		return makers[n]
	}
	return "vendor " + strconv.FormatUint(uint64(n), 10)
}

// siemens is the form of an order number of Siemens: 6ES7 315-2EH14-0AB0, 6AV2 124-0GC01-0AX0.
var siemens = regexp.MustCompile(`^(6[A-Z]{2}\d|3[A-Z]{2}\d) ?\w{3}-\w{5}(-\w{4})?$`)

func siemensOr(code, other string) string {
	if siemens.MatchString(strings.TrimSpace(code)) {
		return "Siemens"
	}
	return other
}

// cipRole is the role that a CIP device profile says by itself.
func cipRole(productType string) string {
	switch n, _ := number(productType); n {
	case 0x0e:
		return "plc"
	case 0x02, 0x13, 0x25, 0x2d:
		return "drive"
	case 0x07, 0x0a, 0x22, 0x23:
		return "io"
	case 0x18:
		return "hmi"
	case 0x2c:
		return "switch"
	}
	return ""
}
