package translate

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"regexp"
	"testing"

	"github.com/skanse/skanse/catalog"
	"go.yaml.in/yaml/v3"
)

// detection is what a rule says to people.
type detection struct {
	ID         string `yaml:"id"`
	Title      string `yaml:"title"`
	Why        string `yaml:"why"`
	FalseAlarm string `yaml:"false_alarm"`
	First      string `yaml:"first"`
}

func (d detection) texts() map[string]string {
	return map[string]string{"title": d.Title, "why": d.Why, "false_alarm": d.FalseAlarm, "first": d.First}
}

// Each shipped detection says all it has to say in every language, and no language speaks
// of one that is not there. Names, numbers and ports in it are the same.
func TestEveryDetectionIsSaid(t *testing.T) {
	names, err := fs.Glob(catalog.Files, "detections/*.yaml")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d files of detections: %v", len(names), err)
	}
	rules := map[string]detection{}
	for _, name := range names {
		raw, err := catalog.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for dec := yaml.NewDecoder(bytes.NewReader(raw)); ; {
			var d detection
			if err := dec.Decode(&d); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			rules[d.ID] = d
		}
	}
	proper := regexp.MustCompile(`[A-Z]{2,}[A-Z0-9$-]*|[A-Z][a-z]+[A-Z][A-Za-z]+|\b[0-9]{3,}\b`)
	for _, lang := range Languages() {
		raw, err := catalog.Files.ReadFile("texts/detections/" + lang + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		said := map[string]detection{}
		if err := yaml.Unmarshal(raw, &said); err != nil {
			t.Fatalf("%s: %v", lang, err)
		}
		for id := range said {
			if _, ok := rules[id]; !ok {
				t.Errorf("catalog/texts/detections/%s.yaml speaks of %q, which no rule is called", lang, id)
			}
		}
		for id, r := range rules {
			other := said[id].texts()
			for field, english := range r.texts() {
				if (english == "") != (other[field] == "") || other[field] == english && english != "" {
					t.Errorf("catalog/texts/detections/%s.yaml: %s of %s is missing, or still English", lang, field, id)
				}
				for _, word := range proper.FindAllString(english, -1) {
					if !bytes.Contains([]byte(other[field]), []byte(word)) && word != "IDs" {
						t.Errorf("%s: %s of %s does not name %s", lang, field, id, word)
					}
				}
			}
		}
	}
}
