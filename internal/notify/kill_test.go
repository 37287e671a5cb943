//go:build unix

package notify_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

// The receiver kills our process after it has got a notice and before it answers: the
// next process sends it again, under the same key, and no other one is lost.
func TestKilledBetweenSendAndMark(t *testing.T) {
	const where = "SKANSE_TEST_NOTICES"
	if url := os.Getenv(where); url != "" { // the child
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		db, err := store.Open(ctx, store.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		h := &house{t: t, db: db}
		if err := h.service().Run(ctx, bus.New(db, slog.New(slog.DiscardHandler))); err != nil {
			t.Fatal(err)
		}
		return
	}
	url := storetest.SQLite(t)
	db, err := store.Open(t.Context(), store.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context(), tables()); err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, db)
	k := newHooks(t)
	k.receiver(h)
	titles := []string{"one", "two", "three", "four", "five"}
	for _, title := range titles {
		h.ask(title, inbox.Today, title)
	}
	if err := db.Close(); err != nil { // one process a folder
		t.Fatal(err)
	}
	for range 3 {
		child := exec.Command(os.Args[0], "-test.run=^TestKilledBetweenSendAndMark$")
		child.Env = append(os.Environ(), where+"="+url)
		var said bytes.Buffer
		child.Stdout, child.Stderr = &said, &said
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		k.mu.Lock()
		k.before = func() { _ = child.Process.Kill() }
		k.mu.Unlock()
		late := time.AfterFunc(time.Minute, func() { _ = child.Process.Kill() })
		before := k.count()
		if err := child.Wait(); err == nil || k.count() != before+1 {
			t.Fatalf("the child sent %d, then ended with %v: %s", k.count()-before, err, said.String())
		}
		late.Stop()
	}
	k.mu.Lock()
	k.before = nil
	k.mu.Unlock()
	h.db = storetest.Open(t, url, tables())
	h.serve()
	h.run()
	until(t, "all of them", func() bool { return len(h.queue("&state=sent")) == len(titles) })
	k.mu.Lock()
	defer k.mu.Unlock()
	keys := map[string]int{}
	for _, q := range k.got {
		keys[q.Header.Get("Idempotency-Key")]++
	}
	if len(keys) != len(titles) || len(k.got) != len(titles)+3 {
		t.Errorf("%d posts under %d keys, want %d under %d", len(k.got), len(keys), len(titles)+3, len(titles))
	}
	all := strings.Join(k.bodies, "\n")
	for _, title := range titles {
		if !strings.Contains(all, `"title":"`+title+`"`) {
			t.Errorf("%q was lost", title)
		}
	}
}
