package egress_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/egress"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func allow(t *testing.T, db *store.DB, host string, port int64, inside bool) (out egress.Allow, err error) {
	t.Helper()
	err = db.Update(t.Context(), func(tx *store.Tx) error {
		out, err = egress.Add(t.Context(), tx, time.Now(), egress.Allow{Host: host, Port: port, Inside: inside, MadeBy: "u"})
		return err
	})
	return out, err
}

func portOf(t *testing.T, url string) int64 {
	t.Helper()
	p, err := netip.ParseAddrPort(strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return int64(p.Port())
}

func TestList(t *testing.T) {
	storetest.Each(t, []store.Migrations{egress.Migrations()}, func(t *testing.T, db *store.DB) {
		for in, want := range map[string]string{
			"Mail.Example.COM.": "mail.example.com", "10.0.4.9/24": "10.0.4.0/24", "[2001:DB8::1]": "2001:db8::1", "::ffff:10.0.0.1": "10.0.0.1", "siem_1": "siem_1",
		} {
			if got, err := allow(t, db, in, 25, false); err != nil || got.Host != want {
				t.Errorf("%s is listed as %q, %v", in, got.Host, err)
			}
		}
		for _, bad := range []string{"", "*", "*.example.com", "a b", "http://x", "0.0.0.0/0", "10.0.0.0/7", "mail.example.com:25", "1.2.3", "0x7f000001", "-a.b", "user@host", strings.Repeat("a.", 200) + "b"} {
			if got, err := allow(t, db, bad, 25, false); ot.CodeOf(err) != ot.Invalid {
				t.Errorf("%q was taken as %q, %v", bad, got.Host, err)
			}
		}
		if _, err := allow(t, db, "a.example", 0, false); ot.CodeOf(err) != ot.Invalid {
			t.Errorf("port 0: %v", err)
		}
		if _, err := allow(t, db, "MAIL.example.com", 25, true); ot.CodeOf(err) != ot.Conflict {
			t.Errorf("twice: %v", err)
		}
	})
}

// What is not listed is refused before anything is sent, a name lookup included.
func TestDial(t *testing.T) {
	storetest.Each(t, []store.Migrations{egress.Migrations()}, func(t *testing.T, db *store.DB) {
		hits := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			hits++
			if q.URL.Path == "/away" {
				http.Redirect(w, q, "http://169.254.169.254/latest", http.StatusFound)
			}
		}))
		t.Cleanup(srv.Close)
		port := portOf(t, srv.URL)
		d := egress.New(egress.Config{DB: db})
		dial := func(host string) error {
			c, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort(host, strconv.FormatInt(port, 10)))
			if err == nil {
				_ = c.Close()
			}
			return err
		}
		refused := func(host, says string) {
			t.Helper()
			if err := dial(host); !errors.Is(err, egress.ErrRefused) || !strings.Contains(err.Error(), says) || ot.CodeOf(err) != ot.Forbidden {
				t.Errorf("%s: %v, want a refusal with %q", host, err, says)
			}
		}
		refused("127.0.0.1", "Settings")
		refused("no-such-name.invalid", "Settings")
		if _, err := allow(t, db, "localhost", port, false); err != nil {
			t.Fatal(err)
		}
		refused("localhost", "inside")
		refused("127.0.0.1", "Settings")
		one, err := allow(t, db, "127.0.0.0/8", port, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{"127.0.0.1", "LOCALHOST.", "::ffff:127.0.0.1"} {
			if err := dial(host); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		}
		if err := db.Update(t.Context(), func(tx *store.Tx) error { _, err := egress.Remove(t.Context(), tx, one.ID); return err }); err != nil {
			t.Fatal(err)
		}
		refused("127.0.0.1", "Settings")
		if _, err := allow(t, db, "127.0.0.1", port, false); err != nil {
			t.Fatal(err)
		}
		if _, err := d.DialContext(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.FormatInt(port%60000+1, 10))); !errors.Is(err, egress.ErrRefused) {
			t.Errorf("another port: %v", err)
		}
		for _, network := range []string{"unix", "ip", ""} {
			if _, err := d.DialContext(t.Context(), network, srv.Listener.Addr().String()); err == nil {
				t.Errorf("by %q", network)
			}
		}
		before := hits
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+"/away", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := d.HTTPClient(10*time.Second, nil).Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusFound || hits != before+1 {
			t.Errorf("a redirect was followed: %d after %d requests", res.StatusCode, hits-before)
		}
		if got := d.Refused(); len(got) != 4 || got[0].Count < 1 {
			t.Errorf("refused %+v", got)
		}
		off := egress.New(egress.Config{DB: db, Off: true})
		if _, err := off.DialContext(t.Context(), "tcp", srv.Listener.Addr().String()); !errors.Is(err, egress.ErrRefused) {
			t.Errorf("switched off: %v", err)
		}
		if _, err := d.DialContext(context.Background(), "tcp", "127.0.0.1:http"); err == nil {
			t.Error("a port by its name")
		}
	})
}

func TestConform(t *testing.T) {
	storetest.Conform(t, []store.Migrations{egress.Migrations()})
}
