package app

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/comply"
	"github.com/skanse/skanse/internal/translate"
	"github.com/skanse/skanse/web"
	"go.yaml.in/yaml/v3"
)

// openLanguages reads how the server's sentences are said in other languages.
func (s *server) openLanguages(c *comply.Catalogue) error {
	english := contentNames(c)
	titles := map[string]map[string]string{}
	for _, lang := range translate.Languages() {
		raw, err := fs.ReadFile(web.Content, "src/texts/content."+lang+".json")
		if err != nil {
			return fmt.Errorf("read the names of the content: %w", err)
		}
		said := map[string]string{}
		if err := json.Unmarshal(raw, &said); err != nil {
			return fmt.Errorf("read the names of the content in %s: %w", lang, err)
		}
		titles[lang] = map[string]string{}
		for path, name := range english {
			if said[path] != "" {
				titles[lang][name] = said[path]
			}
		}
		for _, t := range s.records.Types().All() {
			for _, m := range t.Transitions {
				titles[lang][m.Title] = said["record|"+t.ID+"|transitions."+m.ID+".title"]
			}
		}
	}
	if err := s.ruleTexts(titles); err != nil {
		return err
	}
	book, err := translate.Open(catalog.Files, "texts/sentences", titles)
	if err != nil {
		return err
	}
	s.say = &translate.Answers{Book: book}
	return nil
}

// contentNames are the catalogue's names by where they stand, as the interface finds them.
func contentNames(c *comply.Catalogue) map[string]string {
	out := map[string]string{}
	for _, a := range c.Areas {
		out["area|"+strconv.Itoa(a.ID)+"|name"] = a.Name
		for _, r := range a.Requirements {
			out["requirement|"+r.ID+"|title"] = r.Title
			for _, k := range r.Checks {
				out["check|"+k.ID+"|title"] = strings.TrimSpace(k.Title)
			}
		}
	}
	return out
}

// ruleTexts adds what the shipped detections say.
func (s *server) ruleTexts(titles map[string]map[string]string) error {
	for lang, said := range titles {
		raw, err := fs.ReadFile(catalog.Files, "texts/detections/"+lang+".yaml")
		if err != nil {
			return fmt.Errorf("read the texts of detections: %w", err)
		}
		var texts map[string]struct {
			Title      string `yaml:"title"`
			Why        string `yaml:"why"`
			FalseAlarm string `yaml:"false_alarm"`
			First      string `yaml:"first"`
		}
		if err := yaml.Unmarshal(raw, &texts); err != nil {
			return fmt.Errorf("read the texts of detections in %s: %w", lang, err)
		}
		for id, x := range texts {
			if r := s.sensor.Rules.Lookup(id); r != nil {
				for _, p := range [][2]string{{r.Title, x.Title}, {r.Why, x.Why}, {r.FalseAlarm, x.FalseAlarm}, {r.First, x.First}} {
					said[strings.TrimSpace(p[0])] = p[1]
				}
			}
		}
	}
	return nil
}
