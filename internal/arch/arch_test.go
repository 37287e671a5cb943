// Package arch_test holds the dependency policy of this repository.
package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/skanse/skanse/"

// layers is a statement of policy: a package may import its own unit and units
// of earlier lines; never a sibling on its own line, never a later line. Do not
// edit it to make a build pass: docs/ARCHITECTURE.md says why each line stands where it does.
var layers = [][]string{
	{"internal/ot", "internal/qr", "catalog", "web"}, // words, content, pixels
	{"internal/store", "internal/arch", "internal/seal", "internal/plan", "internal/translate"},
	{"internal/org", "internal/audit"},
	{"internal/bus", "internal/job", "internal/egress"},
	{"internal/auth"},
	{"internal/rest", "internal/rule", "internal/dissect"},
	{"internal/inbox"},
	{"internal/record", "internal/notify", "internal/care"},
	{"internal/edge", "internal/sensor"},
	{"internal/asset", "internal/network", "internal/listen", "internal/vuln", "internal/detect", "internal/baseline", "internal/conduit", "internal/performance", "internal/logs"}, // the slices: none knows another
	{"internal/comply"},
	{"internal/view"},
	{"internal/api", "internal/demo"},
	{"internal/app"},
	{"cmd"},
}

// plugins are families whose members must not know each other.
var plugins = []string{"internal/dissect"}

// shared are members that are no plug-in but serve the others.
var shared = []string{"ber", "certificate", "recognised", "routable", "smb/ntlmssp", "vendorid"}

// tools may stand beside their unit and be imported by tests only.
var testOnly = []string{"clamdtest", "modemtest", "storetest", "dissecttest", "resttest", "sensortest", "slapdtest", "ssotest"}

func unitOf(pkg string) (unit string, layer int) {
	layer = -1
	for i, units := range layers {
		for _, u := range units {
			if (pkg == u || strings.HasPrefix(pkg, u+"/")) && len(u) > len(unit) {
				unit, layer = u, i
			}
		}
	}
	return unit, layer
}

type source struct {
	name string
	file *ast.File
	test bool
}

// sources reads the repository's Go files in process rather than by "go list",
// so that the test cache notices when one of them changes.
func sources(t *testing.T) []source {
	t.Helper()
	root := os.DirFS("../..")
	var all []source
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "testdata" || d.Name() == "node_modules" || name == "tools" || strings.HasPrefix(d.Name(), ".") && name != "."):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		src, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		all = append(all, source{name: name, file: file, test: strings.HasSuffix(name, "_test.go")})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d Go files found: the walk looks at the wrong folder", len(all))
	}
	return all
}

func imports(t *testing.T, f *ast.File) []string {
	t.Helper()
	var out []string
	for _, spec := range f.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		if dep, ok := strings.CutPrefix(imp, module); ok {
			out = append(out, dep)
		}
	}
	return out
}

func TestDependencyDirection(t *testing.T) {
	for _, s := range sources(t) {
		unit, layer := unitOf(path.Dir(s.name))
		if layer < 0 && !strings.HasPrefix(s.name, "test/") {
			t.Errorf("%s: package is in no layer; add it to layers and to docs/ARCHITECTURE.md", s.name)
		}
		if s.test { // a test may wire what its package may not
			continue
		}
		for _, dep := range imports(t, s.file) {
			if u, l := unitOf(dep); u != unit && l >= layer && layer >= 0 {
				t.Errorf("%s: must not import %s (%q is not below %q)", s.name, dep, u, unit)
			}
			if slices.Contains(testOnly, path.Base(dep)) && !slices.Contains(testOnly, path.Base(path.Dir(s.name))) {
				t.Errorf("%s: %s is for tests", s.name, dep)
			}
		}
	}
}

func TestPluginsDoNotKnowEachOther(t *testing.T) {
	for _, s := range sources(t) {
		pkg := path.Dir(s.name)
		for _, family := range plugins {
			member, ok := strings.CutPrefix(pkg, family+"/")
			if !ok || member == "all" || s.test {
				continue
			}
			for _, dep := range imports(t, s.file) {
				other, ok := strings.CutPrefix(dep, family+"/")
				if ok && strings.Split(other, "/")[0] != strings.Split(member, "/")[0] && !slices.Contains(shared, other) && !slices.Contains(testOnly, member) {
					t.Errorf("%s: imports %s; what two dissectors share belongs into %s itself", s.name, dep, family)
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	said := map[string]bool{}
	for _, s := range sources(t) {
		pkg := path.Dir(s.name)
		if s.test && !said[pkg] {
			if s.file.Doc != nil {
				said[pkg] = true
			}
			continue
		}
		said[pkg] = said[pkg] || s.file.Doc != nil
	}
	for pkg, ok := range said {
		if !ok {
			t.Errorf("%s has no package sentence: say what it is, and what it is not for", pkg)
		}
	}
}

func TestHouseRules(t *testing.T) {
	for _, s := range sources(t) {
		switch base := path.Base(path.Dir(s.name)); base {
		case "util", "utils", "common", "helpers", "models", "types", "pkg":
			t.Errorf("%s: a package is named after its noun, not %q", s.name, base)
		}
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s: no init(): plug-ins are explicit lists, tables are built when used", s.name)
			}
		}
	}
}
