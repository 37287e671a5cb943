package notify_test

import (
	"fmt"
	"io"
	"mime"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/store"
)

// A question becomes a mail, over TLS and with a sign-in, that a person can read and a program can sort.
func TestMail(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := newSMTP(t, "starttls")
		id := m.receiver(h, "open sesame")
		h.run()
		h.ask("a", inbox.Now, "Nyt udstyr: <script>Ærø\r\nBcc: x@y</script>")
		until(t, "the mail", func() bool { return len(m.letters()) == 1 })
		l := m.letters()[0]
		if !l.TLS || l.User != "skanse" || l.From != "skanse@plant.example" || l.To[0] != "ada@example.com" {
			t.Errorf("%+v", l)
		}
		until(t, "the mark", func() bool { return h.queue("")[0].State == "sent" })
		q := h.queue("")[0]
		head := func(k string) string {
			s, _ := new(mime.WordDecoder).DecodeHeader(l.Msg.Header.Get(k))
			return s
		}
		if got := head("Message-Id"); got != "<"+q.ID+"@plant.example>" {
			t.Errorf("Message-ID %s of delivery %s", got, q.ID)
		}
		if got := head("Subject"); got != "[Skanse] Now: Nyt udstyr: <script>Ærø  Bcc: x@y</script>" {
			t.Errorf("subject %q", got)
		}
		for k, want := range map[string]string{"List-Id": "<notices.plant.example>", "In-Reply-To": "<item-", "References": "<item-", "Auto-Submitted": "auto-generated", "To": "Ada Ærø", "From": "Skanse", "X-Priority": "1", "Content-Type": "multipart/alternative"} {
			if got := head(k); !strings.Contains(got, want) {
				t.Errorf("%s: %q, want %q", k, got, want)
			}
		}
		if l.Msg.Header.Get("Bcc") != "" {
			t.Error("a header was smuggled in")
		}
		body, err := io.ReadAll(l.Msg.Body)
		if err != nil {
			t.Fatal(err)
		}
		text := unquoted(t, string(body))
		for _, want := range []string{"Aarhus: Nyt udstyr: <script>Ærø", "Seen <b>at</b> 10.0.0.7", "https://skanse.test/told?token=", "&lt;script&gt;Ærø", "Seen &lt;b&gt;at", "Answer by"} {
			if !strings.Contains(text, want) {
				t.Errorf("the mail does not say %q:\n%s", want, text)
			}
		}
		if !strings.Contains(q.Says, "2.0.0 kept") {
			t.Errorf("the server's answer is kept as %q", q.Says)
		}
		// The link: looked at, then confirmed.
		token := strings.Split(strings.Split(text, "token=")[1], "\n")[0]
		if got, _ := h.do("POST", "/notices/link", fmt.Sprintf(`{"token":%q}`, strings.TrimSpace(token)), 200); !strings.Contains(got["title"].(string), "Nyt udstyr") || got["seen_at"] != nil {
			t.Errorf("the link shows %v", got)
		}
		h.do("POST", "/notices/link", `{"token":"none"}`, 404)
		h.do("POST", "/notices/seen", `{"token":""}`, 404)
		h.do("POST", "/notices/seen", fmt.Sprintf(`{"token":%q}`, strings.TrimSpace(token)), 200)
		if h.queue("")[0].Seen == "" {
			t.Error("not seen")
		}
		// The password is sealed, and never shown.
		err = h.db.View(t.Context(), func(r store.Reader) error {
			b, err := store.One[[]byte](t.Context(), r, "SELECT secret FROM notify_receiver WHERE receiver_id = ?", id)
			if len(b) < 20 || strings.Contains(string(b), "sesame") {
				t.Errorf("kept as %q", b)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := h.do("GET", "/notices/receivers", "", 200); strings.Contains(fmt.Sprint(got), "sesame") {
			t.Error("the password is shown")
		}
	})
}

// unquoted undoes quoted-printable, roughly: enough to look for words.
func unquoted(t *testing.T, s string) string {
	t.Helper()
	s = strings.ReplaceAll(s, "=\r\n", "")
	s = strings.ReplaceAll(s, "=\n", "")
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		var c byte
		if s[i] == '=' && i+2 < len(s) {
			if _, err := fmt.Sscanf(s[i+1:i+3], "%02X", &c); err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// The mail server is killed half way, comes back refusing, then works: nothing is lost,
// and what came twice has one Message-ID.
func TestMailOutage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		m := newSMTP(t, "starttls")
		m.receiver(h, "open sesame")
		stop := h.run()
		h.ask("first", inbox.Today, "Number first")
		until(t, "the first", func() bool { return len(m.letters()) == 1 })
		m.kill() // perhaps before it has said that it took it
		const many = 12
		for i := range many {
			h.ask(fmt.Sprint("k", i), inbox.Today, fmt.Sprintf("Number %02d", i))
		}
		until(t, "failures", func() bool {
			q := h.queue("&state=waiting")
			return len(q) >= many && q[len(q)-1].Error != ""
		})
		m.refuse("451 4.3.0 not now")
		m.start()
		until(t, "a refusal", func() bool {
			for _, q := range h.queue("&state=waiting") {
				if strings.Contains(q.Error, "not now") {
					return true
				}
			}
			return false
		})
		stop() // and our own process is started again meanwhile
		m.refuse("")
		h.s = h.service()
		h.run()
		until(t, "all", func() bool { return len(h.queue("&state=sent")) == many+1 })
		ids, subjects := map[string]bool{}, map[string]bool{}
		for _, l := range m.letters() {
			ids[l.Msg.Header.Get("Message-Id")] = true
			subjects[l.Msg.Header.Get("Subject")] = true
		}
		if len(ids) != many+1 || len(subjects) != many+1 {
			t.Errorf("%d Message-IDs, %d subjects of %d", len(ids), len(subjects), many+1)
		}
	})
}

func TestMailSecurity(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		if h.db.Engine() != store.SQLite {
			t.Skip("no SQL of its own")
		}
		m := newSMTP(t, "tls")
		id := m.receiver(h, "wrong password")
		path := "/notices/receivers/" + id
		test := func(want bool, says string) {
			t.Helper()
			got, _ := h.do("POST", path+"/test", `{}`, 200)
			if got["ok"] != want || !strings.Contains(fmt.Sprint(got), says) {
				t.Errorf("a test: %v, want %v with %q", got, want, says)
			}
		}
		test(false, "535")
		change := func(body string) {
			t.Helper()
			_, tag := h.do("GET", path, "", 200)
			h.do("PATCH", path, body, 200, "If-Match", tag)
		}
		change(`{"secret":"open sesame"}`)
		test(true, "kept")
		if n := len(m.letters()); n != 1 || !m.letters()[0].TLS {
			t.Errorf("%d mails", n)
		}
		got, _ := h.do("POST", path+"/test", `{"to":"nobody@example.com"}`, 200)
		if got["ok"] != false || !strings.Contains(got["error"].(string), "no such mailbox") {
			t.Errorf("to nobody: %v", got)
		}
		h.do("POST", path+"/test", `{"to":"x"}`, 422)
		// A certificate of nobody's, and a password that would go elsewhere.
		_, tag := h.do("GET", path, "", 200)
		h.do("PATCH", path, fmt.Sprintf(`{"way":{"host":"127.0.0.2","port":%d,"security":"tls","username":"skanse","from":"a@b.example"}}`, m.port), 422, "If-Match", tag)
		h.do("PATCH", path, fmt.Sprintf(`{"way":{"host":"127.0.0.1","port":%d,"security":"none","username":"skanse","from":"a@b.example"}}`, m.port), 422, "If-Match", tag)
		h.do("PATCH", path, `{}`, 428)
		change(fmt.Sprintf(`{"way":{"host":"127.0.0.1","port":%d,"security":"tls","username":"skanse","from":"a@b.example"}}`, m.port))
		test(false, "certificate")
		// Off the list: nothing goes, and it says why.
		places, _ := h.do("GET", "/egress", "", 200)
		h.do("DELETE", "/egress/"+places["items"].([]any)[0].(map[string]any)["id"].(string), "", 204)
		test(false, "not on the list of allowed connections")
		if one, _ := h.do("GET", path, "", 200); one["allowed"] != false {
			t.Errorf("shown as %v", one)
		}
	})
}
