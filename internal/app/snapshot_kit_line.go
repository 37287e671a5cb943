package app

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"github.com/skanse/skanse/internal/ot"
)

// A key is 58 characters behind its prefix. People type them in lines of three groups
// of four, each line with a word that is made from it: five letters that can be said
// aloud, so that a slip is found in its line and not only at the end.
const (
	kitPrefix = "AGE-SECRET-KEY-1"
	kitChars  = 58
	kitGroup  = 4
	kitLength = 3 * kitGroup
	kitRows   = (kitChars + kitLength - 1) / kitLength
)

type kitLine struct {
	Number int    `json:"number"`
	Text   string `json:"text"`
	Word   string `json:"word"`
}

func kitLines(key string) []kitLine {
	rest := strings.TrimPrefix(key, kitPrefix)
	var out []kitLine
	for n := 1; rest != ""; n++ {
		line := rest[:min(kitLength, len(rest))]
		rest = rest[len(line):]
		var groups []string
		for g := line; g != ""; g = g[min(kitGroup, len(g)):] {
			groups = append(groups, g[:min(kitGroup, len(g))])
		}
		out = append(out, kitLine{n, strings.Join(groups, " "), kitWord(n, line)})
	}
	return out
}

// kitWord is a proquint: 16 bits as consonant, vowel, consonant, vowel, consonant.
func kitWord(number int, line string) string {
	const consonants, vowels = "bdfghjklmnprstvz", "aiou"
	sum := sha256.Sum256(fmt.Appendf(nil, "skanse kit %d %s", number, line))
	x := uint16(sum[0])<<8 | uint16(sum[1])
	return string([]byte{consonants[x>>12&15], vowels[x>>10&3], consonants[x>>6&15], vowels[x>>4&3], consonants[x&15]})
}

// looksLike are characters that a key never holds and people read for others.
func looksLike(s string) string {
	return strings.NewReplacer("O", "0", "B", "8", "I", "L", "1", "L").Replace(s)
}

// parseKitLine takes a typed line: its number may stand first, its word stands last.
func parseKitLine(number int, typed string) (string, error) {
	fields := strings.Fields(typed)
	if len(fields) > 1 && fields[0] == strconv.Itoa(number) {
		fields = fields[1:]
	}
	if len(fields) < 2 {
		return "", ot.Errorf(ot.Invalid, "line %d is not whole: type its groups and the word behind them", number)
	}
	word := strings.ToLower(fields[len(fields)-1])
	text := looksLike(strings.ToUpper(strings.Join(fields[:len(fields)-1], "")))
	want := kitLength
	if number == kitRows {
		want = kitChars - (kitRows-1)*kitLength
	}
	if len(text) != want {
		return "", ot.Errorf(ot.Invalid, "line %d has %d characters, not %d: type it again", number, len(text), want)
	}
	if kitWord(number, text) != word {
		return "", ot.Errorf(ot.Invalid, "line %d does not fit its word %q: compare it letter by letter and type it again", number, ot.Printable(word))
	}
	return text, nil
}
