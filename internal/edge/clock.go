package edge

import (
	"sync"
	"time"
)

// Clock is the time at a site whose machine may have no clock of its own: one that
// starts in 1970 after every power cut. It never shows less than what the centre
// said last, and goes on from there until the machine's own clock is right.
type Clock struct {
	mu    sync.Mutex
	wall  func() time.Time
	floor time.Time // a time that has surely passed
	since time.Time // reading of the machine's clock when floor was set; monotonic
	met   bool      // the centre said it since the start, so that floor is no lower bound only
}

// NewClock makes a clock that knows that floor has passed. wall is time.Now, but in tests.
func NewClock(wall func() time.Time, floor time.Time) *Clock {
	return &Clock{wall: wall, floor: floor, since: wall()}
}

// Now is the machine's time if it can be, else the last known one and what passed since.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now(c.wall())
}

// Wall is the machine's own clock, right or wrong: the centre computes skew from it.
func (c *Clock) Wall() time.Time { return c.wall() }

func (c *Clock) now(wall time.Time) time.Time {
	if low := c.low(wall); wall.Before(low) {
		return low
	}
	return wall
}

// low is the earliest that it can be. Sub uses the monotonic reading, which a clock that is set does not move.
func (c *Clock) low(wall time.Time) time.Time { return c.floor.Add(max(0, wall.Sub(c.since))) }

// Heard takes a time that somebody trustworthy said, and returns the floor to keep.
func (c *Clock) Heard(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if wall := c.wall(); t.After(c.low(wall)) || !c.met {
		c.floor, c.since = maxTime(c.low(wall), t.Round(0)), wall
	}
	c.met = true
	return c.floor
}

// tolerance is how far a machine's clock may be behind the centre's without being
// taken for one that was never set. Less is skew: shown, not mended.
const tolerance = time.Hour

// Mend returns by how much a time of the machine's clock, ns since 1970, must be
// moved because it is impossible: before a time that had surely passed, or after the
// centre's. What a machine without a clock heard would else lie in 1970.
func (c *Clock) Mend(ns int64) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, wall := time.Unix(0, ns), c.wall()
	low := c.low(wall)
	switch {
	case ns == 0:
	case t.Before(c.floor.Add(-tolerance)) && wall.Before(low.Add(-tolerance)):
		return low.Sub(wall.Round(0))
	case c.met && t.After(low.Add(tolerance)) && wall.After(low.Add(tolerance)):
		return low.Sub(wall.Round(0))
	}
	// Good, or the machine's clock is right by now, so that nobody knows how wrong it was then.
	return 0
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
