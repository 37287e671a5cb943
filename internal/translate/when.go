package translate

import (
	"fmt"
	"strings"
	"time"
)

// timeExpr is how the server writes a time in a sentence.
const timeExpr = `(?:[A-Z][a-z]{2} )?\d{1,2} [A-Z][a-z]{2,8}(?: \d{4})?(?: \d{2}:\d{2})?(?: [A-Z]{3,5}| [+-]\d{2,4})?|\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}Z)?)?(?: UTC)?|an unknown date|\d{2}:\d{2} UTC`

// layouts are the same, for reading.
func layouts() []string {
	return []string{
		"2 Jan 2006", "2 Jan 2006 15:04 MST", "2 Jan 2006 15:04", "2 Jan 15:04 MST", "2 January 15:04 MST", "2 January 2006", "2 January 15:04",
		"Mon 2 Jan 15:04 MST", "2006-01-02", "2006-01-02 15:04", "2006-01-02 15:04 MST", "2006-01-02T15:04:05Z",
	}
}

type calendar struct {
	months, days [12]string
	unknown      string
}

func calendarOf(lang string) calendar {
	if lang == "da" {
		return calendar{
			[12]string{"jan.", "feb.", "marts", "apr.", "maj", "juni", "juli", "aug.", "sep.", "okt.", "nov.", "dec."},
			[12]string{"søn.", "man.", "tirs.", "ons.", "tors.", "fre.", "lør."},
			"en ukendt dato",
		}
	}
	return calendar{
		[12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sep.", "Okt.", "Nov.", "Dez."},
		[12]string{"So.", "Mo.", "Di.", "Mi.", "Do.", "Fr.", "Sa."},
		"einem unbekannten Datum",
	}
}

// when writes a time as people of the language do; the zone stays as it was said.
func when(lang, text string) string {
	c := calendarOf(lang)
	if text == "an unknown date" {
		return c.unknown
	}
	for _, l := range layouts() {
		t, err := time.Parse(l, text)
		if err != nil {
			continue
		}
		return When(lang, t, l)
	}
	return text
}

// When writes a time in a language, with the parts that the English layout has.
func When(lang string, t time.Time, layout string) string {
	if lang != "da" && lang != "de" {
		return t.Format(layout)
	}
	c := calendarOf(lang)
	has := func(part string) bool { return strings.Contains(layout, part) }
	out := fmt.Sprintf("%d. %s", t.Day(), c.months[t.Month()-1])
	if has("Mon ") {
		out = c.days[t.Weekday()] + " " + out
		if lang == "de" {
			out = c.days[t.Weekday()] + ", " + fmt.Sprintf("%d. %s", t.Day(), c.months[t.Month()-1])
		}
	}
	if has("2006") {
		out += fmt.Sprintf(" %d", t.Year())
	}
	if has("15:04") {
		if lang == "da" {
			out += t.Format(" kl. 15.04")
		} else {
			out += t.Format(", 15:04 Uhr")
		}
	}
	if has("MST") {
		out += t.Format(" MST")
	} else if has("Z") {
		out += " UTC"
	}
	return out
}
