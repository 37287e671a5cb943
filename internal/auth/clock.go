package auth

import (
	"context"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// clock never goes back: a machine whose clock is set back must not revive tokens
// that ran out. It starts at the latest time ever acted on and then runs at its own
// pace, also while the wall clock is behind.
type clock struct {
	wall func() time.Time

	mu    sync.Mutex
	base  time.Time // where it stood …
	mark  time.Time // … when the wall clock (with Go's monotonic reading) said this
	saved time.Time
}

// loadClock reads the latest time that was acted on.
func loadClock(ctx context.Context, db *store.DB, wall func() time.Time) (*clock, error) {
	c := &clock{wall: wall}
	err := db.View(ctx, func(r store.Reader) error {
		t, err := store.One[store.Time](ctx, r, "SELECT latest FROM auth_clock")
		if ot.CodeOf(err) == ot.NotFound {
			return nil
		}
		c.saved = t.Time
		return err
	})
	c.mark = wall()
	c.base = c.mark.Round(0) // the wall clock's reading alone
	if c.saved.After(c.base) {
		c.base = c.saved
	}
	return c, err
}

// now is the time that tokens are judged by.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.wall()
	if ran := w.Sub(c.mark); ran > 0 { // monotonic: a jump of the wall clock is not in it
		c.base = c.base.Add(ran)
	}
	c.mark = w
	if w = w.Round(0); w.After(c.base) { // the wall clock jumped ahead: from now on this is the time
		c.base = w
	}
	return c.base.UTC()
}

// save keeps the time once a minute, in a transaction that writes anyway.
func (c *clock) save(ctx context.Context, tx *store.Tx, now time.Time) error {
	c.mu.Lock()
	due := now.Sub(c.saved) >= time.Minute
	if due {
		c.saved = now
	}
	c.mu.Unlock()
	if !due {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO auth_clock (one, latest) VALUES (1, ?)
		ON CONFLICT (one) DO UPDATE SET latest = CASE WHEN excluded.latest > auth_clock.latest THEN excluded.latest ELSE auth_clock.latest END`, store.At(now))
	return err
}
