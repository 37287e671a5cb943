// Package translate says the sentences that the server makes in another language. What
// is kept, hashed, signed and sent between machines is the English sentence; a reader's
// language is put on when it is read. It knows no table and no page, and it never
// guesses: what the catalogue does not know whole stays as it was written.
package translate

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// English is the language that everything is written in first.
const English = "en"

// Languages are those that sentences are said in besides English.
func Languages() []string { return []string{"da", "de"} }

// Book holds the sentences of every language. The zero pointer says everything in English.
type Book struct {
	whole  map[string]*entry // sentences without a blank
	blank  []*entry          // with blanks, the most literal first
	begins [256][]*entry     // of blank, those that a text with this first byte may be
	titles map[string]map[string]string
}

// entry is a sentence of catalog/texts/sentences.
type entry struct {
	EN string `yaml:"en"`
	DA string `yaml:"da"`
	DE string `yaml:"de"`

	form form
}

func (e *entry) in(lang string) string {
	if lang == "da" {
		return e.DA
	}
	return e.DE
}

// Open reads every file of the folder. titles gives, for a language, what the content's
// names (requirements, checks, record types) are called: by their English.
func Open(files fs.FS, folder string, titles map[string]map[string]string) (*Book, error) {
	names, err := fs.Glob(files, folder+"/*.yaml")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("the catalogue holds no sentences in %s: %w", folder, err)
	}
	b := &Book{whole: map[string]*entry{}, titles: titles}
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("read the sentences: %w", err)
		}
		var list []*entry
		if err := yaml.Unmarshal(raw, &list); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, e := range list {
			if err := b.add(e); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	slices.SortStableFunc(b.blank, func(x, y *entry) int { return y.form.literal - x.form.literal })
	for _, e := range b.blank {
		for c := range b.begins {
			if e.form.head == "" || e.form.head[0] == byte(c) {
				b.begins[c] = append(b.begins[c], e)
			}
		}
	}
	return b, nil
}

func (b *Book) add(e *entry) (err error) {
	if e.form, err = parse(e.EN); err != nil {
		return err
	}
	for _, lang := range Languages() {
		if err := e.form.fits(e.in(lang)); err != nil {
			return fmt.Errorf("%q in %s: %w", e.EN, lang, err)
		}
	}
	if len(e.form.blanks) > 0 {
		b.blank = append(b.blank, e)
		return nil
	}
	if b.whole[e.EN] != nil {
		return fmt.Errorf("%q stands there twice", e.EN)
	}
	b.whole[e.EN] = e
	return nil
}

// Say says a text of one or more sentences in a language, as much of it as is known.
func (b *Book) Say(lang, english string) string {
	said, _ := b.SayAll(lang, english)
	return said
}

// SayAll is Say, and says whether the whole text was known.
func (b *Book) SayAll(lang, english string) (string, bool) {
	if b == nil || english == "" || len(english) > longest || !slices.Contains(Languages(), lang) {
		return english, lang == English
	}
	s := saying{book: b, lang: lang, steps: most}
	return s.text(english)
}

// most bounds the looking for one text: names from the wire may look like anything, and
// a text of a hundred colons has as many places where a sentence might begin. Our
// longest take about thirty.
const (
	most    = 300
	longest = 8 << 10 // bytes; a list of a hundred names has about two thousand
)

// saying is one text on its way.
type saying struct {
	book  *Book
	lang  string
	steps int
}

// text says several sentences.
func (s *saying) text(text string) (string, bool) {
	if said, ok := s.one(text); ok {
		return said, true
	}
	// The longest known beginning, then the rest.
	ends := boundaries(text)
	for _, end := range slices.Backward(ends) {
		if said, ok := s.one(text[:end]); ok {
			rest, all := s.text(text[end+1:])
			return said + " " + rest, all
		}
	}
	// A name before what is known: "Aarhus: no sensor listens here".
	for at := 0; s.steps > 0; {
		n := strings.Index(text[at:], ": ")
		if n < 0 {
			break
		}
		at += n
		if said, ok := s.text(text[at+2:]); ok {
			head, _ := s.one(text[:at])
			return head + ": " + said, true
		}
		at += 2
	}
	if len(ends) > 0 {
		rest, _ := s.text(text[ends[0]+1:])
		return text[:ends[0]] + " " + rest, false
	}
	return text, false
}

// one says a single sentence, name or phrase.
func (s *saying) one(text string) (string, bool) {
	if s.steps--; s.steps < 0 {
		return text, false
	}
	if e := s.book.whole[text]; e != nil {
		return e.in(s.lang), true
	}
	if title, ok := s.book.title(s.lang, text); ok {
		return title, true
	}
	if text == "" {
		return text, false
	}
	for _, e := range s.book.begins[text[0]] {
		if found, ok := e.form.match(text); ok && !s.swallows(e.form, found) {
			return e.form.fill(e.in(s.lang), func(bl blank) string { return s.fit(bl.kind, found[bl.name]) }), true
		}
	}
	return text, false
}

// swallows says whether a blank before the last has run over the end of a sentence. What is
// said again there is a phrase, with a point in it only if it is known as a whole.
func (s *saying) swallows(f form, found map[string]string) bool {
	for _, bl := range f.blanks[:len(f.blanks)-1] {
		text := found[bl.name]
		if bl.kind != kindSaid || len(boundaries(text)) == 0 || s.book.whole[text] != nil {
			continue
		}
		if _, ok := s.book.title(s.lang, text); !ok {
			return true
		}
	}
	return false
}

// fit puts what stood in a blank into the other language.
func (s *saying) fit(kind, text string) string {
	switch kind {
	case kindNumber:
		return strings.Replace(text, ".", ",", 1)
	case kindTime:
		return when(s.lang, text)
	case kindWords:
		words := strings.Fields(text)
		for i, w := range words {
			words[i], _ = s.one(w)
		}
		return strings.Join(words, ", ")
	case kindSaid:
		if e := s.book.whole[text]; e != nil {
			return e.in(s.lang)
		}
		if title, ok := s.book.title(s.lang, text); ok {
			return title
		}
		parts := strings.Split(text, "; ")
		for i, p := range parts {
			parts[i], _ = s.text(p)
		}
		return strings.Join(parts, "; ")
	}
	return text
}

// title finds a name of the content; inside a sentence it begins small.
func (b *Book) title(lang, text string) (string, bool) {
	titles := b.titles[lang]
	if said, ok := titles[text]; ok {
		return said, true
	}
	r, n := utf8.DecodeRuneInString(text)
	if !unicode.IsLower(r) {
		return text, false
	}
	said, ok := titles[string(unicode.ToUpper(r))+text[n:]]
	if ok && lang == "da" { // in German most names begin with a noun
		said = small(said)
	}
	return said, ok
}

func small(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if next, _ := utf8.DecodeRuneInString(s[n:]); !unicode.IsLower(next) {
		return s
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// boundaries are the places of spaces between two sentences.
func boundaries(text string) []int {
	var out []int
	for i := 1; i+1 < len(text); i++ {
		if text[i] != ' ' || !strings.ContainsRune(".!?", rune(text[i-1])) {
			continue
		}
		if r, _ := utf8.DecodeRuneInString(text[i+1:]); unicode.IsUpper(r) || unicode.IsDigit(r) || r == '"' {
			out = append(out, i)
		}
	}
	return out
}
