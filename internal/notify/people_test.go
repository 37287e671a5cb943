package notify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/store"
)

// Quiet hours hold, what cannot wait breaks through, what was held comes as one, what
// was answered meanwhile does not come.
func TestQuietHours(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := newSMTP(t, "plain")
		m.receiver(h, "")
		zone, err := time.LoadLocation("Europe/Copenhagen")
		if err != nil {
			t.Fatal(err)
		}
		// It is 23:00 where the person is.
		local := h.now().In(zone)
		h.ahead(time.Date(local.Year(), local.Month(), local.Day()+1, 23, 0, 0, 0, zone).Sub(local))
		h.wish(strings.Replace(strings.Replace(everything, `"on":false`, `"on":true`, 1), `"now":["mail","sms"]`, `"now":["mail"]`, 1))
		h.run()
		h.ask("now", inbox.Now, "Cannot wait")
		h.ask("one", inbox.Today, "Waits one")
		h.ask("two", inbox.Today, "Waits two")
		h.ask("gone", inbox.Today, "Answered meanwhile")
		h.ask("week", inbox.ThisWeek, "For the digest")
		h.ask("info", inbox.Information, "Nobody wants this")
		until(t, "the one that breaks through", func() bool { return len(m.letters()) == 1 })
		until(t, "the held ones", func() bool { return len(h.queue("&state=held")) == 3 && len(h.queue("&state=digest")) == 1 })
		h.answer("gone")
		until(t, "the answered one", func() bool { return len(h.queue("&state=answered")) == 1 })
		h.ask("one", inbox.Today, "Waits one, said anew") // no second notice
		h.ahead(7*time.Hour + time.Minute)
		until(t, "the morning's mail", func() bool { return len(m.letters()) == 2 })
		body := unquoted(t, m.letters()[1].Data)
		if !strings.Contains(body, "2 things wait for you") || !strings.Contains(body, "Waits one") || !strings.Contains(body, "Waits two") || strings.Contains(body, "Answered meanwhile") {
			t.Errorf("the morning's mail:\n%s", body)
		}
		h.ahead(90 * time.Minute)
		until(t, "the digest", func() bool { return len(m.letters()) == 3 })
		if body := unquoted(t, m.letters()[2].Data); !strings.Contains(body, "For the digest") {
			t.Errorf("the digest:\n%s", body)
		}
		until(t, "the marks", func() bool { return len(h.queue("&state=open")) == 0 && len(h.queue("&state=bundled")) == 0 })
		h.ask("one", inbox.Now, "Became urgent")
		until(t, "what became more urgent", func() bool { return len(m.letters()) == 4 })
		if n := len(h.queue("")); n != 1+4+2+1 {
			t.Errorf("%d in the list: %+v", n, h.queue(""))
		}
	})
}

func TestCallout(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := newSMTP(t, "plain")
		m.receiver(h, "")
		h.do("POST", "/notices/callouts", "", 409) // nobody is on call
		h.wish(strings.Replace(everything, `"now":["mail","sms"]`, `"now":["mail"]`, 1))
		h.run()
		got, _ := h.do("POST", "/notices/callouts", "", 201)
		if got["asked"] != 1.0 || got["share"] != 0.0 {
			t.Errorf("%v", got)
		}
		until(t, "the mail", func() bool { return len(m.letters()) == 1 })
		body := unquoted(t, m.letters()[0].Data)
		token := strings.Fields(strings.Split(body, "token=")[1])[0]
		h.do("POST", "/notices/seen", fmt.Sprintf(`{"token":%q}`, token), 200)
		result := func() map[string]any {
			t.Helper()
			list, _ := h.do("GET", "/notices/callouts", "", 200)
			return list["items"].([]any)[0].(map[string]any)
		}
		if r := result(); r["in_time"] != 1.0 || r["share"] != 1.0 {
			t.Errorf("answered: %v", r)
		}
		// By itself, once a month; nobody answers.
		_, tag := h.do("GET", "/notices/settings", "", 200)
		set := `{"address":"","dead_after_days":7,"callout":{"on":true,"day":1,"at":"10:00","zone":"Europe/Copenhagen","target_minutes":30}}`
		h.do("PUT", "/notices/settings", set, 200, "If-Match", tag)
		h.do("PUT", "/notices/settings", set, 412, "If-Match", tag)
		now := h.now()
		h.ahead(time.Date(now.Year(), now.Month()+1, 1, 10, 5, 0, 0, time.UTC).Sub(now))
		calls := func() int { list, _ := h.do("GET", "/notices/callouts", "", 200); return len(list["items"].([]any)) }
		h.ask("wakes", inbox.Information, "The clock of a test does not tick by itself")
		until(t, "the month's test", func() bool { return calls() == 2 })
		until(t, "its mail", func() bool { return len(m.letters()) == 2 })
		h.ahead(31 * time.Minute)
		h.ask("wakes again", inbox.Information, "The clock of a test does not tick by itself")
		until(t, "its end", func() bool { return result()["ended_at"] != nil })
		if r := result(); r["in_time"] != 0.0 || r["by_hand"] != false {
			t.Errorf("nobody answered: %v", r)
		}
		var title string
		if err := h.db.View(t.Context(), func(r store.Reader) (err error) {
			title, err = store.One[string](t.Context(), r, "SELECT title FROM inbox_item WHERE item_key LIKE 'callout:%' AND detail LIKE '%Ada%'")
			return err
		}); err != nil || title != "1 of 1 people did not answer the test call-out in time" {
			t.Errorf("the inbox says %q, %v", title, err)
		}
		if calls() != 2 {
			t.Errorf("%d call-outs", calls())
		}
	})
}

func TestWishesAreChecked(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		if h.db.Engine() != store.SQLite {
			t.Skip("no SQL of its own")
		}
		first, tag := h.do("GET", "/notices/me", "", 200)
		if first["zone"] != "Europe/Copenhagen" || first["said"] != false {
			t.Errorf("defaults %v", first)
		}
		for _, c := range []struct{ old, bad string }{
			{`"Europe/Copenhagen"`, `"Mars/Olympus"`},
			{`"Europe/Copenhagen"`, `"Local"`},
			{`"07:30"`, `"7:30"`},
			{`"+4520123456"`, `"12\r\nATD"`},
			{`"+4520123456"`, `""`},
			{`"mail":""`, `"mail":"a@b\r\nBcc: c@d"`},
			{`"mail":""`, `"mail":"Ada <a@b.example>"`},
			{`["mail","sms"]`, `["pigeon"]`},
			{`["mail","sms"]`, `["digest"]`},
			{`"days":[]`, `"days":[7]`},
			{`"on":false,"from":"22:00"`, `"on":true,"from":"06:00"`},
		} {
			h.do("PUT", "/notices/me", strings.Replace(everything, c.old, c.bad, 1), 422, "If-Match", tag)
		}
		h.do("PUT", "/notices/me", everything, 428)
		h.wish(everything)
		h.do("PUT", "/notices/me", everything, 412, "If-Match", tag)
	})
}
