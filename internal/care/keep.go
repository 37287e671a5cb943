package care

import (
	"cmp"
	"slices"
	"time"
)

// Rule says how many snapshots are kept: the newest of so many days, weeks and months.
type Rule struct {
	Daily   int `json:"daily" minimum:"1" maximum:"365"`
	Weekly  int `json:"weekly" minimum:"0" maximum:"520"`
	Monthly int `json:"monthly" minimum:"0" maximum:"240"`
}

// Old returns what the rule does not keep, oldest first. The newest always stays: a
// rule of nothing is a slip of the pen, never an order to remove everything.
func (r Rule) Old(times []time.Time) []time.Time {
	times = slices.Clone(times)
	slices.SortFunc(times, func(a, b time.Time) int { return b.Compare(a) })
	keep := make([]bool, len(times))
	for _, period := range []struct {
		n  int
		of func(time.Time) int
	}{
		{r.Daily, func(t time.Time) int { return t.Year()*1000 + t.YearDay() }},
		{r.Weekly, func(t time.Time) int { y, w := t.ISOWeek(); return y*100 + w }},
		{r.Monthly, func(t time.Time) int { return t.Year()*100 + int(t.Month()) }},
	} {
		last, left := 0, period.n
		for i, t := range times {
			if at := period.of(t.UTC()); at != last && left > 0 {
				keep[i], last = true, at
				left--
			}
		}
	}
	var old []time.Time
	for i := len(times) - 1; i > 0; i-- {
		if !keep[i] {
			old = append(old, times[i])
		}
	}
	return old
}

// dueAt is the turn of a plan that came last: every day at an hour and minute of a
// time zone. In the hour that is skipped in spring the turn comes as late as Go says.
func (p Plan) dueAt(now time.Time) time.Time {
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		zone = time.UTC
	}
	local := now.In(zone)
	turn := time.Date(local.Year(), local.Month(), local.Day(), p.Hour, p.Minute, 0, 0, zone)
	if turn.After(now) {
		turn = time.Date(local.Year(), local.Month(), local.Day()-1, p.Hour, p.Minute, 0, 0, zone)
	}
	return turn
}

// forecast says in how many days a disk is full, by a line through what was free each
// day; ok is false while there are too few days or it does not fill.
func forecast(list []Day, free int64) (days float64, ok bool) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Day) int { return cmp.Compare(a.Day, b.Day) })
	if len(list) > 30 {
		list = list[len(list)-30:]
	}
	if len(list) < 3 {
		return 0, false
	}
	var sx, sy, sxx, sxy float64
	n := float64(len(list))
	for _, d := range list {
		x, y := float64(d.Day-list[0].Day), float64(d.Free)
		sx, sy, sxx, sxy = sx+x, sy+y, sxx+x*x, sxy+x*y
	}
	spread := n*sxx - sx*sx
	if spread == 0 {
		return 0, false
	}
	slope := (n*sxy - sx*sy) / spread
	if slope >= -1 { // bytes a day
		return 0, false
	}
	return float64(free) / -slope, true
}
