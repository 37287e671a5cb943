package notify_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/notify/modem/modemtest"
)

// A reply by SMS acknowledges the one notice whose code it has, from the number that was asked, once.
func TestReplyBySMS(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sim := modemtest.New(t)
		h.do("POST", "/notices/receivers", fmt.Sprintf(`{"kind":"sms","name":"Modem","enabled":true,"way":{"device":%q}}`, sim.Path), 201)
		h.wish(everything)
		h.run()
		h.ask("a", inbox.Now, "Line 4 was stopped")
		until(t, "the first message", func() bool { return len(sim.Messages()) == 1 })
		h.ask("b", inbox.Now, "A device was blocked")
		until(t, "the second message", func() bool { return len(sim.Messages()) == 2 })
		code := func(n int) string {
			t.Helper()
			m := regexp.MustCompile(`Reply OK ([0-9]{4}) https://`).FindStringSubmatch(sim.Messages()[n].Text)
			if m == nil {
				t.Fatalf("no code in %q", sim.Messages()[n].Text)
			}
			return m[1]
		}
		a, b := code(0), code(1)
		if a == b {
			t.Skip("two messages with one code: once in ten thousand runs")
		}
		wrong := "0000"
		for wrong == a || wrong == b {
			wrong += "1"
			wrong = wrong[1:]
		}
		counts := func() (replies, wrong float64) {
			got, _ := h.do("GET", "/notices/receivers", "", 200)
			x := got["items"].([]any)[0].(map[string]any)
			return x["replies"].(float64), x["wrong_replies"].(float64)
		}
		seen := func() (out []string) {
			for _, q := range h.queue("&channel=sms") {
				if q.Seen != "" {
					out = append(out, q.Title)
				}
			}
			return out
		}
		says := func(number, text string, replies, wrongs float64) {
			t.Helper()
			sim.Deliver(number, text)
			until(t, "the card to be emptied after "+text, func() bool { return sim.Held() == 0 })
			if r, w := counts(); r != replies || w != wrongs {
				t.Errorf("after %q of %s: %v replies, %v wrong; want %v, %v", text, number, r, w, replies, wrongs)
			}
		}
		says("+4520123456", "Your bill is ready", 0, 0)
		says("+4520123456", "OK "+wrong, 0, 1)
		says("+4599999999", "OK "+a, 0, 2) // another's telephone
		if got := seen(); len(got) != 0 {
			t.Fatalf("acknowledged without a right code: %v", got)
		}
		says("+4520123456", " ok: "+b+".", 1, 2)
		if got := seen(); len(got) != 1 || !strings.Contains(got[0], "A device was blocked") {
			t.Errorf("acknowledged: %v, the code was of the other", got)
		}
		says("+4520123456", "OK "+b, 1, 2) // a replay
		says("+4520123456", a, 2, 2)
		if got := seen(); len(got) != 2 {
			t.Errorf("acknowledged: %v", got)
		}
		// All is answered: the modem is left alone.
		n := len(sim.Messages())
		sim.Deliver("+4520123456", "OK "+a)
		h.ask("c", inbox.Now, "One more")
		until(t, "the third message", func() bool { return len(sim.Messages()) == n+1 })
		until(t, "the old reply to be taken off the card", func() bool { return sim.Held() == 0 })
		if r, w := counts(); r != 2 || w != 2 {
			t.Errorf("a reply to what was answered before: %v replies, %v wrong", r, w)
		}
	})
}
