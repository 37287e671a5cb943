package sensor

import "time"

// Move moves every time of a summary, for a sensor whose machine had a wrong clock.
func (s *Summary) Move(by time.Duration) {
	if by == 0 {
		return
	}
	move := func(times ...*int64) {
		for _, t := range times {
			if *t != 0 {
				*t += int64(by)
			}
		}
	}
	move(&s.From, &s.To, &s.Sent)
	if r := s.Health.Ring; r != nil {
		move(&r.Oldest, &r.Newest)
	}
	for i := range s.Hosts {
		move(&s.Hosts[i].First, &s.Hosts[i].Last)
	}
	for i := range s.Flows {
		f := &s.Flows[i]
		move(&f.First, &f.Last, &f.FirstRef.Seen)
	}
	for i := range s.Tuples {
		t := &s.Tuples[i]
		move(&t.First, &t.Last, &t.FirstRef.Seen)
		for k := range t.Values {
			move(&t.Values[k].Seen)
		}
	}
	for i := range s.Events {
		move(&s.Events[i].Ref.Seen, &s.Events[i].Until)
	}
	for i := range s.Programs {
		move(&s.Programs[i].Ended, &s.Programs[i].Ref.Seen)
	}
	for i := range s.Facts {
		move(&s.Facts[i].Ref.Seen)
	}
}
