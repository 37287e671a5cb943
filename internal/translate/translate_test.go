package translate

import (
	"strings"
	"testing"

	"github.com/skanse/skanse/catalog"
)

func shipped(t testing.TB) *Book {
	t.Helper()
	b, err := Open(catalog.Files, "texts/sentences", map[string]map[string]string{
		"da": {"Ways in with a bypass": "Veje ind med omgåelse"},
		"de": {"Ways in with a bypass": "Zugänge mit Umgehung"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSay(t *testing.T) {
	b := shipped(t)
	for _, c := range []struct{ en, da, de string }{
		{"Never heard.", "Aldrig hørt.", "Nie gehört."},
		{"", "", ""},
		{"Of a language that nobody wrote.", "Of a language that nobody wrote.", "Of a language that nobody wrote."},
		{ // a number, a plural, a name of the content inside a sentence
			"Documented, but ways in with a bypass: 3 conversations, target 0.", "Dokumenteret, men veje ind med omgåelse: 3 samtaler, mål 0.", "Dokumentiert, aber: Zugänge mit Umgehung: 3 Verbindungen, Ziel 0.",
		},
		{ // a point inside a name ends no sentence; one between two sentences does
			"To reach 2: declare \"DoS protection description incl. ISP contact\", attested by IT + DSO.", "For at nå 2: erklær „beskrivelse af DoS-beskyttelse inkl. kontakt hos internetudbyderen“, bekræftet af IT + DSO.", "Für Stufe 2: „Beschreibung des DoS-Schutzes einschließlich Kontakt zum Internetanbieter“ erklären, bestätigt durch IT + DSO.",
		},
		{"2 technologies, target 1 at most. Conversations into OT: 1, newest 3 Mar 2026.", "2 teknologier, mål højst 1. Samtaler ind i OT: 1, nyeste 3. marts 2026.", "2 Techniken, Ziel höchstens 1. Verbindungen in die OT: 1, neueste 3. März 2026."},
		{"1 conversation, target 0. Never heard.", "1 samtale, mål 0. Aldrig hørt.", "1 Verbindung, Ziel 0. Nie gehört."},
		{"94.9 %, target 95%; 19 of 20 judged.", "94,9 %, mål 95 %; 19 af 20 vurderet.", "94,9 %, Ziel 95 %; 19 von 20 beurteilt."},
		{"Last heard 3 Mar 2026 04:05 UTC.", "Sidst hørt 3. marts 2026 kl. 04.05 UTC.", "Zuletzt gehört 3. März 2026, 04:05 Uhr UTC."},
		{"Due 2026-12-01", "Forfalder 1. dec. 2026", "Fällig 1. Dez. 2026"},
		{ // what people and devices call themselves is kept, also where it looks like a sentence of ours
			"Blocked by Never heard.: Due 1 Jan 2026.", "Blokeret af Never heard.: Due 1 Jan 2026.", "Gesperrt von Never heard.: Due 1 Jan 2026.",
		},
		{"Aarhus: 2 declarations end within 14 days", "Aarhus: 2 erklæringer udløber inden for 14 dage", "Aarhus: 2 Erklärungen enden innerhalb von 14 Tagen"},
		{"Missing: vendor zone.", "Mangler: fabrikat, zone.", "Es fehlt: Hersteller, Zone."},
		{ // half known is half said, never guessed
			"Never heard. It hums a tune.", "Aldrig hørt. It hums a tune.", "Nie gehört. It hums a tune.",
		},
		{"Unknown: ways in with a bypass; and 3 more.", "Ukendt: veje ind med omgåelse; og 3 til.", "Unbekannt: Zugänge mit Umgehung; und 3 weitere."},
	} {
		if got := b.Say("da", c.en); got != c.da {
			t.Errorf("da: %q\n got %q\nwant %q", c.en, got, c.da)
		}
		if got := b.Say("de", c.en); got != c.de {
			t.Errorf("de: %q\n got %q\nwant %q", c.en, got, c.de)
		}
		if got := b.Say("en", c.en); got != c.en {
			t.Errorf("English was changed: %q to %q", c.en, got)
		}
	}
	var none *Book
	if got := none.Say("da", "Never heard."); got != "Never heard." {
		t.Error("without a book nothing is said otherwise")
	}
}

// Each sentence of the catalogue, its blanks filled, is found as itself and not as
// another that looks like it.
func TestEachSentenceIsFoundAsItself(t *testing.T) {
	b := shipped(t)
	samples := map[string]string{kindKept: "Pump 7", kindNumber: "12", kindTime: "3 Mar 2026", kindSaid: "Never heard.", kindWords: "vendor"}
	for _, e := range b.blank {
		text := e.form.fill(e.EN[:0]+blankNames(e.EN), func(bl blank) string { return samples[bl.kind] })
		for _, other := range b.blank {
			if _, ok := other.form.match(text); ok {
				if other != e {
					t.Errorf("%q is taken for %q", e.EN, other.EN)
				}
				break
			}
		}
		if b.whole[text] != nil {
			t.Errorf("%q is taken for the whole sentence %q", e.EN, text)
		}
	}
}

// blankNames drops the kinds, so that fill knows the blanks of an English sentence.
func blankNames(s string) string { return blankMark.ReplaceAllString(s, "{$1}") }

func TestAccepted(t *testing.T) {
	for header, want := range map[string]string{
		"": "en", "da": "da", "de-AT,de;q=0.9,en;q=0.8": "de", "fr, da;q=0.3, en;q=0.2": "da", "en-GB, da": "en", "da;q=0.1, de;q=0.9": "de", "*": "en", "da;q=x": "da", ";;;,=": "en",
	} {
		if got := Accepted(header); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	type line struct {
		Name string
		Why  []string `say:"true"`
	}
	type page struct {
		Title string `say:"true"`
		Lines []line
		ByID  map[string]*line
		Next  *page
		Count int
	}
	a := &Answers{Book: shipped(t)}
	in := &page{Title: "Never heard.", Lines: []line{{Name: "Never heard.", Why: []string{"Decided.", "x"}}}, ByID: map[string]*line{"a": {Why: []string{"Decided."}}, "b": nil}, Count: 3}
	got := a.Say("da", in).(*page)
	if got.Title != "Aldrig hørt." || got.Lines[0].Name != "Never heard." || got.Lines[0].Why[0] != "Afgjort." || got.ByID["a"].Why[0] != "Afgjort." || got.ByID["b"] != nil || got.Count != 3 {
		t.Errorf("%+v", got)
	}
	if in.Title != "Never heard." || in.Lines[0].Why[0] != "Decided." || in.ByID["a"].Why[0] != "Decided." {
		t.Error("the answer itself was changed; it may be kept for the next reader")
	}
	if a.Say("en", in) != any(in) || (*Answers)(nil).Say("da", in) != any(in) {
		t.Error("English needs no copy")
	}
	type plain struct{ A, B string }
	if v := a.Say("da", plain{"x", "y"}); v != any(plain{"x", "y"}) {
		t.Error(v)
	}
}

// What devices call themselves may stand in any blank, at any length.
func FuzzSay(f *testing.F) {
	for _, s := range []string{"Blocked by a: b", "Unknown: ; ; ; .", "To reach 3: answer \"\". ", strings.Repeat("x: ", 200), "A. B. C.", "\xff\x00", "Due 99 Zzz 9999."} {
		f.Add(s)
	}
	files := catalog.Files
	b, err := Open(files, "texts/sentences", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, lang := range Languages() {
			if got := b.Say(lang, s); s != "" && got == "" {
				t.Errorf("%q became nothing", s)
			}
		}
	})
}
