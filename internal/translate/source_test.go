package translate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
	"go.yaml.in/yaml/v3"
)

// A sentence that somebody writes into the server tomorrow must be in the catalogue too.
// The sources are read: what stands between the blanks of every sentence that a person
// may see stands in an entry.
func TestEverySentenceOfTheSourcesIsKnown(t *testing.T) {
	b := shipped(t)
	var known []string
	for _, e := range slices.Concat(b.blank, entries(b.whole)) {
		known = append(known, blankMark.ReplaceAllString(e.EN, "\x00"))
	}
	seen := 0
	check := func(where, text string) {
		for _, piece := range pieces(text) {
			seen++
			if _, whole := b.SayAll("da", piece); whole || strings.Contains(piece, "FROM ") {
				continue // or SQL
			}
			if !slices.ContainsFunc(known, func(k string) bool { return strings.Contains(k, piece) }) {
				t.Errorf("%s: %q is in no entry of catalog/texts/sentences", where, piece)
			}
		}
	}
	for _, f := range sources(t, "../*/*.go", "../edge/centre/*.go", "../auth/*/*.go", "../rest/*/*.go", "../vuln/*/*.go", "../plan/*/*.go", "../notify/*/*.go") {
		ast.Inspect(f.file, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.CompositeLit: // inbox.Item{Title: …, Detail: …}, care.Problem{…}
				if name := typeName(x.Type); name == "Item" && f.dir != "record" && f.dir != "comply" || name == "Problem" && (f.dir == "care" || f.dir == "app") || name == "Need" {
					for _, e := range x.Elts {
						if kv, ok := e.(*ast.KeyValueExpr); ok {
							if key := typeName(kv.Key); key != "Title" && key != "Detail" {
								continue
							}
							e = kv.Value
						}
						literals(e, func(s string) { check(f.name, s) })
					}
				}
			case *ast.CallExpr:
				if wholly(f) && typeName(x.Fun) == "Errorf" && len(x.Args) > 1 {
					literals(x.Args[1], func(s string) { check(f.name, s) })
				}
			}
			return true
		})
	}
	// Levels and answers say nothing but sentences.
	for _, f := range sources(t, "../comply/level.go", "../comply/level_text.go", "../comply/answer.go", "../comply/rollup.go", "../comply/needs.go") {
		ast.Inspect(f.file, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok && slices.Contains([]string{"All", "Select", "One", "Errorf"}, typeName(c.Fun)) {
				return false // SQL
			}
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING && l.Value[0] == '"' {
				check(f.name, unquote(l))
			}
			return true
		})
	}
	// What keeps a change from being seen.
	for _, f := range sources(t, "../comply/sight.go") {
		ast.Inspect(f.file, func(n ast.Node) bool {
			if c, ok := n.(*ast.CallExpr); ok && typeName(c.Fun) == "worse" {
				literals(c.Args[len(c.Args)-1], func(s string) { check(f.name, s) })
			}
			return true
		})
	}
	// Reasons are made in SQL: what stands there in its own quotes, and what is handed to the
	// statements in Go's: of each check that there is, also of one that is written tomorrow.
	begins, ends := regexp.MustCompile(`^[A-Z][a-z]+ [^()=|]*[a-z][^()=|]*$`), regexp.MustCompile(`^ ?[a-z][^()=|]* [^()=|]*[a-z]\.$`)
	sentence := regexp.MustCompile(`^[A-Z][a-z]|^[,;:]|[.:]$`)
	sql := regexp.MustCompile(`^[A-Z]{2}|\.[a-z]+_|\|\||= `)
	quoted := regexp.MustCompile(`'([^']*)'`)
	for _, f := range sources(t, "../comply/checks_*.go", "../comply/relation.go") {
		ast.Inspect(f.file, func(n ast.Node) bool {
			l, ok := n.(*ast.BasicLit)
			if !ok || l.Kind != token.STRING {
				return true
			}
			text := unquote(l)
			for _, m := range quoted.FindAllStringSubmatch(text, -1) {
				if sentence.MatchString(m[1]) && !strings.Contains(m[1], "%'") {
					check(f.name, m[1])
				}
			}
			// A quote may be opened in one literal and closed in another, with a word of Go between.
			for _, part := range strings.Split(text, "'") {
				if begins.MatchString(part) || ends.MatchString(part) {
					check(f.name, part)
				}
			}
			// One whole sentence in Go, or the words before the blanks of one.
			if !strings.Contains(text, "'") && sentence.MatchString(text) && strings.Contains(text, " ") && !sql.MatchString(text) {
				check(f.name, text)
			}
			return true
		})
	}
	// What a check measures and wants is said whole.
	for _, f := range requirementFiles(t) {
		for _, r := range f.Requirements {
			for _, k := range r.Checks {
				for _, lang := range Languages() {
					for _, text := range []string{k.Measure, k.Wants} {
						if _, whole := b.SayAll(lang, text); !whole {
							t.Errorf("check %s: catalog/texts/sentences does not say in %s: %q", k.ID, lang, text)
						}
					}
				}
				seen++
			}
		}
	}
	if seen < 1200 {
		t.Errorf("%d pieces were found: the sources are read wrong", seen)
	}
}

type requirements struct {
	Requirements []struct {
		Checks []struct {
			ID      string `yaml:"id"`
			Measure string `yaml:"measure"`
			Wants   string `yaml:"wants"`
		} `yaml:"checks"`
	} `yaml:"requirements"`
}

func requirementFiles(t *testing.T) []requirements {
	t.Helper()
	names, err := fs.Glob(catalog.Files, "requirements/[0-9]*.yaml")
	if err != nil || len(names) < 11 {
		t.Fatalf("the catalogue has %d files of requirements: %v", len(names), err)
	}
	out := make([]requirements, len(names))
	for i, name := range names {
		raw, err := fs.ReadFile(catalog.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(raw, &out[i]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return out
}

// wholly says whether every refusal of a file is said. What only the command line, the start, the log or another
// machine is told is English: packages and files that no page leads to.
func wholly(f source) bool {
	switch f.dir {
	case "app":
		return slices.Contains([]string{"app/bundle.go", "app/inbox.go", "app/programs.go", "app/records.go", "app/sight.go", "app/vuln.go"}, f.name)
	case "audit", "box", "edge", "live", "modem", "recognised", "ring", "sensor", "store", "syslog", "wire":
		return false
	}
	return !slices.Contains([]string{ // by name, so that a new file is asked
		"centre/apply.go", "centre/authority.go", "centre/door.go", "comply/catalogue_read.go", "comply/verify.go",
		"record/record.go", "record/type_read.go", "rule/rule.go", "rule/condition.go", "detect/play.go", "detect/technique.go", "seal/key.go",
	}, f.name)
}

type source struct {
	dir, name string
	file      *ast.File
}

func sources(t *testing.T, globs ...string) []source {
	t.Helper()
	var out []source
	for _, g := range globs {
		names, err := filepath.Glob(g)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: nothing there: %v", g, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, src, 0)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, source{filepath.Base(filepath.Dir(name)), filepath.Base(filepath.Dir(name)) + "/" + filepath.Base(name), file})
		}
	}
	return out
}

func typeName(e ast.Expr) string {
	switch x := e.(type) {
	case *ast.Ident:
		return x.Name
	case *ast.SelectorExpr:
		return x.Sel.Name
	}
	return ""
}

func literals(e ast.Expr, fn func(string)) {
	ast.Inspect(e, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && slices.Contains([]string{"Format", "Join"}, typeName(c.Fun)) {
			return false // layouts of times
		}
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			fn(unquote(l))
		}
		return true
	})
}

func unquote(l *ast.BasicLit) string {
	s, err := strconv.Unquote(l.Value)
	if err != nil {
		return ""
	}
	return s
}

func entries(m map[string]*entry) []*entry {
	out := make([]*entry, 0, len(m))
	for _, e := range m {
		out = append(out, e)
	}
	return out
}

var verb = regexp.MustCompile(`%[-+#0-9.]*[a-zA-Z]|\{[td]:|\{login\}`)

// pieces are what stands between the blanks of a format, where it has words.
func pieces(format string) []string {
	var out []string
	for _, p := range verb.Split(strings.ReplaceAll(format, "%%", "%"), -1) {
		if p = strings.Trim(strings.TrimPrefix(strings.Trim(p, " \"'()}"), "UTC. "), " "); p != "2 Jan 2006" && strings.Contains(p, " ") && regexp.MustCompile(`[a-z]{2}`).MatchString(p) {
			out = append(out, p)
		}
	}
	return out
}
