package filter

import (
	"fmt"
	"strings"
)

// word is one token with its place.
type word struct {
	text string
	at   int
}

func (w word) end() bool { return w.text == "" }

func (w word) wrong(why string) error {
	if w.end() {
		return &SyntaxError{At: w.at, Why: "the filter ends too early: " + strings.TrimPrefix(why, "is not ")}
	}
	return &SyntaxError{At: w.at, Why: fmt.Sprintf("%q %s", clip(w.text), why)}
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

// split cuts the text into words; the last one is empty and stands at the end.
func split(text string) ([]word, error) {
	var out []word
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '(' || c == ')':
			out = append(out, word{text[i : i+1], i})
			i++
		case c == '!':
			out = append(out, word{"not", i})
			i++
		case strings.HasPrefix(text[i:], "&&"):
			out = append(out, word{"and", i})
			i += 2
		case strings.HasPrefix(text[i:], "||"):
			out = append(out, word{"or", i})
			i += 2
		case wordy(c):
			from := i
			for i < len(text) && wordy(text[i]) {
				i++
			}
			out = append(out, word{strings.ToLower(text[from:i]), from})
		default:
			return nil, &SyntaxError{At: i, Why: fmt.Sprintf("%q is not understood: this filter takes words, addresses, numbers, parentheses, and, or, not; comparisons of bytes such as ip[9] are not taken", text[i:i+1])}
		}
	}
	return append(out, word{"", len(text)}), nil
}

func wordy(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte(".:/-_", c) >= 0
}
