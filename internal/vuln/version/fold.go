package version

import "strings"

// damaged are signs that were read in the wrong character set, seen in published advisories.
var damaged = strings.NewReplacer(
	"\u00e2\u2030\u00a4", "<=", "\u00e2\u2030\u00a5", ">=", "\u00e2\u0089\u00a4", "<=", "\u00e2\u0089\u00a5", ">=", "≤", "<=", "≥", ">=",
	"⩽", "<=", "⩾", ">=", "–", "-", "—", "-", "\u00a0", " ", "\u200b", "", "“", `"`, "”", `"`, "’", "'", "\u00c2", "",
	"\u00e2\u20ac\u201c", "-", "\u00e2\u20ac\u201d", "-", "&lt;", "<", "&gt;", ">", "&amp;", "&",
)

// Repair undoes the damage of character sets and makes signs plain.
func Repair(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] == '&' {
			return damaged.Replace(s)
		}
	}
	return s
}

// fold is the form in which texts are compared: plain signs, lower case, single blanks.
func fold(s string) string {
	s = strings.ToLower(Repair(s))
	if strings.IndexByte(s, '_') >= 0 {
		b := []byte(s)
		for i, c := range b {
			if c != '_' {
				continue
			}
			b[i] = ' '
			if i > 0 && i+1 < len(b) && isDigit(b[i-1]) && isDigit(b[i+1]) {
				b[i] = '.'
			}
		}
		s = string(b)
	}
	return strings.Join(strings.Fields(s), " ")
}
