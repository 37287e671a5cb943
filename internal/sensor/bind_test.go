package sensor

import (
	"slices"
	"strings"
	"testing"
)

// In the middle of a session one side may send for long what begins nowhere. The other's request tells all the same,
// and so does what comes behind it.
func TestTriesOfEachSide(t *testing.T) {
	middle := []byte(strings.Repeat("x", 1000))
	for name, first := range map[string]int{"the client": 0, "the server": 1} {
		c := newTalk()
		for range 40 {
			c.say(first, middle)
		}
		c.say(1-first, pdu(toyRead, "a")).say(first, pdu(toyRead, "b")).say(first, pdu(toyRead, "c"))
		if got := counts(summaryOf(t, c.frames, toyConfig(t))); got[toyRead] != 3 {
			t.Errorf("%s sends the end of something first: %d of 3 messages", name, got[toyRead])
		}
		// The same where both have been at it for long, and the one that began says something again.
		c = newTalk()
		for range 15 {
			c.say(1-first, middle).say(first, middle)
		}
		c.say(1-first, middle).say(first, pdu(toyRead, "a"))
		if got := counts(summaryOf(t, c.frames, toyConfig(t))); got[toyRead] != 1 {
			t.Errorf("%s speaks again after many turns: %d of 1 messages", name, got[toyRead])
		}
	}
}

// Who is never understood is not asked for ever.
func TestTriesEnd(t *testing.T) {
	fl := &flow{}
	var asked []int
	for i := range 10_000 {
		if fl.mayTry(uint8(i % 2)) {
			asked = append(asked, i)
		}
	}
	if n := len(asked); n > 2*maxTries+maxTurns+2*14 || !slices.Contains(asked, 8190) {
		t.Errorf("%d tries: %v", n, asked)
	}
}
