package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func slicesOf() []store.Migrations { return []store.Migrations{bus.Migrations()} }

func publish(t *testing.T, db *store.DB, topic ot.Topic, site int64, ids ...string) {
	t.Helper()
	err := db.Update(t.Context(), func(tx *store.Tx) error {
		for _, id := range ids {
			if err := bus.Publish(t.Context(), tx, bus.Event{Topic: topic, SiteNo: site, Refs: []ot.Ref{{Kind: "asset", ID: id}}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// collector is a consumer that counts what it got.
type collector struct {
	mu  sync.Mutex
	ids []string
}

func (c *collector) add(events []bus.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range events {
		c.ids = append(c.ids, e.Refs[0].ID)
	}
}

// got lists what came, without what came again: a conflict or a stop before the
// commit repeats a batch, as the contract says.
func (c *collector) got() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	seen := map[string]bool{}
	for _, id := range c.ids {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute) // a loaded machine is slow, not wrong
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// run starts a consumer and returns how to stop it.
func run(t *testing.T, db *store.DB, name string, topics []ot.Topic, fn func(context.Context, *store.Tx, []bus.Event) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- bus.New(db, slog.New(slog.DiscardHandler)).Run(ctx, name, topics, fn) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

func TestDelivery(t *testing.T) {
	storetest.Each(t, slicesOf(), func(t *testing.T, db *store.DB) {
		publish(t, db, ot.TopicAsset, 1, "a", "b")
		publish(t, db, ot.TopicOrg, 1, "other topic")
		var c collector
		stop := run(t, db, "one", []ot.Topic{ot.TopicAsset}, func(_ context.Context, _ *store.Tx, e []bus.Event) error { c.add(e); return nil })
		until(t, "what was there before", func() bool { return len(c.got()) == 2 })
		publish(t, db, ot.TopicAsset, 1, "c")
		until(t, "a wake-up", func() bool { return len(c.got()) == 3 })
		stop()
		publish(t, db, ot.TopicAsset, 1, "d")
		run(t, db, "one", []ot.Topic{ot.TopicAsset}, func(_ context.Context, _ *store.Tx, e []bus.Event) error { c.add(e); return nil })
		until(t, "what came while nobody listened", func() bool { return slices.Contains(c.got(), "d") })
		if got := c.got(); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
			t.Errorf("got %v", got)
		}
	})
}

func TestRolledBackIsNotDelivered(t *testing.T) {
	storetest.Each(t, slicesOf(), func(t *testing.T, db *store.DB) {
		boom := errors.New("boom")
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			if err := bus.Publish(t.Context(), tx, bus.Event{Topic: ot.TopicAsset, Refs: []ot.Ref{{ID: "never"}}}); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		publish(t, db, ot.TopicAsset, 1, "a")
		var c collector
		run(t, db, "one", []ot.Topic{ot.TopicAsset}, func(_ context.Context, _ *store.Tx, e []bus.Event) error { c.add(e); return nil })
		until(t, "the event", func() bool { return len(c.got()) > 0 })
		if got := c.got(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("got %v", got)
		}
	})
}

// A consumer that fails gets the same events again, before any later one, and what
// it wrote before it failed is gone.
func TestFailureRepeats(t *testing.T) {
	storetest.Each(t, slicesOf(), func(t *testing.T, db *store.DB) {
		publish(t, db, ot.TopicAsset, 1, "a")
		var c collector
		fails := 2
		run(t, db, "one", []ot.Topic{ot.TopicAsset}, func(ctx context.Context, tx *store.Tx, e []bus.Event) error {
			if _, err := tx.Exec(ctx, "INSERT INTO bus_cursor (consumer, txid, seq) VALUES (?, 0, 0)", fmt.Sprint("work ", e[0].Refs[0].ID)); err != nil {
				return err
			}
			if fails > 0 {
				fails--
				return errors.New("not yet")
			}
			c.add(e)
			return nil
		})
		until(t, "the third attempt", func() bool { return len(c.got()) == 1 })
		publish(t, db, ot.TopicAsset, 1, "b")
		until(t, "the next event", func() bool { return len(c.got()) == 2 })
		if got := c.got(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("got %v", got)
		}
	})
}

// Writers that commit out of order lose nothing: on PostgreSQL an event may become
// visible after one with a higher number.
func TestManyWritersLoseNothing(t *testing.T) {
	storetest.Each(t, slicesOf(), func(t *testing.T, db *store.DB) {
		var c collector
		run(t, db, "one", []ot.Topic{ot.TopicAsset}, func(_ context.Context, _ *store.Tx, e []bus.Event) error { c.add(e); return nil })
		const writers, each = 6, 25
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					err := db.Update(t.Context(), func(tx *store.Tx) error {
						err := bus.Publish(t.Context(), tx, bus.Event{Topic: ot.TopicAsset, SiteNo: int64(w), Refs: []ot.Ref{{ID: fmt.Sprintf("%d/%02d", w, i)}}})
						if i%5 == w%5 && db.Engine() == store.PostgreSQL {
							time.Sleep(3 * time.Millisecond) // commits after later numbers
						}
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		until(t, "all events", func() bool { return len(c.got()) >= writers*each })
		got := c.got()
		sorted := slices.Sorted(slices.Values(got))
		if len(slices.Compact(sorted)) != writers*each {
			t.Errorf("%d different events of %d", len(slices.Compact(sorted)), writers*each)
		}
		for w := range writers { // in order a site
			var mine []string
			for _, id := range got {
				if id[0] == byte('0'+w) {
					mine = append(mine, id)
				}
			}
			if !slices.IsSorted(mine) {
				t.Errorf("site %d out of order: %v", w, mine)
			}
		}
	})
}

func TestClean(t *testing.T) {
	storetest.Each(t, slicesOf(), func(t *testing.T, db *store.DB) {
		old := time.Now().Add(-48 * time.Hour)
		err := db.Update(t.Context(), func(tx *store.Tx) error {
			for i := range 1500 {
				e := bus.Event{Topic: ot.TopicAsset, At: old, Refs: []ot.Ref{{ID: fmt.Sprint(i)}}}
				if i < 5 {
					e.At = old.Add(-300 * time.Hour)
				}
				if err := bus.Publish(t.Context(), tx, e); err != nil {
					return err
				}
			}
			_, err := tx.Exec(t.Context(), "INSERT INTO bus_cursor (consumer, txid, seq) VALUES ('late', 0, 0)")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b := bus.New(db, slog.New(slog.DiscardHandler))
		count := func() (n int64) {
			t.Helper()
			if err := db.View(t.Context(), func(r store.Reader) (err error) {
				n, err = store.One[int64](t.Context(), r, "SELECT count(*) FROM bus_event")
				return err
			}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		if err := b.Clean(t.Context(), 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		if n := count(); n != 1495 {
			t.Errorf("a consumer still wants them: %d left, want 1495", n)
		}
		var c collector
		run(t, db, "late", []ot.Topic{ot.TopicAsset}, func(_ context.Context, _ *store.Tx, e []bus.Event) error { c.add(e); return nil })
		until(t, "all batches", func() bool { return len(c.got()) == 1495 })
		until(t, "the last cursor", func() bool {
			if err := b.Clean(t.Context(), 24*time.Hour); err != nil {
				t.Fatal(err)
			}
			return count() == 0
		})
	})
}
