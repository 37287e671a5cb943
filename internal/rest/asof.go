package rest

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// AsOf reads an as-of day, 2026-11-20: its last moment in UTC. Today and later mean now, which is the zero time.
func AsOf(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, ot.Errorf(ot.Invalid, "as_of %q is not a day: write it as 2026-11-20", ot.Printable(text))
	}
	end := day.Add(24*time.Hour - time.Microsecond)
	if end.After(now) {
		return time.Time{}, nil
	}
	return end, nil
}
