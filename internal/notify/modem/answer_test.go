package modem

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever comes over the line: no panic, always progress, and what is printed is printable.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"\r\nOK\r\n", "\r\n+CREG: 0,1\r\n\r\nOK\r\n", "> ", "\r\n> ", "+CMS ERROR: 500\r", "+CME ERROR:\n", "+COPS: 0,0,\"A\x1b[31m\",2\r\n", "+CSQ: 99,99\r\n", "+CREG:\r\n", "\x00\xff\r"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			tok, n := next(b)
			if n == 0 {
				return
			}
			if n > len(b) || !utf8.ValidString(tok.line) || strings.ContainsAny(tok.line, "\r\n\x1b") {
				t.Fatalf("%q, %d of %d", tok.line, n, len(b))
			}
			_, err := final(tok.line)
			if err != nil && err.Error() == "" {
				t.Fatal("an error without words")
			}
			registration(tok.line)
			signal(tok.line)
			operator(tok.line)
			b = b[n:]
		}
	})
}

// Every text becomes at most four messages that fit, cut between characters.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", "abc", strings.Repeat("€", 100), strings.Repeat("🚱", 200), strings.Repeat("x", 1000), "\xff\xfe", strings.Repeat("a", 152) + "€b€"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parts := split(s, maxParts)
		if len(parts) == 0 || len(parts) > maxParts {
			t.Fatalf("%d parts", len(parts))
		}
		for i, p := range parts {
			x := encodePDU("+4520123456", p, 1, i+1, len(parts))
			if x.length > 164 || len(x.hex) != 2*(x.length+1) {
				t.Fatalf("part %d: %d octets", i, x.length)
			}
		}
		for _, p := range numberedParts(s, maxParts) {
			if len([]rune(p)) > 160 {
				t.Fatalf("%d characters", len([]rune(p)))
			}
		}
	})
}
