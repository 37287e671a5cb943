package notify

import (
	"slices"
	"time"

	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
)

// Quiet are the hours in which a person is left alone, in the person's own time.
type Quiet struct {
	On     bool    `json:"on"`
	From   string  `json:"from" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" doc:"Local time, as 22:00"`
	To     string  `json:"to" pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$" doc:"As 06:00; before from: of the next day"`
	Days   []int64 `json:"days" nullable:"false" maxItems:"7" doc:"Days on which they begin, 0 is Sunday; empty: every day"`
	Breaks int64   `json:"breaks" minimum:"0" maximum:"4" doc:"The least urgent severity that breaks through: 1 now (usual), 0 nothing"`
}

// clockTime reads 07:30 as minutes of a day.
func clockTime(s string) (minutes int, err error) {
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != 5 {
		return 0, ot.Errorf(ot.Invalid, "%q is no time of a day: write it as 07:30", ot.Printable(s))
	}
	return t.Hour()*60 + t.Minute(), nil
}

// onDay is a time of day on the day of a moment, so many days later. A time that summer
// time skips is the moment after the gap.
func onDay(day time.Time, days, minutes int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day()+days, minutes/60, minutes%60, 0, 0, day.Location())
}

// until says when the quiet that holds at now ends; the zero time if it is not quiet.
func (q Quiet) until(now time.Time, zone *time.Location) time.Time {
	if !q.On {
		return time.Time{}
	}
	from, err := clockTime(q.From)
	if err != nil {
		return time.Time{}
	}
	to, err := clockTime(q.To)
	if err != nil || from == to {
		return time.Time{}
	}
	local := now.In(zone)
	for _, day := range []int{-1, 0} {
		begin := onDay(local, day, from)
		end := onDay(local, day, to)
		if to < from {
			end = onDay(local, day+1, to)
		}
		weekday := int64(local.AddDate(0, 0, day).Weekday())
		if !local.Before(begin) && local.Before(end) && (len(q.Days) == 0 || slices.Contains(q.Days, weekday)) {
			return end
		}
	}
	return time.Time{}
}

// holds says until when a notice of this severity waits.
func (q Quiet) holds(severity inbox.Severity, now time.Time, zone *time.Location) time.Time {
	if int64(severity) <= q.Breaks {
		return time.Time{}
	}
	return q.until(now, zone)
}

// nextAt is the next moment, after now, of a time of day in a zone.
func nextAt(at string, now time.Time, zone *time.Location) time.Time {
	minutes, err := clockTime(at)
	if err != nil {
		minutes = 7*60 + 30
	}
	local := now.In(zone)
	for day := 0; ; day++ {
		if t := onDay(local, day, minutes); t.After(now) {
			return t
		}
	}
}
