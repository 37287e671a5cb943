package job

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/store/storetest"
)

func each(t *testing.T, fn func(t *testing.T, db *store.DB, clock *atomic.Int64)) {
	storetest.Each(t, []store.Migrations{Migrations()}, func(t *testing.T, db *store.DB) {
		var clock atomic.Int64
		clock.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
		fn(t, db, &clock)
	})
}

func runner(db *store.DB, clock *atomic.Int64) *Runner {
	r := New(db, slog.New(slog.DiscardHandler))
	r.now = func() time.Time { return time.Unix(0, clock.Load()) }
	return r
}

func TestTurns(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *atomic.Int64) {
		r, n := runner(db, clock), 0
		fail := false
		j := Job{Name: "j", Every: time.Hour, Do: func(context.Context) error {
			n++
			if fail {
				return errors.New("no")
			}
			return nil
		}}
		step := func(after time.Duration, want int, wantErr bool) {
			t.Helper()
			clock.Add(int64(after))
			if _, err := r.turn(t.Context(), j); (err != nil) != wantErr {
				t.Errorf("error %v", err)
			}
			if n != want {
				t.Errorf("ran %d times, want %d", n, want)
			}
		}
		step(0, 1, false)
		step(59*time.Minute, 1, false)
		fail = true
		step(time.Minute, 2, true)
		fail = false
		step(30*time.Second, 2, false)
		step(30*time.Second, 3, false)  // a failed job waits a minute, not an hour
		step(-1000*time.Hour, 4, false) // the clock was set back
		j.Do = func(context.Context) error { panic("boom") }
		step(time.Hour, 4, true)
	})
}

func TestOneAtATime(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *atomic.Int64) {
		started, release := make(chan struct{}), make(chan struct{})
		slow := Job{Name: "j", Every: time.Second, Do: func(context.Context) error { close(started); <-release; return nil }}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := runner(db, clock).turn(t.Context(), slow); err != nil {
				t.Error(err)
			}
		})
		<-started
		ran := false
		other := Job{Name: "j", Every: time.Second, Do: func(context.Context) error { ran = true; return nil }}
		clock.Add(int64(time.Minute))
		if _, err := runner(db, clock).turn(t.Context(), other); err != nil || ran {
			t.Errorf("two at once: %v", err)
		}
		clock.Add(int64(2 * time.Minute)) // the first does not answer: taken over
		if _, err := runner(db, clock).turn(t.Context(), other); err != nil || !ran {
			t.Errorf("a dead process holds the job: %v", err)
		}
		close(release)
		wg.Wait()
	})
}

func TestRunEnds(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB, clock *atomic.Int64) {
		ctx, stop := context.WithCancel(t.Context())
		started := make(chan struct{})
		done := make(chan error, 1)
		go func() {
			done <- runner(db, clock).Run(ctx, Job{Name: "j", Every: time.Hour, Do: func(ctx context.Context) error { close(started); <-ctx.Done(); return ctx.Err() }})
		}()
		<-started
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		// What was cut short is due at once, and free.
		ran := false
		if _, err := runner(db, clock).turn(t.Context(), Job{Name: "j", Every: time.Hour, Do: func(context.Context) error { ran = true; return nil }}); err != nil || !ran {
			t.Errorf("not run again after the end: %v", err)
		}
	})
}
