package comply

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/ot"
)

func shipped(t testing.TB) *Catalogue {
	t.Helper()
	c, err := ReadCatalogue(catalog.Files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestShippedCatalogue(t *testing.T) {
	c := shipped(t)
	rows, aliases, key := 0, 0, 0
	for _, a := range c.Areas {
		for _, r := range a.Requirements {
			rows++
			if r.Mode == Alias {
				aliases++
			}
			if r.Key {
				key++
			}
		}
	}
	if len(c.Areas) != 11 || rows != 73 || aliases != 2 || key != 29 || len(c.Scored()) != 71 {
		t.Fatalf("areas %d rows %d aliases %d key %d scored %d; want 11, 73, 2, 29, 71", len(c.Areas), rows, aliases, key, len(c.Scored()))
	}
	for alias, want := range map[string]string{"6.2b": "5.3", "9.6": "9.4"} {
		if r, ok := c.Requirement(alias); !ok || r.ID != want {
			t.Errorf("%s leads to %v, want %s", alias, r, want)
		}
	}
	if k, r, ok := c.Check("remote.bypass"); !ok || r.ID != "5.3" || !k.Test.Met(0) || k.Test.Met(1) || k.Window.Length().Hours() != 720 || k.Observed != .8 {
		t.Errorf("remote.bypass read as %+v of %v", k, r)
	}
	if len(c.checks) < 205 {
		t.Errorf("%d checks, want at least 205", len(c.checks))
	}
}

// good is a small catalogue that each case of TestBrokenCatalogue breaks in one place.
const good = `area: 5
name: Access control
requirements:
- id: "5.3"
  title: One remote access
  text: Text.
  scope: site
  mode: measured
  key: true
  weight: 2
  refs: {nis2: ["21(2)(i)"], confidence: high}
  checks:
  - id: remote.bypass
    title: Bypass
    measure: m
    target: "0"
    test: {kind: count, op: "<=", value: 0}
    window: 30d
    source: [sensor]
    ttl: 24h
    wants: A sensor.
  declared:
  - {record: standard, attested_by: DSO, valid_for: 12mo}
  user: A map.
- {id: "5.4", title: A, text: B, scope: site, mode: alias, alias_of: "5.3", user: C}
`

const goodProfiles = "profiles:\n- {id: essential, name: E, target: 3, key_target: 4}\n"

func files(area string) fs.FS {
	return fstest.MapFS{
		"requirements/05-access.yaml": {Data: []byte(area)},
		"requirements/profiles.yaml":  {Data: []byte(goodProfiles)},
	}
}

func TestBrokenCatalogue(t *testing.T) {
	if _, err := ReadCatalogue(files(good)); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	for name, c := range map[string]struct{ old, new, line, want string }{
		"unknown field":      {"title: Bypass", "titel: Bypass", "line 14", "titel"},
		"bad requirement id": {`id: "5.3"`, `id: "5-3"`, ":4:", "area.number"},
		"id of another area": {`id: "5.3"`, `id: "6.3"`, ":4:", "area 5"},
		"bad check id":       {"remote.bypass", "Bypass", ":13:", "group.name"},
		"test kind":          {"kind: count", "kind: guess", ":13:", "share, count or number"},
		"test op":            {`op: "<="`, `op: "=="`, ":13:", ">= or <="},
		"target not number":  {"value: 0", "value: none", "line 17", "cannot unmarshal"},
		"share over one":     {`kind: count, op: "<=", value: 0`, `kind: share, op: ">=", value: 95`, ":13:", "0.95"},
		"window":             {"window: 30d", "window: a while", "05-access.yaml", "not a length of time"},
		"scope":              {"scope: site\n  mode: measured", "scope: zone\n  mode: measured", ":4:", "entity+site"},
		"mode":               {"mode: measured", "mode: felt", ":4:", "felt"},
		"alias to nowhere":   {`alias_of: "5.3"`, `alias_of: "5.9"`, ":25:", "5.9"},
		"no declared":        {"  - {record: standard, attested_by: DSO, valid_for: 12mo}\n", "", ":4:", "declared"},
		"two ids":            {`id: "5.4"`, `id: "5.3"`, "", "already"},
		"anchor":             {"title: Bypass", "title: &a Bypass", ":14:", "anchors"},
		"not YAML":           {"requirements:", "requirements: [", "05-access.yaml", "is not YAML"},
		"weight":             {"weight: 2", "weight: -2", ":4:", "weight"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatalf("%q is not in the good catalogue", c.old)
			}
			_, err := ReadCatalogue(files(text))
			if err == nil {
				t.Fatal("no error")
			}
			if ot.CodeOf(err) != ot.Invalid || !strings.Contains(err.Error(), "05-access.yaml") || !strings.Contains(err.Error(), c.line) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %q does not name the file, %q and %q", err, c.line, c.want)
			}
			if strings.Contains(err.Error(), "comply.") {
				t.Errorf("error %q names a Go type", err)
			}
		})
	}
}

func FuzzCatalogue(f *testing.F) {
	f.Add(good)
	f.Add("area: 5\n")
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ReadCatalogue(files(s))
		if (c == nil) == (err == nil) {
			t.Fatalf("catalogue %v, error %v", c, err)
		}
	})
}
