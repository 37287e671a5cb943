package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/skanse/skanse/internal/sensor"
	"golang.org/x/sync/errgroup"
)

// Stage is what the play needs of the rest of the program.
type Stage struct {
	Sensor   sensor.Config // Realm, Sensor, Epoch, Live and Interval are set by the play
	Apply    func(ctx context.Context, d sensor.Delivery, sum *sensor.Summary) error
	Judge    func(ctx context.Context, now time.Time) error // all checks and levels, once a day of the demo's clock
	Tick     func(now time.Time)                            // the demo's clock
	Desk     Desk
	Progress func(done float64)
}

// step is how much of the past one summary covers. A live sensor sends every
// few seconds; thirty days of that would take an hour to read in.
const step = 6 * time.Hour

// slack is how much later than a day's end the day is judged: the sites'
// summaries end a little after one another.
const slack = time.Hour

// History plays all sites from from to present, side by side in the order of
// the demo's clock, and has them judged once a day.
func (c *Company) History(ctx context.Context, from, present time.Time, st Stage) error {
	group, ctx := errgroup.WithContext(ctx)
	type act struct {
		site *Site
		sum  *sensor.Summary
		done chan error
	}
	var heard []*Site
	acts := map[*Site]chan act{}
	for _, s := range c.Sites {
		if s.Sensor == "" {
			continue
		}
		out := make(chan act)
		heard, acts[s] = append(heard, s), out
		group.Go(func() error {
			defer close(out)
			return sensor.Run(ctx, s.NewSource(ctx, from, present, present, false), s.Config(st.Sensor, from, step), func(sum *sensor.Summary) error {
				a := act{site: s, sum: sum, done: make(chan error, 1)}
				select {
				case out <- a:
				case <-ctx.Done():
					return ctx.Err()
				}
				select {
				case err := <-a.done:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			})
		})
	}
	group.Go(func() error {
		if err := st.Desk.Enter(ctx, present, registers(present)); err != nil {
			return fmt.Errorf("the example's registers: %w", err)
		}
		waiting := map[*Site]act{}
		day := from
		for {
			for _, s := range heard { // one act of every site that still plays
				if _, ok := waiting[s]; ok || acts[s] == nil {
					continue
				}
				select {
				case a, ok := <-acts[s]:
					if !ok {
						acts[s] = nil
						continue
					}
					waiting[s] = a
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			var next *Site
			for _, s := range heard {
				if a, ok := waiting[s]; ok && (next == nil || a.sum.To < waiting[next].sum.To) {
					next = s
				}
			}
			if next == nil {
				st.Tick(present)
				if err := st.Judge(ctx, present); err != nil {
					return err
				}
				if err := c.thisWeek(ctx, present, st.Desk); err != nil {
					return fmt.Errorf("the example's people: %w", err)
				}
				return nil
			}
			a := waiting[next]
			delete(waiting, next)
			now := time.Unix(0, a.sum.To)
			for ; now.Sub(day) >= 24*time.Hour+slack; day = day.Add(24 * time.Hour) {
				evening := day.Add(24*time.Hour + slack)
				st.Tick(evening)
				if err := c.people(ctx, int(day.Sub(from)/(24*time.Hour)), evening, st.Desk); err != nil {
					return fmt.Errorf("the example's people: %w", err)
				}
				if err := st.Judge(ctx, evening); err != nil {
					return err
				}
				st.Progress(float64(day.Sub(from)) / float64(present.Sub(from)))
			}
			a.sum.Sent = a.sum.To
			st.Tick(now)
			err := st.Apply(ctx, next.Delivery(now), a.sum)
			a.done <- err
			if err != nil {
				return fmt.Errorf("play %s: %w", next.Name, err)
			}
		}
	})
	return group.Wait()
}

// Live goes on where History ended, in real time, until ctx ends.
func (c *Company) Live(ctx context.Context, present time.Time, st Stage) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, s := range c.Sites {
		if s.Sensor == "" {
			continue
		}
		group.Go(func() error {
			return sensor.Run(ctx, s.NewSource(ctx, present, present, present, true), s.Config(st.Sensor, present, livePoll), func(sum *sensor.Summary) error {
				return st.Apply(ctx, s.Delivery(time.Now()), sum)
			})
		})
	}
	return group.Wait()
}

// Config is the site's sensor: protocols and rules are base's.
func (s *Site) Config(base sensor.Config, begin time.Time, interval time.Duration) sensor.Config {
	base.Sensor, base.Epoch, base.Live, base.Interval = s.Sensor, begin.UTC().Format(time.RFC3339), true, int64(interval)
	realms := map[uint16]string{}
	for _, z := range s.Zones {
		if z.VLAN != 0 {
			realms[z.VLAN] = z.Realm
		}
	}
	base.Realm = func(_ string, vlan uint16) string { return realms[vlan] }
	return base
}

// Delivery is how a summary of the site's sensor reaches the centre.
func (s *Site) Delivery(received time.Time) sensor.Delivery {
	return sensor.Delivery{SiteNo: s.No, RealmNo: s.RealmNo, Realms: s.Realms, Source: s.Sensor, Name: "Sensor " + s.Sensor, Received: received}
}
