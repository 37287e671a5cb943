package vendors

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every attribute that a dissector states by name has a title: a page that
// shows "lldp.med_fw" to an operator explains nothing.
func TestEveryStatedAttributeHasATitle(t *testing.T) {
	known, err := readTitles()
	if err != nil {
		t.Fatal(err)
	}
	stated := regexp.MustCompile(`Fact(?:Of)?\((?:[^,"()]|\([^()]*\))*,? ?"([a-z0-9_]+\.[a-z0-9_-]+)"`)
	found := 0
	err = filepath.WalkDir("../../internal/dissect", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range stated.FindAllSubmatch(src, -1) {
			found++
			if known[string(m[1])] == "" {
				t.Errorf("%s states %s, which attributes.yaml does not name", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 60 {
		t.Errorf("found %d attributes in the dissectors; the pattern of this test no longer fits them", found)
	}
	if got := Title("nobody.named_it"); got != "nobody.named_it" {
		t.Errorf("Title = %q", got)
	}
}
