package modem

import (
	"strings"
	"unicode/utf16"
)

// The default alphabet of 3GPP TS 23.038, 6.2.1, by code; the second table is reached
// by an escape. What stands in neither is sent as UCS-2.
const (
	basic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ" +
		" !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
		"¿abcdefghijklmnopqrstuvwxyzäöñüà"
	escape = 0x1b
)

// extended is what follows an escape.
func extended(r rune) (code byte, ok bool) {
	switch r {
	case '\f':
		return 0x0a, true
	case '^':
		return 0x14, true
	case '{':
		return 0x28, true
	case '}':
		return 0x29, true
	case '\\':
		return 0x2f, true
	case '[':
		return 0x3c, true
	case '~':
		return 0x3d, true
	case ']':
		return 0x3e, true
	case '|':
		return 0x40, true
	case '€':
		return 0x65, true
	}
	return 0, false
}

// septets writes one character, nil if the alphabet has it not.
func septets(r rune) []byte {
	if r != escape {
		code := byte(0)
		for _, c := range basic {
			if c == r {
				return []byte{code}
			}
			code++
		}
	}
	if code, ok := extended(r); ok {
		return []byte{escape, code}
	}
	return nil
}

// fits says whether the whole text can be written in the default alphabet.
func fits(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return septets(r) == nil })
}

// pack puts septets into octets, the first one behind fill bits (TS 23.038, 6.1.2.1).
func pack(s []byte, fill int) []byte {
	out := make([]byte, (len(s)*7+fill+7)/8)
	bit := fill
	for _, c := range s {
		i, shift := bit/8, bit%8
		out[i] |= c << shift
		if shift > 1 {
			out[i+1] |= c >> (8 - shift)
		}
		bit += 7
	}
	return out
}

// Sizes of one message and of a part of a longer one, whose header takes six octets.
const (
	septetsAlone, septetsPart = 160, 153
	unitsAlone, unitsPart     = 70, 67
)

// part is what one message carries: septets, or UTF-16.
type part struct {
	wide  bool
	body  []byte // septets, or octets of UTF-16BE
	count int    // septets or octets
}

// split cuts a text into messages, never inside a character. What does not fit into
// most messages ends with an ellipsis of three dots.
func split(text string, most int) []part {
	wide := !fits(text)
	alone, each := septetsAlone, septetsPart
	code := septets
	if wide {
		alone, each = 2*unitsAlone, 2*unitsPart
		code = func(r rune) []byte {
			var b []byte
			for _, u := range utf16.Encode([]rune{r}) {
				b = append(b, byte(u>>8), byte(u))
			}
			return b
		}
	}
	whole := encode(text, code)
	if len(whole) <= alone {
		return []part{{wide, whole, len(whole)}}
	}
	// A part may waste one unit at its end, where a character of two does not fit.
	if room := most*(each-2) - 3*len(code('.')); len(whole) > room+3*len(code('.')) {
		n, end := 0, 0
		for i, r := range text {
			if n += len(code(r)); n > room {
				break
			}
			end = i + len(string(r))
		}
		text = text[:min(end, len(text))] + "..."
	}
	var parts []part
	var now []byte
	for _, r := range text {
		c := code(r)
		if len(now)+len(c) > each {
			parts = append(parts, part{wide, now, len(now)})
			now = nil
		}
		now = append(now, c...)
	}
	return append(parts, part{wide, now, len(now)})
}

func encode(text string, code func(rune) []byte) []byte {
	var b []byte
	for _, r := range text {
		b = append(b, code(r)...)
	}
	return b
}
