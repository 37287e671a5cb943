package inbox

import (
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// local is how the rota writes a site's own time. Texts of this form sort by time.
const local = "2006-01-02T15:04"

// span is a stretch of a site's own time, from included, to not.
type span struct{ from, to string }

// gaps are the stretches of [from, to) that no duty covers.
func gaps(from, to string, duties []span) []span {
	duties = slices.Clone(duties)
	slices.SortFunc(duties, func(a, b span) int {
		switch {
		case a.from < b.from:
			return -1
		case a.from > b.from:
			return 1
		}
		return 0
	})
	var out []span
	at := from
	for _, d := range duties {
		if d.to <= at {
			continue
		}
		if d.from >= to {
			break
		}
		if d.from > at {
			out = append(out, span{at, d.from})
		}
		at = d.to
	}
	if at < to {
		out = append(out, span{at, to})
	}
	return out
}

// Turns is a plan: who is on call in turn, by weeks or by days.
type Turns struct {
	Site  string   `json:"site"`
	From  string   `json:"from" doc:"The site's own time, as 2026-11-23T07:00: when the first turn begins"`
	Every string   `json:"every" enum:"day,week"`
	Turns int      `json:"turns" minimum:"1" maximum:"120" doc:"How many turns in all"`
	Users []string `json:"users,omitempty" maxItems:"50" doc:"People in their order; they take turns"`
	Role  string   `json:"role,omitempty" doc:"Instead of people: whoever has this role"`
}

// lay cuts a plan into turns. It counts in calendar days, so that a turn ends at
// the hour at which it began also where summer time begins or ends.
func (t Turns) lay() ([]span, error) {
	begin, err := time.Parse(local, t.From)
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "from: %q is not a local time: write it as 2026-11-23T07:00", ot.Printable(t.From))
	}
	days := map[string]int{"day": 1, "week": 7}[t.Every]
	switch {
	case days == 0:
		return nil, ot.Errorf(ot.Invalid, "every: a turn is a day or a week")
	case t.Turns < 1 || t.Turns > 120:
		return nil, ot.Errorf(ot.Invalid, "turns: plan 1 to 120 turns")
	case (len(t.Users) > 0) == (t.Role != ""):
		return nil, ot.Errorf(ot.Invalid, "users: name people in their order, or one role")
	}
	out := make([]span, t.Turns)
	for i := range out {
		out[i] = span{begin.AddDate(0, 0, i*days).Format(local), begin.AddDate(0, 0, (i+1)*days).Format(local)}
	}
	return out, nil
}
