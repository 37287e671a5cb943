package match

import (
	"slices"
	"strings"

	"github.com/skanse/skanse/internal/vuln/version"
)

// Asset is what is known of a device, a module or a piece of software.
type Asset struct {
	Vendor    string
	VendorID  int // CIP vendor id, 0 if none
	BACnetID  int
	Product   string
	Model     string // as the device names itself: 1756-L83E/B
	OrderCode string
	Version   string
	Hardware  string // hardware revision or series
	Serial    string
}

// Identity is an asset prepared for matching.
type Identity struct {
	Asset
	vendor  vendor
	names   []name
	family  []name // what the order code says
	codes   []string
	series  string
	version version.Version
	read    bool // the version text was understood
	known   bool // something names the product
}

// Identify prepares an asset.
func (t *Tables) Identify(a Asset) *Identity {
	for _, s := range []*string{&a.Vendor, &a.Product, &a.Model, &a.OrderCode, &a.Version, &a.Hardware, &a.Serial} {
		if len(*s) > 300 {
			*s = (*s)[:300]
		}
		*s = version.Repair(strings.TrimSpace(*s))
	}
	id := &Identity{Asset: a, vendor: t.vendor(a.Vendor, a.VendorID, a.BACnetID)}
	m := id.vendor.m
	id.version, id.read = parse(a.Version)
	if len(a.Hardware) > 0 {
		h := strings.ToUpper(strings.TrimSpace(a.Hardware))
		h = strings.TrimSpace(strings.TrimPrefix(h, "SERIES"))
		if len(h) == 1 && h[0] >= 'A' && h[0] <= 'Z' {
			id.series = h
		}
	}
	for _, text := range []string{a.OrderCode, id.vendor.bare(a.Model, a.Vendor), id.vendor.bare(a.Product, a.Vendor)} {
		if text == "" {
			continue
		}
		found := m.orderCodes(text)
		for _, c := range found {
			id.addCode(m, c, text)
		}
		if len(found) == 0 && text == a.OrderCode {
			id.addName(m, text)
		}
		if text != a.OrderCode {
			cut := m.cut(text)
			if strings.Trim(cut, " ()/-ABCDEFGHIJ") != "" {
				id.addName(m, cut)
			}
			if cut != text {
				id.addName(m, text)
			}
		}
	}
	for _, c := range id.codes {
		id.family = append(id.family, m.familiesOf(base(c))...)
	}
	for _, n := range id.names { // a model that names itself without being found by the grammar
		if len(id.family) > 0 {
			break
		}
		id.family = append(id.family, m.familiesOf(compact(strings.Join(n.words, "")))...)
	}
	if len(id.family) == 0 {
		for _, text := range []string{a.Model, a.Product} {
			id.family = append(id.family, m.familiesOf(compact(text))...)
		}
	}
	id.known = len(id.names) > 0 || len(id.codes) > 0
	return id
}

func (id *Identity) addCode(m *maker, code, text string) {
	c := compact(code)
	if m.Slash == "series" {
		// 1756-L83E/B: the letter behind the code is the series
		if at := strings.Index(strings.ToUpper(text), strings.ToUpper(code)); at >= 0 {
			rest := strings.TrimLeft(text[at+len(code):], " ")
			if len(rest) >= 2 && rest[0] == '/' && id.series == "" && (len(rest) == 2 || rest[2] < '0' || rest[2] == ' ') {
				id.series = strings.ToUpper(rest[1:2])
			}
		}
		c = strings.TrimRight(c, "/")
	}
	if c != "" && !slices.Contains(id.codes, c) {
		id.codes = append(id.codes, c)
	}
}

func (id *Identity) addName(m *maker, text string) {
	for _, n := range m.names(text) {
		if len(n.words) == 0 {
			continue
		}
		if n.series != "" && id.series == "" {
			id.series = n.series
		}
		if !slices.ContainsFunc(id.names, func(o name) bool { return slices.Equal(o.words, n.words) }) {
			id.names = append(id.names, n)
		}
	}
}

// base is a code without the variant behind "/".
func base(c string) string {
	b, _, _ := strings.Cut(c, "/")
	return b
}

func parse(text string) (version.Version, bool) {
	v, ok := version.Parse(text)
	if !ok { // V3.0.0 (build …): the leading part is enough if it stands alone
		if f := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '(' || r == ',' || r == ';' }); len(f) > 1 {
			return version.Parse(f[0])
		}
	}
	return v, ok
}

// With is the same product with another version and serial number.
func (id *Identity) With(ver, serial string) *Identity {
	out := *id
	out.Version, out.Serial = version.Repair(strings.TrimSpace(ver)), strings.TrimSpace(serial)
	out.version, out.read = parse(out.Version)
	return &out
}
