package notify_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/rest"
)

// What reaches a person is under the bell without any mail server: told live, once, and
// again only when it becomes more urgent; read receipts are kept.
func TestPage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		stop := h.run()
		srv := httptest.NewServer(h.door)
		defer srv.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		live := follow(ctx, t, srv.URL)
		next := func(want string) {
			t.Helper()
			for line := range live {
				if strings.HasPrefix(line, "data: ") && strings.Contains(line, want) {
					return
				}
			}
			t.Fatalf("the stream ended without %s", want)
		}
		next(`"unread":0`)
		h.ask("a", inbox.Today, "Sensor S-4 is silent")
		next(`"unread":1`)
		mine := func(query string, want int) []any {
			t.Helper()
			got, _ := h.do("GET", "/notices/mine"+query, "", 200)
			items, _ := got["items"].([]any)
			if len(items) != want {
				t.Fatalf("%s: %d notices, want %d: %v", query, len(items), want, items)
			}
			return items
		}
		first := mine("", 1)[0].(map[string]any)
		if first["title"] != "Sensor S-4 is silent" || first["kind"] != "new-device" || first["site"] != "Aarhus" || first["severity"] != "today" || first["seen_at"] != nil || first["item_id"] == "" {
			t.Errorf("%v", first)
		}
		if n := len(h.queue("")); n != 0 {
			t.Errorf("%d in the queue of the installation: the page needs no sending", n)
		}
		h.ask("a", inbox.Today, "Sensor S-4 is silent") // the same question
		h.ask("a", inbox.Now, "Sensor S-4 is silent")   // more urgent
		h.ask("b", inbox.Information, "Something else")
		next(`"unread":3`)
		mine("?unread=true", 3)
		h.do("POST", "/notices/mine/read", fmt.Sprintf(`{"ids":[%q,"01890000-0000-7000-8000-000000000000"]}`, first["id"]), 200)
		next(`"unread":2`)
		h.answer("b") // what was answered asks nobody any more
		next(`"unread":1`)
		h.do("POST", "/notices/mine/read", `{}`, 200)
		next(`"unread":0`)
		mine("?unread=true", 0)
		all := mine("?limit=2", 2)
		if all[1].(map[string]any)["seen_at"] == nil {
			t.Errorf("the receipt was not kept: %v", all[1])
		}
		got, _ := h.do("GET", "/notices/mine?limit=2", "", 200)
		mine("?limit=2&cursor="+got["next"].(string), 1)
		// Others have their own, and a program that does not follow is told once.
		if w := h.as("other", "GET", "/notices/mine", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"items":[]`) {
			t.Errorf("another person sees %s", w.Body)
		}
		if w := h.as("other", "POST", "/notices/mine/read", fmt.Sprintf(`{"ids":[%q]}`, first["id"])); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := h.as("boss", "GET", "/notices/live", ""); w.Code != 200 || strings.Count(w.Body.String(), "event: unread") != 1 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		stop() // a server that ends does not wait for open pages
		for range live {
		}
		if ctx.Err() != nil {
			t.Error("the stream did not end with the server")
		}
	})
}

// One person cannot hold every connection.
func TestPageStreamsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		srv := httptest.NewServer(h.door)
		defer srv.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for range 12 {
			<-follow(ctx, t, srv.URL)
		}
		res := open(ctx, t, srv.URL)
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode != http.StatusTooManyRequests {
			t.Errorf("the 13th stream: %d", res.StatusCode)
		}
		cancel()
	})
}

func open(ctx context.Context, t *testing.T, url string) *http.Response {
	t.Helper()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url+rest.Prefix+"/notices/live", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer boss")
	q.Header.Set("Accept", "text/event-stream")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// follow gives the lines of a stream, until it ends.
func follow(ctx context.Context, t *testing.T, url string) <-chan string {
	t.Helper()
	res := open(ctx, t, url)
	if res.StatusCode != http.StatusOK || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		b, _ := io.ReadAll(res.Body)
		t.Fatalf("%d %s", res.StatusCode, b)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		defer func() { _ = res.Body.Close() }()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			select {
			case lines <- s.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return lines
}
