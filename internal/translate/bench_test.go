package translate

import "testing"

// A page of the inbox has some two hundred sentences.
func BenchmarkSay(b *testing.B) {
	book := shipped(b)
	texts := []string{
		"Aarhus: 2 declarations end within 14 days",
		"Documented, but ways in with a bypass: 3 conversations, target 0.",
		"Bring \"Ways in with a bypass\" to 0 (now 3 conversations).",
		"CHG-2026-0001 Exchange of the level switch on line 1",
	}
	for b.Loop() {
		for _, s := range texts {
			book.Say("da", s)
		}
	}
}
