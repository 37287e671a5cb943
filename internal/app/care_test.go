package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/care"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// Every table has a class, every class has its tables, and what care says of a table
// is true of it.
func TestEveryTableHasAClass(t *testing.T) {
	storetest.Each(t, schema(), func(t *testing.T, db *store.DB) {
		classes := map[string]bool{}
		for _, c := range care.Classes() {
			classes[c.ID] = true
		}
		said := map[string]care.Table{}
		for _, x := range care.Tables() {
			if _, twice := said[x.Name]; twice {
				t.Errorf("%s has two classes", x.Name)
			}
			if !classes[x.Class] {
				t.Errorf("%s has the class %s, which there is not", x.Name, x.Class)
			}
			if x.At != "" && !x.Owner && x.Key == "" {
				t.Errorf("%s ages and names no key to remove its rows by", x.Name)
			}
			said[x.Name] = x
		}
		var tables []store.Table
		err := db.View(t.Context(), func(r store.Reader) (err error) {
			tables, err = store.Tables(t.Context(), r)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range tables {
			if _, ok := said[x.Name]; !ok {
				t.Errorf("the table %s has no class: say in internal/care/class.go how long its rows are kept", x.Name)
			}
			delete(said, x.Name)
		}
		for name := range said {
			t.Errorf("%s has a class and is no table", name)
		}
		// The conditions are SQL of both engines: run each over the empty tables.
		s := care.New(db, care.Config{Folder: t.TempDir()})
		for _, c := range care.Classes() {
			if c.Fixed {
				continue
			}
			if _, err := s.Preview(t.Context(), c.ID, max(c.Min, 1)); err != nil {
				t.Errorf("%s: %v", c.ID, err)
			}
		}
		if err := s.Measure(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := s.Retain(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// What lies in a data folder is listed in dataParts: what the program makes there, and
// every name that its sources put behind a Folder.
func TestEveryPartOfTheFolderIsKnown(t *testing.T) {
	p := newPlant(t, "")
	kit(t, p.folder)
	entries, err := os.ReadDir(string(p.folder))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := dataPart(e.Name()); !ok {
			t.Errorf("%s lies in the data folder: say in folder_parts.go whether a snapshot holds it", e.Name())
		}
	}
	for _, x := range dataParts() {
		if x.kept == notKept && x.why == "" {
			t.Errorf("%s is not kept, and nobody says why", x.name)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			c, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fn, ok := c.Fun.(*ast.SelectorExpr)
			if !ok || len(c.Args) == 0 {
				return true
			}
			var at ast.Expr
			switch {
			case fn.Sel.Name == "join" && len(c.Args) == 1: // Folder.join("x")
				at = c.Args[0]
			case fn.Sel.Name == "Join" && len(c.Args) > 1 && isFolder(c.Args[0]): // filepath.Join(string(f), "x")
				at = c.Args[1]
			}
			if lit, ok := at.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				asked++
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				first, _, _ := strings.Cut(filepath.ToSlash(text), "/")
				if _, ok := dataPart(first); !ok {
					t.Errorf("%s puts %q into a data folder: say in folder_parts.go whether a snapshot holds it", name, text)
				}
			}
			return true
		})
	}
	if asked < 3 {
		t.Errorf("only %d names were found: the walk looks past them", asked)
	}
}

// isFolder is string(x): how sources make a path of a Folder.
func isFolder(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	if !ok || len(c.Args) != 1 {
		return false
	}
	id, ok := c.Fun.(*ast.Ident)
	return ok && id.Name == "string"
}
