package notify_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/notify/modem/modemtest"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

func TestWebhook(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		k := newHooks(t)
		id := k.receiver(h)
		stop := h.run()
		h.ask("a", inbox.Today, "A new device")
		until(t, "the post", func() bool { return k.count() == 1 })
		q, body := k.got[0], k.bodies[0]
		stamp := q.Header.Get("Skanse-Timestamp")
		mac := hmac.New(sha256.New, []byte(hookKey))
		mac.Write([]byte(stamp + "." + body))
		if got, want := q.Header.Get("Skanse-Signature"), "v1="+hex.EncodeToString(mac.Sum(nil)); got != want {
			t.Errorf("signature %s, want %s", got, want)
		}
		if at, err := strconv.ParseInt(stamp, 10, 64); err != nil || time.Since(time.Unix(at, 0)).Abs() > time.Minute {
			t.Errorf("timestamp %s", stamp)
		}
		var got struct {
			ID, What string
			Item     struct{ Title, Site, Kind, Action string }
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.What != "open" || got.Item.Title != "A new device" || got.Item.Site != "Aarhus" || got.ID != q.Header.Get("Idempotency-Key") {
			t.Errorf("%v: %s", err, body)
		}
		h.answer("a")
		until(t, "the end", func() bool { return k.count() == 2 })
		if !strings.Contains(k.bodies[1], `"outcome":"approved"`) || !strings.Contains(k.bodies[1], `"what":"done"`) {
			t.Errorf("the end is told as %s", k.bodies[1])
		}
		until(t, "both marks", func() bool { return len(h.queue("&state=sent")) == 2 })

		// It answers nonsense for a while, and our process is started again meanwhile.
		for _, status := range []int{http.StatusInternalServerError, http.StatusFound, http.StatusForbidden} {
			k.mu.Lock()
			k.status = status
			k.mu.Unlock()
			h.ask(fmt.Sprint("k", status), inbox.Today, fmt.Sprint("During ", status))
			until(t, "a refusal", func() bool {
				q := h.queue("&state=waiting")
				return len(q) > 0 && strings.Contains(q[0].Error, fmt.Sprint(status))
			})
		}
		stop()
		k.mu.Lock()
		k.status = 0
		before := map[string]bool{}
		for _, q := range k.got {
			before[q.Header.Get("Idempotency-Key")] = true
		}
		k.mu.Unlock()
		h.s = h.service()
		h.run()
		until(t, "what waited", func() bool { return len(h.queue("&state=sent")) == 5 })
		k.mu.Lock()
		for _, q := range k.got {
			if !before[q.Header.Get("Idempotency-Key")] {
				t.Error("a repeat has a key of its own")
			}
		}
		k.mu.Unlock()
		until(t, "the way to be well again", func() bool {
			one, _ := h.do("GET", "/notices/receivers/"+id, "", 200)
			return one["failing_at"] == nil
		})
		one, _ := h.do("GET", "/notices/receivers/"+id, "", 200)
		if one["has_secret"] != true || strings.Contains(fmt.Sprint(one), hookKey) {
			t.Errorf("shown as %v", one)
		}
	})
}

// After the days that the settings say it is given up, somebody is asked to look, and it can be sent by hand.
func TestGivenUp(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		k := newHooks(t)
		k.receiver(h)
		k.status = http.StatusServiceUnavailable
		h.run()
		h.ask("a", inbox.Today, "A new device")
		until(t, "a failure", func() bool { q := h.queue(""); return len(q) > 0 && q[0].N > 0 })
		until(t, "the receiver to be known as failing", func() bool {
			got, _ := h.do("GET", "/notices/receivers", "", 200)
			return got["items"].([]any)[0].(map[string]any)["failing_at"] != nil
		})
		h.ahead(8 * 24 * time.Hour)
		until(t, "the end", func() bool { return len(h.queue("&state=dead")) == 1 })
		asked := func(key string) int64 {
			var n int64
			if err := h.db.View(t.Context(), func(r store.Reader) (err error) {
				n, err = store.One[int64](t.Context(), r, "SELECT count(*) FROM inbox_item WHERE item_key LIKE ? AND done_at IS NULL", key+"%")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if asked("notice-dead:") != 1 {
			t.Error("nobody is asked to look")
		}
		until(t, "somebody asked to look at the receiver", func() bool { return asked("notice-down:") == 1 })
		k.mu.Lock()
		k.status = 0
		k.mu.Unlock()
		h.do("POST", "/notices/deliveries/"+h.queue("&state=dead")[0].ID+"/retry", "", 204)
		until(t, "all", func() bool { return len(h.queue("&state=dead")) == 0 && len(h.queue("&state=waiting")) == 0 })
		until(t, "the question to go away", func() bool { return asked("notice-down:") == 0 })
		h.do("POST", "/notices/deliveries/"+h.queue("&state=sent")[0].ID+"/retry", "", 409)
		h.do("POST", "/notices/deliveries/"+store.NewID()+"/retry", "", 404)
	})
}

// The modem is taken away, and comes back.
func TestSMS(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		sim := modemtest.New(t)
		sim.PIN = "1234"
		h.do("POST", "/notices/receivers", fmt.Sprintf(`{"kind":"sms","name":"Modem","enabled":true,"way":{"device":%q},"secret":"1234"}`, sim.Path), 201)
		h.do("POST", "/notices/receivers", fmt.Sprintf(`{"kind":"sms","name":"Another","way":{"device":%q}}`, sim.Path), 409)
		h.wish(everything)
		stop := h.run()
		h.ask("a", inbox.Now, "Line 4 was stopped")
		until(t, "the message", func() bool { return len(sim.Messages()) == 1 })
		if got := sim.Messages()[0]; got.Number != "+4520123456" || !strings.HasPrefix(got.Text, "Skanse Now, Aarhus: Line 4 was stopped Answer by") || !strings.Contains(got.Text, "https://skanse.test/told?token=") {
			t.Errorf("%+v", got)
		}
		sim.Lock()
		sim.Fail = []string{"+CMS ERROR: 38", "+CMS ERROR: 42"}
		sim.Unlock()
		h.ask("b", inbox.Now, "During an outage")
		until(t, "a refusal", func() bool { q := h.queue("&channel=sms"); return len(q) == 2 && (q[0].Error != "" || q[0].N > 1) })
		stop()
		h.s = h.service()
		h.run()
		until(t, "the second", func() bool { return len(h.queue("&state=sent&channel=sms")) == 2 })
		if n := len(sim.Messages()); n != 2 {
			t.Errorf("%d messages", n)
		}
		if says := h.queue("&state=sent&channel=sms")[0].Says; !strings.Contains(says, "SIM NET, heard at -79 dBm") {
			t.Errorf("the answer is %q", says)
		}
		// Without a network for a while: the PIN is not asked again, and nothing is lost.
		sim.Lock()
		sim.PIN = "9999"
		sim.Unlock()
		h.ask("c", inbox.Now, "With a new card")
		until(t, "the modem to be turned off", func() bool {
			got, _ := h.do("GET", "/notices/receivers", "", 200)
			return got["items"].([]any)[0].(map[string]any)["enabled"] == false
		})
		time.Sleep(100 * time.Millisecond)
		sim.Lock()
		tries := sim.Tries
		sim.Unlock()
		if tries != 1 {
			t.Errorf("a wrong PIN was tried %d times", tries)
		}
	})
}

// sink is a syslog server over TCP that can be away.
type sink struct {
	mu   sync.Mutex
	text bytes.Buffer
	l    net.Listener
	wg   sync.WaitGroup
}

func (s *sink) serve(t *testing.T, addr, dir string) {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", addr, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	s.l = l
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			b, _ := io.ReadAll(c)
			s.mu.Lock()
			s.text.Write(b)
			s.mu.Unlock()
			_ = c.Close()
		}
	})
}

func (s *sink) end() { _ = s.l.Close(); s.wg.Wait() }

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// The audit log and its checkpoints go to syslog over TLS: all of it, in order, through an outage of the receiver.
func TestAuditToSyslog(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		dir := t.TempDir()
		ca := certificate(t, dir)
		var s sink
		s.serve(t, "127.0.0.1:0", dir)
		addr := s.l.Addr().String()
		port := s.l.Addr().(*net.TCPAddr).Port
		signer, err := audit.LoadKey(filepath.Join(dir, "audit.key"))
		if err != nil {
			t.Fatal(err)
		}
		log := audit.New(h.db, signer, nil)
		write := func(n int) {
			t.Helper()
			if err := h.db.Update(t.Context(), func(tx *store.Tx) error {
				for i := range n {
					if err := audit.Append(t.Context(), tx, audit.Entry{Actor: "u1", Action: "asset.update", Target: ot.Ref{Kind: "asset", ID: "x"}, Detail: map[string]string{"name": fmt.Sprintf("Pump %d\n<13>1 forged", i)}}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if _, err := log.Sequence(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		write(3)
		h.allow(port)
		b, err := json.Marshal(map[string]any{"kind": "syslog", "name": "SIEM", "enabled": true, "audit": true, "way": map[string]any{"host": "127.0.0.1", "port": port, "transport": "tls", "format": "rfc5424", "facility": 13, "ca": ca}})
		if err != nil {
			t.Fatal(err)
		}
		h.do("POST", "/notices/receivers", string(b), 201)
		stop := h.run()
		write(5)
		until(t, "entries", func() bool {
			return strings.Contains(s.String(), `checkpoint [skanse@32473 size="`) && strings.Count(s.String(), "- audit [") >= 5
		})
		s.end()
		write(450)
		until(t, "the outage to be seen", func() bool {
			got, _ := h.do("GET", "/notices/receivers", "", 200)
			return got["items"].([]any)[0].(map[string]any)["failing_at"] != nil
		})
		stop()
		s.serve(t, addr, dir)
		defer s.end()
		h.s = h.service()
		h.run()
		last, err := log.Last(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		until(t, "the last checkpoint", func() bool { return strings.Contains(s.String(), fmt.Sprintf(`size="%d"`, last.Size)) })
		text := s.String()
		for i := int64(4); i < last.Size; i++ { // the receiver was made when there were about so many
			if !strings.Contains(text, fmt.Sprintf(`- audit [skanse@32473 id="%d" `, i)) && i > 5 {
				t.Errorf("entry %d is not there", i)
				break
			}
		}
		if strings.Contains(text, "\n<13>1 forged") {
			t.Error("an entry forged a line")
		}
		note := strings.Split(strings.Split(text[strings.LastIndex(text, `note="`):], `"`)[1], `"`)[0]
		if got, err := base64.StdEncoding.DecodeString(note); err != nil || string(got) != last.Note {
			t.Errorf("the last checkpoint came as %q, %v", got, err)
		}
		h.ask("a", inbox.Now, "A new device")
		until(t, "the item", func() bool {
			return strings.Contains(s.String(), "<106>1 ") && strings.Contains(s.String(), "inbox.open")
		})
	})
}
