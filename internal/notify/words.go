package notify

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	texttemplate "text/template"
	"time"

	"github.com/skanse/skanse/catalog"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/translate"
)

// words are the texts of every language in catalog/texts/notices.
type words struct {
	plain map[string]*texttemplate.Template
	html  map[string]*template.Template
}

// names are what a language must have.
func names() []string { return []string{"subject", "text", "html", "sms"} }

func loadWords() (*words, error) {
	files, err := fs.Glob(catalog.Files, "texts/notices/*.tmpl")
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("the catalogue holds no texts of notices: %w", err)
	}
	w := &words{map[string]*texttemplate.Template{}, map[string]*template.Template{}}
	for _, f := range files {
		b, err := fs.ReadFile(catalog.Files, f)
		if err != nil {
			return nil, err
		}
		lang := strings.TrimSuffix(path.Base(f), ".tmpl")
		if w.plain[lang], err = texttemplate.New(lang).Parse(string(b)); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		if w.html[lang], err = template.New(lang).Parse(string(b)); err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		for _, n := range names() {
			if w.plain[lang].Lookup(n) == nil {
				return nil, fmt.Errorf("%s has no text %q", f, n)
			}
		}
	}
	if w.plain["en"] == nil {
		return nil, fmt.Errorf("the catalogue has no English texts of notices")
	}
	return w, nil
}

// letter is what the texts are filled with.
type letter struct {
	What, Name    string
	Severity      int64
	Title, Detail string
	Site          string
	Due           string // in the person's own time
	due           time.Time
	Link, Address string
	Code          string // of a reply by SMS; empty: none is read
	Items         []letter
	More          int
}

func letterOf(what string, c Content, zone *time.Location) letter {
	l := letter{What: what, Severity: c.Severity, Title: c.Title, Detail: c.Detail, Site: c.Site, More: c.More}
	if !c.DueAt.IsZero() {
		l.due = c.DueAt.In(zone)
		l.Due = l.due.Format(dueLayout)
	}
	for _, i := range c.Items {
		l.Items = append(l.Items, letterOf(whatOpen, i, zone))
	}
	return l
}

const dueLayout = "Mon 2 Jan 15:04 MST"

// in says the letter's sentences in a language.
func (l letter) in(b *translate.Book, lang string) letter {
	l.Title, l.Detail = b.Say(lang, l.Title), b.Say(lang, l.Detail)
	if !l.due.IsZero() {
		l.Due = translate.When(lang, l.due, dueLayout)
	}
	for i := range l.Items {
		l.Items[i] = l.Items[i].in(b, lang)
	}
	return l
}

func (w *words) language(lang string) string {
	if w.plain[lang] != nil {
		return lang
	}
	return "en"
}

// subject is one line.
func (w *words) subject(lang string, l letter) (string, error) {
	s, err := w.fill(lang, "subject", l)
	s = ot.Printable(s)
	if r := []rune(s); len(r) > 150 {
		s = string(r[:149]) + "…"
	}
	return s, err
}

func (w *words) fill(lang, name string, l letter) (string, error) {
	var b bytes.Buffer
	if err := w.plain[w.language(lang)].ExecuteTemplate(&b, name, l); err != nil {
		return "", fmt.Errorf("write a notice: %w", err)
	}
	return strings.TrimSpace(b.String()), nil
}

func (w *words) page(lang string, l letter) (string, error) {
	var b bytes.Buffer
	if err := w.html[w.language(lang)].ExecuteTemplate(&b, "html", l); err != nil {
		return "", fmt.Errorf("write a notice: %w", err)
	}
	return b.String(), nil
}
