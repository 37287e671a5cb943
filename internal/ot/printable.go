package ot

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable makes text from the wire safe for a terminal, a log line, a table
// cell and a database: control characters, bidirectional overrides and bad
// UTF-8 become U+FFFD, NUL padding at the end goes. The raw bytes stay with
// the proof. Formats with rules of their own (CSV formulas, HTML) still escape
// on top.
func Printable(s string) string {
	s = strings.TrimRight(s, "\x00")
	clean := func(r rune) bool {
		return r == utf8.RuneError || r < 0x20 || r >= 0x7f && r < 0xa0 || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029' || r == '\ufeff'
	}
	if strings.IndexFunc(s, clean) < 0 {
		return strings.TrimSpace(s)
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			return ' '
		case clean(r):
			return utf8.RuneError
		}
		return r
	}, s))
}
